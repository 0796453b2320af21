//! What the log has to hold: kept beside it, and compared after each recovery.

use treenail_wal::{Kind, Lsn};

use crate::disk::Injected;
use crate::runner::Violation;

/// The rules, as violations name them.
pub mod invariant {
    /// No acknowledged record is missing after a recovery.
    pub const ACKNOWLEDGED: &str = "acknowledged implies recovered";
    /// What was not acknowledged is there or not, record by record, in order, without a gap.
    pub const ALL_OR_NOTHING: &str = "unacknowledged is all or nothing, in order";
    /// No record is returned that was not written at that place.
    pub const NEVER_INVENTS: &str = "no record is returned that was not written";
    /// What a recovery found, the next one finds.
    pub const TWICE_IS_ONCE: &str = "recovering twice is recovering once";
    /// What was flushed outlives the process, unless the power fails or the disk does.
    pub const FLUSHED: &str = "flushed implies recovered after a kill";
    /// Nothing is called corrupt that a crash can explain.
    pub const NO_FALSE_ALARM: &str = "a healthy log is not called corrupt";
    /// Lost records are not passed over where intact ones testify that they were durable.
    pub const DAMAGE_IS_REPORTED: &str = "damage of what was acknowledged is reported";
    /// The checkpoint that is found is the last one acknowledged, or a later attempt.
    pub const CHECKPOINT: &str = "the newest checkpoint is found";
    /// A log that was closed says so, and nothing is missing from it.
    pub const CLOSED_IS_CLEAN: &str = "a closed log is clean";
    /// A log can be opened and read without taking space.
    pub const FULL_IS_READABLE: &str = "a full disk leaves the log readable";
    /// Once nothing fails any more, the log opens.
    pub const OPENS: &str = "a log opens when the disk works";
}

/// A record that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) start: Lsn,
    pub(super) end: Lsn,
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
    /// Up to where the log was durable when it was framed: what its header testifies.
    pub(super) durable: Lsn,
}

/// A checkpoint: its place, and its content.
pub(super) type Checkpoint = (Lsn, Vec<u8>);

/// What was done to a log and what it promised.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Everything appended that may still be there, in order.
    records: Vec<Appended>,
    /// What is before this was promised.
    acked: Lsn,
    /// What is before this was flushed, and neither the power nor the disk failed since.
    flushed: Lsn,
    /// Nothing was framed beyond this.
    end: Lsn,
    /// Nothing was framed since the last recovery.
    untouched: bool,
    checkpoint: Checkpoint,
    /// Checkpoints since then of which nobody knows whether they are there.
    attempted: Vec<Checkpoint>,
    /// Every checkpoint that was attempted.
    past: Vec<Checkpoint>,
}

impl Model {
    pub(super) fn append(&mut self, record: Appended) {
        self.extend(record.end);
        self.records.push(record);
    }

    /// Something was framed up to here.
    pub(super) fn extend(&mut self, end: Lsn) {
        self.untouched &= end <= self.end;
        self.end = self.end.max(end);
    }

    pub(super) fn acknowledge(&mut self, durable: Lsn) {
        self.acked = self.acked.max(durable);
    }

    /// The system has what is before this.
    pub(super) fn flush(&mut self, written: Lsn) {
        self.flushed = self.flushed.max(written);
    }

    /// What was flushed may be lost from now on.
    pub(super) fn lose_flushed(&mut self) {
        self.flushed = Lsn::ZERO;
    }

    pub(super) fn acked(&self) -> Lsn {
        self.acked
    }

    pub(super) fn attempt(&mut self, checkpoint: Checkpoint) {
        self.past.push(checkpoint.clone());
        self.attempted.push(checkpoint);
    }

    /// Whether there may be a newer checkpoint than the last one promised.
    pub(super) fn is_checkpoint_open(&self) -> bool {
        !self.attempted.is_empty()
    }

    /// The last checkpoint that was attempted is there.
    pub(super) fn settle_checkpoint(&mut self) {
        if let Some(last) = self.attempted.pop() {
            self.checkpoint = last;
            self.attempted.clear();
        }
    }

    /// Places from the checkpoint on at which a record begins that was promised.
    pub(super) fn boundaries(&self) -> Vec<Lsn> {
        let starts = self.records.iter().map(|record| record.start);
        starts.filter(|&start| (self.checkpoint.0..self.acked).contains(&start)).collect()
    }

    /// Where the last record ends.
    pub(super) fn last_end(&self) -> Option<Lsn> {
        self.records.last().map(|record| record.end)
    }

    /// Where the last record ends that was promised.
    pub(super) fn last_acked_end(&self) -> Option<Lsn> {
        let mut ends = self.records.iter().rev().map(|record| record.end);
        ends.find(|&end| end <= self.acked)
    }

    pub(super) fn checkpoint_lsn(&self) -> Lsn {
        self.checkpoint.0
    }

    /// Checks the checkpoint that a recovery found.
    ///
    /// # Errors
    /// If it is neither the last promised one nor a later attempt.
    pub(super) fn check_checkpoint(&mut self, found: &Checkpoint) -> Result<(), Violation> {
        if *found == self.checkpoint {
            return Ok(());
        }
        match self.attempted.iter().rposition(|one| one == found) {
            Some(at) => {
                self.attempted.truncate(at + 1);
                self.settle_checkpoint();
                Ok(())
            }
            None => Err(Violation::new(
                invariant::CHECKPOINT,
                format!("found LSN {}, promised LSN {}", found.0, self.checkpoint.0),
            )),
        }
    }

    /// As [`Model::check_checkpoint`], where an older one will do: the newest was damaged.
    ///
    /// # Errors
    /// If there never was such a checkpoint.
    pub(super) fn check_any_checkpoint(&mut self, found: &Checkpoint) -> Result<(), Violation> {
        let newest = self.check_checkpoint(found);
        if newest.is_err() && (self.past.contains(found) || *found == Checkpoint::default()) {
            self.checkpoint.clone_from(found);
            return Ok(());
        }
        newest
    }

    /// Checks what a recovery found from LSN `from` up to `end`, and takes it for the truth from
    /// then on. `injected` says what excuses a loss.
    ///
    /// # Errors
    /// The rule that is broken.
    pub(super) fn recover(
        &mut self,
        from: Lsn,
        end: Lsn,
        found: &[Appended],
        injected: &Injected,
        sector_bytes: usize,
    ) -> Result<(), Violation> {
        if end > self.end {
            let detail = format!("it ends at LSN {end}, written were {}", self.end);
            return Err(self.unlike_before(invariant::NEVER_INVENTS, detail));
        }
        self.check_records(from, end, found)?;
        if end < self.acked {
            self.check_excuse(end, injected, sector_bytes)?;
        }
        if end < self.flushed && injected.lies == 0 && injected.damage.is_empty() {
            let detail = format!("it ends at LSN {end}, flushed was {}", self.flushed);
            return Err(self.unlike_before(invariant::FLUSHED, detail));
        }
        self.records.retain(|record| record.end <= end);
        self.acked = end;
        self.flushed = end;
        self.end = end;
        self.untouched = true;
        self.attempted.clear();
        Ok(())
    }

    /// Whether what is found is what was written, from one end to the other.
    fn check_records(&self, from: Lsn, end: Lsn, found: &[Appended]) -> Result<(), Violation> {
        let within = |record: &&Appended| record.start >= from && record.end <= end;
        let mut wanted = self.records.iter().filter(within);
        for record in found {
            let Some(want) = wanted.next() else {
                let detail = format!("{} at LSN {}", sketch(record), record.start);
                return Err(Violation::new(invariant::NEVER_INVENTS, detail));
            };
            if record.start > want.start {
                let detail = format!("the one at LSN {} is missing", want.start);
                return Err(Violation::new(invariant::ALL_OR_NOTHING, detail));
            }
            let same = (record.start, record.end, record.kind) == (want.start, want.end, want.kind);
            if !same || record.payload != want.payload {
                let (found, want) = (sketch(record), sketch(want));
                let detail = format!("at LSN {}: {found} where {want} was", record.start);
                return Err(Violation::new(invariant::NEVER_INVENTS, detail));
            }
        }
        match wanted.next() {
            Some(missing) => {
                let detail = format!("the one at LSN {} is missing before {end}", missing.start);
                Err(Violation::new(invariant::ALL_OR_NOTHING, detail))
            }
            None => Ok(()),
        }
    }

    /// Promised records are missing from `at` on: whether that is excused.
    fn check_excuse(
        &self,
        at: Lsn,
        injected: &Injected,
        sector_bytes: usize,
    ) -> Result<(), Violation> {
        let detail = format!("it ends at LSN {at}, promised was {}", self.acked);
        if injected.lies > 0 {
            return Ok(());
        }
        if injected.damage.is_empty() {
            return Err(self.unlike_before(invariant::ACKNOWLEDGED, detail));
        }
        // Each damaged sector can silence the witnesses in it, and no others.
        let distance = 2 * sector_bytes as u64;
        let mut witnesses = 0;
        let mut last: Option<Lsn> = None;
        for record in &self.records {
            let testifies = record.durable > at && record.end <= self.acked;
            let apart = |last: Lsn| record.start.get() - last.get() >= distance;
            if testifies && last.is_none_or(apart) {
                witnesses += 1;
                last = Some(record.start);
            }
        }
        if witnesses > injected.damage.len() {
            return Err(Violation::new(invariant::DAMAGE_IS_REPORTED, detail));
        }
        Ok(())
    }

    /// A broken rule; where one recovery followed another, it is that the two differ.
    fn unlike_before(&self, rule: &'static str, detail: String) -> Violation {
        Violation::new(if self.untouched { invariant::TWICE_IS_ONCE } else { rule }, detail)
    }
}

/// A record for messages.
fn sketch(record: &Appended) -> String {
    let begins = &record.payload[..record.payload.len().min(8)];
    format!("kind {} with {} bytes {begins:02x?}", record.kind.get(), record.payload.len())
}
