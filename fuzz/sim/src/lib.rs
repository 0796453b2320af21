//! Simulated machines: disks that tear and lie, networks that lose and reorder, clocks that drift,
//! all in virtual time and all from one seed. What runs on them is the project's own engines.
//!
//! - [`disk`], [`net`], [`time`], [`queue`]: what machines are made of.
//! - [`runner`]: a [`Scenario`](runner::Scenario) over many seeds; replay and shrinking.
//! - [`rng`], [`trace`]: where chance comes from, and what happened.
//! - [`log`]: the first user, `treenail-store`'s log; [`live`]: `treenail-tree`'s live tree;
//!   [`scenarios`] lists all.
//!
//! ```
//! use treenail_sim::disk::{Crash, Disk, DiskFaults, DiskSettings};
//! use treenail_sim::rng::Rng;
//! use treenail_sim::trace::Trace;
//!
//! let disk = Disk::new(DiskSettings::default(), DiskFaults::NONE, Rng::new(7), Trace::new());
//! let file = disk.create("a")?;
//! file.write_at(b"oak", 0)?;
//! file.sync()?;
//! disk.sync_dir("")?;
//! file.write_at(b"ash", 0)?;
//! disk.restart(Crash::Power);
//! let left = &disk.snapshot()[0].1;
//! assert!(left == b"oak" || left == b"ash", "the seed decides");
//! # Ok::<(), treenail_sim::disk::Error>(())
//! ```

pub mod disk;
pub mod live;
pub mod log;
pub mod net;
pub mod queue;
pub mod rng;
pub mod runner;
pub mod scenarios;
pub mod time;
pub mod trace;
