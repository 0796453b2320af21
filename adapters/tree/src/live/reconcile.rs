//! The end of a round: what was seen becomes edits of the tree, and changes.

use std::collections::{BTreeMap, HashSet};

use treenail_os::feed::What;
use treenail_os::{Kind, Stat};

use super::change::{Change, EventKind};
use super::content::differs_for_people;
use super::dirt::{At, Mark};
use super::{Action, Live};
use crate::pages::DirId;
use crate::tree::Listing;
use crate::update::{Edit, Ids, Outcome, normal};
use crate::view::{Class, View};

/// An entry of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Why it is looked at.
    pub(super) mark: Mark,
    /// What is there, once it was looked at: nothing if nothing is.
    pub(super) now: Option<Option<Stat>>,
    /// Its directory was compared as a whole, so that its own times tell what was seen.
    pub(super) compared: bool,
}

type Round = BTreeMap<At, Seen>;

/// An entry that is to be put.
struct Put {
    at: At,
    stat: Stat,
    ids: IdsAfter,
    report: Option<Report>,
}

/// What becomes of the ids of an entry that is put.
#[derive(Clone, Copy)]
enum IdsAfter {
    Kept,
    Dropped,
}

/// How a put entry is reported.
#[derive(Clone, Copy)]
struct Report {
    kind: EventKind,
    quiet: bool,
    open: bool,
    /// The id is worth to be known next time.
    learn: bool,
}

impl Live {
    pub(super) fn reconcile(&mut self, now_ns: u64, mut round: Round) {
        round.retain(|at, seen| !self.hold_unfinished(at, seen, now_ns));
        self.make_moves(&round);
        self.make_removals(&round);
        let mut puts = Vec::new();
        for (at, seen) in round {
            if let Some(Some(stat)) = seen.now
                && self.tree.listing(at.0).is_some()
            {
                self.compare(at, &seen, normal(stat), &mut puts);
            }
        }
        self.make_puts(puts);
    }

    /// Puts off a file whose maker has not closed it yet.
    fn hold_unfinished(&mut self, at: &At, seen: &Seen, now_ns: u64) -> bool {
        let Some(Some(stat)) = seen.now else { return false };
        let is_being_made = stat.kind == Kind::File && stat.nlink == 1;
        let hold = seen.mark.is_unfinished() && is_being_made;
        if hold {
            let deadline = now_ns.saturating_add(self.settings.open_max_ns);
            self.dirt.hold(at.clone(), seen.mark.what, deadline);
        }
        hold
    }

    /// Moves what the feed says has moved, where what was seen bears it out.
    fn make_moves(&mut self, round: &Round) {
        let (mut pending, unseen): (Vec<_>, Vec<_>) = chained(std::mem::take(&mut self.moves))
            .into_iter()
            .partition(|(from, to)| self.is_move(round, from, to));
        // A directory on the way was elsewhere: both ends are looked at again.
        let again = |(from, to): &(At, At)| self.dirt.has(from) || self.dirt.has(to);
        self.moves = unseen.into_iter().filter(again).collect();
        let mut at = 0;
        while at < pending.len() {
            let (from, to) = pending[at].clone();
            // What stands at the destination and moves on itself does so first. What is left in
            // the end moves in a circle: it is taken as gone and come.
            let waits = pending.iter().any(|(other, _)| *other == to);
            if !waits && self.make_move(round, &from, &to) {
                pending.remove(at);
                at = 0;
            } else {
                at += 1;
            }
        }
    }

    fn is_move(&self, round: &Round, from: &At, to: &At) -> bool {
        let view = self.tree.view(None);
        let Some(row) = view.entry(from.0, &from.1) else { return false };
        let same = |stat: &Stat| stat.kind == row.stat.kind && stat.id() == row.stat.id();
        let seen = |at: &At| round.get(at).and_then(|seen| seen.now);
        let arrived = seen(to).flatten().is_some_and(|stat| same(&stat) && stat.inode != 0);
        // What is left out may be another part of a directory that moved: it is listed anew.
        let as_before = !self.is_excluded(to, row.stat.kind)
            && (row.child.is_none() || self.settings.exclude.is_none());
        let left = seen(from).is_some_and(|now| now.is_none_or(|stat| !same(&stat)));
        arrived && left && as_before && self.tree.listing(to.0).is_some()
    }

    fn make_move(&mut self, round: &Round, from: &At, to: &At) -> bool {
        let Some(old_path) = self.path_of(from) else { return false };
        let replaced = self.tree.view(None).entry(to.0, &to.1).map(|row| (row.stat, row.child));
        let reported = self.batch.changes.len();
        if let Some((_, Some(child))) = replaced {
            self.report_below(child, &mut HashSet::new());
        }
        let outcomes = self.apply([Edit::Move { from: (from.0, &from.1), to: (to.0, &to.1) }]);
        if outcomes[0] != Outcome::Moved {
            self.batch.changes.truncate(reported);
            return false;
        }
        if let Some((stat, None)) = replaced {
            self.mark_links(to, &stat, None);
        }
        if self.content.forget(from) {
            self.dirt.mark_due(to.clone(), Mark { what: What::MODIFIED, ..Mark::default() });
        }
        self.content.forget(to);
        self.take_over_times(round, to);
        let replaced = replaced.is_some();
        self.report(to, EventKind::Rename, |change| Change {
            from: Some(old_path),
            replaced,
            ..change
        });
        true
    }

    /// Renaming sets the ctime: where nothing else differs, the content is what it was.
    fn take_over_times(&mut self, round: &Round, at: &At) {
        let Some(Some(stat)) = round.get(at).and_then(|seen| seen.now) else { return };
        let Some(row) = self.tree.view(None).entry(at.0, &at.1) else { return };
        let stat = normal(stat);
        if row.child.is_none() && !may_differ(&row.stat, &stat) {
            self.apply([Edit::Put { at: (at.0, &at.1), stat, ids: Ids::Kept }]);
        }
        self.links.add(&stat, at);
    }

    /// Removes what is gone, or has another kind, or is another directory.
    fn make_removals(&mut self, round: &Round) {
        let mut reported: HashSet<At> = HashSet::new();
        let mut gone: Vec<(At, Stat)> = Vec::new();
        for (at, seen) in round {
            let Some(now) = seen.now else { continue };
            let Some(row) = self.tree.view(None).entry(at.0, &at.1) else { continue };
            let stays = now.is_some_and(|now| {
                let same_dir = row.child.is_none() || row.stat.id() == now.id();
                now.kind == row.stat.kind && same_dir
            });
            if stays || reported.contains(at) {
                continue;
            }
            let (stat, child) = (row.stat, row.child);
            if let Some(child) = child {
                self.report_below(child, &mut reported);
            }
            self.report_gone(at, &stat);
            reported.insert(at.clone());
            gone.push((at.clone(), stat));
        }
        let removes = gone.iter().map(|(at, _)| Edit::Remove { at: (at.0, &at.1) });
        self.apply(removes.collect::<Vec<_>>());
        for (at, stat) in gone {
            if self.content.forget(&at) {
                self.dirt.mark_due(at.clone(), Mark { what: What::UNKNOWN, ..Mark::default() });
            }
            self.mark_links(&at, &stat, None);
        }
    }

    /// Reports everything below a directory as gone, the deepest first.
    fn report_below(&mut self, top: DirId, reported: &mut HashSet<At>) {
        // Each directory stands before all that are below it.
        let mut dirs = vec![top];
        let mut next = 0;
        while let Some(dir) = dirs.get(next) {
            dirs.extend(self.tree.view(None).entries(*dir).filter_map(|row| row.child));
            next += 1;
        }
        for dir in dirs.into_iter().rev() {
            let view = self.tree.view(None);
            let files = view.entries(dir).filter(|row| row.child.is_none());
            let files: Vec<(At, Stat)> =
                files.map(|row| ((dir, row.name.into()), row.stat)).collect();
            let own = self.place_of(dir).filter(|_| dir != top);
            let own = own.and_then(|at| {
                let stat = view.entry(at.0, &at.1)?.stat;
                Some((at, stat))
            });
            for (at, stat) in files.into_iter().chain(own) {
                if !reported.contains(&at) {
                    self.report_gone(&at, &stat);
                    self.mark_links(&at, &stat, None);
                    reported.insert(at);
                }
            }
        }
    }

    fn report_gone(&mut self, at: &At, stat: &Stat) {
        let Some(path) = self.path_of(at) else { return };
        self.batch.changes.push(Change {
            kind: EventKind::Delete,
            class: Class::of(stat),
            path,
            from: None,
            replaced: false,
            stat: None,
            id: None,
            quiet: false,
            open_for_write: false,
            ranges: Vec::new(),
        });
    }

    /// Decides what an entry's present attributes mean.
    fn compare(&mut self, at: At, seen: &Seen, stat: Stat, puts: &mut Vec<Put>) {
        let open = seen.mark.open;
        let Some(row) = self.tree.view(self.settings.ids).entry(at.0, &at.1) else {
            if self.is_excluded(&at, stat.kind) {
                return;
            }
            let report = Report { kind: EventKind::Create, quiet: false, open, learn: false };
            return puts.push(Put { at, stat, ids: IdsAfter::Dropped, report: Some(report) });
        };
        let (old, has_id) = (row.stat, row.id.is_some());
        if row.child.is_some() {
            return self.compare_dir(at, seen, &old, stat, puts);
        }
        let modify = |quiet, learn| Some(Report { kind: EventKind::Modify, quiet, open, learn });
        if may_differ(&old, &stat) || self.may_differ_unseen(&seen.mark, &old, &stat, has_id) {
            if stat.kind == Kind::File && has_id {
                return self.verify(at, stat, open);
            }
            let report = modify(false, true);
            return puts.push(Put { at, stat, ids: IdsAfter::Dropped, report });
        }
        if old != stat {
            let report = modify(!differs_for_people(&old, &stat), false);
            puts.push(Put { at, stat, ids: IdsAfter::Kept, report });
        }
    }

    /// Whether the content may be another although the attributes do not say so.
    fn may_differ_unseen(&self, mark: &Mark, old: &Stat, stat: &Stat, has_id: bool) -> bool {
        let written = mark.what.has(What::MODIFIED);
        let surely_same = self.settings.fine_times && old == stat;
        let suspect = mark.what.has(What::UNKNOWN) && has_id && old == stat;
        stat.kind == Kind::File && (written && !surely_same || suspect)
    }

    /// The entry of a directory that is the same one. Its times in the tree stay those of the last
    /// listing, so that whoever compares them later knows whether names may be missing.
    fn compare_dir(&mut self, at: At, seen: &Seen, old: &Stat, now: Stat, puts: &mut Vec<Put>) {
        let stat = if seen.compared {
            now
        } else {
            let Stat { size_bytes, mtime_ns, ctime_ns, .. } = *old;
            Stat { size_bytes, mtime_ns, ctime_ns, ..now }
        };
        let child = self.tree.view(None).entry(at.0, &at.1).and_then(|row| row.child);
        if let Some(dir) = child
            && self.tree.listing(dir) != Some(Listing::Complete)
        {
            self.tries.insert(dir, seen.mark.tries);
            self.list(dir);
        }
        if *old != stat {
            let quiet = !differs_for_people(old, &stat);
            let report = Report { kind: EventKind::Modify, quiet, open: false, learn: false };
            puts.push(Put { at, stat, ids: IdsAfter::Kept, report: Some(report) });
        }
    }

    fn make_puts(&mut self, puts: Vec<Put>) {
        let edits = puts.iter().map(|put| Edit::Put {
            at: (put.at.0, &put.at.1),
            stat: put.stat,
            ids: match put.ids {
                IdsAfter::Kept => Ids::Kept,
                IdsAfter::Dropped => Ids::Dropped,
            },
        });
        let outcomes = self.apply(edits.collect::<Vec<_>>());
        for (Put { at, stat, report, .. }, outcome) in puts.into_iter().zip(outcomes) {
            if let Some(Report { kind, quiet, open, .. }) = report {
                let open_for_write = open && stat.kind == Kind::File;
                self.report(&at, kind, |change| Change { quiet, open_for_write, ..change });
            }
            self.links.add(&stat, &at);
            self.mark_links(&at, &stat, Some(&stat));
            if report.is_some_and(|report| report.learn) {
                self.learn(at.0, &at.1);
            }
            if let Outcome::Added(Some(dir)) = outcome {
                self.list(dir);
            }
        }
    }

    /// Has a directory of which nothing is known listed.
    fn list(&mut self, dir: DirId) {
        self.apply([Edit::List { dir, listing: Listing::Unlisted }]);
        self.outstanding += 1;
        self.actions.push_back(Action::List { dir });
    }

    /// Has the other names of a file looked at, where they do not show what it has become.
    fn mark_links(&mut self, at: &At, stat: &Stat, now: Option<&Stat>) {
        if stat.kind != Kind::File || stat.nlink < 2 && now.is_some() {
            return;
        }
        for other in self.links.others(&self.tree, at, stat) {
            let row = self.tree.view(None).entry(other.0, &other.1).map(|row| row.stat);
            if now.is_none() || row.as_ref() != now {
                self.dirt.mark_due(other, Mark { what: What::ATTRIBUTES, ..Mark::default() });
            }
        }
    }

    fn is_excluded(&self, at: &At, kind: Kind) -> bool {
        self.settings.exclude.as_ref().is_some_and(|exclude| {
            let path = self.path_of(at);
            path.is_some_and(|path| exclude.excludes(&path, kind == Kind::Directory))
        })
    }

    /// The path of an entry, relative to the root.
    pub(super) fn path_of(&self, at: &At) -> Option<Box<[u8]>> {
        let mut path = self.tree.path_of(at.0)?;
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&at.1);
        Some(path.into())
    }
}

/// Whether the attributes say that the content may be another.
fn may_differ(old: &Stat, stat: &Stat) -> bool {
    old.id() != stat.id() || old.size_bytes != stat.size_bytes || old.mtime_ns != stat.mtime_ns
}

/// Joins moves of one entry after another, and drops those of what was replaced in the end.
fn chained(moves: Vec<(At, At)>) -> Vec<(At, At)> {
    let mut joined: Vec<(At, At)> = Vec::with_capacity(moves.len());
    for (from, to) in moves {
        let first = joined.iter().position(|(_, at)| *at == from);
        let from = first.map_or(from, |at| joined.remove(at).0);
        joined.retain(|(_, at)| *at != to);
        if from != to {
            joined.push((from, to));
        }
    }
    joined
}
