//! The few calls of the system that an expansion makes. Paths are taken whole, from the working
//! directory or an open one, as the standard library takes them: where the kernel gives up on a
//! chain of links or a path that is too long is part of what is found. Only where it would not, a
//! directory may be opened in the one that it is in.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, SeekFrom};

use super::plan::Plan;

/// What a listing says of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// A link, or what the file system does not say the type of: only the target tells.
    Unclear,
    Other,
}

/// An entry while its directory is open.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: Kind,
    dir: BorrowedFd<'a>,
}

/// Room for one call that lists a directory.
pub(super) struct Buffer(Box<[MaybeUninit<u8>]>);

const BUFFER_BYTES: usize = 32 << 10;

impl Buffer {
    pub(super) fn new() -> Self {
        Self(Box::new_uninit_slice(BUFFER_BYTES))
    }

    /// One without room, to stand in for another.
    pub(super) fn none() -> Self {
        Self(Box::new_uninit_slice(0))
    }
}

/// The longest path that the system takes, its end included.
pub(super) const PATH_MAX: usize = if cfg!(target_os = "linux") { 4096 } else { 1024 };

/// A directory to list.
pub(super) enum Dir {
    Open(OwnedFd),
    /// The one that paths start from. It is read through the descriptor itself, which may allow
    /// what opening it again would not.
    Start,
}

impl Dir {
    /// What it was opened as.
    pub(super) fn into_fd(self) -> Option<OwnedFd> {
        match self {
            Self::Open(dir) => Some(dir),
            Self::Start => None,
        }
    }
}

/// Opens a directory.
pub(super) fn open(plan: &Plan, path: &[u8]) -> io::Result<Dir> {
    if path.is_empty() && plan.dir_fd.is_some() {
        return Ok(Dir::Start);
    }
    open_at(start(plan), if path.is_empty() { b"." } else { path }, OFlags::empty())
}

/// Opens a directory in an open one; not what a link leads to.
pub(super) fn open_in(dir: &OwnedFd, name: &[u8]) -> io::Result<Dir> {
    open_at(dir.as_fd(), name, OFlags::NOFOLLOW)
}

fn open_at(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> io::Result<Dir> {
    let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(Dir::Open(rustix::fs::openat(dir, path, flags, Mode::empty())?))
}

/// Calls `each` with every entry of the directory until it returns false. An error ends the
/// listing; what came before it counts.
pub(super) fn list(
    plan: &Plan,
    dir: &Dir,
    buffer: &mut Buffer,
    each: impl FnMut(Entry<'_>) -> bool,
) {
    // An error is a directory that holds nothing, here as in the standard library.
    let _ = match dir {
        Dir::Open(dir) => list_open(dir.as_fd(), buffer, each),
        Dir::Start => {
            let _ = list_open(start(plan), buffer, each);
            // As it was found.
            rustix::fs::seek(start(plan), SeekFrom::Start(0)).map(drop).map_err(io::Error::from)
        }
    };
}

#[cfg(target_os = "linux")]
fn list_open(
    dir: BorrowedFd<'_>,
    buffer: &mut Buffer,
    mut each: impl FnMut(Entry<'_>) -> bool,
) -> io::Result<()> {
    let mut entries = rustix::fs::RawDir::new(dir, &mut buffer.0);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..")
            && !each(Entry { name, kind: kind_of(entry.file_type()), dir })
        {
            break;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn list_open(
    dir: BorrowedFd<'_>,
    _: &mut Buffer,
    mut each: impl FnMut(Entry<'_>) -> bool,
) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..")
            && !each(Entry { name, kind: kind_of(entry.file_type()), dir })
        {
            break;
        }
    }
    Ok(())
}

fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::Directory => Kind::Directory,
        FileType::Symlink | FileType::Unknown => Kind::Unclear,
        _ => Kind::Other,
    }
}

impl Entry<'_> {
    /// Whether it is a directory or a link to one. `dir` is the path of its directory with a slash
    /// at its end.
    pub(super) fn is_directory(&self, plan: &Plan, dir: &[u8]) -> bool {
        match self.kind {
            Kind::Directory => true,
            Kind::Other => false,
            // Where paths start from a descriptor, the standard library asks the open directory.
            Kind::Unclear if plan.dir_fd.is_some() => {
                let stat = rustix::fs::statat(self.dir, self.name, AtFlags::empty());
                stat.is_ok_and(is_directory_mode)
            }
            Kind::Unclear => is_directory(plan, &[dir, self.name].concat()),
        }
    }
}

/// Whether there is a directory, or a link to one, at `path`.
pub(super) fn is_directory(plan: &Plan, path: &[u8]) -> bool {
    rustix::fs::statat(start(plan), path, AtFlags::empty()).is_ok_and(is_directory_mode)
}

/// Whether there is anything at `path`, be it a link that leads nowhere.
pub(super) fn exists(plan: &Plan, path: &[u8]) -> bool {
    rustix::fs::statat(start(plan), path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

fn is_directory_mode(stat: rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Where relative paths start.
fn start(plan: &Plan) -> BorrowedFd<'_> {
    match plan.dir_fd {
        // SAFETY: the number is not negative: `Plan` is made with no other. That it stays open is
        // what whoever passes a `dir_fd` answers for, as with every function of Python that takes
        // one; the calls here only read through it, and of a closed one learn that it is closed.
        Some(fd) => unsafe { BorrowedFd::borrow_raw(fd) },
        None => CWD,
    }
}
