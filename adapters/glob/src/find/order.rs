//! Puts the matches of directories, which come in any order, into the order of their paths.
//!
//! Each directory has a number, and hands in its matches with the places at which those of its
//! subdirectories belong. A frame for each directory on the way to the one that is next remembers
//! how far it has been told; everything that is complete behind it waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::batch::Batch;

/// The order of a walk, root after root.
pub(super) struct Order {
    next_id: AtomicU64,
    telling: Mutex<Telling>,
}

/// What has been handed in, and how far it is told.
pub(super) struct Telling {
    waiting: HashMap<u64, Listed>,
    frames: Vec<Frame>,
    /// The directory whose matches are next.
    wanted: Option<u64>,
    /// What is in order.
    pub(super) out: Batch,
}

/// What one directory holds.
#[derive(Default)]
pub(super) struct Listed {
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
        let telling = Telling {
            waiting: HashMap::new(),
            frames: Vec::new(),
            wanted: None,
            out: Batch::default(),
        };
        Self { next_id: AtomicU64::new(0), telling: Mutex::new(telling) }
    }

    /// The number of a root, whose matches are next.
    pub(super) fn start_root(&self) -> u64 {
        let number = self.number();
        let mut telling = self.lock();
        telling.waiting.clear();
        telling.frames.clear();
        telling.wanted = Some(number);
        number
    }

    /// The number of another directory.
    pub(super) fn number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// For as long as the guard lives nobody else tells.
    pub(super) fn lock(&self) -> MutexGuard<'_, Telling> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telling {
    /// Takes what a directory holds, and puts in order what has become its turn. `full` is called
    /// when `out` is to be emptied, and ends the telling by false.
    pub(super) fn complete(
        &mut self,
        id: u64,
        listed: Listed,
        mut full: impl FnMut(&mut Batch) -> bool,
    ) {
        if self.wanted != Some(id) {
            self.waiting.insert(id, listed);
            return;
        }
        self.frames.push(Frame { listed, matches_told: 0, children_told: 0 });
        self.wanted = None;
        while let Some(frame) = self.frames.last_mut() {
            let child = frame.listed.children.get(frame.children_told).copied();
            let until = child.map_or(frame.listed.batch.len(), |(before, _)| before);
            self.out.append(&frame.listed.batch, frame.matches_told..until);
            frame.matches_told = until;
            if !full(&mut self.out) {
                return;
            }
            let Some((_, child)) = child else {
                self.frames.pop();
                continue;
            };
            frame.children_told += 1;
            match self.waiting.remove(&child) {
                Some(listed) => {
                    self.frames.push(Frame { listed, matches_told: 0, children_told: 0 });
                }
                None => {
                    self.wanted = Some(child);
                    return;
                }
            }
        }
    }
}
