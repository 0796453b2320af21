//! A file's content as memory.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

/// A shared mapping, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Map {
    start: NonNull<AtomicU64>,
    words: usize,
}

impl Map {
    /// Maps the first `size_bytes`, a multiple of 8 and not 0, of a file that has as many.
    pub(super) fn new(fd: BorrowedFd<'_>, size_bytes: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses where, so nothing that is mapped is affected, and checks the
        // other arguments.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), size_bytes, access, libc::MAP_SHARED, fd.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { start, words: size_bytes / 8 })
    }

    /// All of it.
    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: as many words are mapped for as long as `self` lives, at the start of a page and
        // so aligned; all bits are values of them. This process accesses them as atomics only, and
        // what others do looks to it like what another thread does with atomics. The file has not
        // become shorter: it is sealed, or its holders are trusted.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new`, is unmapped here only, and nobody borrows it.
        unsafe { libc::munmap(self.start.as_ptr().cast::<c_void>(), self.words * 8) };
    }
}

// SAFETY: the memory is of the process, not of a thread, and unmapped once.
unsafe impl Send for Map {}
// SAFETY: what is given out by reference is atomics.
unsafe impl Sync for Map {}
