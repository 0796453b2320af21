//! Proofs that came from anyone.

use core::fmt;

use treenail_hash::{Digest, Hash};

use super::shape::{LeafIndex, NodeId, TreeSize, Way};
use crate::hashing::{empty_digest, node_digest};

/// The proof that a leaf is in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InclusionProof<'p, D> {
    /// The leaf's number.
    pub index: LeafIndex,
    /// The tree's size.
    pub size: TreeSize,
    /// The digests, as [`inclusion_proof`](super::inclusion_proof) orders them.
    pub path: &'p [D],
}

/// The proof that a tree is the beginning of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsistencyProof<'p, D> {
    /// The size of the tree that is the beginning.
    pub old: TreeSize,
    /// The size of the other one.
    pub new: TreeSize,
    /// The digests, as [`consistency_proof`](super::consistency_proof) orders them.
    pub path: &'p [D],
}

impl<D: Digest> InclusionProof<'_, D> {
    /// How many digests the proof for this leaf in a tree of this size has.
    ///
    /// # Errors
    /// [`VerifyError::IndexBeyondSize`].
    pub fn path_len(index: LeafIndex, size: TreeSize) -> Result<usize, VerifyError> {
        Ok(way(index, size)?.neighbours_len())
    }

    /// Checks that the tree whose root is `root` has the leaf with the [digest](crate::leaf_digest)
    /// `leaf` at the index that the proof names (RFC 9162, section 2.1.3.2).
    ///
    /// `root` and the proof's `size` must be from whom you trust, `leaf` must be hashed by you, or
    /// else a node could be passed for a leaf; index and path may be from anyone.
    ///
    /// # Errors
    /// Any [`VerifyError`] but those about consistency.
    pub fn verify<H: Hash<Digest = D>>(&self, leaf: &D, root: &D) -> Result<(), VerifyError> {
        if self.root::<H>(leaf)? == *root { Ok(()) } else { Err(VerifyError::RootMismatch) }
    }

    /// The root that the tree has if it has that leaf and the proof is right.
    ///
    /// # Errors
    /// [`VerifyError::IndexBeyondSize`] or [`VerifyError::Length`].
    pub fn root<H: Hash<Digest = D>>(&self, leaf: &D) -> Result<D, VerifyError> {
        let way = way(self.index, self.size)?;
        let (inner, edge) = parts(self.path, &way, 0)?;
        Ok(join_edge::<H>(join::<H>(*leaf, inner, &way), edge))
    }
}

impl<D: Digest> ConsistencyProof<'_, D> {
    /// How many digests the proof for trees of these sizes has.
    ///
    /// # Errors
    /// [`VerifyError::SizesOutOfOrder`].
    pub fn path_len(old: TreeSize, new: TreeSize) -> Result<usize, VerifyError> {
        Ok(match start(old, new)? {
            None => 0,
            Some((last, way)) => usize::from(last.index > 0) + way.neighbours_len(),
        })
    }

    /// Checks that the tree whose root is `old_root` is the beginning of the one whose root is
    /// `new_root` (RFC 9162, section 2.1.4.2).
    ///
    /// Equal sizes ask for equal roots and an empty proof; the tree without leaves is the beginning
    /// of every tree, which takes an empty proof and its one root. Of these the RFC says nothing.
    ///
    /// # Errors
    /// [`VerifyError::SizesOutOfOrder`], [`VerifyError::Length`],
    /// [`VerifyError::OldRootMismatch`] or [`VerifyError::RootMismatch`].
    pub fn verify<H: Hash<Digest = D>>(
        &self,
        old_root: &D,
        new_root: &D,
    ) -> Result<(), VerifyError> {
        let Some((last, way)) = start(self.old, self.new)? else {
            return self.verify_trivial::<H>(old_root, new_root);
        };
        let seeded = usize::from(last.index > 0);
        let (inner, edge) = parts(self.path, &way, seeded)?;
        let seed = if seeded == 1 { self.path[0] } else { *old_root };

        // What the ways to both roots have in common is on the left.
        let lefts = inner.iter().enumerate().filter(|(at, _)| way.is_left(*at));
        let old = lefts.fold(seed, |right, (_, left)| node_digest::<H>(left, &right));
        if join_edge::<H>(old, edge) != *old_root {
            return Err(VerifyError::OldRootMismatch);
        }
        let new = join_edge::<H>(join::<H>(seed, inner, &way), edge);
        if new == *new_root { Ok(()) } else { Err(VerifyError::RootMismatch) }
    }

    fn verify_trivial<H: Hash<Digest = D>>(
        &self,
        old_root: &D,
        new_root: &D,
    ) -> Result<(), VerifyError> {
        if !self.path.is_empty() {
            return Err(VerifyError::Length { expected: 0, given: self.path.len() });
        }
        let empty = empty_digest::<H>();
        if self.old.0 == 0 && *old_root != empty {
            return Err(VerifyError::OldRootMismatch);
        }
        if self.old == self.new && old_root != new_root {
            return Err(VerifyError::RootMismatch);
        }
        Ok(())
    }
}

fn way(index: LeafIndex, size: TreeSize) -> Result<Way, VerifyError> {
    if index.0 >= size.0 {
        return Err(VerifyError::IndexBeyondSize { index, size });
    }
    Ok(Way::new(NodeId::leaf(index), size))
}

/// The last perfect subtree of the old tree, and its way to the new tree's root; nothing where
/// there is nothing to prove.
fn start(old: TreeSize, new: TreeSize) -> Result<Option<(NodeId, Way)>, VerifyError> {
    if old > new {
        return Err(VerifyError::SizesOutOfOrder { old, new });
    }
    if old.0 == 0 || old == new {
        return Ok(None);
    }
    let level = old.0.trailing_zeros();
    let last = NodeId { level: level as u8, index: (old.0 - 1) >> level };
    Ok(Some((last, Way::new(last, new))))
}

/// The inner part of a path and that along the edge, after `skip` digests.
fn parts<'p, D>(path: &'p [D], way: &Way, skip: usize) -> Result<(&'p [D], &'p [D]), VerifyError> {
    let expected = skip + way.neighbours_len();
    if path.len() != expected {
        return Err(VerifyError::Length { expected, given: path.len() });
    }
    Ok(path[skip..].split_at(way.inner()))
}

fn join<H: Hash>(seed: H::Digest, inner: &[H::Digest], way: &Way) -> H::Digest {
    inner.iter().enumerate().fold(seed, |own, (at, neighbour)| match way.is_left(at) {
        true => node_digest::<H>(neighbour, &own),
        false => node_digest::<H>(&own, neighbour),
    })
}

fn join_edge<H: Hash>(seed: H::Digest, edge: &[H::Digest]) -> H::Digest {
    edge.iter().fold(seed, |own, left| node_digest::<H>(left, &own))
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// A tree of that size has no such leaf.
    IndexBeyondSize {
        /// The leaf that the proof is about.
        index: LeafIndex,
        /// The tree's size.
        size: TreeSize,
    },
    /// The older tree is the larger one.
    SizesOutOfOrder {
        /// The older tree's size.
        old: TreeSize,
        /// The newer tree's size.
        new: TreeSize,
    },
    /// The proof has more or fewer digests than one for those numbers.
    Length {
        /// How many it should have.
        expected: usize,
        /// How many it has.
        given: usize,
    },
    /// The proof leads to another root of the tree, or of the newer one.
    RootMismatch,
    /// The proof leads to another root of the older tree.
    OldRootMismatch,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexBeyondSize { index, size } => {
                write!(f, "there is no leaf {} in a tree of {} leaves", index.0, size.0)
            }
            Self::SizesOutOfOrder { old, new } => {
                write!(f, "a tree of {} leaves does not begin with {} leaves", new.0, old.0)
            }
            Self::Length { expected, given } => {
                write!(f, "the proof has {given} digests where {expected} are due")
            }
            Self::RootMismatch => f.write_str("the proof does not lead to the tree's root"),
            Self::OldRootMismatch => {
                f.write_str("the proof does not lead to the older tree's root")
            }
        }
    }
}

impl core::error::Error for VerifyError {}
