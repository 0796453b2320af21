//! Files with several names.

use treenail_os::Stat;
use treenail_os::feed::{Event, Token, What};

use super::{KNOWN, answer, dir, entry, file, kinds, live, live_with_ids, put, with_ids};
use crate::live::{Action, EventKind, Hashed, Id, Live, token};
use crate::pages::DirId;
use crate::tree::Tree;
use crate::update::{Edit, Ids};

/// Has the one file watched that is to be; what the feed calls it.
fn watch_link(live: &mut Live, is: &[(DirId, &[u8], Stat)], file: Stat) -> Token {
    let wishes = answer(live, is);
    let [Action::WatchLink { token, .. }] = wishes[..] else { panic!("{wishes:?}") };
    live.link_watched(token, Some(file.id()));
    token
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
fn a_file_that_is_given_another_name_is_not_told_as_changed() {
    let mut tree = Tree::empty(dir(2), 0);
    put(&mut tree, DirId::ROOT, b"a", file(5));
    let mut live = live(tree);
    let now = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    let is = [(DirId::ROOT, &b"a"[..], now), (DirId::ROOT, &b"b"[..], now)];
    entry(&mut live, DirId::ROOT, b"b", What::CREATED);
    let mut said = Vec::new();
    for _ in 0..3 {
        for wish in answer(&mut live, &is) {
            if let Action::WatchLink { token, .. } = wish {
                live.link_watched(token, Some(now.id()));
                live.event(0, Event::Link { file: token, what: What::ATTRIBUTES });
            }
        }
        let batch = live.take_batch().map_or(Vec::new(), |batch| batch.changes);
        said.extend(batch.into_iter().map(|change| {
            (change.kind, String::from_utf8_lossy(&change.path).into_owned(), change.quiet)
        }));
    }
    let (a, b) = ("a".to_owned(), "b".to_owned());
    assert_eq!(said, [(EventKind::Create, b, false), (EventKind::Modify, a, true)]);
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
fn a_file_that_was_written_by_whatever_name_is_looked_at_where_the_tree_has_it() {
    let mut live = live(Tree::empty(dir(2), 0));
    let two = Stat { nlink: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    let token = watch_link(&mut live, &[(DirId::ROOT, b"b", two)], two);
    answer(&mut live, &[(DirId::ROOT, b"b", two)]);
    live.event(0, Event::Link { file: token, what: What::MODIFIED | What::CLOSED });
    let now = Stat { size_bytes: 9, ..file(5) };
    answer(&mut live, &[(DirId::ROOT, b"b", now)]);
    assert_eq!(live.tree().lookup(b"b").unwrap().stat, now);
}

#[test]
fn a_name_that_has_become_another_files_is_not_told_as_written_with_its_old_file() {
    let mut tree = Tree::empty(dir(2), 0);
    let two = Stat { nlink: 2, ..file(5) };
    let other = Stat { ctime_ns: 3, mtime_ns: 2, ..file(6) };
    put(&mut tree, DirId::ROOT, b"a", two);
    put(&mut tree, DirId::ROOT, b"b", two);
    let mut live = live(tree);
    let token = watch_link(&mut live, &[], two);
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    answer(&mut live, &[(DirId::ROOT, b"a", two), (DirId::ROOT, b"b", other)]);
    live.take_batch();
    live.event(0, Event::Link { file: token, what: What::MODIFIED | What::CLOSED });
    let now = Stat { nlink: 1, size_bytes: 9, ..two };
    answer(&mut live, &[(DirId::ROOT, b"a", now), (DirId::ROOT, b"b", other)]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "a".to_owned())]);
}

#[test]
fn a_file_that_the_feed_did_not_find_is_watched_by_its_next_name_and_by_each_once() {
    let mut tree = Tree::empty(dir(2), 0);
    let two = Stat { nlink: 2, ..file(5) };
    for name in [b"a", b"b"] {
        put(&mut tree, DirId::ROOT, name, two);
    }
    let is = [(DirId::ROOT, &b"a"[..], two), (DirId::ROOT, &b"b"[..], two)];
    let mut live = live(tree);
    let mut wishes = answer(&mut live, &[]);
    let mut tried = Vec::new();
    // Another file stood at the first, none at the second.
    for found in [Some(file(6).id()), None] {
        let Some(Action::WatchLink { name, token, .. }) = wishes.pop() else { panic!("no wish") };
        tried.push(name);
        live.link_watched(token, found);
        wishes = answer(&mut live, &is);
        assert!(matches!(wishes[0], Action::UnwatchLink { token: old } if old == token));
    }
    assert_eq!(tried, [Box::from(&b"a"[..]), Box::from(&b"b"[..])]);
    assert_eq!(wishes.len(), 1, "{wishes:?}");
    // Once something new is seen of it.
    entry(&mut live, DirId::ROOT, b"b", What::ATTRIBUTES);
    let now = Stat { ctime_ns: 2, ..two };
    let wishes = answer(&mut live, &[(DirId::ROOT, b"a", now), (DirId::ROOT, b"b", now)]);
    assert!(matches!(wishes[..], [Action::WatchLink { .. }]), "{wishes:?}");
}

#[test]
fn a_file_whose_name_went_by_which_it_is_watched_is_watched_by_another() {
    let mut tree = Tree::empty(dir(2), 0);
    let two = Stat { nlink: 2, ..file(5) };
    put(&mut tree, DirId::ROOT, b"a", two);
    put(&mut tree, DirId::ROOT, b"b", two);
    let mut live = live(tree);
    let wishes = answer(&mut live, &[]);
    let [Action::WatchLink { name, token, .. }] = &wishes[..] else { panic!("{wishes:?}") };
    assert_eq!(**name, *b"a");
    live.link_watched(*token, Some(two.id()));
    entry(&mut live, DirId::ROOT, b"a", What::REMOVED);
    let wishes = answer(&mut live, &[(DirId::ROOT, b"b", file(5))]);
    let [Action::UnwatchLink { token: old }, Action::WatchLink { name, token: new, .. }] =
        &wishes[..]
    else {
        panic!("{wishes:?}")
    };
    assert_eq!((*old, &**name), (*token, &b"b"[..]));
    assert_ne!(old, new);
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
    let two = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    let mut live = live_with_ids(with_ids(two, KNOWN));
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
    let mut tree = with_ids(file(5), Ids::Dropped);
    tree.apply([Edit::Put { at: (DirId::ROOT, b"b"), stat: file(6), ids: KNOWN }]);
    let mut live = live_with_ids(tree);
    // Another file's second name has taken the place, and is being read.
    let two = Stat { nlink: 2, ctime_ns: 2, ..file(5) };
    entry(&mut live, DirId::ROOT, b"b", What::CREATED | What::MOVED);
    let wishes = answer(&mut live, &[(DirId::ROOT, b"a", two), (DirId::ROOT, b"b", two)]);
    let mut watches = wishes.iter().filter_map(|action| match action {
        Action::WatchLink { token, .. } => Some(*token),
        _ => None,
    });
    let token = watches.next_back().expect("it is watched by the name that the tree has");
    live.link_watched(token, Some(two.id()));
    let what = What::MODIFIED | What::CLOSED;
    entry(&mut live, DirId::ROOT, b"b", what | What::REMOVED);
    live.event(0, Event::Link { file: token, what });
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
    watch_link(&mut live, &[], two);
    answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    assert_eq!(kinds(live.take_batch()), [(EventKind::Modify, "a".to_owned())]);
}
