//! The parallel walk: each directory is handed over once, with its whole listing.

mod pool;

use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::listing::{Entry, Listing};
use crate::name;
use crate::platform::{Handle, Opened, Shared};
use crate::stat::Stat;

use pool::{Pool, Work};

/// What a walk does with what it finds. All methods but [`worker`](Self::worker) are called from
/// several threads at once.
///
/// For every directory that was put forward exactly one of [`directory`](Self::directory) and
/// [`failed`](Self::failed) is called, unless the walk is stopped. A parent's call always ends
/// before its children's begin; beyond that there is no order.
pub trait Visit: Sync {
    /// What a directory hands down to one below it.
    type State: Send;
    /// Further work for the same threads, such as hashing a run of files.
    type Task: Send;
    /// Scratch of one thread.
    type Worker;

    /// Makes the scratch of one thread, in that thread.
    fn worker(&self) -> Self::Worker;

    /// Called when a directory, the root included, was opened and before it is listed: what is to
    /// be told of changes in it must ask for them here, lest one fall between. Does nothing unless
    /// it is overridden.
    fn opened(&self, worker: &mut Self::Worker, dir: &Arc<Handle>, state: &Self::State) {
        let _ = (worker, dir, state);
    }

    /// Called after [`opened`](Self::opened): whether the directory is to be listed. One that is
    /// not, because what is in it is known, is handed over without entries. True unless it is
    /// overridden.
    fn lists(&self, worker: &mut Self::Worker, dir: &Arc<Handle>, state: &mut Self::State) -> bool {
        let _ = (worker, dir, state);
        true
    }

    /// Called before a directory is listed: whether [`piece`](Self::piece) may be called with the
    /// first parts of a huge one, so that memory does not grow with it. False unless it is
    /// overridden.
    fn takes_pieces(&self, state: &Self::State) -> bool {
        let _ = state;
        false
    }

    /// Called with some of the entries of a huge directory, which no later call for it has again;
    /// [`directory`](Self::directory) is called with the last ones, unless listing fails before.
    /// Does nothing unless it is overridden.
    fn piece(
        &self,
        worker: &mut Self::Worker,
        dir: &mut Directory<'_>,
        state: &mut Self::State,
        next: &mut Next<'_, Self>,
    ) {
        let _ = (worker, dir, state, next);
    }

    /// Called with a directory and everything in it.
    fn directory(
        &self,
        worker: &mut Self::Worker,
        dir: &mut Directory<'_>,
        state: Self::State,
        next: &mut Next<'_, Self>,
    );

    /// Called once, by whichever thread comes to it: nothing is left but what was put off, so every
    /// directory that was found was opened or put off. Does nothing unless it is overridden.
    fn entered(&self) {}

    /// Called when the thread finds nothing to do at present: what it has put by for others is to
    /// be handed on. Does nothing unless it is overridden.
    fn idle(&self, worker: &mut Self::Worker) {
        let _ = worker;
    }

    /// Called with a task that was put forward before.
    fn task(&self, worker: &mut Self::Worker, task: Self::Task, next: &mut Next<'_, Self>);

    /// Called for a directory that could not be opened or not be listed to its end (what was
    /// listed of it is lost). Besides the system's errors there are
    /// [`DirectoryLoop`](crate::DirectoryLoop), [`DirectoryMoved`](crate::DirectoryMoved), and
    /// [`CrossesDevices`](io::ErrorKind::CrossesDevices) at the borders of a walk that stays on
    /// one file system.
    fn failed(
        &self,
        worker: &mut Self::Worker,
        place: Place<'_>,
        error: io::Error,
        state: Self::State,
    );
}

/// How to walk. The defaults: as many threads as the machine runs at once, all file systems, and
/// half of the process's limit of open files for directories.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    threads: Option<NonZero<usize>>,
    same_file_system: bool,
    open_dirs_max: Option<usize>,
    near: bool,
}

impl Walk {
    /// So many threads work at most.
    pub const THREADS_MAX: usize = 256;

    /// A walk with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads may work, the caller's own included; 0 means as many as the machine runs
    /// at once. A second one is started only when there is work for it. More than
    /// [`THREADS_MAX`](Self::THREADS_MAX) are so many.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZero::new(threads.min(Self::THREADS_MAX));
        self
    }

    /// Whether to stay on the file system of the root (no effect on Windows).
    #[must_use]
    pub fn same_file_system(mut self, stay: bool) -> Self {
        self.same_file_system = stay;
        self
    }

    /// How many directories may be kept open at once. Handles beyond it still work, more slowly;
    /// each thread opens up to two more. No effect where directories are not kept open.
    #[must_use]
    pub fn open_dirs_max(mut self, directories: usize) -> Self {
        self.open_dirs_max = Some(directories);
        self
    }

    /// Whether threads keep near to the order in which directories are put forward, depth first:
    /// for a visitor that puts what it finds in that order, and has to keep what comes early.
    #[must_use]
    pub fn near_order(mut self, near: bool) -> Self {
        self.near = near;
        self
    }

    /// Walks the directory `root` (followed if it is a symbolic link; no other is) and returns
    /// when all is done or the visitor has stopped it.
    ///
    /// # Errors
    /// The root cannot be opened or listed. All other failures go to [`Visit::failed`].
    ///
    /// # Panics
    /// If the visitor does.
    pub fn run<V: Visit>(&self, root: &Path, visitor: &V, state: V::State) -> Result<(), Error> {
        let shared = Shared::new(root, self.same_file_system, self.open_dirs_max);
        let opened = Handle::open_root(shared)
            .map_err(|error| Error::new("open the directory", root, error))?;
        let pool = Pool::new(visitor, self.threads, self.near);
        pool.run(Work::Root { opened, state })
            .map_err(|error| Error::new("list the directory", root, error))
    }
}

/// An open directory and everything in it.
pub struct Directory<'a> {
    listing: &'a mut Listing,
    opened: &'a Opened,
}

impl Directory<'_> {
    /// How many entries it has, `.` and `..` not counted.
    pub fn len(&self) -> usize {
        self.listing.records.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.listing.records.is_empty()
    }

    /// One entry, in the order of the file system until the entries are sorted.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn entry(&self, index: usize) -> Entry<'_> {
        self.listing.entry(index)
    }

    /// All entries.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        (0..self.len()).map(|index| self.entry(index))
    }

    /// Puts the entries in the order of their names' bytes; their indices change.
    pub fn sort_by_name(&mut self) {
        self.listing.sort_by_name();
    }

    /// The handle, which can be kept as long as needed.
    pub fn handle(&self) -> &Arc<Handle> {
        &self.opened.handle
    }

    /// How far below the root it lies: 0 for the root.
    pub fn depth(&self) -> usize {
        self.opened.handle.depth()
    }

    /// The attributes of the directory itself.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn stat(&self) -> io::Result<Stat> {
        self.opened.stat_self()
    }

    /// The attributes of whatever has that name in it, listed or not, of a symbolic link itself.
    ///
    /// # Errors
    /// `name` is not a single name, there is nothing of that name, or the system cannot tell.
    pub fn stat_name(&self, name: &[u8]) -> io::Result<Stat> {
        name::check(name)?;
        self.opened.stat_entry(name)
    }

    /// The attributes of one entry, of a symbolic link itself.
    ///
    /// # Errors
    /// The entry is gone, or the system cannot tell.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn stat_entry(&self, index: usize) -> io::Result<Stat> {
        self.opened.stat_entry(self.entry(index).name)
    }
}

/// Where the visitor puts what is to be done next.
pub struct Next<'a, V: Visit + ?Sized> {
    /// In the order in which it was put forward.
    work: &'a mut Vec<Work<V>>,
    /// What is not urgent.
    later: &'a mut Vec<Work<V>>,
    stop: &'a AtomicBool,
}

impl<V: Visit + ?Sized> Next<'_, V> {
    /// Has the entry `index` of `dir` visited as a directory, with this state. Entries that are
    /// not put forward are not entered.
    ///
    /// # Panics
    /// If `index` is not below the number of entries.
    pub fn descend(&mut self, dir: &Directory<'_>, index: usize, state: V::State) {
        self.work.push(Self::child(dir, index, state));
    }

    /// As [`descend`](Self::descend), when nothing else is left to do.
    ///
    /// # Panics
    /// As `descend`.
    pub fn descend_later(&mut self, dir: &Directory<'_>, index: usize, state: V::State) {
        self.later.push(Self::child(dir, index, state));
    }

    fn child(dir: &Directory<'_>, index: usize, state: V::State) -> Work<V> {
        let entry = dir.entry(index);
        let (name, inode) = (entry.name.into(), entry.inode);
        Work::Directory { parent: dir.handle().clone(), name, inode, state }
    }

    /// Has the directory `name` in `parent` visited, which need not have been listed. `inode` is
    /// what is known of it, 0 if nothing is.
    pub fn enter(&mut self, parent: &Arc<Handle>, name: &[u8], inode: u64, state: V::State) {
        let (parent, name) = (parent.clone(), name.into());
        self.work.push(Work::Directory { parent, name, inode, state });
    }

    /// Has a task done.
    pub fn task(&mut self, task: V::Task) {
        self.work.push(Work::Task(task));
    }

    /// Has a task done when nothing else is left to do. What is put off is taken in the order in
    /// which it was put off, more or less.
    pub fn task_later(&mut self, task: V::Task) {
        self.later.push(Work::Task(task));
    }

    /// Ends the walk: calls under way end, no others begin, and what was put forward is dropped.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the walk was stopped, so that a long task can end early.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Where a directory is, or was.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    parent: &'a Arc<Handle>,
    name: &'a [u8],
}

impl<'a> Place<'a> {
    /// The directory that it was found in.
    pub fn parent(&self) -> &'a Arc<Handle> {
        self.parent
    }

    /// Its name in that directory.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// How far below the root it lies, at least 1.
    pub fn depth(&self) -> usize {
        self.parent.depth() + 1
    }

    /// Its path relative to the root of the walk.
    pub fn path(&self) -> Vec<u8> {
        let mut path = self.parent.path();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend(self.name);
        path
    }

    /// Its path with the root as the walk was given it.
    pub fn full_path(&self) -> Vec<u8> {
        let mut path = self.parent.full_path();
        if path.last().is_some_and(|&b| b != b'/') {
            path.push(b'/');
        }
        path.extend(self.name);
        path
    }
}
