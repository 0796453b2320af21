//! No back end: the caller looks again and again.

use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::platform::Handle;

use super::{Coverage, Event, Options, Rung, Statistics, Token, Watched};

/// Changes below one directory, none of which is reported.
pub(super) struct Feed {
    coverage: Coverage,
    /// Whether somebody wants the thread that waits.
    called: Mutex<bool>,
    calls: Condvar,
    /// Never readable: its other end is kept and nothing is written to it.
    #[cfg(unix)]
    silent: (std::os::unix::net::UnixStream, std::os::unix::net::UnixStream),
}

impl Feed {
    pub(super) fn open(root: &Path, _: &Options) -> io::Result<Self> {
        Handle::open(root)?;
        let reasons = vec!["this build has no back end for changes".to_owned()];
        Ok(Self {
            called: Mutex::new(false),
            calls: Condvar::new(),
            coverage: Coverage { path: root.to_owned(), rung: Rung::Polling, reasons },
            #[cfg(unix)]
            silent: std::os::unix::net::UnixStream::pair()?,
        })
    }

    pub(super) fn coverage(&self) -> Vec<Coverage> {
        vec![self.coverage.clone()]
    }

    pub(super) fn watch(&self, _: &Handle, _: Token, _: &[u8]) -> Watched {
        Watched::Polled { reason: self.coverage.reasons.join("; ").into() }
    }

    pub(super) fn watch_child(&self, _: &Handle, _: &[u8], _: Token, _: &[u8]) -> Watched {
        Watched::Polled { reason: "this system watches no directory in another".into() }
    }

    pub(super) fn watch_link(&self, dir: &Handle, _: &[u8], token: Token) -> Watched {
        self.watch(dir, token, b"")
    }

    pub(super) fn unwatch(&self, _: Token) {}

    pub(super) fn read(&self, _: &mut dyn FnMut(Event<'_>)) -> io::Result<usize> {
        Ok(0)
    }

    pub(super) fn held_until(&self) -> Option<Instant> {
        None
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        // A time that the system cannot hold is as good as none.
        let most = timeout.unwrap_or(Duration::MAX).min(Duration::from_secs(1 << 30));
        let waited = self.calls.wait_timeout_while(called, most, |called| !*called);
        let (mut called, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *called))
    }

    pub(super) fn wake(&self) {
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.calls.notify_all();
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics::default()
    }

    pub(super) fn is_noisy(&self) -> bool {
        false
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Feed {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.silent.0.as_fd()
    }
}
