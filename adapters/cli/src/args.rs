//! The command line's grammar and its help.

#[cfg(feature = "glob")]
mod config;
#[cfg(feature = "glob")]
mod find;
#[cfg(feature = "glob")]
mod grep;
#[cfg(all(feature = "glob", feature = "watch"))]
mod index;
#[cfg(all(unix, feature = "glob"))]
mod owner;
#[cfg(any(feature = "glob", feature = "watch"))]
mod size;
#[cfg(feature = "watch")]
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
#[cfg(feature = "glob")]
use clap::{Args as _, FromArgMatches as _};
use treenail::tree::IdKind;

#[cfg(feature = "glob")]
pub(crate) use find::{FileType, Find, Strip};
#[cfg(feature = "glob")]
pub(crate) use grep::{Chosen, EngineName, Grep, SortBy};
#[cfg(all(feature = "glob", feature = "watch"))]
pub(crate) use index::Index;
#[cfg(feature = "remote")]
pub(crate) use watch::Remote;
#[cfg(feature = "watch")]
pub(crate) use watch::{Backend, EntryType, Followed, Since, Watch};

/// One live tree under a directory: what is in it, what changed, and is it safely stored.
#[derive(Parser, Debug)]
#[command(name = "treenail", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Reads the command line. The commands that look something up in no time do not wait until
    /// what all others take has been put together; what is wrong, or asks for help, is told by the
    /// whole.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let line: Vec<OsString> = std::env::args_os().collect();
        #[cfg(feature = "glob")]
        let line = config::with_config(line, |message| eprintln!("warning: {message}"));
        Self::of_one_command(&line).map_or_else(|| Self::try_parse_from(&line), Ok)
    }

    #[cfg(feature = "glob")]
    fn of_one_command(line: &[OsString]) -> Option<Self> {
        let command = match line.get(1)?.to_str()? {
            "find" => Find::augment_args(clap::Command::new("find")),
            "grep" => Grep::augment_args(clap::Command::new("grep")),
            _ => return None,
        };
        let mut all = Global::augment_args(clap::Command::new("treenail")).subcommand(command);
        let mut matches = all.try_get_matches_from_mut(line).ok()?;
        let global = Global::from_arg_matches_mut(&mut matches).ok()?;
        let (name, mut own) = matches.remove_subcommand()?;
        let command = match &*name {
            "find" => Command::Find(Box::new(Find::from_arg_matches_mut(&mut own).ok()?)),
            _ => Command::Grep(Box::new(Grep::from_arg_matches_mut(&mut own).ok()?)),
        };
        // Giving a hundred arguments back one by one would take as long as the first result.
        std::mem::forget((all, matches, own));
        Some(Self { global, command })
    }

    #[cfg(not(feature = "glob"))]
    fn of_one_command(_line: &[OsString]) -> Option<Self> {
        None
    }
}

/// What every command takes.
#[derive(clap::Args, Debug)]
pub(crate) struct Global {
    /// Print JSON, one object a line; errors too, on standard error
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = "Output")]
    pub(crate) color: When,
    /// Print no progress, and with `hash --check` nothing of files that are right
    #[arg(short, long, global = true, help_heading = "Output", conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say on standard error what was done besides
    #[arg(short, long, global = true, help_heading = "Output", action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
}

/// When to do something that suits a terminal.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// When the output is a terminal.
    Auto,
    /// Always.
    #[value(alias = "ansi")]
    Always,
    /// Never.
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Tree(Tree),
    Diff(Diff),
    Hash(Hash),
    #[cfg(feature = "glob")]
    Find(Box<Find>),
    #[cfg(feature = "glob")]
    Grep(Box<Grep>),
    #[cfg(all(feature = "glob", feature = "watch"))]
    Index(Index),
    #[cfg(feature = "watch")]
    Watch(Watch),
    #[cfg(feature = "watch")]
    Since(Since),
    #[cfg(all(unix, feature = "daemon"))]
    Daemon(Daemon),
    Tour(Tour),
    Completions(Completions),
    Man(Man),
}

/// Say exactly what is in a directory: its entries, its bytes and the digest of all of it
///
/// The digest covers names, kinds, the executable bit, the targets of symbolic links and the
/// content of files, empty directories too; not owners, times or other mode bits. Two directories
/// with the same digest hold the same.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail tree                          the current directory, with fast ids
  treenail tree --ids blake3 photos      ids that no adversary can forge
  treenail tree --gitignore --save ../s  remember the state of a work tree
  treenail diff ../s .                   ... and ask later what has changed

Pipes, sockets and devices are entries like any other and are never opened; symbolic links are
never followed. Entries are counted without DIR itself.

Exit status: 0 done; 2 something could not be read, and the digest is then null.")]
pub(crate) struct Tree {
    /// The directory
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// What stands for a file's content: xxh3 is the fastest, blake3 withstands adversaries, git
    /// is Git's blob id, blocks is xxh3 of blocks where a file is over 1 MiB, none reads no file
    #[arg(long, default_value = "xxh3", value_name = "KIND")]
    pub(crate) ids: Ids,
    /// Leave out what Git ignores, and .git itself
    #[arg(long)]
    pub(crate) gitignore: bool,
    /// Do not enter other file systems
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Save the tree as a snapshot that `diff` can read
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Threads to use; 0 is as many as the machine runs at once
    #[arg(short = 'j', long, default_value_t = 0, value_name = "N")]
    pub(crate) threads: usize,
}

/// Say what differs between two directories, or saved states of directories
///
/// A path that is a directory is scanned; a file must be a snapshot made by `tree --save`. The
/// lines begin with A (added), M (content differs), D (deleted), T (another type, or executable
/// no longer or now) or R (renamed: the same content at another path; a directory whose every
/// entry moved is one line).
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail diff backup/ work/            compare two directories by content
  treenail tree --save s.tn work/        remember a state ...
  treenail diff s.tn work/               ... and see what has changed since
  treenail diff -z a b | xargs -0 ...    for programs: KIND NUL PATH NUL, R NUL OLD NUL NEW NUL

Against a snapshot of the same directory only files whose stat changed are read; --rehash reads
all. With --ids none, files are compared by size and modification time.

Exit status: 0 equal; 1 different; 2 something could not be read or compared.")]
pub(crate) struct Diff {
    /// The old side: a directory or a snapshot
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The new side: a directory or a snapshot
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// End paths with NUL and print them as they are
    #[arg(short = 'z', long = "null")]
    pub(crate) null: bool,
    /// What stands for a file's content [default: the snapshot's kind, or xxh3]
    #[arg(long, value_name = "KIND")]
    pub(crate) ids: Option<Ids>,
    /// Leave out what Git ignores, and .git itself [default: as in the snapshot]
    #[arg(long)]
    pub(crate) gitignore: bool,
    /// Do not enter other file systems
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Read every file, even one whose stat is the same as in the snapshot
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Threads to use; 0 is as many as the machine runs at once
    #[arg(short = 'j', long, default_value_t = 0, value_name = "N")]
    pub(crate) threads: usize,
}

/// Print or check the digests of files
///
/// The output is that of sha256sum and its kin: a digest, two spaces, a name. A name with a
/// newline or a backslash is escaped and its line begins with a backslash. Lists to be checked may
/// also have the form `NAME (file) = digest`, as xxhsum and cksum write.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail hash --algo blake3 *.iso > SUMS
  treenail hash --algo blake3 --check SUMS
  tar c . | treenail hash --algo sha256 -

Exit status: 0 done, or all files checked are right; 1 a file checked is wrong or missing; 2 a
file could not be read, or a line of a list not be understood.")]
pub(crate) struct Hash {
    /// The algorithm
    #[arg(short, long, default_value = "xxh3", value_name = "NAME")]
    pub(crate) algo: Algorithm,
    /// Read digests from the files and check them
    #[arg(short, long)]
    pub(crate) check: bool,
    /// The files; - is standard input, which is also meant when there are none
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Keep live trees for other programs of this user
///
/// The daemon watches each directory that a program asks it for, once for all of them, and answers
/// from memory what is in it and what changed. It serves its own user only, gives a directory up
/// when nobody has used it for some time, and ends when there is nothing left to do.
#[cfg(all(unix, feature = "daemon"))]
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail daemon                        start it, in the background
  treenail daemon --status               what it watches, and for how many
  treenail daemon --stop                 end it, with everything stored
  treenail daemon --foreground -v        for a service manager, or to see what it does

It listens at daemon.sock in $XDG_RUNTIME_DIR/treenail, or else in treenail-UID in the directory
for temporary files, and writes to daemon.log beside it. It reads
$XDG_CONFIG_HOME/treenail/daemon.toml (or ~/.config/treenail/daemon.toml), also when that changes
while it runs:

  idle_seconds = 600          # 0: never give anything up
  roots = [\"/srv/site\"]     # watched as soon as they are there, and for good
  ring_bytes = 67108864       # shared memory for each client's changes; 0: none
  rings_bytes_max = 1073741824
  clients_max = 256
  roots_max = 64
  history_bytes = 8388608     # memory for each directory's history
  poll_seconds = 2            # for directories whose changes nothing reports

A section [remote] has it serve clients on other machines, by gRPC over TLS, if the program is built
with the feature `remote`:

  [remote]
  listen = \"192.0.2.1:7411\"
  certificate = \"/a/path/cert.pem\"  # the daemon's own first, and those that lead to an authority
  key = \"/a/path/key.pem\"
  token_file = \"/a/path/token\"      # `umask 077; head -c 32 /dev/urandom | base64 > token`
  clients_max = 64
  streams_max = 256           # subscriptions and other long answers at once
  [remote.roots]              # what clients may ask for, by name
  site = \"/srv/site\"

Exit status: 0 done; 1 with --stop or --status, none runs; 2 it cannot run.")]
pub(crate) struct Daemon {
    /// Stay in the foreground and tell on standard error what happens
    #[arg(long, conflicts_with_all = ["stop", "status"])]
    pub(crate) foreground: bool,
    /// End the daemon that runs, and wait until it has ended
    #[arg(long, conflicts_with = "status")]
    pub(crate) stop: bool,
    /// Say whether one runs, what it watches and for how many clients
    #[arg(long)]
    pub(crate) status: bool,
    /// The configuration file [default: the user's own, if there is one]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stop", "status"])]
    pub(crate) config: Option<PathBuf>,
    /// After how many seconds without use a directory is given up, and the daemon ends; 0 for
    /// never. It goes before `idle_seconds` of the file, also when that changes
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["stop", "status"])]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    pub(crate) idle: Option<u64>,
    /// Leave the session and say on standard output when it listens; what the program tells the
    /// copy of itself that it starts in the background
    #[arg(long, hide = true, requires = "foreground")]
    pub(crate) detached: bool,
}

/// Show each thing that the program can do, on a temporary copy of real files
///
/// Every stop shows the command that a person would type and checks its own result.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail tour
  treenail tour ~/project

Exit status: 0 every stop came out right; 2 one did not.")]
pub(crate) struct Tour {
    /// The directory to copy; what Git ignores is left out
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// Print a script that completes this program's commands and options in a shell
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail completions bash > ~/.local/share/bash-completion/completions/treenail
  treenail completions zsh > \"${fpath[1]}/_treenail\"

Exit status: 0 done; 2 the script could not be written.")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages into a directory
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail man ~/.local/share/man/man1

Exit status: 0 done; 2 a page could not be written.")]
pub(crate) struct Man {
    /// The directory
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// The kinds of content ids.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ids {
    Xxh3,
    Blake3,
    Git,
    Blocks,
    None,
}

impl Ids {
    pub(crate) fn kind(self) -> Option<IdKind> {
        match self {
            Self::Xxh3 => Some(IdKind::XXH3),
            Self::Blake3 => Some(IdKind::BLAKE3),
            Self::Git => Some(IdKind::GIT),
            Self::Blocks => Some(IdKind::BLOCKS),
            Self::None => None,
        }
    }
}

/// The algorithms of `hash`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Xxh3,
    Xxh128,
    Blake3,
    Sha256,
    Sha1,
    Crc32,
    Crc32c,
}
