//! What is seen gone before the feed tells of it.

use treenail_os::Stat;
use treenail_os::feed::{Event, What};

use super::{LATER_NS, answer_unheard, dir, entry, file, kinds, live, put};
use crate::live::{EventKind, Live, token};
use crate::pages::DirId;
use crate::tree::Tree;

/// A tree of one file, `a`, number 5.
fn one_file() -> Live {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    live(tree)
}

fn renamed(live: &mut Live, from: &[u8], to: &[u8]) {
    let (from, to) = ((token(DirId::ROOT), from), (token(DirId::ROOT), to));
    live.event(0, Event::Renamed { from, to, is_dir: false });
}

fn at(name: &[u8], stat: Stat) -> (DirId, &[u8], Stat) {
    (DirId::ROOT, name, stat)
}

#[test]
fn a_file_that_is_renamed_while_it_is_looked_at_is_told_as_renamed() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer_unheard(&mut live, &[at(b"b", file(5))]);
    assert!(!live.has_batch() && !live.is_settled());
    renamed(&mut live, b"a", b"b");
    live.heard(0);
    answer_unheard(&mut live, &[at(b"b", file(5))]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Rename, "b".to_owned())]);
    assert!(live.is_settled());
}

#[test]
fn so_is_one_that_is_renamed_on_and_one_whose_place_another_took() {
    let mut live = one_file();
    renamed(&mut live, b"a", b"b");
    answer_unheard(&mut live, &[at(b"a", file(6)), at(b"c", file(5))]);
    assert!(!live.has_batch());
    renamed(&mut live, b"b", b"c");
    entry(&mut live, DirId::ROOT, b"a", What::CREATED | What::CLOSED);
    live.heard(0);
    answer_unheard(&mut live, &[at(b"a", file(6)), at(b"c", file(5))]);
    let told = kinds(live.take_batch());
    assert_eq!(told, [(EventKind::Rename, "c".to_owned()), (EventKind::Create, "a".to_owned())]);
}

#[test]
fn what_turned_up_where_nobody_said_is_not_told_as_new() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    entry(&mut live, DirId::ROOT, b"b", What::MODIFIED | What::CLOSED);
    answer_unheard(&mut live, &[at(b"b", file(5))]);
    assert!(!live.has_batch());
    renamed(&mut live, b"a", b"b");
    live.heard(0);
    answer_unheard(&mut live, &[at(b"b", file(5))]);
    assert_eq!(kinds(live.take_batch())[0], (EventKind::Rename, "b".to_owned()));
}

#[test]
fn what_nobody_explains_is_believed_after_a_moment() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer_unheard(&mut live, &[]);
    live.heard(0);
    answer_unheard(&mut live, &[]);
    assert!(!live.has_batch());
    assert!(live.deadline_ns().is_some_and(|at| at < LATER_NS));
    live.heard(LATER_NS);
    answer_unheard(&mut live, &[]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Delete, "a".to_owned())]);
    assert!(live.is_settled());
}

#[test]
fn where_the_feed_always_has_more_to_tell_it_is_believed_in_the_end() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES);
    answer_unheard(&mut live, &[]);
    assert!(live.next_action(LATER_NS).is_none());
    let until = live.deadline_ns().unwrap();
    assert!(until > LATER_NS);
    // Not because time has passed in which nobody heard what it told.
    assert!(live.next_action(until).is_none());
    live.read(until - 1);
    assert!(live.next_action(until).is_none());
    live.read(until);
    assert!(live.next_action(until).is_some());
}

#[test]
fn a_removal_that_was_told_is_believed_at_once() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"a", What::REMOVED);
    answer_unheard(&mut live, &[]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Delete, "a".to_owned())]);
}

#[test]
fn what_takes_the_place_of_a_file_is_believed_at_once() {
    let mut live = one_file();
    entry(&mut live, DirId::ROOT, b"tmp", What::CREATED | What::MODIFIED | What::CLOSED);
    renamed(&mut live, b"tmp", b"a");
    answer_unheard(&mut live, &[at(b"a", file(6))]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "a".to_owned())]);
}
