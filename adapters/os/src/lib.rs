//! The operating system for file tools: a parallel directory walk, change feeds, bulk reads, atomic
//! replace, file identity.
//!
//! Everything here touches the system and nothing here decides: which directories to enter, what to
//! do with a file's bytes and what an error means is the caller's business. Names and paths are
//! bytes (on Windows, the WTF-8 bytes of the system's strings), so that every name that a file
//! system can hold works.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use treenail_os::{Directory, Kind, Next, Place, Visit, Walk};
//!
//! /// Counts the regular files below a directory, not entering `target`.
//! struct Count(AtomicUsize);
//!
//! impl Visit for Count {
//!     type State = ();
//!     type Task = ();
//!     type Worker = ();
//!     fn worker(&self) {}
//!     fn directory(&self, _: &mut (), dir: &mut Directory<'_>, _: (), next: &mut Next<'_, Self>) {
//!         for i in 0..dir.len() {
//!             let entry = dir.entry(i);
//!             match entry.kind {
//!                 Kind::File => _ = self.0.fetch_add(1, Ordering::Relaxed),
//!                 Kind::Directory if entry.name != b"target" => next.descend(dir, i, ()),
//!                 _ => {}
//!             }
//!         }
//!     }
//!     fn task(&self, _: &mut (), _: (), _: &mut Next<'_, Self>) {}
//!     fn failed(&self, _: &mut (), place: Place<'_>, error: std::io::Error, _: ()) {
//!         eprintln!("{}: {error}", String::from_utf8_lossy(&place.full_path()));
//!     }
//! }
//!
//! let count = Count(AtomicUsize::new(0));
//! Walk::new().run("src".as_ref(), &count, ())?;
//! assert!(count.0.into_inner() > 5);
//! # Ok::<(), treenail_os::Error>(())
//! ```
//!
//! - [`Walk`], [`Visit`]: one call for each directory, with its whole listing.
//! - [`Handle`]: an open directory that knows where it stands, and survives being closed meanwhile.
//! - [`Reader`], [`Sink`]: many small files at a time, large ones in chunks.
//! - [`replace()`]: a file's content replaced all at once.
//! - `before_termination` (Unix): what is to be cleaned up when a signal ends the process;
//!   `flag_termination`: what is to come to an end first.
//! - [`Job`]: programs that end with the process that runs them.
//! - [`feed`]: what the system reports of changes.
//! - [`shm`]: memory shared between processes, and which of them live.
//! - [`Stat`], [`Kind`], [`FileId`], [`same_file`]: what the system knows about a file.

mod error;
pub mod feed;
mod job;
mod listing;
mod name;
mod reader;
mod replace;
pub mod shm;
mod signals;
mod stat;
mod walk;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use linux as platform;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod portable;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use portable as platform;

pub use error::{DirectoryLoop, DirectoryMoved, Error, is_elsewhere, is_exhausted};
pub use job::Job;
pub use listing::{Entry, Listing};
pub use name::{bytes_of, os_str_of};
pub use platform::Handle;
pub use reader::{Changed, Reader, Request, SMALL_BYTES_MAX, Sink, Whole};
pub use replace::{Durability, replace};
#[cfg(unix)]
pub use signals::{Flagged, before_termination, flag_termination};
pub use stat::{FileId, Kind, Stat, same_file};
pub use walk::{Directory, Next, Place, Visit, Walk};
