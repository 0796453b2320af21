//! Directories that are open for certain.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::super::{list, stat};
use super::{Handle, Shared};
use crate::listing::Listing;
use crate::name;
use crate::stat::Stat;

/// A directory that is open for a run of calls.
pub(crate) struct Held<'a> {
    pub(super) dir: Dir<'a>,
    pub(super) shared: &'a Shared,
}

pub(super) enum Dir<'a> {
    Borrowed(BorrowedFd<'a>),
    Shared(Arc<OwnedFd>),
    Owned(OwnedFd),
}

impl Held<'_> {
    /// As [`Handle::open_file`].
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        name::check(name)?;
        self.shared.open_file(self.fd(), name)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.dir.fd()
    }
}

impl Dir<'_> {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Borrowed(fd) => *fd,
            Self::Shared(fd) => fd.as_fd(),
            Self::Owned(fd) => fd.as_fd(),
        }
    }
}

/// A directory that is open for certain: its handle, and the descriptor if the handle has none.
pub(crate) struct Opened {
    pub(crate) handle: Arc<Handle>,
    pub(super) own: Option<Arc<OwnedFd>>,
}

impl Opened {
    /// Whether the handle lacks the descriptor, so that this value is worth keeping.
    pub(crate) fn is_only_open_here(&self) -> bool {
        self.own.is_some()
    }

    pub(crate) fn list(&self, listing: &mut Listing) -> io::Result<()> {
        list::list(self.fd(), listing)
    }

    /// Lists as much as fits in about so many bytes, from where the last such listing has ended.
    /// Whether that was all.
    pub(crate) fn list_piece(&self, listing: &mut Listing, bytes_max: usize) -> io::Result<bool> {
        list::list_up_to(self.fd(), listing, bytes_max)
    }

    pub(crate) fn stat_entry(&self, name: &[u8]) -> io::Result<Stat> {
        stat::of_entry(self.fd(), name)
    }

    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        stat::of_open(self.fd())
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match (&self.own, self.handle.fd.get()) {
            (Some(fd), _) => fd.as_fd(),
            (None, Some(fd)) => fd.as_fd(),
            (None, None) => unreachable!("an opened directory has a descriptor in one of the two"),
        }
    }
}
