//! `since` against a model: a map of paths, changed at random, with a copy kept of every tick.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::live::{Batch, Change, Clock, EventKind, Fresh, History, Net, Since};
use crate::view::Class;

/// What is where, and which content it has.
type Model = BTreeMap<String, (Class, u32)>;

/// Few, as the simulator asks `since` far more often; `PROPTEST_CASES` may say how many.
fn cases() -> u32 {
    if cfg!(target_arch = "x86_64") { ProptestConfig::default().cases } else { 50 }
}

fn above(path: &str) -> Option<&str> {
    path.rfind('/').map(|at| &path[..at])
}

fn is_within(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn change(kind: EventKind, class: Class, path: &str) -> Change {
    Change::new(kind, class, path.as_bytes().into())
}

/// A step of the model: which path, which other path, what to do.
type Step = (usize, usize, u8);

const PATHS: [&str; 15] = [
    "a", "b", "c", "a/a", "a/b", "b/a", "b/b", "c/a", "c/b", "a/a/a", "a/b/a", "b/a/a", "b/b/a",
    "c/a/a", "c/b/a",
];

/// Makes a step where it is possible; says what a live tree would.
fn step(model: &mut Model, content: &mut u32, (path, other, what): Step) -> Vec<Change> {
    let (path, other) = (PATHS[path], PATHS[other]);
    *content += 1;
    let is_dir = |model: &Model, path: &str| {
        model.get(path).is_some_and(|(class, _)| *class == Class::Directory)
    };
    let has_place = |model: &Model, path: &str| above(path).is_none_or(|dir| is_dir(model, dir));
    match (what, model.get(path).copied()) {
        (0..=3, None) if has_place(model, path) => {
            let class = if what < 2 { Class::Directory } else { Class::File };
            model.insert(path.into(), (class, *content));
            vec![change(EventKind::Create, class, path)]
        }
        (0..=1, Some((Class::File, _))) => {
            model.insert(path.into(), (Class::File, *content));
            vec![change(EventKind::Modify, Class::File, path)]
        }
        (2, Some(_)) => {
            let gone: Vec<String> =
                model.keys().filter(|at| is_within(at, path)).cloned().collect();
            let gone = gone.iter().rev();
            gone.map(|at| {
                let (class, _) = model.remove(at).expect("it is there");
                change(EventKind::Delete, class, at)
            })
            .collect()
        }
        (3.., Some((class, _))) if has_place(model, other) && !is_within(other, path) => {
            if is_within(path, other) && path != other {
                return Vec::new();
            }
            let mut changes = Vec::new();
            let replaced = model.contains_key(other);
            let below: Vec<String> =
                model.keys().filter(|at| is_within(at, other) && *at != other).cloned().collect();
            for at in below.iter().rev() {
                let (class, _) = model.remove(at).expect("it is there");
                changes.push(change(EventKind::Delete, class, at));
            }
            model.remove(other);
            rename(model, path, other);
            let from = Some(path.as_bytes().into());
            changes.push(Change { from, replaced, ..change(EventKind::Rename, class, other) });
            changes
        }
        _ => Vec::new(),
    }
}

/// Moves all that is at or below a path, in the place of what is at the other.
fn rename(model: &mut Model, from: &str, to: &str) {
    let moved: Vec<String> = model.keys().filter(|at| is_within(at, from)).cloned().collect();
    let moved: Vec<_> = moved
        .into_iter()
        .map(|at| (format!("{to}{}", &at[from.len()..]), model.remove(&at).expect("it is there")))
        .collect();
    model.retain(|at, _| !is_within(at, to));
    model.extend(moved);
}

/// Brings a copy up to date: what is reported is read from `now`.
fn follow(copy: &mut Model, changes: &[Net], now: &Model) -> Result<(), TestCaseError> {
    for Net { kind, class, path, from, .. } in changes {
        let path = std::str::from_utf8(path).expect("text");
        let dir = above(path);
        let is_there = dir
            .is_none_or(|dir| copy.get(dir).is_some_and(|(class, _)| *class == Class::Directory));
        prop_assert!(is_there || *kind == EventKind::Delete, "{kind} {path}: no directory");
        match kind {
            EventKind::Create | EventKind::Modify => {
                let content = now.get(path).map_or(0, |(_, content)| *content);
                copy.insert(path.into(), (*class, content));
            }
            EventKind::Delete => {
                let is_empty = copy.keys().all(|at| at == path || !is_within(at, path));
                prop_assert!(is_empty, "delete {path}: it holds something");
                copy.remove(path);
            }
            EventKind::Rename => {
                let from = std::str::from_utf8(from.as_deref().unwrap_or_default()).expect("text");
                prop_assert!(copy.contains_key(from), "rename {from} {path}: nothing there");
                let is_in_the_way =
                    |at: &String| at != path && is_within(at, path) && !is_within(from, at);
                let is_free = copy.keys().all(|at| !is_in_the_way(at) || is_within(at, from));
                prop_assert!(is_free, "rename {from} {path}: it holds something");
                rename(copy, from, path);
            }
        }
    }
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn since_leads_from_the_tree_at_any_tick_to_the_tree_now(
        steps in prop::collection::vec((0..15_usize, 0..15_usize, 0..8_u8), 1..40),
    ) {
        let clock = Clock { root: 1, incarnation: 1, tick: 0 };
        let mut history = History::new(clock, usize::MAX);
        let (mut model, mut content) = (Model::new(), 0);
        let mut kept = vec![(clock, model.clone())];
        for made in steps {
            let changes = step(&mut model, &mut content, made);
            if changes.is_empty() {
                continue;
            }
            let tick = history.clock().tick + 1;
            history.push(&Batch { tick, changes, gaps: Vec::new() });
            kept.push((history.clock(), model.clone()));
        }
        for (clock, mut copy) in kept {
            let Since::Net { changes, .. } = history.since(clock) else {
                return Err(TestCaseError::fail("no answer"));
            };
            follow(&mut copy, &changes, &model)?;
            // What directories hold is not their content.
            let shown = |model: &Model| -> Model {
                let mut shown = model.clone();
                for (class, content) in shown.values_mut() {
                    *content = if *class == Class::Directory { 0 } else { *content };
                }
                shown
            };
            prop_assert_eq!(shown(&copy), shown(&model), "since {}: {:?}", clock, changes);
        }
    }
}

fn told(history: &mut History, changes: Vec<Change>) {
    let tick = history.clock().tick + 1;
    history.push(&Batch { tick, changes, gaps: Vec::new() });
}

fn new() -> (History, Clock) {
    let clock = Clock { root: 1, incarnation: 1, tick: 0 };
    (History::new(clock, usize::MAX), clock)
}

fn renamed(class: Class, from: &str, to: &str, replaced: bool) -> Change {
    let from = Some(from.as_bytes().into());
    Change { from, replaced, ..change(EventKind::Rename, class, to) }
}

#[test]
fn what_was_below_a_replaced_directory_is_deleted_before_the_rename() {
    let (mut history, clock) = new();
    let rename = renamed(Class::Directory, "a", "b", true);
    told(&mut history, vec![change(EventKind::Delete, Class::File, "b/x"), rename]);
    let Since::Net { changes, .. } = history.since(clock) else { panic!("no answer") };
    let kinds: Vec<EventKind> = changes.iter().map(|net| net.kind).collect();
    assert_eq!(kinds, [EventKind::Delete, EventKind::Rename]);
}

#[test]
fn what_was_in_a_directory_is_gone_before_it_and_all_else_in_the_order_of_the_paths() {
    let (mut history, clock) = new();
    let gone = [(Class::File, "a/b/x"), (Class::Directory, "a/b"), (Class::Directory, "a")];
    let mut changes: Vec<Change> =
        gone.iter().map(|(class, path)| change(EventKind::Delete, *class, path)).collect();
    // Names between that of a directory and those of what is in it.
    changes
        .extend(["a-new", "a/b.new", "b"].map(|path| change(EventKind::Create, Class::File, path)));
    changes.push(change(EventKind::Delete, Class::Directory, "a-old"));
    told(&mut history, changes);
    let Since::Net { changes, .. } = history.since(clock) else { panic!("no answer") };
    let paths: Vec<&str> =
        changes.iter().map(|net| std::str::from_utf8(&net.path).expect("text")).collect();
    assert_eq!(paths, ["a-new", "a-old", "a/b.new", "a/b/x", "a/b", "a", "b"]);
}

#[test]
fn a_clock_of_the_lost_end_of_an_incarnation_is_not_answered() {
    let (mut history, clock) = new();
    told(&mut history, vec![change(EventKind::Create, Class::File, "a")]);
    let kept = history.clone();
    told(&mut history, vec![change(EventKind::Create, Class::File, "lost")]);
    let late = history.clock();
    let mut history = kept;
    history.begin_incarnation();
    assert_eq!(history.since(late), Since::Fresh(Fresh::Unknown));
    assert!(matches!(history.since(clock), Since::Net { .. }));
}

#[test]
fn directories_on_the_way_to_a_new_one_that_replaces_them_are_gone() {
    let (mut history, clock) = new();
    let rename = renamed(Class::Directory, "a/b/c", "a", true);
    told(&mut history, vec![change(EventKind::Create, Class::Directory, "a/b/c"), rename]);
    let Since::Net { changes, .. } = history.since(clock) else { panic!("no answer") };
    let gone: Vec<&[u8]> =
        changes.iter().filter(|net| net.kind == EventKind::Delete).map(|net| &*net.path).collect();
    assert_eq!(gone, [b"a/b"]);
}
