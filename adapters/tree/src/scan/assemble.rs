//! Puts together what the threads found, and digests the directories from the deepest up.

use std::sync::Arc;

use treenail_os::{Kind, Stat};

use super::Scanned;
use super::gather::{DirDigest, Listed, Spot};
use super::visitor::Part;
use crate::block::{self, Row};
use crate::digest::{Digester, elements};
use crate::ids::ContentId;
use crate::pages::{DirId, FreeList, PageTable};
use crate::tree::{Column, DirIds, DirNode, Listing, Tree};
use crate::view::Counts;

/// The id of a file that came after its directory's blocks were made, with the stat that goes
/// with it.
pub(super) struct Late<I> {
    pub(super) dir: DirId,
    pub(super) name: Box<[u8]>,
    pub(super) id: I,
    pub(super) stat: Stat,
}

/// Makes the tree.
pub(super) fn assemble<C: ContentId>(
    parts: Vec<Part<C>>,
    with_ids: bool,
    taken_ns: i64,
    gitignore: bool,
) -> Scanned {
    let mut whole = Part::<C>::default();
    let mut dirs: Vec<Option<Listed<C>>> = Vec::new();
    for mut part in parts {
        for listed in part.dirs.drain(..) {
            let index = listed.spot.dir.index as usize;
            if dirs.len() <= index {
                dirs.resize_with(index + 1, || None);
            }
            dirs[index] = Some(listed);
        }
        whole.absorb(part);
    }
    whole.late.sort_unstable_by(|a, b| (a.dir.index, &a.name).cmp(&(b.dir.index, &b.name)));
    for late in whole.late.chunk_by(|a, b| a.dir == b.dir) {
        if let Some(listed) = &mut dirs[late[0].dir.index as usize] {
            listed.settle(late, &mut whole.counts);
        }
    }
    let next = dirs.len() as u32;
    let mut table = PageTable::new();
    let columns = match with_ids {
        true => vec![Arc::new(digest_all::<C>(&mut dirs))],
        false => Vec::new(),
    };
    let near = near_blocks(&dirs);
    for listed in dirs.into_iter().flatten() {
        let Listed { spot: Spot { dir, parent, listing }, leaves, .. } = listed;
        let near = near[dir.index as usize];
        table.insert(dir, DirNode { parent, near, listing, leaves });
    }
    let tree = Tree {
        dirs: table,
        columns,
        root_stat: whole.root_stat.unwrap_or(UNKNOWN_ROOT),
        counts: whole.counts,
        taken_ns,
        gitignore,
        free: FreeList::new(),
        next,
    };
    Scanned {
        tree,
        failures: whole.failures,
        failures_total: whole.failures_total,
        files_read: whole.files_read,
        bytes_read: whole.bytes_read,
        files_reused: whole.files_reused,
    }
}

/// The root's stat where the system refused it, though it listed the entries.
const UNKNOWN_ROOT: Stat = Stat {
    kind: Kind::Directory,
    mode: 0,
    size_bytes: 0,
    mtime_ns: 0,
    ctime_ns: 0,
    inode: 0,
    device: 0,
    nlink: 1,
    uid: 0,
    gid: 0,
};

impl<C: ContentId> Part<C> {
    fn absorb(&mut self, mut other: Self) {
        self.late.append(&mut other.late);
        self.failures.append(&mut other.failures);
        self.failures.truncate(super::FAILURES_KEPT_MAX);
        self.counts += other.counts;
        self.root_stat = self.root_stat.or(other.root_stat);
        self.failures_total += other.failures_total;
        self.files_read += other.files_read;
        self.bytes_read += other.bytes_read;
        self.files_reused += other.files_reused;
    }
}

impl<C: ContentId> Listed<C> {
    /// Takes in ids, sorted by name, and the stats that go with them.
    fn settle(&mut self, late: &[Late<C::Id>], counts: &mut Counts) {
        let mut late = late.iter().peekable();
        for (leaf, block) in self.leaves.as_mut_slice().iter_mut().enumerate() {
            let mut rows: Vec<Row<'_>> = block.rows().collect();
            for (at, row) in rows.iter_mut().enumerate() {
                let Some(late) = late.next_if(|late| *late.name == *row.name) else { continue };
                counts.remove(&row.stat);
                counts.add(&late.stat);
                row.stat = late.stat;
                if let Some(ids) = &mut self.ids {
                    ids.as_mut_slice()[leaf].set(at, late.id.as_ref());
                }
            }
            // The same names, so the same cuts: it stays one block.
            *block = block::cut(rows.iter().copied()).remove(0);
        }
        debug_assert!(late.next().is_none(), "every late id has its row");
    }
}

/// Which of its parent's blocks each directory stands in.
fn near_blocks<C: ContentId>(dirs: &[Option<Listed<C>>]) -> Vec<u32> {
    let mut near = vec![0; dirs.len()];
    for listed in dirs.iter().flatten() {
        for (leaf, block) in (0..).zip(listed.leaves.as_slice()).skip(1) {
            for (_, child) in block.children() {
                if let Some(near) = near.get_mut(child.index as usize) {
                    *near = leaf;
                }
            }
        }
    }
    near
}

/// Digests all directories. A directory's number is higher than its parent's, so going down the
/// numbers finds every child done before its parent.
fn digest_all<C: ContentId>(dirs: &mut [Option<Listed<C>>]) -> Column {
    let mut digester = Digester::<C>::new();
    let mut digests: Vec<Option<DirDigest<C>>> = vec![None; dirs.len()];
    let mut column = Column::new::<C>();
    for (index, listed) in dirs.iter_mut().enumerate().rev() {
        let Some(listed) = listed else { continue };
        let Some(mut ids) = listed.ids.take() else { continue };
        let blocks = listed.leaves.as_slice();
        digests[index] = listed.digest.or_else(|| {
            for (block, ids) in blocks.iter().zip(ids.as_mut_slice()) {
                for (row, child) in block.children() {
                    if let Some(digest) = digests.get(child.index as usize).copied().flatten() {
                        ids.set(row, digest.as_ref());
                    }
                }
            }
            let complete = listed.spot.listing == Listing::Complete;
            complete.then(|| digester.digest(elements(blocks, ids.as_slice()))).flatten()
        });
        column.dirs.insert(listed.spot.dir, DirIds(ids));
    }
    let root = digests.first().copied().flatten();
    column.root_digest = root.map(|digest| digest.as_ref().to_vec());
    column
}
