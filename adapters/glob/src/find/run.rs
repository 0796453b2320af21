//! One walk over all roots: what its threads share, and its course.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treenail_os::{FileId, Handle, Kind, Listing, Stat, Walk, bytes_of, os_str_of};

use crate::error::Error;

use super::Sink;
use super::batch::{Batch, Found, Group};
use super::order::Order;
use super::plan::Plan;
use super::rules::RootRules;
use super::visitor::{Pending, Root, State, Visitor, Way, Worker};

/// One walk.
pub(super) struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) order: Option<Order>,
    over: AtomicBool,
    /// How many matches were handed over.
    told: AtomicU64,
    /// The directories that were entered, where links are followed.
    visited: Mutex<HashSet<FileId>>,
    links: Mutex<Vec<Link>>,
}

/// A link to a directory, to be entered later.
pub(super) struct Link {
    /// Where the system finds it.
    pub(super) path: Vec<u8>,
    /// What it leads to.
    pub(super) id: FileId,
    /// How far it lies below its root.
    pub(super) depth: usize,
    pub(super) state: State,
}

/// A directory whose own file is larger has so many entries that nobody waits for their end before
/// the first is told.
const HUGE_BYTES: u64 = 1 << 20;

/// What is left of a walk.
pub(super) enum Rest {
    /// Everything: the first directory is huge.
    All,
    /// The first directory has been listed, and these are in it.
    Below { root: Box<Root>, pending: Vec<Pending> },
}

impl Run {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self {
            order: plan.find.sort.then(Order::new),
            plan,
            over: AtomicBool::new(false),
            told: AtomicU64::new(0),
            visited: Mutex::default(),
            links: Mutex::default(),
        }
    }

    /// Walks all roots.
    pub(super) fn all<S: Sink>(&self, sink: &S) {
        for index in 0..self.plan.find.roots.len() {
            self.root(index, sink);
        }
    }

    /// Lists the first root, in this thread, unless that would take long. What is left to do is
    /// none if that was all.
    pub(super) fn first<S: Sink>(&self, sink: &S) -> Option<Rest> {
        if self.is_over() {
            return None;
        }
        let is_huge = |meta: Metadata| meta.is_dir() && meta.len() > HUGE_BYTES;
        if self.plan.find.roots[0].path.metadata().is_ok_and(is_huge) {
            return Some(Rest::All);
        }
        let mut worker = Worker::new(self, sink);
        let (root, state) = self.open_root(0, &mut worker)?;
        let mut pending = Vec::new();
        let path = &self.plan.find.roots[0].path;
        let mut listing = Listing::new();
        let straight = !matches!(state.way, Way::List);
        let opened = Handle::open(path).and_then(|handle| {
            if !straight {
                handle.list(&mut listing)?;
            }
            if self.order.is_some() {
                listing.sort_by_name();
            }
            Ok(handle)
        });
        match opened {
            Ok(handle) => {
                let visitor = Visitor { run: self, sink, root: &root, depth: 0 };
                let enter = |next| pending.push(next);
                visitor.look(&mut worker, &handle, listing.entries(), state, enter);
            }
            Err(error) => self.root_failed(&root, &mut worker, error),
        }
        let is_all =
            pending.is_empty() && lock(&self.links).is_empty() && self.plan.find.roots.len() == 1;
        let root = Box::new(root);
        (!is_all && !self.is_over()).then_some(Rest::Below { root, pending })
    }

    /// Does what is left after [`first`](Self::first).
    pub(super) fn rest<S: Sink>(&self, rest: Rest, sink: &S) {
        let Rest::Below { root, pending } = rest else { return self.all(sink) };
        if !pending.is_empty() {
            let place = self.plan.patterns.start(&root.absolute);
            let place = place.expect("the root has a place, or nothing was pending");
            let state = State {
                above: Arc::default(),
                place,
                excludes: None,
                rules: None,
                number: 0,
                is_guessed: false,
                way: Way::Listed(pending),
            };
            self.walk(&root, sink, state);
        }
        self.links(&root, sink);
        self.finish_root(sink);
        for index in 1..self.plan.find.roots.len() {
            self.root(index, sink);
        }
    }

    fn root<S: Sink>(&self, index: usize, sink: &S) {
        if self.is_over() {
            return;
        }
        let opened = {
            let mut worker = Worker::new(self, sink);
            self.open_root(index, &mut worker)
        };
        let Some((root, state)) = opened else { return };
        self.walk(&root, sink, state);
        self.links(&root, sink);
        self.finish_root(sink);
    }

    /// Prepares the walk of a root; none if nothing in it can match.
    fn open_root<S: Sink>(
        &self,
        index: usize,
        worker: &mut Worker<'_, S>,
    ) -> Option<(Root, State)> {
        let plan = &*self.plan;
        let given = &plan.find.roots[index];
        let mut prefix = given.shown.clone();
        if prefix.last().is_some_and(|&byte| byte != b'/') {
            prefix.push(b'/');
        }
        let mut absolute = Vec::new();
        if plan.patterns.are_absolute() {
            match std::path::absolute(&given.path) {
                Ok(path) => absolute = bytes_of(path.as_os_str()).to_vec(),
                Err(error) => {
                    worker.error(Error::io_at("find the directory", &given.path, error));
                    return None;
                }
            }
            if absolute.last() != Some(&b'/') {
                absolute.push(b'/');
            }
        }
        let mut errors = Vec::new();
        let opened = RootRules::open(
            &plan.find.ignores,
            plan.find.overrides.as_ref(),
            &given.path,
            &mut errors,
        );
        errors.into_iter().for_each(|error| worker.error(error));
        let (rules, held) = opened.unzip();
        let place = plan.patterns.start(&absolute)?;
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let root = Root { index, shown_len: prefix.len(), absolute, rules };
        let above = prefix.into();
        let way = if plan.prefix.is_empty() { Way::List } else { Way::Straight(0) };
        let excludes = plan.excludes.as_ref().map(|excludes| excludes.start());
        let number = self.order.as_ref().map_or(0, Order::start_root);
        let state = State { above, place, excludes, rules: held, number, is_guessed: false, way };
        Some((root, state))
    }

    fn walk<S: Sink>(&self, root: &Root, sink: &S, state: State) {
        let path = &self.plan.find.roots[root.index as usize].path;
        let visitor = Visitor { run: self, sink, root, depth: 0 };
        if let Err(error) = self.walk_at(path, &visitor, state) {
            let mut worker = Worker::new(self, sink);
            self.root_failed(root, &mut worker, error.into_source());
        }
    }

    fn walk_at<S: Sink>(
        &self,
        path: &Path,
        visitor: &Visitor<'_, '_, S>,
        state: State,
    ) -> Result<(), treenail_os::Error> {
        let find = &self.plan.find;
        let walk = Walk::new().threads(find.threads).near_order(find.sort);
        let walk = walk.same_file_system(find.one_file_system);
        walk.run(path, visitor, state)
    }

    /// Enters the links that were put by, and those behind them, as long as they lead anywhere new.
    fn links<S: Sink>(&self, root: &Root, sink: &S) {
        loop {
            let mut links = std::mem::take(&mut *lock(&self.links));
            if links.is_empty() || self.is_over() {
                return;
            }
            links.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            for link in links {
                self.link(root, sink, link);
            }
        }
    }

    fn link<S: Sink>(&self, root: &Root, sink: &S, link: Link) {
        let number = link.state.number;
        let is_new = !lock(&self.visited).contains(&link.id) && self.may_enter(root, link.id);
        let failed = match os_str_of(&link.path) {
            _ if !is_new || self.is_over() => None,
            Ok(path) => {
                let visitor = Visitor { run: self, sink, root, depth: link.depth };
                match self.walk_at(Path::new(&*path), &visitor, link.state) {
                    Ok(()) => return,
                    Err(error) => Some(error.into_source()),
                }
            }
            Err(error) => Some(error),
        };
        let mut worker = Worker::new(self, sink);
        if let Some(error) = failed {
            worker.error(Error::io("list the directory", link.path, error));
        }
        worker.complete(number, b"", Vec::new());
    }

    /// Whether a link stays on the file system, if it is to.
    fn may_enter(&self, root: &Root, id: FileId) -> bool {
        let find = &self.plan.find;
        if !find.one_file_system {
            return true;
        }
        let path = &find.roots[root.index as usize].path;
        path.metadata().is_ok_and(|meta| Stat::from_metadata(&meta).device == id.device)
    }

    /// Hands over what is left in order.
    fn finish_root<S: Sink>(&self, sink: &S) {
        if self.order.is_some() {
            drop(Worker::new(self, sink));
        }
    }

    /// A root that is no directory is a match, if it is what is looked for.
    fn root_failed<S: Sink>(&self, root: &Root, worker: &mut Worker<'_, S>, error: io::Error) {
        let given = &self.plan.find.roots[root.index as usize];
        if error.kind() != io::ErrorKind::NotADirectory {
            worker.error(Error::io_at("list the directory", &given.path, error));
            return;
        }
        if let Err(error) = self.file_root(root, worker) {
            worker.error(Error::io_at("look up", &given.path, error));
        }
    }

    fn file_root<S: Sink>(&self, root: &Root, worker: &mut Worker<'_, S>) -> io::Result<()> {
        let find = &self.plan.find;
        let given = &find.roots[root.index as usize];
        let stat = Stat::from_metadata(&given.path.metadata()?);
        let Some(name) = given.path.file_name().map(bytes_of) else { return Ok(()) };
        let parent = given.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let dir = parent.unwrap_or(Path::new("."));
        let shown = given.shown.strip_suffix(name).unwrap_or_default();
        let mut subject = root.absolute.clone();
        subject.truncate(subject.len().saturating_sub(name.len() + 1));
        let filter = &find.filter;
        let empty = !filter.empty || (stat.kind == Kind::File && stat.size_bytes == 0);
        let place = self.plan.patterns.start(&subject);
        let is_wanted = find.depth_min == 0
            && empty
            && filter.accepts_name(name, stat.kind)
            && filter.accepts_stat(&stat)
            && place.is_some_and(|at| self.plan.patterns.matches(&at, name, &mut subject));
        if !is_wanted {
            return Ok(());
        }
        let handle = Handle::open(dir)?;
        let is_link = handle.stat(name).is_ok_and(|stat| stat.kind == Kind::Symlink);
        let dir_len = shown.len();
        let mut batch = Batch::default();
        batch.begin(Group { first: 0, root: root.index, depth: 0, dir_len, handle });
        let found = Found { dir: shown, name, kind: stat.kind, followed: is_link };
        batch.push(found, find.mark, find.terminator);
        if self.plan.stats {
            batch.push_stat(stat);
        }
        worker.hand_over(&mut batch);
        Ok(())
    }
}

/// What the threads ask.
impl Run {
    /// Ends the walk.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the walk was ended, from outside too.
    pub(super) fn is_over(&self) -> bool {
        self.is_ended() || self.plan.find.cancel.is_cancelled()
    }

    /// Whether nothing more is to be told.
    pub(super) fn is_ended(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether no more matches are wanted than these.
    pub(super) fn is_enough(&self, batch: &Batch) -> bool {
        let max = self.plan.find.results_max;
        max != u64::MAX
            && self.told.load(Ordering::Relaxed).saturating_add(batch.len() as u64) >= max
    }

    /// Cuts a batch down to what is still wanted; whether that is anything.
    pub(super) fn claim(&self, batch: &mut Batch) -> bool {
        let max = self.plan.find.results_max;
        // What was found before it was cancelled is handed over.
        if self.is_ended() {
            return false;
        }
        if max == u64::MAX {
            return true;
        }
        let before = self.told.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let left = max.saturating_sub(before);
        if left <= batch.len() as u64 {
            self.end();
            batch.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        !batch.is_empty()
    }

    /// Whether nobody has entered the directory before.
    pub(super) fn is_first_visit(&self, id: FileId) -> bool {
        lock(&self.visited).insert(id)
    }

    /// Remembers a link.
    pub(super) fn put_by(&self, link: Link) {
        lock(&self.links).push(link);
    }
}

/// Opens a directory by its path, links followed.
pub(super) fn open(path: &[u8]) -> io::Result<Arc<Handle>> {
    Handle::open(Path::new(&*os_str_of(path)?))
}

/// Locks; nobody panics under the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
