//! What a feed reports.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What the caller calls a directory that it has watched. A number is used once: an event that was
/// under way when the directory was given up must not be taken for one of another directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// One thing that happened. Systems merge events and lose their order: an event says where to look,
/// and what is there now is for the caller to find out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// Something happened to an entry of a watched directory.
    Entry {
        /// The directory.
        dir: Token,
        /// The entry's name.
        name: &'a [u8],
        /// What happened, all of it at least.
        what: What,
    },
    /// An entry got another place; what was there before is gone.
    Renamed {
        /// Where it was.
        from: (Token, &'a [u8]),
        /// Where it is.
        to: (Token, &'a [u8]),
        /// Whether the system says that it is a directory.
        is_dir: bool,
    },
    /// Something happened to a watched directory itself: it was removed, moved, or its attributes
    /// changed. Its parent's events say so too of a removal or a move, unless it is the root or a
    /// mount point; of attributes they need not.
    Directory {
        /// The directory.
        dir: Token,
        /// What happened.
        what: What,
    },
    /// An entry that was watched by itself was written or changed: a file with other names, or a
    /// directory that is not entered.
    Link {
        /// What the caller calls the entry.
        file: Token,
        /// What happened.
        what: What,
    },
    /// Events were lost: nothing is known any more of these directories, or of any, if there are
    /// none in the list.
    Lost {
        /// The directories whose events may be among the lost ones, and the files watched by
        /// themselves.
        dirs: &'a [Token],
        /// Why.
        reason: Loss,
    },
}

/// Why events were lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Loss {
    /// The system's queue was full.
    Overflow,
    /// The file system was unmounted.
    Unmounted,
    /// A file system was mounted or unmounted at the root or below it, over a directory or off one.
    Mounts,
    /// The system said something that the feed does not understand.
    Malformed,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "the system's event queue was full",
            Self::Unmounted => "the file system was unmounted",
            Self::Mounts => "mounts below the root came or went",
            Self::Malformed => "the system reported something unknown",
        })
    }
}

/// What happened: any number of the constants together.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct What(u16);

impl What {
    /// The entry came to be there: made, linked, or moved in from where nobody watches.
    pub const CREATED: Self = Self(1);
    /// The entry is no longer there: removed, or moved to where nobody watches.
    pub const REMOVED: Self = Self(1 << 1);
    /// Content was written or cut; whoever did it may have more to write.
    pub const MODIFIED: Self = Self(1 << 2);
    /// Somebody who could write has closed the file.
    pub const CLOSED: Self = Self(1 << 3);
    /// Attributes changed: mode, owner, times, number of links.
    pub const ATTRIBUTES: Self = Self(1 << 4);
    /// It was moved: the place that it has now, or had, is in another event, or outside.
    pub const MOVED: Self = Self(1 << 5);
    /// It is, or was, a directory.
    pub const DIRECTORY: Self = Self(1 << 6);
    /// Nobody knows; anything may have happened.
    pub const UNKNOWN: Self = Self(1 << 7);

    /// Whether any of these is in it.
    #[must_use]
    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Both together, for constants.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is left without these.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for What {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for What {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = [
            "created",
            "removed",
            "modified",
            "closed",
            "attributes",
            "moved",
            "directory",
            "unknown",
        ];
        let named = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1);
        f.debug_list().entries(named.map(|(_, name)| name)).finish()
    }
}
