//! The root of a file that is read once from beginning to end, without memory for its blocks.

use core::fmt;

use super::{ARITY, BATCH, BLOCK_BYTES, node, root};
use crate::Hash;

const BLOCK: usize = BLOCK_BYTES as usize;

/// Levels of the largest tree: 2^52 blocks make the longest file, and 16^13 is as many.
const LEVELS: usize = 14;

/// Computes the root of [`Blocks`](super::Blocks) of bytes that come in pieces of any length. It
/// takes a few KiB, whatever the length.
///
/// ```
/// use treenail_hash::Xxh128;
/// use treenail_hash::blocks::{Blocks, RootStream, digests_for};
///
/// let file = vec![7; 100_000];
/// let mut stream = RootStream::<Xxh128>::new();
/// file.chunks(999).for_each(|piece| stream.update(piece));
/// let mut memory = vec![[0; 16]; digests_for(100_000)];
/// assert_eq!(stream.finish(), Blocks::<Xxh128>::build(&mut memory, &file)?.root());
/// # Ok::<(), treenail_hash::blocks::BlocksError>(())
/// ```
#[derive(Clone)]
pub struct RootStream<H: Hash> {
    /// Of each level, the digests that no node was made of yet.
    levels: [[H::Digest; ARITY]; LEVELS],
    counts: [usize; LEVELS],
    /// The beginning of a block.
    partial: [u8; BLOCK],
    partial_bytes: usize,
    size_bytes: u64,
}

impl<H: Hash> RootStream<H> {
    /// An empty file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            levels: [[H::Digest::default(); ARITY]; LEVELS],
            counts: [0; LEVELS],
            partial: [0; BLOCK],
            partial_bytes: 0,
            size_bytes: 0,
        }
    }

    /// Adds the file's next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.size_bytes += bytes.len() as u64;
        if self.partial_bytes > 0 {
            let (first, rest) = bytes.split_at(bytes.len().min(BLOCK - self.partial_bytes));
            self.keep(first);
            bytes = rest;
            if self.partial_bytes < BLOCK {
                return;
            }
            self.push(H::hash(&self.partial));
            self.partial_bytes = 0;
        }
        let (whole, rest) = bytes.as_chunks::<BLOCK>();
        for batch in whole.chunks(BATCH) {
            let mut blocks: [&[u8]; BATCH] = [&[]; BATCH];
            let mut digests = [H::Digest::default(); BATCH];
            blocks.iter_mut().zip(batch).for_each(|(block, bytes)| *block = bytes);
            let count = batch.len();
            H::hash_many(&blocks[..count], &mut digests[..count]);
            digests[..count].iter().for_each(|digest| self.push(*digest));
        }
        self.keep(rest);
    }

    /// How many bytes were added.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of the whole file.
    #[must_use]
    pub fn finish(mut self) -> H::Digest {
        if self.partial_bytes > 0 {
            self.push(H::hash(&self.partial[..self.partial_bytes]));
        }
        let mut below = None;
        for level in 0..LEVELS {
            if let Some(digest) = below.take() {
                self.levels[level][self.counts[level]] = digest;
                self.counts[level] += 1;
            }
            let digests = &self.levels[level][..self.counts[level]];
            let is_top = self.counts[level + 1..].iter().all(|count| *count == 0);
            match digests {
                [] if is_top => break,
                [] => {}
                [top] if is_top => return root::<H>(self.size_bytes, Some(top)),
                _ => below = Some(node::<H>(level as u8 + 1, digests)),
            }
        }
        root::<H>(self.size_bytes, None)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let end = self.partial_bytes + bytes.len();
        self.partial[self.partial_bytes..end].copy_from_slice(bytes);
        self.partial_bytes = end;
    }

    /// Adds a block's digest, and a node wherever it is the last child of one.
    fn push(&mut self, mut digest: H::Digest) {
        for level in 0..LEVELS {
            self.levels[level][self.counts[level]] = digest;
            self.counts[level] += 1;
            if self.counts[level] < ARITY {
                return;
            }
            digest = node::<H>(level as u8 + 1, &self.levels[level]);
            self.counts[level] = 0;
        }
    }
}

impl<H: Hash> Default for RootStream<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Hash> fmt::Debug for RootStream<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootStream").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}
