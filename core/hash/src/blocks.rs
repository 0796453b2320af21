//! Digests of a file's blocks of 4 KiB, and one of the whole file that follows a change at the cost
//! of the changed blocks.
//!
//! The blocks' digests are the leaves of a tree in which every node has 16 children; the file's
//! digest, the root, is a hash of the tree's top and the file's length. Tree and root are functions
//! of the content alone: of the bytes and their number, not of how the file came to hold them.
//! `docs/format/blocks.md` defines both byte for byte.
//!
//! ```
//! use treenail_hash::Xxh128;
//! use treenail_hash::blocks::{BLOCK_BYTES, Blocks, digests_for};
//!
//! let mut file = vec![7; 100_000];
//! let mut memory = vec![[0; 16]; digests_for(1 << 20)];
//! let mut blocks = Blocks::<Xxh128>::build(&mut memory, &file)?;
//! let before = blocks.root();
//!
//! // A write somewhere in the file: only the blocks that it touched are hashed.
//! file[50_000..50_100].fill(8);
//! let dirty = blocks.covering(50_000..50_100);
//! let mut changed = Vec::new();
//! let bytes = &file[dirty.start as usize..dirty.end as usize];
//! blocks.update(file.len() as u64, dirty.start, bytes, |block| changed.push(block))?;
//! assert_eq!(changed, [50_000 / BLOCK_BYTES as usize]);
//! assert_ne!(blocks.root(), before);
//! # Ok::<(), treenail_hash::blocks::BlocksError>(())
//! ```

mod stream;

use core::fmt;
use core::ops::Range;

pub use stream::RootStream;

use crate::{Digest, Hash};

/// The length of every block but a file's last, which may be shorter.
pub const BLOCK_BYTES: u64 = 4096;

/// The children of a node. With more, an update hashes longer nodes; with fewer, more of them.
const ARITY: usize = 16;

/// The longest digest that a node is made of.
const DIGEST_BYTES_MAX: usize = 64;

/// The blocks that are hashed side by side.
const BATCH: usize = 64;

/// The first byte of what is hashed to a node.
const NODE: u8 = 1;
/// The first byte of what is hashed to the root.
const ROOT: u8 = 2;

/// The digests that [`Blocks`] needs memory for, when the file is at most `size_bytes` long.
#[must_use]
pub const fn digests_for(size_bytes: u64) -> usize {
    let blocks = size_bytes.div_ceil(BLOCK_BYTES);
    if blocks > usize::MAX as u64 / 2 { usize::MAX } else { tree_digests(blocks as usize) }
}

/// The digests of a tree over `leaves`, itself included.
const fn tree_digests(leaves: usize) -> usize {
    let (mut sum, mut level) = (leaves, leaves);
    while level > 1 {
        level = level.div_ceil(ARITY);
        sum += level;
    }
    sum
}

/// The digests of a file's blocks, in the caller's memory.
pub struct Blocks<'a, H: Hash> {
    /// The levels from the leaves upward, each at its place whatever the file's length is.
    memory: &'a mut [H::Digest],
    /// The leaves that there is room for.
    capacity: usize,
    size_bytes: u64,
}

impl<'a, H: Hash> Blocks<'a, H> {
    /// An empty file. What `memory` holds is of no account.
    pub fn new(memory: &'a mut [H::Digest]) -> Self {
        const { assert!(H::Digest::SIZE_BYTES <= DIGEST_BYTES_MAX) };
        let capacity = capacity(memory.len());
        Self { memory, capacity, size_bytes: 0 }
    }

    /// The digests of `content`.
    ///
    /// # Errors
    /// [`BlocksError::Full`] when `memory` is shorter than [`digests_for`] says.
    pub fn build(memory: &'a mut [H::Digest], content: &[u8]) -> Result<Self, BlocksError> {
        let mut blocks = Self::new(memory);
        blocks.update(content.len() as u64, 0, content, |_| ())?;
        Ok(blocks)
    }

    /// Goes on with `memory` as another `Blocks` of the same algorithm left it, the memory being
    /// just as long and the file `size_bytes`. That nothing else has written there is not checked.
    ///
    /// # Errors
    /// [`BlocksError::Full`] when `memory` is too short for such a file.
    pub fn resume(memory: &'a mut [H::Digest], size_bytes: u64) -> Result<Self, BlocksError> {
        let mut blocks = Self::new(memory);
        blocks.leaves_of(size_bytes)?;
        blocks.size_bytes = size_bytes;
        Ok(blocks)
    }

    /// The same file in other memory, of any length that suffices: room for a file that grows. The
    /// nodes are hashed anew, the blocks are not.
    ///
    /// # Errors
    /// [`BlocksError::Full`] when `memory` is too short for the file.
    pub fn moved<'b>(&self, memory: &'b mut [H::Digest]) -> Result<Blocks<'b, H>, BlocksError> {
        let mut moved = Blocks::resume(memory, self.size_bytes)?;
        let leaves = self.leaves();
        moved.memory[..leaves].copy_from_slice(self.blocks());
        moved.hash_ancestors(0..leaves);
        Ok(moved)
    }

    /// The file is now `size_bytes` long, and from `offset` on it holds `bytes`. Calls `changed`
    /// with the number of each block there, in ascending order, that is new or has another digest
    /// than before; blocks that the file lost are not reported.
    ///
    /// To follow a write, pass the [covering](Self::covering) bytes of what was written; to find
    /// out what changed, pass all of the file. A long file can be passed in pieces, `size_bytes`
    /// being the end of each piece until the last.
    ///
    /// # Errors
    /// Nothing is changed when it fails:
    /// - [`BlocksError::Full`] when there is no memory for so long a file.
    /// - [`BlocksError::Unaligned`] when `bytes` do not begin at a block, or neither end at one nor
    ///   with the file.
    /// - [`BlocksError::Missing`] when `bytes` lack a block that is new or has another length.
    pub fn update(
        &mut self,
        size_bytes: u64,
        offset: u64,
        bytes: &[u8],
        mut changed: impl FnMut(usize),
    ) -> Result<(), BlocksError> {
        let old = self.leaves();
        let new = self.leaves_of(size_bytes)?;
        let given = self.check(size_bytes, offset, bytes.len())?;
        self.size_bytes = size_bytes;

        // The leaves whose ancestors are to be hashed again; when the file lost some, its last leaf
        // has fewer siblings.
        let mut dirty = if new < old { new.saturating_sub(1)..new } else { 0..0 };
        let mut scratch = [H::Digest::default(); BATCH];
        for (batch, content) in bytes.chunks(BATCH * BLOCK_BYTES as usize).enumerate() {
            let mut blocks: [&[u8]; BATCH] = [&[]; BATCH];
            let mut count = 0;
            for block in content.chunks(BLOCK_BYTES as usize) {
                blocks[count] = block;
                count += 1;
            }
            H::hash_many(&blocks[..count], &mut scratch[..count]);
            for (index, digest) in scratch[..count].iter().enumerate() {
                let leaf = given.start + batch * BATCH + index;
                if leaf >= old || self.memory[leaf] != *digest {
                    self.memory[leaf] = *digest;
                    changed(leaf);
                    dirty = if dirty.is_empty() {
                        leaf..leaf + 1
                    } else {
                        dirty.start.min(leaf)..dirty.end.max(leaf + 1)
                    };
                }
            }
        }
        self.hash_ancestors(dirty);
        Ok(())
    }

    /// The least range that [`update`](Self::update) takes for what was written at `written` within
    /// the file: widened to whole blocks, and cut off at the file's end.
    #[must_use]
    pub fn covering(&self, written: Range<u64>) -> Range<u64> {
        let start = written.start.min(self.size_bytes);
        let end = written.end.clamp(start, self.size_bytes);
        let aligned = start / BLOCK_BYTES * BLOCK_BYTES;
        if start == end {
            return aligned..aligned;
        }
        aligned..end.next_multiple_of(BLOCK_BYTES).min(self.size_bytes)
    }

    /// The digest of the whole file.
    #[must_use]
    pub fn root(&self) -> H::Digest {
        let (mut start, mut room, mut count) = (0, self.capacity, self.leaves());
        while count > 1 {
            (start, room, count) = (start + room, room.div_ceil(ARITY), count.div_ceil(ARITY));
        }
        root::<H>(self.size_bytes, (count > 0).then(|| &self.memory[start]))
    }

    /// The digests of the blocks, each the plain hash of the block's bytes.
    #[must_use]
    pub fn blocks(&self) -> &[H::Digest] {
        &self.memory[..self.leaves()]
    }

    /// The file's length.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn leaves(&self) -> usize {
        self.size_bytes.div_ceil(BLOCK_BYTES) as usize
    }

    /// The leaves of a file of `size_bytes`, if there is room for them.
    fn leaves_of(&self, size_bytes: u64) -> Result<usize, BlocksError> {
        let leaves = size_bytes.div_ceil(BLOCK_BYTES);
        if leaves > self.capacity as u64 {
            return Err(BlocksError::Full {
                digests: self.memory.len(),
                needed: digests_for(size_bytes),
            });
        }
        Ok(leaves as usize)
    }

    /// The blocks that an update brings, if they are whole and none is missing.
    fn check(
        &self,
        size_bytes: u64,
        offset: u64,
        length: usize,
    ) -> Result<Range<usize>, BlocksError> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= size_bytes);
        let Some(end) = end.filter(|end| end.is_multiple_of(BLOCK_BYTES) || *end == size_bytes)
        else {
            return Err(BlocksError::Unaligned { offset });
        };
        if !offset.is_multiple_of(BLOCK_BYTES) && length > 0 {
            return Err(BlocksError::Unaligned { offset });
        }
        let given = (offset / BLOCK_BYTES) as usize..end.div_ceil(BLOCK_BYTES) as usize;
        // From the first block that has another length than before, or none before, to the last.
        let shorter = self.size_bytes.min(size_bytes);
        let first = (shorter / BLOCK_BYTES) as usize;
        let last = size_bytes.div_ceil(BLOCK_BYTES) as usize;
        let needed = if self.size_bytes == size_bytes { first..first } else { first..last };
        if !needed.is_empty() && (given.start > needed.start || given.end < needed.end) {
            return Err(BlocksError::Missing { block: needed.start });
        }
        Ok(given)
    }

    /// Hashes the nodes above the leaves `dirty`, level by level.
    fn hash_ancestors(&mut self, mut dirty: Range<usize>) {
        let (mut start, mut room, mut count) = (0, self.capacity, self.leaves());
        let mut level = 0;
        while count > 1 && !dirty.is_empty() {
            level += 1;
            let (children, parents) = self.memory[start..].split_at_mut(room);
            let children = &children[..count];
            dirty = dirty.start / ARITY..dirty.end.div_ceil(ARITY);
            for parent in dirty.clone() {
                let end = children.len().min((parent + 1) * ARITY);
                parents[parent] = node::<H>(level, &children[parent * ARITY..end]);
            }
            (start, room, count) = (start + room, room.div_ceil(ARITY), count.div_ceil(ARITY));
        }
    }
}

impl<H: Hash> fmt::Debug for Blocks<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks")
            .field("size_bytes", &self.size_bytes)
            .field("root", &self.root())
            .finish_non_exhaustive()
    }
}

/// The most leaves for whose tree `digests` suffice.
fn capacity(digests: usize) -> usize {
    let (mut fits, mut too_many) = (0, digests.saturating_add(1));
    while too_many - fits > 1 {
        let leaves = fits + (too_many - fits) / 2;
        let needed = if leaves > usize::MAX / 2 { usize::MAX } else { tree_digests(leaves) };
        if needed <= digests {
            fits = leaves;
        } else {
            too_many = leaves;
        }
    }
    fits
}

/// A node `level` levels above the leaves.
fn node<H: Hash>(level: u8, children: &[H::Digest]) -> H::Digest {
    let mut message = [0; 2 + ARITY * DIGEST_BYTES_MAX];
    message[0] = NODE;
    message[1] = level;
    let mut end = 2;
    for child in children {
        message[end..end + H::Digest::SIZE_BYTES].copy_from_slice(child.as_ref());
        end += H::Digest::SIZE_BYTES;
    }
    H::hash(&message[..end])
}

/// The digest of a file, from the top of its tree, which an empty one has not.
fn root<H: Hash>(size_bytes: u64, top: Option<&H::Digest>) -> H::Digest {
    let mut message = [0; 1 + 8 + DIGEST_BYTES_MAX];
    message[0] = ROOT;
    message[1..9].copy_from_slice(&size_bytes.to_le_bytes());
    let top = top.map_or(&[][..], AsRef::as_ref);
    let end = 9 + top.len();
    message[9..end].copy_from_slice(top);
    H::hash(&message[..end])
}

/// Why [`Blocks`] does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlocksError {
    /// The memory is too short for the file.
    Full {
        /// The digests that there is memory for.
        digests: usize,
        /// The digests that the file needs.
        needed: usize,
    },
    /// The bytes given are not whole blocks of the file.
    Unaligned {
        /// Where they begin.
        offset: u64,
    },
    /// The bytes given do not include a block that is new or has another length than before.
    Missing {
        /// The first such block.
        block: usize,
    },
}

impl fmt::Display for BlocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { digests, needed } => {
                write!(f, "there is memory for {digests} digests; the file needs {needed}")
            }
            Self::Unaligned { offset } => write!(
                f,
                "the bytes from {offset} on are not whole blocks of {BLOCK_BYTES} bytes; begin and \
                 end them at a multiple of it, or end them with the file"
            ),
            Self::Missing { block } => write!(
                f,
                "the file's length has changed, so all of it from block {block} on is needed"
            ),
        }
    }
}

impl core::error::Error for BlocksError {}
