//! The live tree: its state machine on a simulated file system and a simulated feed.
//!
//! Somebody keeps changing a small file system, also between the parts of every look at it; the
//! feed reports what happened as one of the system's interfaces does, merged, torn, late and
//! sometimes not at all; a driver performs what the tree asks for, in any order. When the changes
//! end, the tree has to be what a fresh scan shows, and everybody who followed its batches, or
//! asked what changed since a clock, has to know it.

mod check;
mod driver;
mod fs;
mod kernel;
mod mutator;
mod profile;
mod replica;
mod world;

use self::world::World;
use crate::runner::{Run, Scenario, Violation};

/// The scenario `live`.
#[derive(Default)]
pub struct LiveTree {
    mutant: Option<Mutant>,
}

/// Something wrong with the tree, its driver, or its feed, that has to be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// A directory is listed before it is watched.
    ListBeforeWatch,
    /// A directory that is not where the tree has it counts as empty.
    BelievePaths,
    /// Directories stay watched for ever.
    KeepWatches,
    /// A full queue is not reported.
    SwallowLosses,
    /// A loss is repaired, and nobody is told.
    SwallowGaps,
    /// Of a rename only the new place is looked at.
    ForgetOldPlaces,
    /// Every change of a file counts as one that nobody needs to act on.
    QuietModifies,
    /// What is gone is believed to be before the feed was heard.
    BelieveAtOnce,
    /// Has files of several names not watched by themselves.
    ForgetLinks,
    /// A process that begins believes what the one before took for the same.
    ForgetQuiet,
}

/// What has to hold.
pub mod invariant {
    /// At rest the tree is what a scan shows.
    pub const TREE: &str = "the tree equals a fresh scan";
    /// The id of a file is that of its content.
    pub const IDS: &str = "ids are those of the contents";
    /// Every directory is listed and watched, and nothing else is.
    pub const WATCHED: &str = "all directories are watched and no others";
    /// The batches lead from tree to tree.
    pub const BATCHES: &str = "batches lead from the tree before to the tree after";
    /// `since` leads from the tree at the clock to the tree now.
    pub const SINCE: &str = "since leads from the tree at the clock to the tree now";
    /// Whoever reads what is reported knows every file's content.
    pub const OMISSION: &str = "every change of content is reported";
    /// Losses are reported, and nothing else as one.
    pub const GAPS: &str = "every loss is a gap and every gap a loss";
    /// The tree comes to rest.
    pub const REST: &str = "the tree comes to rest";
    /// Work is in proportion to what happened.
    pub const WORK: &str = "work is in proportion to changes";
    /// The same content again is not reported.
    pub const QUIET: &str = "a rewrite with the same content is quiet";
    /// What the feed told to be renamed is not told to be gone and come.
    pub const PAIRS: &str = "renames told in pairs are reported as such";
    /// Renames are reported as such.
    pub const RENAME: &str = "an undisturbed rename is reported as one";
}

impl LiveTree {
    /// The live tree as it is.
    pub fn sound() -> Self {
        Self::default()
    }

    /// The live tree with something wrong.
    pub fn with(mutant: Mutant) -> Self {
        Self { mutant: Some(mutant) }
    }
}

impl Scenario for LiveTree {
    fn name(&self) -> &'static str {
        "live"
    }

    fn classes(&self) -> Vec<&'static str> {
        profile::CLASSES.to_vec()
    }

    fn run(&self, run: &mut Run) -> Result<(), Violation> {
        World::new(run, self.mutant).live()
    }
}
