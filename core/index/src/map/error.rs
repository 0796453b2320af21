//! What can go wrong.

use core::fmt;

/// The memory has too few words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooSmall {
    /// How many words are needed.
    pub needed: usize,
    /// How many there are.
    pub given: usize,
}

/// Memory does not hold a map of the expected kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// There are fewer words than the header, or the map that it describes, takes.
    TooSmall(TooSmall),
    /// The map is being made or rebuilt, or the memory is all zero.
    NotReady,
    /// The memory does not begin as a map does.
    Magic,
    /// The map has a layout that this version of the crate does not know.
    Version {
        /// The layout's version.
        found: u32,
    },
    /// The map's keys have another length.
    KeyWords {
        /// How many words the map's keys have.
        found: u32,
        /// How many words the expected keys have.
        expected: u32,
    },
    /// The header's fields contradict one another.
    Header,
}

/// Another writer holds the slot, and has not let go of it within the caller's patience: it is not
/// running, or has died, or the memory is damaged. Try again later; a
/// [rebuild](super::Map::rebuild) frees what dead processes hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

/// A key was not inserted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum InsertError {
    /// There is no slot for a new key within reach of its home.
    Full {
        /// Keys that have a value.
        live: usize,
        /// Slots that a rebuild would free.
        dead: usize,
    },
    /// See [`Busy`].
    Busy,
}

impl From<Busy> for InsertError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, given } = self;
        write!(f, "the memory has {given} words, and {needed} are needed")
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall(error) => error.fmt(f),
            Self::NotReady => f.write_str("the map is not ready: it is being made or rebuilt"),
            Self::Magic => f.write_str("the memory does not hold a map"),
            Self::Version { found } => {
                let known = super::header::VERSION;
                write!(f, "the map has layout version {found}; this program knows {known}")
            }
            Self::KeyWords { found, expected } => {
                write!(f, "the map's keys have {found} words, and {expected} were expected")
            }
            Self::Header => f.write_str("the map's header contradicts itself"),
        }
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another writer holds the slot; try again, or rebuild the map if it has died")
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { live, dead: 0 } => {
                write!(f, "the map is full with {live} keys: copy it into a larger one")
            }
            Self::Full { live, dead } => {
                write!(f, "the map is full with {live} keys, {dead} removed ones: rebuild it")
            }
            Self::Busy => Busy.fmt(f),
        }
    }
}

impl core::error::Error for TooSmall {}
impl core::error::Error for AttachError {}
impl core::error::Error for Busy {}
impl core::error::Error for InsertError {}
