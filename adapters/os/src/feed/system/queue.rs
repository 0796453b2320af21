//! What the system's watcher has said and nobody has read yet.

use std::io;
use std::mem;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// More than this is a loss: whoever does not read must not fill the memory.
const EVENTS_MAX: usize = 1 << 16;

/// Events on their way from the watcher's thread.
pub(super) struct Queue {
    state: Mutex<Taken>,
    filled: Condvar,
    bell: bell::Bell,
}

/// What was in the queue.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) events: Vec<notify::Result<notify::Event>>,
    pub(super) overflowed: bool,
    /// Whether somebody wants the thread that waits.
    called: bool,
}

impl Taken {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.overflowed && !self.called
    }
}

impl Queue {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { state: Mutex::default(), filled: Condvar::new(), bell: bell::Bell::new()? })
    }

    pub(super) fn put(&self, event: notify::Result<notify::Event>) {
        let mut state = lock(&self.state);
        self.call(&state);
        if state.events.len() < EVENTS_MAX {
            state.events.push(event);
        } else {
            state.overflowed = true;
        }
    }

    /// Wakes who waits.
    pub(super) fn wake(&self) {
        let mut state = lock(&self.state);
        self.call(&state);
        state.called = true;
    }

    /// Tells who waits that there is going to be something.
    fn call(&self, state: &Taken) {
        if state.is_empty() {
            self.bell.ring();
            self.filled.notify_all();
        }
    }

    /// Takes everything.
    pub(super) fn take(&self) -> Taken {
        let mut state = lock(&self.state);
        if !state.is_empty() {
            self.bell.silence();
        }
        mem::take(&mut state)
    }

    /// Waits until there is something, and says whether there is.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = lock(&self.state);
        while state.is_empty() {
            state = match deadline {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let woken = self.filled.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    #[cfg(unix)]
    pub(super) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// A descriptor that is readable while the queue holds something.
#[cfg(unix)]
mod bell {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    pub(super) struct Bell {
        rope: UnixStream,
        ear: UnixStream,
    }

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            let (rope, ear) = UnixStream::pair()?;
            rope.set_nonblocking(true)?;
            ear.set_nonblocking(true)?;
            Ok(Self { rope, ear })
        }

        /// Makes it readable. One byte at a time is in it, so there is always room.
        pub(super) fn ring(&self) {
            _ = (&self.rope).write(&[0]);
        }

        pub(super) fn silence(&self) {
            _ = (&self.ear).read(&mut [0]);
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.ear.as_fd()
        }
    }
}

/// Nothing: the queue itself is waited for.
#[cfg(not(unix))]
mod bell {
    use std::io;

    pub(super) struct Bell;

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) fn ring(&self) {}

        pub(super) fn silence(&self) {}
    }
}
