//! What can go wrong with a tree, in one type.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A failure, with the path it concerns and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: PathBuf,
    message: String,
    source: Option<io::Error>,
}

/// What sort of failure an [`Error`] is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The system refused.
    Io,
    /// The file is not a snapshot.
    NotASnapshot,
    /// The snapshot is shorter than it says.
    Truncated,
    /// The snapshot's bytes are not those that were written.
    Corrupt,
    /// The snapshot was made by a later version.
    Newer,
    /// The two sides hold ids of different kinds.
    IdsDiffer,
    /// A named limit was reached.
    Limit,
    /// Another process holds the state.
    Locked,
    /// The root was removed, moved, replaced or unmounted.
    RootGone,
    /// The time allowed was over.
    TimedOut,
}

impl ErrorKind {
    /// The kind's name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::NotASnapshot => "not_a_snapshot",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Newer => "newer",
            Self::IdsDiffer => "ids_differ",
            Self::Limit => "limit",
            Self::Locked => "locked",
            Self::RootGone => "root_gone",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: &Path, message: impl Into<String>) -> Self {
        Self { kind, path: path.to_owned(), message: message.into(), source: None }
    }

    pub(crate) fn io(path: &Path, doing: &str, source: io::Error) -> Self {
        let message = format!("{doing}: {source}");
        Self { kind: ErrorKind::Io, path: path.to_owned(), message, source: Some(source) }
    }

    /// What the system said, where it did.
    pub(crate) fn source_io(&self) -> Option<&io::Error> {
        self.source.as_ref()
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file or directory concerned.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened, without the path.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self.kind {
            ErrorKind::NotASnapshot => Some("name a directory, or a file made by `tree --save`"),
            ErrorKind::Truncated | ErrorKind::Corrupt => {
                Some("make the snapshot again with `tree --save`")
            }
            ErrorKind::Newer => Some("use the version of treenail that made it, or a later one"),
            ErrorKind::IdsDiffer => Some("save both sides with the same `--ids`"),
            ErrorKind::Locked => Some(
                "ask the process that watches it (a daemon: `--daemon`), or end that one first",
            ),
            ErrorKind::RootGone => Some("watch it again once it is there"),
            ErrorKind::TimedOut => Some("allow more time, or wait until less is written there"),
            ErrorKind::Io | ErrorKind::Limit => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
