//! What trees and snapshots have in common: directories of sorted entries, read only.

use treenail_os::{Kind, Stat};

use crate::ids::IdKind;

/// One name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a, D> {
    /// The name's bytes, as the system gave them.
    pub name: &'a [u8],
    /// What the system said of the entry; a directory's link count is not kept and reads 1.
    pub stat: Stat,
    /// A file's content id, a symlink's id, a directory's digest. `None` where none was asked for,
    /// the content could not be read, or the kind has no content.
    pub id: Option<&'a [u8]>,
    /// The directory below this entry.
    pub child: Option<D>,
}

impl<D> Entry<'_, D> {
    /// The entry's kind as digests and comparisons see it.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::of(&self.stat)
    }
}

/// The kinds that a digest tells apart; the value is the byte that it holds for them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Class {
    /// A regular file.
    File = b'f',
    /// A regular file that its owner may execute.
    Executable = b'x',
    /// A directory.
    Directory = b'd',
    /// A symbolic link.
    Symlink = b'l',
    /// A named pipe.
    Fifo = b'p',
    /// A socket.
    Socket = b's',
    /// A character device.
    CharDevice = b'c',
    /// A block device.
    BlockDevice = b'b',
    /// Something of a kind that this system has no name for.
    Other = b'?',
}

impl Class {
    /// The class of an entry with this stat.
    #[must_use]
    pub fn of(stat: &Stat) -> Self {
        match stat.kind {
            Kind::File if stat.mode & 0o100 != 0 => Self::Executable,
            Kind::File => Self::File,
            Kind::Directory => Self::Directory,
            Kind::Symlink => Self::Symlink,
            Kind::Fifo => Self::Fifo,
            Kind::Socket => Self::Socket,
            Kind::CharDevice => Self::CharDevice,
            Kind::BlockDevice => Self::BlockDevice,
            Kind::Unknown => Self::Other,
        }
    }

    /// The class whose value is this byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'f' => Self::File,
            b'x' => Self::Executable,
            b'd' => Self::Directory,
            b'l' => Self::Symlink,
            b'p' => Self::Fifo,
            b's' => Self::Socket,
            b'c' => Self::CharDevice,
            b'b' => Self::BlockDevice,
            b'?' => Self::Other,
            _ => return None,
        })
    }

    /// Whether entries of this class have a content id, directories aside.
    #[must_use]
    pub fn has_content(self) -> bool {
        matches!(self, Self::File | Self::Executable | Self::Symlink)
    }

    /// Whether this is a regular file, executable or not.
    #[must_use]
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }
}

/// A tree of directories that can be read and compared: a live [`Tree`](crate::Tree) seen through
/// one of its id columns, or a [`Snapshot`](crate::Snapshot).
pub trait View {
    /// How this view names a directory.
    type Dir: Copy;

    /// The kind of ids that the view shows.
    fn ids(&self) -> Option<IdKind>;

    /// The root directory.
    fn root(&self) -> Self::Dir;

    /// The digest of the whole, unless ids are missing.
    fn root_digest(&self) -> Option<&[u8]>;

    /// The entries of a directory in the order of their names' bytes.
    fn entries(&self, dir: Self::Dir) -> impl Iterator<Item = Entry<'_, Self::Dir>>;

    /// Whether the directory was listed; one that could not be opened has no entries to show.
    fn is_listed(&self, dir: Self::Dir) -> bool;

    /// A time, in nanoseconds since 1970, before which the tree had not been looked at.
    fn taken_ns(&self) -> i64;
}

/// What a tree holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Directories, the root not counted.
    pub dirs: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Pipes, sockets and devices.
    pub others: u64,
    /// The sum of the regular files' sizes, modulo 2^64.
    pub size_bytes: u64,
}

impl Counts {
    /// Counts one entry.
    pub fn add(&mut self, stat: &Stat) {
        match stat.kind {
            Kind::File => {
                self.files += 1;
                self.size_bytes = self.size_bytes.wrapping_add(stat.size_bytes);
            }
            Kind::Directory => self.dirs += 1,
            Kind::Symlink => self.symlinks += 1,
            _ => self.others += 1,
        }
    }

    /// Takes back what [`add`](Self::add) counted.
    pub(crate) fn remove(&mut self, stat: &Stat) {
        match stat.kind {
            Kind::File => {
                self.files -= 1;
                self.size_bytes = self.size_bytes.wrapping_sub(stat.size_bytes);
            }
            Kind::Directory => self.dirs -= 1,
            Kind::Symlink => self.symlinks -= 1,
            _ => self.others -= 1,
        }
    }

    /// All entries together.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.files + self.dirs + self.symlinks + self.others
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.symlinks += other.symlinks;
        self.others += other.others;
        self.size_bytes = self.size_bytes.wrapping_add(other.size_bytes);
    }
}
