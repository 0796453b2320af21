//! Systems without shared memory behind descriptors.

use std::io;
use std::sync::atomic::AtomicU64;

use super::Role;

/// Memory that several processes map. There is none on this system.
#[derive(Debug)]
pub enum Segment {}

impl Segment {
    /// Fails.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported), always.
    pub fn create(_size_bytes: usize) -> io::Result<Self> {
        let what = "memory shared between processes needs a Unix system; use one process";
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }

    /// The memory.
    pub fn words(&self) -> &[AtomicU64] {
        match *self {}
    }

    /// Takes a role for this process.
    ///
    /// # Errors
    /// None: there is no segment to call it on.
    pub fn claim(&self, _role: Role) -> io::Result<Option<Claim>> {
        match *self {}
    }

    /// Whether a process has the role.
    ///
    /// # Errors
    /// None: there is no segment to call it on.
    pub fn is_claimed(&self, _role: Role) -> io::Result<bool> {
        match *self {}
    }
}

/// A role that this process has.
#[derive(Debug)]
pub enum Claim {}
