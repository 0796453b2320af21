//! `treenail-ring`: numbers and frames between two threads, frames between two processes.

pub mod frames;
pub mod numbers;
pub mod shared;
