//! The immutable, sorted runs of entries that directories are made of.
//!
//! A block is one allocation of 64-bit words: a header, then a column for each field, widest
//! first, then the names. What is the same for the whole block (device, owner) or implied (one
//! link) has no column. A usual entry takes 36 bytes and its name.

mod write;

use std::cmp::Ordering;
use std::sync::Arc;

use treenail_os::{Kind, Stat};

use crate::pages::{DirId, Shared};
use write::Columns;

/// The most entries in a block; a larger directory has several.
pub(crate) const ENTRIES_MAX: usize = 256;

/// The most bytes of names in a block, so that 16 bits can say where a name ends.
pub(crate) const NAMES_BYTES_MAX: usize = u16::MAX as usize;

/// A row to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) stat: Stat,
    pub(crate) child: Option<DirId>,
}

/// Splits rows, sorted by name, into blocks.
///
/// # Panics
/// If a name is longer than 65,535 bytes, which no system allows.
pub(crate) fn pack<'a>(rows: impl Iterator<Item = Row<'a>>) -> Leaves<Block> {
    Leaves::from(cut(rows))
}

/// The blocks that [`pack`] makes: one at least.
pub(crate) fn cut<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut here = Vec::with_capacity(rows.size_hint().0.min(ENTRIES_MAX));
    let mut names_bytes = 0;
    for row in rows {
        if here.len() == ENTRIES_MAX || names_bytes + row.name.len() > NAMES_BYTES_MAX {
            blocks.push(Block::new(&here));
            here.clear();
            names_bytes = 0;
        }
        names_bytes += row.name.len();
        here.push(row);
    }
    blocks.push(Block::new(&here));
    blocks
}

/// The block and the row that hold `name`.
pub(crate) fn find(blocks: &[Block], name: &[u8]) -> Option<(usize, usize)> {
    let leaf = leaf_for(blocks, name);
    Some((leaf, blocks.get(leaf)?.search(name).ok()?))
}

/// The block where `name` belongs.
pub(crate) fn leaf_for(blocks: &[Block], name: &[u8]) -> usize {
    let after = |block: &Block| block.first_name().is_some_and(|first| first > name);
    blocks.partition_point(|block| !after(block)).saturating_sub(1)
}

/// The block and the row that hold the directory `child`, looking around block `near` first.
pub(crate) fn find_child(blocks: &[Block], child: DirId, near: usize) -> Option<(usize, usize)> {
    let near = near.min(blocks.len().saturating_sub(1));
    let around = (0..blocks.len()).flat_map(|distance| {
        let above = (distance > 0).then_some(near + distance);
        near.checked_sub(distance).into_iter().chain(above)
    });
    around
        .filter(|leaf| *leaf < blocks.len())
        .find_map(|leaf| Some((leaf, blocks[leaf].row_of_child(child)?)))
}

/// The blocks of one directory: most have one.
#[derive(Clone, Debug)]
pub(crate) enum Leaves<T> {
    One(T),
    Many(Arc<[T]>),
}

impl<T> Leaves<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(leaf) => std::slice::from_ref(leaf),
            Self::Many(leaves) => leaves,
        }
    }

    /// The leaves, to be changed while nobody else has them.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::One(leaf) => std::slice::from_mut(leaf),
            Self::Many(leaves) => Arc::get_mut(leaves).expect("nobody else has the leaves"),
        }
    }
}

impl<T: Shared> Leaves<T> {
    /// The leaves with others in some places.
    pub(crate) fn with(&self, others: impl IntoIterator<Item = (usize, T)>) -> Self {
        // As `PageTable` does, and for the same reason.
        std::hint::black_box(self.as_slice().iter().map(T::sharers).sum::<usize>());
        let mut leaves = match self {
            Self::One(leaf) => Self::One(leaf.clone()),
            Self::Many(leaves) => Self::Many(leaves.iter().cloned().collect()),
        };
        for (at, other) in others {
            leaves.as_mut_slice()[at] = other;
        }
        leaves
    }
}

impl<T> From<Vec<T>> for Leaves<T> {
    fn from(mut leaves: Vec<T>) -> Self {
        match leaves.len() {
            1 => Self::One(leaves.remove(0)),
            _ => Self::Many(leaves.into()),
        }
    }
}

/// Words of the header: counts and flags, device, owner.
const HEADER_WORDS: usize = 3;
const FLAG_NLINK: u64 = 1;
const FLAG_OWNER: u64 = 2;

/// Device, user and group of an entry.
pub(crate) type Owner = (u64, u32, u32);

/// See the module's text.
#[derive(Clone, Debug)]
pub(crate) struct Block(Arc<[u64]>);

/// Where the columns of a block begin, in bytes.
#[derive(Clone, Copy)]
struct Layout {
    /// After the size, mtime, ctime and inode of each entry, a column each:
    /// device and (uid, gid) of each entry, where they differ within the block.
    owners: usize,
    nlinks: usize,
    /// (entry, index, generation) of each child directory, 32 bits each.
    children: usize,
    modes: usize,
    name_ends: usize,
    names: usize,
    end: usize,
}

impl Layout {
    fn new(count: usize, children: usize, names_bytes: usize, flags: u64) -> Self {
        let owners = 8 * (HEADER_WORDS + 4 * count);
        let nlinks = owners + if flags & FLAG_OWNER == 0 { 0 } else { 16 * count };
        let children_at = nlinks + if flags & FLAG_NLINK == 0 { 0 } else { 4 * count };
        let modes = children_at + 12 * children;
        let name_ends = modes + 2 * count;
        let names = name_ends + 2 * count;
        let end = (names + names_bytes).next_multiple_of(8);
        Self { owners, nlinks, children: children_at, modes, name_ends, names, end }
    }
}

impl Block {
    fn new(rows: &[Row<'_>]) -> Self {
        let owner = |stat: &Stat| (stat.device, stat.uid, stat.gid);
        let (count, first) = (rows.len(), rows.first().map(|row| row.stat));
        let (mut children, mut names_bytes, mut flags) = (0, 0, 0);
        for row in rows {
            children += usize::from(row.child.is_some());
            names_bytes += row.name.len();
            if first.is_some_and(|first| owner(&row.stat) != owner(&first)) {
                flags |= FLAG_OWNER;
            }
            if row.stat.nlink != 1 && row.child.is_none() {
                flags |= FLAG_NLINK;
            }
        }
        assert!(count <= ENTRIES_MAX, "pack() cuts longer runs");
        assert!(names_bytes <= NAMES_BYTES_MAX, "a name of {names_bytes} bytes");
        let layout = Layout::new(count, children, names_bytes, flags);
        let mut block: Arc<[u64]> = std::iter::repeat_n(0, layout.end / 8).collect();
        let words = Arc::get_mut(&mut block).expect("just made");
        words[0] =
            count as u64 | (children as u64) << 16 | (names_bytes as u64) << 32 | flags << 48;
        if let Some(first) = first {
            words[1] = first.device;
            words[2] = owner_bits(&first);
        }
        Columns::new(words, count, &layout).fill(rows, flags);
        Self(block)
    }

    /// The block with other attributes in some rows, whose names and child directories stay;
    /// nothing if it lacks a column for them.
    pub(crate) fn with_stats(&self, rows: impl Iterator<Item = (usize, Stat)>) -> Option<Self> {
        let (device, owner) = (self.0[1], self.0[2]);
        let (layout, flags) = {
            let rows = self.rows();
            (rows.layout, rows.flags)
        };
        let mut block: Arc<[u64]> = Arc::from(&*self.0);
        let words = Arc::get_mut(&mut block).expect("just made");
        let mut columns = Columns::new(words, self.len(), &layout);
        for (row, stat) in rows {
            let same_owner = (stat.device, owner_bits(&stat)) == (device, owner);
            let is_one_link = stat.nlink == 1 || stat.kind == Kind::Directory;
            if flags & FLAG_OWNER == 0 && !same_owner || flags & FLAG_NLINK == 0 && !is_one_link {
                return None;
            }
            columns.set_stat(row, &stat, stat.kind == Kind::Directory, flags);
        }
        Some(Self(block))
    }

    pub(crate) fn len(&self) -> usize {
        (self.0[0] & 0xffff) as usize
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.len() * 8 + 16
    }

    pub(crate) fn names_bytes(&self) -> usize {
        (self.0[0] >> 32 & 0xffff) as usize
    }

    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let mut rows = self.rows();
        rows.seek(row);
        rows.next().expect("a row of the block")
    }

    pub(crate) fn first_name(&self) -> Option<&[u8]> {
        (self.len() > 0).then(|| self.rows().name(0))
    }

    /// The row of that name, or the row before which it would stand.
    pub(crate) fn search(&self, name: &[u8]) -> Result<usize, usize> {
        let rows = self.rows();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match rows.name(middle).cmp(name) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The child directories, and the rows that they stand in.
    pub(crate) fn children(&self) -> impl Iterator<Item = (usize, DirId)> {
        let rows = self.rows();
        (0..rows.children).map(move |number| rows.child_at(number))
    }

    fn row_of_child(&self, child: DirId) -> Option<usize> {
        self.children().find_map(|(row, dir)| (dir == child).then_some(row))
    }

    /// The sizes (0), mtimes (1), ctimes (2) or inodes (3) of all rows.
    pub(crate) fn words(&self, column: usize) -> &[u64] {
        &self.0[HEADER_WORDS + column * self.len()..][..self.len()]
    }

    /// The owner of all rows, where they have but one and there are any.
    pub(crate) fn common_owner(&self) -> Option<Owner> {
        (self.rows().flags & FLAG_OWNER == 0 && self.len() > 0).then(|| self.owner(0))
    }

    /// The owner of a row.
    pub(crate) fn owner(&self, row: usize) -> Owner {
        let stat = self.rows().stat(row);
        (stat.device, stat.uid, stat.gid)
    }

    /// The link counts, unless all are 1.
    pub(crate) fn nlinks(&self) -> Option<&[u32]> {
        let Rows { layout, flags, .. } = self.rows();
        (flags & FLAG_NLINK != 0).then(|| self.column(layout.nlinks, layout.children))
    }

    /// As [`mode_bits`] makes them.
    pub(crate) fn modes(&self) -> &[u16] {
        let Rows { layout, .. } = self.rows();
        self.column(layout.modes, layout.name_ends)
    }

    /// Where each name ends in [`names`](Self::names).
    pub(crate) fn name_ends(&self) -> &[u16] {
        let Rows { layout, .. } = self.rows();
        self.column(layout.name_ends, layout.names)
    }

    /// The names of all rows, one after the other.
    pub(crate) fn names(&self) -> &[u8] {
        let Rows { layout, .. } = self.rows();
        self.column(layout.names, layout.names + self.names_bytes())
    }

    fn column<T: bytemuck::AnyBitPattern>(&self, start: usize, end: usize) -> &[T] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.0);
        bytemuck::cast_slice(&bytes[start..end])
    }

    /// Whether both are one block in memory.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        let head = self.0[0];
        let (children, names) = ((head >> 16 & 0xffff) as usize, (head >> 32 & 0xffff) as usize);
        let flags = head >> 48;
        let layout = Layout::new(self.len(), children, names, flags);
        Rows { words: &self.0, layout, flags, children, next: 0, next_child: 0, name_start: 0 }
    }
}

impl Shared for Block {
    fn sharers(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

/// Both owners in one word.
fn owner_bits(stat: &Stat) -> u64 {
    u64::from(stat.uid) | u64::from(stat.gid) << 32
}

/// Kind and permission in sixteen bits: the kind in the upper four.
pub(crate) fn mode_bits(stat: &Stat) -> u16 {
    (stat.kind as u16) << 12 | (stat.mode & 0o7777) as u16
}

/// What [`mode_bits`] made.
pub(crate) fn kind_and_mode(bits: u16) -> (Kind, u32) {
    let kind = match bits >> 12 {
        0 => Kind::File,
        1 => Kind::Directory,
        2 => Kind::Symlink,
        3 => Kind::Fifo,
        4 => Kind::Socket,
        5 => Kind::CharDevice,
        6 => Kind::BlockDevice,
        _ => Kind::Unknown,
    };
    (kind, u32::from(bits & 0o7777))
}

/// The rows of a block, in the order of their names' bytes.
#[derive(Clone)]
pub(crate) struct Rows<'a> {
    words: &'a [u64],
    layout: Layout,
    flags: u64,
    children: usize,
    next: usize,
    next_child: usize,
    name_start: usize,
}

impl<'a> Rows<'a> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes: &[u8] = bytemuck::cast_slice(self.words);
        bytes[at..at + N].try_into().expect("N bytes")
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.bytes(at))
    }

    /// Makes `row` the next one.
    fn seek(&mut self, row: usize) {
        self.next = row;
        self.name_start = self.name_start_of(row);
        let (mut low, mut high) = (0, self.children);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.child_at(middle).0 < row {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        self.next_child = low;
    }

    fn name_start_of(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.name_end_of(before))
    }

    fn name_end_of(&self, row: usize) -> usize {
        usize::from(self.u16_at(self.layout.name_ends + 2 * row))
    }

    fn name(&self, row: usize) -> &'a [u8] {
        let bytes: &'a [u8] = bytemuck::cast_slice(self.words);
        let (start, end) = (self.name_start_of(row), self.name_end_of(row));
        &bytes[self.layout.names + start..self.layout.names + end]
    }

    /// A child directory, counted from the first of the block, and its row.
    fn child_at(&self, number: usize) -> (usize, DirId) {
        let at = self.layout.children + 12 * number;
        let dir = DirId { index: self.u32_at(at + 4), generation: self.u32_at(at + 8) };
        (self.u32_at(at) as usize, dir)
    }

    fn child(&mut self, row: usize) -> Option<DirId> {
        if self.next_child == self.children {
            return None;
        }
        let (at, dir) = self.child_at(self.next_child);
        if at != row {
            return None;
        }
        self.next_child += 1;
        Some(dir)
    }

    fn stat(&self, row: usize) -> Stat {
        let count = (self.words[0] & 0xffff) as usize;
        let word = |column: usize| self.words[HEADER_WORDS + column * count + row];
        let (device, owner) = if self.flags & FLAG_OWNER == 0 {
            (self.words[1], self.words[2])
        } else {
            let at = self.layout.owners / 8;
            (self.words[at + row], self.words[at + count + row])
        };
        let (kind, mode) = kind_and_mode(self.u16_at(self.layout.modes + 2 * row));
        let nlink = match self.flags & FLAG_NLINK {
            0 => 1,
            _ => self.u32_at(self.layout.nlinks + 4 * row),
        };
        Stat {
            kind,
            size_bytes: word(0),
            mtime_ns: word(1) as i64,
            ctime_ns: word(2) as i64,
            inode: word(3),
            device,
            mode,
            nlink,
            uid: owner as u32,
            gid: (owner >> 32) as u32,
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        let row = self.next;
        if row == (self.words[0] & 0xffff) as usize {
            return None;
        }
        self.next += 1;
        let end = self.name_end_of(row);
        let bytes: &'a [u8] = bytemuck::cast_slice(self.words);
        let name = &bytes[self.layout.names + self.name_start..self.layout.names + end];
        self.name_start = end;
        Some(Row { name, stat: self.stat(row), child: self.child(row) })
    }
}

#[cfg(test)]
mod tests;
