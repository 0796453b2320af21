//! What can go wrong, where, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use treenail_wal::Lsn;

/// An operation on a log failed.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    path: PathBuf,
    operation: &'static str,
    detail: String,
    damage: Option<Damage>,
    source: Option<io::Error>,
}

/// The kinds of [`Error`], for whoever acts on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another writer, in this process or another, has the log.
    Locked,
    /// The disk is full. Nothing was appended, nothing is lost, and the log may be used again once
    /// there is space; what is in it can be read meanwhile.
    NoSpace,
    /// A record or a checkpoint is larger than the log takes.
    TooLarge,
    /// A write or a sync failed. What was not acknowledged before may or may not be found when the
    /// log is opened again; this handle does nothing more.
    Poisoned,
    /// What was once durable is damaged; [`Error::damage`] says where.
    Corrupt,
    /// Records are asked for that a checkpoint has made unnecessary, and that are gone.
    Retired,
    /// The directory holds no log, or one that this version does not know.
    NotALog,
    /// An option or an argument makes no sense.
    Invalid,
    /// Anything else that the system refused.
    Io,
}

/// Where a log is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file in the log's directory.
    pub file: String,
    /// Offset in that file, in bytes, of the first thing that is wrong.
    pub offset: u64,
    /// The end of the last whole record before the damage.
    pub at: Lsn,
    /// Up to where the log is known to have been durable.
    pub durable: Lsn,
    /// What is wrong.
    pub found: String,
}

impl Error {
    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The log's directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where the log is damaged, if it is [`ErrorKind::Corrupt`].
    pub fn damage(&self) -> Option<&Damage> {
        self.0.damage.as_ref()
    }

    /// Whether the system says that a file is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.0.source.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn new(
        kind: ErrorKind,
        path: &Path,
        operation: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into();
        let path = path.to_owned();
        Self(Box::new(Inner { kind, path, operation, detail, damage: None, source: None }))
    }

    /// The system refused; a full disk is told apart.
    pub(crate) fn io(path: &Path, operation: &'static str, source: io::Error) -> Self {
        let kind = if is_full(&source) { ErrorKind::NoSpace } else { ErrorKind::Io };
        Self::new(kind, path, operation, String::new()).with_source(source)
    }

    pub(crate) fn corrupt(path: &Path, damage: Damage) -> Self {
        let mut error = Self::new(ErrorKind::Corrupt, path, "read", String::new());
        error.0.damage = Some(damage);
        error
    }

    pub(crate) fn with_source(mut self, source: io::Error) -> Self {
        self.0.source = Some(source);
        self
    }
}

/// Whether this is the error of a full disk, or of a user's full share of it.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The same error again, for another who asks.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl ErrorKind {
    /// What to do about it.
    fn remedy(self) -> &'static str {
        match self {
            Self::Locked => {
                "another writer has it open; wait for it to end, or open for reading only"
            }
            Self::NoSpace => {
                "free space, or write a checkpoint so that old segments go, and repeat"
            }
            Self::TooLarge => "split it, or use larger segments",
            Self::Poisoned => "open the log again; its recovery says what is there",
            Self::Corrupt => {
                "restore it from a copy, or read with salvage what can still be read; \
                 it is left as it is"
            }
            Self::Retired => "begin at the checkpoint",
            Self::NotALog => "give the directory of a log, or an empty one",
            Self::Invalid | Self::Io => "",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "cannot {} the log in '{}'", inner.operation, inner.path.display())?;
        if let Some(damage) = &inner.damage {
            write!(f, ": {damage}")?;
        }
        if !inner.detail.is_empty() {
            write!(f, ": {}", inner.detail)?;
        }
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        match inner.kind.remedy() {
            "" => Ok(()),
            remedy => write!(f, "; {remedy}"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' at byte {}: {} (whole up to LSN {}, once durable up to LSN {})",
            self.file, self.offset, self.found, self.at, self.durable
        )
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_the_remedy() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::io("/data/log".as_ref(), "append to", full);
        assert_eq!(error.kind(), ErrorKind::NoSpace);
        let text = error.to_string();
        for part in ["append to", "/data/log", "free space"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn corruption_names_the_file_and_the_position() {
        let damage = Damage {
            file: "0000000000000001.wal".into(),
            offset: 4096,
            at: Lsn::new(72).expect("a multiple"),
            durable: Lsn::new(96).expect("a multiple"),
            found: "the payload is damaged".into(),
        };
        let text = Error::corrupt("log".as_ref(), damage).to_string();
        for part in ["0000000000000001.wal", "4096", "72", "96", "salvage"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
