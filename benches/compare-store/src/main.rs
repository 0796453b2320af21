//! `cargo xtask compare store`: durable commits, one writer and many, beside the crates and the
//! database that promise the same, and beside a bare file.
//!
//! Each record is committed by itself, and counts when the store says that it is durable. How
//! often they sync for that is counted in this process and stands below each table: a disk whose
//! sync is cheap, as a virtual one's often is, shows little of what sharing syncs saves.

mod stores;
mod syncs;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::{fs, thread};

use stores::{APPENDED, FJALL, Kept, OKAYWAL, OURS, PREALLOCATED, REDB, SQLITE, Store};
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_hash::{Hash, Xxh128};

/// The length of a record.
const RECORD_BYTES: usize = 256;

/// How many records are kept and read back before anything is measured.
const CHECKED: u64 = 64;

fn main() -> ExitCode {
    treenail_compare::main(|settings| {
        // Beside what was built, which is on a real disk more often than a temporary directory.
        let root = settings.release.join("compare-store-data");
        if root.exists() {
            fs::remove_dir_all(&root).map_err(|error| error.to_string())?;
        }
        fs::create_dir_all(&root).map_err(|error| error.to_string())?;
        let to_bare = Target::Ratio { rival: PREALLOCATED.name, max: 1.2 };
        let one = [OURS, PREALLOCATED, APPENDED, OKAYWAL, SQLITE, REDB, FJALL];
        let many = [OURS, PREALLOCATED, OKAYWAL, SQLITE, REDB, FJALL];
        Ok(vec![
            // Few at a time: whatever else the disk has to do should meet all of them alike.
            case("one writer, 20 commits", &root, &one, 1, 20, &[to_bare, Target::Best(1.0)]),
            case("8 writers, 800 commits", &root, &many, 8, 100, &[Target::Best(1.0)]),
            case("64 writers, 1,600 commits", &root, &many, 64, 25, &[Target::Best(1.0)]),
        ])
    })
}

fn case(
    name: &'static str,
    root: &Path,
    kept: &[Kept],
    writers: u64,
    each: u64,
    targets: &[Target],
) -> Case {
    let mut facts = Vec::new();
    let mut contenders = Vec::new();
    for &one in kept {
        let ratio = Rc::new(Cell::new(0.0));
        let path = root.join(format!("{writers}-{}", contenders.len()));
        contenders.push(contender(one, path, writers, each, &ratio));
        let fact = Answer::closure(move || Ok(format!("{:.3} syncs per commit", ratio.get())));
        facts.push((one.name, fact));
    }
    let targets = targets.to_vec();
    let expected = digest((0..CHECKED).map(|number| record(number).to_vec()).collect());
    let references = ["records", "bare"].map(|name| (name, Answer::fixed(&*expected))).into();
    Case { name, references, contenders, size_bytes: None, targets, facts }
}

/// Answers with a digest of what it keeps.
fn contender(
    kept: Kept,
    path: PathBuf,
    writers: u64,
    each: u64,
    ratio: &Rc<Cell<f64>>,
) -> Contender {
    // A bare file keeps records for nobody else to find; it is there as a measure.
    let is_bare = kept.version == "-";
    let checked = path.with_extension("checked");
    let answer = move || {
        let store = (kept.make)(&checked)?;
        (0..CHECKED).try_for_each(|number| store.commit(&record(number)))?;
        drop(store);
        Ok(digest((kept.read)(&checked)?))
    };
    let store: RefCell<Option<Box<dyn Store>>> = RefCell::new(None);
    let (syncs, commits) = (Cell::new(0), Cell::new(0));
    let ratio = Rc::clone(ratio);
    let work = move || {
        let mut store = store.borrow_mut();
        if store.is_none() {
            *store = Some((kept.make)(&path)?);
        }
        let store = store.as_deref().expect("it was made");
        let before = syncs::count();
        commit_all(store, writers, each)?;
        syncs.set(syncs.get() + syncs::count() - before);
        commits.set(commits.get() + writers * each);
        ratio.set(syncs.get() as f64 / commits.get() as f64);
        Ok(())
    };
    Contender {
        name: kept.name,
        version: Answer::fixed(kept.version),
        answers: vec![(if is_bare { "bare" } else { "records" }, Answer::closure(answer))],
        work: Work::closure(work),
    }
}

fn digest(mut records: Vec<Vec<u8>>) -> String {
    records.sort_unstable();
    format!("{} {:02x?}", records.len(), Xxh128::hash(&records.concat()))
}

fn commit_all(store: &dyn Store, writers: u64, each: u64) -> Result<(), String> {
    let commit = |writer| (0..each).try_for_each(|i| store.commit(&record(writer << 32 | i)));
    if writers == 1 {
        return commit(0);
    }
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..writers).map(|writer| scope.spawn(move || commit(writer))).collect();
        threads.into_iter().try_for_each(|one| one.join().expect("no panic"))
    })
}

fn record(number: u64) -> [u8; RECORD_BYTES] {
    let mut record = [0x5a; RECORD_BYTES];
    record[..8].copy_from_slice(&number.to_le_bytes());
    record
}
