//! The keeper's thread, and how others have it do something.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use treenail_tree::live::{Batch, Clock, LiveTree, Ready, Since, Waker};
use treenail_tree::{ErrorKind as TreeErrorKind, Tree};

use super::Call;
use super::state::{Command, Ending, Moment, State};
use crate::error::Error;

/// A barrier keeps the thread no longer than this at a time.
const BARRIER_SLICE: Duration = Duration::from_millis(250);

/// Where the answer of a barrier goes.
type Reply = mpsc::SyncSender<Result<Clock, Error>>;

/// What the threads have in common.
pub(crate) struct Shared {
    pub(super) root: PathBuf,
    pub(super) ready: Ready,
    /// Which tree clocks are of, and of which incarnation.
    pub(super) root_number: u64,
    pub(super) incarnation: AtomicU32,
    pub(super) waker: Waker,
    pub(super) state: Mutex<State>,
    pub(super) happened: Condvar,
    /// The keeper's own thread.
    pub(super) thread: OnceLock<ThreadId>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock(&self, tick: u64) -> Clock {
        let incarnation = self.incarnation.load(Ordering::Acquire);
        Clock { root: self.root_number, incarnation, tick }
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

    pub(crate) fn learn(&self, path: &[u8]) {
        let path = path.to_vec();
        self.tell(move |worker| worker.live.learn(&path));
    }

    /// Has the thread do something.
    pub(super) fn tell(&self, command: impl FnOnce(&mut Worker) + Send + 'static) {
        let mut state = self.lock();
        if !state.ended {
            state.commands.push_back(Box::new(command));
            drop(state);
            self.wake();
        }
    }

    /// Has the thread do something and waits for what comes of it.
    pub(super) fn ask<T: Send + 'static>(
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
    pub(super) fn wait_for<T>(
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

    pub(super) fn wake(&self) {
        self.waker.wake();
        self.happened.notify_all();
    }
}

/// What runs in the thread.
pub(crate) struct Worker {
    pub(super) live: LiveTree,
    pub(super) shared: Arc<Shared>,
    pub(super) calls: Vec<(u64, Call)>,
    /// Whether it was noted that the tree goes without a state.
    pub(super) is_stateless: bool,
}

impl Worker {
    pub(super) fn run(mut self) -> Result<(), Error> {
        // Whoever waits must not do so for ever, also if a callback panics.
        let _guard = FailOnPanic(self.shared.clone());
        self.shared.thread.get_or_init(|| thread::current().id());
        while self.obey() {
            if self.shared.lock().failed.is_some() {
                self.wait_for_commands();
                continue;
            }
            let polled = self.live.poll(None);
            self.note_stateless();
            match polled {
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

    /// Notes that the tree goes on without its state, if that is news.
    fn note_stateless(&mut self) {
        let Some(why) = self.live.stateless().filter(|_| !self.is_stateless) else { return };
        self.shared.incarnation.store(self.live.clock().incarnation, Ordering::Release);
        self.is_stateless = true;
        let (why, tell) = (why.clone(), {
            let mut state = self.shared.lock();
            state.stateless = Some(why.clone());
            state.tell_stateless.take()
        });
        if let Some(tell) = tell {
            tell(&why);
        }
    }

    fn publish(&mut self, batch: Batch) {
        let (batch, tree) = (Arc::new(batch), self.live.tree().clone());
        let waiting = {
            let mut state = self.shared.lock();
            state.polled = self.live.polled_count();
            state.push(Moment { batch: batch.clone(), tree: tree.clone() });
            state.begin_telling()
        };
        let clock = self.live.clock();
        for (_, call) in &mut self.calls {
            call(&batch, clock, &tree);
        }
        // Whoever could be told here need not be woken.
        let mut is_awaited = waiting.is_empty();
        for (id, direct) in waiting {
            let done = direct(&batch, clock);
            is_awaited |= self.shared.lock().end_telling(id, batch.tick, done);
        }
        if is_awaited || self.shared.lock().has_untaken() {
            self.shared.happened.notify_all();
        }
    }

    /// Replies when everything was seen. Where writing never ends that may never be, so it is tried
    /// for a while at a time, and between two tries what was found is told and others are obeyed.
    pub(super) fn barrier(&mut self, until: Option<Instant>, reply: Reply) {
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
