//! What differs between two states of a tree, found by what they share in memory.

use crate::block::{Block, Row, Rows};
use crate::pages::DirId;
use crate::tree::{DirNode, Tree};
use crate::unshared::{Leaf, for_each_difference};
use crate::view::Entry;

/// An entry of a directory that is not as it was. Ids are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    /// The directory that it is in, or was: one that moved keeps its number, and what is in it does
    /// not count as changed.
    pub dir: DirId,
    /// The entry in the earlier state; nothing if there was none of that name.
    pub was: Option<Entry<'a, DirId>>,
    /// The entry now; nothing if it is gone.
    pub now: Option<Entry<'a, DirId>>,
}

impl Tree {
    /// Hands over what differs from an earlier state of this tree, directory by directory in the
    /// order of their numbers, and in each by name.
    ///
    /// What both states share in memory is passed over, so that the call costs little more than
    /// the changes that were made to a clone. Of two trees that share nothing every entry is
    /// looked at.
    pub fn changed_since<'a>(&'a self, before: &'a Self, mut changed: impl FnMut(Changed<'a>)) {
        self.dirs.for_each_unshared(&before.dirs, |was, now| match (was, now) {
            (Some((dir, old)), Some((id, new))) if dir == id => {
                let [old, new] = [old, new].map(|node| node.leaves.as_slice().iter());
                for_each_difference(old, new, |was, now| {
                    changed(Changed { dir, was: was.map(entry), now: now.map(entry) });
                });
            }
            (was, now) => {
                for (dir, row) in was.into_iter().flat_map(rows) {
                    changed(Changed { dir, was: Some(entry(row)), now: None });
                }
                for (dir, row) in now.into_iter().flat_map(rows) {
                    changed(Changed { dir, was: None, now: Some(entry(row)) });
                }
            }
        });
    }
}

fn rows<'a>((dir, node): (DirId, &'a DirNode)) -> impl Iterator<Item = (DirId, Row<'a>)> {
    node.leaves.as_slice().iter().flat_map(Block::rows).map(move |row| (dir, row))
}

fn entry(row: Row<'_>) -> Entry<'_, DirId> {
    Entry { name: row.name, stat: row.stat, id: None, child: row.child }
}

impl<'a> Leaf for &'a Block {
    type Entry = Row<'a>;
    type Entries = Rows<'a>;

    fn is_shared_with(self, other: Self) -> bool {
        Block::is_shared_with(self, other)
    }

    fn entries(self) -> Rows<'a> {
        self.rows()
    }

    fn name<'e>(row: &'e Row<'a>) -> &'e [u8] {
        row.name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use treenail_os::{Kind, Stat};

    use super::*;
    use crate::update::{Edit, Ids, Outcome};
    use crate::view::View;

    type Rows = BTreeMap<(DirId, Vec<u8>), (Stat, Option<DirId>)>;

    fn stat(kind: Kind, inode: u64) -> Stat {
        Stat {
            kind,
            mode: 0o644,
            size_bytes: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            inode,
            device: 1,
            nlink: 1,
            uid: 0,
            gid: 0,
        }
    }

    /// All entries by where they are, below the directories that the root leads to.
    fn all(tree: &Tree) -> Rows {
        let (mut rows, mut dirs) = (Rows::new(), vec![DirId::ROOT]);
        let view = tree.view(None);
        while let Some(dir) = dirs.pop() {
            for row in view.entries(dir) {
                rows.insert((dir, row.name.to_vec()), (row.stat, row.child));
                dirs.extend(row.child);
            }
        }
        rows
    }

    fn edit(tree: &mut Tree, (what, dir, name, to): (u8, usize, u16, usize)) {
        let dirs: Vec<DirId> = std::iter::once(DirId::ROOT)
            .chain(all(tree).values().filter_map(|(_, child)| *child))
            .collect();
        let (dir, to) = (dirs[dir % dirs.len()], dirs[to % dirs.len()]);
        let text = format!("n{name}");
        let (at, ids) = ((dir, text.as_bytes()), Ids::Unchanged);
        let edit = match what % 5 {
            0 => Edit::Put { at, stat: stat(Kind::Directory, 7), ids },
            1 | 2 => Edit::Put { at, stat: stat(Kind::File, u64::from(what)), ids },
            3 => Edit::Remove { at },
            _ => Edit::Move { from: at, to: (to, b"moved") },
        };
        let outcomes = tree.apply([edit]).outcomes;
        assert!(!matches!(outcomes[0], Outcome::Refused(crate::update::Refusal::BadName)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_changes_lead_from_one_state_to_the_other(
            first in prop::collection::vec((0..3_u8, 0..9_usize, 0..600_u16, 0..9_usize), 0..300),
            then in prop::collection::vec((0..9_u8, 0..9_usize, 0..600_u16, 0..9_usize), 0..30),
        ) {
            let mut tree = Tree::empty(stat(Kind::Directory, 1), 0);
            first.into_iter().for_each(|step| edit(&mut tree, step));
            let before = tree.clone();
            then.into_iter().for_each(|step| edit(&mut tree, step));
            let mut rows = all(&before);
            tree.changed_since(&before, |change| {
                let key = |row: Entry<'_, DirId>| (change.dir, row.name.to_vec());
                if let Some(was) = change.was {
                    assert_eq!(rows.remove(&key(was)), Some((was.stat, was.child)));
                }
                if let Some(now) = change.now {
                    assert_eq!(rows.insert(key(now), (now.stat, now.child)), None);
                }
                assert_ne!(change.was, change.now);
            });
            prop_assert_eq!(rows, all(&tree));
        }
    }
}
