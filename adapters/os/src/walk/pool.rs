//! Shares the work of a walk among threads.
//!
//! Each thread has its own queue and takes from its newer end, so that few directories are under
//! way at a time; a thread that has nothing takes the older half of another's, which holds the
//! larger subtrees. What was put off waits in queues of its own, which are taken from when all
//! others are empty, and from the older end: what has been kept open for longest is closed first.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Scope};

use crate::listing::Listing;
use crate::name;
use crate::platform::{Handle, Opened};

use super::{Directory, Next, Place, Visit};

/// What a thread takes from another's queue at once where order counts.
const TAKEN_NEAR: usize = 8;

/// How many bytes a listing may have before it is handed over in pieces: some thousands of entries.
const PIECE_BYTES: usize = 256 << 10;

/// How often a thread without work looks round before it sleeps.
const LOOKS_BEFORE_SLEEP: usize = 64;

/// One thing to do.
pub(super) enum Work<V: Visit + ?Sized> {
    Root { opened: Opened, state: V::State },
    Directory { parent: Arc<Handle>, name: Box<[u8]>, inode: u64, state: V::State },
    Task(V::Task),
}

/// When work is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Now,
    Later,
}

/// One thread's queues, on cache lines of their own.
#[repr(align(128))]
struct Queues<V: Visit> {
    now: Mutex<VecDeque<Work<V>>>,
    later: Mutex<VecDeque<Work<V>>>,
}

impl<V: Visit> Queues<V> {
    fn new() -> Self {
        Self { now: Mutex::default(), later: Mutex::default() }
    }

    fn of(&self, turn: Turn) -> MutexGuard<'_, VecDeque<Work<V>>> {
        lock(match turn {
            Turn::Now => &self.now,
            Turn::Later => &self.later,
        })
    }

    fn take(&self, turn: Turn) -> Option<(Turn, Work<V>)> {
        let mut queue = self.of(turn);
        let work = match turn {
            Turn::Now => queue.pop_back(),
            Turn::Later => queue.pop_front(),
        };
        work.map(|work| (turn, work))
    }
}

/// All that the threads of one walk share.
pub(super) struct Pool<'v, V: Visit> {
    visitor: &'v V,
    /// How many threads there may be; none is as many as the machine runs at once.
    threads: Option<NonZero<usize>>,
    /// The queues of the caller's thread.
    queues: Queues<V>,
    /// Those of the others. How many there will be is not asked, which takes a while, before there
    /// is work for a second thread.
    others: OnceLock<Box<[Queues<V>]>>,
    /// How many threads were started, the caller's included.
    started: AtomicUsize,
    /// Work that is queued or under way.
    pending: AtomicUsize,
    /// As much of that as was not put off.
    pending_now: AtomicUsize,
    /// Whether the visitor was told that nothing is left but what was put off.
    entered: AtomicBool,
    stop: AtomicBool,
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    root_error: Mutex<Option<io::Error>>,
    /// Whether threads keep near to the order in which work was put forward.
    near: bool,
}

impl<'v, V: Visit> Pool<'v, V> {
    pub(super) fn new(visitor: &'v V, threads: Option<NonZero<usize>>, near: bool) -> Self {
        Self {
            visitor,
            threads,
            queues: Queues::new(),
            others: OnceLock::new(),
            started: AtomicUsize::new(1),
            pending: AtomicUsize::new(0),
            pending_now: AtomicUsize::new(0),
            entered: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            root_error: Mutex::new(None),
            near,
        }
    }

    /// Does `first` and all that follows from it.
    pub(super) fn run(self, first: Work<V>) -> io::Result<()> {
        self.pending.store(1, Ordering::Relaxed);
        self.pending_now.store(1, Ordering::Relaxed);
        self.queues.of(Turn::Now).push_back(first);
        thread::scope(|scope| self.work(scope, 0));
        let error = lock(&self.root_error).take();
        error.map_or(Ok(()), Err)
    }

    /// The queues of a thread.
    fn queues(&self, thread: usize) -> &Queues<V> {
        match thread.checked_sub(1) {
            None => &self.queues,
            Some(other) => &self.others.get().expect("made before the thread")[other],
        }
    }

    /// How many threads have queues.
    fn count(&self) -> usize {
        1 + self.others.get().map_or(0, |others| others.len())
    }

    fn make_others(&self) {
        self.others.get_or_init(|| {
            let threads = self.threads.or_else(|| thread::available_parallelism().ok());
            (1..threads.map_or(1, NonZero::get)).map(|_| Queues::new()).collect()
        });
    }

    /// What each thread does.
    fn work<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, own: usize) {
        let _end = StopOnPanic(self);
        let mut thread = Thread {
            pool: self,
            worker: self.visitor.worker(),
            listing: Listing::default(),
            recent: None,
            next: Vec::new(),
            later: Vec::new(),
        };
        // The first of what follows is not queued: in a chain of directories two threads would only
        // take the one piece of work from each other.
        let mut first = None;
        while let Some((turn, work)) = self.take(own, first.take(), &mut thread.worker) {
            thread.perform(work);
            // Counted before anyone can take it, so that the counts never fall to 0 too early.
            let (count, count_later) = (thread.next.len(), thread.later.len());
            if count > 0 {
                self.pending_now.fetch_add(count, Ordering::Relaxed);
            }
            if count + count_later > 0 {
                self.pending.fetch_add(count + count_later, Ordering::Relaxed);
            }
            let mut next = thread.next.drain(..);
            first = next.next();
            if count_later > 0 {
                self.queues(own).of(Turn::Later).extend(thread.later.drain(..));
            }
            if next.len() > 0 {
                self.queues(own).of(Turn::Now).extend(next.rev());
            }
            if count > 1 || count_later > 0 {
                self.call_for_help(scope);
            }
            if turn == Turn::Now && self.pending_now.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.tell_entered();
            }
            if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.end();
            }
        }
    }

    fn tell_entered(&self) {
        let is_over = self.stop.load(Ordering::Relaxed);
        if !is_over && !self.entered.swap(true, Ordering::Relaxed) {
            self.visitor.entered();
        }
    }

    /// The next thing to do, `first` if there is one, else waited for; none when all is done or the
    /// walk was stopped.
    fn take(
        &self,
        own: usize,
        first: Option<Work<V>>,
        worker: &mut V::Worker,
    ) -> Option<(Turn, Work<V>)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(first) = first {
            return Some((Turn::Now, first));
        }
        if let Some(work) = self.queues(own).take(Turn::Now) {
            return Some(work);
        }
        self.visitor.idle(worker);
        for _ in 0..LOOKS_BEFORE_SLEEP {
            if self.is_over() {
                return None;
            }
            if let Some(work) = self.find(own) {
                return Some(work);
            }
            thread::yield_now();
        }
        let mut asleep = lock(&self.sleep);
        loop {
            // Who adds work looks at this count afterwards, and who sleeps looks for work
            // afterwards: one of the two sees the other.
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            let work = self.find(own);
            if work.is_none() && !self.is_over() {
                asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
            }
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            if work.is_some() || self.is_over() {
                return work;
            }
        }
    }

    /// Something from another thread's queue, or else something that was put off.
    fn find(&self, own: usize) -> Option<(Turn, Work<V>)> {
        self.steal(own, Turn::Now)
            .or_else(|| self.queues(own).take(Turn::Later))
            .or_else(|| self.steal(own, Turn::Later))
    }

    /// Takes the older half of another thread's queue, or some of its newest where order counts.
    fn steal(&self, own: usize, turn: Turn) -> Option<(Turn, Work<V>)> {
        let count = self.count();
        for other in (1..count).map(|step| (own + step) % count) {
            let mut taken: VecDeque<_> = {
                let mut queue = self.queues(other).of(turn);
                let (count, half) = (queue.len(), queue.len().div_ceil(2));
                match self.near && turn == Turn::Now {
                    true => queue.split_off(count - half.min(TAKEN_NEAR)),
                    false => queue.drain(..half).collect(),
                }
            };
            let work = match turn {
                Turn::Now => taken.pop_back(),
                Turn::Later => taken.pop_front(),
            };
            if let Some(work) = work {
                if !taken.is_empty() {
                    self.queues(own).of(turn).extend(taken);
                }
                return Some((turn, work));
            }
        }
        None
    }

    /// Wakes or starts a thread for what is queued.
    fn call_for_help<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let _asleep = lock(&self.sleep);
            self.wake.notify_one();
            return;
        }
        let started = self.started.load(Ordering::Relaxed);
        self.make_others();
        if started >= self.count() {
            return;
        }
        let claim = self.started.compare_exchange(
            started,
            started + 1,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if claim.is_ok() {
            let builder = thread::Builder::new().name("treenail-walk".into());
            // A thread that cannot be started is one fewer: the others do its work.
            drop(builder.spawn_scoped(scope, move || self.work(scope, started)));
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.pending.load(Ordering::Acquire) == 0
    }

    /// Wakes every thread, to see that all is over.
    fn end(&self) {
        let _asleep = lock(&self.sleep);
        self.wake.notify_all();
    }
}

/// What one thread works with.
struct Thread<'p, 'v, V: Visit> {
    pool: &'p Pool<'v, V>,
    worker: V::Worker,
    listing: Listing,
    /// The last directory, if only this thread has it open; its children are often next.
    recent: Option<Opened>,
    next: Vec<Work<V>>,
    later: Vec<Work<V>>,
}

impl<V: Visit> Thread<'_, '_, V> {
    fn perform(&mut self, work: Work<V>) {
        match work {
            Work::Task(task) => {
                let (work, later) = (&mut self.next, &mut self.later);
                let mut next = Next { work, later, stop: &self.pool.stop };
                self.pool.visitor.task(&mut self.worker, task, &mut next);
            }
            Work::Root { opened, mut state } => match self.list(&opened, &mut state) {
                Ok(()) => self.visit(opened, state),
                Err(error) => *lock(&self.pool.root_error) = Some(error),
            },
            Work::Directory { parent, name, inode, state } => {
                self.enter(&parent, name, inode, state);
            }
        }
        if self.pool.stop.load(Ordering::Relaxed) {
            self.pool.end();
        }
    }

    fn enter(&mut self, parent: &Arc<Handle>, name: Box<[u8]>, inode: u64, mut state: V::State) {
        let opened = name::check(&name)
            .and_then(|()| Handle::open_child(parent, &name, inode, self.recent.as_ref()));
        let listed = opened.and_then(|opened| self.list(&opened, &mut state).map(|()| opened));
        match listed {
            Ok(opened) => self.visit(opened, state),
            Err(error) => {
                let place = Place { parent, name: &name };
                self.pool.visitor.failed(&mut self.worker, place, error, state);
            }
        }
    }

    fn list(&mut self, opened: &Opened, state: &mut V::State) -> io::Result<()> {
        self.pool.visitor.opened(&mut self.worker, &opened.handle, state);
        if !self.pool.visitor.lists(&mut self.worker, &opened.handle, state) {
            self.listing.reset();
            return Ok(());
        }
        if !self.pool.visitor.takes_pieces(state) {
            return opened.list(&mut self.listing);
        }
        while !opened.list_piece(&mut self.listing, PIECE_BYTES)? {
            let mut dir = Directory { listing: &mut self.listing, opened };
            let (work, later) = (&mut self.next, &mut self.later);
            let mut next = Next { work, later, stop: &self.pool.stop };
            self.pool.visitor.piece(&mut self.worker, &mut dir, state, &mut next);
            if self.pool.stop.load(Ordering::Relaxed) {
                self.listing.reset();
                break;
            }
        }
        Ok(())
    }

    fn visit(&mut self, opened: Opened, state: V::State) {
        let mut dir = Directory { listing: &mut self.listing, opened: &opened };
        let (work, later) = (&mut self.next, &mut self.later);
        let mut next = Next { work, later, stop: &self.pool.stop };
        self.pool.visitor.directory(&mut self.worker, &mut dir, state, &mut next);
        self.recent = opened.is_only_open_here().then_some(opened);
    }
}

/// Ends the walk if the visitor panics, so that the other threads do not wait for ever.
struct StopOnPanic<'p, 'v, V: Visit>(&'p Pool<'v, V>);

impl<V: Visit> Drop for StopOnPanic<'_, '_, V> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop.store(true, Ordering::Relaxed);
            self.0.end();
        }
    }
}

/// Locks; what a panicking visitor leaves behind is whole, since no visitor runs under a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
