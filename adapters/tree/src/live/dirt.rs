//! Which entries have to be looked at, and when.

use std::collections::{BTreeMap, VecDeque};

use treenail_os::feed::What;

use crate::pages::DirId;

/// An entry: its directory and its name.
pub(super) type At = (DirId, Box<[u8]>);

/// Entries to be looked at.
#[derive(Default)]
pub(super) struct Dirt {
    /// To be looked at as soon as possible.
    due: BTreeMap<At, Mark>,
    /// Files that somebody is writing to: they are looked at when they are closed, or else in time.
    held: BTreeMap<At, What>,
    /// When held files are due, in order; some may have been closed meanwhile.
    deadlines: VecDeque<(u64, At)>,
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
        let finished = what.has(FINISHED) || self.due.contains_key(&at);
        if !finished && (what.has(What::MODIFIED) || self.held.contains_key(&at)) {
            return self.hold(at, what, deadline);
        }
        self.mark_due(at, Mark { what, ..Mark::default() });
    }

    /// Keeps an entry until it is marked again, or until `deadline`; one that is held keeps the
    /// deadline that it has. Deadlines never decrease from call to call.
    pub(super) fn hold(&mut self, at: At, what: What, deadline: u64) {
        let held = self.held.entry(at.clone()).or_insert_with(|| {
            self.deadlines.push_back((deadline, at));
            What::default()
        });
        *held |= what;
    }

    /// Marks an entry to be looked at as soon as possible.
    pub(super) fn mark_due(&mut self, at: At, mark: Mark) {
        let held = self.held.remove(&at).unwrap_or_default();
        let is_held = !held.is_empty();
        let due = self.due.entry(at).or_insert(Mark { by_link: mark.by_link, ..Mark::default() });
        due.by_link &= mark.by_link && !is_held;
        due.what |= mark.what | held;
        due.open |= mark.open;
        due.tries = due.tries.max(mark.tries);
    }

    /// Makes due whatever has been held until now, or, with `all`, at all.
    pub(super) fn release(&mut self, now: u64, all: bool) {
        while let Some((_, at)) =
            self.deadlines.pop_front_if(|(deadline, _)| all || *deadline <= now)
        {
            if self.held.contains_key(&at) {
                self.mark_due(at, Mark { open: true, ..Mark::default() });
            }
        }
    }

    /// When [`release`](Self::release) has something to do.
    pub(super) fn deadline(&mut self) -> Option<u64> {
        while self.deadlines.pop_front_if(|(_, at)| !self.held.contains_key(at)).is_some() {}
        self.deadlines.front().map(|(deadline, _)| *deadline)
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
