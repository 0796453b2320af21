//! What is asked of one entry besides its name.

use std::ops::{BitAnd, BitOr, BitOrAssign, RangeInclusive};
use std::time::{SystemTime, UNIX_EPOCH};

use treenail_os::{Kind, Stat};

/// A set of kinds of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Types(u8);

impl Types {
    /// No kind at all.
    pub const NONE: Self = Self(0);
    /// Every kind, those that the system does not name too.
    pub const ALL: Self = Self(u8::MAX);
    /// Regular files.
    pub const FILE: Self = Self::of(Kind::File);
    /// Directories.
    pub const DIRECTORY: Self = Self::of(Kind::Directory);
    /// Symbolic links; when links are followed, those that lead nowhere.
    pub const SYMLINK: Self = Self::of(Kind::Symlink);
    /// Named pipes.
    pub const FIFO: Self = Self::of(Kind::Fifo);
    /// Local sockets.
    pub const SOCKET: Self = Self::of(Kind::Socket);
    /// Character devices.
    pub const CHAR_DEVICE: Self = Self::of(Kind::CharDevice);
    /// Block devices.
    pub const BLOCK_DEVICE: Self = Self::of(Kind::BlockDevice);

    const fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOrAssign for Types {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// An owner that is asked for or ruled out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// This number.
    Is(u32),
    /// Any number but this.
    IsNot(u32),
}

impl Owner {
    fn accepts(self, id: u32) -> bool {
        match self {
            Self::Is(wanted) => id == wanted,
            Self::IsNot(unwanted) => id != unwanted,
        }
    }
}

/// What is asked of one entry besides its name and path. The default asks nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Filter {
    /// Kinds of entries.
    pub types: Types,
    /// What the name must end in behind a dot, whatever the case of ASCII letters, and without the
    /// dot: `rs`, `tar.gz`. Any of them; none asks nothing.
    pub extensions: Vec<Vec<u8>>,
    /// The sizes of regular files, in bytes; all must hold. Asked of size, nothing but regular
    /// files is found.
    pub sizes: Vec<RangeInclusive<u64>>,
    /// The last change of the content is later than this, in nanoseconds since 1970.
    pub modified_after_ns: Option<i64>,
    /// The last change of the content is earlier than this, in nanoseconds since 1970.
    pub modified_before_ns: Option<i64>,
    /// Files of no bytes and directories without entries alone.
    pub empty: bool,
    /// What this process may execute alone.
    pub executable: bool,
    /// The owner.
    pub user: Option<Owner>,
    /// The owning group.
    pub group: Option<Owner>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            types: Types::ALL,
            extensions: Vec::new(),
            sizes: Vec::new(),
            modified_after_ns: None,
            modified_before_ns: None,
            empty: false,
            executable: false,
            user: None,
            group: None,
        }
    }
}

impl Filter {
    /// Whether some answer takes more than the listing of the directory.
    #[must_use]
    pub fn needs_stat(&self) -> bool {
        !self.sizes.is_empty()
            || self.modified_after_ns.is_some()
            || self.modified_before_ns.is_some()
            || self.user.is_some()
            || self.group.is_some()
    }

    /// What the listing alone decides.
    #[must_use]
    pub fn accepts_name(&self, name: &[u8], kind: Kind) -> bool {
        self.types.contains(kind)
            && (self.extensions.is_empty() || self.extensions.iter().any(|e| ends_in(name, e)))
    }

    /// What the attributes decide.
    #[must_use]
    pub fn accepts_stat(&self, stat: &Stat) -> bool {
        let sized = self.sizes.is_empty()
            || (stat.kind == Kind::File && self.sizes.iter().all(|r| r.contains(&stat.size_bytes)));
        sized
            && self.modified_after_ns.is_none_or(|limit| stat.mtime_ns > limit)
            && self.modified_before_ns.is_none_or(|limit| stat.mtime_ns < limit)
            && self.user.is_none_or(|owner| owner.accepts(stat.uid))
            && self.group.is_none_or(|owner| owner.accepts(stat.gid))
    }
}

/// A time as nanoseconds since 1970, saturating.
#[must_use]
pub fn nanoseconds(time: SystemTime) -> i64 {
    let clamp = |nanos: u128| i64::try_from(nanos).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => clamp(after.as_nanos()),
        Err(before) => -clamp(before.duration().as_nanos()),
    }
}

/// Whether the name is something, a dot, and the extension.
fn ends_in(name: &[u8], extension: &[u8]) -> bool {
    let Some(stem) = name.len().checked_sub(extension.len() + 1) else { return false };
    stem > 0 && name[stem] == b'.' && name[stem + 1..].eq_ignore_ascii_case(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_needs_something_before_its_dot() {
        assert!(ends_in(b"a.RS", b"rs"));
        assert!(ends_in(b"a.tar.gz", b"tar.gz"));
        assert!(!ends_in(b".rs", b"rs"));
        assert!(!ends_in(b"rs", b"rs"));
        assert!(!ends_in(b"ars", b"rs"));
    }

    #[test]
    fn types_are_sets() {
        let types = Types::FILE | Types::SOCKET;
        assert!(types.contains(Kind::File) && types.contains(Kind::Socket));
        assert!(!types.contains(Kind::Directory) && !types.contains(Kind::Unknown));
        assert!(Types::ALL.contains(Kind::Unknown));
    }

    #[test]
    fn times_before_1970_are_negative() {
        let before = UNIX_EPOCH - std::time::Duration::from_nanos(5);
        assert_eq!(nanoseconds(before), -5);
        assert_eq!(nanoseconds(UNIX_EPOCH), 0);
    }
}
