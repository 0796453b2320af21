//! What an array refuses.

use core::fmt;

use crate::log::LeafIndex;

/// Why an [`Array`](super::Array) does not follow; it is as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrayError {
    /// There is no room for so many leaves.
    Full {
        /// The leaves that there is room for.
        capacity: usize,
        /// The leaves that there would be.
        needed: usize,
    },
    /// There is no such position.
    Beyond {
        /// The position.
        index: LeafIndex,
        /// How many there are.
        len: usize,
    },
    /// The memory is too short for the proof.
    Short {
        /// The digests of the proof.
        needed: usize,
        /// The digests that there is memory for.
        given: usize,
    },
}

impl fmt::Display for ArrayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { capacity, needed } => write!(
                f,
                "the array has room for {capacity} leaves, and {needed} are to be in it; make one \
                 in longer slices"
            ),
            Self::Beyond { index, len } => {
                write!(f, "there is no position {} in an array of {len}", index.0)
            }
            Self::Short { needed, given } => {
                write!(f, "the proof has {needed} digests, and there is memory for {given}")
            }
        }
    }
}

impl core::error::Error for ArrayError {}
