//! A directory under watch, and all that was said of it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use treenail_os::Handle;
use treenail_os::feed::{Event, Feed, Loss, Options, Rung, Token, Watched, What};

/// A machine under load may be slow; what is not said by then never is.
const DEADLINE: Duration = Duration::from_secs(60);

/// An event with paths below the root in place of tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Entry { path: Vec<u8>, what: What },
    Renamed { from: Vec<u8>, to: Vec<u8>, is_dir: bool },
    Directory { path: Vec<u8>, what: What },
    Link { file: Token, what: What },
    Lost { dirs: Vec<Vec<u8>>, reason: Loss },
}

/// A feed of the directory `root` in a scratch directory of its own.
pub(crate) struct Scene {
    pub(crate) feed: Feed,
    pub(crate) root: PathBuf,
    pub(crate) said: Vec<Said>,
    paths: HashMap<Token, Vec<u8>>,
    tokens: u64,
    /// Where `root` lies, beside things that are not watched.
    pub(crate) scratch: PathBuf,
    _dir: Option<TempDir>,
}

impl Scene {
    /// Watches the directory `root` of a fresh scratch directory, in which `prepare` makes it.
    /// None, with a word on why, if the machine does not offer that rung.
    pub(crate) fn new(rung: Rung, prepare: impl FnOnce(&Path)) -> Option<Self> {
        Self::with(rung, Options::new(), prepare)
    }

    /// The same with other options.
    pub(crate) fn with(rung: Rung, options: Options, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        prepare(dir.path());
        let mut scene = Self::at(dir.path(), &options.rungs(&[rung]))?;
        if scene.feed.rung() != rung {
            println!("skipped: {:?}", scene.feed.coverage());
            return None;
        }
        scene._dir = Some(dir);
        Some(scene)
    }

    /// Watches `root` in an existing directory.
    pub(crate) fn at(scratch: &Path, options: &Options) -> Option<Self> {
        let root = scratch.join("root");
        fs::create_dir_all(&root).unwrap();
        let feed = Feed::open(&root, options).unwrap();
        let scratch = scratch.to_owned();
        let mut scene = Self {
            feed,
            root,
            said: Vec::new(),
            paths: HashMap::new(),
            tokens: 0,
            scratch,
            _dir: None,
        };
        scene.watch("");
        Some(scene)
    }

    /// Watches one directory below the root and everything below that.
    pub(crate) fn watch(&mut self, path: impl AsRef<[u8]>) {
        let root = Handle::open(&self.root).unwrap();
        let path = path.as_ref();
        let mut dir = root;
        for name in path.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            dir = dir.open_directory(name).unwrap();
        }
        self.watch_below(&dir, path);
    }

    fn watch_below(&mut self, dir: &Arc<Handle>, path: &[u8]) {
        self.watch_one(dir, path);
        for entry in fs::read_dir(self.root.join(OsStr::from_bytes(path))).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                let name = entry.file_name();
                let below = dir.open_directory(name.as_bytes()).unwrap();
                self.watch_below(&below, &join(path, name.as_bytes()));
            }
        }
    }

    /// Watches one directory under a new token.
    pub(crate) fn watch_one(&mut self, dir: &Handle, path: &[u8]) -> (Token, Watched) {
        let token = self.token();
        self.paths.insert(token, path.to_vec());
        let top = path.split(|&b| b == b'/').next().unwrap();
        (token, self.feed.watch(dir, token, top))
    }

    /// A token that was not used before.
    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    /// The token of a path, the newest.
    pub(crate) fn token_of(&self, path: &str) -> Token {
        let of_path = self.paths.iter().filter(|(_, held)| held.as_slice() == path.as_bytes());
        *of_path.map(|(token, _)| token).max().unwrap()
    }

    /// Reads what there is.
    pub(crate) fn read(&mut self) -> usize {
        let Self { feed, said, paths, .. } = self;
        let path = |token: Token| paths[&token].clone();
        let count = feed.read(|event| {
            said.push(match event {
                Event::Entry { dir, name, what } => {
                    Said::Entry { path: join(&path(dir), name), what }
                }
                Event::Renamed { from, to, is_dir } => Said::Renamed {
                    from: join(&path(from.0), from.1),
                    to: join(&path(to.0), to.1),
                    is_dir,
                },
                Event::Directory { dir, what } => Said::Directory { path: path(dir), what },
                Event::Link { file, what } => Said::Link { file, what },
                Event::Lost { dirs, reason } => {
                    let mut dirs: Vec<_> =
                        dirs.iter().filter_map(|dir| paths.get(dir).cloned()).collect();
                    dirs.sort();
                    Said::Lost { dirs, reason }
                }
            });
        });
        count.unwrap()
    }

    /// Reads until something was said.
    pub(crate) fn until(&mut self, what: &str, said: impl Fn(&[Said]) -> bool) {
        let start = Instant::now();
        loop {
            self.read();
            if said(&self.said) {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "{what} was not said: {:?}", self.said);
            self.feed.wait(Some(Duration::from_millis(100))).unwrap();
        }
    }

    /// Reads until an entry was said to have had all of this happen, in any number of events.
    pub(crate) fn until_entry(&mut self, path: impl AsRef<[u8]>, all: &[What]) {
        let path = path.as_ref();
        let name = format!("{all:?} of {}", path.escape_ascii());
        self.until(&name, |said| {
            all.iter().all(|one| {
                said.iter().any(|said| match said {
                    Said::Entry { path: of, what } => of == path && what.has(*one),
                    _ => false,
                })
            })
        });
    }

    /// Reads until a directory was said to have had this happen itself.
    pub(crate) fn until_directory(&mut self, path: &str, one: What) {
        self.until(&format!("{one:?} of directory {path}"), |said| {
            said.iter().any(|said| match said {
                Said::Directory { path: of, what } => of == path.as_bytes() && what.has(one),
                _ => false,
            })
        });
    }

    /// Reads until a rename was said.
    pub(crate) fn until_renamed(&mut self, from: &str, to: &str, is_dir: bool) {
        let whole = Said::Renamed { from: from.into(), to: to.into(), is_dir };
        self.until(&format!("{whole:?}"), |said| said.contains(&whole));
    }

    /// Reads until all that was done before has been said: queues keep their order, so a file made
    /// now in the root is said last. Only for what lies in the same queue.
    pub(crate) fn settle(&mut self) {
        let name = format!("settle-{}", self.token().0);
        fs::write(self.root.join(&name), b"").unwrap();
        self.until_entry(&name, &[What::CLOSED]);
        self.until("no half of a rename", |_| true);
    }

    /// A path in the root.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
