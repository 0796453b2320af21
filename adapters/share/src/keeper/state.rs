//! What the keeper's thread and those that ask it hold in common, under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use treenail_tree::Tree;
use treenail_tree::live::Batch;

use super::worker::Worker;
use crate::error::Error;

/// Batches kept for subscribers that have not taken them yet. Who falls further behind gets the net
/// changes instead.
const RECENT_BATCHES_MAX: usize = 256;

/// Changes kept in them; the newest batch is kept however many it holds.
const RECENT_CHANGES_MAX: usize = 16_384;

/// A change of the tree that subscribers may still want.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) batch: Arc<Batch>,
    pub(crate) tree: Tree,
}

/// The newest snapshot, the batches that led to it, and who has taken which.
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
    pub(super) commands: VecDeque<Command>,
    pub(super) stop: Option<Ending>,
    /// Whether nobody takes commands any more.
    pub(super) ended: bool,
    /// Why there will be no more changes.
    pub(crate) failed: Option<Error>,
}

/// How a keeper ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With everything stored durably.
    Closed,
    /// As it stands.
    Left,
}

/// What the keeper's thread is asked to do.
pub(super) type Command = Box<dyn FnOnce(&mut Worker) + Send>;

impl State {
    pub(super) fn new(tree: Tree, tick: u64) -> Self {
        Self {
            tree,
            tick,
            recent: VecDeque::new(),
            recent_changes: 0,
            cursors: BTreeMap::new(),
            next_id: 0,
            commands: VecDeque::new(),
            stop: None,
            ended: false,
            failed: None,
        }
    }

    pub(super) fn take_id(&mut self) -> u64 {
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

    pub(super) fn push(&mut self, moment: Moment) {
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
