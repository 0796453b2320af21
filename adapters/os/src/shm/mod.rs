//! Memory that several processes map, and who of them still lives.
//!
//! A [`Segment`] is made by one process; its descriptor goes to another, over a Unix socket or by
//! inheritance, and is opened there. What lies in it, a ring for instance, is not decided here: it
//! is a slice of 64-bit atomics, since whatever the other process does to it meanwhile must not be
//! undefined behaviour in this one.
//!
//! ```
//! # #[cfg(unix)] {
//! use std::os::unix::net::UnixStream;
//! use treenail_os::shm::{Role, Segment};
//! use treenail_ring::shared;
//!
//! let (here, there) = UnixStream::pair()?;
//! let segment = Segment::create(shared::words_for(4096) * 8)?;
//! shared::create(segment.words())?;
//! let claim = segment.claim(Role::Producer)?.expect("nobody else is the producer");
//! let mut producer = shared::Producer::attach(segment.words())?;
//! segment.send(&here)?;
//!
//! // In the other process:
//! let segment = Segment::receive(&there)?;
//! let mut consumer = shared::Consumer::attach(segment.words())?;
//! producer.push(b"hello")?;
//! assert_eq!(consumer.pop(&mut [0; 8])?, Some(5));
//!
//! // The kernel gives the claim back however the process ends.
//! drop(claim);
//! assert!(!segment.is_claimed(Role::Producer)?);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Systems
//! On Linux the memory is a memfd whose size is sealed: a peer cannot cut it short, which would end
//! this process with SIGBUS. Other Unix systems have no such seal, so there the memory is a file
//! without a name, and a peer that truncates it does just that: pass segments only to programs that
//! you trust. On systems that are no Unix every call answers
//! [`Unsupported`](std::io::ErrorKind::Unsupported).

#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod map;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod memfd;
#[cfg(all(unix, any(not(target_os = "linux"), feature = "portable")))]
mod nameless;
#[cfg(unix)]
mod pass;
#[cfg(unix)]
mod segment;
#[cfg(not(unix))]
mod unsupported;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
use memfd as backing;
#[cfg(all(unix, any(not(target_os = "linux"), feature = "portable")))]
use nameless as backing;

#[cfg(unix)]
pub use segment::{Claim, Segment};
#[cfg(not(unix))]
pub use unsupported::{Claim, Segment};

/// What a process is to a segment. Each role can be claimed by one process at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It puts in.
    Producer,
    /// It takes out.
    Consumer,
}

impl Role {
    /// The byte of the segment whose lock says that the role is taken.
    #[cfg(unix)]
    fn byte(self) -> u8 {
        match self {
            Self::Producer => 0,
            Self::Consumer => 1,
        }
    }
}
