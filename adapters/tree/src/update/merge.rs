//! The second pass: the changed rows of a directory and its blocks, merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::resolve::{Changes, NewRow};
use crate::block::{self, Block, ENTRIES_MAX, Leaves, NAMES_BYTES_MAX, Row};
use crate::column::{IdBlock, IdBuffer};
use crate::pages::{DirId, PageTable};
use crate::tree::{DirIds, DirNode, Tree};

/// A rebuilt block takes in a neighbour if both together have at most this many entries: few enough
/// that some can be added before it is split again.
const JOINED_ENTRIES_MAX: usize = ENTRIES_MAX * 3 / 4;

/// Merges the changes into the blocks and id blocks of each directory.
pub(super) fn merge(tree: &mut Tree, changes: &Changes<'_>) {
    for (&dir, edits) in &changes.dirs {
        if edits.is_empty() {
            continue;
        }
        let Some(old) = tree.dirs.get(dir).map(|node| node.leaves.clone()) else { continue };
        if let Some(replaced) = replace_rows(old.as_slice(), edits) {
            drop(old);
            put_replaced(tree, changes, dir, replaced);
            continue;
        }
        let merged = merge_rows(old.as_slice(), edits);
        for (column, new_ids) in tree.columns.iter_mut().zip(&changes.ids) {
            let before = column.ids(dir, old.as_slice());
            let slot_bytes = column.kind.slot_bytes();
            let ids = merge_ids(&merged, before.as_slice(), new_ids, slot_bytes);
            Arc::make_mut(column).dirs.insert(dir, DirIds(ids));
        }
        note_places(&mut tree.dirs, &merged);
        if let Some(node) = tree.dirs.get_mut(dir) {
            let blocks: Vec<Block> = merged.into_iter().map(|merged| merged.block).collect();
            node.leaves = Leaves::from(blocks);
        }
    }
}

/// A block in which some rows have other attributes or ids, and its number.
struct Replaced {
    leaf: usize,
    block: Block,
    /// Each row, and where its ids are.
    rows: Vec<(usize, usize)>,
}

/// The blocks that sorted edits change, if all they do is to give entries other attributes or ids:
/// the usual case, in which no other block needs to be looked at.
fn replace_rows(
    blocks: &[Block],
    edits: &BTreeMap<&[u8], Option<NewRow>>,
) -> Option<Vec<Replaced>> {
    let mut found: Vec<(usize, Vec<(usize, NewRow)>)> = Vec::new();
    for (name, new) in edits {
        let (leaf, row) = block::find(blocks, name)?;
        let new = (*new)?;
        if blocks[leaf].row(row).child != new.child {
            return None;
        }
        match found.last_mut() {
            Some((last, rows)) if *last == leaf => rows.push((row, new)),
            _ => found.push((leaf, vec![(row, new)])),
        }
    }
    let replaced = found.into_iter().map(|(leaf, rows)| {
        let block = with_stats(&blocks[leaf], &rows)?;
        let rows = rows.into_iter().map(|(row, new)| (row, new.ids)).collect();
        Some(Replaced { leaf, block, rows })
    });
    replaced.collect()
}

/// Sets the blocks of a directory that were replaced, and the ids beside them that are others.
fn put_replaced(tree: &mut Tree, changes: &Changes<'_>, dir: DirId, replaced: Vec<Replaced>) {
    let Some(blocks) = tree.dirs.get(dir).map(|node| node.leaves.as_slice()) else { return };
    for (column, new) in tree.columns.iter_mut().zip(&changes.ids) {
        let before = column.ids(dir, blocks);
        let ids = replaced.iter().map(|Replaced { leaf, rows, .. }| {
            (*leaf, with_ids(&before.as_slice()[*leaf], rows, new))
        });
        let same = |(leaf, ids): &(usize, IdBlock)| ids.is_shared_with(&before.as_slice()[*leaf]);
        let others: Vec<(usize, IdBlock)> = ids.filter(|ids| !same(ids)).collect();
        // To set what is there already would copy the way to it.
        if column.dirs.get(dir).is_none() || !others.is_empty() {
            let ids = before.with(others);
            Arc::make_mut(column).dirs.insert(dir, DirIds(ids));
        }
    }
    if let Some(node) = tree.dirs.get_mut(dir) {
        let blocks = replaced.into_iter().map(|replaced| (replaced.leaf, replaced.block));
        node.leaves = node.leaves.with(blocks);
    }
}

/// Tells the child directories in rebuilt blocks where they stand. The others stand a little
/// further on than they know, which a search finds.
fn note_places(dirs: &mut PageTable<DirNode>, merged: &[Merged]) {
    for (near, merged) in merged.iter().enumerate() {
        if let IdsFrom::Leaf { .. } = merged.ids {
            continue;
        }
        let near = near as u32;
        for (_, child) in merged.block.children() {
            if dirs.get(child).is_some_and(|node| node.near != near)
                && let Some(node) = dirs.get_mut(child)
            {
                node.near = near;
            }
        }
    }
}

/// A block of the merged directory.
struct Merged {
    block: Block,
    ids: IdsFrom,
}

/// Where the ids of a merged block come from.
enum IdsFrom {
    /// From the old block, whose names are in the same places, but for those of some rows, which
    /// are new ones.
    Leaf { leaf: usize, new: Vec<(usize, usize)> },
    /// From all over: those of each row.
    Rows(Vec<IdFrom>),
}

#[derive(Clone, Copy)]
enum IdFrom {
    Old { leaf: usize, row: usize },
    New(usize),
}

/// A run of rows on its way to blocks.
enum Run<'a> {
    /// A block that keeps its names and child directories; some rows, in their order, have other
    /// attributes or ids.
    Kept {
        leaf: usize,
        rows: Vec<(usize, NewRow)>,
    },
    Rebuilt(Vec<(Row<'a>, IdFrom)>),
}

fn merge_rows<'a>(blocks: &'a [Block], edits: &BTreeMap<&'a [u8], Option<NewRow>>) -> Vec<Merged> {
    let mut edits = edits.iter().map(|(name, row)| (*name, *row)).peekable();
    let mut runs: Vec<Run<'a>> = Vec::new();
    for (leaf, block) in blocks.iter().enumerate() {
        let end = blocks.get(leaf + 1).and_then(Block::first_name);
        let own = |name: &[u8]| end.is_none_or(|end| name < end);
        let mut in_block = Vec::new();
        while let Some(edit) = edits.next_if(|(name, _)| own(name)) {
            in_block.push(edit);
        }
        let run = match in_block.is_empty() {
            true => Run::Kept { leaf, rows: Vec::new() },
            false => merge_block(leaf, block, in_block),
        };
        push(&mut runs, run, blocks);
    }
    let mut merged = Vec::with_capacity(runs.len());
    for run in runs {
        match run {
            Run::Kept { leaf, rows } => keep(leaf, rows, blocks, &mut merged),
            Run::Rebuilt(rows) => cut(&rows, &mut merged),
        }
    }
    if merged.is_empty() {
        cut(&[], &mut merged);
    }
    merged
}

/// Adds a block that keeps its names, in which some rows may be new.
fn keep(leaf: usize, rows: Vec<(usize, NewRow)>, blocks: &[Block], merged: &mut Vec<Merged>) {
    match with_stats(&blocks[leaf], &rows) {
        Some(block) => {
            let new = rows.into_iter().map(|(row, new)| (row, new.ids)).collect();
            merged.push(Merged { block, ids: IdsFrom::Leaf { leaf, new } });
        }
        None => cut(&Run::Kept { leaf, rows }.into_rows(blocks), merged),
    }
}

/// The block with other attributes in some rows, itself if they are the old ones; nothing if it
/// lacks a column for them.
fn with_stats(old: &Block, rows: &[(usize, NewRow)]) -> Option<Block> {
    match rows.iter().all(|(row, new)| old.row(*row).stat == new.stat) {
        true => Some(old.clone()),
        false => old.with_stats(rows.iter().map(|(row, new)| (*row, new.stat))),
    }
}

/// The rows that sorted edits replace, if they do nothing else to a block.
fn replaced(block: &Block, edits: &[(&[u8], Option<NewRow>)]) -> Option<Vec<(usize, NewRow)>> {
    let replaced = edits.iter().map(|(name, new)| {
        let (row, new) = (block.search(name).ok()?, (*new)?);
        (block.row(row).child == new.child).then_some((row, new))
    });
    replaced.collect()
}

/// Merges sorted edits into one block.
fn merge_block<'a>(
    leaf: usize,
    block: &'a Block,
    edits: Vec<(&'a [u8], Option<NewRow>)>,
) -> Run<'a> {
    if let Some(rows) = replaced(block, &edits) {
        return Run::Kept { leaf, rows };
    }
    let mut rows = Vec::with_capacity(block.len() + edits.len());
    let mut old = block.rows().enumerate().peekable();
    let kept = |(row, old): (usize, Row<'a>)| (old, IdFrom::Old { leaf, row });
    for (name, new) in edits {
        while let Some(before) = old.next_if(|(_, row)| row.name < name) {
            rows.push(kept(before));
        }
        old.next_if(|(_, row)| row.name == name);
        let new = new.map(|NewRow { stat, child, ids }| (Row { name, stat, child }, ids));
        rows.extend(new.map(|(row, ids)| (row, IdFrom::New(ids))));
    }
    rows.extend(old.map(kept));
    Run::Rebuilt(rows)
}

/// Adds a run, joined with the one before it if that keeps blocks from getting small.
fn push<'a>(runs: &mut Vec<Run<'a>>, run: Run<'a>, blocks: &'a [Block]) {
    if run.len(blocks) == 0 {
        return;
    }
    if let Some(last) = runs.pop_if(|last| last.joins(&run, blocks)) {
        let mut rows = last.into_rows(blocks);
        rows.extend(run.into_rows(blocks));
        return runs.push(Run::Rebuilt(rows));
    }
    runs.push(run);
}

impl<'a> Run<'a> {
    fn len(&self, blocks: &[Block]) -> usize {
        match self {
            Self::Kept { leaf, .. } => blocks[*leaf].len(),
            Self::Rebuilt(rows) => rows.len(),
        }
    }

    fn names_bytes(&self, blocks: &[Block]) -> usize {
        match self {
            Self::Kept { leaf, .. } => blocks[*leaf].names_bytes(),
            Self::Rebuilt(rows) => rows.iter().map(|(row, _)| row.name.len()).sum(),
        }
    }

    fn joins(&self, next: &Self, blocks: &[Block]) -> bool {
        let rebuilt = |run: &Self| matches!(run, Self::Rebuilt(_));
        (rebuilt(self) || rebuilt(next))
            && self.len(blocks) + next.len(blocks) <= JOINED_ENTRIES_MAX
            && self.names_bytes(blocks) + next.names_bytes(blocks) <= NAMES_BYTES_MAX
    }

    fn into_rows(self, blocks: &'a [Block]) -> Vec<(Row<'a>, IdFrom)> {
        match self {
            Self::Rebuilt(rows) => rows,
            Self::Kept { leaf, rows } => {
                let mut new = rows.into_iter().peekable();
                let row = |(row, old): (usize, Row<'a>)| match new.next_if(|(at, _)| *at == row) {
                    Some((_, new)) => (Row { stat: new.stat, ..old }, IdFrom::New(new.ids)),
                    None => (old, IdFrom::Old { leaf, row }),
                };
                blocks[leaf].rows().enumerate().map(row).collect()
            }
        }
    }
}

/// Makes blocks of nearly equal size, so that each has room for more.
fn cut(rows: &[(Row<'_>, IdFrom)], merged: &mut Vec<Merged>) {
    let parts = rows.len().div_ceil(ENTRIES_MAX).max(1);
    for part in 0..parts {
        let part = &rows[rows.len() * part / parts..rows.len() * (part + 1) / parts];
        let mut ids = part.iter().map(|(_, ids)| *ids);
        for block in block::cut(part.iter().map(|(row, _)| *row)) {
            let ids = IdsFrom::Rows(ids.by_ref().take(block.len()).collect());
            merged.push(Merged { block, ids });
        }
    }
}

fn merge_ids(
    merged: &[Merged],
    old: &[IdBlock],
    new: &IdBuffer,
    slot_bytes: usize,
) -> Leaves<IdBlock> {
    let blocks = merged.iter().map(|merged| {
        let rows = match &merged.ids {
            IdsFrom::Leaf { leaf, new: rows } => return with_ids(&old[*leaf], rows, new),
            IdsFrom::Rows(rows) => rows,
        };
        let mut buffer = IdBuffer::new(0, slot_bytes);
        for from in rows {
            match *from {
                IdFrom::Old { leaf, row } => buffer.push(old[leaf].get(row)),
                IdFrom::New(ids) => buffer.push(new.get(ids)),
            }
        }
        buffer.block(0, rows.len())
    });
    Leaves::from(blocks.collect::<Vec<_>>())
}

/// The block with the new ids of some rows: itself if they are the old ones, since what changed may
/// be the attributes, or the ids of another column.
fn with_ids(old: &IdBlock, rows: &[(usize, usize)], new: &IdBuffer) -> IdBlock {
    if rows.iter().all(|(row, ids)| old.get(*row) == new.get(*ids)) {
        return old.clone();
    }
    old.with(rows.iter().map(|(row, ids)| (*row, new.get(*ids))))
}
