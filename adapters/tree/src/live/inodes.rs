//! Which directory of the tree an inode is.

use std::collections::HashMap;

use treenail_os::{FileId, Stat};

use crate::pages::DirId;
use crate::tree::Tree;
use crate::view::View;

/// The directories of a tree by what the system calls them, so that one that turns up elsewhere is
/// known again. The system watches an inode once: if the tree took it for two directories, it would
/// hear of only one.
#[derive(Default)]
pub(super) struct Inodes {
    dirs: HashMap<FileId, DirId>,
}

impl Inodes {
    /// All that a tree holds, the root aside.
    pub(super) fn of(tree: &Tree) -> Self {
        let view = tree.view(None);
        let mut inodes = Self::default();
        for (dir, _) in tree.dirs.iter() {
            for entry in view.entries(dir) {
                if let Some(child) = entry.child {
                    inodes.add(&entry.stat, child);
                }
            }
        }
        inodes
    }

    /// Remembers a directory that is new in the tree.
    pub(super) fn add(&mut self, stat: &Stat, dir: DirId) {
        if stat.inode != 0 {
            self.dirs.insert(stat.id(), dir);
        }
    }

    /// Forgets directories that are no longer in the tree.
    pub(super) fn forget(&mut self, dirs: &[DirId]) {
        if !dirs.is_empty() {
            self.dirs.retain(|_, dir| !dirs.contains(dir));
        }
    }

    /// The directory that the tree has with this identity.
    pub(super) fn get(&self, stat: &Stat) -> Option<DirId> {
        self.dirs.get(&stat.id()).copied().filter(|_| stat.inode != 0)
    }
}
