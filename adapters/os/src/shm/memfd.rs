//! Linux: a memfd that cannot change its size, and locks that belong to an open file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

use super::lock;

/// Without it a peer could cut the file short while it is mapped here.
const SEALS_NEEDED: SealFlags = SealFlags::SHRINK;
const SEALS: SealFlags = SEALS_NEEDED.union(SealFlags::GROW).union(SealFlags::SEAL);

/// A new file of zeros, sealed.
pub(super) fn create(size_bytes: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let name = "treenail-segment";
    // Kernels before 6.3 do not know that a file may be marked as never to be run.
    let fd = rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_| rustix::fs::memfd_create(name, flags))?;
    rustix::fs::ftruncate(&fd, size_bytes as u64)?;
    // The memory is taken now: were it short later, the first access would end the process.
    rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, size_bytes as u64)?;
    rustix::fs::fcntl_add_seals(&fd, SEALS)?;
    Ok(fd)
}

/// The size of a file that was made as `create` makes it, down to a multiple of 8.
pub(super) fn checked_size(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let seals = rustix::fs::fcntl_get_seals(fd)
        .map_err(|_| bad("the descriptor is not one of shared memory"))?;
    if !seals.contains(SEALS_NEEDED) {
        return Err(bad("shared memory that its owner may truncate; seal it with F_SEAL_SHRINK"));
    }
    let size_bytes = usize::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0) / 8 * 8;
    if size_bytes == 0 { Err(bad("shared memory of no size")) } else { Ok(size_bytes) }
}

/// A lock, gone when the file is closed.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing it is what unlocks")] File);

/// Locks a byte; nothing if it is locked.
///
/// Such locks belong to what `open` returns, which processes share that pass descriptors on. A
/// file of one's own is therefore opened first, so that the lock ends with this process and is not
/// the peer's too.
pub(super) fn lock(fd: &Arc<OwnedFd>, byte: u8) -> io::Result<Option<Lock>> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let own = OpenOptions::new().read(true).write(true).open(&path).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot open '{path}' ({error}); mount /proc"))
    })?;
    let is_locked = lock::try_lock(own.as_fd(), libc::F_OFD_SETLK, byte)?;
    Ok(is_locked.then_some(Lock(own)))
}

/// Whether a byte is locked. The descriptor is the one that is passed on, never one of `lock`, so
/// that this process's own locks count.
pub(super) fn is_locked(fd: BorrowedFd<'_>, byte: u8) -> io::Result<bool> {
    lock::is_locked(fd, libc::F_OFD_GETLK, byte)
}
