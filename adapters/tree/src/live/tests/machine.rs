//! The state machine, driven by hand.

use treenail_os::feed::{Event, Loss, What};
use treenail_os::{Kind, Stat};

use crate::ids::{IdKind, Xxh3Ids};
use crate::live::{
    Action, Batch, Clock, Difference, EventKind, Hashed, Id, Live, NoLook, Settings, TRIES_MAX,
    Unhashed, token,
};
use crate::pages::DirId;
use crate::tree::{Listing, Tree};
use crate::update::{Edit, Ids, Outcome};

fn stat(kind: Kind, inode: u64, size_bytes: u64, ctime_ns: i64) -> Stat {
    let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
    let (mtime_ns, device, nlink, uid, gid) = (1, 1, 1, 0, 0);
    Stat { kind, mode, size_bytes, mtime_ns, ctime_ns, inode, device, nlink, uid, gid }
}

fn file(inode: u64) -> Stat {
    stat(Kind::File, inode, 8, 1)
}

fn dir(inode: u64) -> Stat {
    stat(Kind::Directory, inode, 0, 1)
}

fn put(tree: &mut Tree, at: DirId, name: &[u8], stat: Stat) -> Option<DirId> {
    match tree.apply([Edit::Put { at: (at, name), stat, ids: Ids::Dropped }]).outcomes[0] {
        Outcome::Added(dir) => dir,
        other => panic!("{other:?}"),
    }
}

fn live(tree: Tree) -> Live {
    Live::new(tree, Clock { root: 1, incarnation: 1, tick: 0 }, Settings::default())
}

fn entry(live: &mut Live, dir: DirId, name: &[u8], what: What) {
    live.event(0, Event::Entry { dir: token(dir), name, what });
}

/// Answers looks from what is at each place, and lists directories as empty, until nothing is left
/// to do; what else was asked for.
fn answer(live: &mut Live, now: &[(DirId, &[u8], Stat)]) -> Vec<Action> {
    let mut others = Vec::new();
    while let Some(action) = live.next_action(0) {
        if let Action::Look { dir, names } = action {
            let find = |name: &[u8]| now.iter().find(|(at, known, _)| *at == dir && *known == name);
            let found = names.iter().map(|name| find(name).map(|(.., stat)| *stat)).collect();
            live.looked(dir, names, Ok(found));
        } else {
            if let Action::List { dir } = action {
                live.listed(dir, Ok(Vec::new()));
            }
            others.push(action);
        }
    }
    others
}

fn kinds(batch: Option<Batch>) -> Vec<(EventKind, String)> {
    let changes = batch.map(|batch| batch.changes).unwrap_or_default();
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    changes.iter().map(|change| (change.kind, text(&change.path))).collect()
}

#[test]
fn a_directory_made_anew_with_the_same_number_is_listed_and_watched() {
    let mut tree = Tree::empty(dir(2), 0);
    let below = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"d", What::REMOVED | What::DIRECTORY);
    entry(&mut live, DirId::ROOT, b"d", What::CREATED | What::DIRECTORY);
    let asked = answer(&mut live, &[(DirId::ROOT, b"d", dir(5))]);
    assert_eq!(asked, [Action::List { dir: below }]);
}

#[test]
fn a_directory_that_turns_up_elsewhere_keeps_its_number_though_nobody_paired_the_rename() {
    let mut tree = Tree::empty(dir(2), 0);
    let moved = put(&mut tree, DirId::ROOT, b"old", dir(5)).unwrap();
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"new", What::CREATED | What::MOVED | What::DIRECTORY);
    answer(&mut live, &[(DirId::ROOT, b"new", dir(5))]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "new".to_owned())]);
    assert_eq!(live.tree().dir_at(b"new"), Some(moved));
}

#[test]
fn what_moves_out_of_the_directory_that_it_replaces_is_not_reported_gone() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    put(&mut tree, inner, b"file", file(7));
    let mut live = live(tree);
    let (from, to) = ((token(outer), &b"b"[..]), (token(DirId::ROOT), &b"t"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: true });
    let (from, to) = ((token(DirId::ROOT), &b"t"[..]), (token(DirId::ROOT), &b"a"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: true });
    answer(&mut live, &[(DirId::ROOT, b"a", dir(6))]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "a".to_owned())]);
    assert!(live.tree().lookup(b"a/file").is_some());
}

#[test]
fn a_name_that_was_a_files_only_one_follows_its_new_one() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    let now = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    answer(&mut live, &[(DirId::ROOT, b"a", now), (DirId::ROOT, b"b", now)]);
    assert_eq!(live.tree().lookup(b"a").unwrap().stat, now);
}

#[test]
fn a_write_under_the_old_name_is_seen_under_the_new_one() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"b"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    answer(&mut live, &[(DirId::ROOT, b"b", file(5))]);
    live.settle();
    answer(&mut live, &[(DirId::ROOT, b"b", file(5))]);
    let expected = [(EventKind::Rename, "b".to_owned()), (EventKind::Modify, "b".to_owned())];
    assert_eq!(kinds(live.take_batch()), expected);
}

#[test]
fn a_mtime_that_was_set_back_does_not_hide_a_change_from_a_comparison() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    live.recheck(Vec::new());
    assert_eq!(live.next_action(0), Some(Action::Recheck { dirs: Vec::new() }));
    let now = Some(stat(Kind::File, 5, 8, 2));
    let found = Difference { dir: DirId::ROOT, name: b"a"[..].into(), now };
    live.rechecked(vec![found], Vec::new());
    answer(&mut live, &[]);
    let batch = live.take_batch().unwrap();
    assert!(!batch.changes[0].quiet);
}

#[test]
fn a_rename_does_not_hide_a_change_from_a_comparison() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"b"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    live.recheck(Vec::new());
    assert_eq!(live.next_action(0), Some(Action::Recheck { dirs: Vec::new() }));
    // As long as before, and its mtime set back.
    let now = stat(Kind::File, 5, 8, 2);
    let found = [(b"a", None), (b"b", Some(now))];
    let found =
        found.map(|(name, now)| Difference { dir: DirId::ROOT, name: name[..].into(), now });
    live.rechecked(found.into(), Vec::new());
    answer(&mut live, &[(DirId::ROOT, b"b", now)]);
    let batch = live.take_batch().unwrap();
    assert!(batch.changes.iter().all(|change| !change.quiet));
    let expected = [(EventKind::Rename, "b".to_owned()), (EventKind::Modify, "b".to_owned())];
    assert_eq!(kinds(Some(batch)), expected);
}

#[test]
fn a_gap_is_told_of_with_what_makes_up_for_it() {
    let mut live = live(Tree::empty(dir(2), 0));
    entry(&mut live, DirId::ROOT, b"a", What::CREATED | What::MOVED);
    answer(&mut live, &[(DirId::ROOT, b"a", file(5))]);
    live.event(0, Event::Lost { dirs: &[], reason: Loss::Overflow });
    assert_eq!(live.take_batch().unwrap().gaps, []);
    assert!(matches!(live.next_action(0), Some(Action::Recheck { .. })));
    live.rechecked(Vec::new(), Vec::new());
    answer(&mut live, &[]);
    assert_eq!(live.take_batch().unwrap().gaps.len(), 1);
}

#[test]
fn directories_below_one_that_could_not_be_entered_are_listed_once_it_can() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    let mut live = live(tree);
    live.compared(None, vec![(outer, "refused".to_owned())]);
    assert_eq!(live.tree().listing(inner), Some(Listing::Partial));
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES | What::DIRECTORY);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", dir(5))]);
    assert!(asked.contains(&Action::List { dir: outer }));
    assert!(asked.contains(&Action::List { dir: inner }));
}

/// Answers all looks with what `find` says, and lists directories as empty where it finds them.
fn answer_as(
    live: &mut Live,
    now_ns: u64,
    find: impl Fn(DirId, &[u8]) -> Result<Option<Stat>, NoLook>,
) {
    while let Some(action) = live.next_action(now_ns) {
        match action {
            Action::Look { dir, names } => {
                let found = names.iter().map(|name| find(dir, name)).collect();
                live.looked(dir, names, found);
            }
            Action::List { dir } => live.listed(dir, find(dir, b"").map(|_| Vec::new())),
            _ => {}
        }
    }
}

#[test]
fn a_directory_that_tells_of_its_own_move_first_is_renamed_all_the_same() {
    let mut tree = Tree::empty(dir(2), 0);
    let moved = put(&mut tree, DirId::ROOT, b"old", dir(5)).unwrap();
    let mut live = live(tree);
    live.event(0, Event::Directory { dir: token(moved), what: What::MOVED });
    let now: &[(DirId, &[u8], Stat)] = &[(DirId::ROOT, b"new", dir(5))];
    answer(&mut live, now);
    let (from, to) = ((token(DirId::ROOT), &b"old"[..]), (token(DirId::ROOT), &b"new"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: true });
    answer(&mut live, now);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "new".to_owned())]);
}

#[test]
fn a_directory_that_tells_of_its_own_move_is_looked_for_though_nothing_else_does() {
    let mut tree = Tree::empty(dir(2), 0);
    let moved = put(&mut tree, DirId::ROOT, b"old", dir(5)).unwrap();
    let mut live = live(tree);
    live.event(0, Event::Directory { dir: token(moved), what: What::MOVED });
    assert!(!live.is_settled());
    let at = live.deadline_ns().unwrap();
    answer_as(&mut live, at, |_, _| Ok(None));
    assert_eq!(kinds(live.take_batch()), [(EventKind::Delete, "old".to_owned())]);
}

#[test]
fn a_directory_whose_path_leads_elsewhere_is_noted_and_looked_for_again() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    let mut live = live(tree);
    let elsewhere = |at: DirId, _: &[u8]| match at == inner {
        true => Err(NoLook::Elsewhere),
        false => Ok(Some(dir(6))),
    };
    entry(&mut live, inner, b"file", What::CREATED | What::MOVED);
    answer_as(&mut live, 0, elsewhere);
    // Both the entry and the directory's own place are looked at.
    for _ in 0..2 * TRIES_MAX {
        let at = live.deadline_ns().unwrap();
        answer_as(&mut live, at, elsewhere);
    }
    assert!(live.is_settled());
    assert_eq!(live.unlisted().map(|(dir, _)| dir).collect::<Vec<_>>(), [inner]);
    assert_eq!(live.tree().listing(outer), Some(Listing::Complete));
    while let Some(at) = live.deadline_ns() {
        answer_as(&mut live, at, |_, name| Ok(Some(if name == b"b" { dir(6) } else { file(7) })));
    }
    assert_eq!(live.unlisted().count(), 0);
    assert_eq!(kinds(live.take_batch())[0], (EventKind::Create, "a/b/file".to_owned()));
}

#[test]
fn the_place_of_a_directory_is_not_put_off_by_what_else_is_looked_for_in_it() {
    let mut tree = Tree::empty(dir(2), 0);
    let inner = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    let mut live = live(tree);
    for name in [b"a", b"b"] {
        entry(&mut live, inner, name, What::CREATED | What::MOVED);
        while let Some(Action::Look { dir, names }) = live.next_action(0) {
            live.looked(dir, names, Err(NoLook::Elsewhere));
        }
    }
    let first = live.deadline_ns().unwrap();
    let asked = live.next_action(first);
    assert!(matches!(asked, Some(Action::Look { dir: DirId::ROOT, .. })), "{asked:?}");
}

#[test]
fn a_move_that_never_was_seen_does_not_hide_the_next_one() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"b", file(5));
    let mut live = live(tree);
    let root = token(DirId::ROOT);
    for (from, to) in [(&b"gone"[..], &b"b"[..]), (b"b", b"new")] {
        live.event(0, Event::Renamed { from: (root, from), to: (root, to), is_dir: false });
    }
    answer(&mut live, &[(DirId::ROOT, b"new", file(5))]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "new".to_owned())]);
}

#[test]
fn directories_on_the_way_to_what_replaces_them_go_with_the_rename() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    put(&mut tree, outer, b"file", file(8));
    put(&mut tree, inner, b"c", dir(7));
    let mut live = live(tree);
    let (from, to) = ((token(inner), &b"c"[..]), (token(DirId::ROOT), &b"a"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: true });
    answer(&mut live, &[(DirId::ROOT, b"a", dir(7))]);
    let expected = [(EventKind::Delete, "a/file".to_owned()), (EventKind::Rename, "a".to_owned())];
    assert_eq!(kinds(live.take_batch()), expected);
    assert!(live.tree().lookup(b"a/b").is_none());
}

#[test]
fn a_directory_that_a_partial_comparison_did_not_look_into_is_listed_if_it_changed() {
    let mut tree = Tree::empty(dir(2), 0);
    let below = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    let mut live = live(tree);
    live.recheck(vec![DirId::ROOT]);
    assert_eq!(live.next_action(0), Some(Action::Recheck { dirs: vec![DirId::ROOT] }));
    // Removed and made anew with the same number, of which the events were lost.
    let now = Some(stat(Kind::Directory, 5, 0, 2));
    let found = Difference { dir: DirId::ROOT, name: b"d"[..].into(), now };
    live.rechecked(vec![found], Vec::new());
    assert_eq!(answer(&mut live, &[]), [Action::List { dir: below }]);
}

#[test]
fn a_name_that_is_the_only_one_again_and_moves_follows_a_later_one() {
    let mut tree = Tree::empty(dir(2), 0);
    let two = Stat { nlink: 2, ..file(5) };
    put(&mut tree, DirId::ROOT, b"a", two);
    put(&mut tree, DirId::ROOT, b"b", two);
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"b", What::REMOVED);
    answer(&mut live, &[(DirId::ROOT, b"a", file(5))]);
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"c"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    answer(&mut live, &[(DirId::ROOT, b"c", file(5))]);
    entry(&mut live, DirId::ROOT, b"d", What::CREATED | What::MOVED);
    let now = Stat { ctime_ns: 2, ..two };
    answer(&mut live, &[(DirId::ROOT, b"c", now), (DirId::ROOT, b"d", now)]);
    assert_eq!(live.tree().lookup(b"c").unwrap().stat, now);
}

#[test]
fn a_name_that_was_written_through_and_went_has_the_others_of_its_file_looked_at() {
    // Nothing is there any more, or another file.
    for (what, stands) in [(What::REMOVED, None), (What::MOVED, Some(file(6)))] {
        let mut live = live(Tree::empty(dir(2), 0));
        entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
        answer(&mut live, &[(DirId::ROOT, b"b", Stat { nlink: 2, ..file(5) })]);
        entry(&mut live, DirId::ROOT, b"a", What::CREATED | What::MODIFIED | what);
        let now = Stat { size_bytes: 9, ..file(5) };
        let stands = stands.map(|other| (DirId::ROOT, &b"a"[..], other));
        let is: Vec<_> = [(DirId::ROOT, &b"b"[..], now)].into_iter().chain(stands).collect();
        answer(&mut live, &is);
        assert_eq!(live.tree().lookup(b"b").unwrap().stat, now);
    }
}

#[test]
fn a_directory_made_anew_with_the_same_number_and_then_moved_is_listed() {
    let mut tree = Tree::empty(dir(2), 0);
    let below = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"d", What::REMOVED | What::DIRECTORY);
    entry(&mut live, DirId::ROOT, b"d", What::CREATED | What::DIRECTORY);
    let (from, to) = ((token(DirId::ROOT), &b"d"[..]), (token(DirId::ROOT), &b"e"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: true });
    let asked = answer(&mut live, &[(DirId::ROOT, b"e", dir(5))]);
    assert_eq!(asked, [Action::List { dir: below }]);
}

#[test]
fn a_directory_that_changed_below_one_that_could_not_be_listed_is_listed_with_it() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    let mut live = live(tree);
    live.compared(None, vec![(outer, "refused".to_owned())]);
    live.compared(Some(&[inner]), Vec::new());
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES | What::DIRECTORY);
    let mut listed = Vec::new();
    while let Some(action) = live.next_action(0) {
        match action {
            Action::Look { dir, names } => {
                live.looked(dir, names, Ok(vec![Some(stat(Kind::Directory, 5, 0, 1))]))
            }
            Action::List { dir } => {
                listed.push(dir);
                // Made anew with the same number.
                let found = (b"b"[..].into(), stat(Kind::Directory, 6, 0, 2));
                live.listed(dir, Ok(if dir == outer { vec![found] } else { Vec::new() }));
            }
            _ => {}
        }
    }
    assert_eq!(listed, [outer, inner]);
}

#[test]
fn what_was_lost_of_a_directory_has_those_in_it_compared_too() {
    let mut tree = Tree::empty(dir(2), 0);
    let outer = put(&mut tree, DirId::ROOT, b"a", dir(5)).unwrap();
    let inner = put(&mut tree, outer, b"b", dir(6)).unwrap();
    put(&mut tree, inner, b"c", dir(7));
    let mut live = live(tree);
    live.event(0, Event::Lost { dirs: &[token(outer)], reason: Loss::Overflow });
    assert_eq!(live.next_action(0), Some(Action::Recheck { dirs: vec![outer, inner] }));
}

#[test]
fn of_a_directory_that_was_seen_in_two_places_the_one_that_stays_is_watched_and_known_again() {
    // Either may be the one that was entered last.
    for (stays, goes) in [(&b"a"[..], &b"b"[..]), (b"b", b"a")] {
        let mut tree = Tree::empty(dir(2), 0);
        put(&mut tree, DirId::ROOT, b"a", dir(5));
        put(&mut tree, DirId::ROOT, b"b", dir(5));
        let mut live = live(tree);
        let [kept, lost] = [stays, goes].map(|name| live.tree().dir_at(name).unwrap());
        entry(&mut live, DirId::ROOT, goes, What::REMOVED | What::DIRECTORY);
        let asked = answer(&mut live, &[(DirId::ROOT, stays, dir(5))]);
        assert_eq!(asked, [Action::Unwatch { dir: lost }, Action::List { dir: kept }]);
        live.take_batch();
        entry(&mut live, DirId::ROOT, b"c", What::CREATED | What::MOVED | What::DIRECTORY);
        answer(&mut live, &[(DirId::ROOT, b"c", dir(5))]);
        assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "c".to_owned())]);
        assert_eq!(live.tree().dir_at(b"c"), Some(kept));
    }
}

#[test]
fn a_file_is_linked_elsewhere_though_its_one_name_was_searched_for() {
    let mut live = live(Tree::empty(dir(2), 0));
    entry(&mut live, DirId::ROOT, b"a", What::CREATED | What::MOVED);
    let two = Stat { nlink: 2, ..file(5) };
    // Its other name goes before the search for names begins.
    while let Some(action) = live.next_action(0) {
        if let Action::Look { dir, names } = action {
            let is_first = live.tree().lookup(b"a").is_none();
            let now = Some(if is_first { two } else { file(5) });
            live.looked(dir, names, Ok(vec![now]));
            if is_first {
                entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
            }
        }
    }
    assert!(live.linked_elsewhere().is_empty());
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer(&mut live, &[(DirId::ROOT, b"a", Stat { ctime_ns: 2, ..two })]);
    assert_eq!(live.linked_elsewhere(), [b"a"]);
}

#[test]
fn a_file_that_is_renamed_while_it_is_read_is_read_again_at_its_new_place() {
    let mut tree = Tree::empty(dir(2), 0);
    tree.add_column::<Xxh3Ids>();
    let known = [(IdKind::XXH3, &[1; 16][..])];
    tree.apply([Edit::Put { at: (DirId::ROOT, b"a"), stat: file(5), ids: Ids::Known(&known) }]);
    let clock = Clock { root: 1, incarnation: 1, tick: 0 };
    let settings = Settings { ids: Some(IdKind::XXH3), ..Settings::default() };
    let mut live = Live::new(tree, clock, settings);
    // As long as before, and its mtime set back.
    let now = stat(Kind::File, 5, 8, 2);
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let Some(Action::Look { dir, names }) = live.next_action(0) else { panic!("no look") };
    live.looked(dir, names, Ok(vec![Some(now)]));
    let Some(Action::Hash { ticket, .. }) = live.next_action(0) else { panic!("not read") };
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"b"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    let Some(Action::Look { dir, names }) = live.next_action(0) else { panic!("no second look") };
    live.hashed(0, ticket, Err(Unhashed::Gone));
    let moved = stat(Kind::File, 5, 8, 3);
    live.looked(dir, names, Ok(vec![None, Some(moved)]));
    answer(&mut live, &[(DirId::ROOT, b"b", moved)]);
    live.settle();
    let asked = answer(&mut live, &[(DirId::ROOT, b"b", moved)]);
    let [Action::Hash { ticket, name, .. }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(**name, *b"b");
    let id = Id::new(&[2; 16]).unwrap();
    live.hashed(0, *ticket, Ok(Hashed { stat: moved, id, ranges: Vec::new() }));
    let expected = [(EventKind::Rename, "b".to_owned()), (EventKind::Modify, "b".to_owned())];
    assert_eq!(kinds(live.take_batch()), expected);
}

#[test]
fn a_directory_made_anew_where_nobody_may_look_is_listed_once_somebody_may() {
    let mut tree = Tree::empty(dir(2), 0);
    let above = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    let below = put(&mut tree, above, b"e", dir(6)).unwrap();
    let mut live = live(tree);
    entry(&mut live, above, b"e", What::REMOVED | What::DIRECTORY);
    entry(&mut live, above, b"e", What::CREATED | What::DIRECTORY);
    let Some(Action::Look { names, .. }) = live.next_action(0) else { panic!("no look") };
    let refusal = std::io::ErrorKind::PermissionDenied.into();
    live.looked(above, names, Err(NoLook::Refused(refusal)));
    answer(&mut live, &[]);
    entry(&mut live, DirId::ROOT, b"d", What::ATTRIBUTES | What::DIRECTORY);
    let Some(Action::Look { dir: root, names }) = live.next_action(0) else { panic!("no look") };
    live.looked(root, names, Ok(vec![Some(dir(5))]));
    assert_eq!(live.next_action(0), Some(Action::List { dir: above }));
    // As the tree has it, number and times.
    live.listed(above, Ok(vec![(b"e"[..].into(), dir(6))]));
    assert_eq!(answer(&mut live, &[(above, b"e", dir(6))]), [Action::List { dir: below }]);
}

#[test]
fn a_write_where_nobody_may_look_is_reported_once_somebody_may() {
    let mut tree = Tree::empty(dir(2), 0);
    let above = put(&mut tree, DirId::ROOT, b"d", dir(5)).unwrap();
    // Its attributes were seen after the write, and before the event that tells of it.
    let now = stat(Kind::File, 6, 8, 2);
    put(&mut tree, above, b"f", now);
    let mut live = live(tree);
    entry(&mut live, above, b"f", What::MODIFIED | What::CLOSED);
    let Some(Action::Look { names, .. }) = live.next_action(0) else { panic!("no look") };
    let refusal = std::io::ErrorKind::PermissionDenied.into();
    live.looked(above, names, Err(NoLook::Refused(refusal)));
    entry(&mut live, DirId::ROOT, b"d", What::ATTRIBUTES | What::DIRECTORY);
    let Some(Action::Look { dir: root, names }) = live.next_action(0) else { panic!("no look") };
    live.looked(root, names, Ok(vec![Some(dir(5))]));
    assert_eq!(live.next_action(0), Some(Action::List { dir: above }));
    live.listed(above, Ok(vec![(b"f"[..].into(), now)]));
    answer(&mut live, &[(above, b"f", now)]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "d/f".to_owned())]);
}
