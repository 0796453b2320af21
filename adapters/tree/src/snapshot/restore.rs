//! A tree in memory from a snapshot file, its blocks packed straight from the file's columns.

use std::sync::Arc;

use treenail_os::Kind;

use super::Snapshot;
use super::layout::DIR_PARTIAL;
use crate::block::{self, Row};
use crate::column::IdBlock;
use crate::error::{Error, ErrorKind};
use crate::ids::{Blake3Ids, BlockIds, GitIds, IdKind, Xxh3Ids};
use crate::pages::{DirId, FreeList, PageTable};
use crate::tree::{Column, DirIds, DirNode, Listing, Tree};
use crate::view::{Counts, View};

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
        let mut rows = Vec::new();
        for dir in 0..header.dirs {
            rows.clear();
            rows.extend(self.entry_range(dir).map(|entry| self.row(entry)));
            restored.add(self, dir, &rows);
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

/// The tree while its directories come in, parents first.
struct Restored {
    dirs: PageTable<DirNode>,
    column: Option<Column>,
    /// Which of its parent's blocks each directory stands in.
    near: Vec<u32>,
    counts: Counts,
}

impl Restored {
    fn add(&mut self, snapshot: &Snapshot, dir: u32, rows: &[Row<'_>]) {
        rows.iter().for_each(|row| self.counts.add(&row.stat));
        let leaves = block::pack(rows.iter().copied());
        for (near, block) in (0..).zip(leaves.as_slice()).skip(1) {
            for (_, child) in block.children() {
                self.near[child.index as usize] = near;
            }
        }
        if let Some(column) = &mut self.column {
            let slot_bytes = column.kind.slot_bytes();
            let mut entries = snapshot.entry_range(dir);
            let ids = leaves.as_slice().iter().map(|block| {
                let mut ids = IdBlock::unknown(block.len(), slot_bytes);
                for (row, entry) in entries.by_ref().take(block.len()).enumerate() {
                    if let Some(id) = snapshot.id(entry) {
                        ids.set(row, id);
                    }
                }
                ids
            });
            let ids = DirIds(ids.collect::<Vec<_>>().into());
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
