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
    /// Others of the same identity: a comparison sees what moves meanwhile in both places.
    doubles: HashMap<FileId, Vec<DirId>>,
}

impl Inodes {
    /// Remembers a directory that is new in the tree.
    pub(super) fn add(&mut self, stat: &Stat, dir: DirId) {
        if stat.inode == 0 {
            return;
        }
        let id = stat.id();
        self.ids.insert(dir, id);
        if let Some(before) = self.dirs.insert(id, dir).filter(|before| *before != dir) {
            self.doubles.entry(id).or_default().push(before);
        }
    }

    /// Forgets directories that are no longer in the tree. Returns those that had the identity of
    /// one of them, whose watch ends with it.
    pub(super) fn forget(&mut self, dirs: &[DirId]) -> Vec<DirId> {
        let mut left = Vec::new();
        for dir in dirs {
            let Some(id) = self.ids.remove(dir) else { continue };
            let Some(doubles) = self.doubles.get_mut(&id) else {
                self.dirs.remove(&id);
                continue;
            };
            doubles.retain(|double| double != dir);
            if self.dirs.get(&id) == Some(dir)
                && let Some(double) = doubles.pop()
            {
                self.dirs.insert(id, double);
            }
            if doubles.is_empty() {
                self.doubles.remove(&id);
            }
            left.extend(self.dirs.get(&id));
        }
        left.retain(|dir| self.ids.contains_key(dir));
        left
    }

    /// The directory that the tree has with this identity.
    pub(super) fn get(&self, stat: &Stat) -> Option<DirId> {
        self.dirs.get(&stat.id()).copied().filter(|_| stat.inode != 0)
    }
}
