//! What a daemon, or the way to it, has to complain of.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// A failure that can be told to another process: its kind, what happened, where, and what to do
/// about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The kind's name, as in JSON.
    pub kind: Cow<'static, str>,
    /// What happened, without the path.
    pub message: String,
    /// The file or directory concerned.
    pub path: Option<PathBuf>,
    /// What a person can do about it.
    pub remedy: Option<Cow<'static, str>>,
}

impl Problem {
    /// Nobody answers at the daemon's socket.
    pub const NOT_RUNNING: &'static str = "not_running";
    /// Somebody else's socket, directory or process.
    pub const FOREIGN: &'static str = "foreign";
    /// The other side does not keep to the protocol, or has another version of it.
    pub const PROTOCOL: &'static str = "protocol";
    /// The connection ended.
    pub const DISCONNECTED: &'static str = "disconnected";
    /// A named limit was reached.
    pub const LIMIT: &'static str = "limit";
    /// A configuration that cannot be.
    pub const CONFIG: &'static str = "config";
    /// Arguments that cannot be.
    pub const USAGE: &'static str = "usage";
    /// Another daemon runs.
    pub const RUNNING: &'static str = "running";
    /// The system refused.
    pub const IO: &'static str = "io";
    /// No daemon can be reached at an address of another machine, or none that can be trusted.
    pub const UNREACHABLE: &'static str = "unreachable";
    /// The daemon of another machine does not know the token.
    pub const UNAUTHENTICATED: &'static str = "unauthenticated";
    /// The daemon of another machine serves no root of this name.
    pub const UNKNOWN_ROOT: &'static str = "unknown_root";

    /// A problem of this kind.
    #[must_use]
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), path: None, remedy: None }
    }

    /// The same at a path.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The system refused to do something. What to do about it follows from the error, unless the
    /// caller knows [better](Self::remedy).
    #[must_use]
    pub fn io(doing: &str, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            _ if treenail_os::is_exhausted(error) => {
                "allow the process more open files or memory (`ulimit`)"
            }
            io::ErrorKind::NotFound => "check that the path exists",
            io::ErrorKind::PermissionDenied => "run as a user who may",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room",
            io::ErrorKind::ReadOnlyFilesystem => "name a place that can be written to",
            _ => "run again; if it stays, ask what the system's log says",
        };
        Self::new(Self::IO, format!("{doing}: {error}")).remedy(remedy)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind().name().into(),
            message: error.message().to_owned(),
            path: Some(error.path().to_owned()),
            remedy: error.remedy().map(Cow::Borrowed),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.message)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Problem;

    #[test]
    fn what_the_system_refuses_has_a_remedy_which_who_knows_better_replaces() {
        let full = Problem::io("cannot save", &io::ErrorKind::StorageFull.into());
        assert_eq!(full.remedy.as_deref(), Some("make room"));
        let other = Problem::io("cannot save", &io::Error::other("it broke"));
        assert!(other.to_string().starts_with("cannot save: it broke; run again"), "{other}");
        assert_eq!(full.remedy("name another").remedy.as_deref(), Some("name another"));
    }
}
