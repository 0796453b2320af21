//! What a watcher does where nothing happens.

use std::thread;
use std::time::Duration;

use treenail_compare::figures::{Column, Limit, Table, Target};

use super::Bench;
use crate::contender::Running;
use crate::process::{self, Done};
use crate::quiet::Memory;
use crate::stats::Entrant;
use crate::tree::Copy;
use crate::{COMMAND, DAEMON, OURS};

/// How long nothing happens before it counts; caches are trimmed and timers run out.
const SETTLING: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(5);

pub(crate) fn run(bench: &mut Bench, copy: &mut Copy) -> Result<Vec<Table>, String> {
    let memory = Memory::new(&bench.site.scratch, "quiet", bench.may_mount)?;
    let tree = copy.tree.skeleton(&memory.path().join("root"))?;
    let mut entrants: Vec<Entrant<(Option<Running>, Done, Done)>> =
        bench.contenders.iter().map(Entrant::new).collect();
    for entrant in &mut entrants {
        entrant.attempt(|entrant| {
            let running = entrant.contender.start(&bench.site, &tree)?;
            entrant.version.clone_from(&running.ready.version);
            entrant.samples.0 = Some(running);
            Ok(())
        });
    }
    thread::sleep(SETTLING);
    let mut look = |pick: fn(&mut (Option<Running>, Done, Done)) -> &mut Done| {
        for entrant in &mut entrants {
            entrant.attempt(|entrant| {
                let running = entrant.samples.0.as_ref().ok_or("it does not run")?;
                let done = process::done(&running.ready.pids)?;
                *pick(&mut entrant.samples) = done;
                Ok(())
            });
        }
    };
    look(|samples| &mut samples.1);
    thread::sleep(MEASURED);
    look(|samples| &mut samples.2);
    for entrant in &mut entrants {
        if let Some(running) = entrant.samples.0.take() {
            running.stop();
        }
    }
    Ok(vec![Table {
        name: "idle".to_owned(),
        note: format!(
            "{} empty files in {} directories {}, all contenders at once, 5 s in which nothing \
             happens.",
            tree.files.len(),
            tree.dirs.len(),
            memory.note()
        ),
        columns: vec![
            Column { name: "wake-ups", unit: "" },
            Column { name: "processor", unit: "ms" },
        ],
        rows: entrants
            .iter()
            .map(|entrant| {
                entrant.row(|(_, before, after)| {
                    // A thread that has ended takes its counts with it.
                    let sleeps = after.sleeps.saturating_sub(before.sleeps);
                    let cpu_ns = after.cpu_ns.saturating_sub(before.cpu_ns);
                    vec![Some(sleeps as f64), Some(cpu_ns as f64 / 1e6)]
                })
            })
            .collect(),
        targets: [OURS, COMMAND, DAEMON]
            .map(|contender| Target { contender, column: "wake-ups", limit: Limit::Max(0.0) })
            .into(),
    }])
}
