//! Several threads at one expansion.
//!
//! Each thread runs a machine of its own and, whenever another thread waits, hands over half of
//! what it would do last. Where the results of that belong is noted, so that all come in the order
//! of one thread.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::machine::{Frame, Halt, Machine, Pulse, Until};
use super::plan::Plan;
use super::results::{Results, TaskId};

/// How many directories one thread lists alone: with fewer, starting a second one would take longer
/// than the rest.
const ALONE_LISTINGS: usize = 48;

/// More threads than this only wait for one another in the kernel.
const THREADS_MAX: usize = 16;

/// How long a thread waits before it looks whether all is to end.
const WAIT: Duration = Duration::from_millis(10);

/// What is to be done by whoever has time.
pub(super) struct Pool {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Threads that wait, less the tasks that wait for them.
    wanting: AtomicUsize,
    is_cancelled: AtomicBool,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Task>,
    /// By the number of the task.
    results: Vec<Results>,
    /// How many threads are at work.
    working: usize,
    waiting: usize,
}

struct Task {
    id: TaskId,
    path: Vec<u8>,
    frame: Frame,
}

/// Everything that the plan finds: the results, and those of its parts.
pub(super) fn expand(
    plan: &Arc<Plan>,
    pulse: Pulse<'_>,
) -> Result<(Results, Vec<Results>), Cancelled> {
    let mut machine = Machine::new(plan.clone());
    let mut results = Results::default();
    let mut until = Until::Listings(ALONE_LISTINGS);
    if threads() == 1 {
        until = Until::End;
    }
    match machine.run(&mut results, until, None, pulse) {
        Halt::Finished => return Ok((results, Vec::new())),
        Halt::Cancelled => return Err(Cancelled),
        Halt::Paused => {}
    }
    let pool = Pool {
        queue: Mutex::new(Queue { working: 1, ..Queue::default() }),
        changed: Condvar::new(),
        wanting: AtomicUsize::new(0),
        is_cancelled: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        for _ in 1..threads() {
            let worker = || {
                // The first thread's pulse is for all; this one's only hears of it.
                pool.work(plan, &mut || !pool.is_cancelled.load(Ordering::Relaxed));
            };
            // Without a further thread it takes longer.
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        let mut shared_pulse = || {
            let goes_on = pulse() && !pool.is_cancelled.load(Ordering::Relaxed);
            if !goes_on {
                pool.is_cancelled.store(true, Ordering::Relaxed);
            }
            goes_on
        };
        let working = Working(&pool);
        machine.run(&mut results, Until::End, Some(&pool), &mut shared_pulse);
        drop(working);
        pool.work(plan, &mut shared_pulse);
    });
    if pool.is_cancelled.into_inner() {
        return Err(Cancelled);
    }
    let queue = pool.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((results, queue.results))
}

/// The pulse said to stop.
#[derive(Debug)]
pub(super) struct Cancelled;

impl Pool {
    /// Whether a thread waits that has no task yet.
    pub(super) fn wants_work(&self) -> bool {
        self.wanting.load(Ordering::Relaxed) > 0
    }

    /// Hands a part of the tree, below a directory of that path, over to whoever waits.
    pub(super) fn add(&self, path: Vec<u8>, frame: Frame) -> TaskId {
        let mut queue = self.lock();
        let id = queue.results.len();
        queue.results.push(Results::default());
        queue.tasks.push_back(Task { id, path, frame });
        self.tell(&queue);
        self.changed.notify_one();
        id
    }

    /// Does tasks until there are none and nobody is left who could add one.
    fn work(&self, plan: &Arc<Plan>, pulse: Pulse<'_>) {
        while let Some(Task { id, path, frame }) = self.next(pulse) {
            let working = Working(self);
            let mut results = Results::default();
            let mut machine = Machine::resume(plan.clone(), path, frame);
            machine.run(&mut results, Until::End, Some(self), pulse);
            self.lock().results[id] = results;
            drop(working);
        }
    }

    fn next(&self, pulse: Pulse<'_>) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if self.is_cancelled.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(task) = queue.tasks.pop_front() {
                queue.working += 1;
                self.tell(&queue);
                return Some(task);
            }
            if queue.working == 0 {
                return None;
            }
            queue.waiting += 1;
            self.tell(&queue);
            let waited = self.changed.wait_timeout(queue, WAIT);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.waiting -= 1;
            self.tell(&queue);
            drop(queue);
            // Not with the lock: it may wait for the interpreter.
            pulse();
            queue = self.lock();
        }
    }

    fn tell(&self, queue: &Queue) {
        let wanting = queue.waiting.saturating_sub(queue.tasks.len());
        self.wanting.store(wanting, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work, which ends when this is dropped, be it in a panic: nobody waits for it then.
struct Working<'a>(&'a Pool);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_cancelled.store(true, Ordering::Relaxed);
        }
        let mut queue = self.0.lock();
        queue.working -= 1;
        if queue.working == 0 {
            self.0.changed.notify_all();
        }
    }
}

fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS
        .get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX))
}
