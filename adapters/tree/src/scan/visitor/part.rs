//! What one thread of a scan has found, and the memory that it works with.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use treenail_os::{Handle, Kind, Reader, Stat};

use super::super::assemble::Late;
use super::super::content::Wanted;
use super::super::fresh::Fresh;
use super::super::gather::{Kept, Listed, Packer, Reading};
use super::super::{FAILURES_KEPT_MAX, Failure};
use super::path_of;
use crate::ids::ContentId;
use crate::view::Counts;

/// What one thread has found.
pub(in crate::scan) struct Part<C: ContentId> {
    pub(in crate::scan) dirs: Vec<Listed<C>>,
    pub(in crate::scan) late: Vec<Late<C::Id>>,
    /// Files that had changed just before they were read.
    pub(in crate::scan) fresh: Vec<Fresh>,
    pub(in crate::scan) counts: Counts,
    pub(in crate::scan) root_stat: Option<Stat>,
    pub(in crate::scan) failures: Vec<Failure>,
    pub(in crate::scan) failures_total: u64,
    pub(in crate::scan) files_read: u64,
    pub(in crate::scan) bytes_read: u64,
    pub(in crate::scan) files_reused: u64,
}

/// One thread's memory; what it found is handed in when it ends.
pub(in crate::scan) struct Worker<C: ContentId> {
    pub(super) reader: Reader,
    pub(super) packer: Packer<C>,
    /// The entries of a directory; kept for its memory.
    pub(super) kept: Vec<Kept<C::Id>>,
    pub(super) part: Part<C>,
    pub(super) parts: Arc<Mutex<Vec<Part<C>>>>,
    /// Whether the number of links tells how many directories are in one, on the last device.
    pub(super) counting: Option<(u64, bool)>,
}

impl<C: ContentId> Drop for Worker<C> {
    fn drop(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

impl<C: ContentId> Default for Part<C> {
    fn default() -> Self {
        Self {
            dirs: Vec::new(),
            late: Vec::new(),
            fresh: Vec::new(),
            counts: Counts::default(),
            root_stat: None,
            failures: Vec::new(),
            failures_total: 0,
            files_read: 0,
            bytes_read: 0,
            files_reused: 0,
        }
    }
}

impl<C: ContentId> Part<C> {
    pub(in crate::scan) fn fail(&mut self, path: impl FnOnce() -> Vec<u8>, error: io::Error) {
        self.failures_total += 1;
        if self.failures.len() < FAILURES_KEPT_MAX {
            self.failures.push(Failure { path: path(), error });
        }
    }

    /// Takes in the stat of a file that was listed as one.
    pub(super) fn looked(
        &mut self,
        dir: &Handle,
        name: &[u8],
        stat: io::Result<Stat>,
    ) -> Reading<C::Id> {
        let error = match stat {
            Ok(stat) if stat.kind != Kind::Directory => return Reading::File(stat, None),
            Ok(_) => io::ErrorKind::IsADirectory.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
            Err(error) => error,
        };
        self.fail(|| path_of(dir, name), error);
        Reading::Lost
    }

    /// What a failed reading leaves of an entry.
    pub(super) fn unread(
        &mut self,
        dir: &Handle,
        wanted: &Wanted<'_>,
        error: io::Error,
    ) -> Reading<C::Id> {
        let now = wanted.before.map_or_else(|| dir.stat(wanted.name), Ok);
        let reading = match now {
            Ok(stat) if stat.kind == Kind::File => Reading::File(stat, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
            _ => Reading::Lost,
        };
        self.fail(|| path_of(dir, wanted.name), error);
        reading
    }
}
