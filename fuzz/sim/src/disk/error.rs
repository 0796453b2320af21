//! Why a call on a simulated disk failed.

use std::fmt;
use std::io;

/// Why a call on a simulated disk failed. Converts into [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No such name.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// A directory that has entries cannot be removed or replaced.
    NotEmpty,
    /// A directory, where a file is wanted.
    IsADirectory,
    /// A file, where a directory is wanted.
    NotADirectory,
    /// A handle opened for reading, or a path that names no file.
    Refused,
    /// The disk is full.
    NoSpace,
    /// The device failed (EIO).
    Io,
    /// The machine stands still, or the handle is from before it did.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such name",
            Self::AlreadyExists => "the name is taken",
            Self::NotEmpty => "the directory is not empty",
            Self::IsADirectory => "is a directory",
            Self::NotADirectory => "is not a directory",
            Self::Refused => "the call does not fit the handle or the path",
            Self::NoSpace => "no space left",
            Self::Io => "input/output error",
            Self::Stopped => "the machine has stopped",
        })
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::NotFound => io::ErrorKind::NotFound,
            Error::AlreadyExists => io::ErrorKind::AlreadyExists,
            Error::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
            Error::IsADirectory => io::ErrorKind::IsADirectory,
            Error::NotADirectory => io::ErrorKind::NotADirectory,
            Error::Refused => io::ErrorKind::InvalidInput,
            Error::NoSpace => io::ErrorKind::StorageFull,
            Error::Io | Error::Stopped => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
