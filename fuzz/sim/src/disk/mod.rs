//! A disk that tears, loses, reorders, refuses, lies and rots, as its seed wants.
//!
//! # The model
//! - A write changes the cache, which is what reads see. Until a sync succeeds, a crash leaves each
//!   sector as it was on the medium or as it was after any of the writes since, each sector for
//!   itself.
//! - A file's length is unsynced in the same way.
//! - A name (created, renamed, removed) is unsynced until its *directory* is synced; syncing the
//!   file does nothing for it. A rename survives whole or not at all.
//! - A sync that fails makes a part durable; the rest stays unsynced or, as on Linux, counts as
//!   clean from then on, so that the next sync reports success.
//! - What a crash leaves is one of: everything, nothing, all that was done before some moment, all
//!   but a hole, or each change by a throw of a coin.
//!
//! [`Disk::stop_after`] stops the machine within the call of that number: the call does its work
//! in part, and it and all later ones fail with [`Error::Stopped`] until [`Disk::restart`].

mod calls;
mod error;
mod fate;
mod faults;
mod file;
mod names;
mod state;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::calls::Content;
pub use self::error::Error;
pub use self::faults::{Decay, DiskFaults, DiskSettings};
use self::state::State;
use crate::rng::Rng;
use crate::time::Time;
use crate::trace::Trace;

/// A simulated disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// How a machine comes to a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies: its handles and locks are gone, what it wrote is in the system's cache.
    Process,
    /// The power fails: what was not synced is lost, in whole or in part.
    Power,
}

/// What was done to a disk beyond what its user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// Reads, writes, syncs and calls about names that failed.
    pub errors: u64,
    /// Syncs that reported success and did nothing.
    pub lies: u64,
    /// Failed syncs after which unsynced changes counted as clean.
    pub forgotten: u64,
    /// Calls that failed because the disk was full.
    pub full: u64,
    /// Sectors that decayed.
    pub damage: Vec<Damage>,
}

/// A sector that decayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's path.
    pub path: OsString,
    /// Where the sector begins in the file, in bytes.
    pub offset: u64,
    /// What happened to it.
    pub decay: Decay,
}

/// What is known about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The number of the file or directory.
    pub inode: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// The length in bytes; 0 for a directory.
    pub len_bytes: u64,
    /// When the content changed last. A crash does not set it back.
    pub modified: Time,
}

/// An open file. Dropping it closes it.
#[derive(Debug)]
pub struct File {
    disk: Disk,
    handle: u64,
}

/// An exclusive lock on a file. Dropping it, or the death of the process, releases it.
#[derive(Debug)]
pub struct Lock {
    disk: Disk,
    file: u64,
    boot: u64,
}

impl Disk {
    /// An empty disk whose chance comes from `rng`.
    ///
    /// # Panics
    /// If sectors are to have no bytes.
    pub fn new(settings: DiskSettings, faults: DiskFaults, rng: Rng, trace: Trace) -> Self {
        assert!(settings.sector_bytes > 0, "a sector has bytes");
        Self { state: Arc::new(Mutex::new(State::new(settings, faults, rng, trace))) }
    }

    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`Error`], as for all calls below.
    pub fn open(&self, path: impl AsRef<Path>, access: Access) -> Result<File, Error> {
        let handle = self.lock_state().open(path.as_ref(), access)?;
        Ok(File { disk: self.clone(), handle })
    }

    /// Creates an empty file, open for reading and writing.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the name is taken.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<File, Error> {
        let handle = self.lock_state().create(path.as_ref())?;
        Ok(File { disk: self.clone(), handle })
    }

    /// Creates an empty directory.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the name is taken.
    pub fn create_dir(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.lock_state().create_dir(path.as_ref())
    }

    /// Gives a file or directory another name, in the place of a file or empty directory there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotEmpty`], or [`Error::Refused`] into itself.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), Error> {
        self.lock_state().rename(from.as_ref(), to.as_ref())
    }

    /// Lets two names change places.
    ///
    /// # Errors
    /// [`Error::NotFound`] if either is missing.
    pub fn exchange(&self, one: impl AsRef<Path>, other: impl AsRef<Path>) -> Result<(), Error> {
        self.lock_state().exchange(one.as_ref(), other.as_ref())
    }

    /// Removes the name of a file or empty directory; who has the file open keeps it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotEmpty`].
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.lock_state().remove(path.as_ref())
    }

    /// The names in a directory, in an order that nobody should rely on.
    ///
    /// # Errors
    /// [`Error::NotADirectory`].
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>, Error> {
        self.lock_state().list(path.as_ref())
    }

    /// What stands at a path.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<Stat, Error> {
        self.lock_state().stat(path.as_ref())
    }

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// [`Error::Io`]: some names may be lost although they are shown, and the next call succeeds.
    pub fn sync_dir(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.lock_state().sync_dir(path.as_ref())
    }

    /// Takes the lock on a file, created if needed; nothing if somebody holds it.
    ///
    /// # Errors
    /// As [`Disk::create`], but for a name that is taken.
    pub fn lock(&self, path: impl AsRef<Path>) -> Result<Option<Lock>, Error> {
        let mut state = self.lock_state();
        let file = state.lock(path.as_ref())?;
        let boot = state.boot();
        drop(state);
        Ok(file.map(|file| Lock { disk: self.clone(), file, boot }))
    }

    /// How many calls there were so far.
    pub fn calls(&self) -> u64 {
        self.lock_state().calls()
    }

    /// Stops the machine within the call that comes after `calls` more. `None` takes it back.
    pub fn stop_after(&self, calls: Option<u64>) {
        self.lock_state().stop_after(calls);
    }

    /// Whether the machine stands still.
    pub fn is_stopped(&self) -> bool {
        self.lock_state().is_stopped()
    }

    /// Starts the machine after a crash, or crashes and starts it if it runs. Handles and locks
    /// from before are dead.
    pub fn restart(&self, crash: Crash) {
        self.lock_state().restart(crash);
    }

    /// Changes how likely faults are from now on. What was damaged stays so.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.lock_state().set_faults(faults);
    }

    /// Changes how much fits on the disk.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock_state().set_capacity(bytes);
    }

    /// Bytes that files take, in whole sectors.
    pub fn used_bytes(&self) -> u64 {
        self.lock_state().used_bytes()
    }

    /// What was injected so far.
    pub fn injected(&self) -> Injected {
        self.lock_state().injected().clone()
    }

    /// The time that calls took since this was asked last. Whoever drives the disk lets so much
    /// virtual time pass before it reports their completion.
    pub fn take_elapsed(&self) -> Duration {
        self.lock_state().take_elapsed()
    }

    /// Every file that the system shows, with its content: past all faults, for checks.
    pub fn snapshot(&self) -> Vec<(OsString, Vec<u8>)> {
        self.lock_state().snapshot()
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        // A panic within is reported as a violation; handles are still dropped on the way out.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    /// Reads at an offset in bytes; fewer than asked for only at the end of the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, Error> {
        self.disk.lock_state().read(self.handle, bytes, offset)
    }

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NoSpace`]: the first part of the bytes may be written.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.disk.lock_state().write(self.handle, Content::Bytes(bytes), offset)
    }

    /// Takes space for the first `len` bytes, and makes the file at least as long.
    ///
    /// # Errors
    /// [`Error::NoSpace`]: none was taken.
    pub fn allocate(&self, len: u64) -> Result<(), Error> {
        self.disk.lock_state().write(self.handle, Content::Space, len)
    }

    /// Cuts the file, or lengthens it by zeros that take no space.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn set_len(&self, len: u64) -> Result<(), Error> {
        self.disk.lock_state().set_len(self.handle, len)
    }

    /// Makes the content and the length durable; not the name.
    ///
    /// # Errors
    /// [`Error::Io`]: what was written may be lost although it reads well, and the next call
    /// succeeds.
    pub fn sync(&self) -> Result<(), Error> {
        self.disk.lock_state().sync(self.handle)
    }

    /// The length in bytes.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn len(&self) -> Result<u64, Error> {
        self.disk.lock_state().len(self.handle)
    }

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.disk.lock_state().close(self.handle);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.lock_state().unlock(self.file, self.boot);
    }
}
