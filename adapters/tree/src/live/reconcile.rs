//! The end of a round: what was seen becomes edits of the tree, and changes.

mod moves;
mod unexplained;

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
        self.find_moves(&round);
        self.put_off_unexplained(&mut round);
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
        self.note_rules();
    }

    /// Puts off a file whose maker has not closed it yet.
    fn hold_unfinished(&mut self, at: &At, seen: &Seen, now_ns: u64) -> bool {
        let Some(Some(stat)) = seen.now else { return false };
        let is_being_made = stat.kind == Kind::File && stat.nlink == 1;
        let hold = seen.mark.is_unfinished() && is_being_made;
        if hold {
            let deadline = now_ns.saturating_add(self.settings.open_max_ns);
            self.dirt.hold(at.clone(), Mark::of(seen.mark.what), deadline);
        }
        hold
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
                now.kind == row.stat.kind && same_dir && !self.is_excluded(at, now.kind)
            });
            if stays || reported.contains(at) {
                continue;
            }
            let (stat, child) = (row.stat, row.child);
            if let Some(child) = child {
                self.report_below(child, None, &mut reported);
            }
            self.report_gone(at, &stat);
            reported.insert(at.clone());
            gone.push((at.clone(), stat));
        }
        let removes = gone.iter().map(|(at, _)| Edit::Remove { at: (at.0, &at.1) });
        self.apply(removes.collect::<Vec<_>>());
        for (at, stat) in gone {
            if self.content.forget(&at) {
                self.dirt.mark_due(at.clone(), Mark::of(What::UNKNOWN));
            }
            self.mark_links(&at, &stat, None);
        }
    }

    /// Reports everything below a directory as gone, the deepest first. What moves away from there,
    /// and the directories that lead to it, are not: nothing could be moved out of what is gone.
    fn report_below(&mut self, top: DirId, moved: Option<&At>, reported: &mut HashSet<At>) {
        let way = moved.into_iter().flat_map(|at| self.with_above(at.0));
        let way: Vec<DirId> = way.take_while(|dir| *dir != top).collect();
        // What moves away from there goes with all that is below it.
        let moved_dir = moved.and_then(|at| self.tree.view(None).entry(at.0, &at.1)?.child);
        let kept = moved_dir.map_or_else(Vec::new, |dir| self.below(dir));
        for dir in self.below(top).into_iter().rev().filter(|dir| !kept.contains(dir)) {
            let view = self.tree.view(None);
            let files = view.entries(dir).filter(|row| row.child.is_none());
            let files: Vec<(At, Stat)> =
                files.map(|row| ((dir, row.name.into()), row.stat)).collect();
            let own = self.place_of(dir).filter(|_| dir != top && !way.contains(&dir));
            let own = own.and_then(|at| {
                let stat = view.entry(at.0, &at.1)?.stat;
                Some((at, stat))
            });
            for (at, stat) in files.into_iter().chain(own) {
                if !reported.contains(&at) && moved != Some(&at) {
                    self.report_gone(&at, &stat);
                    self.mark_links(&at, &stat, None);
                    reported.insert(at);
                }
            }
        }
    }

    fn report_gone(&mut self, at: &At, stat: &Stat) {
        self.opened.remove(at);
        let Some(path) = self.path_of(at) else { return };
        self.batch.changes.push(Change::new(EventKind::Delete, Class::of(stat), path));
    }

    /// Decides what an entry's present attributes mean.
    fn compare(&mut self, at: At, seen: &Seen, stat: Stat, puts: &mut Vec<Put>) {
        let open = seen.mark.open;
        let Some(row) = self.tree.view(self.settings.ids).entry(at.0, &at.1) else {
            if self.is_excluded(&at, stat.kind) || self.awaits_move(&at, seen, &stat) {
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
        // Who was told of a file that is still being written is told of its end, too.
        let is_closed = !open && seen.mark.what.has(What::CLOSED);
        let ends = is_closed && self.opened.remove(&at) == Some(stat.id());
        let unseen = self.may_differ_unseen(&seen.mark, &old, &stat, has_id);
        if unseen && !seen.mark.by_link {
            self.mark_written_links(&at, &stat);
        }
        // An answer that is on its way may be older than what was seen now.
        let is_outrun = old != stat && self.content.is_verifying_file(&at);
        if may_differ(&old, &stat) || unseen || is_outrun {
            if stat.kind == Kind::File && has_id && !ends {
                // This name may go before its file is read, and the others be written through it.
                self.links.add(&stat, at.0, &at.1);
                return self.verify(at, stat, open);
            }
            let report = modify(false, true);
            return puts.push(Put { at, stat, ids: IdsAfter::Dropped, report });
        }
        if old != stat || ends {
            let quiet = !ends && !differs_for_people(&old, &stat);
            let report = modify(quiet, ends);
            self.quiet.add(at.clone());
            puts.push(Put { at, stat, ids: IdsAfter::Kept, report });
        } else if seen.mark.learn {
            self.learn(at.0, &at.1);
        }
    }

    /// Whether the content may be another although the attributes do not say so.
    fn may_differ_unseen(&self, mark: &Mark, old: &Stat, stat: &Stat, has_id: bool) -> bool {
        let written = mark.what.has(What::MODIFIED);
        // Another file in the same place may have got the number of the one before.
        let written = written || mark.what.has(What::REMOVED);
        // A write sets both times. Where they differ, the ctime may have been seen, and taken for
        // that of new attributes, before this event told of a write whose mtime was set back.
        let is_of_write = stat.mtime_ns == stat.ctime_ns;
        let surely_same = self.settings.fine_times && old == stat && is_of_write;
        // Nobody saw what changed the ctime: whoever unpacks an archive sets the mtime back.
        let suspect = mark.what.has(What::UNKNOWN) && (has_id || old != stat);
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
        if let Some(dir) = child {
            // Removed and made anew, a directory often gets the same number, but nobody watches it.
            let is_another = seen.mark.what.has(What::REMOVED);
            if is_another || self.tree.listing(dir) != Some(Listing::Complete) {
                self.tries.insert(dir, seen.mark.tries);
                self.list(dir);
            }
            if differs_for_people(old, &stat) || seen.mark.what.has(What::ATTRIBUTES) {
                self.list_refused_below(dir);
            }
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
        let edits = edits.collect::<Vec<_>>();
        let view = self.tree.view(None);
        let before = puts.iter().map(|put| Some(view.entry(put.at.0, &put.at.1)?.stat));
        let before: Vec<Option<Stat>> = before.collect();
        let outcomes = self.apply(edits);
        let outcomes = before.into_iter().zip(outcomes);
        for (Put { at, stat, report, .. }, (before, outcome)) in puts.into_iter().zip(outcomes) {
            if let Some(Report { kind, quiet, open, .. }) = report {
                let open_for_write = open && stat.kind == Kind::File;
                self.report(&at, kind, |change| Change { quiet, open_for_write, ..change });
            }
            self.follow_links(&at, before.as_ref(), &stat);
            if report.is_some_and(|report| report.learn) {
                self.learn(at.0, &at.1);
            }
            if let Outcome::Added(Some(dir)) = outcome {
                self.inodes.add(&stat, dir);
                self.list(dir);
            }
        }
    }

    /// Has a directory of which nothing is known listed.
    pub(super) fn list(&mut self, dir: DirId) {
        self.apply([Edit::List { dir, listing: Listing::Unlisted }]);
        if self.to_list.insert(dir) {
            self.outstanding += 1;
            self.actions.push_back(Action::List { dir });
        }
    }

    /// Lists the directories below one that could not be listed; perhaps they can be now.
    pub(super) fn list_refused_below(&mut self, top: DirId) {
        let is_below = |dir: &DirId| self.with_above(*dir).any(|dir| dir == top);
        let refused: Vec<DirId> = self.unlisted.keys().copied().filter(is_below).collect();
        for dir in refused {
            self.list(dir);
        }
    }

    /// An entry was put: the other names of the file that it is, and of the one that it was, may
    /// show something else too.
    pub(super) fn follow_links(&mut self, at: &At, before: Option<&Stat>, stat: &Stat) {
        self.links.add(stat, at.0, &at.1);
        self.mark_links(at, stat, Some(stat));
        if let Some(before) = before.filter(|before| before.id() != stat.id()) {
            self.mark_links(at, before, None);
        }
    }

    /// Has the other names of a file looked at that was written, though its attributes may be what
    /// they were.
    fn mark_written_links(&mut self, at: &At, stat: &Stat) {
        if stat.nlink < 2 {
            return;
        }
        for other in self.links.others(&self.tree, at, stat) {
            let mark = Mark { by_link: true, ..Mark::of(What::MODIFIED | What::ATTRIBUTES) };
            self.dirt.mark_due(other, mark);
        }
    }

    /// Has the other names of a file looked at, where they do not show what it has become.
    fn mark_links(&mut self, at: &At, stat: &Stat, now: Option<&Stat>) {
        if stat.kind != Kind::File || stat.nlink < 2 && now.is_some() {
            return;
        }
        for other in self.links.others(&self.tree, at, stat) {
            let row = self.tree.view(None).entry(other.0, &other.1).map(|row| row.stat);
            if now.is_none() || row.as_ref() != now {
                let mark = Mark::of(What::ATTRIBUTES);
                self.dirt.mark_due(other, mark);
                // What was seen here may be the older of the two.
                if now.is_some() {
                    self.dirt.mark_due(at.clone(), mark);
                }
            }
        }
    }

    fn is_excluded(&self, at: &At, kind: Kind) -> bool {
        let exclude = self.settings.exclude.as_ref().filter(|_| kind == Kind::Directory);
        exclude.is_some_and(|exclude| self.path_of(at).is_some_and(|path| exclude.excludes(&path)))
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
