//! The names of a tree in columns: the unchanging part of an index.
//!
//! Directories are numbered in pre-order, so that all below one are a range of numbers. The entries
//! of a directory stand together, sorted by name, in the order of the directories' numbers: then
//! all entries below a directory are a range too.

use std::ops::Range;

use treenail_os::Kind;

use super::basenames::{Basenames, Interner, NameNo};
use super::postings::{Postings, within};

/// The number of an entry.
pub(super) type EntryNo = u32;

/// The number of a directory.
pub(super) type DirNo = u32;

/// The root.
pub(super) const ROOT: DirNo = 0;

/// The most entries in columns.
const ENTRIES_MAX: u32 = 1 << 31;

/// The number of no entry and of no directory.
pub(super) const NONE: u32 = u32::MAX;

/// The kind of an entry, in the lower bits of its flags.
const KIND: u8 = 7;
/// The name begins with a dot.
pub(super) const HIDDEN: u8 = 8;
/// The name, or that of a directory above below the root, begins with a dot.
pub(super) const HIDDEN_PATH: u8 = 16;

/// What the flags say of the kind.
pub(super) fn kind_of(flags: u8) -> Kind {
    match flags & KIND {
        0 => Kind::File,
        1 => Kind::Directory,
        2 => Kind::Symlink,
        3 => Kind::Fifo,
        4 => Kind::Socket,
        5 => Kind::CharDevice,
        6 => Kind::BlockDevice,
        _ => Kind::Unknown,
    }
}

/// The flags of an entry whose directory is, or is not, below a hidden one.
pub(super) fn flags_of(name: &[u8], kind: Kind, hidden_above: bool) -> u8 {
    let hidden = name.first() == Some(&b'.');
    let path = if hidden || hidden_above { HIDDEN_PATH } else { 0 };
    kind as u8 & KIND | if hidden { HIDDEN } else { 0 } | path
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Names {
    /// The first entry of each directory, and behind the last one the number of entries.
    pub(super) first: Vec<EntryNo>,
    /// The number behind the last directory below each one.
    pub(super) end: Vec<DirNo>,
    /// Each directory's own entry in the one above; none for the root.
    pub(super) entry: Vec<EntryNo>,
    pub(super) base: Basenames,
    /// Each entry's name.
    pub(super) name_of: Vec<NameNo>,
    pub(super) dir: Vec<DirNo>,
    pub(super) flags: Vec<u8>,
    /// The entries that are directories which were looked into, and their numbers.
    pub(super) children: Vec<(EntryNo, DirNo)>,
    pub(super) postings: Postings,
}

/// Too much for the numbers.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Names {
    pub(super) fn len(&self) -> usize {
        self.dir.len()
    }

    pub(super) fn dirs(&self) -> usize {
        self.entry.len()
    }

    pub(super) fn name(&self, entry: EntryNo) -> &[u8] {
        self.base.get(self.name_of[entry as usize])
    }

    /// The entries of a directory itself.
    pub(super) fn entries(&self, dir: DirNo) -> Range<EntryNo> {
        self.first[dir as usize]..self.first[dir as usize + 1]
    }

    /// The entries of a directory and of all below it.
    pub(super) fn entries_below(&self, dir: DirNo) -> Range<EntryNo> {
        self.first[dir as usize]..self.first[self.end[dir as usize] as usize]
    }

    pub(super) fn child(&self, entry: EntryNo) -> Option<DirNo> {
        let at = self.children.binary_search_by_key(&entry, |(entry, _)| *entry).ok()?;
        Some(self.children[at].1)
    }

    /// The entry of that name in a directory.
    pub(super) fn find(&self, dir: DirNo, name: &[u8]) -> Option<EntryNo> {
        let named = self.postings.named(self.base.find(name)?);
        within(named, &self.entries(dir)).first().copied()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let dirs = self.first.capacity() + self.end.capacity() + self.entry.capacity();
        let words = dirs + self.name_of.capacity() + self.dir.capacity();
        let bytes = self.base.memory_bytes() + self.flags.capacity() + 8 * self.children.capacity();
        4 * words + bytes + self.postings.memory_bytes()
    }

    fn shrink(&mut self) {
        self.flags.shrink_to_fit();
        self.children.shrink_to_fit();
        let columns =
            [&mut self.first, &mut self.end, &mut self.entry, &mut self.name_of, &mut self.dir];
        columns.into_iter().for_each(Vec::shrink_to_fit);
    }
}

/// Names that come in directory by directory, in pre-order.
#[derive(Default)]
pub(super) struct Builder {
    names: Names,
    base: Interner,
    /// Whether each directory is, or is below, a hidden one.
    hidden: Vec<bool>,
}

/// An entry that is to be a directory: its place among the children.
pub(super) type ChildAt = usize;

impl Builder {
    /// Begins the next directory, which is the root or one of those announced.
    pub(super) fn enter(&mut self, child: Option<ChildAt>) -> Result<(), TooLarge> {
        let names = &mut self.names;
        let number = u32::try_from(names.entry.len()).map_err(|_| TooLarge)?;
        names.first.push(u32::try_from(names.dir.len()).map_err(|_| TooLarge)?);
        let entry = child.map_or(NONE, |at| {
            names.children[at].1 = number;
            names.children[at].0
        });
        names.entry.push(entry);
        let flags = names.flags.get(entry as usize);
        self.hidden.push(flags.is_some_and(|flags| flags & HIDDEN_PATH != 0));
        Ok(())
    }

    /// Adds an entry of the present directory; the entries come sorted by name. With `is_entered`
    /// the answer is what [`enter`](Self::enter) wants.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        kind: Kind,
        is_entered: bool,
    ) -> Result<ChildAt, TooLarge> {
        let names = &mut self.names;
        let (number, dir) = (names.dir.len() as u32, names.entry.len() as u32 - 1);
        let name_of = self.base.add(name)?;
        if number >= ENTRIES_MAX {
            return Err(TooLarge);
        }
        names.name_of.push(name_of);
        names.dir.push(dir);
        names.flags.push(flags_of(name, kind, self.hidden[dir as usize]));
        let child = names.children.len();
        if is_entered {
            names.children.push((number, NONE));
        }
        Ok(child)
    }

    pub(super) fn finish(self) -> Names {
        let mut names = self.names;
        names.first.push(names.dir.len() as u32);
        let dirs = names.entry.len() as u32;
        names.end = (1..=dirs).collect();
        // A directory's number is lower than those of all below it.
        for dir in (1..dirs as usize).rev() {
            let above = names.dir[names.entry[dir] as usize] as usize;
            names.end[above] = names.end[above].max(names.end[dir]);
        }
        names.base = self.base.finish();
        names.shrink();
        names.postings = Postings::new(&names);
        names
    }
}
