//! What waits between the threads that find and those that take.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What waits may have this weight together, which is about its memory in bytes. An item that is
/// heavier by itself waits alone.
const WEIGHT_MAX: usize = 4 << 20;

/// What is taken in the order in which it was added. Whoever adds waits while much is waiting to
/// be taken.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    /// There is something to take, or there never will be.
    filled: Condvar,
    /// There is room, or nobody wants any more.
    emptied: Condvar,
}

struct Inner<T> {
    items: VecDeque<(T, usize)>,
    weight: usize,
    /// Nothing will be added any more.
    is_complete: bool,
    /// Nobody wants anything any more.
    is_closed: bool,
    /// To be called once when there is something to take, or there never will be.
    listeners: Vec<Listener>,
}

/// Whom to tell of news. It may be called in any thread.
pub(super) type Listener = Box<dyn FnOnce() + Send>;

/// What there is to take.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    Item(T),
    /// Nothing at present.
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let inner = Inner {
            items: VecDeque::new(),
            weight: 0,
            is_complete: false,
            is_closed: false,
            listeners: Vec::new(),
        };
        Self { inner: Mutex::new(inner), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Adds an item, once there is room. Break means that nobody wants it.
    pub(super) fn add(&self, item: T, weight: usize) -> ControlFlow<()> {
        let mut inner = self.lock();
        while inner.weight > 0 && inner.weight + weight > WEIGHT_MAX && !inner.is_closed {
            inner = self.emptied.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        if inner.is_closed {
            return ControlFlow::Break(());
        }
        inner.weight += weight;
        inner.items.push_back((item, weight));
        self.filled.notify_one();
        tell(inner);
        ControlFlow::Continue(())
    }

    /// Takes the next item, without waiting for one.
    pub(super) fn take(&self) -> Taken<T> {
        take(&mut self.lock(), &self.emptied)
    }

    /// As [`take`](Self::take); if there is nothing, `listener` is called as soon as that changes.
    pub(super) fn take_or(&self, listener: Listener) -> Taken<T> {
        let mut inner = self.lock();
        let taken = take(&mut inner, &self.emptied);
        if matches!(taken, Taken::Nothing) {
            inner.listeners.push(listener);
        }
        taken
    }

    /// Waits until [`take`](Self::take) would not say that there is nothing, at most so long.
    pub(super) fn wait(&self, limit: Duration) {
        let inner = self.lock();
        let is_idle =
            |inner: &mut Inner<T>| inner.items.is_empty() && !inner.is_complete && !inner.is_closed;
        // Only to be awake again: what there is by then, others may take.
        drop(self.filled.wait_timeout_while(inner, limit, is_idle));
    }

    /// Says that nothing will be added any more.
    pub(super) fn complete(&self) {
        let mut inner = self.lock();
        inner.is_complete = true;
        self.filled.notify_all();
        tell(inner);
    }

    /// Forgets what waits, and says that nothing is wanted any more.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.weight = 0;
        let forgotten = std::mem::take(&mut inner.items);
        self.filled.notify_all();
        self.emptied.notify_all();
        tell(inner);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take<T>(inner: &mut Inner<T>, emptied: &Condvar) -> Taken<T> {
    match inner.items.pop_front() {
        Some((item, weight)) => {
            inner.weight -= weight;
            emptied.notify_one();
            Taken::Item(item)
        }
        None if inner.is_complete || inner.is_closed => Taken::End,
        None => Taken::Nothing,
    }
}

/// Calls the listeners, without the lock.
fn tell<T>(mut inner: MutexGuard<'_, Inner<T>>) {
    let listeners = std::mem::take(&mut inner.listeners);
    drop(inner);
    listeners.into_iter().for_each(|listener| listener());
}
