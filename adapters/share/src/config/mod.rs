//! How a daemon behaves, and the file that says so.
//!
//! ```
//! use treenail_share::config::Config;
//!
//! let config = Config::parse("idle_seconds = 60\nroots = [\"/srv/site\"]\n")?;
//! assert_eq!(config.idle, Some(std::time::Duration::from_secs(60)));
//! let problem = Config::parse("idle_secs = 60").unwrap_err();
//! assert_eq!((problem.line, &*problem.remedy), (1, "did you mean `idle_seconds`?"));
//! # Ok::<(), treenail_share::config::Mistake>(())
//! ```

mod parse;
#[cfg(feature = "remote")]
mod remote;
#[cfg(unix)]
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use parse::Mistake;
#[cfg(feature = "remote")]
pub use remote::Remote;
#[cfg(unix)]
pub(crate) use watch::FileWatch;

use crate::problem::Problem;

/// The largest configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How a daemon behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// `idle_seconds`: a root that nobody has used for so long is given up, and the daemon ends
    /// when it has had neither roots nor clients for so long. Nothing (written 0): never.
    pub idle: Option<Duration>,
    /// `ring_bytes`: how many bytes of changes the shared memory of a client holds; 0 for none.
    pub ring_bytes: usize,
    /// `rings_bytes_max`: how much all of it together may take. A client for which none is left
    /// gets its changes through the socket.
    pub rings_bytes_max: usize,
    /// `clients_max`: how many connections are served at once.
    pub clients_max: usize,
    /// `roots_max`: how many roots are watched at once.
    pub roots_max: usize,
    /// `history_bytes`: how much memory a root's history may take.
    pub history_bytes: usize,
    /// `poll_seconds`: how often directories are looked at whose changes nothing reports.
    pub poll_every: Duration,
    /// `roots`: directories to watch from the start, whether somebody asks or not.
    pub roots: Vec<PathBuf>,
    /// `[remote]`: how clients on other machines are served; nothing if they are not.
    #[cfg(feature = "remote")]
    pub remote: Option<Remote>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_secs(600)),
            ring_bytes: 64 << 20,
            rings_bytes_max: 1 << 30,
            clients_max: 256,
            roots_max: 64,
            history_bytes: 8 << 20,
            poll_every: Duration::from_secs(2),
            roots: Vec::new(),
            #[cfg(feature = "remote")]
            remote: None,
        }
    }
}

impl Config {
    /// Where the user's file is: `$XDG_CONFIG_HOME/treenail/daemon.toml`, or else
    /// `~/.config/treenail/daemon.toml`; nothing if there is no home either.
    #[must_use]
    pub fn path_of_user() -> Option<PathBuf> {
        let absolute = |name: &str| {
            let dir = PathBuf::from(std::env::var_os(name)?);
            dir.is_absolute().then_some(dir)
        };
        let dir = absolute("XDG_CONFIG_HOME");
        let dir = dir.or_else(|| Some(absolute("HOME")?.join(".config")))?;
        Some(dir.join("treenail/daemon.toml"))
    }

    /// What a text says; what it does not say is as by default.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        parse::parse(text)
    }

    /// What a file says; by default if there is none and it need not be there.
    ///
    /// # Errors
    /// If it cannot be read, is too large, or has a mistake.
    pub fn read(path: &Path, must_be: bool) -> Result<Self, Problem> {
        let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        let meta = match std::fs::metadata(path) {
            Err(error) if is_missing(&error) && !must_be => return Ok(Self::default()),
            Err(error) => return Err(unreadable(path, &error)),
            Ok(meta) => meta,
        };
        if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
            let message = match meta.is_file() {
                true => format!("no configuration is a file of {} bytes", meta.len()),
                false => "a configuration is a regular file, and this is none".to_owned(),
            };
            let problem = Problem::new(Problem::CONFIG, message).at(path);
            return Err(problem.remedy("name a text file of at most 1 MiB"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        Self::parse(&text).map_err(|mistake| mistake.at(path))
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new(Problem::CONFIG, format!("cannot read it: {error}")).at(path);
    problem.remedy("see that it is there and a text that you may read")
}
