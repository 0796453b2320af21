//! What is polled because nothing reports of it: told once for each reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use treenail::os::feed::Rung;
use treenail::tree::live::PolledFor;
use treenail::watch::Watcher;

use crate::args::Backend;
use crate::output::{Failed, Output, insert_path, shown};

/// A daemon is not asked again before so much time has passed.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What was told of it.
pub(super) struct Polled {
    /// Whether it was asked for, so that nobody need be told.
    wanted: bool,
    /// How many directories they were at the last look.
    dirs: usize,
    /// When the daemon was asked last.
    asked: Option<Instant>,
    reasons: BTreeSet<String>,
}

/// Directories that are polled for one reason.
struct Row {
    reason: String,
    dirs: usize,
    /// One of them.
    path: Vec<u8>,
    /// How often, where the reason does not say it.
    every: Option<Duration>,
}

impl Polled {
    pub(super) fn new(backend: Backend) -> Self {
        let wanted = backend == Backend::Polling;
        Self { wanted, dirs: 0, asked: None, reasons: BTreeSet::new() }
    }

    /// Tells the reasons that were not told yet.
    pub(super) fn tell(&mut self, watcher: &Watcher, output: &mut Output) -> Result<(), Failed> {
        if self.wanted || !self.may_have_more(watcher) {
            return Ok(());
        }
        for row in rows(watcher) {
            if !self.reasons.contains(&row.reason) {
                print(&row, output)?;
                self.reasons.insert(row.reason);
            }
        }
        output.finish()
    }

    /// Whether to look again, which costs as much as they are many.
    fn may_have_more(&mut self, watcher: &Watcher) -> bool {
        let Some(keeper) = watcher.keeper() else {
            let asks = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY);
            self.asked = if asks { Some(Instant::now()) } else { self.asked };
            return asks;
        };
        let dirs = keeper.polled_count();
        let asks = dirs > 0 && dirs >= 2 * self.dirs;
        self.dirs = if asks { dirs } else { self.dirs };
        asks
    }
}

/// Nothing if nobody keeps the tree any more: the watcher says so next.
fn rows(watcher: &Watcher) -> Vec<Row> {
    if let Some(keeper) = watcher.keeper() {
        let rows = keeper.polled_for().unwrap_or_default().into_iter();
        return rows
            .map(|row| {
                let PolledFor { reason, dirs, path, every } = row;
                Row { reason, dirs, path, every: Some(every) }
            })
            .collect();
    }
    let mut rows = BTreeMap::<String, Row>::new();
    let covered = watcher.coverage().map_or(Vec::new(), |coverage| coverage.watched);
    for covered in covered.into_iter().filter(|covered| covered.by == Rung::Polling) {
        let (reason, path) = (covered.reasons.join("; "), covered.path);
        let row = Row { reason: reason.clone(), dirs: 0, path, every: None };
        rows.entry(reason).or_insert(row).dirs += 1;
    }
    rows.into_values().collect()
}

fn print(row: &Row, output: &mut Output) -> Result<(), Failed> {
    let Row { reason, dirs, path, every } = row;
    if output.json() {
        let mut object = Map::new();
        insert_path(&mut object, "path", path);
        object.insert("dirs".into(), (*dirs).into());
        if let Some(every) = every {
            object.insert("every_ms".into(), (every.as_secs_f64() * 1e3).into());
        }
        object.insert("reason".into(), reason.as_str().into());
        return output.json_line(&json!({ "polled": object }));
    }
    let path = if path.is_empty() { b".".into() } else { shown(path) };
    let path = String::from_utf8_lossy(&path);
    let every = every.map_or(String::new(), |every| format!(" every {every:?}"));
    output.hint(&format!("polled{every}: {dirs} directories, such as {path}: {reason}"));
    Ok(())
}
