//! The grammar of `treenail find`: fd's options, under their names.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, ValueEnum};

use super::When;

/// Find entries by name
///
/// The pattern is a regular expression that matches some of the name; case counts if it has a
/// capital. Hidden entries and what .gitignore, .ignore and .fdignore name are left out. Options
/// are those of fd.
#[derive(clap::Args, Debug)]
#[command(
    args_override_self = true,
    after_long_help = "\
Examples:
  treenail find                          everything that is not hidden or ignored
  treenail find -e rs -e toml            by extension
  treenail find -g 'net/**/*.{c,h}'      a glob; with a slash it is asked of the path
  treenail find -tf -S +1m --changed-within 2d log
  treenail find -u . /srv --sort         all there is, in order
  treenail find -e zip -x unzip {} -d {.}
  treenail find -0 -e c | xargs -0 wc -l

In commands and with --format, {} is the path, {/} the name, {//} the directory, {.} the path
without extension, {/.} the name without extension; {{ and }} are braces. No shell is involved.

Exit status: 0 done; with --quiet 0 something was found, 1 nothing; 1 also where a command of
--exec failed, a directory is not there, or a pattern is malformed; 2 an unknown option."
)]
pub(crate) struct Find {
    /// What names are to match; all do without it
    #[arg(value_name = "PATTERN", default_value = "", hide_default_value = true)]
    pub(crate) pattern: OsString,
    /// Where to look [default: the current directory]
    #[arg(value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    #[command(flatten)]
    pub(crate) filters: Filters,
    #[command(flatten)]
    pub(crate) ignoring: Ignoring,
    #[command(flatten)]
    pub(crate) walking: Walking,
    #[command(flatten)]
    pub(crate) printing: Printing,
    #[command(flatten)]
    pub(crate) commands: Commands,
}

/// How patterns are read.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Pattern")]
pub(crate) struct Patterns {
    /// The pattern is a glob of the whole name, or with a slash of the path below DIR
    #[arg(short, long, overrides_with_all = ["regex", "fixed_strings", "exact"])]
    pub(crate) glob: bool,
    /// The pattern is a regular expression (default)
    #[arg(long, overrides_with_all = ["glob", "fixed_strings", "exact"])]
    pub(crate) regex: bool,
    /// The pattern is text that the name holds
    #[arg(short = 'F', long, alias = "literal", overrides_with_all = ["glob", "regex", "exact"])]
    pub(crate) fixed_strings: bool,
    /// The pattern is the name
    #[arg(long, overrides_with_all = ["glob", "regex", "fixed_strings"])]
    pub(crate) exact: bool,
    /// A further pattern that is to match too
    #[arg(long = "and", value_name = "PATTERN")]
    pub(crate) also: Vec<OsString>,
    /// Case counts
    #[arg(short = 's', long, overrides_with = "ignore_case")]
    pub(crate) case_sensitive: bool,
    /// Case does not count
    #[arg(short = 'i', long, overrides_with = "case_sensitive")]
    pub(crate) ignore_case: bool,
    /// The pattern is asked of the absolute path
    #[arg(short = 'p', long)]
    pub(crate) full_path: bool,
}

/// What is asked of an entry.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filters {
    /// Entries of that type: f(ile), d(irectory), l (symbolic link), s(ocket), p(ipe),
    /// b(lock device), c(haracter device), x (executable), e(mpty); any of several
    #[arg(short = 't', long = "type", value_name = "TYPE", hide_possible_values = true)]
    pub(crate) types: Vec<FileType>,
    /// Names with that extension; any of several
    #[arg(short = 'e', long = "extension", value_name = "EXT")]
    pub(crate) extensions: Vec<OsString>,
    /// Files of a size: +10k at least, -2mi at most, 0b exactly; in b, k, m, g, t, ki, mi, gi, ti
    #[arg(short = 'S', long = "size", value_name = "SIZE", allow_hyphen_values = true)]
    #[arg(value_parser = super::size::size)]
    pub(crate) sizes: Vec<RangeInclusive<u64>>,
    /// Changed after a date, or within a time such as 2d, 3weeks, '2026-03-01 12:00', @1767225600
    #[arg(long, value_name = "TIME", aliases = ["change-newer-than", "newer", "changed-after"])]
    pub(crate) changed_within: Option<String>,
    /// Changed before a date, or longer ago than a time
    #[arg(long, value_name = "TIME", aliases = ["change-older-than", "older"])]
    pub(crate) changed_before: Option<String>,
    /// Belonging to USER, USER:GROUP or :GROUP, by name or number; ! before either rules it out
    #[cfg(unix)]
    #[arg(short = 'o', long, value_name = "USER:GROUP")]
    #[arg(value_parser = super::owner::owners)]
    pub(crate) owner: Option<super::owner::Owners>,
    /// At most so many levels below DIR
    #[arg(short = 'd', long, value_name = "N", alias = "maxdepth")]
    pub(crate) max_depth: Option<usize>,
    /// At least so many levels below DIR
    #[arg(long, value_name = "N", alias = "mindepth")]
    pub(crate) min_depth: Option<usize>,
    /// So many levels below DIR
    #[arg(long, value_name = "N", conflicts_with_all = ["max_depth", "min_depth"])]
    pub(crate) exact_depth: Option<usize>,
    /// Leave out what the glob matches, and what is below it
    #[arg(short = 'E', long, value_name = "GLOB")]
    pub(crate) exclude: Vec<OsString>,
    /// Do not enter directories that match
    #[arg(long)]
    pub(crate) prune: bool,
}

/// What is left out.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Ignoring")]
pub(crate) struct Ignoring {
    /// Find hidden entries too
    #[arg(short = 'H', long, overrides_with = "no_hidden")]
    pub(crate) hidden: bool,
    #[arg(long, hide = true)]
    pub(crate) no_hidden: bool,
    /// Obey no ignore files
    #[arg(short = 'I', long, overrides_with = "ignore")]
    pub(crate) no_ignore: bool,
    #[arg(long, hide = true)]
    pub(crate) ignore: bool,
    /// Everything: -H and -I
    #[arg(short = 'u', long, action = ArgAction::Count)]
    #[arg(overrides_with_all = ["ignore", "no_hidden"])]
    pub(crate) unrestricted: u8,
    /// Do not obey git's rules
    #[arg(long, overrides_with = "ignore_vcs")]
    pub(crate) no_ignore_vcs: bool,
    #[arg(long, hide = true)]
    pub(crate) ignore_vcs: bool,
    /// Obey .gitignore outside of repositories too
    #[arg(long, overrides_with = "require_git")]
    pub(crate) no_require_git: bool,
    #[arg(long, hide = true)]
    pub(crate) require_git: bool,
    /// Do not obey ignore files of the directories above DIR
    #[arg(long, overrides_with = "ignore_parent")]
    pub(crate) no_ignore_parent: bool,
    #[arg(long, hide = true)]
    pub(crate) ignore_parent: bool,
    /// Do not obey ~/.config/fd/ignore
    #[arg(long)]
    pub(crate) no_global_ignore_file: bool,
    /// A further ignore file, which others go before
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore_file: Vec<PathBuf>,
    /// Leave out directories that hold an entry of that name, and what is in them
    #[arg(long, value_name = "NAME")]
    pub(crate) ignore_contain: Vec<OsString>,
}

/// How to walk.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Walking")]
pub(crate) struct Walking {
    /// Follow symbolic links; each directory is entered once
    #[arg(short = 'L', long, alias = "dereference", overrides_with = "no_follow")]
    pub(crate) follow: bool,
    #[arg(long, hide = true)]
    pub(crate) no_follow: bool,
    /// Do not enter other file systems
    #[arg(long, aliases = ["mount", "xdev"])]
    pub(crate) one_file_system: bool,
    /// Threads to use; 0 is as many as the machine runs at once
    #[arg(short = 'j', long, default_value_t = 0, value_name = "N")]
    pub(crate) threads: usize,
    /// End after so many matches; 0 is no limit
    #[arg(long, value_name = "N", overrides_with = "one_result")]
    pub(crate) max_results: Option<u64>,
    /// End after one match
    #[arg(short = '1', overrides_with = "max_results")]
    pub(crate) one_result: bool,
    /// Be in that directory
    #[arg(short = 'C', long, value_name = "DIR")]
    pub(crate) base_directory: Option<PathBuf>,
    /// A directory to look in, instead of DIR
    #[arg(long, value_name = "DIR", conflicts_with = "dirs")]
    pub(crate) search_path: Vec<PathBuf>,
    /// Name every directory that could not be read
    #[arg(long)]
    pub(crate) show_errors: bool,
    /// Answer from the tree that `treenail index`, `watch` or `daemon` keeps, once it has been
    /// compared with the directory, or the daemon has seen everything that happened before
    #[cfg(feature = "watch")]
    #[arg(long)]
    #[arg(conflicts_with_all = ["follow", "watch", "exec", "exec_batch", "list_details", "format"])]
    pub(crate) index: bool,
    /// Go on after the first answer with what comes (+) and goes (-), until the process is ended
    #[cfg(feature = "watch")]
    #[arg(long)]
    #[arg(conflicts_with_all = ["follow", "exec", "exec_batch", "list_details", "format", "sort"])]
    pub(crate) watch: bool,
}

/// How matches are printed.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Printing")]
pub(crate) struct Printing {
    /// Print in the order of the paths
    #[arg(long)]
    pub(crate) sort: bool,
    /// End paths with NUL
    #[arg(short = '0', long = "print0")]
    pub(crate) null: bool,
    /// Print absolute paths
    #[arg(short = 'a', long, overrides_with = "relative_path")]
    pub(crate) absolute_path: bool,
    #[arg(long, hide = true)]
    pub(crate) relative_path: bool,
    /// List as `ls -l` does
    #[arg(short = 'l', long, conflicts_with_all = ["exec", "exec_batch", "format"])]
    pub(crate) list_details: bool,
    /// Print each match so; for what stands in braces see the end of the help
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["exec", "exec_batch"])]
    pub(crate) format: Option<OsString>,
    /// What stands between the parts of a path
    #[arg(long, value_name = "TEXT")]
    pub(crate) path_separator: Option<OsString>,
    /// Whether paths begin without ./ if no DIR was given; they do unless -0, -x or -X is
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "always")]
    pub(crate) strip_cwd_prefix: Option<Strip>,
    /// As --color
    #[arg(short = 'c', value_name = "WHEN", id = "color_short")]
    pub(crate) color: Option<When>,
    /// Make links of paths, which terminals open; without WHEN where there are colours
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "auto")]
    #[cfg_attr(feature = "watch", arg(conflicts_with_all = ["index", "watch"]))]
    pub(crate) hyperlink: Option<When>,
    /// As --quiet
    #[arg(long, hide = true)]
    pub(crate) has_results: bool,
}

/// Commands to run.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// For each match.
    pub(crate) each: Vec<Vec<OsString>>,
    /// For all of them.
    pub(crate) batch: Vec<Vec<OsString>>,
    /// The most arguments of a command of the latter; 0 for as many as fit.
    pub(crate) batch_size: usize,
}

/// Several options of that name, each with as many values as there are up to `;`, is more than the
/// derive macros know.
impl clap::Args for Commands {
    fn augment_args(command: clap::Command) -> clap::Command {
        let values = |id: &'static str, short| {
            clap::Arg::new(id)
                .long(if id == "exec" { "exec" } else { "exec-batch" })
                .short(short)
                .value_name("CMD")
                .num_args(1..)
                .allow_hyphen_values(true)
                .value_terminator(";")
                .action(ArgAction::Append)
                .value_parser(clap::value_parser!(OsString))
                .help_heading("Commands")
        };
        let each = values("exec", 'x')
            .conflicts_with("exec_batch")
            .help("Run a command for each match, several at a time; it ends at \\; or the end");
        let batch = values("exec_batch", 'X')
            .help("Run a command with all matches, or as many as it can take at once");
        let size = clap::Arg::new("batch_size")
            .long("batch-size")
            .value_name("N")
            .value_parser(clap::value_parser!(usize))
            .requires("exec_batch")
            .help_heading("Commands")
            .help("At most so many matches for one command of --exec-batch");
        command.arg(each).arg(batch).arg(size)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Commands {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let commands = |id: &str| {
            let found = matches.get_occurrences::<OsString>(id).into_iter().flatten();
            found.map(|words| words.cloned().collect()).collect()
        };
        let batch_size = matches.get_one("batch_size").copied().unwrap_or(0);
        Ok(Self { each: commands("exec"), batch: commands("exec_batch"), batch_size })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Types of entries.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileType {
    #[value(alias = "f")]
    File,
    #[value(aliases = ["d", "dir"])]
    Directory,
    #[value(alias = "l")]
    Symlink,
    #[value(alias = "s")]
    Socket,
    #[value(alias = "p")]
    Pipe,
    #[value(alias = "b")]
    BlockDevice,
    #[value(alias = "c")]
    CharDevice,
    #[value(alias = "x")]
    Executable,
    #[value(alias = "e")]
    Empty,
}

/// Whether paths begin without `./`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strip {
    Auto,
    Always,
    Never,
}
