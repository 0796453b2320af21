//! The grammar of `watch` and `since`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};
use treenail::tree::live::Clock;

use super::Ids;
use super::size::size;

/// Report what changes in a directory, as it changes
///
/// Every change is reported, or its loss is. Content decides: a save that leaves a file as it was
/// is silent once the content's id is known. With --json each line has a clock, otherwise the first
/// and the last message do, on standard error; with --since and a clock, also one of an earlier
/// run, what happened meanwhile is reported first.
///
/// The lines begin with A (created), M (modified), D (deleted), R (renamed) or ! (events were lost;
/// what the directory holds now is made good).
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail watch                                   the current directory, until Ctrl-C
  treenail watch -g '*.rs' --on-change 'cargo test'
  treenail watch --type f --size +100m /var        files as they get large
  treenail watch --json src | jq .path             for programs
  treenail watch --since tn1-... src               what was missed, and then what comes
  treenail watch --coverage                        what is watched how, and what nobody sees

Directories that --gitignore or a last --glob with ! leaves out as a whole are not watched. The rest
is then a tree with clocks of its own: --since and `treenail since` want the same of these options.

Directories that nothing reports of, as where a limit of the system is reached, are looked at every
--poll milliseconds; why, and what helps, is said on standard error, or with --json in a line.

--on-change does not run the command while it still runs: what changes meanwhile brings one more
run. The changed paths are its standard input, one a line; TREENAIL_CLOCK and TREENAIL_ROOT are in
its environment. With --json its output goes to standard error. The command is split into words at
blanks, quotes and backslashes count as in a shell; --shell gives it to sh. It has a process group
of its own: a signal that ends watch, such as Ctrl-C, has SIGTERM sent to all of it.

Exit status: 0 the output was closed; 2 it could not be watched, or the root is gone. Ctrl-C ends
it, with all stored that the next run needs.")]
#[cfg_attr(feature = "remote", command(mut_arg("remote", |remote| remote.conflicts_with_all([
    "no_state", "debounce", "on_change", "predict", "coverage", "stats",
]))))]
pub(crate) struct Watch {
    /// The directory
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Begin with what changed since this clock, which an earlier run has printed
    #[arg(long, value_name = "CLOCK", conflicts_with = "no_state")]
    pub(crate) since: Option<Clock>,
    #[command(flatten)]
    pub(crate) followed: Followed,
    /// Keep no state: clocks end with this run
    #[arg(long, conflicts_with = "state")]
    pub(crate) no_state: bool,
    /// Report once nothing has changed for so many milliseconds, or after ten times that
    /// [default: 0; with --on-change 20]
    #[arg(long, value_name = "MS")]
    pub(crate) debounce: Option<u64>,
    /// Run a command after changes; changes are then printed with --json alone
    #[arg(long, value_name = "CMD", help_heading = "Commands")]
    pub(crate) on_change: Option<String>,
    /// Have sh run the command
    #[arg(long, requires = "on_change", help_heading = "Commands")]
    pub(crate) shell: bool,
    /// End the paths on the command's standard input with NUL
    #[arg(short = '0', long, requires = "on_change", help_heading = "Commands")]
    pub(crate) null: bool,
    /// Have the daemon watch, which is started if none runs, and shares its tree with all who ask.
    /// How it watches is its own matter: what filters leave out is watched all the same
    #[cfg(all(unix, feature = "daemon"))]
    #[cfg_attr(feature = "remote", arg(conflicts_with = "remote"))]
    #[arg(long, conflicts_with_all = [
        "backend", "ids", "open_max", "poll", "state", "no_state",
    ])]
    pub(crate) daemon: bool,
    #[cfg(feature = "remote")]
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Have the ids of files computed that are likely to be saved next, so that already their first
    /// save is silent if it changes nothing
    #[arg(long)]
    pub(crate) predict: bool,
    /// Print what is watched how and what no back end sees, and exit
    #[arg(long, conflicts_with_all = ["since", "on_change", "debounce"])]
    pub(crate) coverage: bool,
    /// At the end print on standard error what was counted
    #[arg(long)]
    pub(crate) stats: bool,
}

/// Say what changed in a directory since a clock
///
/// The clock is one that `watch` or `since` has printed. A path that changed several times is one
/// line, with what came of it in the end. Works while `watch` runs in the same directory. A clock
/// of a `watch` with --gitignore or --glob '!...' wants the same here.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail since src tn1-00f1e2d3c4b5a697-1-42
  treenail since --json src \"$CLOCK\" | jq -r 'select(.path).path'

The last line is the new clock. A clock that says nothing here, because it is of another directory
or too old, is said to be so, and everything that there is follows as created.

Exit status: 0 something changed; 1 nothing did; 2 it could not be found out.")]
pub(crate) struct Since {
    /// The directory
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The clock
    #[arg(value_name = "CLOCK")]
    pub(crate) clock: Clock,
    #[command(flatten)]
    pub(crate) followed: Followed,
    #[cfg(feature = "remote")]
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Which daemon of another machine is asked.
#[cfg(feature = "remote")]
#[derive(clap::Args, Debug)]
pub(crate) struct Remote {
    /// Ask the daemon of another machine, whose configuration has a section [remote]
    ///
    /// DIR is then the name that it gives a directory, and its own settings count:
    ///
    ///   treenail watch --remote https://build.example:7411 --token-file token site
    ///
    ///   treenail since --remote https://build.example:7411 --token-file token site "$CLOCK"
    #[arg(long, value_name = "URL", requires = "token_file", help_heading = "Other machines")]
    #[arg(conflicts_with_all = [
        "globs", "gitignore", "types", "sizes", "backend", "ids", "open_max", "poll", "state",
    ])]
    pub(crate) remote: Option<String>,
    /// The file with the daemon's token, which nobody else may read
    #[arg(long, value_name = "FILE", requires = "remote", help_heading = "Other machines")]
    pub(crate) token_file: Option<PathBuf>,
    /// Believe the certificates in this file, as PEM [default: those that this system believes]
    #[arg(long, value_name = "FILE", requires = "remote", help_heading = "Other machines")]
    pub(crate) ca: Option<PathBuf>,
}

/// How a directory is followed, and what of it is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Followed {
    /// Report what the glob matches, or with ! before it leave that out; the last one that matches
    /// decides
    #[arg(short = 'g', long = "glob", value_name = "GLOB", help_heading = "Filters")]
    #[arg(action = ArgAction::Append)]
    pub(crate) globs: Vec<String>,
    /// Leave out what Git ignores, and .git itself
    #[arg(long, help_heading = "Filters")]
    pub(crate) gitignore: bool,
    /// Report entries of these types: f (file), d (directory), l (symbolic link), o (other)
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', help_heading = "Filters")]
    pub(crate) types: Vec<EntryType>,
    /// Report files of a size: +10k at least, -2mi at most, 0b exactly; in b, k, m, g, t, ki, mi,
    /// gi, ti. Deletions are reported whatever the size was
    #[arg(short = 'S', long = "size", value_name = "SIZE", help_heading = "Filters")]
    #[arg(allow_hyphen_values = true, value_parser = size)]
    pub(crate) sizes: Vec<RangeInclusive<u64>>,
    /// Report also what changes nothing: saves of the same content, other times
    #[arg(long, help_heading = "Filters")]
    pub(crate) raw: bool,
    /// What reports changes; auto takes the best of each mount
    #[arg(long, value_name = "NAME", default_value = "auto", help_heading = "Watching")]
    pub(crate) backend: Backend,
    /// What stands for a file's content; with none every write is reported
    #[arg(long, default_value = "xxh3", value_name = "KIND", help_heading = "Watching")]
    pub(crate) ids: Ids,
    /// Report a file that stays open after so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 250, help_heading = "Watching")]
    pub(crate) open_max: u64,
    /// Look every so many milliseconds at directories that no back end reports of
    #[arg(long, value_name = "MS", default_value_t = 2_000, help_heading = "Watching")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) poll: u64,
    /// Where the state is kept that makes clocks outlive a run. Watching goes on without the
    /// default one, and says so, if it cannot be stored; it ends if one is named [default: a
    /// directory for each root in $XDG_STATE_HOME/treenail/watch]
    #[arg(long, value_name = "DIR", help_heading = "Watching")]
    pub(crate) state: Option<PathBuf>,
}

/// What reports changes.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Backend {
    /// The best of each mount.
    Auto,
    /// One fanotify mark for the file system; needs the rights of an administrator.
    Filesystem,
    /// A fanotify mark for each directory.
    Inodes,
    /// An inotify watch for each directory.
    Inotify,
    /// Look again and again.
    Polling,
}

/// Types of entries.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryType {
    #[value(name = "f", alias = "file")]
    File,
    #[value(name = "d", alias = "dir")]
    Dir,
    #[value(name = "l", alias = "symlink")]
    Symlink,
    #[value(name = "o", alias = "other")]
    Other,
}
