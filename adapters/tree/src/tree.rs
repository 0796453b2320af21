//! The tree in memory: directories of immutable blocks behind a copy-on-write page table.

use std::collections::BTreeMap;
use std::sync::Arc;

use treenail_os::Stat;

use crate::block::{self, Block, Leaves};
use crate::column::IdBlock;
use crate::digest::{DigestDir, digest_dir};
use crate::ids::{ContentId, IdKind};
use crate::index::{Index, IndexDir, index_dir};
use crate::pages::{DirId, FreeList, PageTable, Shared};
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
    pub(crate) free: FreeList,
    /// The first number never given.
    pub(crate) next: u32,
}

/// How much of a directory is in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listing {
    /// Nothing is known to be: it could not be opened, or was not looked into yet.
    Unlisted,
    /// Some entries may lack, so that it has no digest.
    Partial,
    /// All of its entries are.
    Complete,
}

/// A directory: its blocks, and where it hangs.
#[derive(Clone)]
pub(crate) struct DirNode {
    pub(crate) parent: DirId,
    /// Which of the parent's blocks it stands in, or near.
    pub(crate) near: u32,
    pub(crate) listing: Listing,
    pub(crate) leaves: Leaves<Block>,
}

/// The ids of one kind for a whole tree.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) kind: IdKind,
    pub(crate) dirs: PageTable<DirIds>,
    pub(crate) root_digest: Option<Vec<u8>>,
    pub(crate) digest_dir: DigestDir,
    /// What is kept of the digests of large directories that changed.
    pub(crate) indexes: BTreeMap<DirId, Arc<dyn Index>>,
    pub(crate) index_dir: IndexDir,
}

/// The ids of one directory's entries, cut as its blocks are.
#[derive(Clone)]
pub(crate) struct DirIds(pub(crate) Leaves<IdBlock>);

impl Shared for DirNode {
    fn sharers(&self) -> usize {
        match &self.leaves {
            Leaves::One(block) => block.sharers(),
            Leaves::Many(blocks) => Arc::strong_count(blocks),
        }
    }
}

impl Shared for DirIds {
    fn sharers(&self) -> usize {
        match &self.0 {
            Leaves::One(ids) => ids.sharers(),
            Leaves::Many(ids) => Arc::strong_count(ids),
        }
    }
}

impl Column {
    /// A column without a single id.
    pub(crate) fn new<C: ContentId>() -> Self {
        Self {
            kind: C::KIND,
            dirs: PageTable::new(),
            root_digest: None,
            digest_dir: digest_dir::<C>,
            indexes: BTreeMap::new(),
            index_dir: index_dir::<C>,
        }
    }

    /// The ids beside those blocks of a directory.
    pub(crate) fn ids(&self, dir: DirId, blocks: &[Block]) -> Leaves<IdBlock> {
        self.dirs.get(dir).map_or_else(
            || {
                let slot_bytes = self.kind.slot_bytes();
                let unknown = blocks.iter().map(|block| IdBlock::unknown(block.len(), slot_bytes));
                Leaves::from(unknown.collect::<Vec<_>>())
            },
            |ids| ids.0.clone(),
        )
    }

    /// What of a slot is the entry's id or digest.
    pub(crate) fn shown<'a>(&self, slot: &'a [u8], child: Option<DirId>) -> &'a [u8] {
        let len = if child.is_none() { self.kind.id_bytes } else { self.kind.digest_bytes };
        &slot[..len.into()]
    }
}

impl Tree {
    /// A tree of which nothing but the root's stat is known, without columns: the root counts as
    /// completely listed and has no entries. `taken_ns` is what [`View::taken_ns`] will say.
    #[must_use]
    pub fn empty(root_stat: Stat, taken_ns: i64) -> Self {
        let mut dirs = PageTable::new();
        let root = DirNode {
            parent: DirId::ROOT,
            near: 0,
            listing: Listing::Complete,
            leaves: block::pack(std::iter::empty()),
        };
        dirs.insert(DirId::ROOT, root);
        Self {
            dirs,
            columns: Vec::new(),
            root_stat,
            counts: Counts::default(),
            taken_ns,
            gitignore: false,
            free: FreeList::new(),
            next: DirId::ROOT.index + 1,
        }
    }

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

    /// Says what the system says of the root directory itself; digests do not cover it.
    pub fn set_root_stat(&mut self, stat: Stat) {
        self.root_stat = stat;
    }

    /// Says what [`View::taken_ns`] is to say: the tree is known to be true since then.
    pub fn set_taken_ns(&mut self, taken_ns: i64) {
        self.taken_ns = taken_ns;
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
            let indexes: usize = column.indexes.values().map(|index| index.memory_bytes()).sum();
            column.dirs.memory_bytes() + column.dirs.values().map(ids).sum::<usize>() + indexes
        });
        dirs + self.dirs.memory_bytes() + columns.sum::<usize>()
    }
}

/// A [`Tree`] seen through one of its id columns, or through none.
#[derive(Clone, Copy)]
pub struct TreeView<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) column: Option<&'a Column>,
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
                let slot = ids.and_then(|ids| ids.get(i));
                let id = column.zip(slot).map(|(column, slot)| column.shown(slot, row.child));
                Entry { name: row.name, stat: row.stat, id, child: row.child }
            })
        })
    }

    fn is_listed(&self, dir: DirId) -> bool {
        self.tree.dirs.get(dir).is_some_and(|node| node.listing != Listing::Unlisted)
    }

    fn taken_ns(&self) -> i64 {
        self.tree.taken_ns
    }
}
