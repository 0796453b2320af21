//! The beginning of a round: what is to be looked at.

use std::collections::BTreeMap;

use treenail_os::feed::What;

use super::dirt::{At, Mark};
use super::reconcile::Seen;
use super::{Action, Live};
use crate::pages::DirId;

impl Live {
    pub(super) fn begin_round(&mut self, now_ns: u64) {
        self.note_rules();
        if self.outstanding > 0 {
            return;
        }
        self.round_moves.append(&mut self.moves);
        if let Some(mut dirs) = self.recheck.take() {
            dirs.sort_unstable();
            dirs.dedup();
            if std::mem::take(&mut self.is_lossy) {
                self.doubt_quiet(&dirs);
            }
            self.rechecking = Some(dirs.clone());
            self.outstanding += 1;
            return self.actions.push_back(Action::Recheck { dirs });
        }
        self.dirt.release(now_ns, false);
        let mut due = self.take_due();
        if due.is_empty() && self.links.is_search_due() {
            for at in self.links.search(&self.tree) {
                self.dirt.mark_due(at, Mark::of(What::ATTRIBUTES));
            }
            due = self.take_due();
        }
        let mut names: BTreeMap<DirId, Vec<Box<[u8]>>> = BTreeMap::new();
        for ((dir, name), mark) in due {
            names.entry(dir).or_default().push(name.clone());
            self.round.insert((dir, name), Seen { mark, now: None, compared: false });
        }
        for (dir, names) in names {
            self.outstanding += 1;
            self.actions.push_back(Action::Look { dir, names });
        }
    }

    /// Tells the exclusion of the changes that it does not know of yet, and lists anew where it may
    /// have changed its mind.
    pub(super) fn note_rules(&mut self) {
        let Some(exclude) = self.settings.exclude.as_ref().filter(|_| self.owes_note()) else {
            return;
        };
        let tops = exclude.note(&self.batch.changes[self.noted..]);
        self.noted = self.batch.changes.len();
        for top in tops {
            if let Some(dir) = self.tree.dir_at(&top) {
                self.list_below(dir);
            }
        }
    }

    pub(super) fn owes_note(&self) -> bool {
        self.settings.exclude.is_some() && self.noted < self.batch.changes.len()
    }

    /// Has a directory and all below it listed.
    pub(super) fn list_below(&mut self, top: DirId) {
        for dir in self.below(top) {
            self.list(dir);
        }
    }

    /// Takes all that is to be looked at in directories that are still there.
    fn take_due(&mut self) -> BTreeMap<At, Mark> {
        let mut due = self.dirt.take();
        due.retain(|(dir, _), _| self.tree.listing(*dir).is_some());
        due
    }
}
