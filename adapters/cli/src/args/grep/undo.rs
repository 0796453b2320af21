//! The options of `grep` that take others back.

use clap::ArgAction;

/// Options that take others back, as ripgrep has them: the last counts.
///
/// They have no values of their own; all they do is to override.
#[derive(Debug, Default)]
pub(crate) struct Undo;

/// Each option, and what it takes back.
const UNDOES: &[(&str, &str)] = &[
    ("ignore", "no_ignore"),
    ("ignore-dot", "no_ignore_dot"),
    ("ignore-exclude", "no_ignore_exclude"),
    ("ignore-files", "no_ignore_files"),
    ("ignore-global", "no_ignore_global"),
    ("ignore-parent", "no_ignore_parent"),
    ("ignore-vcs", "no_ignore_vcs"),
    ("messages", "no_messages"),
    ("no-auto-hybrid-regex", "auto_hybrid_regex"),
    ("no-binary", "binary"),
    ("no-block-buffered", "block_buffered"),
    ("no-byte-offset", "byte_offset"),
    // Heeded before the line is read.
    ("no-config", "no-config"),
    ("no-crlf", "crlf"),
    ("no-encoding", "encoding"),
    ("no-fixed-strings", "fixed_strings"),
    ("no-follow", "follow"),
    ("no-glob-case-insensitive", "glob_case_insensitive"),
    ("no-ignore-file-case-insensitive", "ignore_file_case_insensitive"),
    ("no-include-zero", "include_zero"),
    ("no-invert-match", "verbose"),
    ("no-json", "json"),
    ("no-line-buffered", "line_buffered"),
    ("no-max-columns-preview", "max_columns_preview"),
    ("no-mmap", "mmap"),
    ("no-multiline", "multiline"),
    ("no-multiline-dotall", "multiline_dotall"),
    ("no-one-file-system", "one_file_system"),
    ("no-pcre2", "pcre2"),
    ("no-pre", "pre"),
    ("no-search-zip", "search_zip"),
    ("no-sort-files", "sort_files"),
    ("no-stats", "stats"),
    ("no-text", "text"),
    ("no-trim", "trim"),
    ("pcre2-unicode", "no_unicode"),
    ("require-git", "no_require_git"),
    ("unicode", "no_unicode"),
];

impl clap::Args for Undo {
    fn augment_args(command: clap::Command) -> clap::Command {
        let undo = |(name, undone): &(&'static str, &'static str)| {
            let arg = clap::Arg::new(*name).long(*name).action(ArgAction::SetTrue).hide(true);
            if name == undone { arg } else { arg.overrides_with(*undone) }
        };
        command.args(UNDOES.iter().map(undo))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Undo {
    fn from_arg_matches(_: &clap::ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &clap::ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}
