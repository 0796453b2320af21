//! What is polled because nothing reports of it: told once for each reason.

use std::collections::BTreeSet;

use serde_json::{Map, json};
use treenail::tree::live::PolledFor;
use treenail::watch::Watcher;

use crate::args::Backend;
use crate::output::{Failed, Output, insert_path, shown};

/// What was told of it.
pub(super) struct Polled {
    /// Whether it was asked for, so that nobody need be told.
    wanted: bool,
    /// How many directories they were at the last look.
    dirs: usize,
    reasons: BTreeSet<String>,
}

impl Polled {
    pub(super) fn new(backend: Backend) -> Self {
        let wanted = backend == Backend::Polling;
        Self { wanted, dirs: 0, reasons: BTreeSet::new() }
    }

    /// Tells the reasons that were not told yet.
    pub(super) fn tell(&mut self, watcher: &Watcher, output: &mut Output) -> Result<(), Failed> {
        // How the daemon watches is its own matter.
        let Some(keeper) = watcher.keeper().filter(|_| !self.wanted) else { return Ok(()) };
        let dirs = keeper.polled_count();
        // A look costs as much as they are many, so there is one whenever they have doubled.
        if dirs == 0 || dirs < 2 * self.dirs {
            return Ok(());
        }
        self.dirs = dirs;
        // If nobody keeps the tree any more, the watcher says so next.
        for row in keeper.polled_for().unwrap_or_default() {
            if !self.reasons.contains(&row.reason) {
                print(&row, output)?;
                self.reasons.insert(row.reason);
            }
        }
        output.finish()
    }
}

fn print(row: &PolledFor, output: &mut Output) -> Result<(), Failed> {
    let PolledFor { reason, dirs, path, every } = row;
    if output.json() {
        let mut object = Map::new();
        insert_path(&mut object, "path", path);
        object.insert("dirs".into(), (*dirs).into());
        object.insert("every_ms".into(), (every.as_secs_f64() * 1e3).into());
        object.insert("reason".into(), reason.as_str().into());
        return output.json_line(&json!({ "polled": object }));
    }
    let path = if path.is_empty() { b".".into() } else { shown(path) };
    let path = String::from_utf8_lossy(&path);
    output.hint(&format!("polled every {every:?}: {dirs} directories, such as {path}: {reason}"));
    Ok(())
}
