//! Writing a tree as a snapshot file.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use treenail_hash::{Hash, Xxh128};
use treenail_os::{Durability, Stat, replace};

use super::layout::{
    DIR_LISTED, DIR_PARTIAL, HEADER_BYTES, HEADER_CHECKSUM_AT, Header, Layout, NONE, NUMBERS_MAX,
};
use crate::block::mode_bits;
use crate::error::{Error, ErrorKind};
use crate::pages::DirId;
use crate::tree::{Listing, TreeView};
use crate::view::{Entry, View};

impl TreeView<'_> {
    /// Saves the tree, with the ids that the view shows, replacing the file at once and durably.
    ///
    /// # Errors
    /// If the file cannot be written (an earlier one is then untouched), or the tree has more than
    /// 2^32 - 2 entries or 2^32 - 1 bytes of names.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_snapshot().map_err(|why| Error::new(ErrorKind::Limit, path, why))?;
        replace(path, |file| file.write_all(&bytes), Durability::Synced)
            .map_err(|error| Error::io(path, "cannot save the snapshot", error.into_source()))
    }

    /// The snapshot file's bytes.
    pub(crate) fn to_snapshot(self) -> Result<Vec<u8>, String> {
        let mut columns = Columns::default();
        columns.collect(&self);
        let limit = |what: &str, count: usize| {
            if count as u64 > NUMBERS_MAX {
                return Err(format!("a snapshot holds at most {NUMBERS_MAX} {what}"));
            }
            Ok(count as u32)
        };
        let tree = self.tree();
        let mut header = Header {
            file_bytes: 0,
            gitignore: tree.gitignore,
            ids: self.ids(),
            taken_ns: self.taken_ns(),
            dirs: limit("directories", columns.dir_parent.len())?,
            entries: limit("entries", columns.mode.len())?,
            names_bytes: limit("bytes of names", columns.names.len())?,
            owners: limit("owners", columns.owners.len())?,
            counts: tree.counts(),
            root_stat: tree.root_stat(),
            root_digest: self.root_digest().map(|digest| {
                let mut padded = [0; 32];
                padded[..digest.len()].copy_from_slice(digest);
                padded
            }),
            body_checksum: [0; 16],
        };
        let layout = Layout::new(&header).ok_or("too large for this machine's memory")?;
        header.file_bytes = layout.end as u64;
        let mut bytes = columns.lay_out(&layout);
        header.body_checksum = Xxh128::hash(&bytes[HEADER_BYTES..]);
        bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
        let checksum = Xxh128::hash(&bytes[..HEADER_CHECKSUM_AT]);
        bytes[HEADER_CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&checksum);
        Ok(bytes)
    }
}

/// The sections while they grow.
#[derive(Default)]
struct Columns {
    dir_first: Vec<u32>,
    dir_parent: Vec<u32>,
    dir_entry: Vec<u32>,
    dir_end: Vec<u32>,
    dir_flags: Vec<u8>,
    stats: Vec<[u64; 4]>,
    child: Vec<u32>,
    owner: Vec<u32>,
    nlink: Vec<u32>,
    name_end: Vec<u32>,
    mode: Vec<u16>,
    ids: Vec<u8>,
    ids_known: Vec<u8>,
    owners: Vec<(u64, u32, u32)>,
    owner_numbers: HashMap<(u64, u32, u32), u32>,
    names: Vec<u8>,
}

/// A directory still to be numbered, or one whose subtree is complete.
enum Step {
    Enter { dir: DirId, parent: u32, entry: u32 },
    Leave { number: u32 },
}

/// How much of a directory is in the tree. One that counts as not listed and has entries all the
/// same (it was listed once) is one of which some may lack.
fn flags(view: &TreeView<'_>, dir: DirId) -> u8 {
    match view.tree().listing(dir) {
        Some(Listing::Complete) => DIR_LISTED,
        Some(Listing::Partial) => DIR_LISTED | DIR_PARTIAL,
        _ if view.entries(dir).next().is_some() => DIR_LISTED | DIR_PARTIAL,
        _ => 0,
    }
}

impl Columns {
    /// Numbers the directories in pre-order and stores each one's entries behind one another.
    fn collect(&mut self, view: &TreeView<'_>) {
        let slot_bytes = view.ids().map_or(0, |kind| kind.slot_bytes());
        let mut steps = vec![Step::Enter { dir: view.root(), parent: NONE, entry: NONE }];
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave { number } => {
                    self.dir_end[number as usize] = self.dir_parent.len() as u32;
                }
                Step::Enter { dir, parent, entry } => {
                    let number = self.enter(flags(view, dir), parent, entry);
                    steps.push(Step::Leave { number });
                    let before = steps.len();
                    for entry in view.entries(dir) {
                        let row = self.entry(&entry, slot_bytes);
                        if let Some(dir) = entry.child {
                            steps.push(Step::Enter { dir, parent: number, entry: row });
                        }
                    }
                    steps[before..].reverse();
                }
            }
        }
        self.dir_first.push(self.mode.len() as u32);
    }

    fn enter(&mut self, flags: u8, parent: u32, entry: u32) -> u32 {
        let number = self.dir_parent.len() as u32;
        if let Some(child) = self.child.get_mut(entry as usize) {
            *child = number;
        }
        self.dir_first.push(self.mode.len() as u32);
        self.dir_parent.push(parent);
        self.dir_entry.push(entry);
        self.dir_end.push(0);
        self.dir_flags.push(flags);
        number
    }

    fn entry(&mut self, entry: &Entry<'_, DirId>, slot_bytes: usize) -> u32 {
        let row = self.mode.len();
        let stat = &entry.stat;
        let fields = [stat.size_bytes, stat.mtime_ns as u64, stat.ctime_ns as u64, stat.inode];
        self.stats.push(fields);
        self.child.push(NONE);
        let owner = self.owner(stat);
        self.owner.push(owner);
        self.nlink.push(stat.nlink);
        self.names.extend_from_slice(entry.name);
        self.name_end.push(self.names.len() as u32);
        self.mode.push(mode_bits(stat));
        if slot_bytes > 0 {
            let id = entry.id.unwrap_or_default();
            self.ids.extend_from_slice(id);
            self.ids.resize((row + 1) * slot_bytes, 0);
            self.ids_known.resize(row / 8 + 1, 0);
            self.ids_known[row / 8] |= u8::from(entry.id.is_some()) << (row % 8);
        }
        row as u32
    }

    fn owner(&mut self, stat: &Stat) -> u32 {
        let owner = (stat.device, stat.uid, stat.gid);
        *self.owner_numbers.entry(owner).or_insert_with(|| {
            self.owners.push(owner);
            self.owners.len() as u32 - 1
        })
    }

    fn lay_out(&self, layout: &Layout) -> Vec<u8> {
        let mut bytes = vec![0; layout.end];
        let mut put32 = |at: usize, column: &[u32]| {
            let section = bytes[at..at + 4 * column.len()].as_chunks_mut::<4>().0;
            section.iter_mut().zip(column).for_each(|(to, from)| *to = from.to_le_bytes());
        };
        put32(layout.dir_first, &self.dir_first);
        put32(layout.dir_parent, &self.dir_parent);
        put32(layout.dir_entry, &self.dir_entry);
        put32(layout.dir_end, &self.dir_end);
        put32(layout.child, &self.child);
        put32(layout.owner, &self.owner);
        put32(layout.nlink, &self.nlink);
        put32(layout.name_end, &self.name_end);
        for (column, at) in
            [layout.size, layout.mtime, layout.ctime, layout.inode].into_iter().enumerate()
        {
            let section = bytes[at..at + 8 * self.stats.len()].as_chunks_mut::<8>().0;
            let fields = self.stats.iter().map(|fields| fields[column]);
            section.iter_mut().zip(fields).for_each(|(to, from)| *to = from.to_le_bytes());
        }
        let modes = bytes[layout.mode..][..2 * self.mode.len()].as_chunks_mut::<2>().0;
        modes.iter_mut().zip(&self.mode).for_each(|(to, from)| *to = from.to_le_bytes());
        let mut put = |at: usize, column: &[u8]| {
            bytes[at..at + column.len()].copy_from_slice(column);
        };
        put(layout.dir_flags, &self.dir_flags);
        put(layout.ids, &self.ids);
        put(layout.ids_known, &self.ids_known);
        put(layout.names, &self.names);
        for (i, (device, uid, gid)) in self.owners.iter().enumerate() {
            let at = layout.owners + super::layout::OWNER_BYTES * i;
            put(at, &device.to_le_bytes());
            put(at + 8, &uid.to_le_bytes());
            put(at + 12, &gid.to_le_bytes());
        }
        bytes
    }
}
