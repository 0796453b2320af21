//! Files with several names.

use treenail_os::Stat;
use treenail_os::feed::{Event, What};

use super::{answer, dir, entry, file, kinds, live, put};
use crate::ids::{IdKind, Xxh3Ids};
use crate::live::{Action, Clock, EventKind, Hashed, Id, Live, Settings, token};
use crate::pages::DirId;
use crate::tree::{Listing, Tree};
use crate::update::{Edit, Ids};

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
fn a_directory_that_went_before_it_was_listed_has_the_other_names_of_files_looked_at() {
    // It is in the tree, but not listed; or it came and went between two looks; or another that
    // is listed takes its place.
    for (is_known, stands) in [(true, None), (false, None), (true, Some(b"e"))] {
        let mut tree = Tree::empty(dir(2), 0);
        if is_known {
            let known = put(&mut tree, DirId::ROOT, b"d", dir(6)).unwrap();
            tree.apply([Edit::List { dir: known, listing: Listing::Unlisted }]);
        }
        put(&mut tree, DirId::ROOT, b"e", dir(7));
        let mut live = live(tree);
        entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
        answer(&mut live, &[(DirId::ROOT, b"b", Stat { nlink: 2, ..file(5) })]);
        let now = Stat { size_bytes: 9, ctime_ns: 2, ..file(5) };
        let mut is = vec![(DirId::ROOT, &b"b"[..], now)];
        if let Some(from) = stands {
            let (from, to) = ((token(DirId::ROOT), &from[..]), (token(DirId::ROOT), &b"d"[..]));
            live.event(0, Event::Renamed { from, to, is_dir: true });
            is.push((DirId::ROOT, b"d", dir(7)));
        } else {
            entry(&mut live, DirId::ROOT, b"d", What::REMOVED | What::DIRECTORY);
        }
        answer(&mut live, &is);
        assert_eq!(live.tree().lookup(b"b").unwrap().stat, now, "{is_known} {stands:?}");
    }
}

#[test]
fn a_file_that_was_doubted_and_found_the_same_is_doubted_again() {
    let mut live = live(Tree::empty(dir(2), 0));
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    let two = Stat { nlink: 2, ..file(5) };
    answer(&mut live, &[(DirId::ROOT, b"b", two)]);
    // Through a name that went: first some other file was written, then this one.
    entry(&mut live, DirId::ROOT, b"x", What::ATTRIBUTES | What::REMOVED);
    answer(&mut live, &[(DirId::ROOT, b"b", two)]);
    entry(&mut live, DirId::ROOT, b"a", What::ATTRIBUTES | What::REMOVED);
    let now = Stat { mtime_ns: 2, ctime_ns: 2, ..file(5) };
    answer(&mut live, &[(DirId::ROOT, b"b", now)]);
    assert_eq!(live.tree().lookup(b"b").unwrap().stat, now);
}

#[test]
fn a_listed_directory_that_went_has_no_other_names_looked_at() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"d", dir(6));
    let mut live = live(tree);
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    answer(&mut live, &[(DirId::ROOT, b"b", Stat { nlink: 2, ..file(5) })]);
    entry(&mut live, DirId::ROOT, b"d", What::REMOVED | What::DIRECTORY);
    while let Some(action) = live.next_action(0) {
        if let Action::Look { dir, names } = action {
            assert_eq!(names, [Box::from(&b"d"[..])], "its watch would have told of a write");
            live.looked(dir, names, Ok(vec![None]));
        }
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
fn a_new_name_that_was_seen_before_its_file_was_written_is_looked_at_again() {
    let mut tree = Tree::empty(dir(2), 0);
    tree.add_column::<Xxh3Ids>();
    let known = [(IdKind::XXH3, &[1; 16][..])];
    let two = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    tree.apply([Edit::Put { at: (DirId::ROOT, b"a"), stat: two, ids: Ids::Known(&known) }]);
    let clock = Clock { root: 1, incarnation: 1, tick: 0 };
    let settings = Settings { ids: Some(IdKind::XXH3), ..Settings::default() };
    let mut live = Live::new(tree, clock, settings);
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", two)]);
    let ticket = asked.iter().find_map(|action| match action {
        Action::Hash { ticket, .. } => Some(*ticket),
        _ => None,
    });
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    let Some(Action::Look { names, .. }) = live.next_action(0) else { panic!("no look") };
    assert_eq!(*names[0], *b"b");
    live.looked(DirId::ROOT, names, Ok(vec![Some(two)]));
    // Written through the other name, which is read before the round ends.
    let now = Stat { mtime_ns: 3, ctime_ns: 3, ..two };
    let id = Id::new(&[2; 16]).unwrap();
    live.hashed(0, ticket.unwrap(), Ok(Hashed { stat: now, id, ranges: Vec::new() }));
    answer(&mut live, &[(DirId::ROOT, b"a", now), (DirId::ROOT, b"b", now)]);
    assert_eq!(live.tree().lookup(b"b").unwrap().stat, now);
}

#[test]
fn a_name_that_is_read_and_goes_has_the_other_names_of_its_file_looked_at() {
    let mut tree = Tree::empty(dir(2), 0);
    tree.add_column::<Xxh3Ids>();
    let known = [(IdKind::XXH3, &[1; 16][..])];
    put(&mut tree, DirId::ROOT, b"a", file(5));
    tree.apply([Edit::Put { at: (DirId::ROOT, b"b"), stat: file(6), ids: Ids::Known(&known) }]);
    let clock = Clock { root: 1, incarnation: 1, tick: 0 };
    let settings = Settings { ids: Some(IdKind::XXH3), ..Settings::default() };
    let mut live = Live::new(tree, clock, settings);
    // Another file's second name has taken the place, and is being read.
    let two = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    answer(&mut live, &[(DirId::ROOT, b"a", two), (DirId::ROOT, b"b", two)]);
    entry(&mut live, DirId::ROOT, b"b", What::MODIFIED | What::CLOSED | What::REMOVED);
    let now = Stat { size_bytes: 9, ctime_ns: 3, ..file(5) };
    answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    assert_eq!(live.tree().lookup(b"a").unwrap().stat, now);
}

#[test]
fn what_was_written_through_another_name_before_the_file_was_watched_is_seen() {
    let mut tree = Tree::empty(dir(2), 0);
    let two = Stat { nlink: 2, ..file(5) };
    put(&mut tree, DirId::ROOT, b"a", two);
    let mut live = live(tree);
    let now = Stat { mtime_ns: 2, ctime_ns: 2, ..two };
    let wishes = answer(&mut live, &[]);
    let [Action::WatchLink { token, .. }] = &wishes[..] else { panic!("{wishes:?}") };
    live.link_watched(*token);
    answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "a".to_owned())]);
}
