//! What the system knows about a file without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// What sort of thing a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, never followed by this crate.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A local socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// The system would not say.
    Unknown,
}

/// Names one file on one machine for as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Number of the device (Windows: 0).
    pub device: u64,
    /// Number of the inode within the device (Windows: 0).
    pub inode: u64,
}

/// What the system knows about a file, its symbolic links not followed.
///
/// Two equal values taken around a reading say that the file was not written in between, as far as
/// the clock of the file system can tell: one write can begin before the first and end after it
/// with no trace in either. Who keeps what was read distrusts a `ctime_ns`
/// younger than that clock's tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What sort of thing it is.
    pub kind: Kind,
    /// Permission bits and the three special bits (Windows: 0o666, or 0o444 if read-only).
    pub mode: u32,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Last change of the content, in nanoseconds since 1970, saturating.
    pub mtime_ns: i64,
    /// Last change of content or attributes, in nanoseconds since 1970, saturating
    /// (Windows: as `mtime_ns`).
    pub ctime_ns: i64,
    /// Number of the inode (Windows: 0).
    pub inode: u64,
    /// Number of the device (Windows: 0).
    pub device: u64,
    /// How many names the file has (Windows: 1).
    pub nlink: u32,
    /// Owner (Windows: 0).
    pub uid: u32,
    /// Group (Windows: 0).
    pub gid: u32,
}

impl Stat {
    /// The identity of the file.
    pub fn id(&self) -> FileId {
        FileId { device: self.device, inode: self.inode }
    }

    /// Whether nothing speaks against the same bytes: both are of the same regular file, with the
    /// same length and times.
    pub fn same_content(&self, other: &Self) -> bool {
        self.kind == Kind::File
            && other.kind == Kind::File
            && self.id() == other.id()
            && self.size_bytes == other.size_bytes
            && self.mtime_ns == other.mtime_ns
            && self.ctime_ns == other.ctime_ns
    }

    /// Translates what the standard library says.
    pub fn from_metadata(meta: &Metadata) -> Self {
        from_metadata(meta)
    }
}

/// Whether two paths lead to one file, symbolic links followed.
///
/// # Errors
/// Either path cannot be looked up.
pub fn same_file(a: &Path, b: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        let (a, b) = (std::fs::metadata(a)?, std::fs::metadata(b)?);
        Ok(Stat::from_metadata(&a).id() == Stat::from_metadata(&b).id())
    }
    // The file index of Windows is not in the stable library; the canonical path stands for it,
    // which tells hard links apart.
    #[cfg(not(unix))]
    Ok(std::fs::canonicalize(a)? == std::fs::canonicalize(b)?)
}

/// Nanoseconds since 1970 out of the system's two numbers, saturating.
#[cfg(unix)]
pub(crate) fn nanoseconds(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(unix)]
impl Kind {
    /// The kind in the type bits of a mode.
    pub(crate) fn from_mode(mode: u32) -> Self {
        #[allow(clippy::unnecessary_cast, reason = "mode_t is narrower on some systems")]
        match mode & libc::S_IFMT as u32 {
            m if m == libc::S_IFREG as u32 => Self::File,
            m if m == libc::S_IFDIR as u32 => Self::Directory,
            m if m == libc::S_IFLNK as u32 => Self::Symlink,
            m if m == libc::S_IFIFO as u32 => Self::Fifo,
            m if m == libc::S_IFSOCK as u32 => Self::Socket,
            m if m == libc::S_IFCHR as u32 => Self::CharDevice,
            m if m == libc::S_IFBLK as u32 => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }
}

#[cfg(unix)]
fn from_metadata(meta: &Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt;
    Stat {
        kind: Kind::from_mode(meta.mode()),
        mode: meta.mode() & 0o7777,
        size_bytes: meta.size(),
        mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
        ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
        device: meta.dev(),
        nlink: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
        uid: meta.uid(),
        gid: meta.gid(),
    }
}

#[cfg(not(unix))]
fn from_metadata(meta: &Metadata) -> Stat {
    use std::time::UNIX_EPOCH;
    let time = meta.modified().unwrap_or(UNIX_EPOCH);
    let clamp = |d: std::time::Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
    let mtime_ns = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => clamp(after),
        Err(before) => -clamp(before.duration()),
    };
    let file_type = meta.file_type();
    let kind = if file_type.is_symlink() {
        Kind::Symlink
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        Kind::File
    } else {
        Kind::Unknown
    };
    Stat {
        kind,
        mode: if meta.permissions().readonly() { 0o444 } else { 0o666 },
        size_bytes: meta.len(),
        mtime_ns,
        ctime_ns: mtime_ns,
        inode: 0,
        device: 0,
        nlink: 1,
        uid: 0,
        gid: 0,
    }
}
