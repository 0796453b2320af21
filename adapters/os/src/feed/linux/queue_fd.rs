//! The descriptor of a queue, closed without waiting for the kernel.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More queues than these are not closed beside what goes on: whoever opens and closes many of
/// them has to wait, so that the system's limit of how many there may be is not met by them.
const CLOSING_MAX: usize = 32;

/// What the closing thread needs.
const STACK_BYTES: usize = 16 << 10;

static CLOSING: AtomicUsize = AtomicUsize::new(0);

/// A queue's descriptor.
///
/// To close one, the kernel waits until no processor looks at its marks any more: some 15 ms, and
/// where each directory has a mark up to ten times as long. A thread of its own waits for that.
pub(super) struct QueueFd(Option<OwnedFd>);

impl From<OwnedFd> for QueueFd {
    fn from(fd: OwnedFd) -> Self {
        Self(Some(fd))
    }
}

impl AsFd for QueueFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_ref().expect("it is closed at the end alone").as_fd()
    }
}

impl AsRawFd for QueueFd {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Drop for QueueFd {
    fn drop(&mut self) {
        let fd = self.0.take();
        if CLOSING.fetch_add(1, Ordering::Relaxed) < CLOSING_MAX {
            let thread = thread::Builder::new().name("treenail-close".into());
            let close = move || {
                drop(fd);
                CLOSING.fetch_sub(1, Ordering::Relaxed);
            };
            // If the system gives no thread, what it was to close is closed here.
            if thread.stack_size(STACK_BYTES).spawn(close).is_ok() {
                return;
            }
        }
        CLOSING.fetch_sub(1, Ordering::Relaxed);
    }
}
