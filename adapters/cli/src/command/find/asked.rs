//! From the command line to what is looked for.

use std::ffi::OsStr;
use std::path::Path;

use treenail::glob::find::{Find, Ignores, Types};
use treenail::glob::{Case, Filter, Pattern, Subject, nanoseconds, parse_time};
use treenail::os::bytes_of;

use crate::args::{self, FileType, Strip};
use crate::output::{Failed, Problem};

/// What the command line asks for.
pub(super) fn find(args: &args::Find, runs_commands: bool) -> Result<Find, Failed> {
    let mut find = Find::new()
        .case(match (args.patterns.case_sensitive, args.patterns.ignore_case) {
            (true, _) => Case::Sensitive,
            (_, true) => Case::Insensitive,
            _ => Case::Smart,
        })
        .filter(filter(args)?)
        .ignores(ignores(args))
        .hidden(args.ignoring.hidden || args.ignoring.unrestricted > 0)
        .prune(args.filters.prune)
        .follow(args.walking.follow)
        .one_file_system(args.walking.one_file_system)
        .threads(args.walking.threads)
        .sort(args.printing.sort);
    if args.patterns.full_path {
        find = find.on(Subject::Absolute);
    }
    for pattern in std::iter::once(&args.pattern).chain(&args.patterns.also) {
        if !pattern.is_empty() {
            find = find.and(self::pattern(args, pattern)?);
        }
    }
    let exact = args.filters.exact_depth;
    let min = exact.or(args.filters.min_depth).unwrap_or(0);
    let max = exact.or(args.filters.max_depth).unwrap_or(usize::MAX);
    find = find.depth(min, max);
    for glob in &args.filters.exclude {
        find = find.exclude(bytes_of(glob));
    }
    for name in &args.ignoring.ignore_contain {
        find = find.skip_holding(bytes_of(name));
    }
    // As fd has it, none is no limit.
    let results = args.walking.max_results.filter(|&results| results > 0);
    find = find.max_results(if args.walking.one_result { 1 } else { results.unwrap_or(u64::MAX) });
    roots(args, find, runs_commands)
}

fn roots(args: &args::Find, mut find: Find, runs_commands: bool) -> Result<Find, Failed> {
    let dirs = if args.dirs.is_empty() { &args.walking.search_path } else { &args.dirs };
    // What is not there is told of when it is opened.
    let absolute = |dir: &Path| {
        let failed = |error| Failed::from(Problem::io(dir, &error));
        dir.canonicalize().or_else(|_| std::path::absolute(dir)).map_err(failed)
    };
    if dirs.is_empty() {
        let strips = match args.printing.strip_cwd_prefix.unwrap_or(Strip::Auto) {
            Strip::Auto => !(args.printing.null || runs_commands),
            Strip::Always => true,
            Strip::Never => false,
        };
        let here = Path::new(".");
        return Ok(match (args.printing.absolute_path, strips) {
            (true, _) => find.root_shown(here, bytes_of(absolute(here)?.as_os_str())),
            (false, true) => find.root_shown(here, ""),
            (false, false) => find.root(here),
        });
    }
    for dir in dirs {
        find = match args.printing.absolute_path {
            true => find.root_shown(dir, bytes_of(absolute(dir)?.as_os_str())),
            // Programs that are told of it take it for something else.
            false if dir == "-" => find.root_shown(dir, "./-"),
            false => find.root(dir),
        };
    }
    Ok(find)
}

fn pattern(args: &args::Find, text: &OsStr) -> Result<Pattern, Failed> {
    let how = &args.patterns;
    let bytes = bytes_of(text);
    let has_slash = bytes.contains(&b'/');
    if has_slash && !how.glob && !how.full_path {
        let shown = text.display();
        let message = format!("'{shown}' holds a slash, and no name does");
        let remedy = "ask the whole path with --full-path, or name the directory after a pattern: \
                      `treenail find . DIR`";
        return Err(usage(message, remedy));
    }
    let leads_to_hidden = match how.glob || how.exact {
        true => bytes.first() == Some(&b'.') && !has_slash,
        false => !how.fixed_strings && bytes.starts_with(b"^\\."),
    };
    let finds_hidden = args.ignoring.hidden || args.ignoring.unrestricted > 0;
    if leads_to_hidden && !finds_hidden && !how.full_path {
        let message =
            format!("'{}' matches hidden names alone, and they are left out", text.display());
        return Err(usage(message, "find them too with --hidden"));
    }
    Ok(match (how.glob, how.fixed_strings, how.exact) {
        (true, ..) => Pattern::Glob(bytes.to_vec()),
        (_, true, _) => Pattern::Fixed(bytes.to_vec()),
        (_, _, true) => Pattern::Exact(bytes.to_vec()),
        _ => match text.to_str() {
            Some(text) => Pattern::Regex(text.to_owned()),
            None => {
                let message =
                    format!("'{}' is no text, as a regular expression is", text.display());
                return Err(usage(
                    message,
                    "write its bytes as `(?-u:\\xFF)`, or use --fixed-strings",
                ));
            }
        },
    })
}

fn filter(args: &args::Find) -> Result<Filter, Failed> {
    let asked = &args.filters;
    let mut filter = Filter::default();
    if !asked.types.is_empty() {
        filter.types = Types::NONE;
    }
    for kind in &asked.types {
        filter.types |= match kind {
            FileType::File => Types::FILE,
            FileType::Directory => Types::DIRECTORY,
            FileType::Symlink => Types::SYMLINK,
            FileType::Socket => Types::SOCKET,
            FileType::Pipe => Types::FIFO,
            FileType::BlockDevice => Types::BLOCK_DEVICE,
            FileType::CharDevice => Types::CHAR_DEVICE,
            FileType::Executable => {
                filter.executable = true;
                Types::FILE
            }
            FileType::Empty => {
                filter.empty = true;
                Types::NONE
            }
        };
    }
    let (file, dir) = (Types::FILE, Types::DIRECTORY);
    if filter.empty && filter.types & (file | dir) == Types::NONE {
        filter.types |= file | dir;
    }
    for extension in &asked.extensions {
        let extension = bytes_of(extension);
        let from = extension.iter().take_while(|&&byte| byte == b'.').count();
        filter.extensions.push(extension[from..].to_vec());
    }
    filter.sizes.extend(asked.sizes.iter().cloned());
    let time = |text: &String| {
        let remedy = "write `2d`, `2026-03-01`, `2026-03-01 12:00:00` or `@1767225600`";
        let wrong = |_| usage(format!("'{text}' is no time"), remedy);
        parse_time(text).map(nanoseconds).map_err(wrong)
    };
    filter.modified_after_ns = asked.changed_within.as_ref().map(time).transpose()?;
    filter.modified_before_ns = asked.changed_before.as_ref().map(time).transpose()?;
    #[cfg(unix)]
    if let Some(owners) = &asked.owner {
        (filter.user, filter.group) = (owners.user, owners.group);
    }
    Ok(filter)
}

fn ignores(args: &args::Find) -> Ignores {
    let asked = &args.ignoring;
    let any = !(asked.no_ignore || asked.unrestricted > 0);
    let git = any && !asked.no_ignore_vcs;
    let mut files = Vec::new();
    if any && !asked.no_global_ignore_file {
        let home = || Some(std::env::home_dir()?.join(".config"));
        let config = std::env::var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty());
        let config = config.map(Into::into).or_else(home);
        files.extend(config.map(|dir| dir.join("fd").join("ignore")).filter(|file| file.is_file()));
    }
    files.extend(asked.ignore_file.iter().cloned());
    Ignores {
        git,
        git_global: git,
        git_exclude: git,
        git_required: !asked.no_require_git,
        git_markers: true,
        git_dir: false,
        dot_ignore: any,
        names: if any { vec![b".fdignore".to_vec()] } else { Vec::new() },
        parents: !asked.no_ignore_parent,
        files,
        files_base: std::env::current_dir().ok(),
        any_case: false,
    }
}

/// A command line that asks for what cannot be.
pub(super) fn usage(message: String, remedy: &'static str) -> Failed {
    Failed::Error(Problem { kind: "usage", message, path: None, remedy: Some(remedy) })
}
