//! The thread that a live tree lives in, and those that ask it.

mod state;
mod worker;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use treenail_os::feed::{self, Statistics};
use treenail_tree::Tree;
use treenail_tree::live::{Batch, Clock, LiveTree, Options, Polled, PolledFor, Ready, Since};

use crate::error::Error;
use crate::subscription::{From, Subscription};
use state::{Ending, State};
use worker::Worker;

#[cfg(unix)]
pub(crate) use state::Direct;
pub(crate) use state::Moment;
pub(crate) use worker::Shared;

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
        let clock = live.clock();
        let mut state = State::new(live.tree().clone(), clock.tick);
        state.polled = live.polled_count();
        state.stateless = live.stateless().cloned();
        let shared = Arc::new(Shared {
            root: live.root().to_owned(),
            ready: live.ready().clone(),
            root_number: clock.root,
            incarnation: AtomicU32::new(clock.incarnation),
            waker: live.waker(),
            state: Mutex::new(state),
            happened: Condvar::new(),
            thread: OnceLock::new(),
        });
        let is_stateless = live.stateless().is_some();
        let worker = Worker { live, shared: shared.clone(), calls: Vec::new(), is_stateless };
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

    /// Says that these bytes of a file, and no others, were just written by whoever calls. Of a
    /// large file whose blocks are known only those are read, and the change is reported with the
    /// range; see [`LiveTree::wrote`]. Said before the file is closed it is in time: afterwards the
    /// system's own report may have been faster, and then the range is not told.
    ///
    /// # Errors
    /// The file cannot be read, or somebody else writes to it; nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn wrote(&self, path: &[u8], written: Range<u64>) -> Result<(), Error> {
        let path = path.to_vec();
        self.shared.ask(None, move |worker| worker.live.wrote(&path, written))?.map_err(Error::tree)
    }

    /// Has the id of a file computed if it is not known, so that its next change can be told from a
    /// rewrite of the same content.
    pub fn learn(&self, path: &[u8]) {
        self.shared.learn(path);
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

    /// How many directories nothing reported of when the last batch came. It asks nobody.
    #[must_use]
    pub fn polled_count(&self) -> usize {
        self.shared.lock().polled
    }

    /// Why clocks end with this process although a state was wanted, as
    /// [`LiveTree::stateless`] says it. It asks nobody.
    #[must_use]
    pub fn stateless(&self) -> Option<Arc<str>> {
        self.shared.lock().stateless.clone()
    }

    /// Has a function called with that reason, at once if there is one already; in the tree's own
    /// thread otherwise. The one of the last call counts.
    pub fn when_stateless(&self, tell: impl FnOnce(&str) + Send + 'static) {
        let mut state = self.shared.lock();
        match state.stateless.clone() {
            None => state.tell_stateless = Some(Box::new(tell)),
            Some(why) => {
                drop(state);
                tell(&why);
            }
        }
    }

    /// The directories that nothing reports of, summed up: one row for each reason.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    ///
    /// # Panics
    /// In a callback, which would wait for itself.
    pub fn polled_for(&self) -> Result<Vec<PolledFor>, Error> {
        self.shared.ask(None, |worker| worker.live.polled_for())
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
