//! A segment of shared memory, on Unix systems.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::map::Map;
use super::{Role, backing, pass};

/// Memory that this process has mapped, and others may have too.
#[derive(Debug)]
pub struct Segment {
    map: Map,
    fd: Arc<OwnedFd>,
}

impl Segment {
    /// New memory of zeros. The size is rounded up to a multiple of 8; it cannot change later.
    ///
    /// # Errors
    /// If the size is 0 or more than the system has.
    pub fn create(size_bytes: usize) -> io::Result<Self> {
        let size_bytes = size_bytes.checked_next_multiple_of(8).filter(|&size| size > 0);
        let size_bytes = size_bytes.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a segment has 8 bytes or more")
        })?;
        let fd = backing::create(size_bytes)?;
        Ok(Self { map: Map::new(fd.as_fd(), size_bytes)?, fd: Arc::new(fd) })
    }

    /// Maps memory that another process made, of which this one has the descriptor.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the descriptor is of anything else than a
    /// segment: it may come from a process that means harm.
    pub fn open(fd: OwnedFd) -> io::Result<Self> {
        let size_bytes = backing::checked_size(fd.as_fd())?;
        Ok(Self { map: Map::new(fd.as_fd(), size_bytes)?, fd: Arc::new(fd) })
    }

    /// Opens the segment that a process at the other end of the socket [`send`](Self::send)s.
    ///
    /// # Errors
    /// If the other end closes or sends something else.
    pub fn receive(socket: &UnixStream) -> io::Result<Self> {
        Self::open(pass::receive(socket.as_fd())?)
    }

    /// Sends the descriptor to the process at the other end of a socket.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&self, socket: &UnixStream) -> io::Result<()> {
        pass::send(socket.as_fd(), self.fd.as_fd())
    }

    /// The memory. Other processes write to it at any moment whatever they like.
    pub fn words(&self) -> &[AtomicU64] {
        self.map.words()
    }

    /// Takes a role for this process; nothing if another has it. The role is given back when the
    /// claim is dropped or the process ends, however it ends. (A process that is forked from this
    /// one and runs no other program shares the claim.)
    ///
    /// Where memory has no seals (see the [module](super)), claims are the process's as a whole:
    /// a second claim on the same role succeeds, and closing any segment of the same memory gives
    /// all of them back.
    ///
    /// # Errors
    /// If the system cannot tell: on Linux without `/proc`.
    pub fn claim(&self, role: Role) -> io::Result<Option<Claim>> {
        Ok(backing::lock(&self.fd, role.byte())?.map(Claim))
    }

    /// Whether a process has the role; where memory has no seals, whether another process has it.
    ///
    /// # Errors
    /// If the system cannot tell.
    pub fn is_claimed(&self, role: Role) -> io::Result<bool> {
        backing::is_locked(self.fd.as_fd(), role.byte())
    }
}

impl AsFd for Segment {
    /// The descriptor, for passing it on. It is closed when another program is run.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A role that this process has, until it is dropped; from [`Segment::claim`].
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "it is held, and acts when dropped")] backing::Lock);
