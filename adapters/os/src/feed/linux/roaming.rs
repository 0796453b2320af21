//! Threads that have a working directory of their own.

use std::cell::Cell;
use std::os::fd::BorrowedFd;

thread_local! {
    /// Whether the thread's working directory is its own; nothing until it was asked for.
    static ROAMS: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Gives the calling thread a working directory of its own, unless the system forbids it.
pub(in super::super) fn roam() {
    if ROAMS.get().is_none() {
        // SAFETY: with this flag the call touches no memory and no descriptors: it replaces the
        // thread's working directory, root and file mode mask by copies of them.
        let done = unsafe { libc::unshare(libc::CLONE_FS) };
        ROAMS.set(Some(done == 0));
    }
}

/// Makes `dir` the working directory, if the thread has one of its own; whether it is.
pub(super) fn enter(dir: BorrowedFd<'_>) -> bool {
    ROAMS.get() == Some(true) && rustix::process::fchdir(dir).is_ok()
}
