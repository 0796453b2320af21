//! The live tree of a real directory.

mod work;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use treenail_os::feed::{Coverage, Feed, Rung, Statistics};

use super::begin::{Begun, Watching, has_fine_times};
use super::change::{Batch, Gap};
use super::clock::Clock;
use super::hasher::Hasher;
use super::history::Since;
use super::options::{Options, Polled, PolledFor, Ready};
use super::places::{Places, RootNow};
use super::state::State;
use super::{Live, NoLook, Unhashed};
use crate::error::{Error, ErrorKind};
use crate::lookup::split;
use crate::pages::DirId;
use crate::tree::Tree;
use work::{HELD_OPEN_FOR, Until, Young};

/// A tree that follows a directory. It has no thread of its own: time passes for it in
/// [`poll`](Self::poll).
///
/// ```
/// use std::time::Duration;
/// use treenail_tree::live::{LiveTree, Options};
///
/// let dir = tempfile::tempdir()?;
/// let mut live = LiveTree::open(dir.path(), &Options::default())?;
/// std::fs::write(dir.path().join("news"), "text")?;
/// let batch = live.poll(None)?.expect("without a limit, it waits for a change");
/// assert_eq!(&*batch.changes[0].path, b"news");
/// assert!(live.tree().lookup(b"news").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LiveTree {
    root: PathBuf,
    options: Options,
    feed: Arc<Feed>,
    /// The same, for wakers.
    current: Arc<Mutex<Arc<Feed>>>,
    places: Places,
    live: Live,
    hasher: Option<Hasher>,
    /// Short files whose ids may be worth to be known, for when there is nothing else to do.
    learning: VecDeque<(u64, DirId, Box<[u8]>)>,
    /// Files that are too young to be read, and when they will not be any more.
    young: VecDeque<(Instant, Young)>,
    state: Option<State>,
    /// Why there is no state although one was wanted.
    stateless: Option<Arc<str>>,
    /// Directories that nothing reports of, with the reason.
    polled: BTreeMap<DirId, Arc<str>>,
    /// When they are looked at next.
    poll_at: Option<Instant>,
    /// Directories are closed when nothing has happened until then.
    close_at: Option<Instant>,
    started: Instant,
    ready: Ready,
    gone: bool,
    /// What feeds that were given up have counted.
    counted: Statistics,
    /// Whether a [`Waker`] wants [`poll`](Self::poll) to return.
    woken: Arc<AtomicBool>,
}

impl LiveTree {
    /// Arms the feed, scans the directory, or compares it with what is remembered of it, and
    /// follows it from then on.
    ///
    /// # Errors
    /// If the root is no directory or cannot be listed, or its state is held by another process.
    ///
    /// # Panics
    /// If `options.ids` is none of [`IdKind::BUILT_IN`](crate::IdKind::BUILT_IN).
    pub fn open(root: &Path, options: &Options) -> Result<Self, Error> {
        let started = Instant::now();
        let hasher = options.ids.map(|ids| {
            Hasher::new(ids, has_fine_times())
                .unwrap_or_else(|| panic!("{ids} ids are not built in"))
        });
        let io = |doing: &'static str| move |error| Error::io(root, doing, error);
        let root_path = fs::canonicalize(root).map_err(io("cannot open the directory"))?;
        let places = Places::open(&root_path).map_err(io("cannot open the directory"))?;
        let feed = Feed::open(&root_path, &options.feed).map_err(io("cannot watch"))?;
        let mut armed = started.elapsed();
        let watching = Watching::new(&feed);
        let Begun { live, state, stateless, lost } = Begun::new(&root_path, options, &watching)?;
        if feed.rung() != Rung::FileSystem {
            let at = watching.armed.get().copied().unwrap_or_else(Instant::now);
            armed = at.duration_since(started);
        }
        let polled = watching.into_polled();
        let ready = Ready {
            clock: live.history().clock(),
            rung: feed.rung(),
            counts: live.tree().counts(),
            armed,
            elapsed: started.elapsed(),
            resumed: live.owes_recheck(),
            lost,
        };
        let feed = Arc::new(feed);
        let poll_at = (!polled.is_empty()).then(|| started + options.poll_every);
        let mut tree = Self {
            root: root_path,
            options: options.clone(),
            current: Arc::new(Mutex::new(feed.clone())),
            feed,
            places,
            live,
            hasher,
            learning: VecDeque::new(),
            young: VecDeque::new(),
            state,
            stateless,
            polled,
            poll_at,
            close_at: Some(Instant::now() + HELD_OPEN_FOR),
            started,
            ready,
            gone: false,
            counted: Statistics::default(),
            woken: Arc::default(),
        };
        if tree.ready.resumed {
            tree.work(Until::Rest, None)?;
            if tree.feed.rung() != Rung::FileSystem {
                tree.ready.armed = tree.started.elapsed();
            }
            tree.ready.elapsed = tree.started.elapsed();
            tree.ready.counts = tree.live.tree().counts();
        } else {
            // Whoever reads the clock may keep it, and this process may end, at once.
            tree.save(true)?;
            tree.ready.clock = tree.clock();
        }
        Ok(tree)
    }

    /// How it began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Why clocks end with this process although a state was wanted: from the start, or since it
    /// could not be stored any more. Only where it [may fail](Options::state_may_fail).
    #[must_use]
    pub fn stateless(&self) -> Option<&Arc<str>> {
        self.stateless.as_ref()
    }

    /// The directory, without symbolic links in its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The tree as it is known now; a clone is a snapshot and costs next to nothing.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        self.live.tree()
    }

    /// The present moment.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.live.history().clock()
    }

    /// What changed after `clock`, as far as it is known now; see [`barrier`](Self::barrier).
    #[must_use]
    pub fn since(&self, clock: Clock) -> Since {
        self.live.history().since(clock)
    }

    /// Waits for the next changes, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over, or a [`Waker`] was used.
    ///
    /// # Errors
    /// - [`ErrorKind::RootGone`] once the root is no longer there: a last batch may have told so.
    /// - The system refuses to report changes, or to store the history. The tree may not be true
    ///   any more then.
    pub fn poll(&mut self, timeout: Option<Duration>) -> Result<Option<Batch>, Error> {
        // A time that the system cannot hold is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            self.work(Until::News, until)?;
            if let Some(batch) = self.take_batch()? {
                return Ok(Some(batch));
            }
            if self.gone {
                return Err(self.root_gone());
            }
            if self.woken.swap(false, Ordering::AcqRel) {
                return Ok(None);
            }
            if self.learn_one() {
                continue;
            }
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                return Ok(None);
            }
            let wait = self.wakes_at().into_iter().chain(until).min();
            let wait = wait.map(|at| at.saturating_duration_since(now));
            self.feed.wait(wait).map_err(|error| self.failed("cannot wait for changes", error))?;
        }
    }

    /// Sees to it that everything that happened before this call is in the tree, files that are
    /// still being written included, and returns what that brought.
    ///
    /// # Errors
    /// As for [`poll`](Self::poll).
    pub fn barrier(&mut self) -> Result<Option<Batch>, Error> {
        self.barrier_until(None)
    }

    /// The same, but gives up at a time, since where somebody writes without a pause the end may
    /// never come. What was found until then is in the tree, and told by the next
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] if the time is over; and as for [`poll`](Self::poll).
    pub fn barrier_until(&mut self, until: Option<Instant>) -> Result<Option<Batch>, Error> {
        let revisited = self.revisited();
        if !revisited.is_empty() {
            self.live.recheck(revisited);
        }
        loop {
            // Once late, one more round each: a tree that is at rest is never too late.
            let is_late = until.is_some_and(|until| until <= Instant::now());
            self.work(Until::Rest, until)?;
            self.live.settle();
            let rests = self.work(Until::Rest, until)?;
            let held = self.feed.held_until();
            if rests && self.live.is_settled() && held.is_none() {
                let batch = self.take_batch()?;
                if batch.is_some() || !self.learn_one() {
                    return Ok(batch);
                }
                continue;
            }
            if is_late {
                let message = "not everything was seen within the time allowed";
                return Err(Error::new(ErrorKind::TimedOut, &self.root, message));
            }
            if !rests {
                continue;
            }
            let at = self.wakes_at().into_iter().chain(until).min();
            let wait = at.map(|at| at.saturating_duration_since(Instant::now()));
            self.feed.wait(wait).map_err(|error| self.failed("cannot wait for changes", error))?;
        }
    }

    /// Says that these bytes of a file, and no others, were just written by whoever calls. Of a
    /// large file whose blocks are known only those are read, and the change is reported with the
    /// range; others are read as a whole.
    ///
    /// # Errors
    /// The file cannot be read; [`io::ErrorKind::WouldBlock`] if somebody else writes to it.
    pub fn wrote(&mut self, path: &[u8], written: Range<u64>) -> Result<(), Error> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let failed = |error| Error::io(Path::new(&shown), "cannot read", error);
        let (above, name) = split(path);
        let dir = self.live.tree().dir_at(above);
        let dir = dir.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let handle =
            self.places.handle(self.live.tree(), dir).map_err(|no_look| match no_look {
                NoLook::Elsewhere => failed(io::ErrorKind::NotFound.into()),
                NoLook::Refused(error) => failed(error),
            })?;
        let Some(hasher) = &self.hasher else { return Ok(()) };
        match hasher.update(&handle, &(dir, name.into()), written) {
            Ok(found) => {
                self.live.wrote(dir, name, &found);
                Ok(())
            }
            Err(Unhashed::Gone) => Err(failed(io::ErrorKind::NotFound.into())),
            Err(Unhashed::Unstable) => Err(failed(io::ErrorKind::WouldBlock.into())),
            Err(Unhashed::Refused(error)) => Err(failed(error)),
        }
    }

    /// Has the id of a file computed if it is not known, so that its next change can be told from a
    /// rewrite of the same content.
    pub fn learn(&mut self, path: &[u8]) {
        let (above, name) = split(path);
        if let Some(dir) = self.live.tree().dir_at(above) {
            self.live.learn(dir, name);
        }
    }

    /// Has everything compared with the directory, for those changes that no feed reports.
    pub fn recheck(&mut self) {
        self.live.recheck(Vec::new());
    }

    /// Says that the [exclusion](Options::exclude) may say something else now of any directory, for
    /// a reason that is not among the tree's own changes.
    pub fn exclusion_changed(&mut self) {
        self.live.exclusion_changed();
    }

    /// What reports the changes of each mount, why nothing better does, and how late it may be.
    #[must_use]
    pub fn coverage(&self) -> Vec<Coverage> {
        let mut coverage = self.feed.coverage();
        for mount in coverage.iter_mut().filter(|mount| mount.rung == Rung::Polling) {
            mount.reasons.push(self.delay());
        }
        coverage
    }

    /// The directories that nothing reports of; they are looked at every
    /// [`poll_every`](Options::poll_every).
    #[must_use]
    pub fn polled(&self) -> Vec<Polled> {
        let path = |dir: DirId| self.live.tree().path_of(dir);
        let polled = self.polled.iter().filter_map(|(dir, reason)| {
            Some(Polled { path: path(*dir)?, reason: format!("{reason}; {}", self.delay()) })
        });
        polled.collect()
    }

    /// How many directories nothing reports of.
    #[must_use]
    pub fn polled_count(&self) -> usize {
        self.polled.len()
    }

    /// The directories that nothing reports of, summed up: one row for each reason.
    #[must_use]
    pub fn polled_for(&self) -> Vec<PolledFor> {
        let mut rows: BTreeMap<&str, PolledFor> = BTreeMap::new();
        for (dir, reason) in &self.polled {
            if let Some(row) = rows.get_mut(&**reason) {
                row.dirs += 1;
            } else if let Some(path) = self.live.tree().path_of(*dir) {
                let (reason, every) = (&**reason, self.options.poll_every);
                rows.insert(reason, PolledFor { reason: reason.into(), dirs: 1, path, every });
            }
        }
        rows.into_values().collect()
    }

    /// How late a change may be told that nothing reports.
    fn delay(&self) -> String {
        format!("looked at every {:?}", self.options.poll_every)
    }

    /// The directories that cannot be listed, with the reasons.
    #[must_use]
    pub fn unlisted(&self) -> Vec<(Vec<u8>, String)> {
        let path = |dir: DirId| self.live.tree().path_of(dir);
        let unlisted =
            self.live.unlisted().filter_map(|(dir, why)| Some((path(dir)?, why.to_owned())));
        unlisted.collect()
    }

    /// Files that have names outside the root: what is written through those, only some feeds see.
    #[must_use]
    pub fn linked_elsewhere(&self) -> Vec<Vec<u8>> {
        self.live.linked_elsewhere()
    }

    /// What the feed has counted, and those before it that were given up.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut statistics = self.feed.statistics();
        statistics.add_counts(&self.counted);
        statistics
    }

    /// What wakes a thread that is in [`poll`](Self::poll) with this tree, or else keeps the next
    /// one from waiting.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker { current: self.current.clone(), woken: self.woken.clone() }
    }

    /// Ends it as fast as may be. What was given out is there when it is opened again, unless the
    /// machine loses power.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn leave(mut self) -> Result<(), Error> {
        self.finish()?;
        let left = self.state.take().map_or(Ok(()), State::leave);
        if self.options.state_may_fail { Ok(()) } else { left }
    }

    /// Ends it, with everything stored so that the next opening knows that nothing is missing.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn close(mut self) -> Result<(), Error> {
        self.finish()?;
        let Some(state) = self.state.take() else { return Ok(()) };
        let closed = state.close(self.live.tree(), self.options.ids, self.live.history());
        if self.options.state_may_fail { Ok(()) } else { closed }
    }

    /// Finds out whether the path still leads to the root.
    fn look_at_root(&mut self) {
        match self.places.root_now() {
            RootNow::There(root) => {
                if let Ok(stat) = root.stat_self() {
                    self.live.set_root_stat(stat);
                }
            }
            RootNow::Refused(error) => self.live.refused(DirId::ROOT, &error),
            RootNow::Gone => self.note_root_gone(),
        }
    }

    fn note_root_gone(&mut self) {
        if !self.gone {
            self.gone = true;
            self.live.note_gap(Gap { path: Box::default(), reason: "the root is gone".into() });
        }
    }

    fn root_gone(&self) -> Error {
        let message = "the root was removed, moved, replaced or unmounted";
        Error::new(ErrorKind::RootGone, &self.root, message)
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(self.started.elapsed())
    }

    fn failed(&self, doing: &str, error: io::Error) -> Error {
        Error::io(&self.root, doing, error)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for LiveTree {
    /// A descriptor that is readable when [`poll`](LiveTree::poll) has something to do; there may
    /// also be something to do after some time, for which `poll` wants to be called now and then.
    /// It is another one after a change to another feed: ask for it after each `poll`.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.feed.as_fd()
    }
}

/// Wakes whoever waits in [`LiveTree::poll`].
#[derive(Clone)]
pub struct Waker {
    current: Arc<Mutex<Arc<Feed>>>,
    woken: Arc<AtomicBool>,
}

impl Waker {
    /// Wakes it.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        lock(&self.current).wake();
    }
}

/// Locks; nothing panics under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
