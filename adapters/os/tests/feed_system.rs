//! The watcher that macOS and Windows offer. Only what lies directly in the root is changed: wine,
//! under which these tests can run too, reports nothing from further below.
#![cfg(any(target_os = "macos", windows))]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use treenail_os::Handle;
use treenail_os::feed::{Event, Feed, Options, Rung, Token, Watched, What};

const DEADLINE: Duration = Duration::from_secs(60);
const ROOT: Token = Token(1);

struct Scene {
    feed: Feed,
    dir: TempDir,
    /// Name and what was said of it; of a rename, both names.
    said: Vec<(Vec<u8>, What)>,
    renamed: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("before"), b"").unwrap();
        let feed = Feed::open(dir.path(), &Options::new()).unwrap();
        assert_eq!(feed.rung(), Rung::System, "{:?}", feed.coverage());
        let handle = Handle::open(dir.path()).unwrap();
        assert_eq!(feed.watch(&handle, ROOT, b""), Watched::By(Rung::System));
        Self { feed, dir, said: Vec::new(), renamed: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            let (said, renamed) = (&mut self.said, &mut self.renamed);
            let read = self.feed.read(|event| match event {
                Event::Entry { dir: ROOT, name, what } => said.push((name.to_vec(), what)),
                Event::Renamed { from: (ROOT, from), to: (ROOT, to), .. } => {
                    renamed.push((from.to_vec(), to.to_vec()));
                }
                _ => {}
            });
            read.unwrap();
            assert!(start.elapsed() < DEADLINE, "{what} was not said: {:?}", self.said);
            self.feed.wait(Some(Duration::from_millis(100))).unwrap();
        }
    }

    fn until_said(&mut self, of: &str, any: What) {
        self.until(&format!("{any:?} of {of}"), |scene| {
            scene.said.iter().any(|(name, what)| name == of.as_bytes() && what.has(any))
        });
    }
}

#[test]
fn a_file_is_made_written_and_removed() {
    let mut scene = Scene::new();
    fs::write(scene.path("file"), b"text").unwrap();
    scene.until_said("file", What::CREATED);
    fs::write(scene.path("before"), b"text").unwrap();
    scene.until_said("before", What::MODIFIED | What::ATTRIBUTES);
    fs::remove_file(scene.path("file")).unwrap();
    scene.until_said("file", What::REMOVED);
}

#[test]
fn a_rename_names_both_places() {
    let mut scene = Scene::new();
    fs::rename(scene.path("before"), scene.path("after")).unwrap();
    if cfg!(windows) {
        scene.until("the rename", |scene| {
            scene.renamed.contains(&(b"before".to_vec(), b"after".to_vec()))
        });
    } else {
        for name in ["before", "after"] {
            scene.until_said(name, What::MOVED);
        }
    }
}

#[test]
fn where_it_is_not_allowed_everything_is_polled() {
    let dir = TempDir::new().unwrap();
    let feed = Feed::open(dir.path(), &Options::new().rungs(&[Rung::Inotify])).unwrap();
    assert_eq!(feed.rung(), Rung::Polling);
    let handle = Handle::open(dir.path()).unwrap();
    assert!(matches!(feed.watch(&handle, ROOT, b""), Watched::Polled { .. }));
    fs::write(dir.path().join("file"), b"").unwrap();
    assert!(!feed.wait(Some(Duration::from_millis(50))).unwrap());
    assert_eq!(feed.read(|event| panic!("{event:?}")).unwrap(), 0);
}
