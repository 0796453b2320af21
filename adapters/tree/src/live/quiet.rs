//! Files of which new attributes were taken to be all that changed.

use std::collections::VecDeque;

use super::dirt::At;
use crate::pages::DirId;

/// So many files are remembered; of those before them the system has long told everything.
const FILES_MAX: usize = 4096;

/// Files whose content counts as what it was although their ctime is another: had they been
/// written, with their mtime set back, the system would tell. If it then says that something was
/// lost, nobody knows, and a comparison finds the attributes that the tree has already.
#[derive(Default)]
pub(super) struct Quiet {
    /// The oldest first; may hold a file twice.
    files: VecDeque<At>,
}

impl Quiet {
    pub(super) fn add(&mut self, at: At) {
        if self.files.len() == FILES_MAX {
            self.files.pop_front();
        }
        self.files.push_back(at);
    }

    /// Takes out the files in these directories, which are sorted; all if there are none.
    pub(super) fn take(&mut self, dirs: &[DirId]) -> VecDeque<At> {
        let is_in = |at: &At| dirs.is_empty() || dirs.binary_search(&at.0).is_ok();
        let (taken, left) = std::mem::take(&mut self.files).into_iter().partition(is_in);
        self.files = left;
        taken
    }
}
