//! The smallest user of the disk: a log in one file that is used again from its beginning, as
//! SQLite's is. It is the pattern for a new scenario with a disk, and shows that the usual mistakes
//! in such a log do not pass.

use treenail_hash::xxh3::xxh3_64;
use treenail_sim::disk::{Access, Crash, Disk, DiskFaults, DiskSettings, Error, File};
use treenail_sim::rng::{Chance, Rng};
use treenail_sim::runner::{Campaign, Plan, Report, Run, Scenario, Violation, run_many};

/// The beginning of the file holds the generation; records follow, all of one size.
const HEADER_BYTES: u64 = 512;
const RECORD_BYTES: usize = 200;
/// Checksum, generation, number; then the payload.
const PAYLOAD_AT: usize = 24;

/// What is wrong with the log under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// Records of an earlier generation are taken for this one's.
    IgnoresSalt,
    /// Only the first bytes of a record are checked.
    ChecksHeadersOnly,
    /// Appended is said to be durable at once.
    AcknowledgesEarly,
    /// The file's name is not made durable.
    ForgetsDirectory,
}

struct ToyLog {
    file: File,
    generation: u64,
    records: u64,
    mistake: Mistake,
}

impl ToyLog {
    fn open(disk: &Disk, mistake: Mistake) -> Result<(Self, Vec<Vec<u8>>), Error> {
        let file = match disk.open("log", Access::Write) {
            Err(Error::NotFound) => {
                let file = disk.create("log")?;
                file.write_at(&[0; HEADER_BYTES as usize], 0)?;
                file
            }
            file => file?,
        };
        // Whoever was here before may have got to neither.
        file.sync()?;
        if mistake != Mistake::ForgetsDirectory {
            disk.sync_dir("")?;
        }
        let mut generation = [0; 8];
        file.read_at(&mut generation, 0)?;
        let generation = u64::from_le_bytes(generation);
        let mut log = Self { file, generation, records: 0, mistake };
        let mut found = Vec::new();
        while let Some(payload) = log.read(log.records)? {
            found.push(payload);
            log.records += 1;
        }
        Ok((log, found))
    }

    fn append(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut record = vec![0; RECORD_BYTES];
        record[8..16].copy_from_slice(&self.generation.to_le_bytes());
        record[16..24].copy_from_slice(&self.records.to_le_bytes());
        record[PAYLOAD_AT..].copy_from_slice(payload);
        let sum = xxh3_64(&record[8..self.summed()]);
        record[..8].copy_from_slice(&sum.to_le_bytes());
        self.file.write_at(&record, place(self.records))?;
        self.records += 1;
        Ok(())
    }

    fn commit(&self) -> Result<(), Error> {
        if self.mistake == Mistake::AcknowledgesEarly { Ok(()) } else { self.file.sync() }
    }

    /// Forgets all records, and begins anew over them.
    fn reset(&mut self) -> Result<(), Error> {
        self.generation += 1;
        self.records = 0;
        self.file.write_at(&self.generation.to_le_bytes(), 0)?;
        self.file.sync()
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut record = vec![0; RECORD_BYTES];
        let len = self.file.read_at(&mut record, place(number))?;
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| record[at + i]));
        let is_whole = len == RECORD_BYTES && word(0) == xxh3_64(&record[8..self.summed()]);
        let is_own = word(8) == self.generation || self.mistake == Mistake::IgnoresSalt;
        let is_next = word(16) == number;
        Ok((is_whole && is_own && is_next).then(|| record[PAYLOAD_AT..].to_vec()))
    }

    /// Up to where a record is covered by its checksum.
    fn summed(&self) -> usize {
        if self.mistake == Mistake::ChecksHeadersOnly { PAYLOAD_AT } else { RECORD_BYTES }
    }
}

fn place(number: u64) -> u64 {
    HEADER_BYTES + number * RECORD_BYTES as u64
}

struct Toy(Mistake);

impl Scenario for Toy {
    fn name(&self) -> &'static str {
        "toy log"
    }

    fn classes(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn run(&self, run: &mut Run) -> Result<(), Violation> {
        let (settings, faults) = (DiskSettings::default(), DiskFaults::NONE);
        let disk = Disk::new(settings, faults, run.rng("disk"), run.trace().clone());
        let mut rng = run.rng("workload");
        let mut model = Model::default();
        while run.step(10) {
            disk.stop_after(Some(rng.below(60)));
            if let Ok((log, found)) = ToyLog::open(&disk, self.0) {
                model.check(&found)?;
                run.count("recoveries", 1);
                // It ends with the machine.
                let _ = use_it(log, &mut model, &mut rng);
            }
            disk.restart(Crash::Power);
        }
        Ok(())
    }
}

/// What was appended, how much of it was promised, and whether all may be gone.
#[derive(Default)]
struct Model {
    appended: Vec<Vec<u8>>,
    promised: usize,
    resetting: bool,
}

impl Model {
    fn check(&mut self, found: &[Vec<u8>]) -> Result<(), Violation> {
        let is_reset = self.resetting && found.is_empty();
        if found.len() < self.promised && !is_reset {
            let detail = format!("{} of {}", found.len(), self.promised);
            return Err(Violation::new("acknowledged implies recovered", detail));
        }
        if !self.appended.starts_with(found) {
            let detail = format!("{} records, {} written", found.len(), self.appended.len());
            return Err(Violation::new("no record is returned that was not written", detail));
        }
        *self = Self { appended: found.to_vec(), promised: found.len(), resetting: false };
        Ok(())
    }
}

fn use_it(mut log: ToyLog, model: &mut Model, rng: &mut Rng) -> Result<(), Error> {
    loop {
        if rng.happens(Chance::percent(10)) {
            model.resetting = true;
            log.reset()?;
            *model = Model::default();
        }
        for _ in 0..=rng.below(4) {
            let mut payload = vec![0; RECORD_BYTES - PAYLOAD_AT];
            rng.fill(&mut payload);
            model.appended.push(payload.clone());
            log.append(&payload)?;
        }
        log.commit()?;
        model.promised = model.appended.len();
    }
}

fn report(mistake: Mistake) -> Report {
    let plan = Plan::default();
    let campaign = Campaign { seeds: 0..200, threads: 2, duration_max: None, plan };
    run_many(&Toy(mistake), &campaign, &|_| {})
}

fn caught(mistake: Mistake, rule: &str) {
    let failure = report(mistake).failure.unwrap_or_else(|| panic!("{mistake:?} passed"));
    assert_eq!(failure.violation.invariant, rule, "{mistake:?}");
    assert!(failure.plan.seed < 20, "{mistake:?}: seed {}", failure.plan.seed);
}

#[test]
fn a_right_log_passes() {
    let report = report(Mistake::None);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert!(report.tally["recoveries"] > 1_000, "{:?}", report.tally);
}

#[test]
fn ignoring_the_salt_is_caught() {
    caught(Mistake::IgnoresSalt, "no record is returned that was not written");
}

#[test]
fn checking_headers_only_is_caught() {
    caught(Mistake::ChecksHeadersOnly, "no record is returned that was not written");
}

#[test]
fn acknowledging_before_the_sync_is_caught() {
    caught(Mistake::AcknowledgesEarly, "acknowledged implies recovered");
}

#[test]
fn forgetting_the_directory_is_caught() {
    caught(Mistake::ForgetsDirectory, "acknowledged implies recovered");
}
