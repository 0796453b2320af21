//! Appending in the memory of 64 digests.

use core::fmt;

use treenail_hash::Hash;

use super::shape::{LeafIndex, NodeId, TreeSize, cover};
use crate::hashing::{Batch, empty_digest, node_digest};

/// As many digests as a number of leaves has bits.
const PEAKS_MAX: usize = 64;

/// The leaves that are hashed in one go: a batch of them fits the first cache.
const STRIDE: usize = 256;

/// All that a log needs to append and to know its root: the digests of the perfect subtrees that
/// it consists of, one for each bit that is set in its size.
///
/// ```
/// use treenail_hash::Sha256;
/// use treenail_merkle::log::CompactRange;
/// use treenail_merkle::{leaf_digest, node_digest};
///
/// let [a, b] = [b"a", b"b"].map(|leaf| leaf_digest::<Sha256>(leaf));
/// let mut log = CompactRange::<Sha256>::new();
/// log.push(a)?;
/// log.push(b)?;
/// assert_eq!(log.root(), node_digest::<Sha256>(&a, &b));
///
/// // What has to be kept to go on another day.
/// let (size, digests) = (log.size(), log.digests());
/// assert_eq!(CompactRange::<Sha256>::resume(size, digests)?.root(), log.root());
/// # Ok::<(), treenail_merkle::log::RangeError>(())
/// ```
#[derive(Clone)]
pub struct CompactRange<H: Hash> {
    size: u64,
    /// The largest first.
    peaks: [H::Digest; PEAKS_MAX],
}

impl<H: Hash> CompactRange<H> {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self { size: 0, peaks: [H::Digest::default(); PEAKS_MAX] }
    }

    /// Goes on where another log ended, whose [`size`](Self::size) and [`digests`](Self::digests)
    /// these are. That they belong together is not checked: compare the root with one that is
    /// known.
    ///
    /// # Errors
    /// [`RangeError::Digests`] when a log of that size has another number of digests.
    pub fn resume(size: TreeSize, digests: &[H::Digest]) -> Result<Self, RangeError> {
        let expected = size.0.count_ones() as usize;
        if digests.len() != expected {
            return Err(RangeError::Digests { expected, given: digests.len() });
        }
        let mut range = Self::new();
        range.size = size.0;
        range.peaks[..expected].copy_from_slice(digests);
        Ok(range)
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// The digests of the perfect subtrees that the log consists of, from the left, which is from
    /// the largest on.
    #[must_use]
    pub fn digests(&self) -> &[H::Digest] {
        &self.peaks[..self.peaks_len()]
    }

    /// The log's root.
    #[must_use]
    pub fn root(&self) -> H::Digest {
        let mut peaks = self.digests().iter().rev();
        let Some(last) = peaks.next() else { return empty_digest::<H>() };
        peaks.fold(*last, |right, left| node_digest::<H>(left, &right))
    }

    /// Appends a leaf, given its [digest](crate::leaf_digest), and returns its number.
    ///
    /// # Errors
    /// [`RangeError::Full`] when there are 2<sup>64</sup> - 1 leaves already.
    pub fn push(&mut self, leaf: H::Digest) -> Result<LeafIndex, RangeError> {
        self.push_visiting(leaf, |_, _| ())
    }

    /// Appends a leaf and shows each perfect node that it completes, itself first: who keeps them
    /// can make [proofs](super::inclusion_proof) of them.
    ///
    /// # Errors
    /// [`RangeError::Full`] when there are 2<sup>64</sup> - 1 leaves already.
    pub fn push_visiting(
        &mut self,
        leaf: H::Digest,
        visit: impl FnMut(NodeId, &H::Digest),
    ) -> Result<LeafIndex, RangeError> {
        let index = LeafIndex(self.size);
        self.push_perfect(0, leaf, visit)?;
        Ok(index)
    }

    /// Appends leaves, given their [digests](crate::leaf_digests). Their nodes are hashed side by
    /// side, which is up to twice as fast as one by one.
    ///
    /// # Errors
    /// [`RangeError::Full`] when there would be more than 2<sup>64</sup> - 1 leaves; then nothing
    /// is appended.
    pub fn extend(&mut self, leaves: &[H::Digest]) -> Result<(), RangeError> {
        if self.size.checked_add(leaves.len() as u64).is_none() {
            return Err(RangeError::Full);
        }
        let mut scratch = [H::Digest::default(); STRIDE];
        let mut batch = Batch::new();
        let mut rest = leaves;
        while !rest.is_empty() {
            // The largest perfect subtree that begins here and is at hand.
            let level = rest.len().min(STRIDE).ilog2().min(self.size.trailing_zeros());
            let own;
            (own, rest) = rest.split_at(1 << level);
            let digest = match own {
                [leaf] => *leaf,
                _ => {
                    scratch[..own.len()].copy_from_slice(own);
                    batch.root::<H>(&mut scratch[..own.len()])
                }
            };
            self.push_perfect(level, digest, |_, _| ())?;
        }
        Ok(())
    }

    /// Appends a perfect subtree at a place where one of that level may begin.
    fn push_perfect(
        &mut self,
        level: u32,
        digest: H::Digest,
        mut visit: impl FnMut(NodeId, &H::Digest),
    ) -> Result<(), RangeError> {
        let size = self.size.checked_add(1 << level).ok_or(RangeError::Full)?;
        let mut id = NodeId { level: level as u8, index: self.size >> level };
        let mut digest = digest;
        let mut peaks = self.peaks_len();
        visit(id, &digest);
        while id.index & 1 == 1 {
            peaks -= 1;
            digest = node_digest::<H>(&self.peaks[peaks], &digest);
            id = id.parent();
            visit(id, &digest);
        }
        self.peaks[peaks] = digest;
        self.size = size;
        Ok(())
    }

    fn peaks_len(&self) -> usize {
        self.size.count_ones() as usize
    }
}

impl<H: Hash> Default for CompactRange<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Hash> fmt::Debug for CompactRange<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactRange").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The root of the leaves `start..end`, which [`cover`] takes and of which there is at least one,
/// from the digests of perfect nodes.
pub(super) fn root_of<H: Hash, E>(
    start: u64,
    end: u64,
    mut node: impl FnMut(NodeId) -> Result<H::Digest, E>,
) -> Result<H::Digest, E> {
    let mut nodes = cover(start, end);
    let mut root = match nodes.next() {
        Some(last) => node(last)?,
        None => empty_digest::<H>(),
    };
    for id in nodes {
        root = node_digest::<H>(&node(id)?, &root);
    }
    Ok(root)
}

/// Why a [`CompactRange`] cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The log would have more than 2<sup>64</sup> - 1 leaves.
    Full,
    /// The number of digests is not that of a log of the size.
    Digests {
        /// How many a log of the size has.
        expected: usize,
        /// How many were given.
        given: usize,
    },
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the log is full: 2^64 - 1 leaves is the most it can count"),
            Self::Digests { expected, given } => write!(
                f,
                "a log of that size is resumed from {expected} digests, not {given}; pass those \
                 that were stored with the size"
            ),
        }
    }
}

impl core::error::Error for RangeError {}
