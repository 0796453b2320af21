//! A Merkle tree over fixed positions, in the caller's memory: what changes is marked, and an
//! update hashes only what is above the marks.
//!
//! # Definition
//! The root over `n` leaves is that of a [`log`](crate::log) of the same leaves: RFC 9162, section
//! 2.1.1, with leaves and nodes told apart by the first byte hashed. A position's
//! [proof](Array::proof) is therefore verified as a log's
//! [inclusion proof](crate::log::InclusionProof) is. Every node is stored, so an array takes twice
//! the memory of its leaves, and nothing is hashed to read or to prove.
//!
//! # Resizing
//! Positions are numbered from 0 and never move. [`Array::resize`] adds positions at the end, which
//! hold the digest of the empty leaf, or drops the last ones; [`Array::extend`] adds leaves. Both
//! mark the right edge alone: a change of the length costs the leaves that came and O(log n) nodes.
//! The memory fixes the capacity. For more, provide longer slices, make an array there and
//! [`extend`](Array::extend) it with the [leaves](Array::leaves) of this one; the levels above lie
//! elsewhere then and are hashed anew.
//!
//! ```
//! use treenail_hash::Sha256;
//! use treenail_merkle::array::{Array, diff, digests_for, dirty_words_for};
//! use treenail_merkle::leaf_digest;
//! use treenail_merkle::log::{InclusionProof, LeafIndex, TreeSize};
//!
//! let mut digests = vec![[0; 32]; digests_for(1000)];
//! let mut dirty = vec![0; dirty_words_for(1000)];
//! let mut array = Array::<Sha256>::new(&mut digests, &mut dirty);
//! array.resize(1000)?;
//! array.set(LeafIndex(7), leaf_digest::<Sha256>(b"seven"))?;
//! let before = array.root();
//!
//! array.set(LeafIndex(7), leaf_digest::<Sha256>(b"VII"))?;
//! assert_eq!(array.update(), 10, "one node for each level");
//! assert_ne!(array.root(), before);
//!
//! let (index, size) = (LeafIndex(7), TreeSize(1000));
//! let mut path = [[0; 32]; 64];
//! let root = array.root();
//! let proof = InclusionProof { index, size, path: array.proof(index, &mut path)? };
//! proof.verify::<Sha256>(&leaf_digest::<Sha256>(b"VII"), &root)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod diff;
mod dirty;
mod error;
mod levels;
mod tree;

pub use self::diff::{Touched, diff};
pub use self::error::ArrayError;
pub use self::levels::digests_for;
pub use self::tree::Array;

/// How many words of dirty bits an array of `leaves` leaves needs memory for.
#[must_use]
pub const fn dirty_words_for(leaves: usize) -> usize {
    dirty::words_for(leaves)
}
