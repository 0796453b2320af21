//! The first pass: what the edits, one after another, make of each entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use treenail_os::{Kind, Stat};

use super::{Edit, Ids, Outcome, Place, Refusal};
use crate::block::{self, NAMES_BYTES_MAX, kind_and_mode, mode_bits};
use crate::column::IdBuffer;
use crate::pages::DirId;
use crate::tree::{Column, DirNode, Listing, Tree};
use crate::view::Class;

/// What is to be merged into the directories.
pub(super) struct Changes<'a> {
    /// The changed entries of each touched directory: the new row, or none.
    pub(super) dirs: BTreeMap<DirId, BTreeMap<&'a [u8], Option<NewRow>>>,
    /// The ids of the new rows, for each of the tree's columns.
    pub(super) ids: Vec<IdBuffer>,
    /// The directories that went.
    pub(super) freed: Vec<DirId>,
}

/// An entry as it will be.
#[derive(Clone, Copy)]
pub(super) struct NewRow {
    pub(super) stat: Stat,
    pub(super) child: Option<DirId>,
    /// Its place in [`Changes::ids`].
    pub(super) ids: usize,
}

/// An entry as it is at some point of the batch.
#[derive(Clone, Copy)]
struct Present {
    stat: Stat,
    child: Option<DirId>,
    /// Where its ids are.
    ids: IdsAt,
}

#[derive(Clone, Copy)]
enum IdsAt {
    Merged { dir: DirId, leaf: usize, row: usize },
    New(usize),
}

/// Resolves the edits. Numbers, counts and parents are up to date afterwards, blocks are not.
pub(super) fn resolve<'a>(
    tree: &mut Tree,
    edits: impl IntoIterator<Item = Edit<'a>>,
) -> (Vec<Outcome>, Changes<'a>) {
    let ids = tree.columns.iter().map(|column| IdBuffer::new(0, column.kind.slot_bytes()));
    let changes = Changes { dirs: BTreeMap::new(), ids: ids.collect(), freed: Vec::new() };
    let mut resolver = Resolver { tree, changes };
    let outcomes = edits
        .into_iter()
        .map(|edit| {
            let outcome = match edit {
                Edit::Put { at, stat, ids } => resolver.put(at, &normal(stat), ids),
                Edit::Remove { at } => resolver.remove(at),
                Edit::Move { from, to } => resolver.rename(from, to),
                Edit::List { dir, listing } => resolver.list(dir, listing),
            };
            outcome.unwrap_or_else(Outcome::Refused)
        })
        .collect();
    (outcomes, resolver.changes)
}

struct Resolver<'t, 'a> {
    tree: &'t mut Tree,
    changes: Changes<'a>,
}

impl<'a> Resolver<'_, 'a> {
    fn put(&mut self, at: Place<'a>, stat: &Stat, ids: Ids<'a>) -> Result<Outcome, Refusal> {
        self.check_place(at)?;
        self.check_ids(stat, ids)?;
        let present = self.present(at);
        let is_dir = stat.kind == Kind::Directory;
        let kept = present.and_then(|present| present.child).filter(|_| is_dir);
        if let Some(present) = present {
            let same_ids = kept.is_some() || !self.changes_ids(&present, ids);
            if present.stat == *stat && same_ids {
                return Ok(Outcome::Unchanged(kept));
            }
            self.tree.counts.remove(&present.stat);
            if let Some(child) = present.child.filter(|_| kept.is_none()) {
                self.free(child);
            }
        }
        self.tree.counts.add(stat);
        let slots = self.put_ids(present.as_ref(), stat, ids);
        let child = kept.or_else(|| is_dir.then(|| self.create(at)));
        self.set(at, Some(NewRow { stat: *stat, child, ids: slots }));
        Ok(if present.is_some() { Outcome::Changed(child) } else { Outcome::Added(child) })
    }

    fn remove(&mut self, at: Place<'a>) -> Result<Outcome, Refusal> {
        self.check_place(at)?;
        let present = self.present(at).ok_or(Refusal::NoEntry)?;
        self.tree.counts.remove(&present.stat);
        self.set(at, None);
        if let Some(child) = present.child {
            self.free(child);
        }
        Ok(Outcome::Removed)
    }

    fn rename(&mut self, from: Place<'a>, to: Place<'a>) -> Result<Outcome, Refusal> {
        self.check_place(from)?;
        self.check_place(to)?;
        let moved = self.present(from).ok_or(Refusal::NoEntry)?;
        if from == to {
            return Ok(Outcome::Unchanged(moved.child));
        }
        if moved.child.is_some_and(|child| self.is_within(to.0, child)) {
            return Err(Refusal::IntoItself);
        }
        // Before anything is freed: what is replaced may be a directory that `from` is below.
        let ids = self.copy_ids(&moved);
        let replaced = self.present(to);
        self.set(from, None);
        if let Some(replaced) = replaced {
            self.tree.counts.remove(&replaced.stat);
            if let Some(child) = replaced.child {
                self.free(child);
            }
        }
        self.set(to, Some(NewRow { stat: moved.stat, child: moved.child, ids }));
        if let Some(child) = moved.child {
            let near = self.near(to);
            if let Some(node) = self.tree.dirs.get_mut(child) {
                (node.parent, node.near) = (to.0, near);
            }
        }
        Ok(Outcome::Moved)
    }

    fn list(&mut self, dir: DirId, listing: Listing) -> Result<Outcome, Refusal> {
        let node = self.tree.dirs.get(dir).ok_or(Refusal::NoDirectory)?;
        if node.listing == listing {
            return Ok(Outcome::Unchanged(Some(dir)));
        }
        if let Some(node) = self.tree.dirs.get_mut(dir) {
            node.listing = listing;
        }
        self.changes.dirs.entry(dir).or_default();
        Ok(Outcome::Changed(Some(dir)))
    }

    fn check_place(&self, (dir, name): Place<'_>) -> Result<(), Refusal> {
        let special = matches!(name, b"" | b"." | b"..") || name.len() > NAMES_BYTES_MAX;
        if special || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(Refusal::BadName);
        }
        self.tree.dirs.get(dir).map(|_| ()).ok_or(Refusal::NoDirectory)
    }

    fn check_ids(&self, stat: &Stat, ids: Ids<'_>) -> Result<(), Refusal> {
        let Ids::Known(known) = ids else { return Ok(()) };
        let fits = |(kind, id): &(crate::IdKind, &[u8])| {
            self.tree.id_kinds().any(|column| column == *kind)
                && id.len() == usize::from(kind.id_bytes)
        };
        let content = known.is_empty() || Class::of(stat).has_content();
        if content && known.iter().all(fits) { Ok(()) } else { Err(Refusal::BadId) }
    }

    fn present(&self, at: Place<'_>) -> Option<Present> {
        let (dir, name) = at;
        if let Some(change) = self.changes.dirs.get(&dir).and_then(|rows| rows.get(name)) {
            let NewRow { stat, child, ids } = (*change)?;
            return Some(Present { stat, child, ids: IdsAt::New(ids) });
        }
        let blocks = self.tree.dirs.get(dir)?.leaves.as_slice();
        let (leaf, row) = block::find(blocks, name)?;
        let ids = IdsAt::Merged { dir, leaf, row };
        let row = blocks[leaf].row(row);
        Some(Present { stat: row.stat, child: row.child, ids })
    }

    fn set(&mut self, (dir, name): Place<'a>, row: Option<NewRow>) {
        self.changes.dirs.entry(dir).or_default().insert(name, row);
    }

    fn id(&self, column: usize, at: IdsAt) -> Option<&[u8]> {
        match at {
            IdsAt::New(row) => self.changes.ids[column].get(row),
            IdsAt::Merged { dir, leaf, row } => {
                self.tree.columns[column].dirs.get(dir)?.0.as_slice()[leaf].get(row)
            }
        }
    }

    /// Whether putting `ids` makes a difference beside an unchanged stat.
    fn changes_ids(&self, present: &Present, ids: Ids<'_>) -> bool {
        self.tree.columns.iter().enumerate().any(|(at, column)| {
            let now = self.id(at, present.ids).map(|slot| column.shown(slot, None));
            match ids {
                Ids::Unchanged | Ids::Kept => false,
                Ids::Dropped => now.is_some(),
                Ids::Known(known) => known_id(known, column).is_some_and(|id| now != Some(id)),
            }
        })
    }

    /// Stores the ids that an entry has once it is put.
    fn put_ids(&mut self, present: Option<&Present>, stat: &Stat, ids: Ids<'_>) -> usize {
        // A directory that stays keeps its digest, which the third pass looks after.
        let is_dir = stat.kind == Kind::Directory;
        let kept = present.filter(|present| match present.child {
            Some(_) => is_dir,
            None => match ids {
                Ids::Kept => present.stat.kind == stat.kind,
                Ids::Dropped => false,
                Ids::Unchanged | Ids::Known(_) => present.stat == *stat,
            },
        });
        let slots = match kept {
            Some(kept) => self.copy_ids(kept),
            None => self.no_ids(),
        };
        if let Ids::Known(known) = ids {
            for (column, buffer) in self.tree.columns.iter().zip(&mut self.changes.ids) {
                if let Some(id) = known_id(known, column) {
                    buffer.set(slots, id);
                }
            }
        }
        slots
    }

    fn no_ids(&mut self) -> usize {
        let slots = self.changes.ids.first().map_or(0, IdBuffer::len);
        self.changes.ids.iter_mut().for_each(|buffer| buffer.push(None));
        slots
    }

    fn copy_ids(&mut self, from: &Present) -> usize {
        let slots = self.changes.ids.first().map_or(0, IdBuffer::len);
        for (column, buffer) in self.tree.columns.iter().zip(&mut self.changes.ids) {
            match from.ids {
                IdsAt::New(row) => buffer.push_copy(row),
                IdsAt::Merged { dir, leaf, row } => {
                    let ids = column.dirs.get(dir).map(|ids| &ids.0.as_slice()[leaf]);
                    buffer.push(ids.and_then(|ids| ids.get(row)));
                }
            }
        }
        slots
    }

    /// Makes an empty directory.
    fn create(&mut self, at: Place<'_>) -> DirId {
        let dir = self.tree.free.pop().unwrap_or_else(|| {
            let index = self.tree.next;
            assert!(index < u32::MAX, "a tree holds fewer than 2^32 directories");
            self.tree.next += 1;
            DirId { index, generation: 0 }
        });
        let leaves = block::pack(std::iter::empty());
        let (parent, near) = (at.0, self.near(at));
        self.tree.dirs.insert(dir, DirNode { parent, near, listing: Listing::Complete, leaves });
        self.changes.dirs.entry(dir).or_default();
        dir
    }

    /// The block of the directory that the name will stand in, or near.
    fn near(&self, (dir, name): Place<'_>) -> u32 {
        let blocks = self.tree.dirs.get(dir).map_or(&[][..], |node| node.leaves.as_slice());
        block::leaf_for(blocks, name) as u32
    }

    /// Frees a directory and all below it; its own entry is the caller's.
    fn free(&mut self, dir: DirId) {
        let mut dirs = vec![dir];
        while let Some(dir) = dirs.pop() {
            let changed = self.changes.dirs.remove(&dir).unwrap_or_default();
            let leaves = self.tree.dirs.get(dir).map(|node| node.leaves.clone());
            let counts = &mut self.tree.counts;
            let mut entry = |stat: &Stat, child: Option<DirId>| {
                counts.remove(stat);
                dirs.extend(child);
            };
            let blocks = leaves.as_ref().map_or(&[][..], |leaves| leaves.as_slice());
            for row in blocks.iter().flat_map(block::Block::rows) {
                if !changed.contains_key(row.name) {
                    entry(&row.stat, row.child);
                }
            }
            for row in changed.values().flatten() {
                entry(&row.stat, row.child);
            }
            for column in &mut self.tree.columns {
                let column = Arc::make_mut(column);
                column.dirs.remove(dir);
                column.indexes.remove(&dir);
            }
            if let Some(next) = self.tree.dirs.remove(dir) {
                self.tree.free.push(next);
            }
            self.changes.freed.push(dir);
        }
    }

    fn is_within(&self, dir: DirId, ancestor: DirId) -> bool {
        let up = |dir: &DirId| self.tree.parent(*dir);
        std::iter::successors(Some(dir), up).any(|dir| dir == ancestor)
    }
}

pub(super) fn known_id<'a>(
    known: &[(crate::IdKind, &'a [u8])],
    column: &Column,
) -> Option<&'a [u8]> {
    let found = known.iter().find(|(kind, _)| *kind == column.kind);
    found.map(|(_, id)| *id)
}

/// The stat as a block gives it back.
pub(crate) fn normal(stat: Stat) -> Stat {
    let (kind, mode) = kind_and_mode(mode_bits(&stat));
    let nlink = if kind == Kind::Directory { 1 } else { stat.nlink };
    Stat { kind, mode, nlink, ..stat }
}
