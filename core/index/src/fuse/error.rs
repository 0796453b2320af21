//! What can go wrong.

use core::fmt;

use super::layout::KEYS_MAX;

/// Bytes do not hold a filter of the expected kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FuseError {
    /// The bytes do not begin as a filter does.
    Magic,
    /// The filter has a format that this version of the crate does not know.
    Version {
        /// The format's version.
        found: u32,
    },
    /// The fingerprints have another width.
    Bits {
        /// The width in the filter.
        found: u32,
        /// The width that was expected.
        expected: u32,
    },
    /// The header's fields contradict one another.
    Header,
    /// There are fewer or more bytes than the header says.
    Length {
        /// How many bytes the filter takes.
        expected: u64,
        /// How many there are.
        given: usize,
    },
}

/// A filter was not built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// There are more than [`KEYS_MAX`] keys.
    TooManyKeys,
    /// The scratch is too short: see [`scratch_words_for`](super::scratch_words_for).
    Scratch {
        /// How many words are needed.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// There is no room for the filter: see [`bytes_for`](super::bytes_for).
    Output {
        /// How many bytes are needed.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// A hundred seeds in a row did not work, which does not happen by chance: the keys were chosen
    /// so, by somebody who knew the seed. Take another.
    Seed,
}

impl fmt::Display for FuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("the bytes do not hold a filter"),
            Self::Version { found } => {
                write!(f, "the filter has format version {found}, which this program does not know")
            }
            Self::Bits { found, expected } => {
                write!(
                    f,
                    "the filter's fingerprints have {found} bits, and {expected} were expected"
                )
            }
            Self::Header => f.write_str("the filter's header contradicts itself"),
            Self::Length { expected, given } => {
                write!(f, "the filter has {given} bytes where it should have {expected}")
            }
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyKeys => write!(f, "a filter takes at most {KEYS_MAX} keys: make several"),
            Self::Scratch { needed, given } => {
                write!(f, "the scratch has {given} words, and {needed} are needed")
            }
            Self::Output { needed, given } => {
                write!(f, "there are {given} bytes for the filter, and {needed} are needed")
            }
            Self::Seed => f.write_str("the keys defeat this seed: take another"),
        }
    }
}

impl core::error::Error for FuseError {}
impl core::error::Error for BuildError {}
