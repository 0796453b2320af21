//! What can go wrong with a shared tree, in one type.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure, with the path it concerns and what to do about it. A clone is the same failure, told
/// to somebody else.
#[derive(Clone, Debug)]
pub struct Error {
    path: PathBuf,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Tree(Arc<treenail_tree::Error>),
    Io(String, Arc<io::Error>),
    Stopped,
    TimedOut,
}

/// What sort of failure an [`Error`] is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The tree failed, in this way.
    Tree(treenail_tree::ErrorKind),
    /// The system refused.
    Io,
    /// Nobody keeps the tree any more.
    Stopped,
    /// It took longer than the caller wanted to wait.
    TimedOut,
}

impl ErrorKind {
    /// The kind's name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tree(kind) => kind.name(),
            Self::Io => "io",
            Self::Stopped => "stopped",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Error {
    pub(crate) fn tree(error: treenail_tree::Error) -> Self {
        error.into()
    }

    pub(crate) fn io(path: &Path, doing: &str, error: io::Error) -> Self {
        let message = format!("{doing}: {error}");
        Self { path: path.to_owned(), what: What::Io(message, Arc::new(error)) }
    }

    pub(crate) fn stopped(root: &Path) -> Self {
        Self { path: root.to_owned(), what: What::Stopped }
    }

    pub(crate) fn timed_out(root: &Path) -> Self {
        Self { path: root.to_owned(), what: What::TimedOut }
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.what {
            What::Tree(error) => ErrorKind::Tree(error.kind()),
            What::Io(..) => ErrorKind::Io,
            What::Stopped => ErrorKind::Stopped,
            What::TimedOut => ErrorKind::TimedOut,
        }
    }

    /// The file or directory concerned.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened, without the path.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.what {
            What::Tree(error) => error.message(),
            What::Io(message, _) => message,
            What::Stopped => "the tree is not kept any more",
            What::TimedOut => "not everything was seen within the time allowed",
        }
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.what {
            What::Tree(error) => error.remedy(),
            What::Io(..) => None,
            What::Stopped => Some("start to watch it again"),
            What::TimedOut => Some("allow more time, or wait until less is written there"),
        }
    }

    /// The tree's own error, where it is one.
    #[must_use]
    pub fn tree_error(&self) -> Option<&treenail_tree::Error> {
        match &self.what {
            What::Tree(error) => Some(error),
            What::Io(..) | What::Stopped | What::TimedOut => None,
        }
    }
}

impl From<treenail_tree::Error> for Error {
    fn from(error: treenail_tree::Error) -> Self {
        Self { path: error.path().to_owned(), what: What::Tree(Arc::new(error)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.what {
            What::Tree(error) => error.source(),
            What::Io(_, error) => Some(&**error),
            What::Stopped | What::TimedOut => None,
        }
    }
}
