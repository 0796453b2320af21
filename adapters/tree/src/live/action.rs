//! What the state machine of a live tree asks to have done, and what feeds call its directories.

use std::io;

use treenail_os::Stat;
use treenail_os::feed::Token;

use crate::pages::DirId;

/// What a live tree wants to know or have done. Each is answered by the method of
/// [`Live`](super::Live) that is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask for the attributes of these entries: [`Live::looked`](super::Live::looked).
    Look {
        /// The directory.
        dir: DirId,
        /// The names in it.
        names: Vec<Box<[u8]>>,
    },
    /// Have the directory's changes reported with this token, then list it and ask for the
    /// attributes of all entries: [`Live::listed`](super::Live::listed).
    List {
        /// The directory.
        dir: DirId,
    },
    /// Compute the id of a file's content: [`Live::hashed`](super::Live::hashed).
    Hash {
        /// The question's number, for the answer.
        ticket: u64,
        /// The directory.
        dir: DirId,
        /// The file in it.
        name: Box<[u8]>,
        /// How long it was when last looked at.
        size_bytes: u64,
        /// The tree waits for the answer before it reports the change; otherwise the answer may
        /// take its time.
        urgent: bool,
    },
    /// Compare these directories, not what is below them, with the tree, or everything if there are
    /// none; nothing else is asked for meanwhile: [`Live::rechecked`](super::Live::rechecked).
    Recheck {
        /// The directories.
        dirs: Vec<DirId>,
    },
    /// Have the changes of a file that has several names reported with this token, whichever name
    /// they are made through: [`Live::link_watched`](super::Live::link_watched).
    WatchLink {
        /// The directory of one of its names.
        dir: DirId,
        /// The name in it.
        name: Box<[u8]>,
        /// What the feed is to call the file.
        token: Token,
    },
    /// The changes reported with this token are not wanted any more. No answer.
    UnwatchLink {
        /// What the feed calls the file.
        token: Token,
    },
    /// The directory is no longer in the tree: its changes need not be reported. No answer.
    Unwatch {
        /// The directory.
        dir: DirId,
    },
}

/// An entry of a directory, and what the system says of it.
pub type Listed = (Box<[u8]>, Stat);

/// Why entries could not be looked at.
#[derive(Debug)]
pub enum NoLook {
    /// Another directory stands at the path, or none.
    Elsewhere,
    /// The system refuses.
    Refused(io::Error),
}

/// What the feed calls a directory of the tree.
#[must_use]
pub fn token(dir: DirId) -> Token {
    Token(u64::from(dir.index) << 32 | u64::from(dir.generation))
}

/// The directory that the feed calls so.
#[must_use]
pub fn dir_of(token: Token) -> DirId {
    DirId { index: (token.0 >> 32) as u32, generation: token.0 as u32 }
}
