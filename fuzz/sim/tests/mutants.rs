//! The simulator finds what it is for: each of these breaks the log, or what lies between it and
//! its disk, in a way that somebody has shipped.

use std::io;
use std::path::Path;

use treenail_sim::disk;
use treenail_sim::log::{Dir, Log, invariant};
use treenail_sim::runner::{Campaign, Failure, Plan, Scenario, run_many, shrink};
use treenail_store::disk::{Access, Disk, DiskFile};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// A commit returns before the data is on the disk.
    AcknowledgeBeforeSync,
    /// A sync that failed is tried again, and success is believed.
    RetryFailedSync,
    /// New names are not made durable.
    ForgetDirectory,
    /// A segment gets its name before its header is durable.
    ForgetHeaderSync,
    /// Checkpoints are written and not synced.
    ForgetCheckpointSync,
    /// A write that failed is taken for done.
    IgnoreWriteErrors,
    /// Long writes lose their last byte.
    CutLongWrites,
}

/// The log's directory, with something wrong in it.
struct Broken {
    dir: Dir,
    mutant: Mutant,
}

struct BrokenFile {
    file: disk::File,
    mutant: Mutant,
    is_spare: bool,
    is_checkpoint: bool,
}

impl Broken {
    fn file(&self, name: &str, file: disk::File) -> BrokenFile {
        let (is_spare, is_checkpoint) = (name == "spare", name.starts_with("checkpoint"));
        BrokenFile { file, mutant: self.mutant, is_spare, is_checkpoint }
    }
}

impl Disk for Broken {
    type File = BrokenFile;
    type Lock = disk::Lock;

    fn open(&self, name: &str, access: Access) -> io::Result<BrokenFile> {
        Ok(self.file(name, self.dir.open(name, access)?))
    }

    fn create(&self, name: &str) -> io::Result<BrokenFile> {
        Ok(self.file(name, self.dir.create(name)?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.dir.list()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.dir.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.dir.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        match self.mutant {
            Mutant::ForgetDirectory => Ok(()),
            _ => self.dir.sync_dir(),
        }
    }

    fn lock(&self, name: &str) -> io::Result<Option<disk::Lock>> {
        self.dir.lock(name)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl DiskFile for BrokenFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        DiskFile::read_at(&self.file, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let len = match self.mutant {
            Mutant::CutLongWrites if bytes.len() > 1_000 => bytes.len() - 1,
            _ => bytes.len(),
        };
        let written = DiskFile::write_at(&self.file, &bytes[..len], offset);
        if self.mutant == Mutant::IgnoreWriteErrors { Ok(()) } else { written }
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        DiskFile::allocate(&self.file, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        DiskFile::set_len(&self.file, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.mutant {
            Mutant::AcknowledgeBeforeSync => Ok(()),
            Mutant::ForgetHeaderSync if self.is_spare => Ok(()),
            Mutant::ForgetCheckpointSync if self.is_checkpoint => Ok(()),
            Mutant::RetryFailedSync => self.file.sync_data().or_else(|_| self.file.sync_data()),
            _ => self.file.sync_data(),
        }
    }

    fn len(&self) -> io::Result<u64> {
        DiskFile::len(&self.file)
    }
}

/// The first of these seeds at which the log breaks a rule.
fn failure(scenario: &dyn Scenario, seeds: u64) -> Option<Failure> {
    let plan = Plan::default();
    let campaign = Campaign { seeds: 0..seeds, threads: 2, duration_max: None, plan };
    run_many(scenario, &campaign, &|_| {}).failure
}

/// What is broken when something promised is lost.
const LOSSES: [&str; 4] = [
    invariant::ACKNOWLEDGED,
    invariant::NO_FALSE_ALARM,
    invariant::CHECKPOINT,
    invariant::TWICE_IS_ONCE,
];

/// Asserts that a mutant loses what it promised soon, and still does so boiled down.
fn caught(mutant: Mutant) {
    let log = Log::with(move |dir| Broken { dir, mutant });
    let failure = failure(&log, 150).unwrap_or_else(|| panic!("{mutant:?} passed"));
    let small = shrink(&log, &failure);
    println!("{mutant:?}: seed {}, {:?}", failure.plan.seed, small.violation);
    assert!(LOSSES.contains(&small.violation.invariant), "{mutant:?}: {:?}", small.violation);
    assert!(!small.plan.without.is_empty(), "{mutant:?}: not every fault is needed");
}

#[test]
fn the_log_as_it_is_passes() {
    let failure = failure(&Log::sound(), 60);
    assert!(failure.is_none(), "{failure:?}");
}

#[test]
fn acknowledging_before_the_sync_is_caught() {
    caught(Mutant::AcknowledgeBeforeSync);
}

#[test]
fn trying_a_failed_sync_again_is_caught() {
    caught(Mutant::RetryFailedSync);
}

#[test]
fn forgetting_the_directory_is_caught() {
    caught(Mutant::ForgetDirectory);
}

#[test]
fn naming_a_segment_before_its_header_is_durable_is_caught() {
    caught(Mutant::ForgetHeaderSync);
}

#[test]
fn an_unsynced_checkpoint_is_caught() {
    caught(Mutant::ForgetCheckpointSync);
}

#[test]
fn ignoring_a_failed_write_is_caught() {
    caught(Mutant::IgnoreWriteErrors);
}

#[test]
fn a_write_that_stops_short_is_caught() {
    caught(Mutant::CutLongWrites);
}
