//! From a directory to a tree: one parallel walk that lists, stats and reads.

mod arm;
mod assemble;
mod content;
mod fresh;
mod gather;
mod previous;
mod rules;
mod visitor;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use treenail_os::Walk;

use crate::error::Error;
use crate::ids::{Blake3Ids, BlockIds, ContentId, GitIds, IdKind, Xxh3Ids};
use crate::live::Exclude;
use crate::snapshot::Snapshot;
use crate::tree::Tree;
use visitor::Visitor;

pub use arm::Arm;

/// The most failures that a scan keeps with their text; the rest is counted.
pub const FAILURES_KEPT_MAX: usize = 10_000;

/// How to scan a directory.
#[derive(Clone, Copy, Default)]
pub struct Scan<'a> {
    threads: usize,
    gitignore: bool,
    same_file_system: bool,
    previous: Option<&'a Snapshot>,
    progress: Option<&'a Progress>,
    arm: Option<&'a dyn Arm>,
    exclude: Option<&'a Exclude>,
}

/// A scanned tree, and what could not be scanned.
pub struct Scanned {
    /// Everything that could be listed.
    pub tree: Tree,
    /// What went wrong, in no order; at most [`FAILURES_KEPT_MAX`].
    pub failures: Vec<Failure>,
    /// How much went wrong.
    pub failures_total: u64,
    /// Files whose content was read.
    pub files_read: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Files whose id was taken from the previous snapshot.
    pub files_reused: u64,
}

/// One thing that could not be listed or read; the scan went on without it.
#[derive(Debug)]
pub struct Failure {
    /// The path, with the root as it was given.
    pub path: Vec<u8>,
    /// What was refused.
    pub error: io::Error,
}

/// How far a scan is; another thread may look at it at any time.
#[derive(Debug, Default)]
pub struct Progress {
    entries: AtomicU64,
    bytes_found: AtomicU64,
    bytes_done: AtomicU64,
}

impl Progress {
    /// Entries that were found so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// The sizes of the files found so far whose content has to be read.
    #[must_use]
    pub fn bytes_found(&self) -> u64 {
        self.bytes_found.load(Ordering::Relaxed)
    }

    /// The bytes of these that are done.
    #[must_use]
    pub fn bytes_done(&self) -> u64 {
        self.bytes_done.load(Ordering::Relaxed)
    }
}

impl<'a> Scan<'a> {
    /// A scan of everything, on all file systems below the root, with all of the machine's threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads may work; 0 means as many as the machine runs at once.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Leaves out what git ignores, and `.git` itself.
    #[must_use]
    pub fn gitignore(self, gitignore: bool) -> Self {
        Self { gitignore, ..self }
    }

    /// Stays on the file system of the root; a mount point is then an empty directory.
    #[must_use]
    pub fn same_file_system(self, same_file_system: bool) -> Self {
        Self { same_file_system, ..self }
    }

    /// Takes the ids of files whose stat is the same as in an earlier snapshot of the directory
    /// (size, times, inode and device, and not changed in the two seconds before it was taken),
    /// without reading them.
    #[must_use]
    pub fn previous(self, previous: Option<&'a Snapshot>) -> Self {
        Self { previous, ..self }
    }

    /// Where to say how far the scan is. It costs a little: files are then asked for their sizes
    /// before they are read.
    #[must_use]
    pub fn progress(self, progress: &'a Progress) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Who is told of each directory before it is listed, to have it watched: the watch sees all
    /// that the scan does not. A directory's own stat, which stands among its parent's entries, may
    /// be older.
    #[must_use]
    pub fn arm(self, arm: &'a dyn Arm) -> Self {
        Self { arm: Some(arm), ..self }
    }

    /// Which directories to leave out.
    #[must_use]
    pub fn exclude(self, exclude: &'a Exclude) -> Self {
        Self { exclude: Some(exclude), ..self }
    }

    /// Scans `root` with ids of a built-in kind, or without.
    ///
    /// # Errors
    /// If `root` is no directory or cannot be listed. What cannot be read below it is in
    /// [`Scanned::failures`].
    ///
    /// # Panics
    /// If `ids` is none of [`IdKind::BUILT_IN`]; use [`run_with`](Self::run_with).
    pub fn run(self, root: &Path, ids: Option<IdKind>) -> Result<Scanned, Error> {
        match ids {
            None => self.walk::<Xxh3Ids>(root, false),
            Some(IdKind::XXH3) => self.run_with::<Xxh3Ids>(root),
            Some(IdKind::BLAKE3) => self.run_with::<Blake3Ids>(root),
            Some(IdKind::GIT) => self.run_with::<GitIds>(root),
            Some(IdKind::BLOCKS) => self.run_with::<BlockIds>(root),
            Some(other) => panic!("{other} ids are not built in"),
        }
    }

    /// Scans `root` with ids of any kind.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_with<C: ContentId>(self, root: &Path) -> Result<Scanned, Error> {
        self.walk::<C>(root, true)
    }

    fn walk<C: ContentId>(self, root: &Path, with_ids: bool) -> Result<Scanned, Error> {
        let visitor = Visitor::<C>::new(&self, root, with_ids)?;
        let walk = Walk::new().threads(self.threads).same_file_system(self.same_file_system);
        walk.run(root, &visitor, visitor.root_state())
            .map_err(|error| Error::io(root, "cannot scan the directory", error.into_source()))?;
        Ok(visitor.into_scanned())
    }
}
