//! Locks on single bytes of a file.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Tries to lock a byte with this `fcntl` command; whether it did, or somebody else has it.
pub(super) fn try_lock(fd: BorrowedFd<'_>, command: libc::c_int, byte: u8) -> io::Result<bool> {
    match control(fd, command, libc::F_WRLCK as libc::c_short, byte) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Whether somebody else has locked a byte.
pub(super) fn is_locked(fd: BorrowedFd<'_>, command: libc::c_int, byte: u8) -> io::Result<bool> {
    let unlocked = libc::F_UNLCK as libc::c_short;
    Ok(control(fd, command, libc::F_WRLCK as libc::c_short, byte)? != unlocked)
}

/// Unlocks a byte.
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
pub(super) fn unlock(fd: BorrowedFd<'_>, command: libc::c_int, byte: u8) -> io::Result<()> {
    control(fd, command, libc::F_UNLCK as libc::c_short, byte).map(drop)
}

/// Calls `fcntl` for the lock of one byte, and returns the kind of lock that it leaves.
fn control(
    fd: BorrowedFd<'_>,
    command: libc::c_int,
    kind: libc::c_short,
    byte: u8,
) -> io::Result<libc::c_short> {
    // SAFETY: the structure consists of integers, for which zeros are a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte.into();
    lock.l_len = 1;
    // SAFETY: the descriptor is open, and the commands for locks read and write a structure of
    // this type.
    if unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw mut lock) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(lock.l_type)
}
