//! Which files are searched.

use std::path::Path;

use treenail::glob::find::{Find, Ignores, NameChoice, Overrides};
use treenail::glob::search::FileTypes;
use treenail::os::bytes_of;

use crate::Outcome;
use crate::args::{Chosen, Grep};
use crate::output::{Failed, Output, Problem};

use super::Paths;

/// How far down everything is.
const DEPTH_MAX: usize = usize::MAX;

/// What is to be searched below one directory.
pub(super) fn find(args: &Grep, paths: &Paths, root: &Path) -> Result<Find, Failed> {
    let chosen = &args.chosen;
    let hidden = chosen.hidden || chosen.unrestricted >= 2;
    let find = match paths.is_implicit {
        true => Find::new().root_shown(root, ""),
        false => Find::new().root_shown(root, bytes_of(root.as_os_str())),
    };
    let mut find = find
        .hidden(hidden)
        .ignores(ignores(chosen))
        .overrides(overrides(chosen)?)
        .names(names(chosen)?)
        .follow(chosen.follow)
        .one_file_system(chosen.one_file_system)
        .depth(0, chosen.max_depth.unwrap_or(DEPTH_MAX));
    if let Some(bytes) = chosen.max_filesize {
        find = find.size(0..=bytes);
    }
    Ok(find)
}

fn ignores(chosen: &Chosen) -> Ignores {
    let all = !chosen.no_ignore && chosen.unrestricted == 0;
    let dot = all && !chosen.no_ignore_dot;
    let git = all && !chosen.no_ignore_vcs;
    Ignores {
        git,
        git_global: git && !chosen.no_ignore_global,
        git_exclude: git && !chosen.no_ignore_exclude,
        git_required: !chosen.no_require_git,
        git_markers: true,
        git_dir: false,
        dot_ignore: dot,
        names: if dot { vec![b".rgignore".to_vec()] } else { Vec::new() },
        parents: all && !chosen.no_ignore_parent,
        // Whoever names a file wants its rules, also where those that are found are not wanted.
        files: match chosen.no_ignore_files {
            false => chosen.ignore_files.clone(),
            true => Vec::new(),
        },
        files_base: std::env::current_dir().ok(),
        any_case: chosen.ignore_file_case_insensitive,
    }
}

fn overrides(chosen: &Chosen) -> Result<Overrides, Failed> {
    let here = std::env::current_dir().map_err(|error| Problem::io(Path::new("."), &error))?;
    let mut overrides = Overrides::new(here);
    for glob in &chosen.globs {
        overrides = match chosen.glob_case_insensitive {
            true => overrides.rule_any_case(glob),
            false => overrides.rule(glob),
        };
    }
    for glob in &chosen.iglobs {
        overrides = overrides.rule_any_case(glob);
    }
    Ok(overrides)
}

fn names(chosen: &Chosen) -> Result<NameChoice, Failed> {
    let types = types(chosen)?;
    let mut names = NameChoice::new();
    for name in &chosen.types {
        names = types.choose(names, name, true).map_err(problem)?;
    }
    for name in &chosen.types_not {
        names = types.choose(names, name, false).map_err(problem)?;
    }
    Ok(names)
}

fn types(chosen: &Chosen) -> Result<FileTypes, Failed> {
    let mut types = FileTypes::new();
    for name in &chosen.type_clear {
        types.clear(name);
    }
    for definition in &chosen.type_add {
        types.add(definition).map_err(problem)?;
    }
    Ok(types)
}

fn problem(error: treenail::glob::search::TypeError) -> Failed {
    let remedy = Some("see --type-list, and --type-add for types of your own");
    Problem { kind: "usage", message: error.to_string(), path: None, remedy }.into()
}

/// Prints the types of files.
pub(super) fn print_types(chosen: &Chosen, output: &mut Output) -> Result<Outcome, Failed> {
    for (name, globs) in types(chosen)?.iter() {
        output.write(format!("{name}: {}\n", globs.join(", ")).as_bytes())?;
    }
    Ok(Outcome::Done)
}
