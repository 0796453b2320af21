//! A tree far deeper than paths may be long and than files may be open. Alone in its process, whose
//! limit of open files it lowers.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::process::{Resource, getrlimit, setrlimit};
use treenail_os::{Directory, Handle, Kind, Next, Place, Visit, Walk};

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Every so many levels there is a second directory, to come back to.
const SIDE: usize = 500;

fn open(dir: &OwnedFd, name: &str) -> OwnedFd {
    openat(dir, name, FLAGS, Mode::empty()).unwrap()
}

fn make(root: &Path, levels: usize) {
    let mut at = openat(CWD, root, FLAGS, Mode::empty()).unwrap();
    for level in 0..levels {
        mkdirat(&at, "deep", Mode::RWXU).unwrap();
        if level % SIDE == 0 {
            mkdirat(&at, "side", Mode::RWXU).unwrap();
        }
        at = open(&at, "deep");
    }
}

/// Removes it from the bottom up, which the standard library cannot.
fn remove(root: &Path, levels: usize) {
    let mut at = openat(CWD, root, FLAGS, Mode::empty()).unwrap();
    for _ in 0..levels {
        at = open(&at, "deep");
    }
    for level in (0..levels).rev() {
        at = open(&at, "..");
        unlinkat(&at, "deep", AtFlags::REMOVEDIR).unwrap();
        if level % SIDE == 0 {
            unlinkat(&at, "side", AtFlags::REMOVEDIR).unwrap();
        }
    }
}

/// Counts directories, and keeps the handle of the lowest or of all.
#[derive(Default)]
struct Count {
    keep_all: bool,
    directories: AtomicUsize,
    kept: Mutex<Vec<Arc<Handle>>>,
}

impl Visit for Count {
    type State = ();
    type Task = ();
    type Worker = ();

    fn worker(&self) {}

    fn directory(&self, (): &mut (), dir: &mut Directory<'_>, (): (), next: &mut Next<'_, Self>) {
        self.directories.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap();
        if self.keep_all || kept.last().is_none_or(|last| last.depth() < dir.depth()) {
            if !self.keep_all {
                kept.clear();
            }
            kept.push(dir.handle().clone());
        }
        drop(kept);
        for index in 0..dir.len() {
            assert_eq!(dir.stat_entry(index).unwrap().kind, Kind::Directory);
            next.descend(dir, index, ());
        }
    }

    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, (): &mut (), place: Place<'_>, error: io::Error, (): ()) {
        panic!("at depth {}: {error}", place.depth());
    }
}

#[test]
fn twenty_thousand_levels_are_walked_with_few_files_open() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).unwrap();
    for levels in [5_000, 20_000] {
        // In memory where that is possible: on a busy disk the making takes longer than the test.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        make(dir.path(), levels);
        // The default budget is half of the 64.
        for (walk, keep_all) in [
            (Walk::new(), false),
            (Walk::new().threads(1).open_dirs_max(0), false),
            (Walk::new().open_dirs_max(8), true),
        ] {
            let count = Count { keep_all, ..Count::default() };
            walk.run(dir.path(), &count, ()).unwrap();
            assert_eq!(count.directories.into_inner(), 1 + levels + levels / SIDE);
            let kept = count.kept.into_inner().unwrap();
            let bottom = kept.iter().max_by_key(|handle| handle.depth()).unwrap().clone();
            drop(kept);
            assert_eq!(bottom.depth(), levels);
            assert_eq!(bottom.path().len(), levels * "deep/".len() - 1);
            assert_eq!(bottom.stat_self().unwrap().id(), bottom.id().unwrap());
            // The whole chain of parents goes with it.
            drop(bottom);
        }
        remove(dir.path(), levels);
    }
}
