//! Why a glob is refused.

use std::fmt;

/// A glob that cannot be compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PatternError {
    /// The byte of the pattern at which it went wrong, counted from 0.
    pub position: usize,
    /// What went wrong.
    pub reason: Reason,
}

/// What is wrong with a glob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A `[` without its `]`.
    UnclosedClass,
    /// A range such as `z-a`.
    InvalidRange,
    /// A class that names `/`, which no class can match.
    SeparatorInClass,
    /// A `{` without its `}`.
    UnclosedBrace,
    /// A `}` without its `{`.
    UnopenedBrace,
    /// A `\` at the end.
    DanglingEscape,
    /// The pattern is longer than [`PATTERN_BYTES_MAX`](super::PATTERN_BYTES_MAX).
    TooLong,
    /// Braces nest deeper than [`BRACE_DEPTH_MAX`](super::BRACE_DEPTH_MAX).
    BracesTooDeep,
    /// The braces stand for more than [`EXPANSIONS_MAX`](super::EXPANSIONS_MAX) patterns, or for
    /// more than [`EXPANDED_TOKENS_MAX`](super::EXPANDED_TOKENS_MAX) tokens in all.
    TooManyExpansions,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "glob: {} at byte {}", self.reason, self.position)
    }
}

impl std::error::Error for PatternError {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnclosedClass => f.write_str("`[` without `]`; escape it as `\\[`"),
            Self::InvalidRange => f.write_str("a range runs backwards"),
            Self::SeparatorInClass => f.write_str("a class cannot match `/`; use `{/,...}`"),
            Self::UnclosedBrace => f.write_str("`{` without `}`; escape it as `\\{`"),
            Self::UnopenedBrace => f.write_str("`}` without `{`; escape it as `\\}`"),
            Self::DanglingEscape => f.write_str("`\\` with nothing to escape; double it"),
            Self::TooLong => {
                write!(f, "longer than the limit of {} bytes", super::PATTERN_BYTES_MAX)
            }
            Self::BracesTooDeep => {
                write!(f, "braces nest deeper than the limit of {}", super::BRACE_DEPTH_MAX)
            }
            Self::TooManyExpansions => write!(
                f,
                "braces stand for more than the limit of {} patterns or {} tokens; \
                 split the pattern",
                super::EXPANSIONS_MAX,
                super::EXPANDED_TOKENS_MAX
            ),
        }
    }
}
