//! Finding entries and directories by path, and paths by directory.

use treenail_os::Stat;

use crate::block::{self, Row};
use crate::pages::DirId;
use crate::tree::{Listing, Tree, TreeView};
use crate::view::{Entry, View};

impl Tree {
    /// The entry at a path: names with `/` between them, relative to the root.
    ///
    /// The empty path is the root, which is no entry; see [`dir_at`](Self::dir_at). [`TreeView`]
    /// has the same with ids.
    #[must_use]
    pub fn lookup(&self, path: &[u8]) -> Option<Entry<'_, DirId>> {
        self.view(None).lookup(path)
    }

    /// The entries of a directory in the order of their names' bytes, without ids; none if the tree
    /// does not hold it.
    pub fn rows(&self, dir: DirId) -> impl Iterator<Item = Entry<'_, DirId>> {
        let blocks = self.dirs.get(dir).map_or(&[][..], |node| node.leaves.as_slice());
        let rows = blocks.iter().flat_map(block::Block::rows);
        rows.map(|row| Entry { name: row.name, stat: row.stat, id: None, child: row.child })
    }

    /// The directory at a path; the empty path is the root.
    #[must_use]
    pub fn dir_at(&self, path: &[u8]) -> Option<DirId> {
        if path.is_empty() { Some(DirId::ROOT) } else { self.lookup(path)?.child }
    }

    /// The path of a directory relative to the root, which has the empty path; `None` if the tree
    /// does not hold the directory any more.
    #[must_use]
    pub fn path_of(&self, dir: DirId) -> Option<Vec<u8>> {
        let mut names = Vec::new();
        let mut below = dir;
        while below != DirId::ROOT {
            let (parent, row) = self.row_of(below)?;
            names.push(row.name);
            below = parent;
        }
        names.reverse();
        Some(names.join(&b'/'))
    }

    /// The name of a directory; `None` for the root and for what the tree does not hold.
    #[must_use]
    pub fn name_of(&self, dir: DirId) -> Option<&[u8]> {
        Some(self.row_of(dir)?.1.name)
    }

    /// What the system says of a directory, as the tree has it; `None` for the root and for what
    /// the tree does not hold.
    pub(crate) fn stat_of(&self, dir: DirId) -> Option<Stat> {
        Some(self.row_of(dir)?.1.stat)
    }

    /// The directory above, and the row in it; `None` for the root and for what the tree does not
    /// hold.
    fn row_of(&self, dir: DirId) -> Option<(DirId, Row<'_>)> {
        let node = self.dirs.get(dir)?;
        let blocks = self.dirs.get(node.parent)?.leaves.as_slice();
        let (leaf, row) = block::find_child(blocks, dir, node.near as usize)?;
        Some((node.parent, blocks[leaf].row(row)))
    }

    /// The directory above another one; `None` for the root and for what the tree does not hold.
    #[must_use]
    pub fn parent(&self, dir: DirId) -> Option<DirId> {
        let parent = self.dirs.get(dir)?.parent;
        (dir != DirId::ROOT).then_some(parent)
    }

    /// How much of a directory is in the tree; `None` if the tree does not hold it.
    #[must_use]
    pub fn listing(&self, dir: DirId) -> Option<Listing> {
        Some(self.dirs.get(dir)?.listing)
    }
}

impl<'a> TreeView<'a> {
    /// The entry of that name in a directory.
    #[must_use]
    pub fn entry(self, dir: DirId, name: &[u8]) -> Option<Entry<'a, DirId>> {
        let blocks = self.tree.dirs.get(dir)?.leaves.as_slice();
        let (leaf, at) = block::find(blocks, name)?;
        let row = blocks[leaf].row(at);
        let id = self.column.and_then(|column| {
            let slot = column.dirs.get(dir)?.0.as_slice()[leaf].get(at)?;
            Some(column.shown(slot, row.child))
        });
        Some(Entry { name: row.name, stat: row.stat, id, child: row.child })
    }

    /// The entry at a path, as [`Tree::lookup`] finds it.
    #[must_use]
    pub fn lookup(self, path: &[u8]) -> Option<Entry<'a, DirId>> {
        let mut names = path.split(|byte| *byte == b'/');
        let first = names.next()?;
        names
            .try_fold(self.entry(self.root(), first)?, |above, name| self.entry(above.child?, name))
    }
}

/// A path's directory, empty for the root, and its last name.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.map_or((&path[..0], path), |at| (&path[..at], &path[at + 1..]))
}
