//! Snapshots in the library: opening one, comparing two that are equal, and a tree's memory.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_tree::{IdKind, Scan, Scanned, Snapshot, diff};

use crate::walk::files_and_bytes;

/// The argument with which the program prints what a tree takes, and measures nothing.
pub(crate) const MEMORY: &str = "memory";

const IDS: IdKind = IdKind::BLAKE3;
const WALL_MS_MAX: f64 = 1.0;

/// Two snapshots of the corpus, made when they are first needed.
struct Pair {
    corpus: PathBuf,
    treenail: String,
    files: [PathBuf; 2],
    made: OnceCell<()>,
}

/// The two cases.
pub(crate) fn cases(settings: &Settings) -> Vec<Case> {
    let files = ["old", "new"].map(|name| settings.release.join(format!("compare-{name}.tn")));
    let corpus = settings.corpus.clone();
    let treenail = settings.release.join("treenail").to_string_lossy().into_owned();
    let pair = Rc::new(Pair { corpus, treenail, files, made: OnceCell::new() });
    vec![open(&pair), compare(&pair)]
}

impl Pair {
    fn open(&self) -> Result<[Snapshot; 2], String> {
        if self.made.get().is_none() {
            for file in &self.files {
                let scanned = scan(&self.corpus)?;
                scanned.tree.view(Some(IDS)).save(file).map_err(|e| e.to_string())?;
            }
            _ = self.made.set(());
        }
        Ok([open_file(&self.files[0])?, open_file(&self.files[1])?])
    }
}

fn open(pair: &Rc<Pair>) -> Case {
    let corpus = pair.corpus.to_string_lossy().into_owned();
    let (old, again) = (pair.files[0].clone(), pair.files[0].clone());
    let answered = pair.clone();
    let counts = Answer::closure(move || {
        let [snapshot, _] = answered.open()?;
        let counts = snapshot.counts();
        Ok(format!("{} {}", counts.files, counts.size_bytes))
    });
    let verified = Answer::closure(move || {
        let snapshot = open_file(&again)?;
        snapshot.verify().map_err(|e| e.to_string())?;
        let counts = snapshot.counts();
        Ok(format!("{} {}", counts.files, counts.size_bytes))
    });
    let wholly = pair.files[0].clone();
    let memory = corpus.clone();
    Case {
        name: "open a snapshot",
        references: vec![("files and bytes", files_and_bytes(&corpus))],
        contenders: vec![
            Contender {
                name: "treenail-tree, open",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![("files and bytes", counts)],
                work: Work::closure(move || open_file(&old).map(drop)),
            },
            Contender {
                name: "treenail-tree, open and verify wholly",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![("files and bytes", verified)],
                work: Work::closure(move || {
                    open_file(&wholly)?.verify().map_err(|e| e.to_string())
                }),
            },
        ],
        size_bytes: None,
        targets: vec![Target::WallMs(WALL_MS_MAX)],
        facts: vec![("Memory of the tree with one column", Answer::closure(move || ask(&memory)))],
    }
}

fn compare(pair: &Rc<Pair>) -> Case {
    let (answered, timed) = (pair.clone(), pair.files.clone());
    let treenail = pair.treenail.as_str();
    let [old, new] = pair.files.clone().map(|file| file.to_string_lossy().into_owned());
    Case {
        name: "compare equal snapshots",
        references: Vec::new(),
        contenders: vec![
            Contender {
                name: "treenail-tree, open both and diff",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![(
                    "changes",
                    Answer::closure(move || Ok(changes(&answered.open()?)?.to_string())),
                )],
                work: Work::closure(move || {
                    let changes = changes(&[open_file(&timed[0])?, open_file(&timed[1])?])?;
                    if changes == 0 { Ok(()) } else { Err(format!("{changes} changes")) }
                }),
            },
            Contender {
                name: "treenail diff, which verifies",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![(
                    "changes",
                    Answer::shell("\"$1\" diff \"$2\" \"$3\" | wc -l", &[treenail, &old, &new]),
                )],
                work: Work::program(&[treenail, "diff", &old, &new]),
            },
        ],
        size_bytes: None,
        targets: vec![Target::WallMs(WALL_MS_MAX)],
        facts: Vec::new(),
    }
}

fn scan(dir: &Path) -> Result<Scanned, String> {
    let scanned = Scan::new().run(dir, Some(IDS)).map_err(|e| e.to_string())?;
    match scanned.failures.first() {
        None => Ok(scanned),
        Some(failure) => Err(format!("the corpus cannot be read: {}", failure.error)),
    }
}

fn open_file(file: &Path) -> Result<Snapshot, String> {
    Snapshot::open(file).map_err(|e| e.to_string())
}

fn changes([old, new]: &[Snapshot; 2]) -> Result<usize, String> {
    let diff = diff(old, new, new.path()).map_err(|e| e.to_string())?;
    Ok(diff.changes.len())
}

/// Has another process print the memory of a tree, since this one holds much else.
fn ask(corpus: &str) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    Answer::shell("\"$1\" \"$2\" \"$3\"", &[&program.to_string_lossy(), MEMORY, corpus]).get()
}

/// Scans a directory and prints what its tree takes: by its own count, and by the system's.
///
/// # Errors
/// If it cannot be scanned.
pub(crate) fn print_memory(dir: &Path) -> Result<(), String> {
    let before = resident_bytes()?;
    let tree = scan(dir)?.tree;
    let entries = tree.counts().entries() as f64;
    let resident = resident_bytes()?.saturating_sub(before);
    println!(
        "{:.0} bytes an entry by its own count, {:.0} resident in a process that made it",
        tree.memory_bytes() as f64 / entries,
        resident as f64 / entries,
    );
    Ok(())
}

/// The memory that this process has been given, files aside, after it gave back what it could.
fn resident_bytes() -> Result<u64, String> {
    // SAFETY: the call has no condition; it only returns free memory to the system.
    unsafe { libc::malloc_trim(0) };
    let text = fs::read_to_string("/proc/self/smaps_rollup").map_err(|e| e.to_string())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(number.ok_or("no Anonymous in smaps_rollup")? * 1024)
}
