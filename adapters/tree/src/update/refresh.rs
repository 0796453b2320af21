//! The third pass: the digests of what was touched and of all above it, deepest first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::block::{self, Block, Leaves};
use crate::column::IdBlock;
use crate::index::{INDEXED_ENTRIES_KEPT_MIN, INDEXED_ENTRIES_MIN};
use crate::pages::{DirId, PageTable};
use crate::tree::{Column, DirIds, DirNode, Listing};

/// A directory whose digest may change.
struct Visit {
    dir: DirId,
    depth: u32,
    /// Where it stands in its parent: block and row; nothing for the root.
    place: Option<InParent>,
}

/// A parent, and the block and row in it.
type InParent = (DirId, usize, usize);

/// A directory's new digest, and the block and row that it goes to.
type Digested = (usize, usize, Option<Vec<u8>>);

/// Brings the digests up to date after the entries or ids of the `touched` directories changed.
pub(super) fn refresh(dirs: &PageTable<DirNode>, columns: &mut [Arc<Column>], touched: &[DirId]) {
    if columns.is_empty() {
        return;
    }
    // The usual case: most often the way up ends where it begins, at a digest that stays unknown.
    if let [dir] = touched {
        for column in columns {
            if !stays_unknown(dirs, column, *dir) {
                refresh_upwards(dirs, Arc::make_mut(column), *dir);
            }
        }
        return;
    }
    let visits = deepest_first(dirs, touched);
    let touched: HashSet<DirId> = touched.iter().copied().collect();
    for column in columns {
        refresh_column(dirs, Arc::make_mut(column), &visits, &touched);
    }
}

/// Whether a directory had no digest and has none now, so that nothing has to be set.
fn stays_unknown(dirs: &PageTable<DirNode>, column: &Column, dir: DirId) -> bool {
    let (Some(node), Some(ids)) = (dirs.get(dir), column.dirs.get(dir)) else { return false };
    let Some((leaf, row)) = place(dirs, node.parent, dir) else { return false };
    let above = column.dirs.get(node.parent).and_then(|ids| ids.0.as_slice()[leaf].get(row));
    if dir == DirId::ROOT || above.is_some() || column.indexes.contains_key(&dir) {
        return false;
    }
    node.listing != Listing::Complete
        || (column.digest_dir)(node.leaves.as_slice(), ids.0.as_slice()).is_none()
}

/// Brings one directory's digest up to date, and those above as far as they change by that.
fn refresh_upwards(dirs: &PageTable<DirNode>, column: &mut Column, dir: DirId) {
    let (mut dir, mut from_below) = (dir, Vec::new());
    while let Some(node) = dirs.get(dir) {
        let place = match (dir, place(dirs, node.parent, dir)) {
            (DirId::ROOT, _) => None,
            (_, Some((leaf, row))) => Some((node.parent, leaf, row)),
            _ => return,
        };
        let Some((above, digested)) = refresh_dir(column, dir, node, from_below, place) else {
            return;
        };
        (dir, from_below) = (above, vec![digested]);
    }
}

/// Brings a directory's own digest up to date; if it became another, the parent that is to have it.
fn refresh_dir(
    column: &mut Column,
    dir: DirId,
    node: &DirNode,
    from_below: Vec<Digested>,
    place: Option<InParent>,
) -> Option<(DirId, Digested)> {
    let mut ids = column.ids(dir, node.leaves.as_slice());
    if !from_below.is_empty() {
        ids = with_digests(&ids, from_below);
    }
    let digest = match node.listing {
        Listing::Complete => digest(column, dir, &node.leaves, &ids),
        Listing::Partial | Listing::Unlisted => {
            column.indexes.remove(&dir);
            None
        }
    };
    column.dirs.insert(dir, DirIds(ids));
    let Some((parent, leaf, row)) = place else {
        column.root_digest = digest;
        return None;
    };
    let above = column.dirs.get(parent).and_then(|ids| ids.0.as_slice()[leaf].get(row));
    let now = above.map(|slot| column.shown(slot, Some(dir)));
    (now != digest.as_deref()).then_some((parent, (leaf, row, digest)))
}

fn refresh_column(
    dirs: &PageTable<DirNode>,
    column: &mut Column,
    visits: &[Visit],
    touched: &HashSet<DirId>,
) {
    let mut from_below: HashMap<DirId, Vec<Digested>> = HashMap::new();
    for visit in visits {
        let dir = visit.dir;
        let children = from_below.remove(&dir);
        if children.is_none() && !touched.contains(&dir) {
            continue;
        }
        let Some(node) = dirs.get(dir) else { continue };
        let children = children.unwrap_or_default();
        if let Some((above, digested)) = refresh_dir(column, dir, node, children, visit.place) {
            from_below.entry(above).or_default().push(digested);
        }
    }
}

/// The directory's digest, by way of an index if it is large.
fn digest(
    column: &mut Column,
    dir: DirId,
    blocks: &Leaves<Block>,
    ids: &Leaves<IdBlock>,
) -> Option<Vec<u8>> {
    let entries: usize = blocks.as_slice().iter().map(Block::len).sum();
    let index = match column.indexes.remove(&dir) {
        Some(index) if entries >= INDEXED_ENTRIES_KEPT_MIN => index.update(blocks, ids),
        None if entries >= INDEXED_ENTRIES_MIN => (column.index_dir)(blocks, ids),
        _ => None,
    };
    match index {
        Some(index) => column.indexes.entry(dir).or_insert(index).digest(),
        None => (column.digest_dir)(blocks.as_slice(), ids.as_slice()),
    }
}

/// Puts the digests of child directories in their slots, copying each block once.
fn with_digests(ids: &Leaves<IdBlock>, mut digests: Vec<Digested>) -> Leaves<IdBlock> {
    let mut blocks = ids.as_slice().to_vec();
    digests.sort_unstable_by_key(|(leaf, row, _)| (*leaf, *row));
    for of_block in digests.chunk_by(|a, b| a.0 == b.0) {
        let slots = of_block.iter().map(|(_, row, digest)| (*row, digest.as_deref()));
        let block = &mut blocks[of_block[0].0];
        *block = block.with(slots);
    }
    Leaves::from(blocks)
}

/// The touched directories and all above them, each before its parent.
fn deepest_first(dirs: &PageTable<DirNode>, touched: &[DirId]) -> Vec<Visit> {
    let mut depths: HashMap<DirId, u32> = HashMap::from([(DirId::ROOT, 0)]);
    let mut families: BTreeMap<DirId, Vec<DirId>> = BTreeMap::new();
    let mut chain = Vec::new();
    for &dir in touched {
        let mut above = dir;
        let mut depth = loop {
            if let Some(depth) = depths.get(&above) {
                break *depth;
            }
            let Some(node) = dirs.get(above) else { break 0 };
            chain.push((above, node.parent));
            above = node.parent;
        };
        while let Some((dir, parent)) = chain.pop() {
            depth += 1;
            depths.insert(dir, depth);
            families.entry(parent).or_default().push(dir);
        }
    }
    let mut visits = vec![Visit { dir: DirId::ROOT, depth: 0, place: None }];
    for (parent, children) in families {
        let depth = depths[&parent] + 1;
        let placed = places(dirs, parent, &children).into_iter();
        visits.extend(placed.map(|(dir, leaf, row)| Visit {
            dir,
            depth,
            place: Some((parent, leaf, row)),
        }));
    }
    visits.sort_by_key(|visit| Reverse(visit.depth));
    visits
}

/// With more children to find than this, all of the parent's blocks are gone through once.
const SEARCHES_MAX: usize = 16;

/// The block and row of each child directory.
fn places(
    dirs: &PageTable<DirNode>,
    parent: DirId,
    children: &[DirId],
) -> Vec<(DirId, usize, usize)> {
    let blocks = dirs.get(parent).map_or(&[][..], |node| node.leaves.as_slice());
    if children.len() > SEARCHES_MAX {
        let wanted: HashSet<DirId> = children.iter().copied().collect();
        let all = blocks
            .iter()
            .enumerate()
            .flat_map(|(leaf, block)| block.children().map(move |(row, child)| (child, leaf, row)));
        return all.filter(|(child, ..)| wanted.contains(child)).collect();
    }
    let place = |&child: &DirId| {
        let (leaf, row) = place(dirs, parent, child)?;
        Some((child, leaf, row))
    };
    children.iter().filter_map(place).collect()
}

/// The block and row of a child directory.
fn place(dirs: &PageTable<DirNode>, parent: DirId, child: DirId) -> Option<(usize, usize)> {
    let near = dirs.get(child)?.near as usize;
    block::find_child(dirs.get(parent)?.leaves.as_slice(), child, near)
}
