//! Which renames have to be told as such.

use std::collections::BTreeMap;

use treenail_os::Kind;
use treenail_tree::Tree;
use treenail_tree::live::{Batch, EventKind};

use super::fs::{Fs, Moved, ROOT};
use super::replica::paths;

/// What was renamed since the tree was last at rest, by its number, and whether that is to be told
/// as a rename, however it ends: the tree held it, and the feed saw both places of each move.
#[derive(Default)]
pub(super) struct Pairs {
    owed: BTreeMap<u64, bool>,
}

impl Pairs {
    /// Something was moved. The trees are the one there is, and the one that was told last.
    pub(super) fn moved(&mut self, moved: Vec<Moved>, trees: [&Tree; 2], fs: &Fs) {
        for Moved { node, seen, inside } in moved {
            let Some(inode) = fs.get(node) else { continue };
            let is_one = inode.kind != Kind::File || inode.nlink == 1;
            let may_be_told = seen && inside && is_one;
            if self.owed.get(&inode.number) != Some(&false) {
                let number = inode.number;
                let holds = |tree: &&Tree| paths(tree).iter().any(|row| row.2.inode == number);
                let is_held = || trees.iter().all(holds);
                let is_owed = may_be_told && (self.owed.contains_key(&number) || is_held());
                self.owed.insert(number, is_owed);
            }
            if !inside && inode.kind == Kind::Directory {
                for dir in fs.dirs(node) {
                    let below = fs.get(dir).into_iter().flat_map(|dir| dir.entries.values());
                    let below = below.filter_map(|node| fs.get(*node));
                    self.owed.extend(below.map(|inode| (inode.number, false)));
                }
            }
        }
    }

    /// Something was told; an error if it says that what was renamed was made.
    pub(super) fn told(&mut self, batch: &Batch, fs: &Fs) -> Result<(), String> {
        for change in &batch.changes {
            let Some(stat) = change.stat else { continue };
            match change.kind {
                EventKind::Rename => _ = self.owed.remove(&stat.inode),
                EventKind::Create if self.owed.remove(&stat.inode) == Some(true) => {
                    let place = fs.dirs(ROOT).len();
                    let path = String::from_utf8_lossy(&change.path);
                    return Err(format!("tick {}: create {path}, {place} dirs", batch.tick));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Forgets what was renamed until now.
    pub(super) fn clear(&mut self) {
        self.owed.clear();
    }
}
