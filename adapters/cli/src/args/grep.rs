//! The grammar of `grep`, which is ripgrep's.

mod chosen;
mod undo;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};

use super::When;
pub(crate) use chosen::Chosen;
pub(crate) use undo::Undo;

/// What is printed of a file can be one thing only; of several the last counts.
const MODES: [&str; 7] = [
    "count",
    "count_matches",
    "files_with_matches",
    "files_without_match",
    "json",
    "files",
    "type_list",
];

/// Print the lines that match a pattern
///
/// The options, the output and the exit status are ripgrep's. Directories are searched with all
/// below them, but for what .gitignore, .ignore and .rgignore files exclude, what is hidden, and
/// what is binary. Without a PATH standard input is searched if something is piped into it, and
/// else the current directory.
#[derive(clap::Args, Debug)]
#[command(
    args_override_self = true,
    after_long_help = "\
Examples:
  treenail grep 'fn \\w+_test' src         lines of all files below src
  treenail grep -F -e a.b -e c.d           texts, not regular expressions
  treenail grep -z error /var/log          compressed files too
  treenail grep -tpy -C3 import            Python files, with three lines around each match
  treenail grep -l TODO -g '!vendor/'      the names of files, but not below vendor
  treenail grep --json main | jq .data     for programs
  treenail grep --index main src           reads less, after `treenail index --content src`

Almost every option can be taken back by a later one, as --follow by --no-follow. What the file
has in it that RIPGREP_CONFIG_PATH names, an option or value a line, goes before all of them.

Exit status: 0 a line matched; 1 none did; 2 an error, even if a line matched (but not with -q)."
)]
pub(crate) struct Grep {
    /// The pattern: a regular expression of the crate regex. With -e or -f it is a PATH
    #[arg(value_name = "PATTERN", required_unless_present_any = [
        "regexps", "pattern_files", "files", "type_list",
    ])]
    pub(crate) pattern: Option<OsString>,
    /// Files and directories; - is standard input
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) matching: Matching,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) printed: Printed,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) undo: Undo,
}

/// What matches.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Patterns")]
pub(crate) struct Matching {
    /// A pattern; may be repeated, and any may match
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN", action = ArgAction::Append)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) regexps: Vec<OsString>,
    /// A file with a pattern on each line; - is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE", action = ArgAction::Append)]
    pub(crate) pattern_files: Vec<PathBuf>,
    /// Patterns are texts, not regular expressions
    #[arg(short = 'F', long)]
    pub(crate) fixed_strings: bool,
    /// Letters match whatever their case
    #[arg(short, long, overrides_with_all = ["case_sensitive", "smart_case"])]
    pub(crate) ignore_case: bool,
    /// Letters match in their case only (the default)
    #[arg(short = 's', long, overrides_with_all = ["ignore_case", "smart_case"])]
    pub(crate) case_sensitive: bool,
    /// Letters match whatever their case, unless a pattern has an upper-case letter
    #[arg(short = 'S', long, overrides_with_all = ["ignore_case", "case_sensitive"])]
    pub(crate) smart_case: bool,
    /// A match begins and ends where words do
    #[arg(short, long, overrides_with = "line_regexp")]
    pub(crate) word_regexp: bool,
    /// A match is a whole line
    #[arg(short = 'x', long, overrides_with = "word_regexp")]
    pub(crate) line_regexp: bool,
    /// Lines that do not match are wanted
    // The name by which the arguments of all commands know `-v`.
    #[arg(id = "verbose", short = 'v', long = "invert-match")]
    pub(crate) invert_match: bool,
    /// A match may go over several lines
    #[arg(short = 'U', long)]
    pub(crate) multiline: bool,
    /// With -U: `.` matches line ends too
    #[arg(long)]
    pub(crate) multiline_dotall: bool,
    /// `$` also matches before a carriage return at the end of a line
    #[arg(long, overrides_with = "null_data")]
    pub(crate) crlf: bool,
    /// Lines end with NUL
    #[arg(long, overrides_with = "crlf")]
    pub(crate) null_data: bool,
    /// Classes such as \w and the cases of letters are those of ASCII
    #[arg(long, alias = "no-pcre2-unicode")]
    pub(crate) no_unicode: bool,
    /// Use PCRE2, which knows look-around and back-references
    #[arg(short = 'P', long, overrides_with_all = ["engine", "auto_hybrid_regex"])]
    pub(crate) pcre2: bool,
    /// As --engine auto
    #[arg(long, hide = true, overrides_with_all = ["engine", "pcre2"])]
    pub(crate) auto_hybrid_regex: bool,
    /// What executes the patterns; auto takes PCRE2 where it is needed
    #[arg(long, value_name = "ENGINE", overrides_with_all = ["pcre2", "auto_hybrid_regex"])]
    pub(crate) engine: Option<EngineName>,
    /// How large the compiled patterns may be [default: 100M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) regex_size_limit: Option<u64>,
    /// How large each thread's automaton may be [default: 1000M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) dfa_size_limit: Option<u64>,
}

/// What is wanted of what matches.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Results")]
pub(crate) struct Wanted {
    /// Print only how many lines of each file match
    #[arg(short, long, overrides_with_all = MODES)]
    pub(crate) count: bool,
    /// Print only how many matches each file has
    #[arg(long, overrides_with_all = MODES)]
    pub(crate) count_matches: bool,
    /// With -c: files without a match too
    #[arg(long)]
    pub(crate) include_zero: bool,
    /// Print only the names of files with a match
    #[arg(short = 'l', long, overrides_with_all = MODES)]
    pub(crate) files_with_matches: bool,
    /// Print only the names of files without a match
    #[arg(long, overrides_with_all = MODES)]
    pub(crate) files_without_match: bool,
    /// Print the names of the files that would be searched
    #[arg(long, overrides_with_all = MODES)]
    pub(crate) files: bool,
    /// Print the types of files that there are for -t and -T
    #[arg(long, overrides_with_all = MODES)]
    pub(crate) type_list: bool,
    /// Print JSON, one object a line
    #[arg(id = "json", long, overrides_with_all = MODES)]
    pub(crate) json: bool,
    /// Print nothing, and end with the first match
    #[arg(id = "quiet", short = 'q', long)]
    pub(crate) quiet: bool,
    /// Print only what matches, each match on its own line
    #[arg(short, long)]
    pub(crate) only_matching: bool,
    /// Print matches replaced by this; $1 and $name are what the groups matched
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) replace: Option<String>,
    /// End with this many matching lines of a file
    #[arg(short, long, value_name = "NUM")]
    pub(crate) max_count: Option<u64>,
    /// End a file with the first line without a match that follows one with a match
    #[arg(long)]
    pub(crate) stop_on_nonmatch: bool,
    /// Print this many lines after each match
    #[arg(short = 'A', long, value_name = "NUM", overrides_with = "passthru")]
    pub(crate) after_context: Option<usize>,
    /// Print this many lines before each match
    #[arg(short = 'B', long, value_name = "NUM", overrides_with = "passthru")]
    pub(crate) before_context: Option<usize>,
    /// Print this many lines before and after each match
    #[arg(short = 'C', long, value_name = "NUM", overrides_with = "passthru")]
    pub(crate) context: Option<usize>,
    /// Print all lines
    #[arg(long, alias = "passthrough")]
    #[arg(overrides_with_all = ["after_context", "before_context", "context"])]
    pub(crate) passthru: bool,
    /// Print statistics at the end
    #[arg(long)]
    pub(crate) stats: bool,
}

/// How results are printed.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Printed {
    /// When to use colours
    #[arg(id = "color", long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// A colour, such as match:fg:red, path:none or line:style:bold
    #[arg(long, value_name = "SPEC", action = ArgAction::Append)]
    pub(crate) colors: Vec<String>,
    /// Print numbers of lines (the default on a terminal)
    #[arg(short = 'n', long, overrides_with = "no_line_number")]
    pub(crate) line_number: bool,
    /// Print no numbers of lines
    #[arg(short = 'N', long, overrides_with = "line_number")]
    pub(crate) no_line_number: bool,
    /// Print the file's name with each line (the default for more than one file)
    #[arg(short = 'H', long, overrides_with = "no_filename")]
    pub(crate) with_filename: bool,
    /// Print no names of files
    #[arg(short = 'I', long, overrides_with = "with_filename")]
    pub(crate) no_filename: bool,
    /// Print the file's name above its lines (the default on a terminal)
    #[arg(long, overrides_with = "no_heading")]
    pub(crate) heading: bool,
    /// Print the file's name with each line
    #[arg(long, overrides_with = "heading")]
    pub(crate) no_heading: bool,
    /// As on a terminal: colours, headings and numbers of lines
    #[arg(short, long)]
    pub(crate) pretty: bool,
    /// Print the column of the first match of a line
    #[arg(long, overrides_with = "no_column")]
    pub(crate) column: bool,
    /// Print no columns, also with --vimgrep
    #[arg(long, overrides_with = "column")]
    pub(crate) no_column: bool,
    /// Print the offset of each line, or with -o of each match
    #[arg(short, long)]
    pub(crate) byte_offset: bool,
    /// Print each match with its line, its number and its column
    #[arg(long)]
    pub(crate) vimgrep: bool,
    /// Leave blanks at the beginning of lines out
    #[arg(long)]
    pub(crate) trim: bool,
    /// Do not print lines that are longer; 0 is no limit
    #[arg(short = 'M', long, value_name = "BYTES")]
    pub(crate) max_columns: Option<u64>,
    /// Print the beginning of lines that are too long
    #[arg(long)]
    pub(crate) max_columns_preview: bool,
    /// NUL follows names, and not a colon or a line's end
    #[arg(short = '0', long)]
    pub(crate) null: bool,
    /// What separates lines that are no neighbours
    #[arg(long, value_name = "TEXT", default_value = "--", allow_hyphen_values = true)]
    pub(crate) context_separator: String,
    /// Nothing separates lines that are no neighbours
    #[arg(long, overrides_with = "context_separator")]
    pub(crate) no_context_separator: bool,
    /// What follows numbers and names of lines that match
    #[arg(long, value_name = "TEXT", default_value = ":", allow_hyphen_values = true)]
    pub(crate) field_match_separator: String,
    /// What follows numbers and names of lines around a match
    #[arg(long, value_name = "TEXT", default_value = "-", allow_hyphen_values = true)]
    pub(crate) field_context_separator: String,
    /// What separates the parts of a name
    #[arg(long, value_name = "BYTE")]
    pub(crate) path_separator: Option<String>,
    /// Print files in an order
    #[arg(long, value_name = "BY", default_value = "none")]
    #[arg(overrides_with_all = ["sortr", "sort_files"])]
    pub(crate) sort: SortBy,
    /// As --sort path
    #[arg(long, hide = true, overrides_with_all = ["sort", "sortr"])]
    pub(crate) sort_files: bool,
    /// Print files in the reverse of an order
    #[arg(long, value_name = "BY", default_value = "none")]
    #[arg(overrides_with_all = ["sort", "sort_files"])]
    pub(crate) sortr: SortBy,
    /// Write each line at once
    #[arg(long, overrides_with = "block_buffered")]
    pub(crate) line_buffered: bool,
    /// Write much at a time, on a terminal too
    #[arg(long, overrides_with = "line_buffered")]
    pub(crate) block_buffered: bool,
    /// Make links of names where there are colours: default, none, file, kitty, vscode and others,
    /// or a form with {path}, {host}, {line}, {column} [default: none]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) hyperlink_format: Option<String>,
    /// A program that prints the {host} of --hyperlink-format
    #[arg(long, value_name = "COMMAND")]
    pub(crate) hostname_bin: Option<OsString>,
    /// Say nothing of files that cannot be opened or read
    #[arg(long)]
    pub(crate) no_messages: bool,
}

impl Printed {
    /// By what files are put in order, and by what in the reverse order.
    pub(crate) fn order(&self) -> (SortBy, SortBy) {
        if self.sort_files { (SortBy::Path, SortBy::None) } else { (self.sort, self.sortr) }
    }
}

/// How files are read.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Reading")]
pub(crate) struct Reading {
    /// Search compressed files: gzip, bzip2, xz, lzma, lz4, Zstandard, brotli (not compress, .Z)
    #[arg(short = 'z', long)]
    pub(crate) search_zip: bool,
    /// The encoding, as utf-16le or latin1; auto looks for byte order marks, none ignores them
    #[arg(short = 'E', long, value_name = "NAME", default_value = "auto")]
    pub(crate) encoding: String,
    /// Search what COMMAND prints, given a file's path, instead of the file
    #[arg(long, value_name = "COMMAND")]
    pub(crate) pre: Option<OsString>,
    /// Use --pre for files only that the glob matches, or with ! before it not for those
    #[arg(long = "pre-glob", value_name = "GLOB", action = ArgAction::Append)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) pre_globs: Vec<String>,
    /// Map files into memory; who shortens one meanwhile ends the search, so that they are read by
    /// default
    #[arg(long)]
    pub(crate) mmap: bool,
    /// Binary files are text
    #[arg(short = 'a', long, overrides_with = "binary")]
    pub(crate) text: bool,
    /// Search binary files to their end, but print only that they match
    #[arg(long, overrides_with = "text")]
    pub(crate) binary: bool,
    /// Read only files that may match by what `treenail index --content` knows of them, and those
    /// that have changed since. What is found is the same
    #[cfg(feature = "watch")]
    #[arg(long, overrides_with = "no_index")]
    pub(crate) index: bool,
    /// Read all files (the default)
    #[cfg(feature = "watch")]
    #[arg(long, overrides_with = "index")]
    pub(crate) no_index: bool,
    /// Threads to use; 0 is as many as the machine runs at once
    #[arg(short = 'j', long, value_name = "NUM", default_value_t = 0)]
    pub(crate) threads: usize,
}

/// What executes patterns.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EngineName {
    /// The crate regex.
    Default,
    /// PCRE2.
    Pcre2,
    /// The crate regex, and PCRE2 where a pattern needs it.
    Auto,
}

/// What files are put in order by.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SortBy {
    /// Nothing: as they come.
    None,
    /// Their names.
    Path,
    /// When they were last changed.
    Modified,
    /// When they were last read.
    Accessed,
    /// When they were made.
    Created,
}

/// A number of bytes, with K, M or G behind it.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes() {
        [digits @ .., b'K' | b'k'] => (digits.len(), 10),
        [digits @ .., b'M' | b'm'] => (digits.len(), 20),
        [digits @ .., b'G' | b'g'] => (digits.len(), 30),
        digits => (digits.len(), 0),
    };
    let number: u64 = text[..digits].parse().map_err(|_| "a number, or one with K, M or G")?;
    number.checked_mul(1 << shift).ok_or_else(|| "more than 16 EiB".to_owned())
}
