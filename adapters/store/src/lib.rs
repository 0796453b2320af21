//! A durable log in a directory: group commit, crash recovery that tells torn from corrupt,
//! checkpoints.
//!
//! A record that [`Log::commit`] has returned for is on the disk: it is there when the log is
//! opened again, whatever stopped the process or the machine, or else opening it fails and says
//! what is damaged. Threads that commit at the same time share one sync. [`Log::flush`] is for
//! records that have to outlive the process and not a power failure.
//!
//! ```
//! use treenail_store::{Kind, Log, Options};
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("log");
//! let put = Kind::new(1).unwrap();
//! let (log, _) = Log::open(&path, &Options::default())?;
//! log.append(put, b"oak")?;
//! let end = log.append(put, b"ash")?;
//! log.commit(end)?; // one write, one sync
//! log.close()?;
//!
//! let (log, recovery) = Log::open(&path, &Options::default())?;
//! let mut reader = log.read_from(recovery.checkpoint.lsn)?;
//! while let Some(record) = reader.next()? {
//!     println!("{}: {:?}", record.lsn, record.payload);
//! }
//! log.checkpoint(end, b"all up to ash is elsewhere now")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | |
//! |---|---|
//! | [`Log`], [`Options`] | the log for programs: append, commit, flush, checkpoint, close |
//! | [`Recovery`], [`Checkpoint`] | what was found at opening |
//! | [`Reader`] | records one after the other, while somebody writes or not |
//! | [`Salvage`] | what can still be read of a damaged log |
//! | [`Error`], [`ErrorKind`], [`Damage`] | what went wrong, where, and the remedy |
//! | [`open`], [`Parts`], [`Engine`], [`Files`] | the parts, without threads, for simulators |
//! | [`disk`] | the directory as the log sees it, and the real one |
//!
//! The files are described in `docs/format/store.md`, the records in `docs/format/wal.md`.

mod checkpoints;
pub mod disk;
mod engine;
mod error;
mod files;
mod group;
mod log;
mod options;
mod reader;
mod recovery;
mod salvage;
mod scan;
mod slots;

pub use checkpoints::{CheckpointError, Checkpoints};
pub use engine::{Action, Counts, Done, Engine, Fault, Refusal};
pub use error::{Damage, Error, ErrorKind};
pub use files::Files;
pub use log::Log;
pub use options::Options;
pub use reader::Reader;
pub use recovery::{Checkpoint, Parts, Recovery, open};
pub use salvage::{Salvage, Salvaged};
pub use slots::CHECKPOINT_BYTES_MAX;
pub use treenail_wal::{Epoch, Kind, Lsn, Record, Segment, Tail};

/// The README's example, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
