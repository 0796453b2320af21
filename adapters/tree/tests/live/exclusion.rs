//! Directories that are left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use treenail_os::feed::Rung;
use treenail_tree::live::{
    Change, Clock, EventKind, Exclude, Exclusion, Fresh, LiveTree, Options, Since, peek,
};

use crate::support::{changes, options, rungs};

fn modules() -> Exclude {
    Exclude::fixed("modules", |path| path.split(|b| *b == b'/').any(|n| n == b"node_modules"))
}

#[test]
fn what_is_excluded_is_not_in_the_tree_and_not_watched() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("node_modules/left/pad")).unwrap();
        fs::create_dir_all(at("src")).unwrap();
        let options = Options { exclude: Some(modules()), ..options(rung) };
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        assert_eq!(live.tree().counts().dirs, 1);
        fs::write(at("node_modules/left/pad/file"), "1").unwrap();
        fs::create_dir_all(at("src/node_modules/deep")).unwrap();
        fs::write(at("src/node_modules/deep/file"), "1").unwrap();
        fs::write(at("src/main"), "1").unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Create, "src/main".into(), None)], "{rung}");
        assert_eq!(live.tree().counts().files, 1);
        // Out of sight it is gone, and back it is new, with all that is below.
        fs::rename(at("node_modules/left"), at("left")).unwrap();
        let found: Vec<String> = changes(&mut live).into_iter().map(|change| change.1).collect();
        assert_eq!(found, ["left", "left/pad", "left/pad/file"]);
        fs::rename(at("left"), at("node_modules/left")).unwrap();
        let gone: Vec<EventKind> = changes(&mut live).into_iter().map(|change| change.0).collect();
        assert_eq!(gone, [EventKind::Delete; 3]);
        if rung != Rung::FileSystem {
            assert_eq!(live.statistics().watched, 2, "the root and src: {rung}");
        }
    }
}

/// Leaves out the directories, by their names, that the files `rules` name, each for where it is.
struct Rules {
    root: std::path::PathBuf,
    known: Mutex<BTreeMap<Vec<u8>, Vec<Vec<u8>>>>,
}

impl Rules {
    fn exclude(root: &Path) -> Exclude {
        Exclude::new(Arc::new(Self { root: root.to_owned(), known: Mutex::default() }))
    }
}

impl Exclusion for Rules {
    fn name(&self) -> Vec<u8> {
        b"rules".to_vec()
    }

    fn excludes(&self, path: &[u8]) -> bool {
        let slash = path.iter().rposition(|b| *b == b'/');
        let (dir, name) = slash.map_or((&path[..0], path), |at| (&path[..at], &path[at + 1..]));
        let read = || {
            let place = self.root.join(String::from_utf8(dir.to_vec()).unwrap()).join("rules");
            let text = fs::read(place).unwrap_or_default();
            text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
        };
        let mut known = self.known.lock().unwrap();
        known.entry(dir.to_vec()).or_insert_with(read).iter().any(|one| one == name)
    }

    fn note(&self, changes: &[Change]) -> Vec<Box<[u8]>> {
        let is_rules = |path: &&[u8]| path.ends_with(b"rules");
        let paths = changes
            .iter()
            .flat_map(|change| change.from.as_deref().into_iter().chain([&*change.path]));
        let paths: Vec<&[u8]> = paths.filter(is_rules).collect();
        if !paths.is_empty() || changes.iter().any(|change| change.kind == EventKind::Rename) {
            self.known.lock().unwrap().clear();
        }
        let dir =
            |path: &[u8]| path.strip_suffix(b"rules").unwrap().strip_suffix(b"/").map(Box::from);
        paths.into_iter().map(|path| dir(path).unwrap_or_default()).collect()
    }
}

fn sorted(live: &mut LiveTree) -> Vec<(EventKind, String)> {
    let mut found: Vec<_> = changes(live).into_iter().map(|change| (change.0, change.1)).collect();
    found.sort();
    found
}

#[test]
fn rules_that_change_have_directories_leave_and_come_at_once() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("sub/build/deep")).unwrap();
        fs::write(at("sub/build/deep/file"), "1").unwrap();
        fs::write(at("sub/rules"), "build").unwrap();
        let options = Options { exclude: Some(Rules::exclude(dir.path())), ..options(rung) };
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        assert_eq!(live.tree().counts().dirs, 1, "{rung}");
        fs::write(at("sub/rules"), "other").unwrap();
        let come = ["sub/build", "sub/build/deep", "sub/build/deep/file"];
        let expected: Vec<_> = come.map(|path| (EventKind::Create, path.to_owned())).into();
        let rules = (EventKind::Modify, "sub/rules".to_owned());
        assert_eq!(sorted(&mut live), [&expected[..], std::slice::from_ref(&rules)].concat());
        fs::write(at("sub/build/deep/file"), "22").unwrap();
        assert_eq!(sorted(&mut live), [(EventKind::Modify, "sub/build/deep/file".to_owned())]);
        fs::write(at("sub/rules"), "build").unwrap();
        let expected: Vec<_> = come.map(|path| (EventKind::Delete, path.to_owned())).into();
        assert_eq!(sorted(&mut live), [vec![rules], expected].concat());
        let before = live.statistics();
        fs::write(at("sub/build/deep/file"), "333").unwrap();
        assert_eq!(sorted(&mut live), []);
        if rung == Rung::Inotify {
            assert_eq!(live.statistics().records, before.records, "nothing wakes it");
        }
        if rung != Rung::FileSystem {
            assert_eq!(before.watched, 2, "the root and sub: {rung}");
        }
        fs::remove_file(at("sub/rules")).unwrap();
        assert_eq!(sorted(&mut live).len(), 4, "{rung}");
    }
}

#[test]
fn a_directory_that_moves_is_renamed_and_what_is_left_out_of_it_follows_the_rules_there() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("one/out")).unwrap();
        fs::create_dir_all(at("one/in/deep")).unwrap();
        fs::write(at("one/out/file"), "").unwrap();
        fs::write(at("one/in/deep/file"), "").unwrap();
        let exclude = Exclude::fixed("by place", |path| matches!(path, b"one/out" | b"two/in"));
        let options = Options { exclude: Some(exclude), ..options(rung) };
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        fs::rename(at("one"), at("two")).unwrap();
        let mut found = changes(&mut live);
        found.sort();
        let told: Vec<(EventKind, &str, Option<&str>)> = found
            .iter()
            .map(|(kind, path, from)| (*kind, path.as_str(), from.as_deref()))
            .collect();
        let expected = [
            (EventKind::Create, "two/out", None),
            (EventKind::Create, "two/out/file", None),
            (EventKind::Delete, "two/in", None),
            (EventKind::Delete, "two/in/deep", None),
            (EventKind::Delete, "two/in/deep/file", None),
            (EventKind::Rename, "two", Some("one")),
        ];
        assert_eq!(told, expected, "{rung}");
    }
}

#[test]
fn rules_that_changed_while_nobody_watched_count_from_the_start() {
    let (dir, states) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("a")).unwrap();
    fs::create_dir_all(at("b")).unwrap();
    fs::write(at("a/file"), "").unwrap();
    fs::write(at("b/file"), "").unwrap();
    fs::write(at("rules"), "a").unwrap();
    let open = || {
        let (exclude, state) = (Some(Rules::exclude(dir.path())), Some(states.path().join("s")));
        let options = Options { exclude, state, ..Options::default() };
        LiveTree::open(dir.path(), &options).unwrap()
    };
    let live = open();
    let clock = live.clock();
    live.leave().unwrap();
    fs::write(at("rules"), "b").unwrap();
    let mut live = open();
    while live.barrier().unwrap().is_some() {}
    assert!(live.tree().lookup(b"a/file").is_some() && live.tree().lookup(b"b").is_none());
    let Since::Net { changes, gaps } = live.since(clock) else { panic!("it goes on") };
    let told: Vec<(EventKind, &[u8])> = changes.iter().map(|net| (net.kind, &*net.path)).collect();
    for change in [
        (EventKind::Create, &b"a"[..]),
        (EventKind::Create, b"a/file"),
        (EventKind::Delete, b"b"),
        (EventKind::Delete, b"b/file"),
        (EventKind::Modify, b"rules"),
    ] {
        assert!(told.contains(&change), "{told:?}");
    }
    assert_eq!((told.len(), gaps.len()), (5, 0));
}

#[test]
fn a_state_of_another_exclusion_is_not_taken_for_true_and_said_so() {
    let (dir, states) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(dir.path().join("node_modules/left")).unwrap();
    let state = states.path().join("s");
    let open = |exclude: Option<Exclude>| {
        let options = Options { exclude, state: Some(state.clone()), ..Options::default() };
        LiveTree::open(dir.path(), &options).unwrap()
    };
    let begin = |exclude: Option<Exclude>, before: Clock, dirs: u64| {
        let live = open(exclude);
        let lost = live.ready().lost.clone().expect("said");
        assert!(lost.contains("left out"), "{lost}");
        assert_eq!(live.since(before), Since::Fresh(Fresh::OtherRoot));
        assert_eq!(live.tree().counts().dirs, dirs);
        let clock = live.clock();
        live.leave().unwrap();
        clock
    };
    let live = open(Some(modules()));
    let clock = live.clock();
    live.close().unwrap();
    let clock = begin(None, clock, 2);
    assert!(peek(&state, Some(treenail_tree::IdKind::BLOCKS), None).is_ok());
    assert!(peek(&state, Some(treenail_tree::IdKind::BLOCKS), Some(&modules())).is_err());
    let clock = begin(Some(modules()), clock, 0);
    let live = open(Some(modules()));
    assert!(live.ready().resumed);
    assert!(matches!(live.since(clock), Since::Net { .. }));
}
