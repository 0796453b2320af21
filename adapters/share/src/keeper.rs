//! The thread that a live tree lives in, and those that ask it.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use treenail_os::feed::{self, Statistics};
use treenail_tree::live::{Batch, Clock, LiveTree, Options, Polled, Ready, Since, Waker};
use treenail_tree::{ErrorKind as TreeErrorKind, Tree};

use crate::error::Error;
use crate::subscription::{From, Subscription};

/// Batches kept for subscribers that have not taken them yet. Who falls further behind gets the net
/// changes instead.
const RECENT_BATCHES_MAX: usize = 256;

/// A barrier keeps the thread no longer than this at a time.
const BARRIER_SLICE: Duration = Duration::from_millis(250);

/// Changes kept in them; the newest batch is kept however many it holds.
const RECENT_CHANGES_MAX: usize = 16_384;

/// One live tree, kept true by a thread of its own, for any number of other threads.
///
/// Dropping it [stops](Self::stop) it.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

/// What is called with each batch, the moment after it, and the tree at that moment.
pub type Call = Box<dyn FnMut(&Batch, Clock, &Tree) + Send>;

/// Which callback; see [`Keeper::call`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(u64);

/// What sees the changes of which part of the tree, and what nothing sees.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// What reports the changes of each mount, the root's first, and why nothing better does.
    pub mounts: Vec<feed::Coverage>,
    /// The directories that nothing reports of; they are looked at again and again.
    pub polled: Vec<Polled>,
    /// The directories that cannot be listed, with the reasons.
    pub unlisted: Vec<(Vec<u8>, String)>,
    /// Files that have names outside the root: what is written through those, not every back end
    /// sees.
    pub linked_elsewhere: Vec<Vec<u8>>,
}

impl Keeper {
    /// Opens the live tree of a directory and its thread. Returns when the tree is complete; what
    /// had changed since an earlier process kept it is in the history then.
    ///
    /// # Errors
    /// As [`LiveTree::open`]; or the system gives no thread.
    ///
    /// # Panics
    /// As [`LiveTree::open`].
    pub fn start(root: &Path, options: &Options) -> Result<Self, Error> {
        let mut live = LiveTree::open(root, options).map_err(Error::tree)?;
        // What happened before the start is told by a batch that is ready now.
        live.poll(Some(Duration::ZERO)).map_err(Error::tree)?;
        let state = State {
            tree: live.tree().clone(),
            tick: live.clock().tick,
            recent: VecDeque::new(),
            recent_changes: 0,
            cursors: BTreeMap::new(),
            next_id: 0,
            commands: VecDeque::new(),
            stop: None,
            ended: false,
            failed: None,
        };
        let shared = Arc::new(Shared {
            root: live.root().to_owned(),
            ready: live.ready().clone(),
            origin: live.clock(),
            waker: live.waker(),
            state: Mutex::new(state),
            happened: Condvar::new(),
            thread: OnceLock::new(),
        });
        let worker = Worker { live, shared: shared.clone(), calls: Vec::new() };
        let thread = thread::Builder::new().name("treenail-keeper".to_owned());
        let thread = thread.spawn(move || worker.run());
        let thread = thread.map_err(|error| Error::io(root, "cannot start a thread", error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How it began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.shared.ready
    }

    /// The directory, without symbolic links in its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// A snapshot of the tree as it is known now.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.shared.lock().tree.clone()
    }

    /// The present moment.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let tick = self.shared.lock().tick;
        self.shared.clock(tick)
    }

    /// What changed after `clock`, as far as it is known, and the moment until which this says it.
    /// [`barrier`](Self::barrier) before it makes sure that everything is known.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn since(&self, clock: Clock) -> Result<(Since, Clock), Error> {
        let (since, now, _) = self.shared.since(clock)?;
        Ok((since, now))
    }

    /// Waits until everything that happened before this call is in the tree, files that are still
    /// being written included, and returns the clock of that moment. The changes have been told to
    /// all callbacks then.
    ///
    /// # Errors
    /// If that takes longer than `timeout` (`None`: for ever), or the tree fails.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn barrier(&self, timeout: Option<Duration>) -> Result<Clock, Error> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.shared
            .wait_for(timeout, move |reply| Box::new(move |worker| worker.barrier(until, reply)))?
    }

    /// Has the id of a file computed if it is not known, so that its next change can be told from a
    /// rewrite of the same content.
    pub fn learn(&self, path: &[u8]) {
        let path = path.to_vec();
        self.shared.tell(move |worker| worker.live.learn(&path));
    }

    /// Has everything compared with the directory, for those changes that no back end reports.
    pub fn recheck(&self) {
        self.shared.tell(|worker| worker.live.recheck());
    }

    /// What sees the changes of which part of the tree, and what nothing sees.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn coverage(&self) -> Result<Coverage, Error> {
        self.shared.ask(None, |worker| Coverage {
            mounts: worker.live.coverage(),
            polled: worker.live.polled(),
            unlisted: worker.live.unlisted(),
            linked_elsewhere: worker.live.linked_elsewhere(),
        })
    }

    /// What the feed has counted.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        self.shared.ask(None, |worker| worker.live.statistics())
    }

    /// Has a function called with each batch from now on, in the tree's own thread: the shortest
    /// way from a change to whoever wants to know of it. Nothing else goes on meanwhile, so it
    /// should be short.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn call(&self, call: Call) -> Result<CallId, Error> {
        let id = self.shared.lock().take_id();
        self.shared.ask(None, move |worker| worker.calls.push((id, call)))?;
        Ok(CallId(id))
    }

    /// Ends the calls of a function.
    pub fn end_call(&self, id: CallId) {
        self.shared.tell(move |worker| worker.calls.retain(|(one, _)| *one != id.0));
    }

    /// A place in the stream of changes. It may outlive the keeper, and then ends.
    #[must_use]
    pub fn subscribe(&self, from: From) -> Subscription {
        Subscription::new(self.shared.clone(), from)
    }

    /// Ends the thread, with everything stored so that the next start knows that nothing is
    /// missing.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end(Ending::Closed)
    }

    /// Ends the thread as fast as may be: all that was told is there at the next start, unless the
    /// machine loses power.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn leave(mut self) -> Result<(), Error> {
        self.end(Ending::Left)
    }

    fn end(&mut self, ending: Ending) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.lock().stop = Some(ending);
        self.shared.wake();
        thread.join().unwrap_or_else(|_| Err(Error::stopped(self.root())))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Who wants to know how it ended calls `stop`.
        drop(self.end(Ending::Closed));
    }
}

/// How a keeper ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With everything stored durably.
    Closed,
    /// As it stands.
    Left,
}

/// A change of the tree that subscribers may still want.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) batch: Arc<Batch>,
    pub(crate) tree: Tree,
}

/// What the threads have in common.
pub(crate) struct Shared {
    root: PathBuf,
    ready: Ready,
    /// A clock of this process, for those of other ticks.
    origin: Clock,
    waker: Waker,
    state: Mutex<State>,
    happened: Condvar,
    /// The keeper's own thread.
    thread: OnceLock<ThreadId>,
}

pub(crate) struct State {
    /// The newest snapshot.
    pub(crate) tree: Tree,
    /// Its tick.
    pub(crate) tick: u64,
    /// The last batches, their ticks without a hole.
    recent: VecDeque<Moment>,
    recent_changes: usize,
    /// How far each subscriber has come; of one that fell behind it is not kept here.
    cursors: BTreeMap<u64, u64>,
    next_id: u64,
    commands: VecDeque<Command>,
    stop: Option<Ending>,
    /// Whether nobody takes commands any more.
    ended: bool,
    /// Why there will be no more changes.
    pub(crate) failed: Option<Error>,
}

type Command = Box<dyn FnOnce(&mut Worker) + Send>;

/// Where the answer of a barrier goes.
type Reply = mpsc::SyncSender<Result<Clock, Error>>;

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock(&self, tick: u64) -> Clock {
        Clock { tick, ..self.origin }
    }

    /// Waits until something happens, at most until then.
    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => self.happened.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.happened.wait_timeout(state, limit);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// What changed after a clock, with the moment and the tree that this leads to.
    pub(crate) fn since(&self, clock: Clock) -> Result<(Since, Clock, Tree), Error> {
        self.ask(None, move |worker| {
            let live = &worker.live;
            (live.since(clock), live.clock(), live.tree().clone())
        })
    }

    /// Has the thread do something.
    fn tell(&self, command: impl FnOnce(&mut Worker) + Send + 'static) {
        let mut state = self.lock();
        if !state.ended {
            state.commands.push_back(Box::new(command));
            drop(state);
            self.wake();
        }
    }

    /// Has the thread do something and waits for what comes of it.
    fn ask<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        question: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.wait_for(timeout, |reply| {
            // Whoever asked may have given up by then.
            Box::new(move |worker| drop(reply.send(question(worker))))
        })
    }

    /// Gives the thread a command and waits until that, or one that it gave in its stead, replies.
    fn wait_for<T>(
        &self,
        timeout: Option<Duration>,
        command: impl FnOnce(mpsc::SyncSender<T>) -> Command,
    ) -> Result<T, Error> {
        let is_own = self.thread.get().is_some_and(|id| *id == thread::current().id());
        assert!(!is_own, "a callback must not wait for the thread that it runs in");
        let (reply, answer) = mpsc::sync_channel(1);
        self.tell(command(reply));
        let answer = match timeout {
            None => answer.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(timeout) => answer.recv_timeout(timeout),
        };
        answer.map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => Error::timed_out(&self.root),
            mpsc::RecvTimeoutError::Disconnected => {
                let failed = self.lock().failed.clone();
                failed.unwrap_or_else(|| Error::stopped(&self.root))
            }
        })
    }

    /// Has everybody look whether what they wait for has happened.
    pub(crate) fn notify(&self) {
        // Whoever looked before the lock was taken waits by now.
        drop(self.lock());
        self.happened.notify_all();
    }

    fn wake(&self) {
        self.waker.wake();
        self.happened.notify_all();
    }
}

impl State {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Enters a subscriber that has seen everything up to a tick.
    pub(crate) fn enter(&mut self, tick: u64) -> u64 {
        let id = self.take_id();
        self.cursors.insert(id, tick);
        id
    }

    /// Enters one that has to be told the net changes first.
    pub(crate) fn enter_behind(&mut self) -> u64 {
        self.take_id()
    }

    /// The batch after a subscriber's place, if there is one already. Nothing for one that fell
    /// behind: [`is_behind`](Self::is_behind).
    pub(crate) fn take_next(&mut self, id: u64) -> Option<Moment> {
        let cursor = self.cursors.get_mut(&id)?;
        let first = self.recent.front()?.batch.tick;
        let at = usize::try_from((*cursor + 1).checked_sub(first)?).ok()?;
        let moment = self.recent.get(at)?.clone();
        *cursor = moment.batch.tick;
        self.drop_taken();
        Some(moment)
    }

    /// Whether the batches after a subscriber's place are no longer all kept.
    pub(crate) fn is_behind(&self, id: u64) -> bool {
        !self.cursors.contains_key(&id)
    }

    /// Puts a subscriber where it has been told everything up to a tick. Still behind if more has
    /// gone by meanwhile than is kept.
    pub(crate) fn catch_up(&mut self, id: u64, tick: u64) {
        let kept_from = self.recent.front().map_or(self.tick, |first| first.batch.tick - 1);
        if tick >= kept_from {
            self.cursors.insert(id, tick);
        }
    }

    /// A subscriber is no more.
    pub(crate) fn leave(&mut self, id: u64) {
        self.cursors.remove(&id);
        self.drop_taken();
    }

    fn push(&mut self, moment: Moment) {
        self.tick = moment.batch.tick;
        self.tree = moment.tree.clone();
        if self.cursors.is_empty() {
            return;
        }
        self.recent_changes += moment.batch.changes.len();
        self.recent.push_back(moment);
        while self.recent.len() > RECENT_BATCHES_MAX
            || (self.recent_changes > RECENT_CHANGES_MAX && self.recent.len() > 1)
        {
            self.drop_first();
        }
        let kept_from = self.recent.front().map_or(self.tick, |first| first.batch.tick - 1);
        self.cursors.retain(|_, cursor| *cursor >= kept_from);
        self.drop_taken();
    }

    /// Drops the batches that every subscriber has taken.
    fn drop_taken(&mut self) {
        let slowest = self.cursors.values().min().copied().unwrap_or(u64::MAX);
        while self.recent.front().is_some_and(|first| first.batch.tick <= slowest) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.recent.pop_front() {
            self.recent_changes -= first.batch.changes.len();
        }
    }
}

/// What runs in the thread.
pub(crate) struct Worker {
    live: LiveTree,
    shared: Arc<Shared>,
    calls: Vec<(u64, Call)>,
}

impl Worker {
    fn run(mut self) -> Result<(), Error> {
        // Whoever waits must not do so for ever, also if a callback panics.
        let _guard = FailOnPanic(self.shared.clone());
        self.shared.thread.get_or_init(|| thread::current().id());
        while self.obey() {
            if self.shared.lock().failed.is_some() {
                self.wait_for_commands();
                continue;
            }
            match self.live.poll(None) {
                Ok(Some(batch)) => self.publish(batch),
                Ok(None) => {}
                Err(error) => self.fail(Error::tree(error)),
            }
        }
        let ending = self.shared.lock().stop;
        let ended = match ending {
            Some(Ending::Left) => self.live.leave(),
            _ => self.live.close(),
        };
        ended.map_err(Error::tree)
    }

    /// Does what was asked for; whether to go on.
    fn obey(&mut self) -> bool {
        loop {
            let (command, stop) = {
                let mut state = self.shared.lock();
                (state.commands.pop_front(), state.stop)
            };
            match command {
                _ if stop.is_some() => return false,
                Some(command) => command(self),
                None => return true,
            }
        }
    }

    fn wait_for_commands(&self) {
        let mut state = self.shared.lock();
        while state.commands.is_empty() && state.stop.is_none() {
            state = self.shared.wait(state, None);
        }
    }

    fn publish(&mut self, batch: Batch) {
        let (batch, tree) = (Arc::new(batch), self.live.tree().clone());
        self.shared.lock().push(Moment { batch: batch.clone(), tree: tree.clone() });
        let clock = self.live.clock();
        for (_, call) in &mut self.calls {
            call(&batch, clock, &tree);
        }
        self.shared.happened.notify_all();
    }

    /// Replies when everything was seen. Where writing never ends that may never be, so it is tried
    /// for a while at a time, and between two tries what was found is told and others are obeyed.
    fn barrier(&mut self, until: Option<Instant>, reply: Reply) {
        let slice = Instant::now() + BARRIER_SLICE;
        let slice = until.map_or(slice, |until| until.min(slice));
        let failed = self.shared.lock().failed.clone();
        let tried = failed.map_or_else(|| self.try_barrier(slice), Err);
        let is_over = until.is_some_and(|until| until <= Instant::now());
        let answer = match tried {
            Ok(Some(clock)) => Ok(clock),
            Ok(None) if is_over => Err(Error::timed_out(&self.shared.root)),
            Ok(None) => {
                let again: Command = Box::new(move |worker| worker.barrier(until, reply));
                return self.shared.lock().commands.push_back(again);
            }
            Err(error) => {
                self.fail(error.clone());
                Err(error)
            }
        };
        // Whoever asked may have given up by then.
        drop(reply.send(answer));
    }

    /// The moment when everything was seen, if that comes before `until`.
    fn try_barrier(&mut self, until: Instant) -> Result<Option<Clock>, Error> {
        let (reached, batch) = match self.live.barrier_until(Some(until)) {
            Ok(batch) => (true, batch),
            Err(error) if error.kind() == TreeErrorKind::TimedOut => {
                (false, self.live.poll(Some(Duration::ZERO)).map_err(Error::tree)?)
            }
            Err(error) => return Err(Error::tree(error)),
        };
        batch.into_iter().for_each(|batch| self.publish(batch));
        Ok(reached.then(|| self.live.clock()))
    }

    fn fail(&self, error: Error) {
        self.shared.lock().failed.get_or_insert(error);
        self.shared.happened.notify_all();
    }
}

/// Says, when it is dropped, that the thread is no more.
struct FailOnPanic(Arc<Shared>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        let commands = std::mem::take(&mut state.commands);
        state.failed.get_or_insert_with(|| Error::stopped(&self.0.root));
        drop(state);
        drop(commands);
        self.0.happened.notify_all();
    }
}
