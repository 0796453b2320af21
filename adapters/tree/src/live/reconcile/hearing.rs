//! What was seen and no event explains yet. The system tells of a change after it is made: who
//! looks in between finds a file gone that was renamed, and that would be told as deleted here and
//! created there. So the feed is heard first, and both places are looked at together.

use std::collections::{BTreeMap, HashMap, HashSet};

use treenail_os::feed::What;
use treenail_os::{FileId, Kind, Stat};

use super::super::dirt::{At, Mark};
use super::super::{Action, Live, TRY_AGAIN_NS};
use super::{Round, Seen};
use crate::pages::DirId;

/// So long a round waits for the feed to be heard, should nobody say that it was.
const HEAR_NS: u64 = 500_000;

/// So often what is gone is looked at before it counts as gone although nothing says so. After each
/// look it waits for twice the time: 3.5 ms in all.
const GONE_TRIES_MAX: u8 = 3;

/// So often one round takes in what else has moved: names may move on as fast as one looks.
const JOINS_MAX: u8 = 4;

/// What was heard of the feed since the last look.
#[derive(Default)]
pub(in super::super) struct Hearing {
    /// All that happened before it was told.
    is_done: bool,
    /// When the round goes on without.
    until_ns: Option<u64>,
    /// How often the round was extended.
    joins: u8,
}

/// What has left for where nobody watches, and a new directory may be there: by what it is.
pub(in super::super) type Leaving = HashMap<FileId, At>;

impl Hearing {
    /// The feed has told everything that happened until now.
    pub(in super::super) fn done(&mut self) {
        self.is_done = true;
    }

    /// Something was looked at.
    pub(in super::super) fn looked(&mut self) {
        self.is_done = false;
    }

    /// When a round goes on although the feed was not heard.
    pub(in super::super) fn deadline(&self) -> Option<u64> {
        self.until_ns
    }
}

impl Live {
    /// Whether the round cannot end yet, since the feed may explain what it shows.
    pub(in super::super) fn awaits_feed(&mut self, now_ns: u64) -> bool {
        let is_heard = self.hearing.is_done
            || self.hearing.until_ns.is_some_and(|until| until <= now_ns)
            || !self.round.iter().any(|(at, seen)| self.is_unexplained(at, seen));
        if is_heard {
            self.hearing.until_ns = None;
            self.hearing.is_done = true;
            return false;
        }
        self.hearing.until_ns.get_or_insert(now_ns.saturating_add(HEAR_NS));
        true
    }

    /// Takes into the round the places that the feed has told of since it began, where something
    /// moved from there, or there, that the round shows; whether there are any.
    pub(in super::super) fn join_moves(&mut self) -> bool {
        if self.hearing.joins == JOINS_MAX {
            return false;
        }
        self.find_left();
        if self.moves.is_empty() {
            return false;
        }
        let mut ends: HashSet<&At> = HashSet::new();
        for (from, to) in self.moves.iter().chain(self.moves.iter().rev()) {
            let concerns = |at: &At| ends.contains(at) || self.round.contains_key(at);
            if concerns(from) || concerns(to) {
                ends.extend([from, to]);
            }
        }
        let mut names: BTreeMap<DirId, Vec<Box<[u8]>>> = BTreeMap::new();
        for at in ends {
            // What is in the round already is looked at later for another reason.
            let is_new = !self.round.contains_key(at);
            let Some(mark) = self.dirt.take_one(at, is_new) else { continue };
            let Mark { what, open, tries, untold, .. } = mark;
            let new = Seen { mark: Mark::default(), now: None, compared: false };
            let seen = self.round.entry(at.clone()).or_insert(new);
            seen.mark.what |= what;
            seen.mark.open |= open;
            seen.mark.tries = seen.mark.tries.max(tries);
            seen.mark.untold |= untold;
            seen.mark.by_link = false;
            (seen.now, seen.compared) = (None, false);
            names.entry(at.0).or_default().push(at.1.clone());
        }
        let is_joined = !names.is_empty();
        for (dir, mut names) in names {
            names.sort_unstable();
            self.outstanding += 1;
            self.actions.push_back(Action::Look { dir, names });
        }
        self.hearing.joins += u8::from(is_joined);
        is_joined
    }

    /// Finds what has left in what a listing shows.
    fn find_left(&mut self) {
        if self.leaving.is_empty() {
            return;
        }
        let view = self.tree.view(None);
        for (to, seen) in &self.round {
            if let Some(Some(now)) = seen.now
                && let Some(from) = self.leaving.get(&now.id())
                && from != to
                && view.entry(to.0, &to.1).is_none()
            {
                self.moves.push((from.clone(), to.clone()));
                self.leaving.remove(&now.id());
            }
        }
    }

    /// Takes out of the round what has moved to where nobody watches, until the directories are
    /// listed that are new in this round: it may be in one of them.
    pub(super) fn put_off_left(&mut self, round: &mut Round) {
        self.leaving.clear();
        let view = self.tree.view(None);
        let is_new = |(at, seen): (&At, &Seen)| {
            let now = seen.now.flatten().filter(|now| now.kind == Kind::Directory);
            now.is_some() && view.entry(at.0, &at.1).is_none()
        };
        if self.to_list.is_empty() && !round.iter().any(is_new) {
            return;
        }
        let told: HashSet<&At> = self.moves.iter().map(|(from, _)| from).collect();
        for (at, seen) in round.iter() {
            let has_left = seen.now == Some(None)
                && seen.mark.what.has(What::MOVED)
                && seen.mark.tries == 0
                && !told.contains(at);
            // A directory is found by the tree itself where it turns up, and is listed there.
            if let Some(row) = view.entry(at.0, &at.1).filter(|_| has_left)
                && row.child.is_none()
                && row.stat.inode != 0
            {
                self.leaving.insert(row.stat.id(), at.clone());
            }
        }
        for at in self.leaving.values() {
            let Some(Seen { mark, .. }) = round.remove(at) else { continue };
            let deadline = self.now_ns.saturating_add(TRY_AGAIN_NS);
            self.dirt.postpone(at.clone(), Mark { tries: 1, ..mark }, deadline);
        }
    }

    /// Takes out of the round, to be looked at again in a while, what is gone and nobody says so,
    /// and what moved to where that should be.
    pub(super) fn put_off_unexplained(&mut self, round: &mut Round) {
        let gone = round.iter().filter(|(at, seen)| {
            let is_awaited = seen.now == Some(None) && seen.mark.tries < GONE_TRIES_MAX;
            is_awaited && !seen.mark.what.has(What::UNKNOWN) && self.is_unexplained(at, seen)
        });
        let mut off: HashSet<At> = gone.map(|(at, _)| at.clone()).collect();
        if off.is_empty() {
            return;
        }
        let is_in = |at: &At| self.tree.view(None).entry(at.0, &at.1).is_some();
        let reached: HashSet<&At> = self.moves.iter().map(|(_, to)| to).collect();
        off.retain(|at| reached.contains(at) || is_in(at));
        for (from, to) in self.moves.iter().rev() {
            if off.contains(to) {
                off.insert(from.clone());
            }
        }
        for at in off {
            let Some(Seen { mark, .. }) = round.remove(&at) else { continue };
            let deadline = self.now_ns.saturating_add(TRY_AGAIN_NS << mark.tries);
            let tries = mark.tries + 1;
            self.dirt.postpone(at, Mark { tries, ..mark }, deadline);
        }
    }

    /// Whether what was seen of an entry is news that no event has brought.
    fn is_unexplained(&self, at: &At, seen: &Seen) -> bool {
        let what = seen.mark.what;
        let row = || self.tree.view(None).entry(at.0, &at.1).map(|row| row.stat);
        let is_another = |now: Stat| row().is_none_or(|row| row.id() != now.id());
        match seen.now {
            // What was moved there may have moved on.
            Some(None) => !says_gone(what) && (what.has(What::MOVED) || row().is_some()),
            Some(Some(now)) => {
                let is_told = what.has(What::CREATED | What::MOVED | What::REMOVED);
                !is_told && is_another(now)
            }
            None => false,
        }
    }
}

/// Whether these events say that nothing is there any more.
fn says_gone(what: What) -> bool {
    what.has(What::REMOVED) || what.has(What::MOVED) && !what.has(What::CREATED)
}
