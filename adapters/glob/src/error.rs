//! What can go wrong, as one opaque type.

use std::fmt;
use std::io;
use std::path::Path;

use treenail_os::bytes_of;
use treenail_pattern::gitignore::LoadError;

/// An error of this crate. Its text names the path or the pattern, and what went wrong.
#[derive(Debug)]
pub struct Error(Box<Inner>);

/// What sort of error it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pattern is malformed or exceeds a limit; nothing was walked.
    Pattern,
    /// The system refused a path, or what is there cannot be walked; the walk goes on elsewhere.
    Io,
}

#[derive(Debug)]
enum Inner {
    Pattern { pattern: Vec<u8>, position: Option<usize>, reason: String },
    Io { operation: &'static str, path: Vec<u8>, source: io::Error },
}

impl Error {
    /// A pattern that cannot be used; `position` is the byte at which it goes wrong.
    #[must_use]
    pub fn pattern(pattern: &[u8], position: Option<usize>, reason: impl Into<String>) -> Self {
        Self(Box::new(Inner::Pattern { pattern: pattern.into(), position, reason: reason.into() }))
    }

    /// The system refused `operation` on `path`; the operation reads on from "cannot".
    #[must_use]
    pub fn io(operation: &'static str, path: impl Into<Vec<u8>>, source: io::Error) -> Self {
        Self(Box::new(Inner::Io { operation, path: path.into(), source }))
    }

    pub(crate) fn rules(error: LoadError) -> Self {
        let path = bytes_of(error.path().as_os_str()).to_vec();
        Self::io("read the ignore rules", path, error.into_source())
    }

    pub(crate) fn io_at(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::io(operation, bytes_of(path.as_os_str()), source)
    }

    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Inner::Pattern { .. } => ErrorKind::Pattern,
            Inner::Io { .. } => ErrorKind::Io,
        }
    }

    /// The path that it concerns; none for a pattern.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        match &*self.0 {
            Inner::Pattern { .. } => None,
            Inner::Io { path, .. } => Some(path),
        }
    }

    /// The byte of the pattern at which it goes wrong, counted from 0, where one can be named.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match &*self.0 {
            Inner::Pattern { position, .. } => *position,
            Inner::Io { .. } => None,
        }
    }

    /// What the system said; none for a pattern.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &*self.0 {
            Inner::Pattern { .. } => None,
            Inner::Io { source, .. } => Some(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Pattern { pattern, position, reason } => {
                let pattern = String::from_utf8_lossy(pattern);
                match position {
                    Some(position) => write!(f, "pattern '{pattern}' at byte {position}: {reason}"),
                    None => write!(f, "pattern '{pattern}': {reason}"),
                }
            }
            Inner::Io { operation, path, source } => {
                write!(f, "cannot {operation} '{}': {source}", String::from_utf8_lossy(path))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io_error().map(|error| error as _)
    }
}
