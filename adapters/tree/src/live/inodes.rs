//! Which directory of the tree an inode is.

use std::collections::HashMap;

use treenail_os::{FileId, Stat};

use crate::pages::DirId;

/// The directories of a tree by what the system calls them, so that one that turns up elsewhere is
/// known again. The system watches an inode once: if the tree took it for two directories, it would
/// hear of only one.
#[derive(Default)]
pub(super) struct Inodes {
    dirs: HashMap<FileId, DirId>,
    ids: HashMap<DirId, FileId>,
}

impl Inodes {
    /// Remembers a directory that is new in the tree.
    pub(super) fn add(&mut self, stat: &Stat, dir: DirId) {
        if stat.inode != 0 {
            self.dirs.insert(stat.id(), dir);
            self.ids.insert(dir, stat.id());
        }
    }

    /// Forgets directories that are no longer in the tree.
    pub(super) fn forget(&mut self, dirs: &[DirId]) {
        for dir in dirs {
            if let Some(id) = self.ids.remove(dir)
                && self.dirs.get(&id) == Some(dir)
            {
                self.dirs.remove(&id);
            }
        }
    }

    /// The directory that the tree has with this identity.
    pub(super) fn get(&self, stat: &Stat) -> Option<DirId> {
        self.dirs.get(&stat.id()).copied().filter(|_| stat.inode != 0)
    }
}
