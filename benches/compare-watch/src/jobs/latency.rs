//! From a save's last step, the close or the rename, to the callback.
//!
//! From the call, not from its return: ext4, having told of the close, waits for the disk before it
//! returns.

use std::thread;
use std::time::Duration;

use treenail_compare::figures::{Column, Limit, Table, Target};

use super::Bench;
use crate::contender::Running;
use crate::protocol::{Nanos, ms_between, now};
use crate::stats::{Entrant, median, percentile};
use crate::tree::{Copy, Random, save, save_atomically};
use crate::{COMMAND, DAEMON, OURS};

/// Saves in a block; then the next contender has its turn.
const BLOCK: usize = 20;
/// How long a report may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way to save files.
pub(crate) struct Manner {
    name: &'static str,
    what: &'static str,
    save: fn(&std::path::Path) -> Result<Nanos, String>,
    /// Whether 30 to 60 ms lie between two saves.
    is_spaced: bool,
}

pub(crate) const SPACED: Manner = Manner {
    name: "latency, spaced saves",
    what: "Files opened with O_TRUNC, written, closed, 30 to 60 ms apart",
    save,
    is_spaced: true,
};

const MANNERS: &[Manner] = &[
    SPACED,
    Manner {
        name: "latency, atomic saves",
        what: "Temporary files written, synced and renamed to the file, 30 to 60 ms apart",
        save: save_atomically,
        is_spaced: true,
    },
    Manner {
        name: "latency, bursts",
        what: "20 files saved one right after the other",
        save,
        is_spaced: false,
    },
];

/// What the saves of one manner gave.
#[derive(Default)]
pub(crate) struct Latencies {
    ms: Vec<f64>,
    /// Saves that were told only before they had ended, with the content not yet there.
    early: u32,
    lost: u32,
}

pub(crate) fn run(bench: &mut Bench, copy: &mut Copy) -> Result<Vec<Table>, String> {
    let blocks = bench.share(10);
    let mut entrants: Vec<Entrant<(Option<Running>, [Latencies; MANNERS.len()])>> =
        bench.contenders.iter().map(Entrant::new).collect();
    for entrant in &mut entrants {
        entrant.attempt(|entrant| {
            let running = entrant.contender.start(&bench.site, &copy.tree)?;
            entrant.version.clone_from(&running.ready.version);
            running.pause()?;
            entrant.samples.0 = Some(running);
            Ok(())
        });
    }
    for _ in 0..blocks {
        for entrant in &mut entrants {
            entrant.attempt(|entrant| {
                let (running, latencies) = &mut entrant.samples;
                let running = running.as_ref().ok_or("it does not run")?;
                running.resume()?;
                settle(running, copy, &mut bench.random)?;
                for (manner, latencies) in MANNERS.iter().zip(latencies) {
                    let files = copy.tree.pick(BLOCK, &mut bench.random);
                    let files = files
                        .into_iter()
                        .map(|file| (copy.touch(file), copy.tree.files[file].clone()));
                    let files: Vec<_> = files.collect();
                    latencies.add(running, &files, manner, &mut bench.random)?;
                }
                running.pause()
            });
        }
    }
    for entrant in &mut entrants {
        if let Some(running) = entrant.samples.0.take() {
            // One that cannot go on is killed when it does not end.
            drop(running.resume());
            running.stop();
        }
    }
    let tables = MANNERS.iter().enumerate().map(|(index, manner)| Table {
        name: manner.name.to_owned(),
        note: format!(
            "{}: {blocks} interleaved blocks of {BLOCK} random files, all contenders running, all \
             but one halted. From the call of the last step, the close or the rename, to the begin \
             of the first callback after it that tells of the file; `early` counts those told only \
             before it, as 0 ms, `lost` those not told within 5 s.",
            manner.what
        ),
        columns: columns(),
        rows: entrants
            .iter()
            .map(|entrant| entrant.row(|(_, latencies)| latencies[index].figures()))
            .collect(),
        targets: vec![
            target(OURS, "median", 0.1),
            target(OURS, "p99", 1.0),
            target(OURS, "lost", 0.0),
            target(COMMAND, "lost", 0.0),
            target(DAEMON, "median", 0.3),
            target(DAEMON, "lost", 0.0),
        ],
    });
    Ok(tables.collect())
}

fn target(contender: &'static str, column: &'static str, max: f64) -> Target {
    Target { contender, column, limit: Limit::Max(max) }
}

pub(crate) fn columns() -> Vec<Column> {
    let ms = |name| Column { name, unit: "ms" };
    let count = |name| Column { name, unit: "" };
    vec![ms("median"), ms("p99"), count("saves"), count("early"), count("lost")]
}

impl Latencies {
    pub(crate) fn figures(&self) -> Vec<Option<f64>> {
        let saves = self.ms.len() as f64 + f64::from(self.lost);
        vec![
            median(&self.ms),
            percentile(&self.ms, 99),
            Some(saves),
            Some(f64::from(self.early)),
            Some(f64::from(self.lost)),
        ]
    }

    /// Saves files, which have a path each and a name below the root, and waits for the reports.
    pub(crate) fn add(
        &mut self,
        running: &Running,
        files: &[(std::path::PathBuf, String)],
        manner: &Manner,
        random: &mut Random,
    ) -> Result<(), String> {
        running.forget();
        let start = now();
        let mut saves = Vec::new();
        for (path, name) in files {
            if manner.is_spaced {
                thread::sleep(Duration::from_micros(30_000 + random.below(30_000) as u64));
            }
            saves.push((name, (manner.save)(path)?));
        }
        running.wait(PATIENCE, |said| {
            saves.iter().all(|(name, ending)| said.report(name, |at| at >= *ending).is_some())
        });
        let said = running.said();
        for (name, ending) in saves {
            match said.report(name, |at| at >= ending) {
                Some(at) => self.ms.push(ms_between(ending, at)),
                None if said.report(name, |at: Nanos| at >= start).is_some() => {
                    self.ms.push(0.0);
                    self.early += 1;
                }
                None => self.lost += 1,
            }
        }
        Ok(())
    }
}

/// Waits until what happened while it was halted is worked off.
fn settle(running: &Running, copy: &mut Copy, random: &mut Random) -> Result<(), String> {
    let file = copy.tree.pick(1, random)[0];
    let ending = save(&copy.touch(file))?;
    running.wait_change(&copy.tree.files[file], ending, PATIENCE);
    running.wait_quiet(Duration::from_millis(150), PATIENCE);
    Ok(())
}
