//! Git's ignore rules.
//!
//! [`Rules`] is one file, compiled; [`Stack`] lays files on top of one another; [`DirRules`] is a
//! stack narrowed to one directory, which a walk asks name by name. The last matching rule of the
//! nearest file decides, as in git. [`Repository`] finds and reads the files; nothing else here
//! does I/O.
//!
//! ```
//! use std::sync::Arc;
//! use treenail_pattern::gitignore::{Rules, Stack, Verdict};
//!
//! let stack = Stack::new()
//!     .push(Arc::new(Rules::parse(b"*.log\n/target/\n")), b"")
//!     .push(Arc::new(Rules::parse(b"!keep.log\n")), b"logs");
//! let logs = stack.dir(b"logs");
//! assert_eq!(logs.verdict(b"old.log", false), Verdict::Ignored);
//! assert_eq!(logs.verdict(b"keep.log", false), Verdict::Included);
//! assert_eq!(logs.verdict(b"target", true), Verdict::None);
//! assert_eq!(stack.verdict_path(b"target/debug/x", false), Verdict::Ignored);
//! ```

mod class;
mod compile;
mod config;
mod loader;
mod rules;
mod stack;
mod syntax;
mod wildmatch;

pub use config::CONFIG_BYTES_MAX;
pub use loader::{
    Above, Environment, LoadError, OpenOptions, RULE_FILE_BYTES_MAX, RULE_FILE_NAME, Repository,
    exclude_file_of, is_git_dir, read_rule_file,
};
pub use rules::{Case, Rule, Rules};
pub use stack::{DirRules, Stack, Verdict};
pub use wildmatch::{WildmatchOptions, wildmatch};
