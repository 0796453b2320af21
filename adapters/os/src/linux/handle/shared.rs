//! What the handles of one walk have in common: the budget of open directories, and which ways to
//! open one the system knows.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a file to read and never waits: a named pipe without a writer opens at once.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Every directory of this many levels may use the last quarter of the budget, so that even in a
/// tree deeper than the budget an open ancestor is near.
const ANCHOR_LEVELS: usize = 64;

/// What the handles of one walk have in common.
pub(crate) struct Shared {
    pub(super) root: PathBuf,
    /// Stay on the device of the root.
    pub(super) one_device: Option<OnceLock<u64>>,
    /// How many may be open at once; asked for when it first matters.
    pub(super) open_max: OnceLock<usize>,
    pub(super) open: AtomicUsize,
    pub(super) no_openat2: AtomicBool,
    /// Whether the system refused to leave the time of the last access alone.
    pub(super) no_noatime: AtomicBool,
}

impl Shared {
    pub(crate) fn new(root: &Path, same_file_system: bool, open_max: Option<usize>) -> Self {
        Self {
            root: root.to_owned(),
            one_device: same_file_system.then(OnceLock::new),
            open_max: open_max.map_or_else(OnceLock::new, OnceLock::from),
            open: AtomicUsize::new(0),
            no_openat2: AtomicBool::new(false),
            no_noatime: AtomicBool::new(false),
        }
    }

    /// Takes one of the budget for a directory at `depth`, if any is left.
    pub(super) fn take(&self, depth: usize) -> bool {
        let open_max = *self.open_max.get_or_init(default_open_max);
        let spare = if depth.is_multiple_of(ANCHOR_LEVELS) { 0 } else { open_max / 4 };
        let taken = self.open.fetch_add(1, Ordering::Relaxed) + spare < open_max;
        if !taken {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }

    /// Opens a file to read, and leaves the time of its last access as it is where the process may:
    /// whoever looks at everything once has not used it, and the system need not write it down.
    pub(super) fn open_file(&self, dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<File> {
        if !self.no_noatime.load(Ordering::Relaxed) {
            match openat(dir, name, FILE | OFlags::NOATIME, Mode::empty()) {
                // The file belongs to someone else.
                Err(Errno::PERM) => self.no_noatime.store(true, Ordering::Relaxed),
                result => return Ok(File::from(result?)),
            }
        }
        Ok(File::from(openat(dir, name, FILE, Mode::empty())?))
    }

    /// Opens `name` in `dir`, and says whether it is known (`Some`) to be no mount point.
    pub(super) fn open_directory(
        &self,
        dir: BorrowedFd<'_>,
        name: &[u8],
    ) -> io::Result<(OwnedFd, Option<bool>)> {
        if self.no_openat2.load(Ordering::Relaxed) {
            return Ok((openat(dir, name, DIRECTORY, Mode::empty())?, None));
        }
        match openat2(dir, name, DIRECTORY, Mode::empty(), ResolveFlags::NO_XDEV) {
            Ok(fd) => Ok((fd, Some(false))),
            Err(Errno::XDEV) => Ok((openat(dir, name, DIRECTORY, Mode::empty())?, Some(true))),
            // Older kernels lack the call and sandboxes forbid it.
            Err(Errno::NOSYS | Errno::PERM) => {
                let fd = openat(dir, name, DIRECTORY, Mode::empty())?;
                self.no_openat2.store(true, Ordering::Relaxed);
                Ok((fd, None))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a relative path of several names, none of them a symbolic link.
    pub(super) fn open_path(&self, dir: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
        if !self.no_openat2.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
            match openat2(dir, path, DIRECTORY, Mode::empty(), resolve) {
                Ok(fd) => return Ok(fd),
                // A rename anywhere at the same time makes the kernel give up.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut fd: Option<OwnedFd> = None;
        for name in path.split(|&b| b == b'/') {
            let dir = fd.as_ref().map_or(dir, |fd| fd.as_fd());
            fd = Some(openat(dir, name, DIRECTORY, Mode::empty())?);
        }
        fd.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

/// Half of what the process may open, so that the caller can open files too.
fn default_open_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    usize::try_from(limit.unwrap_or(u64::MAX) / 2).unwrap_or(usize::MAX).clamp(8, 4096)
}
