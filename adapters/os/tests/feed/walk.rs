//! Directories are watched as a walk comes to them.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use treenail_os::feed::{Feed, Options, Rung, Token, Watched};
use treenail_os::{Directory, Handle, Kind, Next, Place, Visit, Walk};

struct Arm<'f> {
    feed: &'f Feed,
    opened: AtomicU64,
    listed: AtomicU64,
}

impl Visit for Arm<'_> {
    type State = u64;
    type Task = ();
    type Worker = ();

    fn worker(&self) {}

    fn opened(&self, (): &mut (), dir: &Arc<Handle>, depth: &u64) {
        assert_eq!(dir.depth() as u64, *depth);
        let token = Token(self.opened.fetch_add(1, Ordering::Relaxed));
        let path = treenail_os::os_str_of(&dir.full_path()).unwrap().into_owned();
        let path = std::path::Path::new(&path);
        fs::write(path.join("made-meanwhile"), b"").unwrap();
        // Nothing here goes by the path, even where so many directories are open that the handle
        // keeps no descriptor.
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        assert!(matches!(self.feed.watch(dir, token, b""), Watched::By(_)));
        dir.stat_self().unwrap();
        fs::rename(&away, path).unwrap();
    }

    fn directory(
        &self,
        (): &mut (),
        dir: &mut Directory<'_>,
        depth: u64,
        next: &mut Next<'_, Self>,
    ) {
        self.listed.fetch_add(1, Ordering::Relaxed);
        assert!(dir.entries().any(|entry| entry.name == b"made-meanwhile"));
        for index in 0..dir.len() {
            if dir.entry(index).kind == Kind::Directory {
                next.descend(dir, index, depth + 1);
            }
        }
    }

    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, (): &mut (), place: Place<'_>, error: io::Error, _: u64) {
        panic!("{}: {error}", place.path().escape_ascii());
    }
}

#[test]
fn each_directory_is_told_of_once_it_is_open_and_before_it_is_listed() {
    for (open, rung) in [(0, Rung::Inotify), (1, Rung::Inodes), (1_000, Rung::FileSystem)] {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        for path in ["a/b/c/d", "a/e", "f"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        let feed = Feed::open(&root, &Options::new().rungs(&[rung, Rung::Inotify])).unwrap();
        let arm = Arm { feed: &feed, opened: AtomicU64::new(0), listed: AtomicU64::new(0) };
        // One thread: another would look for the directory while it is away.
        Walk::new().threads(1).open_dirs_max(open).run(&root, &arm, 0).unwrap();
        assert_eq!((arm.opened.into_inner(), arm.listed.into_inner()), (7, 7));
        assert_eq!(feed.statistics().watched, 7);
    }
}
