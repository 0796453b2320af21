//! What has changed since the columns were made: entries that are gone, new ones, and directories
//! that stand elsewhere.

use std::collections::HashMap;
use std::ops::Range;

use super::names::{DirNo, EntryNo, NONE};
use super::signature::Signature;

/// See the module's text. Entries and directories are numbered on from those of the columns.
#[derive(Clone, Default)]
pub(super) struct Overlay {
    /// The entries of the columns that are gone; empty while there are none.
    dead: Bits,
    /// The entries that came.
    pub(super) added: Vec<Added>,
    names: Vec<u8>,
    /// Where the live ones among them are.
    by_place: HashMap<DirNo, HashMap<Box<[u8]>, EntryNo>>,
    /// The entry of each directory that came.
    pub(super) new_dirs: Vec<EntryNo>,
    /// The entries of directories of the columns that moved.
    moved: HashMap<DirNo, EntryNo>,
    /// The directories of the columns that moved, and all that were below them then.
    relocated: Bits,
    /// The same as ranges that do not overlap.
    pub(super) islands: Vec<Range<DirNo>>,
    /// How many entries are gone, came, or have another path.
    weight: usize,
    /// How often a directory moved.
    moves: u64,
}

/// An entry that came.
#[derive(Clone)]
pub(super) struct Added {
    name_start: u32,
    name_len: u32,
    pub(super) dir: DirNo,
    pub(super) child: DirNo,
    pub(super) signature: Signature,
    pub(super) flags: u8,
    pub(super) is_live: bool,
}

/// Bits that are all zero while there is no memory for them.
#[derive(Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn get(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 != 0)
    }

    pub(super) fn set(&mut self, at: u32, bit: bool) {
        let word = at as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] = self.0[word] & !(1 << (at % 64)) | u64::from(bit) << (at % 64);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        8 * self.0.capacity()
    }
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.weight == 0
    }

    /// What it costs questions, in entries.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn is_dead(&self, entry: EntryNo) -> bool {
        self.dead.get(entry)
    }

    pub(super) fn is_relocated(&self, dir: DirNo) -> bool {
        self.relocated.get(dir)
    }

    pub(super) fn moved(&self, dir: DirNo) -> Option<EntryNo> {
        if self.moved.is_empty() { None } else { self.moved.get(&dir).copied() }
    }

    pub(super) fn name(&self, added: &Added) -> &[u8] {
        let start = added.name_start as usize;
        &self.names[start..start + added.name_len as usize]
    }

    /// The entry of that name in a directory, if it came.
    pub(super) fn find(&self, dir: DirNo, name: &[u8]) -> Option<EntryNo> {
        self.by_place.get(&dir)?.get(name).copied()
    }

    /// The entries that came to a directory and are there.
    pub(super) fn entries(&self, dir: DirNo) -> impl Iterator<Item = EntryNo> {
        self.by_place.get(&dir).into_iter().flat_map(|names| names.values().copied())
    }

    /// Takes an entry of the columns out, or puts it back.
    pub(super) fn bury(&mut self, entry: EntryNo, is_dead: bool) {
        self.dead.set(entry, is_dead);
        self.weight += 1;
    }

    /// Adds an entry; `first` is the number of the first one that came.
    pub(super) fn add(
        &mut self,
        first: u32,
        at: (DirNo, &[u8]),
        flags: u8,
        child: DirNo,
    ) -> EntryNo {
        let number = first + self.added.len() as u32;
        let (dir, name) = at;
        self.added.push(Added {
            name_start: self.names.len() as u32,
            name_len: name.len() as u32,
            dir,
            child,
            signature: Signature::of_name(name),
            flags,
            is_live: true,
        });
        self.names.extend_from_slice(name);
        self.by_place.entry(dir).or_default().insert(name.into(), number);
        self.weight += 1;
        number
    }

    /// Takes out an entry that came; `at` is its number, counted from the first.
    pub(super) fn remove(&mut self, at: usize) {
        let added = &mut self.added[at];
        added.is_live = false;
        let (start, dir) = (added.name_start as usize, added.dir);
        let name = &self.names[start..start + added.name_len as usize];
        if let Some(names) = self.by_place.get_mut(&dir) {
            names.remove(name);
            if names.is_empty() {
                self.by_place.remove(&dir);
            }
        }
        self.weight += 1;
    }

    /// Says which entry a directory of the columns is now. All in `below`, itself too, had another
    /// path before; `entries` is how many entries that concerns.
    pub(super) fn relocate(
        &mut self,
        dir: DirNo,
        entry: EntryNo,
        below: Range<DirNo>,
        entries: usize,
    ) {
        self.moved.insert(dir, entry);
        self.moves += 1;
        if !self.relocated.get(dir) {
            below.clone().for_each(|dir| self.relocated.set(dir, true));
            self.islands.retain(|island| !below.contains(&island.start));
            self.islands.push(below);
            self.weight += entries;
        }
    }

    /// Makes the number of a directory that came; its entry is given later.
    pub(super) fn new_dir(&mut self, first: u32) -> DirNo {
        self.new_dirs.push(NONE);
        first + self.new_dirs.len() as u32 - 1
    }

    /// Gives a directory that came its entry, or another one.
    pub(super) fn place_new_dir(&mut self, at: usize, entry: EntryNo) {
        self.moves += u64::from(self.new_dirs[at] != NONE);
        self.new_dirs[at] = entry;
    }

    /// How often a directory moved, and so what is below it.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let added = self.added.capacity() * size_of::<Added>() + 2 * self.names.capacity();
        added + self.added.len() * 48 + self.dead.memory_bytes() + self.relocated.memory_bytes()
    }
}
