//! Renames that a look sees before the feed tells of them.

use treenail_os::feed::{Event, What};
use treenail_os::{Kind, Stat};

use super::{answer, dir, entry, file, kinds, live, next_heard, put, stat};
use crate::live::{Action, Change, EventKind, Live, NoLook, token};
use crate::pages::DirId;
use crate::tree::Tree;

fn renamed(live: &mut Live, from: (DirId, &[u8]), to: (DirId, &[u8])) {
    let (from, to) = ((token(from.0), from.1), (token(to.0), to.1));
    live.event(0, Event::Renamed { from, to, is_dir: false });
}

/// Answers a look with what is at each name, in the root.
fn look(live: &mut Live, now_ns: u64, is: &[(&[u8], Stat)]) {
    let asked = live.next_action(now_ns);
    let Some(Action::Look { dir, names }) = asked else { panic!("{asked:?}") };
    let find = |name: &[u8]| is.iter().find(|(known, _)| *known == name).map(|(_, stat)| *stat);
    let found = names.iter().map(|name| find(name)).collect();
    live.looked(dir, names, Ok(found));
}

/// A tree with these files, by their names and numbers.
fn live_with(files: &[(&[u8], u64)]) -> Live {
    let mut tree = Tree::empty(dir(2), 0);
    files.iter().for_each(|(name, inode)| _ = put(&mut tree, DirId::ROOT, name, file(*inode)));
    live(tree)
}

/// The changes, as `kind from path`.
fn told(live: &mut Live) -> Vec<String> {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let changes = live.take_batch().map(|batch| batch.changes).unwrap_or_default();
    let shown = changes.iter().filter(|change: &&Change| !change.quiet).map(|change| {
        let from = change.from.as_deref().map_or(String::new(), |from| format!(" {}", text(from)));
        format!("{}{from} {}", change.kind, text(&change.path))
    });
    shown.collect()
}

const ROOT: DirId = DirId::ROOT;

#[test]
fn a_file_that_is_renamed_while_it_is_looked_at_is_told_as_renamed() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"a", What::CREATED | What::CLOSED);
    look(&mut live, 0, &[(b"b", file(5))]);
    assert_eq!(live.next_action(0), None, "the feed is to be heard");
    renamed(&mut live, (ROOT, b"a"), (ROOT, b"b"));
    answer(&mut live, &[(ROOT, b"b", file(5))]);
    assert_eq!(told(&mut live), ["rename a b"]);
}

#[test]
fn the_event_of_a_rename_may_come_a_while_after_the_look() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"a", What::CREATED | What::CLOSED);
    answer(&mut live, &[(ROOT, b"b", file(5))]);
    assert!(!live.is_settled() && live.take_batch().is_none());
    renamed(&mut live, (ROOT, b"a"), (ROOT, b"b"));
    answer(&mut live, &[(ROOT, b"b", file(5))]);
    assert_eq!(told(&mut live), ["rename a b"]);
}

#[test]
fn what_is_gone_is_told_within_a_few_milliseconds_though_nothing_says_so() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"a", What::CLOSED);
    answer(&mut live, &[]);
    let mut now_ns = 0;
    while let Some(at) = live.deadline_ns() {
        now_ns = at;
        while next_heard(&mut live, now_ns).is_some_and(|action| {
            let Action::Look { dir, names } = action else { panic!("{action:?}") };
            live.looked(dir, names, Ok(vec![None]));
            true
        }) {}
    }
    assert_eq!(told(&mut live), ["delete a"]);
    assert!(now_ns < 4_000_000 && live.is_settled(), "{now_ns}");
}

#[test]
fn a_round_goes_on_though_nobody_says_that_the_feed_was_heard() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"a", What::ATTRIBUTES);
    look(&mut live, 0, &[(b"a", file(6))]);
    assert_eq!(live.next_action(0), None);
    assert!(told(&mut live).is_empty() && !live.is_settled());
    let at = live.deadline_ns().unwrap();
    assert_eq!(live.next_action(at), None);
    assert_eq!(told(&mut live), ["modify a"]);
    assert_eq!(live.deadline_ns(), None);
}

#[test]
fn what_is_removed_is_told_at_once() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"a", What::REMOVED);
    look(&mut live, 0, &[]);
    assert_eq!(live.next_action(0), None);
    assert_eq!(told(&mut live), ["delete a"]);
}

#[test]
fn a_file_that_moved_on_before_it_was_looked_at_is_told_as_renamed() {
    let mut live = live_with(&[(b"a", 5)]);
    renamed(&mut live, (ROOT, b"a"), (ROOT, b"b"));
    look(&mut live, 0, &[(b"c", file(5))]);
    assert_eq!(live.next_action(0), None, "the feed is to be heard");
    renamed(&mut live, (ROOT, b"b"), (ROOT, b"c"));
    answer(&mut live, &[(ROOT, b"c", file(5))]);
    assert_eq!(told(&mut live), ["rename a c"]);
}

#[test]
fn a_file_that_a_listing_finds_and_that_was_elsewhere_is_told_as_renamed() {
    let mut live = live_with(&[(b"a", 5)]);
    entry(&mut live, ROOT, b"d", What::CREATED | What::DIRECTORY);
    look(&mut live, 0, &[(b"d", dir(6))]);
    let Some(Action::List { dir: below }) = live.next_action(0) else { panic!("no listing") };
    live.listed(below, Ok(vec![(b"a"[..].into(), file(5))]));
    assert_eq!(live.next_action(0), None, "the feed is to be heard");
    renamed(&mut live, (ROOT, b"a"), (below, b"a"));
    answer(&mut live, &[(ROOT, b"d", dir(6)), (below, b"a", file(5))]);
    assert_eq!(told(&mut live), ["create d", "rename a d/a"]);
}

#[test]
fn a_file_that_moves_to_a_directory_that_nobody_watches_yet_is_told_as_renamed() {
    let mut live = live_with(&[(b"a", 5), (b"b", 7)]);
    entry(&mut live, ROOT, b"d", What::CREATED | What::DIRECTORY);
    // The one to there, the other to outside.
    entry(&mut live, ROOT, b"a", What::REMOVED | What::MOVED);
    entry(&mut live, ROOT, b"b", What::REMOVED | What::MOVED);
    look(&mut live, 0, &[(b"d", dir(6))]);
    let Some(Action::List { dir: below }) = live.next_action(0) else { panic!("no listing") };
    live.listed(below, Ok(vec![(b"a"[..].into(), file(5))]));
    answer(&mut live, &[(ROOT, b"d", dir(6)), (below, b"a", file(5))]);
    assert_eq!(told(&mut live), ["create d", "rename a d/a"]);
    let at = live.deadline_ns().expect("the other is waited for");
    assert!(live.next_action(at).is_some() && at < 1_000_000);
    live.looked(ROOT, vec![b"b"[..].into()], Ok(vec![None]));
    answer(&mut live, &[]);
    assert_eq!(told(&mut live), ["delete b"]);
}

#[test]
fn a_file_that_replaces_another_while_that_is_looked_at_is_told_as_renamed() {
    let mut live = live_with(&[(b"f", 5), (b"tmp", 6)]);
    entry(&mut live, ROOT, b"f", What::ATTRIBUTES);
    look(&mut live, 0, &[(b"f", file(6))]);
    assert_eq!(live.next_action(0), None, "the feed is to be heard");
    renamed(&mut live, (ROOT, b"tmp"), (ROOT, b"f"));
    answer(&mut live, &[(ROOT, b"f", file(6))]);
    assert_eq!(told(&mut live), ["rename tmp f"]);
}

#[test]
fn a_directory_that_is_renamed_while_it_is_looked_at_is_told_as_renamed() {
    let mut tree = Tree::empty(dir(2), 0);
    let moved = put(&mut tree, ROOT, b"d", dir(5)).unwrap();
    put(&mut tree, moved, b"f", file(6));
    let mut live = live(tree);
    entry(&mut live, ROOT, b"d", What::ATTRIBUTES | What::DIRECTORY);
    answer(&mut live, &[(ROOT, b"e", dir(5))]);
    renamed(&mut live, (ROOT, b"d"), (ROOT, b"e"));
    answer(&mut live, &[(ROOT, b"e", dir(5))]);
    assert_eq!(told(&mut live), ["rename d e"]);
    assert_eq!(live.tree().dir_at(b"e"), Some(moved));
}

#[test]
fn a_file_that_left_a_directory_that_is_gone_by_now_is_told_as_renamed() {
    let mut tree = Tree::empty(dir(2), 0);
    let above = put(&mut tree, ROOT, b"d", dir(5)).unwrap();
    put(&mut tree, above, b"f", file(6));
    let mut live = live(tree);
    renamed(&mut live, (above, b"f"), (ROOT, b"g"));
    entry(&mut live, ROOT, b"d", What::REMOVED | What::DIRECTORY);
    while let Some(action) = live.next_action(0) {
        let Action::Look { dir, names } = action else { continue };
        let found = names.iter().map(|name| (**name == *b"g").then_some(file(6))).collect();
        live.looked(dir, names, if dir == above { Err(NoLook::Elsewhere) } else { Ok(found) });
    }
    assert_eq!(told(&mut live), ["rename d/f g", "delete d"]);
}

#[test]
fn a_file_that_was_seen_after_its_last_write_is_not_modified_by_its_rename() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, ROOT, b"a", file(5));
    let mut live = live(tree);
    live.settings.fine_times = true;
    entry(&mut live, ROOT, b"a", What::CREATED | What::MODIFIED | What::CLOSED);
    renamed(&mut live, (ROOT, b"a"), (ROOT, b"b"));
    answer(&mut live, &[(ROOT, b"b", stat(Kind::File, 5, 8, 3))]);
    assert_eq!(told(&mut live), ["rename a b"]);
    // But by a write that left the mtime of before.
    entry(&mut live, ROOT, b"b", What::MODIFIED | What::CLOSED | What::ATTRIBUTES);
    renamed(&mut live, (ROOT, b"b"), (ROOT, b"c"));
    answer(&mut live, &[(ROOT, b"c", stat(Kind::File, 5, 8, 4))]);
    assert_eq!(
        kinds(live.take_batch()),
        [(EventKind::Rename, "c".to_owned()), (EventKind::Modify, "c".to_owned())]
    );
}

#[test]
fn a_directory_with_the_number_of_one_that_left_is_listed() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, ROOT, b"c", dir(5));
    let mut live = live(tree);
    entry(&mut live, ROOT, b"c", What::REMOVED | What::MOVED | What::DIRECTORY);
    entry(&mut live, ROOT, b"a", What::CREATED | What::MOVED | What::DIRECTORY);
    look(&mut live, 0, &[(b"a", dir(5))]);
    // It goes, and its number is given to the next.
    entry(&mut live, ROOT, b"a", What::REMOVED | What::DIRECTORY);
    entry(&mut live, ROOT, b"b", What::CREATED | What::DIRECTORY);
    let asked = answer(&mut live, &[(ROOT, b"b", dir(5))]);
    let new = live.tree().dir_at(b"b").expect("it is there");
    assert!(asked.contains(&Action::List { dir: new }), "{asked:?}");
}

#[test]
fn a_directory_that_is_no_more_is_not_found_again_by_its_number() {
    let mut tree = Tree::empty(dir(2), 0);
    let old = put(&mut tree, ROOT, b"a", dir(5)).unwrap();
    let mut live = live(tree);
    let in_root = |name: &'static [u8]| (ROOT, name);
    renamed(&mut live, in_root(b"a"), in_root(b"b"));
    look(&mut live, 0, &[]);
    live.event(0, Event::Directory { dir: token(old), what: What::REMOVED | What::DIRECTORY });
    entry(&mut live, ROOT, b"b", What::REMOVED | What::CREATED | What::DIRECTORY);
    renamed(&mut live, in_root(b"b"), in_root(b"e"));
    let asked = answer(&mut live, &[(ROOT, b"e", dir(5))]);
    let new = live.tree().dir_at(b"e").expect("it is there");
    assert!(new != old && asked.contains(&Action::List { dir: new }), "{asked:?}");
    assert!(live.dead.is_empty());
}
