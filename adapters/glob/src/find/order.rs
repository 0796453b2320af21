//! Puts the matches of directories, which come in any order, into the order of their paths.
//!
//! Each directory has a number, and hands in its matches with the places at which those of its
//! subdirectories belong. Whoever hands in what is next tells it, and all that has been handed in
//! and follows; the others leave theirs and go on. A frame for each directory on the way to the one
//! that is next remembers how far it has been told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::batch::Batch;
use super::visitor::BATCH_BYTES;

/// While so many matches wait, whoever brings more waits until the present teller is done: a slow
/// reader slows the walk down.
const WAITING_MAX: usize = 1 << 16;

/// How many used up batches a thread keeps to fill them again.
const SPARE_MAX: usize = 64;

/// The order of a walk, root after root.
pub(super) struct Order {
    next_id: AtomicU64,
    handed_in: Mutex<HandedIn>,
    /// Locked by whoever tells. No lock is waited for under that of `handed_in`.
    telling: Mutex<Telling>,
}

/// What is not told yet.
#[derive(Default)]
struct HandedIn {
    waiting: HashMap<u64, Listed>,
    /// How many matches these are.
    matches: usize,
    /// The directory whose matches are next; none while somebody tells.
    wanted: Option<u64>,
}

/// What is being told.
#[derive(Default)]
pub(super) struct Telling {
    frames: Vec<Frame>,
    /// What is in order.
    pub(super) out: Batch,
}

/// What one directory holds.
#[derive(Default)]
pub(super) struct Listed {
    /// What stands before each name.
    pub(super) prefix: Vec<u8>,
    /// The matches, by name alone.
    pub(super) batch: Batch,
    /// The subdirectories, each with the number of matches that stand before what is in it.
    pub(super) children: Vec<(usize, u64)>,
}

struct Frame {
    listed: Listed,
    matches_told: usize,
    children_told: usize,
}

impl Order {
    pub(super) fn new() -> Self {
        Self { next_id: AtomicU64::new(0), handed_in: Mutex::default(), telling: Mutex::default() }
    }

    /// The number of a root, whose matches are next.
    pub(super) fn start_root(&self) -> u64 {
        let number = self.number();
        self.lock().frames.clear();
        *lock(&self.handed_in) = HandedIn { wanted: Some(number), ..HandedIn::default() };
        number
    }

    /// The number of another directory.
    pub(super) fn number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// For as long as the guard lives nobody else tells.
    pub(super) fn lock(&self) -> MutexGuard<'_, Telling> {
        lock(&self.telling)
    }

    /// As [`lock`](Self::lock), if nobody tells at present.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Telling>> {
        match self.telling.try_lock() {
            Ok(telling) => Some(telling),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes what a directory holds, and tells what has become its turn. `full` is called when
    /// `out` may be to be emptied, and ends the telling by false. Batches that are used up go to
    /// `spare`.
    pub(super) fn complete(
        &self,
        id: u64,
        listed: Listed,
        spare: &mut Vec<Batch>,
        full: impl FnMut(&mut Batch) -> bool,
    ) {
        let mut handed_in = lock(&self.handed_in);
        if handed_in.wanted == Some(id) {
            handed_in.wanted = None;
            drop(handed_in);
            return self.tell(listed, spare, full);
        }
        handed_in.matches += listed.batch.len();
        handed_in.waiting.insert(id, listed);
        let is_much = handed_in.matches > WAITING_MAX && handed_in.wanted.is_none();
        drop(handed_in);
        if is_much {
            drop(self.lock());
        }
    }

    fn tell(
        &self,
        first: Listed,
        spare: &mut Vec<Batch>,
        mut full: impl FnMut(&mut Batch) -> bool,
    ) {
        let Telling { frames, out } = &mut *self.lock();
        frames.push(Frame { listed: first, matches_told: 0, children_told: 0 });
        while let Some(frame) = frames.last_mut() {
            let child = frame.listed.children.get(frame.children_told).copied();
            let until = child.map_or(frame.listed.batch.len(), |(before, _)| before);
            while frame.matches_told < until {
                let Listed { batch, prefix, .. } = &frame.listed;
                let range = frame.matches_told..until;
                frame.matches_told += out.append(batch, range, prefix, BATCH_BYTES);
                if !full(out) {
                    return;
                }
            }
            let Some((_, child)) = child else {
                if let Some(Frame { listed: Listed { mut batch, .. }, .. }) = frames.pop()
                    && batch.is_worth_keeping()
                    && spare.len() < SPARE_MAX
                {
                    batch.clear();
                    spare.push(batch);
                }
                continue;
            };
            frame.children_told += 1;
            match self.next(child) {
                Some(listed) => frames.push(Frame { listed, matches_told: 0, children_told: 0 }),
                None => return,
            }
        }
    }

    /// What was handed in of a directory; if nothing was, it is wanted from now on.
    fn next(&self, id: u64) -> Option<Listed> {
        let mut handed_in = lock(&self.handed_in);
        let listed = handed_in.waiting.remove(&id);
        match &listed {
            Some(listed) => handed_in.matches -= listed.batch.len(),
            None => handed_in.wanted = Some(id),
        }
        listed
    }
}

/// Locks; nobody panics under the lock but a sink, whose results are lost anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
