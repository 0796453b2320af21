//! Which entries have to be looked at, and when.

use std::collections::{BTreeMap, BTreeSet};

use treenail_os::feed::What;

use super::answers::TRIES_MAX;
use crate::pages::DirId;

/// An entry: its directory and its name.
pub(super) type At = (DirId, Box<[u8]>);

/// Entries to be looked at.
#[derive(Default)]
pub(super) struct Dirt {
    /// To be looked at as soon as possible.
    due: BTreeMap<At, Mark>,
    /// To be looked at when something more happens to them, or else in time.
    held: BTreeMap<At, Held>,
    /// When held entries are due.
    deadlines: BTreeSet<(u64, At)>,
    /// How many of the held were postponed and are waited for.
    postponed: usize,
}

/// An entry that is not to be looked at yet.
struct Held {
    deadline: u64,
    mark: Mark,
    /// The last look could not be had; otherwise somebody is writing to the file.
    postponed: bool,
}

impl Held {
    /// Whether nothing is settled before it was looked at.
    fn is_awaited(&self) -> bool {
        self.postponed && self.mark.tries < TRIES_MAX
    }
}

/// What is known of an entry that is to be looked at.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Mark {
    /// What happened to it.
    pub(super) what: What,
    /// It was held for as long as may be: somebody has it open.
    pub(super) open: bool,
    /// How often a look at it found its directory moved.
    pub(super) tries: u8,
    /// All that is known is what happened to another name of the same file.
    pub(super) by_link: bool,
}

/// After these, what is there is whole, or gone, or nobody knows.
const FINISHED: What =
    What::CLOSED.with(What::REMOVED).with(What::MOVED).with(What::UNKNOWN).with(What::DIRECTORY);

impl Mark {
    /// Whether the entry may be a file that its maker or writer has not closed yet.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.open && !self.what.has(FINISHED) && self.what.has(What::CREATED.with(What::MODIFIED))
    }
}

impl Dirt {
    /// Marks an entry after an event. Files that are being written are held until `deadline`.
    pub(super) fn mark(&mut self, at: At, what: What, deadline: u64) {
        let was_closed = || self.held.get(&at).is_some_and(|held| held.mark.what.has(What::CLOSED));
        let finished = what.has(FINISHED)
            || self.due.contains_key(&at)
            // Whoever copies a file sets its times after the last byte.
            || what == What::ATTRIBUTES && was_closed();
        if !finished && (what.has(What::MODIFIED) || self.held.contains_key(&at)) {
            return self.hold(at, what, deadline);
        }
        self.mark_due(at, Mark { what, ..Mark::default() });
    }

    /// Keeps a file that is being written until it is marked again, or until `deadline`; one that
    /// is held keeps the deadline that it has. One that was closed, `what` says, and has changed
    /// since, is kept until its attributes alone have changed, too.
    pub(super) fn hold(&mut self, at: At, what: What, deadline: u64) {
        if let Some(due) = self.due.get_mut(&at) {
            due.what |= what;
        } else if let Some(held) = self.held.get_mut(&at) {
            let is_open = what.has(What::MODIFIED) && !what.has(What::CLOSED);
            let closed = if is_open { What::CLOSED } else { What::default() };
            held.mark.what = (held.mark.what | what).without(closed);
        } else {
            self.deadlines.insert((deadline, at.clone()));
            let mark = Mark { what, ..Mark::default() };
            self.held.insert(at, Held { deadline, mark, postponed: false });
        }
    }

    /// Keeps an entry that could not be looked at until it is marked again, or until `deadline`, or
    /// the one that it has.
    pub(super) fn postpone(&mut self, at: At, mark: Mark, deadline: u64) {
        if self.due.contains_key(&at) {
            return self.mark_due(at, mark);
        }
        let earlier = self.held.get(&at).map(|held| held.deadline);
        let deadline = earlier.map_or(deadline, |earlier| earlier.min(deadline));
        let before = self.unhold(&at);
        let by_link = mark.by_link && before.is_none_or(|before| before.by_link);
        let before = before.unwrap_or_default();
        let (what, open) = (mark.what | before.what, mark.open || before.open);
        let mark = Mark { what, open, by_link, ..mark };
        self.deadlines.insert((deadline, at.clone()));
        let held = Held { deadline, mark, postponed: true };
        self.postponed += usize::from(held.is_awaited());
        self.held.insert(at, held);
    }

    /// Marks an entry to be looked at as soon as possible.
    pub(super) fn mark_due(&mut self, at: At, mark: Mark) {
        let held = self.unhold(&at);
        let by_link = mark.by_link && held.is_none_or(|held| held.by_link);
        let due = self.due.entry(at).or_insert(Mark { by_link, ..Mark::default() });
        due.by_link &= by_link;
        due.what |= mark.what | held.unwrap_or_default().what;
        due.open |= mark.open;
        due.tries = due.tries.max(mark.tries);
    }

    /// Makes due whatever has been held until now; with `all`, every file that is being written.
    pub(super) fn release(&mut self, now: u64, all: bool) {
        let is_due = |held: &Held| held.deadline <= now || all && !held.postponed;
        let due: Vec<At> = match all {
            true => {
                self.held.iter().filter(|(_, held)| is_due(held)).map(|at| at.0.clone()).collect()
            }
            false => {
                let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
                due.map(|(_, at)| at.clone()).collect()
            }
        };
        for at in due {
            let postponed = self.held.get(&at).is_some_and(|held| held.postponed);
            if let Some(mark) = self.unhold(&at) {
                self.mark_due(at, Mark { open: mark.open || !postponed, ..mark });
            }
        }
    }

    fn unhold(&mut self, at: &At) -> Option<Mark> {
        let held = self.held.remove(at)?;
        self.deadlines.remove(&(held.deadline, at.clone()));
        self.postponed -= usize::from(held.is_awaited());
        Some(held.mark)
    }

    /// When [`release`](Self::release) has something to do.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Whether a look has to be tried again.
    pub(super) fn has_postponed(&self) -> bool {
        self.postponed > 0
    }

    /// Whether there is nothing to be looked at now.
    pub(super) fn is_clean(&self) -> bool {
        self.due.is_empty()
    }

    /// Whether something is known to have happened to an entry that was not looked at since.
    pub(super) fn has(&self, at: &At) -> bool {
        self.due.contains_key(at) || self.held.contains_key(at)
    }

    /// Takes all that is to be looked at.
    pub(super) fn take(&mut self) -> BTreeMap<At, Mark> {
        std::mem::take(&mut self.due)
    }
}
