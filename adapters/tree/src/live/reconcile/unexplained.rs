//! What a look found gone before the feed told of it.
//!
//! Between an event and the look that it causes a file may be renamed. Who believes that look tells
//! of a deletion, and of a creation later: the rename is lost. So what is gone, or is another file,
//! is believed once the feed has told of it, or has told everything that it knew after the look.
//! Until then the entry counts as not looked at, and so does what may belong to it.

use std::collections::{BTreeSet, HashSet};

use treenail_os::{FileId, Stat};

use super::super::Live;
use super::super::answers::TRIES_MAX;
use super::super::dirt::{At, Mark};
use super::super::links::is_linked;
use super::moves::{joined, last_moves};
use super::{Round, Seen};
use crate::pages::DirId;
use crate::view::Entry;

impl Live {
    /// Takes out of a round what the feed is to explain first.
    pub(super) fn put_off_unexplained(&mut self, round: &mut Round) {
        self.put_off_until_reached(round);
        let (gone, missed) = self.unexplained(round);
        let waiting = self.dirt.unexplained().chain(&gone).chain(&missed).cloned().collect();
        let off = self.with_gone_above(round, self.with_related(round, waiting));
        let off = self.unless_linked(round, off);
        self.keep_moves(&off);
        let deadline = self.now_ns.saturating_add(self.settings.explain_max_ns);
        for at in off {
            let Some(Seen { mark, .. }) = round.remove(&at) else { continue };
            let heard = mark.heard || gone.contains(&at);
            let mark = Mark { heard, missed: mark.missed || missed.contains(&at), ..mark };
            self.dirt.keep_unexplained(at, mark, self.now_ns, deadline);
        }
        self.bring_together(round);
    }

    /// Both ends of a move are to be in one round: where one is in the next, so is the other.
    fn bring_together(&mut self, round: &mut Round) {
        let ends = self.round_moves.iter().flat_map(|(from, to)| [from, to]);
        let due = ends.filter(|at| self.dirt.is_due(at) && !round.contains_key(*at));
        let due = due.cloned().collect();
        let off = self.with_gone_above(round, self.with_related(round, due));
        let off = self.unless_linked(round, off);
        self.keep_moves(&off);
        for at in off {
            if let Some(seen) = round.remove(&at) {
                self.dirt.mark_due(at, seen.mark);
            }
        }
    }

    /// Where something moved to could not be looked at: until it can be, it has not left either.
    fn put_off_until_reached(&mut self, round: &mut Round) {
        let awaited = |at: &At| self.dirt.awaited(at).filter(|_| !round.contains_key(at));
        let moves = last_moves(&self.round_moves).into_iter();
        let moves = moves.filter_map(|(from, to)| Some((awaited(&to)?, from, to)));
        let moves: Vec<(u64, At, At)> = moves.collect();
        let Some(deadline) = moves.iter().map(|(deadline, ..)| *deadline).max() else { return };
        // Nor may a directory go out of which it moved.
        let above = moves.iter().flat_map(|(_, from, to)| {
            let way: Vec<At> = self.places_above(to.0).collect();
            self.places_above(from.0).filter(move |at| !way.contains(at))
        });
        let above = above.filter(|at| self.has_left(round, at));
        let places = moves.iter().map(|(.., to)| to.clone()).chain(above).collect();
        let off = self.unless_linked(round, self.with_related(round, places));
        if off.iter().any(|at| round.get(at).is_some_and(|seen| seen.mark.tries >= TRIES_MAX)) {
            return;
        }
        self.keep_moves(&off);
        for at in off {
            if let Some(Seen { mark, .. }) = round.remove(&at) {
                let tries = mark.tries.saturating_add(1);
                self.dirt.put_off(at, Mark { tries, ..mark }, deadline);
            }
        }
    }

    /// Nothing if a file of several names is among these: what a look shows of one is to be told to
    /// the others at once, or a write through a name that goes is seen nowhere.
    fn unless_linked(&self, round: &Round, entries: BTreeSet<At>) -> BTreeSet<At> {
        let has_links = |at: &At| {
            let now = round.get(at).and_then(|seen| seen.now.flatten());
            now.is_some_and(|now| is_linked(&now))
                || self.row(at).is_some_and(|row| is_linked(&row.stat))
        };
        if entries.iter().any(has_links) { BTreeSet::new() } else { entries }
    }

    /// Keeps the moves of what is put off, both ends of each, for the next round.
    fn keep_moves(&mut self, off: &BTreeSet<At>) {
        let later = self.round_moves.extract_if(.., |(from, _)| off.contains(from));
        self.moves.splice(0..0, later);
    }

    /// Entries of which the tree's file has gone, and nobody said so; and places where one should
    /// have arrived, and did not.
    fn unexplained(&self, round: &Round) -> (BTreeSet<At>, BTreeSet<At>) {
        let mut ends = joined(self.round_moves.clone());
        ends.extend(last_moves(&self.round_moves));
        ends.retain(|(from, _)| self.has_left(round, from));
        let (found, taken): (HashSet<&At>, HashSet<&At>) = ends
            .iter()
            .chain(&self.round_moves)
            .filter(|(from, to)| self.has_arrived(round, from, to))
            .map(|(from, to)| (from, to))
            .unzip();
        let gone = round.iter().filter(|(at, seen)| {
            // What came there took its place, unless that is what the tree has, and has left since.
            let has_come = seen.mark.went == Some(false) && seen.now.flatten().is_some();
            let is_taken = has_come && self.moves.iter().all(|(from, _)| from != *at);
            let is_told = seen.mark.heard || seen.mark.went == Some(true) || is_taken;
            !is_told && self.has_left(round, at) && !found.contains(at)
        });
        let is_unheard = |at: &At| round.get(at).is_some_and(|seen| !seen.mark.missed);
        let is_open = |from: &At, to: &At| !found.contains(from) && !taken.contains(to);
        let missed = ends.iter().filter(|(from, to)| is_open(from, to) && is_unheard(to));
        (gone.map(|(at, _)| at.clone()).collect(), missed.map(|(_, to)| to.clone()).collect())
    }

    /// Whether what the tree has there was seen not to be there.
    fn has_left(&self, round: &Round, at: &At) -> bool {
        let Some(seen) = round.get(at) else { return false };
        self.row(at).is_some_and(|row| is_other(&row, seen.now))
    }

    /// Whether what the tree has in one place was seen in another.
    fn has_arrived(&self, round: &Round, from: &At, to: &At) -> bool {
        let Some(seen) = round.get(to).filter(|seen| seen.now.is_some()) else { return false };
        self.row(from).is_some_and(|row| !is_other(&row, seen.now))
    }

    /// Adds the other ends of moves, and the places where what has gone turned up.
    fn with_related(&self, round: &Round, mut entries: BTreeSet<At>) -> BTreeSet<At> {
        if entries.is_empty() {
            return entries;
        }
        let gone = entries.iter().filter_map(|at| Some(self.row(at)?.stat));
        let gone: HashSet<FileId> =
            gone.filter(|stat| stat.inode != 0).map(|stat| stat.id()).collect();
        let is_of_gone =
            |seen: &Seen| seen.now.flatten().is_some_and(|now| gone.contains(&now.id()));
        let arrived = round.iter().filter(|(_, seen)| is_of_gone(seen));
        entries.extend(arrived.map(|(at, _)| at.clone()));
        let mut grows = !self.round_moves.is_empty();
        while grows {
            let known = entries.len();
            for (from, to) in &self.round_moves {
                // Nothing moves into what is in it, unless that has moved first.
                let is_late = || self.row(from).is_some_and(|row| self.is_within(to.0, row.child));
                if entries.contains(from) || entries.contains(to) || is_late() {
                    entries.extend([from.clone(), to.clone()]);
                }
            }
            grows = entries.len() > known;
        }
        entries
    }

    /// Adds the directories that have gone in which something is: it may have moved before.
    fn with_gone_above(&self, round: &Round, entries: BTreeSet<At>) -> BTreeSet<At> {
        let ends = last_moves(&self.round_moves);
        let has_moved =
            |at: &At| ends.iter().any(|(from, to)| from == at && self.has_arrived(round, at, to));
        let above = entries.iter().flat_map(|at| self.places_above(at.0));
        let above = above.filter(|at| self.has_left(round, at) && !has_moved(at));
        let above: BTreeSet<At> = above.collect();
        match above.is_subset(&entries) {
            true => entries,
            false => {
                let all = entries.into_iter().chain(above).collect();
                self.with_gone_above(round, self.with_related(round, all))
            }
        }
    }

    /// The entries that lead to a directory.
    fn places_above(&self, dir: DirId) -> impl Iterator<Item = At> {
        self.with_above(dir).filter_map(|dir| self.place_of(dir))
    }

    fn is_within(&self, dir: DirId, top: Option<DirId>) -> bool {
        self.with_above(dir).any(|dir| Some(dir) == top)
    }

    fn row(&self, at: &At) -> Option<Entry<'_, DirId>> {
        self.tree.view(None).entry(at.0, &at.1)
    }
}

/// Whether a look showed something else than the tree has there.
fn is_other(row: &Entry<'_, DirId>, now: Option<Option<Stat>>) -> bool {
    now.is_some_and(|now| {
        now.is_none_or(|now| now.id() != row.stat.id() || now.kind != row.stat.kind)
    })
}
