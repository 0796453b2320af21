//! What a filter leaves out as a whole is neither watched nor in the tree.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use treenail_os::feed::{self, Rung};
use treenail_tree::live::{self, EventKind, Fresh};
use treenail_watch::{Filter, Options, Watcher, since};

const SOON: Option<Duration> = Some(Duration::from_secs(20));

fn inotify() -> live::Options {
    let feed = feed::Options::new().rungs(&[Rung::Inotify]);
    live::Options { feed, ..live::Options::default() }
}

fn start(root: &Path, filter: Filter) -> Watcher {
    Watcher::start(root, &Options::new().filter(filter).live(inotify())).unwrap()
}

/// What is told until everything that has happened by now has been.
fn told(watcher: &mut Watcher) -> BTreeSet<(EventKind, String)> {
    watcher.barrier(SOON).unwrap();
    let mut told = BTreeSet::new();
    while let Some(report) = watcher.next(Some(Duration::ZERO)).unwrap() {
        assert!(report.gaps.is_empty() && report.fresh.is_none());
        let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
        told.extend(report.changes.iter().map(|change| (change.kind, text(&change.path))));
    }
    told
}

fn all<const N: usize>(of: [(EventKind, &str); N]) -> BTreeSet<(EventKind, String)> {
    of.map(|(kind, path)| (kind, path.to_owned())).into()
}

/// The inodes that this process has inotify watches on.
fn watched_inodes() -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap().flatten() {
        for line in fs::read_to_string(entry.path()).unwrap_or_default().lines() {
            let inode = line.strip_prefix("inotify ").and_then(|line| {
                line.split(' ')
                    .find_map(|word| u64::from_str_radix(word.strip_prefix("ino:")?, 16).ok())
            });
            found.extend(inode);
        }
    }
    found
}

fn inode(path: PathBuf) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// A repository with what its rules ignore.
fn project() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    // In a place of its own: what is removed beside the root is told to who watches that.
    let root = dir.path().canonicalize().unwrap().join("root");
    for path in
        [".git/info", ".git/objects/aa", ".git/refs", "src/deep", "node_modules/a/b", "build"]
    {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(root.join(".gitignore"), "node_modules/\n*.log\n").unwrap();
    fs::write(root.join("src/.gitignore"), "/out/\n").unwrap();
    (dir, root)
}

#[test]
fn ignored_directories_have_no_watches_and_their_changes_wake_nobody() {
    let (_dir, root) = project();
    let mut watcher = start(&root, Filter::new().gitignore(true).glob("!build/"));
    let watched = watched_inodes();
    let is_watched = |path: &str| watched.contains(&inode(root.join(path)));
    for path in ["", "src", "src/deep", ".git", ".git/info"] {
        assert!(is_watched(path), "{path}");
    }
    for path in ["node_modules", "node_modules/a/b", "build", ".git/objects", ".git/refs"] {
        assert!(!is_watched(path), "{path}");
    }
    let before = watcher.statistics().feed;
    assert_eq!(before.watched, 5);
    for path in ["node_modules/a/b/file", "build/file", ".git/objects/aa/file"] {
        fs::write(root.join(path), "1").unwrap();
    }
    fs::create_dir_all(root.join("node_modules/new/deep")).unwrap();
    assert_eq!(told(&mut watcher), all([]));
    assert_eq!(watcher.statistics().feed.records, before.records);
    fs::create_dir_all(root.join("src/node_modules/deep")).unwrap();
    fs::create_dir_all(root.join("src/out/deep")).unwrap();
    fs::write(root.join("src/out/deep/file"), "1").unwrap();
    fs::write(root.join("src/file"), "1").unwrap();
    assert_eq!(told(&mut watcher), all([(EventKind::Create, "src/file")]));
    assert_eq!(watcher.statistics().feed.watched, 5);
}

#[test]
fn what_is_no_longer_ignored_comes_and_what_is_ignored_goes_in_silence() {
    let (_dir, root) = project();
    fs::write(root.join("build/file"), "1").unwrap();
    fs::write(root.join(".gitignore"), "build/\n").unwrap();
    let mut watcher = start(&root, Filter::new().gitignore(true));
    fs::write(root.join(".gitignore"), "# nothing\n").unwrap();
    let rules = (EventKind::Modify, ".gitignore");
    let come = [(EventKind::Create, "build"), (EventKind::Create, "build/file"), rules];
    assert_eq!(told(&mut watcher), all(come));
    fs::write(root.join("build/file"), "22").unwrap();
    assert_eq!(told(&mut watcher), all([(EventKind::Modify, "build/file")]));
    fs::write(root.join(".gitignore"), "build/\n").unwrap();
    assert_eq!(told(&mut watcher), all([rules]));
    assert!(!watched_inodes().contains(&inode(root.join("build"))));
    fs::write(root.join("build/file"), "333").unwrap();
    assert_eq!(told(&mut watcher), all([]));
    fs::write(root.join(".git/info/exclude"), "src\n").unwrap();
    assert_eq!(told(&mut watcher), all([]));
    assert!(!watched_inodes().contains(&inode(root.join("src"))));
    fs::remove_file(root.join(".git/info/exclude")).unwrap();
    let come = ["src", "src/.gitignore", "src/deep"].map(|path| (EventKind::Create, path));
    assert_eq!(told(&mut watcher), all(come));
}

#[test]
fn a_glob_that_a_later_one_contradicts_leaves_no_directory_out() {
    let (_dir, root) = project();
    let mut watcher = start(&root, Filter::new().glob("!node_modules").glob("*.c"));
    assert!(watched_inodes().contains(&inode(root.join("node_modules/a"))));
    fs::write(root.join("node_modules/a/x.c"), "").unwrap();
    assert_eq!(told(&mut watcher), all([(EventKind::Create, "node_modules/a/x.c")]));
}

#[test]
fn rules_that_changed_between_two_runs_are_made_up_for_and_other_filters_begin_anew() {
    let (_dir, root) = project();
    let state = tempfile::tempdir().unwrap();
    let options = |filter: Filter| {
        let live = live::Options { state: Some(state.path().join("s")), ..inotify() };
        Options::new().filter(filter).live(live)
    };
    let ignoring = options(Filter::new().gitignore(true));
    let watcher = Watcher::start(&root, &ignoring).unwrap();
    let clock = watcher.clock();
    watcher.leave().unwrap();
    fs::write(root.join(".gitignore"), "build/\n").unwrap();
    let report = since(&root, &ignoring.clone().since(clock), SOON).unwrap();
    assert!(report.fresh.is_none() && report.gaps.is_empty());
    let paths: BTreeSet<&[u8]> = report.changes.iter().map(|change| &*change.path).collect();
    let expected: [&[u8]; 4] =
        [b".gitignore", b"node_modules", b"node_modules/a", b"node_modules/a/b"];
    assert_eq!(paths, expected.into());
    let all = options(Filter::new());
    let report = since(&root, &all.since(report.clock), SOON).unwrap();
    assert_eq!(report.fresh, Some(Fresh::OtherRoot));
    assert!(report.changes.iter().any(|change| &*change.path == b"build"));
}
