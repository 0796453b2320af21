//! Proofs, made from the digests of perfect nodes.

use core::fmt;

use treenail_hash::Hash;

use super::range::root_of;
use super::shape::{LeafIndex, Neighbour, NodeId, TreeSize, Way};

/// Writes the proof that the leaf `index` is in the tree of `size` leaves to the beginning of
/// `path`, and returns that part: the digests of RFC 9162, section 2.1.3.1, in its order.
///
/// `node` yields the digest of a perfect node within the tree, from wherever the log keeps it:
/// [`TileNodes::node`](super::TileNodes::node) finds it in tiles. It is asked at most 127 times. It
/// is not checked that `node` tells the truth; a proof of wrong digests does not
/// [verify](super::InclusionProof::verify).
///
/// # Errors
/// [`ProveError::IndexBeyondSize`], [`ProveError::Short`], or what `node` fails with.
pub fn inclusion_proof<H: Hash, E>(
    index: LeafIndex,
    size: TreeSize,
    node: impl FnMut(NodeId) -> Result<H::Digest, E>,
    path: &mut [H::Digest],
) -> Result<&[H::Digest], ProveError<E>> {
    if index.0 >= size.0 {
        return Err(ProveError::IndexBeyondSize { index, size });
    }
    neighbours::<H, E>(None, Way::new(NodeId::leaf(index), size), size, node, path)
}

/// Writes the proof that the tree of `old` leaves is the beginning of that of `new` leaves to the
/// beginning of `path`, and returns that part: the digests of RFC 9162, section 2.1.4.1, in its
/// order. Where `old` is 0 or equal to `new` there is nothing to prove, and the proof is empty.
///
/// `node` is as for [`inclusion_proof`].
///
/// # Errors
/// [`ProveError::SizesOutOfOrder`], [`ProveError::Short`], or what `node` fails with.
pub fn consistency_proof<H: Hash, E>(
    old: TreeSize,
    new: TreeSize,
    node: impl FnMut(NodeId) -> Result<H::Digest, E>,
    path: &mut [H::Digest],
) -> Result<&[H::Digest], ProveError<E>> {
    if old > new {
        return Err(ProveError::SizesOutOfOrder { old, new });
    }
    if old.0 == 0 || old == new {
        return Ok(&path[..0]);
    }
    // The last perfect subtree of the old tree is where both trees' ways to their roots begin.
    let level = old.0.trailing_zeros();
    let last = NodeId { level: level as u8, index: (old.0 - 1) >> level };
    // If it is the whole old tree, the verifier knows its digest already.
    let first = (last.index > 0).then_some(last);
    neighbours::<H, E>(first, Way::new(last, new), new, node, path)
}

fn neighbours<H: Hash, E>(
    first: Option<NodeId>,
    way: Way,
    size: TreeSize,
    mut node: impl FnMut(NodeId) -> Result<H::Digest, E>,
    path: &mut [H::Digest],
) -> Result<&[H::Digest], ProveError<E>> {
    let needed = usize::from(first.is_some()) + way.neighbours_len();
    let given = path.len();
    let path = path.get_mut(..needed).ok_or(ProveError::Short { needed, given })?;
    let mut rooms = path.iter_mut();
    if let Some(id) = first {
        *rooms.next().expect("one more was counted") = node(id).map_err(ProveError::Node)?;
    }
    for (room, neighbour) in rooms.zip(way.neighbours()) {
        *room = match neighbour {
            Neighbour::Left(id) | Neighbour::Right(id) => node(id),
            Neighbour::RightEdge { start } => root_of::<H, E>(start, size.0, &mut node),
        }
        .map_err(ProveError::Node)?;
    }
    Ok(path)
}

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// The tree has no such leaf.
    IndexBeyondSize {
        /// The leaf that was asked for.
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
    /// The memory is too short for the proof.
    Short {
        /// The digests of the proof.
        needed: usize,
        /// The digests that there is memory for.
        given: usize,
    },
    /// A node could not be had.
    Node(E),
}

impl<E: fmt::Display> fmt::Display for ProveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexBeyondSize { index, size } => {
                write!(f, "there is no leaf {} in a tree of {} leaves", index.0, size.0)
            }
            Self::SizesOutOfOrder { old, new } => {
                write!(f, "a tree of {} leaves does not begin with {} leaves", new.0, old.0)
            }
            Self::Short { needed, given } => write!(
                f,
                "the proof has {needed} digests, and there is memory for {given}; \
                 PROOF_DIGESTS_MAX suffice for any"
            ),
            Self::Node(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ProveError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Node(error) => error.source(),
            _ => None,
        }
    }
}
