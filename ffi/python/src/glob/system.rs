//! The few calls of the system that an expansion makes. All paths are taken whole, from the working
//! directory or an open one, as the standard library takes them: where the kernel gives up on a
//! chain of links or a path that is too long is part of what is found.

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

/// Calls `each` with every entry of the directory `path` until it returns false. An error ends the
/// listing; what came before it counts.
pub(super) fn list(
    plan: &Plan,
    path: &[u8],
    buffer: &mut Buffer,
    each: impl FnMut(Entry<'_>) -> bool,
) {
    // An error is a directory that holds nothing, here as in the standard library.
    let _ = match plan.dir_fd {
        Some(_) if path.is_empty() => list_start(plan, buffer, each),
        _ => open(plan, path).and_then(|dir| list_open(dir.as_fd(), buffer, each)),
    };
}

/// The directory that paths start from is read through the descriptor itself, which may allow what
/// opening it again would not, and left rewound.
fn list_start(
    plan: &Plan,
    buffer: &mut Buffer,
    each: impl FnMut(Entry<'_>) -> bool,
) -> io::Result<()> {
    let listed = list_open(start(plan), buffer, each);
    rustix::fs::seek(start(plan), SeekFrom::Start(0))?;
    listed
}

fn open(plan: &Plan, path: &[u8]) -> io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(start(plan), path, flags, Mode::empty())?)
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
