//! The first user: `treenail-store`'s log, written by many, checkpointed, crashed at any call,
//! recovered, and compared with what it promised.
//!
//! A run is a row of lives. Each begins with opening the log, which is checked against a model of
//! what was promised; then writers append at random moments, the engine's two lanes of work are
//! performed as the disk's latency allows, checkpoints retire segments, readers look on, until the
//! machine stops within some call to the disk, or the log is closed. At the end the disk works
//! again, and the log has to open, twice, and hold what it should.

mod dir;
mod model;
mod open;
mod profile;
mod world;

use std::marker::PhantomData;

use treenail_store::disk::Disk;

pub use self::dir::Dir;
pub use self::model::invariant;
use self::world::World;
use crate::disk::DiskFaults;
use crate::runner::{Run, Scenario, Violation};

/// The scenario `log`. A test may put something broken between the log and its disk.
pub struct Log<D, W> {
    wrap: W,
    disk: PhantomData<fn() -> D>,
}

impl Log<Dir, fn(Dir) -> Dir> {
    /// The log as it is.
    pub fn sound() -> Self {
        Self::with(|dir| dir)
    }
}

impl<D: Disk, W: Fn(Dir) -> D + Sync> Log<D, W> {
    /// The log on top of what `wrap` makes of its directory.
    pub fn with(wrap: W) -> Self {
        Self { wrap, disk: PhantomData }
    }
}

impl<D: Disk, W: Fn(Dir) -> D + Sync> Scenario for Log<D, W> {
    fn name(&self) -> &'static str {
        "log"
    }

    fn classes(&self) -> Vec<&'static str> {
        [DiskFaults::CLASSES, profile::CLASSES].concat()
    }

    fn run(&self, run: &mut Run) -> Result<(), Violation> {
        World::new(run, &self.wrap).live()
    }
}
