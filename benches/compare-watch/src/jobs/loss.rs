//! What is never told: while nobody listens, of directories made in a moment, of renames.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use treenail_compare::figures::{Column, Limit, Table, Target};

use super::Bench;
use crate::contender::{Contender, Running, Site};
use crate::protocol::Kind;
use crate::stats::Entrant;
use crate::tree::{Copy, save};
use crate::{COMMAND, DAEMON, OURS};

const REWRITES: usize = 20_000;
const CHAINS: usize = 1000;
const RENAMES: usize = 2000;
/// Who says nothing for so long has said all.
const QUIET: Duration = Duration::from_millis(2500);
const PATIENCE: Duration = Duration::from_secs(30);
const SETTLING: Duration = Duration::from_secs(1);
/// The directory that the files renamed lie in.
const RENAMED: &str = "compare-renamed";

/// What was told.
#[derive(Default)]
struct Told {
    rewrites: usize,
    chains: usize,
    old_names: usize,
    new_names: usize,
    pairs: usize,
    errors: usize,
}

pub(crate) fn run(bench: &mut Bench, copy: &mut Copy) -> Result<Vec<Table>, String> {
    let contenders = bench.contenders.iter().filter(|contender| contender.follows);
    let mut entrants: Vec<Entrant<Told>> = contenders.map(Entrant::new).collect();
    let files = copy.tree.pick(REWRITES, &mut bench.random);
    for entrant in &mut entrants {
        entrant.attempt(|entrant| {
            let (told, version) = measure(entrant.contender, &bench.site, copy, &files)?;
            entrant.samples = told;
            entrant.version = version;
            Ok(())
        });
        // It may have failed halfway.
        for dir in (0..CHAINS).map(chain).chain([RENAMED.to_owned()]) {
            let dir = copy.tree.root.join(dir);
            if dir.exists() {
                fs::remove_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
            }
        }
    }
    let count = |name| Column { name, unit: "" };
    let columns = ["rewrites lost", "chains lost", "old names lost", "new names lost", "unpaired"];
    let none_lost =
        |contender| columns.map(|column| Target { contender, column, limit: Limit::Max(0.0) });
    let targets = [OURS, COMMAND, DAEMON].map(none_lost).concat();
    let lost = |of: usize, told: usize| Some((of - told) as f64);
    Ok(vec![Table {
        name: "loss".to_owned(),
        note: format!(
            "{REWRITES} files rewritten once each while the consumer is blocked; `mkdir -p a/b/c` \
             and a file in it, {CHAINS} times; {RENAMES} files renamed: what was never told, or of \
             renames never told as one. Errors are what the contender raised."
        ),
        columns: columns.into_iter().chain(["errors raised"]).map(count).collect(),
        rows: entrants
            .iter()
            .map(|entrant| {
                entrant.row(|told| {
                    vec![
                        lost(REWRITES, told.rewrites),
                        lost(CHAINS, told.chains),
                        lost(RENAMES, told.old_names),
                        lost(RENAMES, told.new_names),
                        lost(RENAMES, told.pairs),
                        Some(told.errors as f64),
                    ]
                })
            })
            .collect(),
        targets,
    }])
}

fn measure(
    contender: &Contender,
    site: &Site,
    copy: &mut Copy,
    files: &[usize],
) -> Result<(Told, String), String> {
    let renamed = copy.tree.root.join(RENAMED);
    fs::create_dir_all(&renamed).map_err(|e| format!("{}: {e}", renamed.display()))?;
    for i in 0..RENAMES {
        save(&renamed.join(format!("old{i}")))?;
    }
    let mut running = contender.start(site, &copy.tree)?;
    // Some are still told, then, of what they themselves opened while they started.
    std::thread::sleep(SETTLING);
    running.forget();
    let rewrites = rewrites(&mut running, site, copy, files)?;
    let mut told = Told { rewrites, ..Told::default() };
    told.errors += running.forget().len();
    told.chains = chains(&running, &copy.tree.root)?;
    told.errors += running.forget().len();
    renames(&running, &renamed, &mut told)?;
    told.errors += running.forget().len();
    let version = running.ready.version.clone();
    running.stop();
    Ok((told, version))
}

fn rewrites(
    running: &mut Running,
    site: &Site,
    copy: &mut Copy,
    files: &[usize],
) -> Result<usize, String> {
    let flag = site.scratch.join("unblocked");
    if flag.exists() {
        fs::remove_file(&flag).map_err(|e| format!("{}: {e}", flag.display()))?;
    }
    running.block(&flag)?;
    for &file in files {
        copy.write_over(file)?;
    }
    fs::write(&flag, "").map_err(|e| format!("{}: {e}", flag.display()))?;
    let expected: BTreeSet<&str> = files.iter().map(|&file| &*copy.tree.files[file]).collect();
    Ok(wait_for(running, &expected, |kind| kind != Kind::Gone))
}

fn chain(i: usize) -> String {
    format!("compare-chain{i}")
}

fn chains(running: &Running, root: &Path) -> Result<usize, String> {
    let mut files = Vec::new();
    for i in 0..CHAINS {
        let dir = format!("{}/a/b/c", chain(i));
        let path = root.join(&dir);
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        save(&path.join("file"))?;
        files.push(format!("{dir}/file"));
    }
    let expected = files.iter().map(String::as_str).collect();
    Ok(wait_for(running, &expected, |kind| kind != Kind::Gone))
}

fn renames(running: &Running, dir: &Path, told: &mut Told) -> Result<(), String> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for i in 0..RENAMES {
        let [from, to] = ["old", "new"].map(|name| format!("{name}{i}"));
        fs::rename(dir.join(&from), dir.join(&to)).map_err(|e| format!("{from}: {e}"))?;
        old.push(format!("{RENAMED}/{from}"));
        new.push(format!("{RENAMED}/{to}"));
    }
    let expected = new.iter().map(String::as_str).collect();
    told.new_names = wait_for(running, &expected, |kind| kind != Kind::Gone);
    running.wait_quiet(QUIET, PATIENCE);
    let (mut gone, mut pairs) = (BTreeSet::new(), BTreeSet::new());
    let said = running.said();
    for (_, change) in &said.changes {
        match (change.kind, &change.old) {
            (Kind::Gone, _) => {
                gone.insert(&*change.path);
            }
            (Kind::Rename, Some(old)) => {
                gone.insert(old);
                pairs.insert((&**old, &*change.path));
            }
            _ => (),
        }
    }
    told.old_names = old.iter().filter(|&name| gone.contains(&**name)).count();
    told.pairs =
        old.iter().zip(&new).filter(|&(old, new)| pairs.contains(&(&**old, &**new))).count();
    Ok(())
}

/// Waits until all that is expected was told, or nothing more is; how many were.
fn wait_for(running: &Running, expected: &BTreeSet<&str>, counts: fn(Kind) -> bool) -> usize {
    let mut told = BTreeSet::new();
    let mut seen = 0;
    let mut count = |changes: &[(u64, crate::protocol::Change)]| {
        for (_, change) in &changes[seen..] {
            if counts(change.kind) && expected.contains(&*change.path) {
                told.insert(change.path.clone());
            }
        }
        seen = changes.len();
        told.len()
    };
    let start = std::time::Instant::now();
    while start.elapsed() < PATIENCE {
        let before = running.said().changes.len();
        if running.wait(QUIET, |said| count(&said.changes) == expected.len()) {
            break;
        }
        if running.said().changes.len() == before {
            break;
        }
    }
    count(&running.said().changes)
}
