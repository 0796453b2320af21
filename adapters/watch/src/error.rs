//! What can go wrong with watching, in one type.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use treenail_pattern::gitignore::LoadError;
use treenail_share::Problem;

/// A failure, with the path it concerns and what to do about it.
#[derive(Clone, Debug)]
pub struct Error(What);

#[derive(Clone, Debug)]
enum What {
    Shared(treenail_share::Error),
    Daemon(Problem),
    Pattern { root: PathBuf, message: String },
    Rules { path: PathBuf, message: String },
    Io { path: PathBuf, message: String },
}

/// What sort of failure an [`Error`] is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The tree, or who keeps it, failed in this way.
    Shared(treenail_share::ErrorKind),
    /// The daemon, or the way to it, failed; [`Error::problem`] says more.
    Daemon,
    /// A glob is none.
    Pattern,
    /// The ignore rules cannot be read.
    Rules,
    /// The system refused.
    Io,
}

impl ErrorKind {
    /// The kind's name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared(kind) => kind.name(),
            Self::Daemon => "daemon",
            Self::Pattern => "pattern",
            Self::Rules => "rules",
            Self::Io => "io",
        }
    }
}

impl Error {
    pub(crate) fn pattern(root: &Path, message: String) -> Self {
        Self(What::Pattern { root: root.to_owned(), message })
    }

    pub(crate) fn rules(error: &LoadError) -> Self {
        let message = format!("cannot read the ignore rules: {error}");
        Self(What::Rules { path: error.path().to_owned(), message })
    }

    pub(crate) fn io(path: &Path, doing: &str, error: &io::Error) -> Self {
        Self(What::Io { path: path.to_owned(), message: format!("{doing}: {error}") })
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            What::Shared(error) => ErrorKind::Shared(error.kind()),
            What::Daemon(_) => ErrorKind::Daemon,
            What::Pattern { .. } => ErrorKind::Pattern,
            What::Rules { .. } => ErrorKind::Rules,
            What::Io { .. } => ErrorKind::Io,
        }
    }

    /// The file or directory concerned.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.0 {
            What::Shared(error) => error.path(),
            What::Daemon(problem) => problem.path.as_deref().unwrap_or(Path::new("")),
            What::Pattern { root: path, .. } | What::Rules { path, .. } | What::Io { path, .. } => {
                path
            }
        }
    }

    /// What happened, without the path.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.0 {
            What::Shared(error) => error.message(),
            What::Daemon(problem) => &problem.message,
            What::Pattern { message, .. }
            | What::Rules { message, .. }
            | What::Io { message, .. } => message,
        }
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        match &self.0 {
            What::Shared(error) => error.remedy(),
            What::Daemon(problem) => problem.remedy.as_deref(),
            What::Pattern { .. } => {
                Some("put it right; `\\` before a character takes it literally")
            }
            What::Rules { .. } => Some("put the file right, or watch without --gitignore"),
            What::Io { .. } => None,
        }
    }

    /// What the daemon, or the way to it, has to complain of, where it is that.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match &self.0 {
            What::Daemon(problem) => Some(problem),
            _ => None,
        }
    }

    /// The tree's own error, where it is one.
    #[must_use]
    pub fn tree_error(&self) -> Option<&treenail_tree::Error> {
        match &self.0 {
            What::Shared(error) => error.tree_error(),
            _ => None,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self(What::Daemon(problem))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let What::Daemon(problem) = error.0 {
            return problem;
        }
        Self {
            kind: error.kind().name().into(),
            message: error.message().to_owned(),
            path: Some(error.path().to_owned()),
            remedy: error.remedy().map(|remedy| remedy.to_owned().into()),
        }
    }
}

impl From<treenail_share::Error> for Error {
    fn from(error: treenail_share::Error) -> Self {
        Self(What::Shared(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path().display(), self.message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            What::Shared(error) => error.source(),
            _ => None,
        }
    }
}
