//! A durable log in a directory: group commit, crash recovery that tells torn from corrupt,
//! checkpoints.
//!
//! - [`disk`]: the one directory that a log lives in, as the log sees it; [`disk::OsDisk`] is the
//!   real one, a test or a simulator brings its own.

pub mod disk;
mod error;
mod slots;

pub use error::{Damage, Error, ErrorKind};
pub use slots::CHECKPOINT_BYTES_MAX;
