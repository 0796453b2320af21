//! From the start to the moment when nothing is missed any longer, and what is held in memory then.

use std::time::Duration;

use treenail_compare::figures::{Column, Limit, Table, Target};

use super::Bench;
use crate::contender::{Contender, Running, Site};
use crate::process::{self, Held};
use crate::protocol::ms_between;
use crate::stats::{Entrant, median};
use crate::tree::{Copy, Random, save};
use crate::{BARE, CHOKIDAR, COMMAND, DAEMON, OURS, OURS_ON_INOTIFY};

/// How long the first change may take to be told.
const FIRST_CHANGE: Duration = Duration::from_secs(5);

/// What starts gave.
#[derive(Default)]
pub(crate) struct Starts {
    pub(crate) armed_ms: Vec<f64>,
    pub(crate) complete_ms: Vec<f64>,
    pub(crate) whole_ms: Vec<f64>,
    /// Starts after which a change at once was not told.
    pub(crate) missed: u32,
    held: Vec<Held>,
}

pub(crate) fn run(bench: &mut Bench, copy: &mut Copy) -> Result<Vec<Table>, String> {
    let rounds = bench.share(7);
    let all: Vec<&Contender> = bench.contenders.iter().collect();
    let entrants = start_in_turns(&bench.site, &all, copy, &mut bench.random, rounds);
    let Copy { tree, .. } = copy;
    let size = format!("{} files in {} directories", tree.files.len(), tree.dirs.len());
    let target = |contender, column, limit| Target { contender, column, limit };
    let ready = Table {
        name: "ready".to_owned(),
        note: format!(
            "{size}, warm cache; medians of {rounds} interleaved starts, of {} for {CHOKIDAR}. \
             Armed: from here on no change is missed; for those that name one moment it is that of \
             being complete. `missed` counts starts after which a file that was changed at once \
             was not told within 5 s.",
            slow_rounds(rounds)
        ),
        columns: columns(),
        rows: entrants.iter().map(|entrant| entrant.row(figures)).collect(),
        targets: vec![
            target(OURS, "armed", Limit::Max(5.0)),
            target(OURS_ON_INOTIFY, "armed", Limit::Ratio { rival: BARE, max: 1.3 }),
            target(OURS, "complete", Limit::Max(60.0)),
            target(OURS, "complete", Limit::Ratio { rival: CHOKIDAR, max: 0.02 }),
            target(COMMAND, "complete", Limit::Ratio { rival: CHOKIDAR, max: 0.02 }),
            target(OURS, "missed", Limit::Max(0.0)),
            target(COMMAND, "missed", Limit::Max(0.0)),
            target(DAEMON, "missed", Limit::Max(0.0)),
        ],
    };
    let memory = Table {
        name: "memory".to_owned(),
        note: "At ready, of the same starts: medians. The drivers written in Rust add some 3 MB \
               to what runs within them; of Watchman, inotifywait and our daemon only they \
               themselves count."
            .to_owned(),
        columns: memory_columns(),
        rows: entrants.iter().map(|entrant| entrant.row(memory_figures)).collect(),
        targets: [OURS, COMMAND, DAEMON]
            .map(|ours| target(ours, "resident", Limit::Max(25.0)))
            .into(),
    };
    Ok(vec![ready, memory])
}

pub(crate) fn columns() -> Vec<Column> {
    let ms = |name| Column { name, unit: "ms" };
    let missed = Column { name: "missed", unit: "" };
    vec![ms("armed"), ms("complete"), ms("with process start"), missed]
}

pub(crate) fn figures(starts: &Starts) -> Vec<Option<f64>> {
    let Starts { armed_ms, complete_ms, whole_ms, missed, .. } = starts;
    vec![median(armed_ms), median(complete_ms), median(whole_ms), Some(f64::from(*missed))]
}

pub(crate) fn memory_columns() -> Vec<Column> {
    let mib = |name| Column { name, unit: "MB" };
    let count = |name| Column { name, unit: "" };
    vec![mib("resident"), mib("peak"), count("inotify watches"), count("fanotify marks")]
}

pub(crate) fn memory_figures(starts: &Starts) -> Vec<Option<f64>> {
    let of = |figure: fn(&Held) -> f64| median(&starts.held.iter().map(figure).collect::<Vec<_>>());
    vec![
        of(|held| held.resident_kib as f64 * 1024.0 / 1e6),
        of(|held| held.peak_kib as f64 * 1024.0 / 1e6),
        of(|held| held.inotify_watches as f64),
        of(|held| held.fanotify_marks as f64),
    ]
}

/// How often those are started that take long.
pub(crate) fn slow_rounds(rounds: usize) -> usize {
    (rounds / 4).max(1)
}

/// Starts the contenders one after the other, as often as there are rounds.
pub(crate) fn start_in_turns<'a>(
    site: &Site,
    contenders: &[&'a Contender],
    copy: &mut Copy,
    random: &mut Random,
    rounds: usize,
) -> Vec<Entrant<'a, Starts>> {
    let mut entrants: Vec<Entrant<Starts>> =
        contenders.iter().map(|contender| Entrant::new(contender)).collect();
    for round in 0..rounds {
        for entrant in &mut entrants {
            if entrant.contender.is_slow && round >= slow_rounds(rounds) {
                continue;
            }
            entrant.attempt(|entrant| {
                let running = entrant.contender.start(site, &copy.tree)?;
                let file = copy.tree.pick(1, random)[0];
                let path = copy.touch(file);
                let ending = save(&path)?;
                let seen = running.wait_change(&copy.tree.files[file], ending, FIRST_CHANGE);
                entrant.version.clone_from(&running.ready.version);
                entrant.samples.add(&running, seen.is_some())?;
                running.stop();
                Ok(())
            });
        }
    }
    entrants
}

impl Starts {
    pub(crate) fn add(&mut self, running: &Running, first_seen: bool) -> Result<(), String> {
        let ready = &running.ready;
        self.armed_ms.push(ms_between(ready.start, ready.armed));
        self.complete_ms.push(ms_between(ready.start, ready.complete));
        self.whole_ms.push(ms_between(running.spawned, ready.complete));
        self.missed += u32::from(!first_seen);
        self.held.push(process::held(&ready.pids)?);
        Ok(())
    }
}
