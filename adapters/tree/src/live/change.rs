//! What a live tree reports.

use std::fmt;
use std::ops::Range;

use treenail_os::Stat;

use super::history::Net;
use crate::view::Class;

/// What changed at one tick, or what went by unseen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// The tick at which the tree became what it is with these changes.
    pub tick: u64,
    /// In an order in which they lead from the tree before to the tree after.
    pub changes: Vec<Change>,
    /// Events were lost before this batch; its changes make up for them as far as the tree now
    /// shows, but what came and went in between is unknown.
    pub gaps: Vec<Gap>,
}

/// Events were lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Everything below this path is concerned; empty for the whole tree.
    pub path: Box<[u8]>,
    /// Why.
    pub reason: String,
}

/// One entry that changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What happened.
    pub kind: EventKind,
    /// What the entry is, or was if it is gone.
    pub class: Class,
    /// Where it is, relative to the root, names with `/` between them.
    pub path: Box<[u8]>,
    /// Where a renamed entry was. Everything below a renamed directory went with it.
    pub from: Option<Box<[u8]>>,
    /// Something was there before that is gone: what a rename put its entry in the place of. All
    /// that was below is reported as gone before, but for the directories on the way to where the
    /// entry itself was, if that was below.
    pub replaced: bool,
    /// What the system says of it now; nothing if it is gone.
    pub stat: Option<Stat>,
    /// The id of its content, where it is known.
    pub id: Option<Id>,
    /// The tree follows, but nobody needs to act: times or link counts changed and the content is
    /// known to be what it was, or an id has become known.
    pub quiet: bool,
    /// Somebody still has the file open and may write more.
    pub open_for_write: bool,
    /// The bytes that differ from the content before, where that is known; empty otherwise.
    pub ranges: Vec<Range<u64>>,
}

impl Change {
    /// A change of which no more is known: nothing about a stat, an id or an earlier path.
    #[must_use]
    pub fn new(kind: EventKind, class: Class, path: Box<[u8]>) -> Self {
        Self {
            kind,
            class,
            path,
            from: None,
            replaced: false,
            stat: None,
            id: None,
            quiet: false,
            open_for_write: false,
            ranges: Vec::new(),
        }
    }
}

impl From<Net> for Change {
    fn from(Net { kind, class, path, from, quiet }: Net) -> Self {
        Self { from, quiet, ..Self::new(kind, class, path) }
    }
}

/// What happened to an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// It came to be there.
    Create = 1,
    /// Its content, mode or owner is another.
    Modify = 2,
    /// It is gone. Of a directory all that was below is reported first.
    Delete = 3,
    /// It has another place; what was there before is gone.
    Rename = 4,
}

impl EventKind {
    /// The name that JSON uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Delete => "delete",
            Self::Rename => "rename",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A content id of any kind, kept in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

impl Id {
    /// The longest id.
    pub const BYTES_MAX: usize = 32;

    /// An id of these bytes; nothing if there are none, or more than
    /// [`BYTES_MAX`](Self::BYTES_MAX).
    #[must_use]
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        (!id.is_empty()).then_some(Self { bytes, len: id.len() as u8 })
    }

    /// The id's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
