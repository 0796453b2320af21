//! Lists of files: printed, or put in order by their times.

use std::cmp::Ordering;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{MAIN_SEPARATOR, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{self, AtomicBool};
use std::time::SystemTime;

use treenail::glob::Error;
use treenail::glob::find::{Batch, Cancel, Sink, Types};
use treenail::os::{bytes_of, os_str_of};

use crate::args::{Grep, SortBy};
use crate::memory::Whole;
use crate::output::{Failed, Problem};

use super::{Paths, Problems, chosen, form, is_stdin};

/// The paths of all files, in the order of their times, or in the reverse order of their names.
pub(super) fn collect(
    args: &Grep,
    paths: &Paths,
    problems: &Problems<'_>,
) -> Result<Vec<PathBuf>, Failed> {
    let (by, is_reverse) = match args.printed.order() {
        (by, SortBy::None) => (by, false),
        (_, by) => (by, true),
    };
    let found = Mutex::new(Vec::new());
    each(args, paths, problems, Piece::Path, false, &|path| {
        if let (Ok(path), Ok(mut found)) = (os_str_of(path), found.lock()) {
            found.push(PathBuf::from(path.into_owned()));
        }
        ControlFlow::Continue(())
    })?;
    let mut found = found.into_inner().unwrap_or_default();
    let get: fn(&Metadata) -> io::Result<SystemTime> = match by {
        SortBy::None | SortBy::Path => {
            if is_reverse {
                found.sort_by(|a, b| b.cmp(a));
            }
            return Ok(found);
        }
        SortBy::Modified => Metadata::modified,
        SortBy::Accessed => Metadata::accessed,
        SortBy::Created => Metadata::created,
    };
    let time = |path: &PathBuf| fs::metadata(path).and_then(|meta| get(&meta)).ok();
    let mut timed: Vec<_> = found.into_iter().map(|path| (time(&path), path)).collect();
    // Files at the same time come in the order of their names.
    timed.sort_by(|a, b| {
        let order = match (a.0, b.0) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let order = order.then_with(|| a.1.cmp(&b.1));
        if is_reverse { order.reverse() } else { order }
    });
    Ok(timed.into_iter().map(|(_, path)| path).collect())
}

/// Prints the names of all files; whether there was one.
pub(super) fn list(args: &Grep, paths: &Paths, problems: &Problems<'_>) -> Result<bool, Failed> {
    let (sort, sortr) = args.printed.order();
    let end = if args.printed.null { 0 } else { b'\n' };
    let separator = form::path_separator(args)?;
    let printed = AtomicBool::new(false);
    let out = Mutex::new((Whole::new(io::stdout()), Ok(())));
    let print = |text: &[u8]| {
        printed.store(true, atomic::Ordering::Relaxed);
        if args.wanted.quiet {
            return ControlFlow::Break(());
        }
        let Ok(mut out) = out.lock() else { return ControlFlow::Break(()) };
        let written = match separator {
            Some(separator) => {
                let own = MAIN_SEPARATOR as u8;
                let change = |byte: &u8| if *byte == own { separator } else { *byte };
                out.0.write_all(&text.iter().map(change).collect::<Vec<_>>())
            }
            None => out.0.write_all(text),
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                out.1 = Err(error);
                ControlFlow::Break(())
            }
        }
    };
    if matches!((sort, sortr), (SortBy::None | SortBy::Path, SortBy::None)) {
        each(args, paths, problems, Piece::Text, sort == SortBy::Path, &print)?;
    } else {
        for path in collect(args, paths, problems)? {
            let mut text = bytes_of(path.as_os_str()).to_vec();
            text.push(end);
            if print(&text).is_break() {
                break;
            }
        }
    }
    let (mut out, written) = out.into_inner().unwrap_or_else(|poison| poison.into_inner());
    written.and_then(|()| out.flush())?;
    Ok(printed.into_inner())
}

/// What is handed on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// One path.
    Path,
    /// Paths with their ends.
    Text,
}

type Take<'t> = &'t (dyn Fn(&[u8]) -> ControlFlow<()> + Sync);

/// Calls `take` for all files, while walks run.
fn each(
    args: &Grep,
    paths: &Paths,
    problems: &Problems<'_>,
    piece: Piece,
    sort: bool,
    take: Take<'_>,
) -> Result<(), Failed> {
    let end = if args.printed.null { 0 } else { b'\n' };
    let cancel = Cancel::new();
    for path in &paths.given {
        if cancel.is_cancelled() {
            break;
        }
        if path.is_dir() {
            let find = chosen::find(args, paths, path)?.types(Types::FILE).sort(sort);
            let find = find.terminator(end).threads(args.reading.threads).cancel(cancel.clone());
            find.visit(&Each { problems, piece, take }).map_err(Problem::from)?;
            continue;
        }
        let bytes = bytes_of(path.as_os_str());
        if !is_stdin(path)
            && let Err(error) = path.symlink_metadata()
        {
            problems.report(Error::io("look up", bytes, error));
            continue;
        }
        let taken = match piece {
            Piece::Path => take(bytes),
            Piece::Text => take(&[bytes, &[end]].concat()),
        };
        if taken.is_break() {
            break;
        }
    }
    Ok(())
}

/// Hands on what a walk finds.
struct Each<'e, 'o> {
    problems: &'e Problems<'o>,
    piece: Piece,
    take: Take<'e>,
}

impl Sink for Each<'_, '_> {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        match self.piece {
            Piece::Text => (self.take)(batch.text()),
            Piece::Path => batch.iter().try_for_each(|found| (self.take)(found.path())),
        }
    }

    fn error(&self, (): &mut (), error: Error) -> ControlFlow<()> {
        self.problems.report(error);
        ControlFlow::Continue(())
    }
}
