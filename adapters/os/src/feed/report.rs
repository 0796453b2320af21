//! What a feed says of itself.

use std::path::PathBuf;
use std::sync::Arc;

use super::Rung;

/// Whether changes of a directory will be reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Watched {
    /// They will be.
    By(Rung),
    /// No back end sees them: the caller has to look itself, again and again.
    Polled {
        /// Why, with the limit and the remedy where there are such.
        reason: Arc<str>,
    },
}

/// What reports the changes of one mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Where the mount was come across: the root, or the first directory on it.
    pub path: PathBuf,
    /// What reports its changes.
    pub rung: Rung,
    /// Of each better rung, why it was not taken.
    pub reasons: Vec<String>,
}

/// What a feed has counted since it was opened, or several one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Records read from the system.
    pub records: u64,
    /// Those that concerned nothing watched.
    pub outside: u64,
    /// Events passed on.
    pub events: u64,
    /// Bytes read from the system.
    pub bytes: u64,
    /// Reads of the system's queues.
    pub reads: u64,
    /// Renames that were put together from two halves.
    pub paired: u64,
    /// Halves of renames that were passed on alone.
    pub unpaired: u64,
    /// How often events were lost.
    pub losses: u64,
    /// Directories and files watched now.
    pub watched: usize,
}

impl Statistics {
    /// Adds what was counted elsewhere or since; [`watched`](Self::watched), which is no count of
    /// what happened, stays as it is.
    pub fn add_counts(&mut self, more: &Self) {
        let Self { records, outside, events, bytes, reads, paired, unpaired, losses, watched: _ } =
            more;
        self.records += records;
        self.outside += outside;
        self.events += events;
        self.bytes += bytes;
        self.reads += reads;
        self.paired += paired;
        self.unpaired += unpaired;
        self.losses += losses;
    }
}
