//! What changed since a clock, asked once.

use std::path::Path;
use std::time::Duration;

use treenail_share::{ErrorKind, Keeper};
use treenail_tree::live::{self, peek};

use crate::error::Error;
use crate::options::Options;
use crate::report::Report;

/// What changed since [`Options::since`], or without it everything that there is. Works while
/// another process watches the directory with the same state: then what that process has seen is
/// reported.
///
/// # Errors
/// If the root is no directory or cannot be listed, the state cannot be read, a glob is none,
/// ignore rules cannot be read, or not everything could be seen within `timeout` (`None`: for
/// ever).
pub fn since(root: &Path, options: &Options, timeout: Option<Duration>) -> Result<Report, Error> {
    options.filter.clone().gitignore(false).compile(root)?;
    // Without a state there is no answer.
    let live = &live::Options { state_may_fail: false, ..options.live_at(root)? };
    let report = match (Keeper::start(root, live), &live.state) {
        (Err(error), Some(state)) if is_locked(&error) => {
            let peeked = peek(state, live.ids, live.exclude.as_ref())
                .map_err(treenail_share::Error::from)?;
            let clock = peeked.history.clock();
            let since = peeked.history.since(options.since.unwrap_or(clock));
            Report::of(since, clock, peeked.tree, live.ids)
        }
        (Err(error), _) => return Err(error.into()),
        (Ok(keeper), _) => {
            keeper.barrier(timeout)?;
            let (since, clock) = keeper.since(options.since.unwrap_or(keeper.clock()))?;
            let report = Report::of(since, clock, keeper.tree(), live.ids);
            keeper.leave()?;
            report
        }
    };
    let root = std::fs::canonicalize(root)
        .map_err(|error| Error::io(root, "cannot open the directory", &error))?;
    let mut filter = options.filter.compile(&root)?;
    let report = report.filtered(&mut filter, live.ids, None);
    Ok(if options.raw { report } else { report.without_quiet() })
}

fn is_locked(error: &treenail_share::Error) -> bool {
    error.kind() == ErrorKind::Tree(treenail_tree::ErrorKind::Locked)
}
