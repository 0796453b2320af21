//! The ids that an earlier snapshot of the same directory knows.

use std::iter::{self, Peekable};

use treenail_os::Stat;

use crate::recheck::CLOCK_STEP_NS_MAX;
use crate::snapshot::Snapshot;
use crate::view::{Entry, View};

/// One directory of the previous snapshot, asked for names in ascending order.
pub(super) struct Previous<'a> {
    snapshot: Option<&'a Snapshot>,
    entries: Peekable<Box<dyn Iterator<Item = Entry<'a, u32>> + 'a>>,
}

impl<'a> Previous<'a> {
    pub(super) fn new(snapshot: Option<&'a Snapshot>, dir: Option<u32>) -> Self {
        let entries: Box<dyn Iterator<Item = _>> = match (snapshot, dir) {
            (Some(snapshot), Some(dir)) => Box::new(snapshot.entries(dir)),
            _ => Box::new(iter::empty()),
        };
        Self { snapshot, entries: entries.peekable() }
    }

    pub(super) fn find(&mut self, name: &[u8]) -> Option<Entry<'a, u32>> {
        while self.entries.next_if(|entry| entry.name < name).is_some() {}
        self.entries.next_if(|entry| entry.name == name)
    }

    /// The id of a file whose stat says that it is still what it was.
    pub(super) fn id(&mut self, name: &[u8], stat: &Stat) -> Option<&'a [u8]> {
        let entry = self.find(name)?;
        let settled = self.snapshot?.taken_ns().saturating_sub(CLOCK_STEP_NS_MAX);
        // Where the system does not number files (Windows), stat proves too little.
        let same = entry.stat.same_content(stat) && stat.inode != 0;
        let old = entry.stat.ctime_ns < settled && entry.stat.mtime_ns < settled;
        if same && old { entry.id } else { None }
    }
}
