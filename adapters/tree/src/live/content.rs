//! Content truth: whether a file that was written holds other bytes than before.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use treenail_os::Stat;
use treenail_os::feed::What;

use super::change::{Change, EventKind, Id};
use super::dirt::{At, Mark};
use super::{Action, Live};
use crate::pages::DirId;
use crate::update::{Edit, Ids};
use crate::view::Class;

/// The ids of longer files are not computed before somebody needs them.
const LEARNED_BYTES_MAX: u64 = 256 << 20;

/// What is being read.
#[derive(Default)]
pub(super) struct Content {
    /// By the number of the question.
    asked: BTreeMap<u64, Asked>,
    /// The last question about each file.
    last: BTreeMap<At, u64>,
    next: u64,
}

struct Asked {
    at: At,
    /// What was last seen of the file.
    stat: Stat,
    /// Whether somebody has it open, if a change depends on the answer: the tree still shows what
    /// was before.
    verify: Option<bool>,
}

/// A file's content, read to its end, the attributes being the same before and after.
#[derive(Clone, Debug)]
pub struct Hashed {
    /// The attributes.
    pub stat: Stat,
    /// The id, of the kind in [`Settings::ids`](super::Settings::ids).
    pub id: Id,
    /// The bytes that differ from the content whose id the tree has, where that is known.
    pub ranges: Vec<Range<u64>>,
}

/// Why a file has no id.
#[derive(Debug)]
pub enum Unhashed {
    /// There is no regular file of that name.
    Gone,
    /// It is being written: its attributes changed while it was read. Or it changed so lately that
    /// another change would leave the same attributes.
    Unstable,
    /// The system refuses.
    Refused(io::Error),
}

impl Content {
    /// Whether a change waits for an answer.
    pub(super) fn is_verifying(&self) -> bool {
        self.asked.values().any(|asked| asked.verify.is_some())
    }

    /// Whether a change of this file waits for an answer.
    pub(super) fn is_verifying_file(&self, at: &At) -> bool {
        let asked = self.last.get(at).and_then(|ticket| self.asked.get(ticket));
        asked.is_some_and(|asked| asked.verify.is_some())
    }

    fn ask(&mut self, at: At, stat: Stat, verify: Option<bool>) -> u64 {
        self.next += 1;
        if let Some(before) = self.last.insert(at.clone(), self.next) {
            self.asked.remove(&before);
        }
        self.asked.insert(self.next, Asked { at, stat, verify });
        self.next
    }

    /// Forgets what was asked about a file; whether a change depended on it.
    pub(super) fn forget(&mut self, at: &At) -> bool {
        let asked = self.last.remove(at).and_then(|ticket| self.asked.remove(&ticket));
        asked.is_some_and(|asked| asked.verify.is_some())
    }
}

impl Live {
    /// The answer to [`Action::Hash`], by its ticket.
    pub fn hashed(&mut self, now_ns: u64, ticket: u64, found: Result<Hashed, Unhashed>) {
        let Some(Asked { at, stat, verify }) = self.content.asked.remove(&ticket) else { return };
        self.content.last.remove(&at);
        if let Some(seen) = self.round.get_mut(&at) {
            // What was seen of it may be older than what was read: it is read again, wherever the
            // round finds that it went. Nobody knows any more what was done to it.
            if verify.is_some() {
                seen.mark.what |= What::MODIFIED | What::CLOSED | What::ATTRIBUTES;
            }
            return;
        }
        match (found, verify) {
            (Ok(found), Some(open)) => self.verified(&at, &found, open),
            (Ok(found), None) => self.learned(at, &stat, &found),
            (Err(Unhashed::Gone), _) => {
                self.dirt.mark_due(at, Mark::of(What::UNKNOWN));
            }
            (Err(Unhashed::Unstable), Some(_)) => {
                // Before its time only what was closed is read.
                let deadline = now_ns.saturating_add(self.settings.open_max_ns);
                let what = What::MODIFIED | What::CLOSED | What::ATTRIBUTES;
                self.dirt.hold(at, Mark::of(what), deadline);
            }
            (Err(Unhashed::Refused(_)), Some(open)) => {
                self.put_modified(&at, stat, None, open);
            }
            (Err(_), None) => {}
        }
    }

    /// A file was read without having been asked for, by whoever has just written to it.
    pub fn wrote(&mut self, dir: DirId, name: &[u8], found: &Hashed) {
        let at: At = (dir, name.into());
        if self.tree.view(None).entry(dir, name).is_none() {
            return;
        }
        // Who reads it just now may have seen another change of it, and will not tell where.
        let ranges = match self.content.is_verifying_file(&at) {
            true => Vec::new(),
            false => found.ranges.clone(),
        };
        self.content.forget(&at);
        self.verified(&at, &Hashed { ranges, ..found.clone() }, false);
    }

    /// Asks for a file's id, unless it is known; the answer changes nothing but the id.
    pub fn learn(&mut self, dir: DirId, name: &[u8]) {
        let Some(row) = self.tree.view(self.settings.ids).entry(dir, name) else { return };
        let size_bytes = row.stat.size_bytes;
        let wanted = self.settings.ids.is_some()
            && row.class().is_file()
            && row.id.is_none()
            && size_bytes <= LEARNED_BYTES_MAX;
        let at: At = (dir, name.into());
        if wanted && !self.content.last.contains_key(&at) {
            let ticket = self.content.ask(at, row.stat, None);
            let name = name.into();
            self.actions.push_back(Action::Hash { ticket, dir, name, size_bytes, urgent: false });
        }
    }

    /// Has a file read to find out whether it changed; until then the tree shows what was before.
    pub(super) fn verify(&mut self, at: At, stat: Stat, open: bool) {
        let (dir, name) = at.clone();
        let ticket = self.content.ask(at, stat, Some(open));
        let size_bytes = stat.size_bytes;
        self.actions.push_back(Action::Hash { ticket, dir, name, size_bytes, urgent: true });
    }

    fn verified(&mut self, at: &At, found: &Hashed, open: bool) {
        let Some(row) = self.tree.view(self.settings.ids).entry(at.0, &at.1) else {
            return self.dirt.mark_due(at.clone(), Mark::of(What::UNKNOWN));
        };
        let before = row.stat;
        if row.id != Some(found.id.as_bytes()) {
            self.put_modified(at, found.stat, Some(found), open);
        } else if before != found.stat {
            let quiet = !differs_for_people(&before, &found.stat);
            self.put(at, found.stat, Ids::Kept);
            let id = Some(found.id);
            self.report(at, EventKind::Modify, |change| Change { quiet, id, ..change });
        }
    }

    fn learned(&mut self, at: At, asked: &Stat, found: &Hashed) {
        let Some(kind) = self.settings.ids else { return };
        let row = self.tree.view(None).entry(at.0, &at.1);
        if row.is_none_or(|row| !row.stat.same_content(&found.stat)) {
            return self.dirt.mark_due(at, Mark::of(What::UNKNOWN));
        }
        if found.stat.ctime_ns != asked.ctime_ns {
            // It may have been written after it was last told of, its mtime been set back, and the
            // feed be about to say so: nobody would be told if that id were known.
            let mark = Mark { learn: true, ..Mark::of(What::ATTRIBUTES) };
            let deadline = self.now_ns.saturating_add(self.settings.explain_max_ns);
            return self.dirt.keep_unexplained(at, mark, self.now_ns, deadline);
        }
        self.put(&at, found.stat, Ids::Known(&[(kind, found.id.as_bytes())]));
        let id = Some(found.id);
        self.report(&at, EventKind::Modify, |change| Change { quiet: true, id, ..change });
    }

    /// Puts and reports a file that holds other bytes, or may.
    pub(super) fn put_modified(&mut self, at: &At, stat: Stat, found: Option<&Hashed>, open: bool) {
        match (self.settings.ids, found) {
            (Some(kind), Some(found)) => {
                self.put(at, stat, Ids::Known(&[(kind, found.id.as_bytes())]));
            }
            _ => self.put(at, stat, Ids::Dropped),
        }
        self.report(at, EventKind::Modify, |change| Change {
            id: found.map(|found| found.id),
            ranges: found.map(|found| found.ranges.clone()).unwrap_or_default(),
            open_for_write: open,
            ..change
        });
    }

    fn put(&mut self, at: &At, stat: Stat, ids: Ids<'_>) {
        let before = self.tree.view(None).entry(at.0, &at.1).map(|row| row.stat);
        self.apply([Edit::Put { at: (at.0, &at.1), stat, ids }]);
        self.follow_links(at, before.as_ref(), &stat);
    }

    /// Adds a change of an entry that is in the tree.
    pub(super) fn report(&mut self, at: &At, kind: EventKind, with: impl FnOnce(Change) -> Change) {
        let Some(row) = self.tree.view(None).entry(at.0, &at.1) else { return };
        let (class, stat) = (Class::of(&row.stat), row.stat);
        let Some(path) = self.path_of(at) else { return };
        let change = with(Change { stat: Some(stat), ..Change::new(kind, class, path) });
        if change.open_for_write {
            self.opened.insert(at.clone(), stat.id());
        }
        self.batch.changes.push(change);
    }
}

/// Whether mode or owner differ, which people care about, or the type.
pub(super) fn differs_for_people(a: &Stat, b: &Stat) -> bool {
    (a.kind, a.mode, a.uid, a.gid) != (b.kind, b.mode, b.uid, b.gid)
}
