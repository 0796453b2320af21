//! Losses and comparisons.

use treenail_os::Kind;
use treenail_os::feed::{Event, Loss, What};

use super::{answer, dir, entry, file, kinds, live, put, stat};
use crate::live::{Action, Difference, EventKind, Live, token};
use crate::pages::DirId;
use crate::tree::Tree;

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
fn a_write_that_was_lost_after_its_times_were_seen_is_reported() {
    let first = Event::Lost { dirs: &[], reason: Loss::Overflow };
    let named = [token(DirId::ROOT)];
    let second = Event::Lost { dirs: &named, reason: Loss::Overflow };
    for (lost, is_early) in [(first, true), (first, false), (second, true), (second, false)] {
        let mut tree = Tree::empty(dir(2), 0);
        put(&mut tree, DirId::ROOT, b"a", file(5));
        let mut live = live(tree);
        // As long as before, and its mtime set back.
        let now = stat(Kind::File, 5, 8, 2);
        entry(&mut live, DirId::ROOT, b"a", What::CLOSED);
        let Some(Action::Look { dir, names }) = live.next_action(0) else { panic!("no look") };
        // The loss is told of before the round ends, or after.
        if is_early {
            live.event(0, lost);
        }
        live.looked(dir, names, Ok(vec![Some(now)]));
        let early = live.next_action(0);
        if !is_early {
            assert_eq!(early, None);
            assert!(live.take_batch().unwrap().changes[0].quiet);
            live.event(0, lost);
        }
        let asked = early.or_else(|| live.next_action(0));
        assert!(matches!(asked, Some(Action::Recheck { .. })), "{asked:?}");
        live.rechecked(Vec::new(), Vec::new());
        answer(&mut live, &[(DirId::ROOT, b"a", now)]);
        let changes = live.take_batch().unwrap().changes;
        assert!(changes.iter().any(|change| !change.quiet), "{changes:?}");
    }
}

#[test]
fn a_lost_write_that_follows_a_rename_is_reported_at_the_new_place() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    let (from, to) = ((token(DirId::ROOT), &b"a"[..]), (token(DirId::ROOT), &b"b"[..]));
    live.event(0, Event::Renamed { from, to, is_dir: false });
    // As long as before, and its mtime set back.
    let now = stat(Kind::File, 5, 8, 3);
    answer(&mut live, &[(DirId::ROOT, b"b", now)]);
    live.event(0, Event::Lost { dirs: &[], reason: Loss::Overflow });
    assert!(matches!(live.next_action(0), Some(Action::Recheck { .. })));
    live.rechecked(Vec::new(), Vec::new());
    answer(&mut live, &[(DirId::ROOT, b"b", now)]);
    let expected = [(EventKind::Rename, "b".to_owned()), (EventKind::Modify, "b".to_owned())];
    assert_eq!(kinds(live.take_batch()), expected);
}

/// A tree with a file whose ctime changed and whose content is taken to be what it was.
fn with_a_quiet_file() -> Live {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer(&mut live, &[(DirId::ROOT, b"a", stat(Kind::File, 5, 8, 2))]);
    assert!(live.take_batch().unwrap().changes[0].quiet);
    live
}

#[test]
fn a_file_that_was_taken_to_be_the_same_is_reported_after_a_restart_unless_all_was_heard() {
    let mut before = with_a_quiet_file();
    assert_eq!(before.unheard(), [Box::from(&b"a"[..])]);
    let restart = |before: &Live| {
        let mut live = live(before.tree().clone());
        live.recheck(Vec::new());
        live.doubt(&before.unheard());
        assert!(matches!(live.next_action(0), Some(Action::Recheck { .. })));
        live.rechecked(Vec::new(), Vec::new());
        answer(&mut live, &[(DirId::ROOT, b"a", stat(Kind::File, 5, 8, 2))]);
        kinds(live.take_batch())
    };
    assert_eq!(restart(&before), [(EventKind::Modify, "a".to_owned())]);
    before.heard_all(0);
    assert!(before.unheard().is_empty() && restart(&before).is_empty());
}

#[test]
fn a_file_of_which_a_write_was_heard_and_not_yet_looked_at_stays_unheard() {
    let mut live = with_a_quiet_file();
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED);
    live.heard_all(0);
    assert_eq!(live.unheard(), [Box::from(&b"a"[..])]);
    entry(&mut live, DirId::ROOT, b"a", What::CLOSED);
    answer(&mut live, &[(DirId::ROOT, b"a", stat(Kind::File, 5, 8, 2))]);
    live.heard_all(0);
    assert!(live.unheard().is_empty());
    assert!(!live.take_batch().unwrap().changes[0].quiet);
}
