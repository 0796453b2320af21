//! What the system reports of changes in directories.
//!
//! A [`Feed`] takes, for each mount below its root, the best of what the system offers there, and
//! says which that is and why nothing better was to be had. The caller names each directory that it
//! wants to hear of by a number of its own, and does so *before* it lists the directory: then no
//! change can fall between the two. [`Visit::opened`](crate::Visit::opened) is called at that
//! moment.
//!
//! ```
//! use std::time::Duration;
//! use treenail_os::Handle;
//! use treenail_os::feed::{Event, Feed, Options, Rung, Token, Watched};
//!
//! # let scratch = tempfile::tempdir()?;
//! # let root = scratch.path();
//! let feed = Feed::open(root, &Options::new())?;
//! let dir = Handle::open(root)?;
//! let watched = feed.watch(&dir, Token(1), b"");
//! std::fs::write(root.join("hello"), b"world")?;
//!
//! # if let Watched::By(_) = watched {
//! let mut names = Vec::new();
//! while names.is_empty() {
//!     feed.wait(None)?;
//!     feed.read(|event| {
//!         if let Event::Entry { dir: Token(1), name, .. } = event {
//!             names.push(name.to_owned());
//!         }
//!     })?;
//! }
//! assert_eq!(names[0], b"hello");
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is never reported
//! Stores through a memory mapping, on any system; on a mount whose back end is elsewhere (an
//! overlay, a network), what is done there. [`Watched::Polled`] names what no back end sees at all.

mod event;
mod options;
mod report;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use linux as backend;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
#[doc(hidden)]
pub use linux::records;

#[cfg(any(target_os = "macos", windows))]
mod system;
#[cfg(any(target_os = "macos", windows))]
use system as backend;

#[cfg(not(any(
    target_os = "macos",
    windows,
    all(target_os = "linux", not(feature = "portable"))
)))]
mod polling;
#[cfg(not(any(
    target_os = "macos",
    windows,
    all(target_os = "linux", not(feature = "portable"))
)))]
use polling as backend;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::platform::Handle;

pub use event::{Event, Loss, Token, What};
pub use options::{Options, Rung};
pub use report::{Coverage, Statistics, Watched};

/// Changes below one directory, as the system reports them. All methods may be called from several
/// threads at once.
pub struct Feed {
    inner: backend::Feed,
}

impl Feed {
    /// Readies what the root's mount offers. With [`Rung::FileSystem`] and [`Rung::System`] the
    /// system collects events from here on, and those of a directory are passed on once it is
    /// watched; with the others it collects a directory's events from when it is watched.
    ///
    /// # Errors
    /// The root is no directory that can be opened. That a better back end cannot be had is no
    /// error: see [`coverage`](Self::coverage).
    pub fn open(root: &Path, options: &Options) -> io::Result<Self> {
        Ok(Self { inner: backend::Feed::open(root, options)? })
    }

    /// What reports the changes of the root's mount.
    pub fn rung(&self) -> Rung {
        self.coverage().first().map_or(Rung::Polling, |root| root.rung)
    }

    /// For each mount that was come across, the root's first: what reports its changes, and why
    /// nothing better does.
    pub fn coverage(&self) -> Vec<Coverage> {
        self.inner.coverage()
    }

    /// Asks for the events of a directory, under the name `token`. `top` is the first name of its
    /// path below the root, empty for the root itself; directories with the same one share a queue
    /// where there are several. A directory that is watched under another token already goes over
    /// to this one.
    pub fn watch(&self, dir: &Handle, token: Token, top: &[u8]) -> Watched {
        self.inner.watch(dir, token, top)
    }

    /// Asks for the events of a directory that is in `dir`, as [`watch`](Self::watch) does, without
    /// opening it. What has the name by the time it is opened may be another directory, or lie on
    /// another mount: whoever opens it has to make sure, or to watch it once more.
    pub fn watch_child(&self, dir: &Handle, name: &[u8], token: Token, top: &[u8]) -> Watched {
        self.inner.watch_child(dir, name, token, top)
    }

    /// Asks for the events of an entry itself, as [`Event::Link`]; a symbolic link is not followed.
    /// For a file that has more than one name, whichever of them the events come through; and for a
    /// directory that is not watched, because it is ignored or may not be read, to hear of its
    /// attributes: fanotify does not tell its parent of them.
    pub fn watch_link(&self, dir: &Handle, name: &[u8], token: Token) -> Watched {
        self.inner.watch_link(dir, name, token)
    }

    /// Gives up a directory or a file. Does nothing if it is watched under another token by now,
    /// or not at all. Events under way may still come.
    pub fn unwatch(&self, token: Token) {
        self.inner.unwatch(token);
    }

    /// Passes on all that the system had in store when it was called, and does not wait for more.
    /// Returns how many events it passed on. The two halves of a rename are put together; one whose
    /// other half is still missing is held back until [`held_until`](Self::held_until).
    ///
    /// # Errors
    /// The system refuses to give the events. What was passed on before stands.
    pub fn read(&self, mut report: impl FnMut(Event<'_>)) -> io::Result<usize> {
        self.inner.read(&mut report)
    }

    /// When [`read`](Self::read) is to be called again even if the system has nothing new by then.
    pub fn held_until(&self) -> Option<Instant> {
        self.inner.held_until()
    }

    /// Waits until there is something to read, at most for `timeout` (`None`: for ever). Returns
    /// whether there is.
    ///
    /// # Errors
    /// The system cannot wait.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let held = self.held_until().map(|at| at.saturating_duration_since(Instant::now()));
        let shortest = match (timeout, held) {
            (Some(timeout), Some(held)) => Some(timeout.min(held)),
            (one, other) => one.or(other),
        };
        let ready = self.inner.wait(shortest)?;
        Ok(ready || self.held_until().is_some_and(|at| at <= Instant::now()))
    }

    /// Has a [`wait`](Self::wait) under way, or else the next one, return that there is something.
    pub fn wake(&self) {
        self.inner.wake();
    }

    /// What was counted so far.
    pub fn statistics(&self) -> Statistics {
        self.inner.statistics()
    }

    /// Whether for some time now more events from outside the watched directories have been coming
    /// in than the [limit](Options::outside_max_per_s). A feed on a lower [`Rung`] would not be
    /// woken by them: open one, watch all directories with it, look at them once, and drop this.
    pub fn is_noisy(&self) -> bool {
        self.inner.is_noisy()
    }
}

/// Lets feeds change the working directory of the calling thread from now on, which makes watching
/// cheaper on Linux, and does nothing elsewhere. The thread gets a working directory of its own, so
/// that other threads keep theirs; it is not to use relative paths, or to start threads that do.
pub fn roam() {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    linux::roam();
}

#[cfg(unix)]
impl std::os::fd::AsFd for Feed {
    /// A descriptor that is readable when there is something to [`read`](Feed::read), and for
    /// nothing else than waiting.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.inner.as_fd()
    }
}
