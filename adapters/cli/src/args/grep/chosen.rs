//! The options of `grep` that say which files are searched.

use std::path::PathBuf;

use clap::ArgAction;

use super::size;

/// Which files are searched.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Files")]
pub(crate) struct Chosen {
    /// Search files that the glob matches, or with ! before it not those; a rule as in .gitignore,
    /// and stronger than any of them
    #[arg(short = 'g', long = "glob", value_name = "GLOB", action = ArgAction::Append)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) globs: Vec<String>,
    /// As --glob, whatever the case of letters
    #[arg(long = "iglob", value_name = "GLOB", action = ArgAction::Append)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) iglobs: Vec<String>,
    /// Letters match whatever their case in --glob too
    #[arg(long)]
    pub(crate) glob_case_insensitive: bool,
    /// Search files of the type; see --type-list
    #[arg(short = 't', long = "type", value_name = "TYPE", action = ArgAction::Append)]
    pub(crate) types: Vec<String>,
    /// Do not search files of the type
    #[arg(short = 'T', long = "type-not", value_name = "TYPE", action = ArgAction::Append)]
    pub(crate) types_not: Vec<String>,
    /// Add a glob to a type, as in web:*.html, or types to a type, as in src:include:cpp,py
    #[arg(long, value_name = "TYPE:GLOB", action = ArgAction::Append)]
    pub(crate) type_add: Vec<String>,
    /// Forget the globs of a type
    #[arg(long, value_name = "TYPE", action = ArgAction::Append)]
    pub(crate) type_clear: Vec<String>,
    /// Search hidden files and directories
    #[arg(short = '.', long, overrides_with = "no_hidden")]
    pub(crate) hidden: bool,
    /// Do not search hidden files and directories (the default)
    #[arg(long, overrides_with = "hidden")]
    pub(crate) no_hidden: bool,
    /// Search ignored files too; -uu hidden ones besides, -uuu binary ones besides
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) unrestricted: u8,
    /// Obey no rules but those of --ignore-file
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Obey no .ignore and .rgignore files
    #[arg(long)]
    pub(crate) no_ignore_dot: bool,
    /// Obey no exclude file of a repository
    #[arg(long)]
    pub(crate) no_ignore_exclude: bool,
    /// Obey no --ignore-file
    #[arg(long)]
    pub(crate) no_ignore_files: bool,
    /// Ignore files whatever the case of letters in the rules
    #[arg(long)]
    pub(crate) ignore_file_case_insensitive: bool,
    /// Obey no excludes of git's configuration
    #[arg(long)]
    pub(crate) no_ignore_global: bool,
    /// Obey no rules of the directories above
    #[arg(long)]
    pub(crate) no_ignore_parent: bool,
    /// Obey no rules of git
    #[arg(long)]
    pub(crate) no_ignore_vcs: bool,
    /// Obey .gitignore files outside of repositories too
    #[arg(long)]
    pub(crate) no_require_git: bool,
    /// A file with rules as in .gitignore, weaker than all others
    #[arg(long = "ignore-file", value_name = "FILE", action = ArgAction::Append)]
    pub(crate) ignore_files: Vec<PathBuf>,
    /// Follow symbolic links
    #[arg(short = 'L', long)]
    pub(crate) follow: bool,
    /// Do not enter other file systems
    #[arg(long)]
    pub(crate) one_file_system: bool,
    /// How deep to go; 1 is what the directories themselves hold
    #[arg(short = 'd', long, value_name = "NUM", alias = "maxdepth")]
    pub(crate) max_depth: Option<usize>,
    /// Do not search larger files; K, M and G are units
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_filesize: Option<u64>,
}
