//! A place in the stream of changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use treenail_tree::Tree;
use treenail_tree::live::{Batch, Clock, Fresh, Gap, Net, Since};

use crate::error::Error;
#[cfg(unix)]
use crate::keeper::Direct;
use crate::keeper::{Moment, Shared};

/// Where a subscription begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// With what changes after the call.
    Now,
    /// With what changed after that clock, which may be one of an earlier process.
    Clock(Clock),
}

impl From {
    #[cfg(unix)]
    pub(crate) fn clock(self) -> Option<Clock> {
        match self {
            Self::Now => None,
            Self::Clock(clock) => Some(clock),
        }
    }
}

/// A reader's place in the stream of changes of a [`Keeper`](crate::Keeper).
///
/// It gets each batch as long as it keeps up. One that falls behind, because it is slow or has not
/// asked for a while, gets what has changed in sum since its place, and goes on from there: nothing
/// is lost, and nothing is stored for it.
pub struct Subscription {
    shared: Arc<Shared>,
    id: u64,
    clock: Clock,
    /// The tree at the clock, if that is of this process.
    tree: Option<Tree>,
    interrupted: Arc<AtomicBool>,
}

/// What changed since the reader's last place, and the place that it has now.
#[derive(Clone)]
pub struct Delivery {
    /// The moment up to which everything has been delivered.
    pub clock: Clock,
    /// The tree at that moment.
    pub tree: Tree,
    /// What changed.
    pub what: Delivered,
}

/// What changed.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// What changed at one tick.
    Batch(Arc<Batch>),
    /// The reader had fallen behind: what changed in sum.
    Net {
        /// The changes.
        changes: Vec<Net>,
        /// What was lost in between; the changes make up for it.
        gaps: Vec<Gap>,
    },
    /// The clock says nothing here: everything that the tree holds may be new.
    Fresh(Fresh),
}

/// A [`Delivery`] that came from another process, which keeps the tree.
#[derive(Clone, Debug)]
pub struct Received {
    /// The moment up to which everything has been delivered.
    pub clock: Clock,
    /// What changed.
    pub what: Delivered,
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>, from: From) -> Self {
        let (id, clock, tree) = {
            let mut state = shared.lock();
            match from {
                From::Now => {
                    let tick = state.tick;
                    (state.enter(tick), shared.clock(tick), Some(state.tree.clone()))
                }
                From::Clock(clock) => (state.enter_behind(), clock, None),
            }
        };
        Self { shared, id, clock, tree, interrupted: Arc::default() }
    }

    /// The moment up to which everything has been delivered: with it another subscription, also in
    /// a later process, goes on where this one ended.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The tree at that moment; nothing as long as the moment is one of an earlier process.
    #[must_use]
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Goes back to a moment that was delivered: the next delivery says what changed in sum since.
    pub fn rewind(&mut self, clock: Clock) {
        (self.clock, self.tree) = (clock, None);
        self.shared.lock().leave(self.id);
    }

    /// What ends a [`next`](Self::next) under way from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        let (shared, interrupted) = (self.shared.clone(), self.interrupted.clone());
        Interrupter(Interrupts::Own { shared, interrupted })
    }

    /// Has the id of a file computed if it is not known; see
    /// [`Keeper::learn`](crate::Keeper::learn).
    pub fn learn(&self, path: &[u8]) {
        self.shared.learn(path);
    }

    /// Waits for what comes next, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over, or it is interrupted.
    ///
    /// # Errors
    /// Once all changes have been delivered: why there will be no more, each time that it is
    /// called.
    ///
    /// # Panics
    /// In a callback of the keeper, which would wait for itself.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Delivery>, Error> {
        // A time that the system cannot hold is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.shared.lock();
        loop {
            state.set_waiting(self.id, false);
            if state.is_being_told(self.id) {
                state.set_waiting(self.id, true);
                state = self.shared.wait(state, None);
                continue;
            }
            if let Some(tick) = state.take_told(self.id) {
                (self.clock, self.tree) = (self.shared.clock(tick), None);
            }
            if state.is_behind(self.id) {
                drop(state);
                if let Some(delivery) = self.catch_up()? {
                    return Ok(Some(delivery));
                }
                state = self.shared.lock();
                continue;
            }
            if let Some(Moment { batch, tree }) = state.take_next(self.id) {
                self.clock = self.shared.clock(batch.tick);
                self.tree = Some(tree.clone());
                let (clock, what) = (self.clock, Delivered::Batch(batch));
                return Ok(Some(Delivery { clock, tree, what }));
            }
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            let interrupted = self.interrupted.swap(false, Ordering::AcqRel);
            if interrupted || until.is_some_and(|until| until <= Instant::now()) {
                return Ok(None);
            }
            state.set_waiting(self.id, true);
            state = self.shared.wait(state, until);
        }
    }

    /// Has what comes while a thread waits in [`next`](Self::next) told in the keeper's thread,
    /// where that takes it: no thread is woken for it then, and `next` goes on waiting. Until the
    /// next [`rewind`](Self::rewind).
    #[cfg(unix)]
    pub(crate) fn tell_directly(&mut self, direct: Direct) {
        self.shared.lock().tell_directly(self.id, direct);
    }

    /// Asks for what changed in sum; nothing if that is nothing.
    fn catch_up(&mut self) -> Result<Option<Delivery>, Error> {
        let (since, clock, tree) = self.shared.since(self.clock)?;
        self.clock = clock;
        self.tree = Some(tree.clone());
        self.shared.lock().catch_up(self.id, clock.tick);
        let what = match since {
            Since::Net { changes, gaps } if changes.is_empty() && gaps.is_empty() => {
                return Ok(None);
            }
            Since::Net { changes, gaps } => Delivered::Net { changes, gaps },
            Since::Fresh(fresh) => Delivered::Fresh(fresh),
        };
        Ok(Some(Delivery { clock, tree, what }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.lock().leave(self.id);
    }
}

/// Ends the waiting of one reader of changes.
#[derive(Clone)]
pub struct Interrupter(Interrupts);

#[derive(Clone)]
enum Interrupts {
    Own {
        shared: Arc<Shared>,
        interrupted: Arc<AtomicBool>,
    },
    #[cfg(unix)]
    Remote(Arc<crate::client::Interruption>),
}

impl Interrupter {
    #[cfg(unix)]
    pub(crate) fn remote(interruption: Arc<crate::client::Interruption>) -> Self {
        Self(Interrupts::Remote(interruption))
    }

    /// Has the call that waits for changes, or else the next one that would, return nothing.
    pub fn interrupt(&self) {
        match &self.0 {
            Interrupts::Own { shared, interrupted } => {
                interrupted.store(true, Ordering::Release);
                shared.notify();
            }
            #[cfg(unix)]
            Interrupts::Remote(interruption) => interruption.interrupt(),
        }
    }

    /// Takes back an interruption that has met nobody yet.
    pub fn forget(&self) {
        match &self.0 {
            Interrupts::Own { interrupted, .. } => interrupted.store(false, Ordering::Release),
            #[cfg(unix)]
            Interrupts::Remote(interruption) => _ = interruption.take(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use treenail_tree::live::Options;

    use super::{Delivered, From};
    use crate::keeper::Keeper;

    #[test]
    fn what_is_told_directly_and_what_is_not_come_in_one_order_and_once() {
        const FILES: u64 = 60;
        let root = tempfile::tempdir().unwrap();
        let keeper = Keeper::start(root.path(), &Options::default()).unwrap();
        let mut changes = keeper.subscribe(From::Now);
        let first = changes.clock().tick;
        let told = Arc::new(Mutex::new(Vec::new()));
        let by_keeper = told.clone();
        changes.tell_directly(Arc::new(move |batch, clock| {
            assert_eq!(batch.tick, clock.tick);
            let takes = batch.tick % 3 > 0;
            if takes {
                by_keeper.lock().unwrap().push((batch.tick, true));
            }
            takes
        }));
        let interrupter = changes.interrupter();
        thread::scope(|scope| {
            let own = scope.spawn(|| {
                while let Some(delivery) = changes.next(None).unwrap() {
                    assert!(matches!(delivery.what, Delivered::Batch(_)));
                    told.lock().unwrap().push((delivery.clock.tick, false));
                }
            });
            for file in 0..FILES {
                fs::write(root.path().join(file.to_string()), "text").unwrap();
                keeper.barrier(None).unwrap();
            }
            let last = keeper.clock().tick;
            while told.lock().unwrap().last().is_none_or(|(tick, _)| *tick < last) {
                thread::yield_now();
            }
            interrupter.interrupt();
            own.join().unwrap();
            let told = told.lock().unwrap();
            let ticks: Vec<u64> = told.iter().map(|(tick, _)| *tick).collect();
            assert_eq!(ticks, (first + 1..=last).collect::<Vec<_>>());
            assert!(told.iter().all(|(tick, direct)| tick % 3 > 0 || !direct));
            assert!(told.iter().any(|(_, direct)| *direct), "nothing was told directly");
        });
        changes.next(Some(std::time::Duration::ZERO)).unwrap();
        assert_eq!(changes.clock().tick, keeper.clock().tick);
    }
}
