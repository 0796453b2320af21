//! The whole check of a snapshot: its bytes are those that were written, and they make a tree.

use treenail_hash::{Hash, Xxh128};

use super::Snapshot;
use super::layout::{HEADER_BYTES, NONE};
use crate::block::NAMES_BYTES_MAX;
use crate::error::{Error, ErrorKind};
use crate::view::{Class, View};

impl Snapshot {
    /// Checks every byte of the file against its checksum, and that the numbers in it make a tree:
    /// afterwards every reading terminates and finds sorted names.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with what is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        let corrupt = |message: &str| Error::new(ErrorKind::Corrupt, &self.path, message);
        if Xxh128::hash(&self.bytes.as_slice()[HEADER_BYTES..]) != self.header.body_checksum {
            return Err(corrupt("the snapshot's content does not match its checksum"));
        }
        self.check_directories().map_err(corrupt)?;
        self.check_entries().map_err(corrupt)
    }

    fn check_directories(&self) -> Result<(), &'static str> {
        let (header, layout) = (&self.header, &self.layout);
        if header.dirs == 0 {
            return Err("there is no root directory");
        }
        if self.u32(layout.dir_first, 0) != 0
            || self.u32(layout.dir_first, header.dirs) != header.entries
        {
            return Err("the directories do not cover the entries");
        }
        for dir in 0..header.dirs {
            let (parent, entry) =
                (self.u32(layout.dir_parent, dir), self.u32(layout.dir_entry, dir));
            let end = self.u32(layout.dir_end, dir);
            if self.u32(layout.dir_first, dir) > self.u32(layout.dir_first, dir + 1) {
                return Err("a directory ends before it begins");
            }
            if end <= dir || end > header.dirs {
                return Err("a subtree ends outside the tree");
            }
            let right = match dir {
                0 => parent == NONE && entry == NONE && end == header.dirs,
                _ => parent < dir && end <= self.u32(layout.dir_end, parent),
            };
            if !right {
                return Err("a directory does not lie within its parent");
            }
            if dir > 0
                && (!self.entry_range(parent).contains(&entry) || self.child(entry) != Some(dir))
            {
                return Err("a directory and its entry contradict each other");
            }
        }
        Ok(())
    }

    fn check_entries(&self) -> Result<(), &'static str> {
        let mut children = 0;
        let mut name_end = 0;
        for entry in 0..self.header.entries {
            let end = self.u32(self.layout.name_end, entry);
            if end <= name_end && !(entry == 0 && end > 0) || end > self.header.names_bytes {
                return Err("an entry has no name");
            }
            name_end = end;
            if self.u32(self.layout.owner, entry) >= self.header.owners {
                return Err("an entry's owner is not in the table");
            }
            let child = self.u32(self.layout.child, entry);
            let is_dir = Class::of(&self.stat(entry)) == Class::Directory;
            if is_dir != (child != NONE) {
                return Err("an entry's kind contradicts what is below it");
            }
            if child != NONE {
                children += 1;
                if child >= self.header.dirs || self.u32(self.layout.dir_entry, child) != entry {
                    return Err("an entry and its directory contradict each other");
                }
            }
        }
        if children + 1 != self.header.dirs || name_end != self.header.names_bytes {
            return Err("the counts contradict the content");
        }
        (0..self.header.dirs).try_for_each(|dir| self.check_names(dir))
    }

    fn check_names(&self, dir: u32) -> Result<(), &'static str> {
        let mut before: Option<&[u8]> = None;
        for entry in self.entry_range(dir) {
            let name = self.name(entry);
            if name.contains(&b'/') || name.contains(&0) || name == b"." || name == b".." {
                return Err("an entry's name is not one that a file can have");
            }
            if name.len() > NAMES_BYTES_MAX {
                return Err("an entry's name is longer than any system allows");
            }
            if before.is_some_and(|before| before >= name) {
                return Err("the names of a directory are not in order");
            }
            before = Some(name);
        }
        if !self.is_listed(dir) && !self.entry_range(dir).is_empty() {
            return Err("a directory that was not listed has entries");
        }
        Ok(())
    }

    pub(super) fn entry_range(&self, dir: u32) -> std::ops::Range<u32> {
        self.u32(self.layout.dir_first, dir)..self.u32(self.layout.dir_first, dir + 1)
    }
}
