//! Renames: what the feed says has moved, and what a comparison finds to have, borne out by what
//! was seen.

use std::collections::{HashMap, HashSet};

use treenail_os::feed::What;
use treenail_os::{Kind, Stat};

use super::super::change::{Change, EventKind};
use super::super::content::differs_for_people;
use super::super::dirt::{At, Mark};
use super::super::{Live, TRY_AGAIN_NS};
use super::{Round, Seen, may_differ};
use crate::tree::Listing;
use crate::update::{Edit, Ids, Outcome, normal};

/// So often a directory that turned up in a second place is looked at in both.
const MOVE_TRIES_MAX: u8 = 4;

impl Live {
    /// Finds what has moved while nobody watched: a file is gone and another has its number, its
    /// length and its time; or a directory with its number, which is listed anew in any case.
    pub(super) fn find_moves(&mut self, round: &Round) {
        let view = self.tree.view(None);
        let mut gone = HashMap::new();
        for (at, seen) in round.iter().filter(|(_, seen)| seen.compared) {
            let row = view.entry(at.0, &at.1);
            if let (Some(None), Some(row)) = (seen.now, row)
                && row.stat.inode != 0
            {
                gone.insert(row.stat.id(), (at, row.stat));
            }
        }
        if gone.is_empty() {
            return;
        }
        for (to, seen) in round.iter().filter(|(_, seen)| seen.compared) {
            let Some(Some(stat)) = seen.now else { continue };
            if view.entry(to.0, &to.1).is_none()
                && let Some((from, before)) = gone.remove(&stat.id())
                && before.kind == stat.kind
                && (stat.kind == Kind::Directory || !may_differ(&before, &stat))
            {
                self.round_moves.push((from.clone(), to.clone()));
            }
        }
    }

    /// Moves what the feed says has moved, where what was seen bears it out.
    pub(super) fn make_moves(&mut self, round: &Round) {
        let moves = std::mem::take(&mut self.round_moves);
        let written = written_on_the_way(round, &moves);
        let ends = joined(moves.clone());
        // What came there since may be what was seen there.
        let comes_again = |to: &At| self.moves.iter().any(|(_, later)| later == to);
        let is_plain = matches!(&ends[..], [(_, to)] if !comes_again(to));
        let (mut pending, unseen): (Vec<_>, Vec<_>) = ends
            .into_iter()
            .filter(|(from, to)| from != to)
            .partition(|(from, to)| self.is_move(round, from, to));
        if pending.len() < moves.len() {
            // One that was made before the tree knew of the entry may have been joined with one of
            // after that.
            let mut places: HashSet<At> = pending.iter().map(|(_, to)| to.clone()).collect();
            let mut left: HashSet<At> = pending.iter().map(|(from, _)| from.clone()).collect();
            // Some are guesses, in no order.
            for (from, to) in last_moves(&moves).into_iter().chain(moves) {
                let is_free = !places.contains(&to) && !left.contains(&from);
                if is_free && self.is_move(round, &from, &to) {
                    places.insert(to.clone());
                    left.insert(from.clone());
                    pending.push((from, to));
                }
            }
        }
        // A directory on the way was elsewhere: both ends are looked at again.
        let again = |(from, to): &(At, At)| self.dirt.has(from) || self.dirt.has(to);
        let unseen: Vec<_> = unseen.into_iter().filter(again).collect();
        for (from, to) in unseen.iter().filter(|(_, to)| written.contains(to)) {
            let dirty = if self.dirt.has(from) { from } else { to };
            let what = What::MODIFIED | What::ATTRIBUTES;
            self.dirt.hold(dirty.clone(), Mark::of(what), self.now_ns);
        }
        self.moves.splice(0..0, unseen);
        self.make_in_order(round, pending, &written, is_plain);
    }

    /// Makes moves of which no two begin or end at the same place. What stands at a destination and
    /// moves on itself does so first. What is left in the end moves in a circle: it is taken as
    /// gone and come.
    fn make_in_order(
        &mut self,
        round: &Round,
        moves: Vec<(At, At)>,
        written: &HashSet<At>,
        is_plain: bool,
    ) {
        let mut waiting: HashSet<At> = moves.iter().map(|(from, _)| from.clone()).collect();
        let by_target: HashMap<At, usize> =
            moves.iter().enumerate().map(|(at, (_, to))| (to.clone(), at)).collect();
        let mut moves: Vec<Option<(At, At)>> = moves.into_iter().map(Some).collect();
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for first in 0..moves.len() {
                let mut next = Some(first);
                while let Some(at) = next.take()
                    && let Some((from, to)) = &moves[at]
                    && !waiting.contains(to)
                    && self.make_move(round, (from, to), written.contains(to), is_plain)
                {
                    waiting.remove(from);
                    // Now that the place is free.
                    next = by_target.get(from).copied();
                    moves[at] = None;
                    goes_on = true;
                }
            }
        }
    }

    fn is_move(&self, round: &Round, from: &At, to: &At) -> bool {
        let view = self.tree.view(None);
        let Some(row) = view.entry(from.0, &from.1) else { return false };
        let same = |stat: &Stat| stat.kind == row.stat.kind && stat.id() == row.stat.id();
        let seen = |at: &At| round.get(at).and_then(|seen| seen.now);
        // Where the system does not number files, what moved has at least its length and time.
        let known = |stat: &Stat| {
            stat.inode != 0
                || (stat.size_bytes, stat.mtime_ns) == (row.stat.size_bytes, row.stat.mtime_ns)
        };
        let now = seen(to).flatten().filter(|stat| same(stat) && known(stat));
        let as_before = !self.is_excluded(to, row.stat.kind);
        // Where nobody could look, because its directory has gone too, it has but one name.
        let is_only =
            |stat: &Stat| stat.inode != 0 && (stat.kind == Kind::Directory || stat.nlink == 1);
        let left = seen(from).map(|now| now.is_none_or(|stat| !same(&stat)));
        now.is_some_and(|now| left.unwrap_or(is_only(&now)))
            && as_before
            && self.tree.listing(to.0).is_some()
    }

    fn make_move(
        &mut self,
        round: &Round,
        (from, to): (&At, &At),
        is_written: bool,
        is_plain: bool,
    ) -> bool {
        let Some(old_path) = self.path_of(from) else { return false };
        let replaced = self.tree.view(None).entry(to.0, &to.1).map(|row| (row.stat, row.child));
        let reported = self.batch.changes.len();
        if let Some((_, Some(child))) = replaced {
            self.report_below(child, Some(from), &mut HashSet::new());
        }
        let outcomes = self.apply([Edit::Move { from: (from.0, &from.1), to: (to.0, &to.1) }]);
        if outcomes[0] != Outcome::Moved {
            self.batch.changes.truncate(reported);
            return false;
        }
        if let Some((stat, None)) = replaced {
            self.mark_links(to, &stat, None);
        }
        // What was written under the old name, or may have been, is to be seen under the new one.
        let mark = |at| round.get(at).map_or(What::default(), |seen| seen.mark.what);
        let is_file =
            self.tree.view(None).entry(to.0, &to.1).is_some_and(|row| row.child.is_none());
        let unseen = mark(from).has(What::UNKNOWN) && !mark(to).has(What::UNKNOWN) && is_file;
        let is_written =
            is_written || mark(from).has(What::MODIFIED) && !self.was_seen_written(round, from, to);
        if self.content.forget(from) || is_written || unseen {
            self.dirt.mark_due(to.clone(), Mark::of(What::MODIFIED));
        }
        self.content.forget(to);
        self.opened.remove(to);
        if let Some(file) = self.opened.remove(from) {
            self.opened.insert(to.clone(), file);
        }
        self.take_over_times(round, to);
        // What could not be reached by the old path perhaps can be by the new one.
        if let Some(dir) = self.tree.view(None).entry(to.0, &to.1).and_then(|row| row.child) {
            self.list_refused_below(dir);
            // What moved may have been made there with the number of the one that was known; and
            // of one that a comparison or a listing found nothing but the number is known.
            let (left, came) = (mark(from), mark(to));
            let is_told = left.has(What::MOVED) && came.has(What::MOVED);
            let is_told = is_told && !left.has(What::UNKNOWN);
            let is_new = left.has(What::CREATED) || !is_told;
            // Of several moves the guess may be wrong which was whose.
            let is_new = is_new || came.has(What::REMOVED) || !is_plain;
            let is_unlisted = self.tree.listing(dir) != Some(Listing::Complete);
            if self.settings.exclude.is_some() {
                // Another part of it may be left out in its new place.
                self.list_below(dir);
            } else if is_new || is_unlisted || round.get(to).is_some_and(|seen| seen.compared) {
                self.list(dir);
            }
        }
        let replaced = replaced.is_some();
        self.report(to, EventKind::Rename, |change| Change {
            from: Some(old_path),
            replaced,
            ..change
        });
        true
    }

    /// Whether what was written under the old name had been seen when the tree was last told of the
    /// file, which has moved by now: a write sets both times, and nobody has set one back since.
    fn was_seen_written(&self, round: &Round, from: &At, to: &At) -> bool {
        let unsure = What::ATTRIBUTES.with(What::UNKNOWN);
        let is_sure = |at| round.get(at).is_some_and(|seen| !seen.mark.what.has(unsure));
        let now = round.get(to).and_then(|seen| seen.now.flatten());
        let row = self.tree.view(None).entry(to.0, &to.1);
        now.zip(row).is_some_and(|(now, row)| {
            let is_of_write = row.stat.mtime_ns == row.stat.ctime_ns;
            is_of_write && self.settings.fine_times && !may_differ(&row.stat, &normal(now))
        }) && is_sure(from)
            && is_sure(to)
    }

    /// Renaming sets the ctime: where nothing else differs, the content is what it was, unless
    /// nobody saw all that happened: whoever wrote it may have set the mtime back.
    fn take_over_times(&mut self, round: &Round, at: &At) {
        let Some(seen) = round.get(at) else { return };
        let Some(Some(stat)) = seen.now else { return };
        let Some(row) = self.tree.view(None).entry(at.0, &at.1) else { return };
        let stat = normal(stat);
        let is_same = !may_differ(&row.stat, &stat) && !differs_for_people(&row.stat, &stat);
        let is_same = is_same && !seen.mark.what.has(What::UNKNOWN);
        if row.child.is_none() && is_same {
            self.apply([Edit::Put { at: (at.0, &at.1), stat, ids: Ids::Kept }]);
            self.quiet.add(at.clone());
        }
        self.follow_links(at, None, &stat);
    }

    /// Whether a directory that turned up here is one that the tree has elsewhere, so that it has
    /// probably moved: it is looked at in both places before it is taken for another.
    pub(super) fn awaits_move(&mut self, at: &At, seen: &Seen, stat: &Stat) -> bool {
        let known = self.inodes.get(stat).filter(|_| stat.kind == Kind::Directory);
        let Some(from) = known.and_then(|dir| self.place_of(dir)) else { return false };
        let tries = seen.mark.tries + 1;
        if tries > MOVE_TRIES_MAX {
            return false;
        }
        let here = Mark { tries, ..Mark::of(What::UNKNOWN) };
        // Or the number was given again: it is listed in any case.
        let there = Mark { tries, what: seen.mark.what | What::REMOVED, ..seen.mark };
        let deadline = self.now_ns.saturating_add(TRY_AGAIN_NS << tries);
        for (at, mark) in [(from.clone(), here), (at.clone(), there)] {
            match tries {
                1 => self.dirt.mark_due(at, mark),
                _ => self.dirt.postpone(at, mark, deadline),
            }
        }
        self.moves.push((from, at.clone()));
        true
    }
}

/// Where moves ended of what was written, or may have been, under a name that it passed.
fn written_on_the_way(round: &Round, moves: &[(At, At)]) -> HashSet<At> {
    let is_written = |at: &At| {
        round.get(at).is_none_or(|seen| seen.mark.what.has(What::MODIFIED | What::UNKNOWN))
    };
    let mut reached = HashSet::new();
    let mut written = HashSet::new();
    for (from, to) in moves {
        if from == to {
            reached.remove(from);
            written.remove(from);
            continue;
        }
        // The name that it began with is not one that it passed.
        let passed = reached.remove(from) && is_written(from);
        let is_written = written.remove(from) || passed;
        reached.insert(to.clone());
        written.remove(to);
        if is_written {
            written.insert(to.clone());
        }
    }
    written
}

/// Joins moves of one entry after another, and drops those of what was replaced in the end. What is
/// where it was moves from there to itself.
pub(super) fn joined(moves: Vec<(At, At)>) -> Vec<(At, At)> {
    let mut joined: Vec<Option<(At, At)>> = Vec::with_capacity(moves.len());
    // The one move to each place.
    let mut to_place: HashMap<At, usize> = HashMap::new();
    for (from, to) in moves {
        if from == to {
            if let Some(gone) = to_place.remove(&to) {
                joined[gone] = None;
            }
            continue;
        }
        let first = to_place.remove(&from).and_then(|at| joined[at].take());
        let from = first.map_or(from, |(from, _)| from);
        if let Some(replaced) = to_place.remove(&to) {
            joined[replaced] = None;
        }
        to_place.insert(to.clone(), joined.len());
        joined.push(Some((from, to)));
    }
    joined.into_iter().flatten().collect()
}

/// Where the last that left each place went in the end, unless it was replaced there: the tree may
/// not have known what was there before.
pub(super) fn last_moves(moves: &[(At, At)]) -> Vec<(At, At)> {
    let mut last = Vec::new();
    // Where what is in a place after the moves that were gone through, from the end on, comes to.
    let mut end: HashMap<&At, Option<&At>> = HashMap::new();
    let mut known = HashSet::new();
    for (from, to) in moves.iter().rev() {
        if from == to {
            end.insert(to, None);
            continue;
        }
        let comes_to = end.get(to).copied().unwrap_or(Some(to));
        if known.insert(from)
            && let Some(comes_to) = comes_to
        {
            last.push((from.clone(), comes_to.clone()));
        }
        end.insert(to, None);
        end.insert(from, comes_to);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::DirId;

    fn moves(text: &str) -> Vec<(At, At)> {
        let at = |letter: u8| (DirId::ROOT, Box::from(&[letter][..]));
        text.split(' ').map(|ends| (at(ends.as_bytes()[0]), at(ends.as_bytes()[1]))).collect()
    }

    #[test]
    fn moves_of_one_entry_are_joined_and_those_of_what_was_replaced_dropped() {
        let cases = [
            ("ab bc cd", "ad"),
            ("ab cd ba", "cd aa"),
            ("ab cb", "cb"),
            ("ab xy bc zc", "xy zc"),
            // Two change places by way of a third.
            ("at ba tb", "ba ab"),
            // What came is gone, and another leaves.
            ("ab bb bc", "bc"),
        ];
        for (made, left) in cases {
            assert_eq!(joined(moves(made)), moves(left), "{made}");
        }
    }

    #[test]
    fn the_last_that_left_a_place_is_followed_to_its_end() {
        let cases = [
            ("ab bc", "bc ac"),
            // What came to `a` from elsewhere, and went on.
            ("ea ae ec", "ec ac"),
            ("ab cb", "cb"),
            ("ab ba", "ba aa"),
            ("ab bb bc", "bc"),
        ];
        for (made, last) in cases {
            assert_eq!(last_moves(&moves(made)), moves(last), "{made}");
        }
    }
}
