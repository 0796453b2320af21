//! The live tree of a real directory.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use treenail_os::Handle;
use treenail_os::feed::{self, Coverage, Event, Feed, Rung, Statistics, Watched};

use super::begin::{Begun, Watching, has_fine_times};
use super::change::{Batch, Gap};
use super::clock::Clock;
use super::dirt::At;
use super::exclude::Exclude;
use super::hasher::{CLOCK_STEP, Hasher, INLINE_BYTES_MAX};
use super::history::Since;
use super::places::{Places, top_of};
use super::state::State;
use super::{Action, Listed, Live, NoLook, Settings, token};
use crate::error::{Error, ErrorKind};
use crate::ids::IdKind;
use crate::lookup::split;
use crate::pages::DirId;
use crate::recheck::Recheck;
use crate::tree::Tree;
use crate::view::Counts;

/// Directories are closed when nothing has happened for so long.
const HELD_OPEN_FOR: Duration = Duration::from_millis(250);

/// How to keep a tree live.
#[derive(Clone, Debug)]
pub struct Options {
    /// The ids by which contents are compared; nothing to report every write. They are computed
    /// when a file is first written. Those of the kind `BLOCKS`, which is the default, also tell
    /// which parts of a large file have changed.
    pub ids: Option<IdKind>,
    /// Where the tree's history is kept, so that its clock outlives the process; a directory
    /// outside of the root. Nothing to keep none.
    pub state: Option<PathBuf>,
    /// What the system's feed of changes may use.
    pub feed: feed::Options,
    /// A file that stays open is reported after this long.
    pub open_max: Duration,
    /// How often directories are looked at whose changes nothing reports.
    pub poll_every: Duration,
    /// Which directories are left out of the tree and not watched; none if this is not given.
    pub exclude: Option<Exclude>,
    /// How much memory the history may take.
    pub history_bytes_max: usize,
    /// How many threads scan; 0 for as many as the machine runs at once.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        let Settings { open_max_ns, history_bytes_max, .. } = Settings::default();
        Self {
            ids: Some(IdKind::BLOCKS),
            state: None,
            feed: feed::Options::default(),
            open_max: Duration::from_nanos(open_max_ns),
            poll_every: Duration::from_secs(2),
            exclude: None,
            history_bytes_max,
            threads: 0,
        }
    }
}

/// How a live tree began.
#[derive(Clone, Debug)]
pub struct Ready {
    /// From this moment on every change is reported. Of what happened before, while the process did
    /// not run, the first batch tells.
    pub clock: Clock,
    /// What reports the changes of the root's file system.
    pub rung: Rung,
    /// What the tree holds.
    pub counts: Counts,
    /// How long it took until no later change could be missed.
    pub armed: Duration,
    /// How long it took until the tree was complete; to save it, where its history begins, comes
    /// after that.
    pub elapsed: Duration,
    /// Whether the history goes on from an earlier process.
    pub resumed: bool,
    /// Why an earlier state could not be used.
    pub lost: Option<String>,
}

/// A directory that no back end reports of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polled {
    /// Its path, relative to the root.
    pub path: Vec<u8>,
    /// Why, with the remedy.
    pub reason: String,
}

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
    /// If `options.ids` is none of [`IdKind::BUILT_IN`].
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
        let Begun { live, state, lost } = Begun::new(&root_path, options, &watching)?;
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
        } else if let Some(state) = &mut tree.state {
            // Whoever reads the clock may keep it, and this process may end, at once.
            state.end_checkpoint(true)?;
        }
        Ok(tree)
    }

    /// How it began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
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
            Err(super::Unhashed::Gone) => Err(failed(io::ErrorKind::NotFound.into())),
            Err(super::Unhashed::Unstable) => Err(failed(io::ErrorKind::WouldBlock.into())),
            Err(super::Unhashed::Refused(error)) => Err(failed(error)),
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
        self.state.take().map_or(Ok(()), State::leave)
    }

    /// Ends it, with everything stored so that the next opening knows that nothing is missing.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn close(mut self) -> Result<(), Error> {
        match self.state.take() {
            Some(state) => state.close(self.live.tree(), self.options.ids, self.live.history()),
            None => Ok(()),
        }
    }

    /// Reads what the feed has, and does what follows from it; whether nothing is left to do. After
    /// `late` it does not begin a second round.
    fn work(&mut self, until: Until, late: Option<Instant>) -> Result<bool, Error> {
        if self.feed.is_noisy() {
            self.step_down()?;
        }
        let now = Instant::now();
        if self.poll_at.is_some_and(|at| at <= now) {
            self.live.recheck(self.revisited());
            self.poll_at = Some(now + self.options.poll_every);
        }
        if let Some(state) = &mut self.state {
            state.end_checkpoint(false)?;
        }
        loop {
            let now_ns = self.now_ns();
            let (live, mut root_event) = (&mut self.live, false);
            let read = self.feed.read(|event| {
                root_event |= concerns_root(&event);
                live.event(now_ns, event);
            });
            let read = read.map_err(|error| self.failed("cannot read what changed", error))?;
            if root_event {
                self.look_at_root();
            }
            let mut did = read;
            while let Some((ticket, found)) = self.hasher.as_ref().and_then(Hasher::answer) {
                self.live.hashed(now_ns, ticket, found);
                did += 1;
            }
            did += self.read_grown();
            while let Some(action) = self.live.next_action(self.now_ns()) {
                self.perform(action)?;
                did += 1;
            }
            if did == 0 {
                self.plan_visit(now);
                self.close_when_idle();
                return Ok(true);
            }
            self.close_at = Some(now + HELD_OPEN_FOR);
            let is_wanted = self.live.has_batch() || self.woken.load(Ordering::Acquire);
            let is_late = late.is_some_and(|late| late <= Instant::now());
            if is_late || until == Until::News && is_wanted {
                return Ok(false);
            }
        }
    }

    /// Changes over to a feed that is not woken by what happens outside the root.
    fn step_down(&mut self) -> Result<(), Error> {
        let rungs = Rung::ALL.iter().copied().filter(|rung| *rung != Rung::FileSystem);
        let options = self.options.feed.clone().rungs(&rungs.collect::<Vec<_>>());
        let feed =
            Feed::open(&self.root, &options).map_err(|error| self.failed("cannot watch", error))?;
        self.options.feed = options;
        // The old feed is heard until the comparison has armed the new one everywhere.
        let old = std::mem::replace(&mut self.feed, Arc::new(feed));
        *lock(&self.current) = self.feed.clone();
        self.live.recheck(Vec::new());
        while let Some(action) = self.live.next_action(self.now_ns()) {
            self.perform(action)?;
        }
        let now_ns = self.now_ns();
        let live = &mut self.live;
        let read = old.read(|event| live.event(now_ns, event));
        read.map_err(|error| self.failed("cannot read what changed", error))?;
        self.counted.add_counts(&old.statistics());
        Ok(())
    }

    fn perform(&mut self, action: Action) -> Result<(), Error> {
        match action {
            Action::Look { dir, names } => {
                let found = self.places.look(self.live.tree(), dir, &names);
                self.live.looked(dir, names, found);
            }
            Action::List { dir } => {
                let found = self.watch_and_list(dir);
                self.live.listed(dir, found);
            }
            Action::Hash { ticket, dir, name, size_bytes, urgent } => {
                self.hash(ticket, dir, name, size_bytes, urgent);
            }
            Action::Recheck { dirs } => self.compare(&dirs)?,
            Action::WatchLink { dir, name, token } => {
                // Where it cannot be, the file is among those that have names elsewhere.
                if let Ok(handle) = self.places.handle(self.live.tree(), dir) {
                    self.feed.watch_link(&handle, &name, token);
                }
            }
            Action::UnwatchLink { token } => self.feed.unwatch(token),
            Action::Unwatch { dir } => {
                self.feed.unwatch(token(dir));
                self.places.forget(dir);
                self.polled.remove(&dir);
            }
        }
        Ok(())
    }

    fn watch_and_list(&mut self, dir: DirId) -> Result<Vec<Listed>, NoLook> {
        let handle = self.places.handle(self.live.tree(), dir)?;
        match self.feed.watch(&handle, token(dir), top_of(&handle)) {
            Watched::By(_) => _ = self.polled.remove(&dir),
            Watched::Polled { reason } => {
                self.polled.insert(dir, reason);
                self.poll_at.get_or_insert_with(|| Instant::now() + self.options.poll_every);
            }
        }
        self.places.list(self.live.tree(), dir)
    }

    fn hash(&mut self, ticket: u64, dir: DirId, name: Box<[u8]>, size_bytes: u64, urgent: bool) {
        let Some(hasher) = &mut self.hasher else { return };
        let now_ns = self.started.elapsed().as_nanos() as u64;
        if size_bytes <= INLINE_BYTES_MAX && !urgent {
            return self.learning.push_back((ticket, dir, name));
        }
        let answer = match self.places.handle(self.live.tree(), dir) {
            Err(_) => Some((ticket, Err(super::Unhashed::Gone))),
            Ok(handle) if size_bytes <= INLINE_BYTES_MAX => {
                let at = (dir, name);
                if hasher.is_young(&handle, &at) {
                    let young = Young { ticket, at, size_bytes, urgent };
                    return self.young.push_back((Instant::now() + CLOCK_STEP, young));
                }
                Some((ticket, hasher.hash(&handle, &at)))
            }
            Ok(handle) => {
                let feed = Arc::downgrade(&self.feed);
                let wake = move || _ = feed.upgrade().map(|feed| feed.wake());
                let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
                hasher.submit(ticket, handle, (dir, name), &wake)
            }
        };
        if let Some((ticket, found)) = answer {
            self.live.hashed(now_ns, ticket, found);
        }
    }

    /// Reads one of the files whose ids may be worth to be known; whether there was one.
    fn learn_one(&mut self) -> bool {
        let Some((ticket, dir, name)) = self.learning.pop_front() else { return false };
        let at = (dir, name);
        let found = match (&self.hasher, self.places.handle(self.live.tree(), dir)) {
            (Some(hasher), Ok(handle)) if hasher.is_young(&handle, &at) => {
                let young = Young { ticket, at, size_bytes: 0, urgent: false };
                self.young.push_back((Instant::now() + CLOCK_STEP, young));
                return true;
            }
            (Some(hasher), Ok(handle)) => hasher.hash(&handle, &at),
            _ => Err(super::Unhashed::Gone),
        };
        self.live.hashed(self.now_ns(), ticket, found);
        true
    }

    /// Asks again for the ids of files that were too young; how many those are.
    fn read_grown(&mut self) -> usize {
        let now = Instant::now();
        let mut count = 0;
        while let Some((_, young)) = self.young.pop_front_if(|(at, _)| *at <= now) {
            let Young { ticket, at: (dir, name), size_bytes, urgent } = young;
            self.hash(ticket, dir, name, size_bytes, urgent);
            count += 1;
        }
        count
    }

    /// Compares directories with the tree, or everything if there are none.
    fn compare(&mut self, dirs: &[DirId]) -> Result<(), Error> {
        let watching = Watching::new(&self.feed);
        let on_open = |dir: &Arc<Handle>, id: DirId| watching.watch(dir, id);
        let tree = self.live.tree();
        let dirs = (!dirs.is_empty()).then_some(dirs);
        let recheck = Recheck::new(tree).threads(self.options.threads).on_open(&on_open).dirs(dirs);
        let found = match recheck.run(&self.root) {
            Ok(found) => found,
            Err(_) if !self.root_is_there() => {
                self.gone = true;
                self.live.rechecked(Vec::new(), Vec::new());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let polled = watching.into_polled();
        if dirs.is_none() {
            self.polled = polled;
        } else {
            self.polled.extend(polled);
        }
        if self.polled.is_empty() {
            self.poll_at = None;
        } else {
            self.poll_at.get_or_insert_with(|| Instant::now() + self.options.poll_every);
        }
        if let Some(stat) = found.root_stat {
            self.live.set_root_stat(stat);
        }
        let failures = found.failures.iter().map(|(dir, error)| (*dir, error.to_string()));
        self.live.compared(dirs, failures.collect());
        self.live.rechecked(found.differences, found.suspects);
        Ok(())
    }

    fn take_batch(&mut self) -> Result<Option<Batch>, Error> {
        let Some(batch) = self.live.take_batch() else { return Ok(None) };
        if self.state.as_ref().is_some_and(State::is_of_other_exclusion) {
            // Before the first batch that comes of it, which would be replayed by other rules.
            self.save()?;
            self.state.iter_mut().try_for_each(|state| state.end_checkpoint(true))?;
        }
        if let Some(state) = &mut self.state {
            state.append(&batch)?;
            if state.wants_checkpoint() {
                self.save()?;
            }
        }
        Ok(Some(batch))
    }

    /// Has the tree saved.
    fn save(&mut self) -> Result<(), Error> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let feed = Arc::downgrade(&self.feed);
        let done = move || _ = feed.upgrade().map(|feed| feed.wake());
        state.begin_checkpoint(self.live.tree(), self.options.ids, self.live.history(), done)
    }

    /// When there is something to do although nothing happens.
    fn wakes_at(&mut self) -> Option<Instant> {
        let deadline = self.live.deadline_ns().map(|ns| self.started + Duration::from_nanos(ns));
        let grown = self.young.front().map(|(at, _)| *at);
        let times = [deadline, grown, self.poll_at, self.close_at, self.feed.held_until()];
        times.into_iter().flatten().min()
    }

    /// The directories that are looked at again and again: those that nothing reports of, and those
    /// that could not be opened, where a mark on the one above does not tell that they can be now.
    fn revisited(&self) -> Vec<DirId> {
        let has_marks = self.feed.rung() == Rung::Inodes;
        let refused = self.live.unlisted().map(|(dir, _)| dir).filter(|_| has_marks);
        self.polled.keys().copied().chain(refused).collect()
    }

    fn plan_visit(&mut self, now: Instant) {
        match self.revisited().is_empty() {
            true => self.poll_at = None,
            false => _ = self.poll_at.get_or_insert(now + self.options.poll_every),
        }
    }

    fn close_when_idle(&mut self) {
        if self.close_at.is_some_and(|at| at <= Instant::now()) {
            self.close_at = None;
            self.places.close();
        }
    }

    /// Finds out whether the path still leads to the root.
    fn look_at_root(&mut self) {
        if let Ok(root) = self.places.find_root() {
            if let Ok(stat) = root.stat_self() {
                self.live.set_root_stat(stat);
            }
        } else if !self.gone {
            self.gone = true;
            self.live.note_gap(Gap { path: Box::default(), reason: "the root is gone".into() });
        }
    }

    fn root_is_there(&self) -> bool {
        self.places.find_root().is_ok()
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

/// How long work goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until there is something to tell, or somebody wakes it. More may be in the queues.
    News,
    /// Until there is nothing to do.
    Rest,
}

/// A file whose id was asked for, and that changed so lately that reading it proves nothing.
struct Young {
    ticket: u64,
    at: At,
    size_bytes: u64,
    urgent: bool,
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

fn concerns_root(event: &Event<'_>) -> bool {
    match event {
        Event::Directory { dir, .. } => *dir == token(DirId::ROOT),
        Event::Lost { .. } => true,
        _ => false,
    }
}

/// Locks; nothing panics under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
