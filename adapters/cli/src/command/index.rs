//! `treenail index`: a tree that is kept from one run to the next, and `find` answered from it.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value, json};
use treenail::glob::find::Find;
use treenail::glob::query::{Hit, Index, Query, Watch};
use treenail::glob::rfc3339;
use treenail::os::{Kind, bytes_of};
use treenail::share;
use treenail::tree::live::{LiveTree, Options, peek};
use treenail::tree::{ErrorKind, IdKind, Tree};

use super::find::{Colors, Shown, separated};
#[cfg(unix)]
use super::since::WITHIN;
use super::watch::follow::State;
use crate::Outcome;
use crate::args;
use crate::output::{Failed, Output, Problem, insert_path, shown};

/// The ids that `watch` keeps by default: the state is the same.
const IDS: Option<IdKind> = Some(IdKind::XXH3);

pub(crate) fn run(args: &args::Index, output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    let state = State::kept(&args.dir, args.state.as_deref(), None)?;
    let Some(state) = state.dir else {
        let why = state.missing.unwrap_or("there is no place to keep it");
        return Err(problem(&args.dir, why, Some("name another place with --state")));
    };
    let (mut summary, mut outcome) = match keep_tree(&args.dir, &state, output) {
        // Whoever keeps the tree keeps it true.
        Err(error) if args.content && error.kind() == ErrorKind::Locked => {
            (Map::new(), Outcome::Done)
        }
        kept => kept?,
    };
    if let (Some(entries), false) = (summary.remove("entries"), output.json() || output.quiet()) {
        let how = if summary["resumed"] == true { "compared" } else { "indexed" };
        output.write(format!("{how} {entries} entries\n").as_bytes())?;
    }
    if args.content {
        let (content, is_whole) = super::contents::refresh(args, &state, output)?;
        summary.insert("content".into(), content);
        if !is_whole {
            outcome = Outcome::Incomplete;
        }
    }
    let elapsed_ms = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    summary.insert("elapsed_ms".into(), elapsed_ms.into());
    if output.json() {
        output.json_line(&json!({ "summary": summary }))?;
    }
    Ok(outcome)
}

/// Brings the tree that is kept up to date, and says what there is, `entries` being the sum.
fn keep_tree(
    dir: &Path,
    state: &Path,
    output: &mut Output,
) -> Result<(Map<String, Value>, Outcome), treenail::tree::Error> {
    let options = Options { ids: IDS, state: Some(state.to_owned()), ..Options::default() };
    let mut live = LiveTree::open(dir, &options)?;
    live.barrier()?;
    let (counts, ready) = (live.tree().counts(), live.ready().clone());
    for (path, why) in live.unlisted() {
        output.aside(&format!("{}: {why}", String::from_utf8_lossy(&shown(&path))));
    }
    if let Some(why) = &ready.lost {
        output.hint(&format!("an earlier index could not be used: {why}"));
    }
    let (clock, incomplete) = (live.clock(), !live.unlisted().is_empty());
    live.close()?;
    let mut summary = Map::new();
    summary.insert("entries".into(), counts.entries().into());
    summary.insert("files".into(), counts.files.into());
    summary.insert("dirs".into(), counts.dirs.into());
    summary.insert("symlinks".into(), counts.symlinks.into());
    summary.insert("others".into(), counts.others.into());
    summary.insert("resumed".into(), ready.resumed.into());
    summary.insert("clock".into(), clock.to_string().into());
    Ok((summary, if incomplete { Outcome::Incomplete } else { Outcome::Done }))
}

/// Answers a search from the tree that is kept of the directory, or of the nearest one above it of
/// which there is one.
pub(super) fn answer(
    args: &args::Find,
    find: &Find,
    (is_quiet, colors): (bool, Option<Box<Colors>>),
    output: &mut Output,
) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    let dir = args.dirs.iter().chain(&args.walking.search_path).next();
    let dir = dir.map_or(Path::new("."), PathBuf::as_path);
    let (root, state) = kept(dir)?;
    let options = Options { ids: IDS, state: Some(state.clone()), ..Options::default() };
    let (tree, live): (Tree, _) = match LiveTree::open(&root, &options) {
        Ok(mut live) => {
            live.barrier()?;
            (live.tree().clone(), Some(live))
        }
        // Whoever keeps it has stored it all, up to what it has reported.
        Err(error) if error.kind() == ErrorKind::Locked => {
            #[cfg(unix)]
            have_stored(&root, output);
            (peek(&state, IDS, None)?.tree, None)
        }
        Err(error) => return Err(error.into()),
    };
    let query = Query::new(find, &root)?;
    let index = Index::new(&tree, &root)?;
    let answer = index.ask(&query);
    answer.errors().iter().for_each(|error| output.hint(&error.to_string()));
    if !is_quiet {
        for hit in answer.iter() {
            print(&hit, args, colors.as_deref(), output)?;
        }
    }
    if output.json() && !is_quiet {
        output.json_line(&json!({ "summary": {
            "matches": answer.len(),
            "elapsed_ms": (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        }}))?;
    }
    let none = is_quiet && answer.is_empty();
    output.finish()?;
    live.map_or(Ok(()), LiveTree::leave)?;
    Ok(if none { Outcome::No } else { Outcome::Done })
}

/// If it is the daemon that keeps the tree, has it store everything that has happened until now.
#[cfg(unix)]
fn have_stored(root: &Path, output: &Output) {
    if let Ok(daemon) = share::client::Client::connect()
        && daemon.roots().is_ok_and(|roots| roots.iter().any(|kept| kept.root == root))
        && let Err(problem) = daemon.barrier(root, Some(WITHIN))
    {
        output.hint(&format!("the latest changes may be missing: {}", problem.message));
    }
}

/// Prints what is found, and then what comes and goes, until the process is ended.
pub(crate) fn watch(
    args: &args::Find,
    find: &Find,
    output: &mut Output,
) -> Result<Outcome, Failed> {
    let options = Options { ids: None, ..Options::default() };
    let mut watch = Watch::open(find, &options)?;
    let answer = watch.answer();
    for hit in answer.iter() {
        print(&hit, args, None, output)?;
    }
    let matches = answer.len();
    drop(answer);
    if output.json() {
        output.json_line(&json!({ "ready": { "matches": matches } }))?;
    }
    output.finish()?;
    loop {
        let Some(news) = watch.next(None)? else { continue };
        let removed = news.removed.iter().map(|path| ("removed", '-', path));
        let added = news.added.iter().map(|path| ("added", '+', path));
        for (change, sign, path) in removed.chain(added) {
            if output.json() {
                let mut object = Map::new();
                object.insert("change".into(), change.into());
                insert_path(&mut object, "path", path);
                output.json_line(&Value::Object(object))?;
            } else {
                write_path(&[&[sign as u8], &path[..]].concat(), args, output)?;
            }
        }
        output.finish()?;
    }
}

/// The nearest directory at or above one of which a tree is kept, and where.
fn kept(dir: &Path) -> Result<(PathBuf, PathBuf), Failed> {
    let remedy = Some("make one with `treenail index DIR`");
    let found = nearest(dir, Path::is_dir)?;
    found.ok_or_else(|| problem(dir, "there is no index of the directory", remedy))
}

/// The nearest directory at or above one whose state is what is looked for, and where that is.
pub(super) fn nearest(
    dir: &Path,
    is_wanted: impl Fn(&Path) -> bool,
) -> Result<Option<(PathBuf, PathBuf)>, Failed> {
    let real = dir.canonicalize().map_err(|error| Problem::io(dir, &error))?;
    Ok(share::states_of_user().and_then(|states| {
        real.ancestors().find_map(|above| {
            let state = share::state_of(&states, above, None)?;
            is_wanted(&state).then(|| (above.to_owned(), state))
        })
    }))
}

pub(super) fn problem(path: &Path, message: &str, remedy: Option<&'static str>) -> Failed {
    let path = Some(bytes_of(path.as_os_str()).to_vec());
    Failed::Error(Problem { kind: "index", message: message.to_owned(), path, remedy })
}

fn print(
    hit: &Hit<'_>,
    args: &args::Find,
    colors: Option<&Colors>,
    output: &mut Output,
) -> Result<(), Failed> {
    let mut path = hit.path();
    if let (Some(colors), false) = (colors, output.json()) {
        let dir = path.len() - hit.name().len();
        let part = |text: &[u8]| parted(text, args);
        let (name, stat) = (hit.name(), hit.stat());
        let shown = Shown { path: &path, name, kind: hit.kind(), stat: Some(&stat) };
        let mut text = Vec::new();
        colors.write(shown, &part(&path[..dir]), &part(name), &mut text);
        text.push(end_of(args));
        return output.write(&text);
    }
    if !output.json() {
        if hit.kind() == Kind::Directory {
            path.push(b'/');
        }
        return write_path(&path, args, output);
    }
    let stat = hit.stat();
    let mut object = Map::new();
    insert_path(&mut object, "path", &path);
    let kind = match stat.kind {
        Kind::File => "file",
        Kind::Directory => "dir",
        Kind::Symlink => "symlink",
        _ => "other",
    };
    object.insert("type".into(), kind.into());
    if stat.kind == Kind::File {
        object.insert("size_bytes".into(), stat.size_bytes.into());
    }
    if let Some(time) = rfc3339(stat.mtime_ns) {
        object.insert("modified".into(), time.into());
    }
    output.json_line(&Value::Object(object))
}

fn write_path(path: &[u8], args: &args::Find, output: &mut Output) -> Result<(), Failed> {
    output.write(&parted(path, args))?;
    output.write(&[end_of(args)])
}

/// A part of a path as it is printed.
fn parted(path: &[u8], args: &args::Find) -> Vec<u8> {
    let for_people = stdout().is_terminal() && !args.printing.null;
    let mut parted = Vec::with_capacity(path.len());
    let separator = args.printing.path_separator.as_deref().map(bytes_of);
    separated(path, separator, &mut parted);
    if for_people { shown(&parted).into_owned() } else { parted }
}

fn end_of(args: &args::Find) -> u8 {
    if args.printing.null { 0 } else { b'\n' }
}
