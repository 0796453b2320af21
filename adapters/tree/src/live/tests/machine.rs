//! The state machine, driven by hand.

use treenail_os::feed::{Event, Loss, What};
use treenail_os::{Kind, Stat};

use crate::live::{Action, Batch, Clock, Difference, EventKind, Live, Settings, token};
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
