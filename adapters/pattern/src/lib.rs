//! Globs and ignore rules over byte paths, compiled once and asked many times.
//!
//! [`gitignore`] decides as git does, rule file over rule file; [`glob`] matches whole paths and
//! tells a walk which directories lead nowhere. Both cut patterns into components, settle what a
//! pattern asks of a directory once for the directory, and then decide each name by a few
//! look-ups. Nothing here walks a tree, and only [`gitignore::Repository`] reads files.
//!
//! ```
//! use std::sync::Arc;
//! use treenail_pattern::gitignore::{Rules, Stack, Verdict};
//! use treenail_pattern::glob::{Glob, Options};
//!
//! let stack = Stack::new().push(Arc::new(Rules::parse(b"*.o\n/build/\n")), b"");
//! let glob = Glob::compile("src/**/*.{c,h}", Options::default())?;
//!
//! let (rules, state) = (stack.dir(b"src"), glob.start().descend(b"src").expect("a prefix"));
//! assert_eq!(rules.verdict(b"main.o", false), Verdict::Ignored);
//! assert!(state.matches(b"main.c"));
//! # Ok::<(), treenail_pattern::glob::PatternError>(())
//! ```

pub mod gitignore;
pub mod glob;
mod index;
mod name;
mod paths;
mod positions;
mod table;
mod token;

/// Keeps the README's example true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
