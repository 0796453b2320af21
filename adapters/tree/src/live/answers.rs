//! What was found where a live tree asked, and what becomes of what could not be looked at.

use std::collections::HashSet;
use std::io;

use treenail_os::Stat;
use treenail_os::feed::What;

use super::dirt::{At, Mark};
use super::reconcile::Seen;
use super::{Action, Difference, Listed, Live, NoLook, TRY_AGAIN_NS};
use crate::pages::DirId;
use crate::tree::Listing;
use crate::update::{Edit, normal};
use crate::view::View;

/// A look that finds its directory moved is tried again, each time after twice the time, while the
/// event that explains it is on its way. After so many times the directory counts as not listed,
/// and nothing waits for it any more.
pub(super) const TRIES_MAX: u8 = 10;

/// After so many times the time does not grow any more.
const TRIES_SLOWEST: u8 = 16;

impl Live {
    /// The answer to [`Action::Look`]: for each name what is there, in the order of the question.
    pub fn looked(
        &mut self,
        dir: DirId,
        names: Vec<Box<[u8]>>,
        found: Result<Vec<Option<Stat>>, NoLook>,
    ) {
        self.outstanding -= 1;
        match found {
            Ok(stats) => {
                for (name, now) in names.into_iter().zip(stats) {
                    if let Some(seen) = self.round.get_mut(&(dir, name)) {
                        seen.now = Some(now);
                    }
                }
            }
            Err(NoLook::Elsewhere) => self.look_again(dir, names),
            Err(NoLook::Refused(error)) => {
                self.refused(dir, &error);
                for name in names {
                    self.put_aside((dir, name));
                }
            }
        }
    }

    /// The answer to [`Action::List`].
    pub fn listed(&mut self, dir: DirId, found: Result<Vec<Listed>, NoLook>) {
        self.outstanding -= 1;
        if self.tree.listing(dir).is_none() {
            // It went while it was being watched.
            return self.actions.push_back(Action::Unwatch { dir });
        }
        match found {
            Ok(entries) => {
                self.unlisted.remove(&dir);
                self.tries.remove(&dir);
                self.take_up(dir);
                self.set_listing(dir, Listing::Complete);
                let gone: Vec<Box<[u8]>> = {
                    let known = self.tree.view(None);
                    let names: Vec<Box<[u8]>> =
                        known.entries(dir).map(|entry| entry.name.into()).collect();
                    let listed: HashSet<&[u8]> = entries.iter().map(|(name, _)| &**name).collect();
                    names.into_iter().filter(|name| !listed.contains(&**name)).collect()
                };
                for name in gone {
                    self.see((dir, name), None);
                }
                for (name, stat) in entries {
                    self.see_from_above((dir, name), stat);
                }
            }
            Err(NoLook::Elsewhere) => {
                // Its parent's entry tells where it went; until then its content is unknown.
                self.set_listing(dir, Listing::Unlisted);
                let tries = self.tries.remove(&dir).unwrap_or_default();
                self.note_unreachable(dir, tries);
                self.look_at_place(dir, tries);
            }
            Err(NoLook::Refused(error)) => self.refused(dir, &error),
        }
    }

    /// The answer to [`Action::Recheck`]. `suspects` are files whose attributes are as they were,
    /// but so young that their contents may still be other ones.
    pub fn rechecked(&mut self, differences: Vec<Difference>, suspects: Vec<(DirId, Box<[u8]>)>) {
        let dirs = self.rechecking.take().unwrap_or_default();
        self.outstanding -= 1;
        for Difference { dir, name, now } in differences {
            let view = self.tree.view(None);
            let known = view.entry(dir, &name);
            let same = known.filter(|row| now.is_some_and(|now| now.id() == row.stat.id()));
            let child = same.and_then(|row| row.child).filter(|_| !dirs.is_empty());
            if let (Some(child), Some(now)) = (child, now)
                && dirs.binary_search(&child).is_err()
            {
                self.see_from_above((dir, name), now);
                continue;
            }
            // A directory that is not there was not looked into; perhaps it is elsewhere.
            let missed = known.filter(|row| now.is_none_or(|now| now.id() != row.stat.id()));
            for below in
                missed.and_then(|row| row.child).map_or_else(Vec::new, |dir| self.below(dir))
            {
                self.set_listing(below, Listing::Unlisted);
            }
            self.see((dir, name), now);
        }
        for at in suspects {
            self.dirt.mark_due(at, Mark::of(What::UNKNOWN));
        }
    }

    /// Says that directories were compared, or everything if there are none, and which of them
    /// could not be, with the reasons; before [`rechecked`](Self::rechecked).
    pub fn compared(&mut self, dirs: Option<&[DirId]>, failed: Vec<(DirId, String)>) {
        let all = || self.tree.dirs.iter().map(|(dir, _)| dir).collect();
        let incomplete = dirs.map_or_else(all, <[DirId]>::to_vec).into_iter().filter(|dir| {
            self.tree.listing(*dir).is_some_and(|listing| listing != Listing::Complete)
        });
        for dir in incomplete.collect::<Vec<_>>() {
            self.unlisted.remove(&dir);
            self.take_up(dir);
            self.set_listing(dir, Listing::Complete);
        }
        for (dir, reason) in failed {
            // Of what is below nothing was seen either.
            for dir in self.below(dir) {
                if dirs.is_none_or(|dirs| dirs.binary_search(&dir).is_ok()) {
                    self.set_listing(dir, Listing::Partial);
                    self.note_unlisted(dir, reason.clone());
                }
            }
        }
    }

    pub(super) fn mark(
        &mut self,
        (dir, name): (DirId, &[u8]),
        what: What,
        went: Option<bool>,
        deadline: u64,
    ) {
        if self.tree.listing(dir).is_some() {
            let mark = Mark { what, went, ..Mark::default() };
            self.dirt.mark((dir, name.into()), mark, deadline);
        }
    }

    /// Enters what was seen of an entry without having asked for it.
    pub(super) fn see(&mut self, at: At, now: Option<Stat>) {
        let mark = Mark::of(What::UNKNOWN);
        let seen = self.round.entry(at).or_insert(Seen { mark, now: None, compared: true });
        (seen.now, seen.compared) = (Some(now), true);
    }

    /// The same of an entry that, if it is a directory, was not looked into. If it is not as the
    /// tree has it, it may be another that was given the same number, and that nobody watches.
    pub(super) fn see_from_above(&mut self, at: At, now: Stat) {
        let row = self.tree.view(None).entry(at.0, &at.1).filter(|row| row.child.is_some());
        let same = row.filter(|row| row.stat.id() == now.id());
        if same.is_none_or(|row| row.stat == normal(now)) {
            return self.see(at, Some(now));
        }
        let mark = Mark::of(What::REMOVED);
        let seen = self.round.entry(at).or_insert(Seen { mark, now: None, compared: false });
        seen.mark.what |= What::REMOVED;
        seen.now = Some(Some(now));
    }

    /// Takes an entry that cannot be looked at out of the round, until its directory can be listed:
    /// its attributes alone will not tell what happened to it.
    pub(super) fn put_aside(&mut self, (dir, name): At) {
        let seen = self.round.remove(&(dir, name.clone()));
        if let Some(seen) = seen.filter(|_| self.tree.listing(dir).is_some()) {
            *self.refused.entry(dir).or_default().entry(name).or_default() |= seen.mark.what;
        }
    }

    /// Has looked at what could not be looked at before.
    pub(super) fn take_up(&mut self, dir: DirId) {
        for (name, what) in self.refused.remove(&dir).into_iter().flatten() {
            self.dirt.mark_due((dir, name), Mark::of(what));
        }
    }

    /// Looks again, in a while, at entries whose directory is not where the tree has it.
    fn look_again(&mut self, dir: DirId, names: Vec<Box<[u8]>>) {
        let mut tries = 0;
        for name in names {
            let at = (dir, name);
            if let Some(Seen { mark, .. }) = self.round.remove(&at) {
                tries = tries.max(mark.tries);
                self.try_again(at, mark);
            }
        }
        self.note_unreachable(dir, tries);
        self.look_at_place(dir, tries);
    }

    /// Looks at the entry of a directory in its parent, in a while.
    fn look_at_place(&mut self, dir: DirId, tries: u8) {
        if let Some(at) = self.place_of(dir) {
            self.try_again(at, Mark { tries, ..Mark::of(What::UNKNOWN) });
        }
    }

    fn try_again(&mut self, at: At, mark: Mark) {
        let deadline = self.now_ns.saturating_add(TRY_AGAIN_NS << mark.tries);
        let tries = (mark.tries + 1).min(TRIES_SLOWEST);
        self.dirt.postpone(at, Mark { tries, heard: false, missed: false, ..mark }, deadline);
    }

    /// Says of a directory that was looked for in vain so often that its names are not known.
    fn note_unreachable(&mut self, dir: DirId, tries: u8) {
        if tries >= TRIES_MAX && self.tree.listing(dir).is_some() {
            self.set_listing(dir, Listing::Partial);
            self.note_unlisted(dir, "its path leads elsewhere".to_owned());
        }
    }

    /// Says of a directory that the system does not let it be looked at; what is known is kept.
    pub(super) fn refused(&mut self, dir: DirId, error: &io::Error) {
        if self.tree.listing(dir).is_some() {
            self.unlisted.insert(dir, error.to_string());
            self.set_listing(dir, Listing::Partial);
        }
    }

    pub(super) fn set_listing(&mut self, dir: DirId, listing: Listing) {
        self.tree.apply([Edit::List { dir, listing }]);
    }
}
