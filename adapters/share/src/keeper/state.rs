//! What the keeper's thread and those that ask it hold in common, under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use treenail_tree::Tree;
use treenail_tree::live::{Batch, Clock};

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

/// Takes a batch in the keeper's thread, at once and without waiting for anything; whether it did.
pub(crate) type Direct = Arc<dyn Fn(&Batch, Clock) -> bool + Send + Sync>;

/// A subscriber whose thread need not be woken for what can be told at once.
struct Told {
    direct: Direct,
    standing: Standing,
    /// Up to where it was told since its thread looked last.
    tick: Option<u64>,
}

/// What the thread of a subscriber does that is told in the keeper's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Something else than to wait.
    Away,
    Waits,
    /// It is being told; whether its thread wants to know the end of it.
    BeingTold {
        awaited: bool,
    },
}

/// The newest snapshot, the batches that led to it, and who has taken which.
pub(crate) struct State {
    /// The newest snapshot.
    pub(crate) tree: Tree,
    /// Its tick.
    pub(crate) tick: u64,
    /// How many directories nothing reported of then.
    pub(super) polled: usize,
    /// Why clocks end with this process although a state was wanted.
    pub(super) stateless: Option<Arc<str>>,
    /// Who wants to know when that comes to be.
    pub(super) tell_stateless: Option<Tell>,
    /// The last batches, their ticks without a hole.
    recent: VecDeque<Moment>,
    recent_changes: usize,
    /// How far each subscriber has come; of one that fell behind it is not kept here.
    cursors: BTreeMap<u64, u64>,
    /// Those that are told in the keeper's thread while their own wait.
    told: BTreeMap<u64, Told>,
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

/// Who is told something once.
pub(super) type Tell = Box<dyn FnOnce(&str) + Send>;

/// What the keeper's thread is asked to do.
pub(super) type Command = Box<dyn FnOnce(&mut Worker) + Send>;

impl State {
    pub(super) fn new(tree: Tree, tick: u64) -> Self {
        Self {
            tree,
            tick,
            polled: 0,
            stateless: None,
            tell_stateless: None,
            recent: VecDeque::new(),
            recent_changes: 0,
            cursors: BTreeMap::new(),
            told: BTreeMap::new(),
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
        self.told.remove(&id);
        self.drop_taken();
    }

    /// Has a subscriber told in the keeper's thread whenever its own waits for the next batch.
    #[cfg(unix)]
    pub(crate) fn tell_directly(&mut self, id: u64, direct: Direct) {
        self.told.insert(id, Told { direct, standing: Standing::Away, tick: None });
    }

    /// Says that a subscriber's thread begins to wait, or has waited.
    pub(crate) fn set_waiting(&mut self, id: u64, waits: bool) {
        let Some(told) = self.told.get_mut(&id) else { return };
        told.standing = match told.standing {
            Standing::BeingTold { awaited } => Standing::BeingTold { awaited: awaited || waits },
            _ if waits => Standing::Waits,
            _ => Standing::Away,
        };
    }

    /// Whether a subscriber is being told just now, so that its thread has to wait for the end.
    pub(crate) fn is_being_told(&self, id: u64) -> bool {
        let standing = self.told.get(&id).map(|told| told.standing);
        matches!(standing, Some(Standing::BeingTold { .. }))
    }

    /// Up to where a subscriber was told without its thread, once.
    pub(crate) fn take_told(&mut self, id: u64) -> Option<u64> {
        self.told.get_mut(&id)?.tick.take()
    }

    /// Those that can be told the newest batch, since all before it has been told to them and their
    /// threads wait.
    pub(super) fn begin_telling(&mut self) -> Vec<(u64, Direct)> {
        let mut begun = Vec::new();
        for (id, told) in &mut self.told {
            let is_next = self.cursors.get(id).is_some_and(|cursor| cursor + 1 == self.tick);
            if is_next && told.standing == Standing::Waits {
                told.standing = Standing::BeingTold { awaited: false };
                begun.push((*id, told.direct.clone()));
            }
        }
        begun
    }

    /// Ends it for one; whether its thread waits for that, or for the batch.
    pub(super) fn end_telling(&mut self, id: u64, tick: u64, done: bool) -> bool {
        // It may have left meanwhile.
        let Some(told) = self.told.get_mut(&id) else { return true };
        let awaited = told.standing != Standing::BeingTold { awaited: false };
        told.standing = Standing::Waits;
        if done {
            told.tick = Some(tick);
            self.cursors.insert(id, tick);
            self.drop_taken();
        }
        awaited || !done
    }

    /// Whether a batch waits for a subscriber's thread.
    pub(super) fn has_untaken(&self) -> bool {
        self.cursors.values().any(|cursor| *cursor < self.tick)
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
