//! A tree in memory from a snapshot file, its blocks packed straight from the file's columns.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use treenail_os::Kind;

use super::Snapshot;
use super::layout::DIR_PARTIAL;
use crate::block::{self, Block, Leaves, Row};
use crate::column::IdBlock;
use crate::error::{Error, ErrorKind};
use crate::ids::{Blake3Ids, BlockIds, GitIds, IdKind, Xxh3Ids};
use crate::pages::{DirId, FreeList, PageTable};
use crate::tree::{Column, DirIds, DirNode, Listing, Tree};
use crate::view::{Counts, View};

/// Fewer entries are not worth a thread: to pack so many takes half a millisecond.
const PART_ENTRIES_MIN: u32 = 8192;
/// More threads wait for memory alone.
const PARTS_MAX: usize = 4;

impl Snapshot {
    /// The tree that was saved, in memory, with the ids that the snapshot has. It is
    /// [verified](Self::verify) before. Directories get new numbers; [`View::taken_ns`] stays what
    /// it was, and the digests are those of the file, not computed anew.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the snapshot is damaged.
    pub fn to_tree(&self) -> Result<Tree, Error> {
        self.verify()?;
        let header = &self.header;
        let mut restored = Restored {
            dirs: PageTable::new(),
            column: header.ids.map(|kind| self.column(kind)).transpose()?,
            near: vec![0; header.dirs as usize],
            counts: Counts::default(),
        };
        let slot_bytes = restored.column.as_ref().map(|column| column.kind.slot_bytes());
        for packed in self.pack(slot_bytes).into_iter().flatten() {
            restored.add(self, packed);
        }
        Ok(Tree {
            dirs: restored.dirs,
            columns: restored.column.map(Arc::new).into_iter().collect(),
            root_stat: header.root_stat,
            // Not those of the header: what is counted down later has to have been counted.
            counts: restored.counts,
            taken_ns: header.taken_ns,
            gitignore: header.gitignore,
            free: FreeList::new(),
            next: header.dirs,
        })
    }

    /// The directories, packed by as many threads as are worth it.
    fn pack(&self, slot_bytes: Option<usize>) -> Vec<Vec<Packed>> {
        let (dirs, entries) = (self.header.dirs, self.header.entries);
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let parts = cores.min((entries / PART_ENTRIES_MIN) as usize).clamp(1, PARTS_MAX) as u32;
        // Where the directories of each part begin, so that all have as many entries.
        let start = |part: u32| {
            let entries_before = u64::from(entries) * u64::from(part) / u64::from(parts);
            let is_before =
                |dir: u32| u64::from(self.u32(self.layout.dir_first, dir)) < entries_before;
            if part == parts { dirs } else { first_not(dirs, is_before) }
        };
        let pack = move |part: u32| {
            let dirs = start(part)..start(part + 1);
            dirs.map(|dir| self.pack_dir(dir, slot_bytes)).collect::<Vec<_>>()
        };
        thread::scope(|scope| {
            let spawn = |part| thread::Builder::new().spawn_scoped(scope, move || pack(part)).ok();
            let others: Vec<_> = (1..parts).map(|part| (part, spawn(part))).collect();
            let mut packed = vec![pack(0)];
            packed.extend(others.into_iter().map(|(part, thread)| match thread {
                Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system gave none.
                None => pack(part),
            }));
            packed
        })
    }

    fn pack_dir(&self, dir: u32, slot_bytes: Option<usize>) -> Packed {
        let mut counts = Counts::default();
        let rows = self.entry_range(dir).map(|entry| self.row(entry));
        let leaves = block::pack(rows.inspect(|row| counts.add(&row.stat)));
        let mut entries = self.entry_range(dir);
        let ids = slot_bytes.map(|slot_bytes| {
            let ids = leaves.as_slice().iter().map(|block| {
                let mut ids = IdBlock::unknown(block.len(), slot_bytes);
                for (row, entry) in entries.by_ref().take(block.len()).enumerate() {
                    if let Some(id) = self.id(entry) {
                        ids.set(row, id);
                    }
                }
                ids
            });
            DirIds(ids.collect::<Vec<_>>().into())
        });
        Packed { dir, leaves, ids, counts }
    }

    fn column(&self, kind: IdKind) -> Result<Column, Error> {
        let mut column = match kind {
            IdKind::XXH3 => Column::new::<Xxh3Ids>(),
            IdKind::BLAKE3 => Column::new::<Blake3Ids>(),
            IdKind::GIT => Column::new::<GitIds>(),
            IdKind::BLOCKS => Column::new::<BlockIds>(),
            other => {
                let message = format!("{other} ids are not built in");
                return Err(Error::new(ErrorKind::Newer, &self.path, message));
            }
        };
        column.root_digest = self.root_digest().map(<[u8]>::to_vec);
        Ok(column)
    }

    fn row(&self, entry: u32) -> Row<'_> {
        let stat = self.stat(entry);
        let child = self.child(entry).filter(|_| stat.kind == Kind::Directory).map(dir_id);
        Row { name: self.name(entry), stat, child }
    }

    fn listing(&self, dir: u32) -> Listing {
        match (self.is_listed(dir), self.dir_flags(dir) & DIR_PARTIAL != 0) {
            (false, _) => Listing::Unlisted,
            (true, true) => Listing::Partial,
            (true, false) => Listing::Complete,
        }
    }
}

fn dir_id(index: u32) -> DirId {
    DirId { index, generation: 0 }
}

/// The first of `0..count` for which something does not hold that holds for all before it.
fn first_not(count: u32, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = u32::midpoint(low, high);
        (low, high) = if holds(middle) { (middle + 1, high) } else { (low, middle) };
    }
    low
}

/// A directory's entries as the tree holds them.
struct Packed {
    dir: u32,
    leaves: Leaves<Block>,
    /// Where the snapshot has ids.
    ids: Option<DirIds>,
    counts: Counts,
}

/// The tree while its directories come in, parents first.
struct Restored {
    dirs: PageTable<DirNode>,
    column: Option<Column>,
    /// Which of its parent's blocks each directory stands in.
    near: Vec<u32>,
    counts: Counts,
}

impl Restored {
    fn add(&mut self, snapshot: &Snapshot, packed: Packed) {
        let Packed { dir, leaves, ids, counts } = packed;
        self.counts += counts;
        for (near, block) in (0..).zip(leaves.as_slice()).skip(1) {
            for (_, child) in block.children() {
                self.near[child.index as usize] = near;
            }
        }
        if let (Some(column), Some(ids)) = (&mut self.column, ids) {
            column.dirs.insert(dir_id(dir), ids);
        }
        let parent = snapshot.u32(snapshot.layout.dir_parent, dir);
        let node = DirNode {
            parent: if dir == 0 { DirId::ROOT } else { dir_id(parent) },
            near: self.near[dir as usize],
            listing: snapshot.listing(dir),
            leaves,
        };
        self.dirs.insert(dir_id(dir), node);
    }
}
