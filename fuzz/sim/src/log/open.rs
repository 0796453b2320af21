//! Opening the log, and checking what was found.

use treenail_store::disk::Disk as StoreDisk;
use treenail_store::{Error, ErrorKind, Lsn, Parts, Reader, Recovery, Tail, open};

use super::Dir;
use super::model::{Appended, invariant};
use super::world::World;
use crate::disk::{Crash, Decay, DiskFaults};
use crate::rng::Chance;
use crate::runner::Violation;

/// After so many attempts to open the log the disk works again.
const ATTEMPTS_MAX: u32 = 6;

/// What came of opening the log.
enum Opened<D: StoreDisk> {
    Found(Box<Parts<D>>),
    /// It failed as it may; try again.
    Failed,
    /// It is damaged beyond use, which is excused and was reported: the run is over.
    Lost,
}

impl<D: StoreDisk> World<'_, D> {
    /// Opens the log, however often the machine stops meanwhile, and checks what it holds; nothing
    /// if it is damaged and says so.
    pub(super) fn open(&mut self) -> Result<Option<Parts<D>>, Violation> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let calm = attempts > ATTEMPTS_MAX;
            if calm {
                self.disk.set_faults(DiskFaults::NONE);
                self.disk.stop_after(None);
            } else {
                self.plan_stop();
            }
            let opened = self.try_open(calm);
            if calm {
                self.disk.set_faults(self.profile.faults.clone());
            }
            match opened? {
                Opened::Found(parts) => {
                    if calm {
                        self.plan_stop();
                    }
                    return Ok(Some(*parts));
                }
                Opened::Lost => return Ok(None),
                Opened::Failed => self.restart(),
            }
        }
    }

    /// The end of a run: nothing fails any more, and the log has to be in order, twice.
    pub(super) fn check_end(&mut self) -> Result<(), Violation> {
        self.disk.set_faults(DiskFaults::NONE);
        self.disk.stop_after(None);
        for crash in [Crash::Power, Crash::Power, Crash::Process] {
            self.restart_disk(crash);
            match self.try_open(true)? {
                Opened::Found(parts) => drop(parts),
                Opened::Lost => return Ok(()),
                Opened::Failed => unreachable!("a failure of a calm disk is a violation"),
            }
        }
        Ok(())
    }

    /// The machine may stop once more before the log is opened again.
    fn restart(&mut self) {
        let is_kill = self.rng.happens(self.profile.kill);
        let crash = if is_kill { Crash::Process } else { Crash::Power };
        self.run.trace().event(format_args!("-- opening failed: {crash:?}"));
        self.run.count("crashes while opening", 1);
        self.restart_disk(crash);
    }

    /// Opens the log once. On a calm disk, a failure is a violation.
    fn try_open(&mut self, calm: bool) -> Result<Opened<D>, Violation> {
        let dir = (self.wrap)(Dir::new(self.disk.clone()));
        let parts = match open(dir, &self.profile.options) {
            Ok(parts) => parts,
            Err(error) => return self.failed(&error, calm),
        };
        let Recovery { tail, checkpoint, .. } = parts.recovery.clone();
        self.run.trace().event(format_args!("opened: {tail:?}, from {}", checkpoint.lsn));
        self.run.count(name_of(&tail), 1);
        let end = parts.recovery.end();
        let Some(found) = self.read(checkpoint.lsn, calm)? else { return Ok(Opened::Failed) };
        let injected = self.disk.injected();
        let excused = injected.lies > 0 || !injected.damage.is_empty();
        let from = checkpoint.lsn;
        if excused {
            self.model.check_any_checkpoint(&(from, checkpoint.content))?;
        } else {
            self.model.check_checkpoint(&(from, checkpoint.content))?;
            self.check_closed(&tail)?;
        }
        let sector_bytes = self.profile.disk.sector_bytes;
        self.model.recover(from, end, &found, &injected, sector_bytes)?;
        self.closed = false;
        self.run.count("recoveries", 1);
        if !calm && self.rng.happens(Chance::percent(10)) {
            return self.again(parts);
        }
        Ok(Opened::Found(Box::new(parts)))
    }

    /// Loses power right after the opening: all that was found must be found again. The model
    /// takes what is found for promised, so an ordinary opening checks it.
    fn again(&mut self, parts: Parts<D>) -> Result<Opened<D>, Violation> {
        drop(parts);
        self.disk.stop_after(None);
        self.run.trace().event(format_args!("-- power is lost right after opening"));
        self.disk.restart(Crash::Power);
        self.run.count("openings repeated", 1);
        Ok(Opened::Failed)
    }

    /// The log did not open: whether it may have.
    fn failed(&mut self, error: &Error, calm: bool) -> Result<Opened<D>, Violation> {
        self.run.trace().event(format_args!("open: {error}"));
        let injected = self.disk.injected();
        let lied = injected.lies > 0;
        let damaged = lied || !injected.damage.is_empty();
        let unreadable = injected.damage.iter().any(|one| one.decay == Decay::Unreadable);
        match error.kind() {
            _ if self.disk.is_stopped() => Ok(Opened::Failed),
            ErrorKind::Corrupt if damaged => self.lost("damage reported"),
            ErrorKind::Corrupt => Err(Violation::new(invariant::NO_FALSE_ALARM, error.to_string())),
            ErrorKind::NoSpace if self.model.acked() == Lsn::ZERO => {
                self.disk.set_capacity(1 << 30);
                Ok(Opened::Failed)
            }
            ErrorKind::NoSpace => {
                Err(Violation::new(invariant::FULL_IS_READABLE, error.to_string()))
            }
            ErrorKind::Io if !calm => Ok(Opened::Failed),
            _ if unreadable || (lied && calm) => self.lost("unreadable"),
            _ => Err(Violation::new(invariant::OPENS, error.to_string())),
        }
    }

    fn lost(&mut self, why: &'static str) -> Result<Opened<D>, Violation> {
        self.run.count(why, 1);
        Ok(Opened::Lost)
    }

    /// All records from an LSN on; nothing if a fault came in between.
    fn read(&mut self, from: Lsn, calm: bool) -> Result<Option<Vec<Appended>>, Violation> {
        match self.try_read(from) {
            Ok(found) => Ok(Some(found)),
            Err(error) => {
                self.run.trace().event(format_args!("read: {error}"));
                if !calm && (error.kind() == ErrorKind::Io || self.disk.is_stopped()) {
                    return Ok(None);
                }
                Err(Violation::new(invariant::OPENS, error.to_string()))
            }
        }
    }

    fn try_read(&mut self, from: Lsn) -> Result<Vec<Appended>, Error> {
        let mut reader: Reader<D> = Reader::open_at(self.dir(), from)?;
        let mut found = Vec::new();
        while let Some(record) = reader.next()? {
            found.push(Appended {
                start: record.lsn,
                end: record.end(),
                kind: record.kind,
                payload: record.payload.to_vec(),
                durable: record.durable,
            });
        }
        self.run.count("records read", found.len() as u64);
        Ok(found)
    }

    /// Somebody reads the log that is being written: what is promised has to be there.
    pub(super) fn look(&mut self, parts: &Parts<D>) -> Result<(), Violation> {
        let from = self.model.checkpoint_lsn();
        let injected = self.disk.injected();
        let before = injected.errors;
        match self.try_read(from) {
            Ok(found) => {
                self.run.count("looks", 1);
                let end = found.last().map_or(from, |record| record.end);
                self.run.trace().event(format_args!("look: from {from} to {end}"));
                let excused = injected.lies > 0 || !injected.damage.is_empty();
                let promised = self.model.last_acked_end().unwrap_or(from);
                if end > parts.engine.end() || (end < promised && !excused) {
                    let detail = format!("a reader saw {from} to {end}, promised is {promised}");
                    return Err(Violation::new("a reader sees what was promised", detail));
                }
                Ok(())
            }
            Err(error) => {
                self.run.trace().event(format_args!("look: {error}"));
                let injected = self.disk.injected();
                let excused = injected.errors > before || !injected.damage.is_empty();
                let retired = error.kind() == ErrorKind::Retired && self.model.is_checkpoint_open();
                if excused || retired || self.disk.is_stopped() || injected.lies > 0 {
                    return Ok(());
                }
                Err(Violation::new("a reader sees what was promised", error.to_string()))
            }
        }
    }

    fn check_closed(&self, tail: &Tail) -> Result<(), Violation> {
        if self.closed && !matches!(tail, Tail::Clean { .. }) {
            let detail = format!("it was found {tail:?}");
            return Err(Violation::new(invariant::CLOSED_IS_CLEAN, detail));
        }
        Ok(())
    }
}

fn name_of(tail: &Tail) -> &'static str {
    match tail {
        Tail::Clean { .. } => "tails clean",
        Tail::Unwitnessed { .. } => "tails unwitnessed",
        Tail::Torn { .. } => "tails torn",
        Tail::Corrupt { .. } => "tails corrupt",
    }
}
