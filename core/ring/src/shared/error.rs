//! What can be wrong with shared memory.

use core::fmt;

/// Why a side cannot attach to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The memory is too small for a ring.
    TooSmall {
        /// How large it is.
        bytes: usize,
    },
    /// The memory does not begin as a ring does.
    NotARing,
    /// The ring is of another layout.
    Version {
        /// The layout's number.
        found: u32,
    },
    /// The ring is being made or renewed; try again.
    NotReady,
    /// The capacity or a position in the header cannot be.
    Damaged,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { bytes } => {
                write!(f, "{bytes} bytes are too small for a shared ring; take `words_for` words")
            }
            Self::NotARing => f.write_str("the memory holds no ring; create one"),
            Self::Version { found } => {
                write!(f, "the ring has layout {found}; use the same release in both processes")
            }
            Self::NotReady => f.write_str("the ring is not ready yet; try again"),
            Self::Damaged => f.write_str("the ring's header is damaged; create the ring anew"),
        }
    }
}

impl core::error::Error for AttachError {}

/// Why a frame cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no room now; there will be when the consumer has read enough.
    Full,
    /// There is never room.
    TooLong {
        /// The longest frame that this ring takes.
        bytes_max: usize,
    },
    /// The frame is longer than the memory to copy it to; it stays in the ring.
    Short {
        /// The frame's length.
        bytes_needed: usize,
    },
    /// The ring was renewed without this side, which has to attach again.
    Stale,
    /// The peer wrote what cannot be. The ring is not used any more until it is renewed.
    Poisoned(Poison),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full; try again when the consumer has read"),
            Self::TooLong { bytes_max } => {
                write!(f, "frames in this ring have at most {bytes_max} bytes; split it up")
            }
            Self::Short { bytes_needed } => {
                write!(f, "the frame has {bytes_needed} bytes; give it as much memory")
            }
            Self::Stale => f.write_str("the ring was renewed by its other side; attach again"),
            Self::Poisoned(poison) => {
                write!(f, "the peer damaged the ring ({poison}); part from it, then renew the ring")
            }
        }
    }
}

impl core::error::Error for Error {}

/// What the peer wrote that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Poison {
    /// A position that is no multiple of 8.
    Misaligned,
    /// A position behind the one before it, or further on than the ring's memory allows.
    Distance,
    /// A header that was not written for its place.
    Check,
    /// A frame that ends behind the memory's end or the producer's position.
    Length,
    /// A skip at the start of the memory or beyond the producer's position.
    Skip,
}

impl fmt::Display for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Misaligned => "misaligned position",
            Self::Distance => "impossible position",
            Self::Check => "header of another place",
            Self::Length => "impossible frame length",
            Self::Skip => "impossible skip",
        })
    }
}
