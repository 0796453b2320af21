//! Finds files by name, and text in files.
//!
//! A walk hands over each directory with its whole listing; patterns and ignore rules prune from
//! above, so that what cannot match is never opened, and attributes are asked for only where a
//! filter needs them. Results stream in batches of packed paths, without an allocation an entry.
//!
//! ```
//! use std::ops::ControlFlow;
//! use treenail_glob::find::{Find, Types};
//!
//! let mut sources = 0;
//! Find::new().root("src").glob("**/*.{rs,toml}").types(Types::FILE).each(|batch| {
//!     for found in batch.iter() {
//!         assert!(found.path().starts_with(b"src/"));
//!         sources += 1;
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! assert!(sources > 5);
//! # Ok::<(), treenail_glob::Error>(())
//! ```
//!
//! - [`find`]: what is in a directory, by name and attributes.
//! - [`Pattern`], [`Filter`]: what is asked of one entry.
//! - `search`, a feature that is on by default: which lines of files match.
//! - [`parse_time`]: times as people write them.

mod error;
mod filter;
pub mod find;
mod pattern;
#[cfg(feature = "search")]
pub mod search;
mod time;

pub use error::{Error, ErrorKind};
pub use filter::{Filter, Owner, Types, nanoseconds};
pub use pattern::{Case, Pattern, Subject};
pub use time::{parse_time, rfc3339};

/// Keeps the README's example true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
