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
    /// To be looked at again once the feed has told what it had in store.
    unexplained: Unexplained,
    /// What the feed had in store then has been told, but for what it holds back.
    read_ns: u64,
}

/// What was seen to be gone, or another, before anybody told so; all of it is looked at again at
/// once.
#[derive(Default)]
struct Unexplained {
    marks: BTreeMap<At, Mark>,
    /// When the last of it came, and when none of it is waited for any longer.
    since_until: Option<(u64, u64)>,
    /// The feed has told where something of it went, or that it is gone.
    is_told: bool,
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
    /// It was seen gone, and the feed has told everything from before that.
    pub(super) heard: bool,
    /// What should have arrived was not there, and the feed has told everything from before that.
    pub(super) missed: bool,
    /// Its id is to be known, if nothing more has happened to it.
    pub(super) learn: bool,
    /// Whether the last that the feed said of its coming and going is that it went.
    pub(super) went: Option<bool>,
}

/// So long after a rename can be seen, the system has told of it.
const TELL_NS: u64 = 200_000;

/// After these, what is there is whole, or gone, or nobody knows.
const FINISHED: What =
    What::CLOSED.with(What::REMOVED).with(What::MOVED).with(What::UNKNOWN).with(What::DIRECTORY);

impl Mark {
    /// Whether the entry may be a file that its maker or writer has not closed yet.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.open && !self.what.has(FINISHED) && self.what.has(What::CREATED.with(What::MODIFIED))
    }

    pub(super) fn of(what: What) -> Self {
        Self { what, ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.what |= other.what;
        self.open |= other.open;
        self.tries = self.tries.max(other.tries);
        self.by_link &= other.by_link;
        self.learn |= other.learn;
        // If it came since, it is another look that showed it gone.
        self.heard = (self.heard || other.heard) && other.went != Some(false);
        self.missed = (self.missed || other.missed) && other.went != Some(false);
        self.went = other.went.or(self.went);
    }
}

impl Dirt {
    /// Marks an entry after an event. Files that are being written are held until `deadline`.
    pub(super) fn mark(&mut self, at: At, told: Mark, deadline: u64) {
        if let Some(mark) = self.unexplained.marks.get_mut(&at) {
            self.unexplained.is_told |= told.went == Some(true);
            return mark.add(told);
        }
        let what = told.what;
        let was_closed = || self.held.get(&at).is_some_and(|held| held.mark.what.has(What::CLOSED));
        let finished = what.has(FINISHED)
            || self.due.contains_key(&at)
            // Whoever copies a file sets its times after the last byte.
            || what == What::ATTRIBUTES && was_closed();
        if !finished && (what.has(What::MODIFIED) || self.held.contains_key(&at)) {
            return self.hold(at, told, deadline);
        }
        self.mark_due(at, told);
    }

    /// Keeps a file that is being written until it is marked again, or until `deadline`; one that
    /// is held keeps the deadline that it has. One that was closed, `what` says, and has changed
    /// since, is kept until its attributes alone have changed, too.
    pub(super) fn hold(&mut self, at: At, mark: Mark, deadline: u64) {
        if let Some(known) = self.unexplained.marks.get_mut(&at) {
            known.add(mark);
        } else if let Some(due) = self.due.get_mut(&at) {
            due.add(mark);
        } else if let Some(held) = self.held.get_mut(&at) {
            let is_open = mark.what.has(What::MODIFIED) && !mark.what.has(What::CLOSED);
            let closed = if is_open { What::CLOSED } else { What::default() };
            held.mark.add(mark);
            held.mark.what = held.mark.what.without(closed);
        } else {
            self.deadlines.insert((deadline, at.clone()));
            self.held.insert(at, Held { deadline, mark, postponed: false });
        }
    }

    /// Keeps an entry that could not be looked at until it is marked again, or until `deadline`, or
    /// the one that it has.
    pub(super) fn postpone(&mut self, at: At, mark: Mark, deadline: u64) {
        if self.due.contains_key(&at) || self.unexplained.marks.contains_key(&at) {
            return self.mark_due(at, mark);
        }
        let earlier = self.held.get(&at).map(|held| held.deadline);
        let deadline = earlier.map_or(deadline, |earlier| earlier.min(deadline));
        let before = self.unhold(&at);
        let by_link = mark.by_link && before.is_none_or(|before| before.by_link);
        let before = before.unwrap_or_default();
        let (what, open) = (mark.what | before.what, mark.open || before.open);
        let mark = Mark { what, open, by_link, went: mark.went.or(before.went), ..mark };
        self.deadlines.insert((deadline, at.clone()));
        let held = Held { deadline, mark, postponed: true };
        self.postponed += usize::from(held.is_awaited());
        self.held.insert(at, held);
    }

    /// The same, although something more has happened to it.
    pub(super) fn put_off(&mut self, at: At, mut mark: Mark, deadline: u64) {
        if let Some(due) = self.due.remove(&at) {
            mark.add(due);
        }
        self.postpone(at, mark, deadline);
    }

    /// Marks an entry to be looked at as soon as possible.
    pub(super) fn mark_due(&mut self, at: At, mark: Mark) {
        if let Some(known) = self.unexplained.marks.get_mut(&at) {
            return known.add(mark);
        }
        let held = self.unhold(&at);
        let by_link = mark.by_link && held.is_none_or(|held| held.by_link);
        let held = held.unwrap_or_default();
        let mark =
            Mark { what: mark.what | held.what, by_link, went: mark.went.or(held.went), ..mark };
        self.due.entry(at).and_modify(|due| due.add(mark)).or_insert(mark);
    }

    /// Keeps an entry that was seen gone, or what belongs to one, until [`heard`](Self::heard), or
    /// until `deadline`, or the one that there is.
    pub(super) fn keep_unexplained(&mut self, at: At, mark: Mark, now: u64, deadline: u64) {
        let mut mark = mark;
        for other in [self.due.remove(&at), self.unhold(&at)].into_iter().flatten() {
            mark.add(other);
        }
        self.unexplained.since_until.get_or_insert((now, deadline)).0 = now;
        self.unexplained.marks.entry(at).and_modify(|known| known.add(mark)).or_insert(mark);
    }

    /// The feed has told what it had in store at that time, but for halves of renames.
    pub(super) fn read(&mut self, from: u64) {
        self.read_ns = from;
    }

    /// The feed has told what it had in store: what was seen gone is looked at again, unless the
    /// system may be about to tell.
    pub(super) fn heard(&mut self, now: u64) {
        let Some((since, until)) = self.unexplained.since_until else { return };
        let is_late = now >= since.saturating_add(TELL_NS).min(until);
        if is_late || self.unexplained.is_told {
            for (at, mark) in std::mem::take(&mut self.unexplained).marks {
                self.mark_due(at, mark);
            }
        }
    }

    /// Makes due whatever has been held until now; with `all`, every file that is being written.
    pub(super) fn release(&mut self, now: u64, all: bool) {
        // Whatever the clock says: a reader that was held up has not heard the explanation yet.
        let read_ns = self.read_ns;
        if self.unexplained.since_until.is_some_and(|(_, until)| until <= read_ns) {
            self.heard(read_ns);
        }
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
                let is_open = !postponed && !mark.what.has(What::CLOSED);
                self.mark_due(at, Mark { open: mark.open || is_open, ..mark });
            }
        }
    }

    fn unhold(&mut self, at: &At) -> Option<Mark> {
        let held = self.held.remove(at)?;
        self.deadlines.remove(&(held.deadline, at.clone()));
        self.postponed -= usize::from(held.is_awaited());
        Some(held.mark)
    }

    /// What was seen gone and waits for an explanation.
    pub(super) fn unexplained(&self) -> impl Iterator<Item = &At> {
        self.unexplained.marks.keys()
    }

    /// When [`release`](Self::release) has something to do, or, after `now`,
    /// [`heard`](Self::heard).
    pub(super) fn deadline(&self, now: u64) -> Option<u64> {
        let unexplained = self.unexplained.since_until.map(|(since, until)| {
            let told = since.saturating_add(TELL_NS);
            if told > now { told.min(until) } else { until }
        });
        let held = self.deadlines.first().map(|(deadline, _)| *deadline);
        held.into_iter().chain(unexplained).min()
    }

    /// Whether a look has to be tried again.
    pub(super) fn has_postponed(&self) -> bool {
        self.postponed > 0 || !self.unexplained.marks.is_empty()
    }

    /// Whether there is nothing to be looked at now.
    pub(super) fn is_clean(&self) -> bool {
        self.due.is_empty()
    }

    /// Whether something is known to have happened to an entry that was not looked at since.
    pub(super) fn has(&self, at: &At) -> bool {
        self.due.contains_key(at)
            || self.held.contains_key(at)
            || self.unexplained.marks.contains_key(at)
    }

    /// When an entry is to be looked at again that could not be, if that is waited for.
    pub(super) fn awaited(&self, at: &At) -> Option<u64> {
        self.held.get(at).filter(|held| held.is_awaited()).map(|held| held.deadline)
    }

    /// Whether an entry is to be looked at in the next round.
    pub(super) fn is_due(&self, at: &At) -> bool {
        self.due.contains_key(at)
    }

    /// Takes all that is to be looked at.
    pub(super) fn take(&mut self) -> BTreeMap<At, Mark> {
        std::mem::take(&mut self.due)
    }
}
