//! Errors that the system has no number for.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An operation of this crate failed on a path.
#[derive(Debug)]
pub struct Error {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    pub(crate) fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self { operation, path: path.to_owned(), source }
    }

    /// The path that the operation was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The system's error.
    pub fn into_source(self) -> io::Error {
        self.source
    }

    /// The system's kind of error.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} '{}': {}", self.operation, self.path.display(), self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A directory is mounted inside itself; found inside the [`io::Error`] given to
/// [`Visit::failed`](crate::Visit::failed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryLoop {
    /// Path of the ancestor that the directory is, relative to the root of the walk.
    pub ancestor: Vec<u8>,
}

impl fmt::Display for DirectoryLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ancestor = String::from_utf8_lossy(&self.ancestor);
        let shown = if ancestor.is_empty() { "." } else { &ancestor };
        write!(f, "the directory is its own ancestor '{shown}', mounted inside itself; not entered")
    }
}

impl std::error::Error for DirectoryLoop {}

/// A directory that had to be opened again is no longer at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryMoved {
    /// Path of the directory, relative to the root of the walk.
    pub path: Vec<u8>,
}

impl fmt::Display for DirectoryMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        write!(f, "directory '{path}' was moved or replaced during the walk; walk it again")
    }
}

impl std::error::Error for DirectoryMoved {}

impl From<DirectoryLoop> for io::Error {
    fn from(error: DirectoryLoop) -> Self {
        Self::other(error)
    }
}

impl From<DirectoryMoved> for io::Error {
    fn from(error: DirectoryMoved) -> Self {
        Self::new(io::ErrorKind::NotFound, error)
    }
}

/// Whether an error says that what was expected at a path is not there: nothing, or something else,
/// such as a symbolic link where a directory was, or another directory.
#[must_use]
pub fn is_elsewhere(error: &io::Error) -> bool {
    let kind = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    kind || is_loop(error) || error.get_ref().is_some_and(|inner| inner.is::<DirectoryMoved>())
}

/// Whether an error says that the process or the system has no more of something: files that may be
/// open, or memory. What was not found for that reason is there all the same.
#[must_use]
pub fn is_exhausted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory || is_out_of_files(error)
}

#[cfg(unix)]
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_out_of_files(_: &io::Error) -> bool {
    false
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}
