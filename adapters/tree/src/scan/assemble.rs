//! Puts together what the threads found, and digests the directories from the deepest up.

use std::sync::Arc;

use treenail_os::{Kind, Stat};

use super::Scanned;
use super::visitor::Part;
use crate::block::{self, Block, Leaves, Row};
use crate::column::IdBuffer;
use crate::digest::{Digester, Element};
use crate::ids::ContentId;
use crate::pages::{DirId, FreeList, PageTable};
use crate::tree::{Column, DirIds, DirNode, Listing, Tree};
use crate::view::Class;

/// A directory as it was listed; its subdirectories' digests, and late ids, are still missing.
pub(super) struct Listed {
    pub(super) dir: DirId,
    pub(super) parent: DirId,
    pub(super) parent_entry: u32,
    pub(super) leaves: Leaves<Block>,
    pub(super) ids: Option<IdBuffer>,
    pub(super) listing: Listing,
}

/// The id of a file that was not read together with its directory.
pub(super) struct Late {
    dir: DirId,
    entry: u32,
    id: [u8; 32],
    /// The stat that goes with the id, if it is not the one of the listing.
    changed: Option<Stat>,
}

impl Late {
    pub(super) fn new(dir: DirId, entry: u32, id: &[u8], changed: Option<Stat>) -> Self {
        let mut padded = [0; 32];
        padded[..id.len()].copy_from_slice(id);
        Self { dir, entry, id: padded, changed }
    }
}

/// Makes the tree.
pub(super) fn assemble<C: ContentId>(
    parts: Vec<Part>,
    with_ids: bool,
    taken_ns: i64,
    gitignore: bool,
) -> Scanned {
    let mut whole = Part::default();
    let mut dirs: Vec<Option<Listed>> = Vec::new();
    for mut part in parts {
        for listed in part.dirs.drain(..) {
            let index = listed.dir.index as usize;
            if dirs.len() <= index {
                dirs.resize_with(index + 1, || None);
            }
            dirs[index] = Some(listed);
        }
        whole.absorb(part);
    }
    for late in &whole.late {
        if let Some(listed) = &mut dirs[late.dir.index as usize] {
            listed.settle::<C>(late);
        }
    }
    let next = dirs.len() as u32;
    let mut table = PageTable::new();
    let columns = match with_ids {
        true => vec![Arc::new(digest_all::<C>(&mut dirs))],
        false => Vec::new(),
    };
    for listed in dirs.into_iter().flatten() {
        let Listed { dir, parent, parent_entry, leaves, listing, .. } = listed;
        let near = parent_entry / block::ENTRIES_MAX as u32;
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

impl Part {
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

impl Listed {
    /// Takes in an id, and the stat that goes with it.
    fn settle<C: ContentId>(&mut self, late: &Late) {
        if let Some(ids) = &mut self.ids {
            ids.set(late.entry as usize, &late.id[..usize::from(C::KIND.id_bytes)]);
        }
        if let Some(stat) = late.changed {
            let rows = self.leaves.as_slice().iter().flat_map(Block::rows);
            let mut rows: Vec<Row<'_>> = rows.collect();
            rows[late.entry as usize].stat = stat;
            self.leaves = block::pack(&rows);
        }
    }
}

/// Digests all directories. A directory's number is higher than its parent's, so going down the
/// numbers finds every child done before its parent.
fn digest_all<C: ContentId>(dirs: &mut [Option<Listed>]) -> Column {
    let mut digester = Digester::<C>::new();
    let mut column = Column::new::<C>();
    for index in (0..dirs.len()).rev() {
        let (above, from) = dirs.split_at_mut(index);
        let Some(listed) = &mut from[0] else { continue };
        let Some(ids) = listed.ids.take() else { continue };
        let blocks = listed.leaves.as_slice();
        let rows = blocks.iter().flat_map(Block::rows).enumerate();
        let elements = rows.map(|(i, row)| Element {
            name: row.name,
            class: Class::of(&row.stat),
            slot: ids.get(i),
        });
        let digest =
            if listed.listing == Listing::Complete { digester.digest(elements) } else { None };
        column.dirs.insert(listed.dir, DirIds(ids.pack(blocks.iter().map(Block::len))));
        let Some(digest) = digest else { continue };
        if listed.dir == DirId::ROOT {
            column.root_digest = Some(digest.as_ref().to_vec());
        } else if let Some(parent) = &mut above[listed.parent.index as usize]
            && let Some(ids) = &mut parent.ids
        {
            ids.set(listed.parent_entry as usize, digest.as_ref());
        }
    }
    column
}
