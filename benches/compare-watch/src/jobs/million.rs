//! A million files: only where it is asked for.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use treenail_compare::figures::{Limit, Table, Target};

use super::Bench;
use super::latency::{self, Latencies, SPACED};
use super::ready::{self, Starts};
use crate::contender::{Contender, Running};
use crate::protocol::now;
use crate::stats::Entrant;
use crate::tree::{Copy, Tree, save};
use crate::{COMMAND, DAEMON, OURS};

/// Directories at the top.
const TOPS: usize = 200;
/// Directories in each of them.
const BELOW: usize = 249;
/// Files in each directory, but for the root.
const FILES_EACH: usize = 20;
/// How often each is started.
const ROUNDS_OF_15: usize = 3;
const SAVES: usize = 100;

pub(crate) fn run(bench: &mut Bench, _: &mut Copy) -> Result<Vec<Table>, String> {
    let root = bench.settings.corpus.with_file_name("million");
    make(&root)?;
    let tree = Tree::list(&root)?;
    warm(&tree)?;
    let rounds = bench.share(ROUNDS_OF_15);
    let takes_part = |one: &&Contender| !one.is_slow;
    let mut entrants: Vec<Entrant<(Starts, Latencies)>> =
        bench.contenders.iter().filter(takes_part).map(Entrant::new).collect();
    for _ in 0..rounds {
        for entrant in &mut entrants {
            entrant.attempt(|entrant| {
                let running = entrant.contender.start(&bench.site, &tree)?;
                entrant.version.clone_from(&running.ready.version);
                let (starts, latencies) = &mut entrant.samples;
                starts.add(&running, first_change(&running, &tree)?)?;
                let files = tree.pick(SAVES, &mut bench.random).into_iter();
                let file = |file: usize| (root.join(&tree.files[file]), tree.files[file].clone());
                let files: Vec<_> = files.map(file).collect();
                latencies.add(&running, &files, &SPACED, &mut bench.random)?;
                running.stop();
                Ok(())
            });
        }
    }
    let columns = [ready::columns(), ready::memory_columns(), latency::columns()].concat();
    let rows = entrants.iter().map(|entrant| {
        entrant.row(|(starts, latencies)| {
            let memory = ready::memory_figures(starts);
            [ready::figures(starts), memory, latencies.figures()].concat()
        })
    });
    let none = |column| {
        let target = move |contender| Target { contender, column, limit: Limit::Max(0.0) };
        [OURS, COMMAND, DAEMON].map(target)
    };
    Ok(vec![Table {
        name: "million".to_owned(),
        note: format!(
            "{} files in {} directories on the corpus' file system, empty but for those that were \
             saved, all attributes cached; medians of {rounds} interleaved starts, and {SAVES} \
             saves 30 to 60 ms apart after each, nobody else running.",
            tree.files.len(),
            tree.dirs.len(),
        ),
        columns,
        rows: rows.collect(),
        targets: [none("missed"), none("lost")].concat(),
    }])
}

/// Makes the files where they are not there yet; what an earlier run left unfinished is gone on
/// with.
fn make(root: &Path) -> Result<(), String> {
    let done = root.with_extension("done");
    if done.exists() {
        return Ok(());
    }
    eprintln!("making {} files in {}", TOPS * (1 + BELOW) * FILES_EACH, root.display());
    for top in 0..TOPS {
        let top = root.join(format!("d{top}"));
        fill(&top)?;
        for below in 0..BELOW {
            fill(&top.join(format!("d{below}")))?;
        }
    }
    // Lest the disk be busy with it while others are measured.
    rustix::fs::sync();
    File::create(&done).map_err(|e| format!("{}: {e}", done.display()))?;
    Ok(())
}

fn fill(dir: &Path) -> Result<(), String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for file in 0..FILES_EACH {
        let path = dir.join(format!("f{file}"));
        match File::create_new(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(format!("{}: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Looks at all attributes once: the first contender is to have no more to wait for than the last.
fn warm(tree: &Tree) -> Result<(), String> {
    for file in &tree.files {
        fs::symlink_metadata(tree.root.join(file)).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

/// Whether a change at once is told.
fn first_change(running: &Running, tree: &Tree) -> Result<bool, String> {
    let file = tree.files.last().ok_or("no files")?;
    let before = now();
    save(&tree.root.join(file))?;
    Ok(running.wait_change(file, before, Duration::from_secs(5)).is_some())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILES_EACH, fill};

    #[test]
    fn what_is_there_already_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("a/b");
        fill(&dir).unwrap();
        fs::write(dir.join("f0"), "saved").unwrap();
        fs::remove_file(dir.join("f1")).unwrap();
        fill(&dir).unwrap();
        assert_eq!(fs::read(dir.join("f0")).unwrap(), b"saved");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), FILES_EACH);
    }
}
