//! Waiting until files are others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use treenail_os::feed::{Event, Feed, Options, Rung, Token, Watched};
use treenail_os::{Handle, bytes_of};

/// Whoever writes a file empties it first: it is read when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(50);

/// How often a file is looked at whose changes nothing reports.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// Files that are watched, whether they are there or not.
pub(crate) struct FileWatch {
    paths: Vec<PathBuf>,
    feed: Arc<Feed>,
    /// The name to look for in each watched directory.
    names: Vec<(Token, Vec<u8>)>,
    polled: bool,
}

impl FileWatch {
    /// Watches from here on.
    ///
    /// # Errors
    /// If not even a directory above one of the files can be opened.
    ///
    /// # Panics
    /// If there are no files.
    pub(crate) fn new(paths: &[PathBuf]) -> io::Result<Self> {
        loop {
            match Self::arm(paths) {
                Ok(Some(watch)) => return Ok(watch),
                // Directories come and go just now.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            thread::sleep(QUIET);
        }
    }

    /// Nothing if what is watched had been put in another's place before it was watched.
    fn arm(paths: &[PathBuf]) -> io::Result<Option<Self>> {
        let places = places(paths)?;
        let rungs = [Rung::Inodes, Rung::Inotify, Rung::System];
        let feed = Feed::open(&places[0].0, &Options::new().rungs(&rungs).queues(1))?;
        let mut watch =
            Self { paths: paths.to_vec(), feed: Arc::new(feed), names: Vec::new(), polled: false };
        let mut handles = Vec::new();
        for (token, (dir, name)) in (0..).map(Token).zip(places.clone()) {
            let handle = Handle::open(&dir)?;
            let watched = watch.feed.watch(&handle, token, b"");
            watch.polled |= matches!(watched, Watched::Polled { .. });
            watch.names.push((token, name));
            handles.push(handle);
        }
        let mut is_same = self::places(paths)? == places;
        for ((dir, _), handle) in places.iter().zip(handles) {
            is_same &= Handle::open(dir)?.stat_self()?.id() == handle.stat_self()?.id();
        }
        Ok(is_same.then_some(watch))
    }

    /// What ends a [`wait`](Self::wait) before something has happened; it is another one after each
    /// wait.
    pub(crate) fn waker(&self) -> Arc<Feed> {
        self.feed.clone()
    }

    /// Waits until something has happened to a file and no more does for a moment, or until
    /// something else has, it is woken, or the time is over.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let polled = self.polled.then_some(POLL_EVERY);
        self.feed.wait(limit.into_iter().chain(polled).min())?;
        if !self.read()? {
            // Something else in the directory, or it is time, or somebody called.
            return Ok(());
        }
        while self.feed.wait(Some(QUIET))? && self.read()? {}
        // A file may be in another place now, or its directory there at last.
        *self = Self::new(&self.paths)?;
        Ok(())
    }

    /// Whether something happened to a file.
    fn read(&self) -> io::Result<bool> {
        let mut happened = false;
        self.feed.read(|event| {
            let is_it = |dir: Token, name: &[u8]| {
                self.names.iter().any(|(token, own)| *token == dir && own == name)
            };
            happened |= match event {
                Event::Entry { dir, name, .. } => is_it(dir, name),
                Event::Renamed { from, to, .. } => is_it(from.0, from.1) || is_it(to.0, to.1),
                Event::Directory { .. } | Event::Lost { .. } => true,
                Event::Link { .. } => false,
            };
        })?;
        Ok(happened)
    }
}

/// The directories to watch for each of the files, and the names to look for in them.
fn places(paths: &[PathBuf]) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut places = Vec::new();
    for path in paths {
        // Where it is, or will be; and, of a symbolic link, what it leads to.
        places.push(nearest(path)?);
        if let Ok(target) = fs::canonicalize(path)
            && target != *path
        {
            places.push(nearest(&target)?);
        }
    }
    Ok(places)
}

/// The nearest directory above a path that is there, and the name in it that leads to the path.
fn nearest(path: &Path) -> io::Result<(PathBuf, Vec<u8>)> {
    for dir in path.ancestors().skip(1) {
        if dir.is_dir()
            && let Some(name) = path.strip_prefix(dir).ok().and_then(|rest| rest.iter().next())
        {
            return Ok((dir.to_owned(), bytes_of(name).to_vec()));
        }
    }
    Err(io::Error::new(io::ErrorKind::NotADirectory, "no directory above it is there"))
}
