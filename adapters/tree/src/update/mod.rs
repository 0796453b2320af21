//! Changing a tree: batches of edits that copy what they touch and nothing else.
//!
//! A batch goes through three passes: the edits are resolved in their order into the final rows of
//! each directory, each directory's blocks are merged with them once, and the digests of what was
//! touched are computed anew from the deepest directory up. A batch of one edit of a file that is
//! there goes a shorter way to the same end ([`one`]).

mod merge;
mod one;
mod refresh;
mod resolve;

use std::fmt;
use std::sync::Arc;

use treenail_os::Stat;

use crate::ids::{ContentId, IdKind};
use crate::pages::DirId;
use crate::tree::{Column, Listing, Tree};

pub(crate) use resolve::normal;

/// An entry: the directory that it is in, and its name's bytes.
pub type Place<'a> = (DirId, &'a [u8]);

/// One change to a tree.
#[derive(Clone, Copy, Debug)]
pub enum Edit<'a> {
    /// Sets an entry, whether or not there was one.
    ///
    /// A directory put where there is one leaves all in place and sets the stat alone. Where there
    /// was none, it gets a new number, in [`Outcome::Added`] or [`Outcome::Changed`], and begins
    /// without entries and as completely listed. Whatever else was there is removed first.
    Put {
        /// Which entry.
        at: Place<'a>,
        /// What the system says of it.
        stat: Stat,
        /// What becomes of its ids; of no meaning for what has no content.
        ids: Ids<'a>,
    },
    /// Removes an entry and, with a directory, everything below it.
    Remove {
        /// Which entry.
        at: Place<'a>,
    },
    /// Moves an entry with its stat, ids and digest; a directory keeps its number and all that is
    /// below it. What was at the destination is removed.
    Move {
        /// Which entry.
        from: Place<'a>,
        /// Where it goes.
        to: Place<'a>,
    },
    /// Says how much of a directory is in the tree; while it is not all, there is no digest.
    List {
        /// Which directory.
        dir: DirId,
        /// How much.
        listing: Listing,
    },
}

/// What becomes of the ids of an entry that is put.
#[derive(Clone, Copy, Debug)]
pub enum Ids<'a> {
    /// They stay if the stat is the present one, and are dropped otherwise.
    Unchanged,
    /// They stay, whatever the stat says: the content is known to be what it was.
    Kept,
    /// They are dropped, whatever the stat says.
    Dropped,
    /// These are known; in the columns that are not named it is as with `Unchanged`.
    Known(&'a [(IdKind, &'a [u8])]),
}

/// What a batch did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// One for each edit, in their order.
    pub outcomes: Vec<Outcome>,
    /// The directories that are no longer in the tree, each after the one it was in; their numbers
    /// may come back with another generation.
    pub freed: Vec<DirId>,
}

/// What an edit did, given those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// There was no such entry; the number is that of a new directory.
    Added(Option<DirId>),
    /// The entry has another kind, stat or id; the number is that of a directory, new or not.
    Changed(Option<DirId>),
    /// It was so already.
    Unchanged(Option<DirId>),
    /// The entry is no longer in the tree.
    Removed,
    /// The entry is in its new place.
    Moved,
    /// The edit cannot be made and changed nothing.
    Refused(Refusal),
}

/// Why an edit cannot be made.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The tree does not hold the directory, or no longer.
    NoDirectory,
    /// There is no entry of that name.
    NoEntry,
    /// The name is empty, `.` or `..`, holds a slash or a zero byte, or is longer than 65,535
    /// bytes.
    BadName,
    /// The tree has no column for an id, the id's length is not that of the column's kind, or the
    /// entry has no content to have an id of.
    BadId,
    /// A directory cannot be moved into itself or below itself.
    IntoItself,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDirectory => "the tree does not hold the directory",
            Self::NoEntry => "the directory has no entry of that name",
            Self::BadName => "no entry can have that name",
            Self::BadId => "the id fits no column of the tree, or the entry can have none",
            Self::IntoItself => "a directory cannot be moved into itself",
        })
    }
}

impl std::error::Error for Refusal {}

impl Tree {
    /// Makes a batch of changes, in memory alone.
    ///
    /// The edits count one after another, but each directory is rebuilt once: of a large one only
    /// the blocks that hold a changed entry, and of a column only those that hold a changed id.
    /// Clones made before share all the rest and stay what they were. In each column the digests of
    /// the changed directories and of those above them are computed once; a directory with an
    /// unknown id has none until the id is put.
    ///
    /// An edit that cannot be made is [refused](Outcome::Refused) and the others are made.
    ///
    /// # Panics
    /// If the tree would hold 2^32 directories.
    pub fn apply<'a>(&mut self, edits: impl IntoIterator<Item = Edit<'a>>) -> Applied {
        let mut edits = edits.into_iter();
        let first = edits.next();
        let second = edits.next();
        if let (Some(edit), None) = (&first, &second)
            && let Some(outcome) = one::put(self, edit)
        {
            return Applied { outcomes: vec![outcome], freed: Vec::new() };
        }
        let edits = first.into_iter().chain(second).chain(edits);
        let (outcomes, changes) = resolve::resolve(self, edits);
        if changes.dirs.is_empty() {
            return Applied { outcomes, freed: changes.freed };
        }
        merge::merge(self, &changes);
        let touched: Vec<DirId> = changes.dirs.keys().copied().collect();
        refresh::refresh(&self.dirs, &mut self.columns, &touched);
        Applied { outcomes, freed: changes.freed }
    }

    /// Adds a column in which no id is known yet, unless there is one of that kind.
    pub fn add_column<C: ContentId>(&mut self) {
        if self.id_kinds().any(|kind| kind == C::KIND) {
            return;
        }
        let mut column = [Arc::new(Column::new::<C>())];
        let all: Vec<DirId> = self.dirs.iter().map(|(id, _)| id).collect();
        refresh::refresh(&self.dirs, &mut column, &all);
        self.columns.extend(column);
    }
}

#[cfg(test)]
mod tests;
