//! The tree in memory: directories of immutable blocks behind a copy-on-write page table.

use std::sync::Arc;

use treenail_os::Stat;

use crate::block::{Block, Leaves};
use crate::column::IdBlock;
use crate::ids::IdKind;
use crate::pages::{DirId, PageTable};
use crate::view::{Counts, Entry, View};

/// A directory's structure and stat, with any number of id columns beside it.
///
/// A clone is a snapshot in memory: some reference counts, whatever the size; a change to one
/// clone is not seen through another.
#[derive(Clone)]
pub struct Tree {
    pub(crate) dirs: PageTable<DirNode>,
    pub(crate) columns: Vec<Arc<Column>>,
    pub(crate) root_stat: Stat,
    pub(crate) counts: Counts,
    pub(crate) taken_ns: i64,
    /// Whether what git ignores was left out.
    pub(crate) gitignore: bool,
    /// The numbers of deleted directories, with the generation that they come back with.
    pub(crate) free: Vec<DirId>,
    /// The first number never given.
    pub(crate) next: u32,
}

/// A directory: its blocks, and where it hangs.
#[derive(Clone)]
pub(crate) struct DirNode {
    pub(crate) parent: DirId,
    pub(crate) leaves: Leaves<Block>,
}

/// The ids of one kind for a whole tree.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) kind: IdKind,
    pub(crate) dirs: PageTable<DirIds>,
    pub(crate) root_digest: Option<Vec<u8>>,
}

/// The ids of one directory's entries, cut as its blocks are.
#[derive(Clone)]
pub(crate) struct DirIds(pub(crate) Leaves<IdBlock>);

impl Tree {
    /// What the tree holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The stat of the root directory itself.
    #[must_use]
    pub fn root_stat(&self) -> Stat {
        self.root_stat
    }

    /// The tree with ids of that kind beside its entries, or none where `ids` is `None` or the
    /// column was never filled.
    #[must_use]
    pub fn view(&self, ids: Option<IdKind>) -> TreeView<'_> {
        let column = ids.and_then(|kind| self.columns.iter().find(|column| column.kind == kind));
        TreeView { tree: self, column: column.map(Arc::as_ref) }
    }

    /// The kinds of ids that the tree has columns of.
    pub fn id_kinds(&self) -> impl Iterator<Item = IdKind> {
        self.columns.iter().map(|column| column.kind)
    }

    /// The heap memory that structure, stat and all columns take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let blocks = |leaves: &Leaves<Block>| -> usize {
            leaves.as_slice().iter().map(Block::memory_bytes).sum()
        };
        let ids =
            |ids: &DirIds| -> usize { ids.0.as_slice().iter().map(IdBlock::memory_bytes).sum() };
        let dirs: usize = self.dirs.values().map(|dir| blocks(&dir.leaves)).sum();
        let columns = self.columns.iter().map(|column| {
            column.dirs.memory_bytes() + column.dirs.values().map(ids).sum::<usize>()
        });
        dirs + self.dirs.memory_bytes() + columns.sum::<usize>()
    }
}

/// A [`Tree`] seen through one of its id columns, or through none.
#[derive(Clone, Copy)]
pub struct TreeView<'a> {
    tree: &'a Tree,
    column: Option<&'a Column>,
}

impl TreeView<'_> {
    /// The tree behind the view.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        self.tree
    }
}

impl View for TreeView<'_> {
    type Dir = DirId;

    fn ids(&self) -> Option<IdKind> {
        self.column.map(|column| column.kind)
    }

    fn root(&self) -> DirId {
        DirId::ROOT
    }

    fn root_digest(&self) -> Option<&[u8]> {
        self.column?.root_digest.as_deref()
    }

    fn entries(&self, dir: DirId) -> impl Iterator<Item = Entry<'_, DirId>> {
        let blocks = self.tree.dirs.get(dir).map_or(&[][..], |node| node.leaves.as_slice());
        let column = self.column;
        let ids = column.and_then(|column| column.dirs.get(dir)).map(|ids| ids.0.as_slice());
        blocks.iter().enumerate().flat_map(move |(leaf, block)| {
            let ids = ids.map(|leaves| &leaves[leaf]);
            debug_assert!(ids.is_none_or(|ids| ids.len() == block.len()), "columns are aligned");
            block.rows().enumerate().map(move |(i, row)| {
                let id = ids.and_then(|ids| ids.get(i)).map(|slot| match column {
                    Some(column) if row.child.is_none() => &slot[..column.kind.id_bytes.into()],
                    Some(column) => &slot[..column.kind.digest_bytes.into()],
                    None => slot,
                });
                Entry { name: row.name, stat: row.stat, id, child: row.child }
            })
        })
    }

    fn is_listed(&self, dir: DirId) -> bool {
        self.tree.dirs.get(dir).is_some()
    }

    fn taken_ns(&self) -> i64 {
        self.tree.taken_ns
    }
}
