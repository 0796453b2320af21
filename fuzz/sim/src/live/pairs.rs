//! Which renames have to be told as such.

use std::collections::BTreeMap;

use treenail_os::Kind;
use treenail_tree::Tree;
use treenail_tree::live::{Batch, EventKind};

use super::fs::{Fs, Moved};
use super::replica::paths;

/// The files that were renamed since the tree was last at rest, by their numbers, and whether that
/// is to be told as a rename, however it ends: the tree held them, and the feed saw both places of
/// each move. Once a directory has moved too, places stand for others than they did, and what is
/// told in the end may be another way to the same tree.
#[derive(Default)]
pub(super) struct Pairs {
    owed: BTreeMap<u64, bool>,
    /// Directories have moved.
    is_shifted: bool,
}

impl Pairs {
    /// Something was moved. The trees are the one there is, and the one that was told last.
    pub(super) fn moved(&mut self, moved: Vec<Moved>, trees: [&Tree; 2], fs: &Fs) {
        for Moved { node, seen, inside } in moved {
            let Some(inode) = fs.get(node) else { continue };
            if inode.kind == Kind::Directory {
                self.is_shifted = true;
            }
            let number = inode.number;
            let holds = |tree: &&Tree| paths(tree).iter().any(|row| row.2.inode == number);
            let was_owed = self.owed.get(&number).copied();
            let is_owed = seen && inside && was_owed.unwrap_or_else(|| trees.iter().all(holds));
            self.owed.insert(number, is_owed);
        }
    }

    /// Something was told; an error if it says that a file that was renamed was made.
    pub(super) fn told(&mut self, batch: &Batch) -> Result<(), String> {
        for change in &batch.changes {
            let Some(stat) = change.stat else { continue };
            if self.owed.get(&stat.inode) != Some(&true) {
                continue;
            }
            match change.kind {
                EventKind::Rename => _ = self.owed.remove(&stat.inode),
                EventKind::Create => {
                    let path = String::from_utf8_lossy(&change.path);
                    let told = format!("tick {}: create {path}", batch.tick);
                    return if self.is_shifted { Ok(()) } else { Err(told) };
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Forgets what was renamed until now.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
