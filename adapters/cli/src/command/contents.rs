//! The index of contents: brought up to date for `index --content`, asked for `grep --index`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use treenail::glob::find::{Find, Ignores};
use treenail::glob::search::Searcher;
use treenail::glob::search::contents::{Contents, RefreshOptions, Sieve};

use super::index::{nearest, problem};
use crate::args;
use crate::output::{Failed, Output};

/// Where it stands in the state of a root.
fn place(state: &Path) -> PathBuf {
    state.join("contents")
}

/// Reads what has changed; says what was done, and whether everything could be listed.
pub(super) fn refresh(
    args: &args::Index,
    state: &Path,
    output: &mut Output,
) -> Result<(Value, bool), Failed> {
    let begun = Instant::now();
    let ignores = Ignores { names: vec![b".rgignore".to_vec()], ..Ignores::standard() };
    let ignores = if args.no_ignore { Ignores::none() } else { ignores };
    let find = Find::new().root(&args.dir).hidden(args.hidden).ignores(ignores);
    let mut contents = Contents::open(&place(state))?;
    for damage in contents.problems() {
        output.hint(&format!("a part of an earlier index could not be used: {damage}"));
    }
    let done = contents.refresh(&find, &RefreshOptions::default())?;
    let (size_bytes, elapsed) = (contents.size_bytes(), begun.elapsed());
    if !output.json() && !output.quiet() {
        let (files, read) = (done.files - done.unknown.min(done.files), done.read);
        let line = format!("read {read} of {files} files, {size_bytes} bytes kept\n");
        output.write(line.as_bytes())?;
    }
    let summary = json!({
        "files": done.files,
        "read": done.read,
        "read_bytes": done.read_bytes,
        "unknown": done.unknown,
        "size_bytes": size_bytes,
        "elapsed_ms": (elapsed.as_secs_f64() * 1e6).round() / 1e3,
    });
    Ok((summary, done.unlisted == 0))
}

/// What a search of these directories and files need not read.
pub(super) fn sieve<'p>(
    searcher: &Searcher,
    paths: impl Iterator<Item = &'p Path>,
    output: &Output,
) -> Result<Sieve, Failed> {
    let mut places: Vec<PathBuf> = Vec::new();
    for path in paths {
        let found = nearest(path, |state| Contents::is_kept(&place(state)))?;
        let remedy = Some("make one with `treenail index --content DIR`");
        let missing = || problem(path, "there is no index of the contents", remedy);
        let place = place(&found.ok_or_else(missing)?.1);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let opened = places.iter().map(|place| Contents::open(place));
    let contents = opened.collect::<Result<Vec<_>, _>>()?;
    let sieve = Sieve::of(&contents.iter().collect::<Vec<_>>(), searcher);
    let damages = contents.iter().flat_map(|contents| contents.problems()).chain(sieve.problems());
    for damage in damages {
        output.hint(&format!("{damage}; `treenail index --content` makes it anew"));
    }
    Ok(sieve)
}
