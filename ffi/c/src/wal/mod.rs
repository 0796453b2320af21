//! `treenail-wal`: framing the records of a log, and reading them back with a verdict.

pub mod encode;
pub mod scan;
pub mod segment;
