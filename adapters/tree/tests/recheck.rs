//! What a pass over a known tree finds, and what it does not touch.
#![cfg(unix)]

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use treenail_os::Kind;
use treenail_tree::{
    Difference, DirId, Edit, IdKind, Ids, Listing, Outcome, Recheck, Rechecked, Scan, Tree, View,
};

fn scan(root: &Path) -> Tree {
    Scan::new().run(root, Some(IdKind::XXH3)).unwrap().tree
}

/// The tree as if it had been taken so many seconds later, which makes what is in it old.
fn later(tree: &Tree, seconds: i64) -> Tree {
    let file = tempfile::NamedTempFile::new().unwrap();
    tree.view(Some(IdKind::XXH3)).save(file.path()).unwrap();
    let mut bytes = fs::read(file.path()).unwrap();
    let taken = tree.view(None).taken_ns() + seconds * 1_000_000_000;
    bytes[56..64].copy_from_slice(&taken.to_le_bytes());
    use treenail_hash::Hash;
    let checksum = treenail_hash::Xxh128::hash(&bytes[..240]);
    bytes[240..256].copy_from_slice(&checksum);
    treenail_tree::Snapshot::from_bytes(bytes, file.path()).unwrap().to_tree().unwrap()
}

fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::create_dir_all(root.join("d/e")).unwrap();
    for path in ["f", "a/f", "a/b/f", "a/b/c/f", "a/b/c/g", "d/f", "d/e/f"] {
        fs::write(root.join(path), path).unwrap();
    }
    symlink("f", root.join("link")).unwrap();
    dir
}

/// The paths that differ, marked with what became of them; directories whose own stat alone
/// differs left out.
fn shown(tree: &Tree, found: &Rechecked) -> Vec<String> {
    let mark = |difference: &Difference| {
        let path = path(tree, difference.dir, &difference.name);
        let known = tree.lookup(path.as_bytes());
        match (known, difference.now) {
            (Some(known), Some(now))
                if known.stat.kind == Kind::Directory && now.kind == known.stat.kind =>
            {
                None
            }
            (Some(_), Some(_)) => Some(format!("={path}")),
            (None, Some(_)) => Some(format!("+{path}")),
            (Some(_), None) => Some(format!("-{path}")),
            (None, None) => panic!("{path} was not there and is not there"),
        }
    };
    found.differences.iter().filter_map(mark).collect()
}

fn path(tree: &Tree, dir: DirId, name: &[u8]) -> String {
    let mut path = tree.path_of(dir).unwrap();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    String::from_utf8(path).unwrap()
}

fn run(tree: &Tree, root: &Path) -> Rechecked {
    let found = Recheck::new(tree).threads(2).run(root).unwrap();
    assert!(found.failures.is_empty(), "{:?}", found.failures);
    found
}

#[test]
fn nothing_differs_and_nothing_is_listed_where_nothing_changed() {
    let dir = sample();
    let tree = later(&scan(dir.path()), 10);
    let found = run(&tree, dir.path());
    assert_eq!((found.dirs, found.dirs_listed), (6, 0));
    assert!(found.differences.is_empty() && found.suspects.is_empty());
    assert_eq!(found.root_stat, None);
}

#[test]
fn what_changed_just_before_the_tree_was_taken_is_listed_and_suspect() {
    let dir = sample();
    let tree = scan(dir.path());
    let found = run(&tree, dir.path());
    assert_eq!((found.dirs, found.dirs_listed), (6, 6));
    assert!(found.differences.is_empty());
    let paths: Vec<String> = found.suspects.iter().map(|(d, name)| path(&tree, *d, name)).collect();
    assert_eq!(paths.len(), 8, "{paths:?}");
    // Where no id is known there is nothing to suspect.
    let bare = Scan::new().run(dir.path(), None).unwrap().tree;
    assert!(run(&bare, dir.path()).suspects.is_empty());
    // An mtime in the future, which anybody can set, proves nothing either.
    let future = SystemTime::now() + Duration::from_secs(1_000_000);
    let times = FileTimes::new().set_modified(future);
    File::options().write(true).open(dir.path().join("a/f")).unwrap().set_times(times).unwrap();
    let tree = later(&scan(dir.path()), 10);
    let found = run(&tree, dir.path());
    assert!(found.differences.is_empty());
    assert_eq!(found.suspects.len(), 1);
    assert_eq!(path(&tree, found.suspects[0].0, &found.suspects[0].1), "a/f");
}

#[test]
fn each_sort_of_change_is_found_where_it_is() {
    let dir = sample();
    let root = dir.path();
    for seconds in [0, 10] {
        let tree = later(&scan(root), seconds);
        fs::write(root.join("a/b/f"), "other").unwrap();
        fs::write(root.join("a/new"), "new").unwrap();
        fs::create_dir_all(root.join("d/new/below")).unwrap();
        fs::remove_file(root.join("a/b/c/g")).unwrap();
        fs::remove_dir_all(root.join("d/e")).unwrap();
        fs::remove_file(root.join("link")).unwrap();
        symlink("other", root.join("link")).unwrap();
        let found = run(&tree, root);
        let expected = ["=a/b/f", "+a/new", "-a/b/c/g", "-d/e", "+d/new", "=link"];
        let mut shown = shown(&tree, &found);
        shown.sort();
        let mut expected: Vec<_> = expected.iter().map(|text| (*text).to_owned()).collect();
        expected.sort();
        assert_eq!(shown, expected);
        assert!(found.root_stat.is_some(), "the link was replaced in it");
        // The root, a, d and a/b/c changed; a/b did not, though a file in it did.
        assert_eq!(found.dirs_listed, if seconds == 0 { 5 } else { 4 });
        // Back to where it was, for the next round.
        fs::remove_dir_all(root.join("d/new")).unwrap();
        fs::create_dir(root.join("d/e")).unwrap();
        fs::remove_file(root.join("a/new")).unwrap();
        for path in ["a/b/c/g", "d/e/f"] {
            fs::write(root.join(path), path).unwrap();
        }
    }
}

#[test]
fn a_directory_that_became_something_else_is_one_difference() {
    let dir = sample();
    let root = dir.path();
    let tree = later(&scan(root), 10);
    fs::remove_dir_all(root.join("d")).unwrap();
    symlink("a", root.join("d")).unwrap();
    fs::rename(root.join("a/b"), root.join("gone")).unwrap();
    fs::write(root.join("a/b"), "a file").unwrap();
    let found = run(&tree, root);
    assert_eq!(shown(&tree, &found), ["=d", "+gone", "=a/b"]);
    let now = |name: &[u8]| found.differences.iter().find(|d| *d.name == *name).unwrap().now;
    assert_eq!(now(b"d").unwrap().kind, Kind::Symlink);
    assert_eq!(now(b"b").unwrap().kind, Kind::File);
}

#[test]
fn another_directory_of_the_same_name_is_compared_entry_by_entry() {
    let dir = sample();
    let root = dir.path();
    let tree = later(&scan(root), 10);
    fs::rename(root.join("a"), root.join("old")).unwrap();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/x"), "x").unwrap();
    let found = run(&tree, root);
    assert_eq!(shown(&tree, &found), ["+old", "-a/f", "+a/x", "-a/b/c", "-a/b/f"]);
}

#[test]
fn only_the_directories_that_are_asked_for_are_checked() {
    let dir = sample();
    let root = dir.path();
    let tree = later(&scan(root), 10);
    fs::write(root.join("f"), "other").unwrap();
    fs::write(root.join("a/b/f"), "other").unwrap();
    fs::write(root.join("a/b/c/f"), "other").unwrap();
    fs::write(root.join("d/e/f"), "other").unwrap();
    fs::set_permissions(root.join("a/b/c"), fs::Permissions::from_mode(0o700)).unwrap();
    let opened = Mutex::new(Vec::new());
    let on_open = |handle: &std::sync::Arc<treenail_os::Handle>, dir| {
        opened.lock().unwrap().push((dir, handle.path()));
    };
    let at = |path: &[u8]| tree.dir_at(path).unwrap();
    let stale = DirId { index: 3, generation: 9 };
    let dirs = [at(b"a/b"), at(b"d/e"), stale, at(b"a/b")];
    let recheck = Recheck::new(&tree).threads(2).dirs(Some(&dirs)).on_open(&on_open);
    let found = recheck.run(root).unwrap();
    assert_eq!(shown(&tree, &found), ["=a/b/f", "=d/e/f"]);
    let own = found.differences.iter().find(|difference| *difference.name == *b"c");
    assert_eq!(own.unwrap().now.unwrap().mode, 0o700, "it is an entry of what was asked for");
    assert_eq!(found.dirs, 2);
    let mut opened = opened.into_inner().unwrap();
    opened.sort();
    let mut expected = vec![(dirs[0], b"a/b".to_vec()), (dirs[1], b"d/e".to_vec())];
    expected.sort();
    assert_eq!(opened, expected);

    fs::remove_dir_all(root.join("a")).unwrap();
    let found = Recheck::new(&tree).dirs(Some(&dirs)).run(root).unwrap();
    assert_eq!(shown(&tree, &found), ["-a", "=d/e/f"], "what is above it is gone");
    let found = Recheck::new(&tree).dirs(Some(&[])).run(root).unwrap();
    assert_eq!((found.differences.len(), found.dirs), (0, 0));
}

#[test]
fn the_hook_comes_before_the_looking() {
    let dir = sample();
    let root = dir.path();
    let tree = later(&scan(root), 10);
    let seen = Mutex::new(Vec::new());
    let on_open = |handle: &std::sync::Arc<treenail_os::Handle>, dir: DirId| {
        assert_eq!(tree.path_of(dir), Some(handle.path()));
        seen.lock().unwrap().push(dir);
        // A file made now must be found: whoever watches from here on misses nothing.
        fs::write(root.join(tree_path(&handle.path())).join("hook"), "x").unwrap();
    };
    let found = Recheck::new(&tree).threads(2).on_open(&on_open).run(root).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 6);
    let new = shown(&tree, &found).iter().filter(|path| path.starts_with('+')).count();
    assert_eq!(new, 6);
}

fn tree_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

#[test]
fn an_incomplete_directory_is_always_listed() {
    let dir = sample();
    let root = dir.path();
    let mut tree = later(&scan(root), 10);
    let a = tree.dir_at(b"a").unwrap();
    tree.apply([Edit::Remove { at: (a, b"f") }]);
    assert!(shown(&tree, &run(&tree, root)).is_empty(), "it says that it is complete");
    for listing in [Listing::Partial, Listing::Unlisted] {
        tree.apply([Edit::List { dir: a, listing }]);
        assert_eq!(shown(&tree, &run(&tree, root)), ["+a/f"]);
    }
}

#[test]
fn a_directory_that_may_not_be_opened_is_a_failure_and_nothing_of_it_is_gone() {
    let dir = sample();
    let root = dir.path();
    if is_superuser(root) {
        eprintln!("skipped: nothing is refused to the superuser");
        return;
    }
    let tree = later(&scan(root), 10);
    fs::set_permissions(root.join("a/b"), fs::Permissions::from_mode(0o0)).unwrap();
    let found = Recheck::new(&tree).run(root).unwrap();
    fs::set_permissions(root.join("a/b"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found.failures.len(), 1);
    assert_eq!(found.failures[0].0, tree.dir_at(b"a/b").unwrap());
    assert!(shown(&tree, &found).is_empty());
    assert_eq!(found.differences[0].now.unwrap().mode, 0, "its own stat is told");
}

fn is_superuser(root: &Path) -> bool {
    fs::metadata(root).unwrap().uid() == 0
}

#[test]
fn a_large_directory_is_shared_out_and_compared_whole() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    (0..5_000).for_each(|i| fs::write(root.join(format!("{i:05}")), "x").unwrap());
    (0..300).for_each(|i| fs::create_dir(root.join(format!("{i:05}d"))).unwrap());
    let tree = later(&scan(root), 10);
    (0..5_000).step_by(500).for_each(|i| fs::write(root.join(format!("{i:05}")), "yy").unwrap());
    fs::remove_file(root.join("00001")).unwrap();
    fs::write(root.join("99999"), "").unwrap();
    for threads in [1, 4] {
        let found = Recheck::new(&tree).threads(threads).run(root).unwrap();
        let shown = shown(&tree, &found);
        assert_eq!(shown.len(), 12);
        assert_eq!((&*shown[0], &*shown[1], &*shown[11]), ("=00000", "-00001", "+99999"));
        assert_eq!((found.dirs, found.dirs_listed), (301, 1));
    }
}

#[test]
fn a_root_that_is_gone_is_an_error() {
    let dir = sample();
    let tree = scan(dir.path());
    let gone = dir.path().join("none");
    let error = Recheck::new(&tree).run(&gone).err().unwrap();
    assert!(error.to_string().contains("none"), "{error}");
}

/// Applies what a pass found, as whoever keeps a tree would; new directories are scanned.
fn bring_up_to_date(tree: &mut Tree, root: &Path) {
    let found = run(tree, root);
    if let Some(stat) = found.root_stat {
        tree.set_root_stat(stat);
    }
    for Difference { dir, name, now } in &found.differences {
        let Some(stat) = *now else {
            let outcomes = tree.apply([Edit::Remove { at: (*dir, name) }]).outcomes;
            assert_eq!(outcomes, [Outcome::Removed]);
            continue;
        };
        let path = path(tree, *dir, name);
        let was_dir = tree.dir_at(path.as_bytes()).is_some();
        tree.apply([Edit::Put { at: (*dir, name), stat, ids: Ids::Unchanged }]);
        if stat.kind == Kind::Directory && !was_dir {
            graft(tree, tree.dir_at(path.as_bytes()).unwrap(), &root.join(&path));
        }
    }
}

fn graft(tree: &mut Tree, to: DirId, from: &Path) {
    let new = scan(from);
    let mut dirs = vec![(DirId::ROOT, to)];
    while let Some((from, to)) = dirs.pop() {
        for entry in new.view(None).entries(from) {
            let (at, stat) = ((to, entry.name), entry.stat);
            tree.apply([Edit::Put { at, stat, ids: Ids::Unchanged }]);
            let made = tree.view(None).entry(to, entry.name).unwrap().child;
            dirs.extend(entry.child.zip(made));
        }
    }
}

/// Everything that a tree holds but the ids.
fn structure(tree: &Tree) -> Vec<(String, treenail_os::Stat)> {
    let mut all = Vec::new();
    let mut dirs = vec![DirId::ROOT];
    while let Some(dir) = dirs.pop() {
        for entry in tree.view(None).entries(dir) {
            all.push((path(tree, dir, entry.name), entry.stat));
            dirs.extend(entry.child);
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[derive(Clone, Debug)]
enum Step {
    Write(u8, u8),
    MakeDir(u8),
    Remove(u8),
    Rename(u8, u8),
    Link(u8),
    Mode(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (any::<u8>(), any::<u8>()).prop_map(|(path, content)| Step::Write(path, content)),
        4 => any::<u8>().prop_map(Step::MakeDir),
        2 => any::<u8>().prop_map(Step::Remove),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => any::<u8>().prop_map(Step::Link),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(path, mode)| Step::Mode(path, mode)),
    ];
    prop::collection::vec(step, 0..40)
}

/// One of 64 paths of up to three names of four.
fn place(root: &Path, path: u8) -> std::path::PathBuf {
    let mut place = root.to_owned();
    (0..=path / 64 % 3).for_each(|level| place.push(format!("{}", path >> (2 * level) & 3)));
    place
}

fn perform(root: &Path, steps: &[Step]) {
    for step in steps {
        // What does not work out is no step.
        _ = match *step {
            Step::Write(path, content) => {
                fs::write(place(root, path), vec![content; content.into()])
            }
            Step::MakeDir(path) => fs::create_dir_all(place(root, path)),
            Step::Remove(path) => fs::remove_dir_all(place(root, path))
                .or_else(|_| fs::remove_file(place(root, path))),
            Step::Rename(from, to) => fs::rename(place(root, from), place(root, to)),
            Step::Link(path) => symlink("nowhere", place(root, path)),
            Step::Mode(path, mode) => {
                let mode = fs::Permissions::from_mode(0o700 | (u32::from(mode) % 64));
                fs::set_permissions(place(root, path), mode)
            }
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tree_with_the_differences_is_what_a_scan_finds(
        before in steps(),
        after in prop::collection::vec((steps(), any::<bool>()), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        perform(dir.path(), &before);
        let mut tree = scan(dir.path());
        for (steps, is_old) in after {
            // Either all that is in it counts as old, and next to nothing is listed, or as young.
            tree = later(&tree, if is_old { 10 } else { 0 });
            // Beyond the tick of a coarse clock, in which a change leaves no trace.
            thread::sleep(Duration::from_millis(20));
            perform(dir.path(), &steps);
            bring_up_to_date(&mut tree, dir.path());
            prop_assert_eq!(structure(&tree), structure(&scan(dir.path())));
            prop_assert_eq!(tree.counts(), scan(dir.path()).counts());
        }
    }
}
