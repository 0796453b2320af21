//! The jobs, each a module: what is done, and what is found about each contender.

mod cold;
mod idle;
mod latency;
mod loss;
mod million;
mod ready;
mod since;

use std::time::Instant;

use treenail_compare::Settings;
use treenail_compare::figures::Table;
use treenail_compare::report::Machine;

use crate::contender::{Contender, Site};
use crate::tree::{Copy, Random};

/// What all jobs share.
pub(crate) struct Bench<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) site: Site,
    pub(crate) contenders: &'static [Contender],
    /// Whether file systems in memory may be mounted.
    pub(crate) may_mount: bool,
    pub(crate) random: Random,
}

/// A job by its name.
struct Job {
    name: &'static str,
    /// Only where it is asked for by name.
    on_demand: bool,
    run: fn(&mut Bench, &mut Copy) -> Result<Vec<Table>, String>,
}

const JOBS: &[Job] = &[
    Job { name: "ready and memory", on_demand: false, run: ready::run },
    Job { name: "latency", on_demand: false, run: latency::run },
    Job { name: "loss", on_demand: false, run: loss::run },
    Job { name: "since", on_demand: false, run: since::run },
    Job { name: "cold scan", on_demand: false, run: cold::run },
    Job { name: "idle", on_demand: false, run: idle::run },
    Job { name: "million", on_demand: true, run: million::run },
];

impl Bench<'_> {
    /// Runs the jobs whose name has the text asked for in it; true when every contender could be
    /// measured in each.
    pub(crate) fn run(&mut self) -> Result<bool, String> {
        let wanted = &self.settings.case;
        let is_wanted =
            |job: &&Job| job.name.contains(wanted) && !(job.on_demand && wanted.is_empty());
        let jobs: Vec<&Job> = JOBS.iter().filter(is_wanted).collect();
        if jobs.is_empty() {
            let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
            return Err(format!("no job has `{wanted}` in its name: {}", names.join(", ")));
        }
        if self.settings.corpus.as_os_str().is_empty() {
            return Err("--corpus DIR is missing".to_owned());
        }
        let mut copy = Copy::open(&self.settings.corpus, "watched", usize::MAX)?;
        let machine = Machine::find();
        let mut all_sound = true;
        for job in jobs {
            eprintln!("{}", job.name);
            let start = Instant::now();
            for table in (job.run)(self, &mut copy)? {
                all_sound &= table.publish(self.settings, &machine)?;
            }
            let measured = start.elapsed();
            copy.restore()?;
            let restored = start.elapsed() - measured;
            eprintln!("  {} s, restoring the files {} s", measured.as_secs(), restored.as_secs());
        }
        copy.close()?;
        Ok(all_sound)
    }

    /// So many of every 15 rounds, but one at least.
    pub(crate) fn share(&self, of_15: usize) -> usize {
        (self.settings.rounds * of_15 / 15).max(1)
    }
}
