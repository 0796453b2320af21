//! The search in the content of files: which lines match, and where in them.
//!
//! [`Search`] says what is searched for and how; [`Search::compile`] makes a [`Searcher`] of it,
//! which is asked about bytes, about files, or about all that a [`Find`](crate::find::Find) finds.
//!
//! ```
//! use treenail_glob::search::Search;
//!
//! let searcher = Search::new(["fn \\w+"]).compile()?;
//! let found = searcher.bytes(b"use a;\nfn main() {}\n")?;
//! let line = found.lines().next().expect("a match");
//! assert_eq!((line.number, line.bytes), (Some(2), &b"fn main() {}\n"[..]));
//! assert_eq!(line.spans, [0..7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Searcher::bytes`], [`Searcher::path`]: one content, one file.
//! - [`Worker`]: one content after the other, line by line, for threads of one's own.
//! - [`Files`]: everything that is found, by all threads: to a callback, as an iterator, printed.
//! - [`FileTypes`]: which names are those of Rust, Make, ...
//! - [`contents`]: which files need not be read, as their contents are known.
//! - [`printer`]: results as text, in ripgrep's forms.

pub mod contents;
mod deliver;
mod engine;
mod files;
mod input;
mod lines;
mod options;
mod pattern;
mod preprocess;
pub mod printer;
mod run;
mod types;
#[cfg(feature = "compressed")]
mod unpack;

pub use crate::pattern::Case;
pub use deliver::{FileMatch, SearchMatch, SearchMatches};
pub use engine::{Content, Searcher, Worker};
pub use files::{Files, PrintError};
pub use lines::{FileMatches, Line, LineKind, Lines};
pub use options::{Binary, Engine, Search};
pub use pattern::{PatternError, PatternErrorKind};
pub use preprocess::Preprocessor;
pub use types::{FileTypes, TypeError};

use options::Options;
