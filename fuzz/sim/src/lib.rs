//! Simulated machines: disks that tear and lie, networks that lose and reorder, clocks that drift,
//! all from one seed.

pub mod disk;
pub mod log;
pub mod net;
pub mod queue;
pub mod rng;
pub mod runner;
pub mod scenarios;
pub mod time;
pub mod trace;
