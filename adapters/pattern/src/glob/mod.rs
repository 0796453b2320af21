//! Globs over byte paths.
//!
//! | syntax | matches |
//! |---|---|
//! | `?` | one character, not `/` |
//! | `*` | any run of characters, without `/` |
//! | `**` as a whole component | any number of components, none too; at the end one or more |
//! | `[a-z]`, `[!a-z]`, `[^a-z]` | one character of the class, or not of it; never `/` |
//! | `{a,b{c,d}}` | any of the alternatives, nested as needed; one may be empty |
//! | `\x` | `x` itself, in classes too |
//!
//! A character is a Unicode scalar value; where the path is not UTF-8, a byte. Names that start
//! with a dot are like any other. With [`Options::literal_separator`] off, `?`, `*` and classes
//! also match `/`.
//!
//! It differs from the crate `globset` in this: `?` and classes match a character and not a byte;
//! classes never match `/`, and `\` escapes in them; an empty alternative matches the empty text;
//! braces are expanded first, so that `**` beside them means what it would without them.
//!
//! ```
//! use treenail_pattern::glob::{Glob, Options};
//!
//! let glob = Glob::compile("net/**/*.{c,h}", Options::default())?;
//! assert!(glob.is_match(b"net/ipv4/tcp.c"));
//! assert_eq!(glob.prefix(), b"net");
//!
//! // A walk asks before it opens a directory.
//! assert!(glob.start().descend(b"drivers").is_none());
//! let net = glob.start().descend(b"net").expect("the prefix");
//! assert!(net.matches(b"socket.c") && !net.matches(b"Makefile"));
//! # Ok::<(), treenail_pattern::glob::PatternError>(())
//! ```

mod components;
mod crossing;
mod error;
mod parse;
mod set;
mod shape;

pub use error::{PatternError, Reason};
pub use set::{Glob, GlobSet, State};
pub use shape::{DirShape, NameShape, Shape};

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 64 << 10;
/// The most patterns that the braces of one glob may stand for.
pub const EXPANSIONS_MAX: usize = 4_096;
/// The most tokens that those patterns may have together.
pub const EXPANDED_TOKENS_MAX: usize = 1 << 18;
/// How deep braces may nest.
pub const BRACE_DEPTH_MAX: usize = 64;

/// Writes out the braces of a glob: `*.{c,h}` is `*.c` and `*.h`. What is neither a brace nor a
/// comma within them stays as it is written.
///
/// ```
/// use treenail_pattern::glob::expand_braces;
///
/// assert_eq!(expand_braces(b"{a,b{c,d}}/\\{")?, [&b"a/\\{"[..], b"bc/\\{", b"bd/\\{"]);
/// assert!(expand_braces(b"{a,b").is_err());
/// # Ok::<(), treenail_pattern::glob::PatternError>(())
/// ```
///
/// # Errors
/// It is no glob by the rules [above](self).
pub fn expand_braces(pattern: &[u8]) -> Result<Vec<Vec<u8>>, PatternError> {
    parse::expand_text(pattern)
}

/// How globs are read and matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// ASCII letters match whatever their case. Off by default.
    pub case_insensitive: bool,
    /// `/` is matched by nothing but itself and `**`. On by default.
    pub literal_separator: bool,
    /// `{a,b}` stands for alternatives; otherwise braces are plain characters. On by default.
    pub braces: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { case_insensitive: false, literal_separator: true, braces: true }
    }
}
