//! What changed while nobody ran.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use treenail_compare::figures::{Column, Limit, Row, Table, Target};

use super::Bench;
use crate::contender::Site;
use crate::protocol::{ms_between, now};
use crate::restat::Known;
use crate::stats::{Entrant, median};
use crate::tree::{Copy, Random, save};
use crate::{COMMAND, OURS};

const REWRITTEN: usize = 70;
const MADE: usize = 15;
const DELETED: usize = 15;

const RESTAT_1: &str = "bare re-stat, 1 thread";
const RESTAT_2: &str = "bare re-stat, 2 threads";
const SCAN: &str = "treenail tree --ids xxh3";

/// What the answers were.
#[derive(Default)]
struct Answers {
    /// What was kept in this round.
    state: String,
    call_ms: Vec<f64>,
    whole_ms: Vec<f64>,
    /// Changes that were not named, in all rounds.
    missed: usize,
    /// The most paths that were named beyond those that changed.
    surplus: usize,
    fresh: usize,
}

pub(crate) fn run(bench: &mut Bench, copy: &mut Copy) -> Result<Vec<Table>, String> {
    let rounds = bench.share(5);
    let mut entrants: Vec<Entrant<Answers>> =
        bench.contenders.iter().filter(|contender| contender.keeps).map(Entrant::new).collect();
    let mut references = [(1, RESTAT_1), (2, RESTAT_2)].map(|it| (it, Answers::default()));
    let mut scan_ms = Vec::new();
    for round in 0..rounds {
        let site = &bench.site;
        for entrant in &mut entrants {
            entrant.attempt(|entrant| {
                let kept = entrant.contender.keep(site, &copy.tree)?;
                (entrant.samples.state, entrant.version) = kept;
                Ok(())
            });
        }
        let known = Known::of(&copy.tree)?;
        let (changed, made) = change(copy, round, &mut bench.random)?;
        for entrant in &mut entrants {
            entrant.attempt(|entrant| {
                let state = &entrant.samples.state;
                let (spawned, answer) = entrant.contender.since(site, &copy.tree, state)?;
                let answers = &mut entrant.samples;
                answers.call_ms.push(ms_between(answer.start, answer.end));
                answers.whole_ms.push(ms_between(spawned, answer.end));
                answers.fresh += usize::from(answer.is_fresh);
                answers.check(&answer.paths, &changed);
                Ok(())
            });
        }
        for ((threads, _), answers) in &mut references {
            let start = now();
            let paths = known.changes(*threads)?;
            answers.call_ms.push(ms_between(start, now()));
            answers.check(&paths, &changed);
        }
        scan_ms.push(scan(site, &copy.tree.root)?);
        for file in made {
            fs::remove_file(copy.tree.root.join(&file)).map_err(|e| format!("{file}: {e}"))?;
        }
        copy.restore()?;
    }
    let mut rows: Vec<Row> = entrants.iter().map(|entrant| entrant.row(Answers::figures)).collect();
    let row = |contender: &str, figures| Row {
        contender: contender.to_owned(),
        version: "-".to_owned(),
        figures: Ok(figures),
    };
    rows.extend(references.iter().map(|((_, name), answers)| row(name, answers.figures())));
    rows.push(row(SCAN, vec![None, median(&scan_ms), None, None, None]));
    let ms = |name| Column { name, unit: "ms" };
    let count = |name| Column { name, unit: "" };
    let target = |contender, column, limit| Target { contender, column, limit };
    Ok(vec![Table {
        name: "since".to_owned(),
        note: format!(
            "{REWRITTEN} files of {} rewritten, {MADE} made, {DELETED} deleted while nobody runs, \
             then asked for in a new process; medians of {rounds} rounds. `call` is without the \
             process's start; `fresh` counts answers that name all there is.",
            copy.tree.files.len()
        ),
        columns: vec![
            ms("call"),
            ms("with process start"),
            count("missed"),
            count("named beyond"),
            count("fresh"),
        ],
        rows,
        targets: vec![
            target(OURS, "call", Limit::Ratio { rival: RESTAT_1, max: 1.3 }),
            target(OURS, "call", Limit::Ratio { rival: RESTAT_2, max: 1.3 }),
            target(COMMAND, "call", Limit::Ratio { rival: RESTAT_1, max: 1.3 }),
            target(COMMAND, "call", Limit::Ratio { rival: RESTAT_2, max: 1.3 }),
            target(OURS, "with process start", Limit::Ratio { rival: SCAN, max: 0.2 }),
            target(COMMAND, "with process start", Limit::Ratio { rival: SCAN, max: 0.2 }),
            target(OURS, "missed", Limit::Max(0.0)),
            target(COMMAND, "missed", Limit::Max(0.0)),
        ],
    }])
}

impl Answers {
    fn check(&mut self, paths: &[String], changed: &BTreeSet<String>) {
        let paths: BTreeSet<&String> = paths.iter().collect();
        let found = changed.iter().filter(|&path| paths.contains(path)).count();
        self.missed += changed.len() - found;
        self.surplus = self.surplus.max(paths.len() - found);
    }

    fn figures(&self) -> Vec<Option<f64>> {
        let Self { call_ms, whole_ms, missed, surplus, fresh, .. } = self;
        let count = |count: &usize| Some(*count as f64);
        vec![median(call_ms), median(whole_ms), count(missed), count(surplus), count(fresh)]
    }
}

/// Changes files; the names of all of them, and of those that were not there before.
fn change(
    copy: &mut Copy,
    round: usize,
    random: &mut Random,
) -> Result<(BTreeSet<String>, Vec<String>), String> {
    let mut changed = BTreeSet::new();
    for (index, file) in copy.tree.pick(REWRITTEN + DELETED, random).into_iter().enumerate() {
        let path = copy.touch(file);
        changed.insert(copy.tree.files[file].clone());
        if index < REWRITTEN {
            save(&path)?;
        } else {
            fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    let mut made = Vec::new();
    for index in 0..MADE {
        let dir = &copy.tree.dirs[random.below(copy.tree.dirs.len())];
        let file = format!("{dir}/compare-made-{round}-{index}");
        let file = file.trim_start_matches('/').to_owned();
        save(&copy.tree.root.join(&file))?;
        changed.insert(file.clone());
        made.push(file);
    }
    Ok((changed, made))
}

fn scan(site: &Site, root: &Path) -> Result<f64, String> {
    let mut command = Command::new(&site.treenail);
    command.args(["tree", "--ids", "xxh3"]).arg(root).stdin(Stdio::null()).stdout(Stdio::null());
    let start = now();
    let status = command.status().map_err(|e| format!("{}: {e}", site.treenail.display()))?;
    let ms = ms_between(start, now());
    if status.success() { Ok(ms) } else { Err(format!("{SCAN}: {status}")) }
}
