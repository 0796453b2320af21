//! Unix without sealed memory: a file whose name is removed at once, and the process's own locks.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;

/// How many names are tried before giving up.
const NAMES_MAX: usize = 100;

/// A new file of zeros in the directory for temporary files.
pub(super) fn create(size_bytes: usize) -> io::Result<OwnedFd> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    for _ in 0..NAMES_MAX {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(".treenail-{}-{number}", process::id()));
        match options.open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                file.set_len(size_bytes as u64)?;
                return Ok(file.into());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let error = format!("all names tried in '{}' are taken", std::env::temp_dir().display());
    Err(io::Error::new(io::ErrorKind::AlreadyExists, error))
}

/// The size of a plain file, down to a multiple of 8.
pub(super) fn checked_size(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    // SAFETY: the descriptor is open and stays so, since the file is never dropped. (Closing even a
    // duplicate would give back all locks that this process has on the file.)
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd.as_raw_fd()) });
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(bad("the descriptor is not one of shared memory"));
    }
    let size_bytes = usize::try_from(meta.len()).unwrap_or(0) / 8 * 8;
    if size_bytes == 0 { Err(bad("shared memory of no size")) } else { Ok(size_bytes) }
}

/// A lock of this process.
#[derive(Debug)]
pub(super) struct Lock {
    /// The segment's own descriptor: see `checked_size`.
    fd: Arc<OwnedFd>,
    byte: u8,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It fails only for a bad descriptor.
        _ = lock::unlock(self.fd.as_fd(), libc::F_SETLK, self.byte);
    }
}

/// Locks a byte; nothing if another process has locked it.
pub(super) fn lock(fd: &Arc<OwnedFd>, byte: u8) -> io::Result<Option<Lock>> {
    let is_locked = lock::try_lock(fd.as_fd(), libc::F_SETLK, byte)?;
    Ok(is_locked.then(|| Lock { fd: fd.clone(), byte }))
}

/// Whether another process has locked a byte.
pub(super) fn is_locked(fd: BorrowedFd<'_>, byte: u8) -> io::Result<bool> {
    lock::is_locked(fd, libc::F_GETLK, byte)
}
