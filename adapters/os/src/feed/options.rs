//! What a feed may use.

use std::fmt;
use std::time::Duration;

/// What reports changes, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Rung {
    /// Linux: one fanotify mark for the whole file system; needs the rights of an administrator.
    FileSystem,
    /// Linux: a fanotify mark for each directory; renames come with both names.
    Inodes,
    /// Linux: an inotify watch for each directory.
    Inotify,
    /// macOS and Windows: one recursive watcher of the root.
    System,
    /// Nothing: the caller looks again and again.
    Polling,
}

impl Rung {
    /// All of them, the best first.
    pub const ALL: [Self; 5] =
        [Self::FileSystem, Self::Inodes, Self::Inotify, Self::System, Self::Polling];
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileSystem => "fanotify file system mark",
            Self::Inodes => "fanotify directory marks",
            Self::Inotify => "inotify",
            Self::System => "the system's watcher",
            Self::Polling => "polling",
        })
    }
}

/// How a feed gets its events. The defaults: every rung, no limit but the system's, four queues
/// where queues are split, 10 ms for the other half of a rename, and 2,000 events a second from
/// outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub(super) rungs: Vec<Rung>,
    pub(super) watches_max: usize,
    pub(super) queues: usize,
    pub(super) rename_hold: Duration,
    pub(super) outside_max_per_s: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rungs: Rung::ALL.to_vec(),
            watches_max: usize::MAX,
            queues: 4,
            rename_hold: Duration::from_millis(10),
            outside_max_per_s: 2_000,
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which rungs may be taken; they are tried from the best down. [`Rung::Polling`] always may.
    #[must_use]
    pub fn rungs(mut self, rungs: &[Rung]) -> Self {
        self.rungs = rungs.to_vec();
        self
    }

    /// How many directories and files may be watched one by one; one mark for all is not counted.
    #[must_use]
    pub fn watches_max(mut self, watches: usize) -> Self {
        self.watches_max = watches;
        self
    }

    /// Over how many queues inotify's events are spread, 1 to 64: an overflow concerns only the
    /// directories of one. The system allows each user 128 queues by default.
    #[must_use]
    pub fn queues(mut self, queues: usize) -> Self {
        self.queues = queues.clamp(1, 64);
        self
    }

    /// How long half a rename is held back for the other half.
    #[must_use]
    pub fn rename_hold(mut self, hold: Duration) -> Self {
        self.rename_hold = hold;
        self
    }

    /// How many events a second from outside the watched directories are borne, as the mean of ten
    /// seconds, before the feed [is noisy](super::Feed::is_noisy).
    #[must_use]
    pub fn outside_max_per_s(mut self, events: u64) -> Self {
        self.outside_max_per_s = events;
        self
    }

    #[cfg(any(target_os = "macos", windows, all(target_os = "linux", not(feature = "portable"))))]
    pub(super) fn allows(&self, rung: Rung) -> bool {
        self.rungs.contains(&rung)
    }
}
