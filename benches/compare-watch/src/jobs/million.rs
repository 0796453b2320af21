//! A million files: only where it is asked for.

use std::fs;
use std::path::Path;

use treenail_compare::figures::Table;

use super::Bench;
use super::latency::{self, Latencies, SPACED};
use super::ready::{self, Starts};
use crate::contender::{Contender, Running};
use crate::protocol::now;
use crate::quiet::Memory;
use crate::stats::Entrant;
use crate::tree::{Copy, Tree, save};
use crate::{BARE, COMMAND, OURS, PARCEL};

const DIRS: usize = 20_000;
const FILES_EACH: usize = 50;
const SAVES: usize = 100;

pub(crate) fn run(bench: &mut Bench, _: &mut Copy) -> Result<Vec<Table>, String> {
    let memory = Memory::new(&bench.site.scratch, "million", bench.may_mount)?;
    eprintln!("making {} files", DIRS * FILES_EACH);
    let root = memory.path().join("root");
    make(&root)?;
    let tree = Tree::list(&root)?;
    let takes_part = |one: &&Contender| [OURS, COMMAND, BARE, PARCEL].contains(&one.name);
    let mut entrants: Vec<Entrant<(Starts, Latencies)>> =
        bench.contenders.iter().filter(takes_part).map(Entrant::new).collect();
    for entrant in &mut entrants {
        entrant.attempt(|entrant| {
            let running = entrant.contender.start(&bench.site, &tree)?;
            entrant.version.clone_from(&running.ready.version);
            let (starts, latencies) = &mut entrant.samples;
            starts.add(&running, first_change(&running, &tree)?)?;
            let files = tree.pick(SAVES, &mut bench.random).into_iter();
            let files = files.map(|file| (root.join(&tree.files[file]), tree.files[file].clone()));
            let files: Vec<_> = files.collect();
            latencies.add(&running, &files, &SPACED, &mut bench.random)?;
            running.stop();
            Ok(())
        });
    }
    let columns = [ready::columns(), ready::memory_columns(), latency::columns()].concat();
    let rows = entrants.iter().map(|entrant| {
        entrant.row(|(starts, latencies)| {
            let memory = ready::memory_figures(starts);
            [ready::figures(starts), memory, latencies.figures()].concat()
        })
    });
    Ok(vec![Table {
        name: "million".to_owned(),
        note: format!(
            "{} files of 8 bytes in {} directories {}; one start each, then {SAVES} saves 30 to \
             60 ms apart.",
            tree.files.len(),
            tree.dirs.len(),
            memory.note()
        ),
        columns,
        rows: rows.collect(),
        targets: Vec::new(),
    }])
}

fn make(root: &Path) -> Result<(), String> {
    for dir in 0..DIRS {
        let path = root.join(format!("d{}/d{dir}", dir / 100));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for file in 0..FILES_EACH {
            let path = path.join(format!("f{file}"));
            fs::write(&path, format!("{:08}", dir * FILES_EACH + file))
                .map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether a change at once is told.
fn first_change(running: &Running, tree: &Tree) -> Result<bool, String> {
    let file = tree.files.last().ok_or("no files")?;
    let before = now();
    save(&tree.root.join(file))?;
    Ok(running.wait_change(file, before, std::time::Duration::from_secs(5)).is_some())
}
