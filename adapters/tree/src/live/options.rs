//! How a live tree is kept, and what it says of its beginning.

use std::path::PathBuf;
use std::time::Duration;

use treenail_os::feed::{self, Rung};

use super::clock::Clock;
use super::exclude::Exclude;
use crate::ids::IdKind;
use crate::view::Counts;

/// How to keep a tree live.
#[derive(Clone, Debug)]
pub struct Options {
    /// The ids by which contents are compared; nothing to report every write. They are computed
    /// when a file is first written. Those of the kind `BLOCKS`, which is the default, also tell
    /// which parts of a large file have changed.
    pub ids: Option<IdKind>,
    /// Where the tree's history is kept, so that its clock outlives the process; a directory
    /// outside of the root. Nothing to keep none.
    pub state: Option<PathBuf>,
    /// Whether to go on without the state where it cannot be opened or stored, on a full disk for
    /// one; clocks end with the process then. Otherwise that ends the live tree with an error.
    pub state_may_fail: bool,
    /// What the system's feed of changes may use.
    pub feed: feed::Options,
    /// A file that stays open is reported after this long.
    pub open_max: Duration,
    /// How often directories are looked at whose changes nothing reports.
    pub poll_every: Duration,
    /// Which directories are left out of the tree and not watched; none if this is not given.
    pub exclude: Option<Exclude>,
    /// How much memory the history may take.
    pub history_bytes_max: usize,
    /// How many threads scan; 0 for as many as the machine runs at once.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        let Settings { open_max_ns, history_bytes_max, .. } = Settings::default();
        Self {
            ids: Some(IdKind::BLOCKS),
            state: None,
            state_may_fail: false,
            feed: feed::Options::default(),
            open_max: Duration::from_nanos(open_max_ns),
            poll_every: Duration::from_secs(2),
            exclude: None,
            history_bytes_max,
            threads: 0,
        }
    }
}

/// How a live tree began.
#[derive(Clone, Debug)]
pub struct Ready {
    /// From this moment on every change is reported. Of what happened before, while the process did
    /// not run, the first batch tells.
    pub clock: Clock,
    /// What reports the changes of the root's file system.
    pub rung: Rung,
    /// What the tree holds.
    pub counts: Counts,
    /// How long it took until no later change could be missed.
    pub armed: Duration,
    /// How long it took until the tree was complete; to save it, where its history begins, comes
    /// after that.
    pub elapsed: Duration,
    /// Whether the history goes on from an earlier process.
    pub resumed: bool,
    /// Why an earlier state could not be used.
    pub lost: Option<String>,
}

/// A directory that no back end reports of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polled {
    /// Its path, relative to the root.
    pub path: Vec<u8>,
    /// Why, with the remedy.
    pub reason: String,
}

/// Directories that no back end reports of, all for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolledFor {
    /// Why, with the remedy.
    pub reason: String,
    /// How many they are.
    pub dirs: usize,
    /// The path of one of them, relative to the root.
    pub path: Vec<u8>,
    /// How often they are looked at.
    pub every: Duration,
}

/// How a live tree behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The column of ids by which contents are compared; the tree must have it. Without, every
    /// event that tells of a write is reported.
    pub ids: Option<IdKind>,
    /// A file that somebody has open is reported after this many nanoseconds.
    pub open_max_ns: u64,
    /// What is seen gone before the feed tells of it is believed after this many nanoseconds, if
    /// the feed always has more to tell.
    pub explain_max_ns: u64,
    /// Whether a file that is changed after it was looked at always gets another ctime; Linux does
    /// so since 6.13 on the usual file systems.
    pub fine_times: bool,
    /// How much memory the history may take.
    pub history_bytes_max: usize,
    /// Which directories are left out of the tree.
    pub exclude: Option<Exclude>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ids: None,
            open_max_ns: 250_000_000,
            explain_max_ns: 20_000_000,
            fine_times: false,
            history_bytes_max: 8 << 20,
            exclude: None,
        }
    }
}
