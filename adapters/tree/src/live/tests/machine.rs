//! The state machine, driven by hand.

use treenail_os::feed::{Event, What};
use treenail_os::{Kind, Stat};

use super::{
    KNOWN, LATER_NS, answer, dir, entry, file, kinds, live, live_with_ids, put, stat, with_ids,
};
use crate::ids::IdKind;
use crate::live::answers::TRIES_MAX;
use crate::live::{Action, EventKind, Hashed, Id, Live, NoLook, Settings, Unhashed, token};
use crate::pages::DirId;
use crate::tree::{Listing, Tree};
use crate::update::Ids;

#[test]
fn a_file_that_was_written_under_a_name_that_it_passed_is_read_where_it_ended() {
    let mut live = live_with_ids(with_ids(file(5), KNOWN));
    let renamed = |live: &mut Live, from: &[u8], to: &[u8]| {
        let (from, to) = ((token(DirId::ROOT), from), (token(DirId::ROOT), to));
        live.event(0, Event::Renamed { from, to, is_dir: false });
    };
    renamed(&mut live, b"a", b"b");
    // As long as before, and its mtime set back.
    entry(&mut live, DirId::ROOT, b"b", What::MODIFIED | What::CLOSED | What::ATTRIBUTES);
    renamed(&mut live, b"b", b"c");
    let now = (DirId::ROOT, &b"c"[..], stat(Kind::File, 5, 8, 2));
    assert_eq!(answer(&mut live, &[now]), []);
    live.settle();
    let asked = answer(&mut live, &[now]);
    assert!(matches!(&asked[..], [Action::Hash { urgent: true, name, .. }] if **name == *b"c"));
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
    live.heard(at + LATER_NS);
    answer_as(&mut live, at + LATER_NS, |_, _| Ok(None));
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
fn a_file_that_is_renamed_while_it_is_read_is_read_again_at_its_new_place() {
    let mut live = live_with_ids(with_ids(file(5), KNOWN));
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
fn what_is_read_after_a_write_that_was_not_told_of_is_not_taken_for_what_was_told() {
    let mut live = live_with_ids(with_ids(file(5), Ids::Dropped));
    let written = Stat { mtime_ns: 2, ctime_ns: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", written)]);
    let [Action::Hash { ticket, urgent: false, .. }] = asked[..] else { panic!("{asked:?}") };
    live.take_batch();
    // Before it is read it is written again, as long as before and its mtime set back.
    let now = Stat { ctime_ns: 3, ..written };
    let id = Id::new(&[2; 16]).unwrap();
    let hashed = || Ok(Hashed { stat: now, id, ranges: Vec::new() });
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    live.hashed(0, ticket, hashed());
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    for action in answer(&mut live, &[(DirId::ROOT, b"a", now)]) {
        let Action::Hash { ticket, .. } = action else { panic!("{action:?}") };
        live.hashed(0, ticket, hashed());
    }
    let said = live.take_batch().expect("it was written").changes;
    assert!(said.iter().any(|change| !change.quiet), "{said:?}");
}

#[test]
fn a_file_whose_attributes_changed_before_it_was_read_is_read_once_the_feed_was_heard() {
    let mut live = live_with_ids(with_ids(file(5), Ids::Dropped));
    let written = Stat { mtime_ns: 2, ctime_ns: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let mut asked = answer(&mut live, &[(DirId::ROOT, b"a", written)]);
    let now = Stat { ctime_ns: 3, ..written };
    let id = Id::new(&[2; 16]).unwrap();
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    for is_known in [false, true] {
        let [Action::Hash { ticket, urgent: false, .. }] = asked[..] else { panic!("{asked:?}") };
        live.hashed(0, ticket, Ok(Hashed { stat: now, id, ranges: Vec::new() }));
        let view = live.tree().view(Some(IdKind::XXH3));
        assert_eq!(view.entry(DirId::ROOT, b"a").unwrap().id.is_some(), is_known);
        asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    }
}

#[test]
fn the_end_of_a_file_that_was_told_of_while_it_was_open_is_told() {
    let mut live = live(Tree::empty(dir(2), 0));
    entry(&mut live, DirId::ROOT, b"a", What::CREATED | What::MODIFIED);
    let is = [(DirId::ROOT, &b"a"[..], file(5)), (DirId::ROOT, &b"b"[..], file(5))];
    let find = |_: DirId, name: &[u8]| Ok((name == b"a").then_some(file(5)));
    let open_max = Settings::default().open_max_ns;
    answer_as(&mut live, 0, find);
    answer_as(&mut live, 2 * open_max, find);
    let told = live.take_batch().expect("it is open for too long").changes;
    assert!(told[0].open_for_write, "{told:?}");
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"b"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    answer(&mut live, &is[1..]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "b".to_owned())]);
    for ends in [true, false] {
        entry(&mut live, DirId::ROOT, b"b", What::CLOSED);
        answer(&mut live, &is[1..]);
        let told = live.take_batch().map_or(Vec::new(), |batch| batch.changes);
        assert_eq!(told.iter().any(|change| !change.quiet), ends, "{told:?}");
        assert!(told.iter().all(|change| !change.open_for_write), "{told:?}");
    }
}

#[test]
fn attributes_that_changed_while_a_file_was_read_are_not_undone_by_the_answer() {
    let mut live = live_with_ids(with_ids(file(5), KNOWN));
    let id = Id::new(&[2; 16]).unwrap();
    let hashed = |stat| Ok(Hashed { stat, id, ranges: Vec::new() });
    // As long as before, and its mtime set back.
    let written = stat(Kind::File, 5, 8, 2);
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", written)]);
    let [Action::Hash { ticket, .. }] = asked[..] else { panic!("{asked:?}") };
    let now = Stat { mode: 0o600, ctime_ns: 3, ..written };
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    live.hashed(0, ticket, hashed(written));
    for action in asked {
        let Action::Hash { ticket, .. } = action else { panic!("{action:?}") };
        live.hashed(0, ticket, hashed(now));
    }
    assert_eq!(live.tree().lookup(b"a").unwrap().stat, now);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "a".to_owned())]);
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

/// Reads the feed, which says nothing; then answers all looks with what `find` says, and lists
/// directories as empty where it finds them.
fn answer_as(
    live: &mut Live,
    now_ns: u64,
    find: impl Fn(DirId, &[u8]) -> Result<Option<Stat>, NoLook>,
) {
    live.read(now_ns);
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

/// A file whose id is known was written and closed, and changed while it was read; and its
/// attributes now.
fn changed_while_read() -> (Live, Stat) {
    let mut live = live_with_ids(with_ids(file(5), KNOWN));
    let now = stat(Kind::File, 5, 9, 7);
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    let [Action::Hash { ticket, .. }] = asked[..] else { panic!("{asked:?}") };
    live.hashed(0, ticket, Err(Unhashed::Unstable));
    (live, now)
}

#[test]
fn a_closed_file_whose_times_are_set_while_it_is_read_is_read_again_at_once() {
    let (mut live, now) = changed_while_read();
    assert!(answer(&mut live, &[(DirId::ROOT, b"a", now)]).is_empty(), "nothing has happened");
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    let [Action::Hash { ticket, .. }] = asked[..] else { panic!("{asked:?}") };
    let id = Id::new(&[2; 16]).unwrap();
    live.hashed(0, ticket, Ok(Hashed { stat: now, id, ranges: Vec::new() }));
    let changes = live.take_batch().unwrap().changes;
    assert!(!changes[0].open_for_write, "{changes:?}");
}

#[test]
fn a_file_that_is_written_on_while_it_is_read_waits_until_it_is_closed() {
    let (mut live, now) = changed_while_read();
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED);
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    assert!(answer(&mut live, &[(DirId::ROOT, b"a", now)]).is_empty(), "it is still open");
    entry(&mut live, DirId::ROOT, b"a", What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    assert!(matches!(asked[..], [Action::Hash { .. }]), "{asked:?}");
}
