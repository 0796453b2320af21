//! Watches a directory: every change is reported, or its loss is; content decides what a change is;
//! and a clock survives restarts.
//!
//! ```
//! use treenail_watch::{Options, Watcher};
//! use treenail_tree::live;
//!
//! let (dir, state) = (tempfile::tempdir()?, tempfile::tempdir()?);
//! let live = live::Options { state: Some(state.path().join("s")), ..Default::default() };
//! let watcher = Watcher::start(dir.path(), &Options::new().live(live.clone()))?;
//! let clock = watcher.clock();
//! watcher.stop()?;
//!
//! std::fs::write(dir.path().join("news"), "while nobody watched")?;
//! let mut watcher = Watcher::start(dir.path(), &Options::new().live(live).since(clock))?;
//! let report = watcher.next(None)?.expect("without a limit, it waits for a change");
//! assert_eq!(&*report.changes[0].path, b"news");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Watcher`]: the changes, one [`Report`] after another; [`Watcher::spawn`] calls a function,
//!   [`Watcher::connect`] has the daemon watch, so that several programs share one tree.
//! - [`Filter`]: which of them are wanted.
//! - [`since()`]: what changed since a clock, asked once.
//! - [`Coverage`]: what is watched how, and what no back end sees.
//! - [`Predictor`]: guesses what is saved next, so that more saves that change nothing are silent.

mod background;
mod border;
mod coverage;
mod error;
mod excluded;
mod filter;
mod ignored;
mod options;
mod predictor;
#[cfg(unix)]
mod remote;
mod report;
mod reports;
#[cfg(unix)]
mod select;
mod since;
mod watcher;

pub use background::Background;
pub use coverage::{Coverage, Covered, Unseen};
pub use error::{Error, ErrorKind};
pub use filter::{Filter, Type};
pub use options::Options;
pub use predictor::Predictor;
pub use report::Report;
#[cfg(unix)]
pub use select::select;
pub use since::since;
pub use watcher::{Statistics, Watcher};

/// Keeps the README's example true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
