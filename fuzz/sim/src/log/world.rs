//! One run: the machine, the log on it, and those who use it.

use std::sync::Arc;
use std::time::Duration;

use treenail_store::disk::Disk as StoreDisk;
use treenail_store::{Action, CheckpointError, Done, Kind, Parts, Refusal};

use super::Dir;
use super::model::{Appended, Model};
use super::profile::Profile;
use crate::disk::{Crash, Disk};
use crate::queue::Queue;
use crate::rng::{Chance, Rng};
use crate::runner::{Run, Violation};
use crate::time::Time;

/// One run of the scenario.
pub(super) struct World<'a, D: StoreDisk> {
    pub(super) run: &'a mut Run,
    pub(super) wrap: &'a dyn Fn(Dir) -> D,
    pub(super) profile: Profile,
    pub(super) disk: Disk,
    pub(super) model: Model,
    pub(super) rng: Rng,
    queue: Queue<Event>,
    now: Time,
    /// The log was closed and nothing was asked of it since.
    pub(super) closed: bool,
    /// Writers whose record was not taken.
    waiting: Vec<u64>,
    /// The disk's errors when what was flushed was last known to be there.
    errors: u64,
}

/// What happens in a life.
#[derive(Debug)]
enum Event {
    /// A writer appends.
    Append(u64),
    /// Commits are no more held back.
    Flush,
    /// An action of one of the two lanes is done.
    Done(Done),
}

/// Why a life is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The machine stopped.
    Stopped,
    /// The log gave up, or its user did, and starts again.
    Left,
    /// There is nothing more to do.
    Finished,
}

impl<'a, D: StoreDisk> World<'a, D> {
    pub(super) fn new(run: &'a mut Run, wrap: &'a dyn Fn(Dir) -> D) -> Self {
        let plan = run.plan().clone();
        let profile = Profile::draw(&mut run.rng("profile"), &plan);
        let rng = run.rng("disk");
        let (settings, faults) = (profile.disk.clone(), profile.faults.clone());
        let disk = Disk::new(settings, faults, rng, run.trace().clone());
        let (rng, queue) = (run.rng("workload"), Queue::new(run.rng("queue")));
        let model = Model::default();
        let (now, closed, waiting, errors) = (Time::ZERO, false, Vec::new(), 0);
        Self { run, wrap, profile, disk, model, rng, queue, now, closed, waiting, errors }
    }

    /// Lives until the workload is over, then checks that the log is in order.
    pub(super) fn live(mut self) -> Result<(), Violation> {
        self.run.trace().event(format_args!("{:?}", self.profile));
        loop {
            let Some(mut parts) = self.open()? else { return Ok(()) };
            let end = self.use_it(&mut parts)?;
            self.model.extend(parts.engine.end());
            self.acknowledge(&parts);
            drop(parts);
            self.queue.retain(|_| false);
            if end == End::Finished {
                return self.check_end();
            }
            self.crash(end);
        }
    }

    /// Stops the machine, or the process alone, and starts it again.
    fn crash(&mut self, end: End) {
        let leaves = end == End::Left && self.rng.coin();
        let is_kill = leaves || self.rng.happens(self.profile.kill);
        let crash = if is_kill { Crash::Process } else { Crash::Power };
        self.run.trace().event(format_args!("-- {end:?}: {crash:?}"));
        self.run.count(if is_kill { "process crashes" } else { "power losses" }, 1);
        self.restart_disk(crash);
    }

    /// Restarts the disk. What was flushed is promised as long as nothing but a process ends.
    pub(super) fn restart_disk(&mut self, crash: Crash) {
        let errors = self.disk.injected().errors;
        if crash == Crash::Power || errors != self.errors {
            self.model.lose_flushed();
        }
        self.errors = errors;
        self.disk.restart(crash);
    }

    /// Lets the machine stop within one of the next calls, if it is to.
    pub(super) fn plan_stop(&mut self) {
        let calls = self.profile.calls_max.map(|most| self.rng.below(most));
        self.disk.stop_after(calls);
    }

    /// Lets writers write until the life is over.
    fn use_it(&mut self, parts: &mut Parts<D>) -> Result<End, Violation> {
        self.waiting.clear();
        for writer in 0..self.profile.writers {
            self.pause_then(Event::Append(writer), self.profile.pause_ns);
        }
        while let Some((now, event)) = self.next_event(parts) {
            self.now = now;
            self.run.trace().set_now(now);
            let end = match event {
                Event::Append(writer) => self.append(parts, writer)?,
                Event::Flush => None,
                Event::Done(done) => {
                    parts.engine.complete(done);
                    self.acknowledge(parts);
                    for writer in std::mem::take(&mut self.waiting) {
                        self.pause_then(Event::Append(writer), self.profile.pause_ns);
                    }
                    None
                }
            };
            let end = end.or_else(|| self.work(parts));
            if let Some(end) = end {
                return Ok(end);
            }
        }
        // Everything came to rest: all that was appended has to be durable.
        if parts.engine.durable() != parts.engine.end() && parts.engine.fault().is_none() {
            let (durable, end) = (parts.engine.durable(), parts.engine.end());
            let detail = format!("at rest, durable is {durable} and the end {end}");
            return Err(Violation::new("what is appended gets committed", detail));
        }
        Ok(End::Finished)
    }

    /// What happens next. When all is at rest, what was only flushed is committed.
    fn next_event(&mut self, parts: &mut Parts<D>) -> Option<(Time, Event)> {
        if self.queue.is_empty()
            && let Some(action) = parts.engine.commit()
        {
            self.perform(parts, action);
        }
        self.queue.pop()
    }

    /// What a writer does in its turn; the end of this life if it is one.
    fn append(&mut self, parts: &mut Parts<D>, writer: u64) -> Result<Option<End>, Violation> {
        if !self.run.step(self.profile.steps) {
            return Ok(None);
        }
        if self.rng.happens(self.profile.close) {
            return Ok(Some(self.close(parts)));
        }
        if self.rng.happens(self.profile.checkpoint) {
            self.pause_then(Event::Append(writer), self.profile.pause_ns);
            return Ok(self.checkpoint(parts));
        }
        if self.rng.happens(self.profile.look) {
            self.pause_then(Event::Append(writer), self.profile.pause_ns);
            return self.look(parts).map(|()| None);
        }
        let kind = Kind::new(1 + self.rng.below(5) as u16).unwrap_or(Kind::MAX);
        let payload = self.payload(parts.engine.payload_bytes_max());
        let durable = parts.engine.durable();
        match parts.engine.append(kind, &payload) {
            Ok(end) => {
                let size = treenail_wal::record_size_bytes(payload.len()) as u64;
                let start = treenail_wal::Lsn::new(end.get() - size).unwrap_or_default();
                let bytes = payload.len();
                self.run.trace().event(format_args!("append {start}..{end}: {bytes} bytes"));
                self.run.count("records appended", 1);
                self.model.append(Appended { start, end, kind, payload, durable });
                let linger = Duration::from_nanos(self.rng.below(self.profile.linger_ns + 1));
                self.queue.push(self.now + linger, Event::Flush);
                self.pause_then(Event::Append(writer), self.profile.pause_ns);
                Ok(None)
            }
            Err(refusal) => {
                self.waiting.push(writer);
                self.refused(parts, &refusal)
            }
        }
    }

    /// A record was not taken: what a writer does about it.
    fn refused(
        &mut self,
        parts: &mut Parts<D>,
        refusal: &Refusal,
    ) -> Result<Option<End>, Violation> {
        self.run.trace().event(format_args!("append: {refusal:?}"));
        match refusal {
            Refusal::NoSpare => {
                // It was tried once for this record; when that was in vain, old segments must go.
                self.run.count("waits for a segment", 1);
                self.provide(parts);
                if self.rng.coin() { Ok(self.checkpoint(parts)) } else { Ok(None) }
            }
            Refusal::Pending => Ok(None),
            Refusal::Poisoned(_) => Ok(Some(End::Left)),
            Refusal::TooLarge { .. } | Refusal::Kind | Refusal::Exhausted => {
                Err(Violation::new("a record as it should be is taken", format!("{refusal:?}")))
            }
        }
    }

    /// Hands work to the disk as long as there is some.
    fn work(&mut self, parts: &mut Parts<D>) -> Option<End> {
        if parts.engine.fault().is_some() {
            self.run.count("logs poisoned", 1);
            return Some(if self.disk.is_stopped() { End::Stopped } else { End::Left });
        }
        if parts.engine.wants_spare() {
            self.provide(parts);
        }
        let action = match self.rng.happens(self.profile.flush) {
            true => parts.engine.flush(),
            false => parts.engine.commit(),
        };
        if let Some(action) = action {
            self.perform(parts, action);
        }
        self.disk.is_stopped().then_some(End::Stopped)
    }

    fn provide(&mut self, parts: &mut Parts<D>) {
        if let Some(action) = parts.engine.provide() {
            self.perform(parts, action);
        }
    }

    /// Performs an action now, and reports it done when the disk's time is over.
    fn perform(&mut self, parts: &Parts<D>, action: Action) {
        self.disk.take_elapsed();
        let done = parts.files.perform(action);
        let at = self.now + self.disk.take_elapsed();
        self.queue.push(at, Event::Done(done));
    }

    /// What the engine says is durable is a promise; what it says is written is a smaller one.
    fn acknowledge(&mut self, parts: &Parts<D>) {
        self.model.flush(parts.engine.written());
        let durable = parts.engine.durable();
        if durable > self.model.acked() {
            self.run.trace().event(format_args!("durable up to {durable}"));
            self.run.count("acknowledgements", 1);
            self.model.acknowledge(durable);
        }
    }

    /// Writes a checkpoint at some place that is durable.
    fn checkpoint(&mut self, parts: &mut Parts<D>) -> Option<End> {
        let durable = parts.engine.durable();
        let mut places = self.model.boundaries();
        places.extend([self.model.checkpoint_lsn(), durable, durable]);
        let lsn = *self.rng.pick(&places);
        let mut content = vec![0; self.rng.below(200) as usize];
        self.rng.fill(&mut content);
        self.run.trace().event(format_args!("checkpoint {lsn}: {} bytes", content.len()));
        self.model.attempt((lsn, content.clone()));
        match parts.checkpoints.write(&parts.files, lsn, durable, &content) {
            Ok(()) => {
                self.run.count("checkpoints", 1);
                self.model.settle_checkpoint();
            }
            Err(CheckpointError::Refused(error)) => {
                self.run.trace().event(format_args!("checkpoint: {error}"));
            }
            Err(CheckpointError::Poisons(fault)) => parts.engine.poison(fault),
        }
        self.disk.is_stopped().then_some(End::Stopped)
    }

    /// Closes the log as a program does that ends: all is committed, then the witness.
    fn close(&mut self, parts: &mut Parts<D>) -> End {
        self.run.trace().event(format_args!("close"));
        self.queue.retain(|event| matches!(event, Event::Done(_)));
        self.finish(parts);
        parts.engine.close();
        self.model.extend(parts.engine.end());
        self.finish(parts);
        let engine = &parts.engine;
        let is_whole = engine.fault().is_none() && engine.durable() == engine.end();
        if self.disk.is_stopped() {
            return End::Stopped;
        }
        // Where the witness did not fit, the log is merely not closed; where a checkpoint was
        // written behind it, nobody reads it.
        let end = parts.engine.end();
        let has_witness = self.model.last_end().is_some_and(|last| last < end);
        self.closed = is_whole && has_witness && self.model.checkpoint_lsn() < end;
        self.run.count("clean closes", u64::from(self.closed));
        End::Left
    }

    /// Performs what is under way and what is left to commit.
    fn finish(&mut self, parts: &mut Parts<D>) {
        loop {
            while let Some((now, event)) = self.queue.pop() {
                self.now = now;
                if let Event::Done(done) = event {
                    parts.engine.complete(done);
                    self.acknowledge(parts);
                }
            }
            match parts.engine.commit() {
                Some(action) => self.perform(parts, action),
                None => return,
            }
        }
    }

    fn payload(&mut self, most: usize) -> Vec<u8> {
        let len = match self.rng.happens(self.profile.huge) {
            true => most,
            false => most.min(self.rng.below(self.profile.payload_bytes + 1) as usize),
        };
        let mut payload = vec![0; len];
        // Zeros look like space that was never written.
        if !self.rng.happens(Chance::percent(10)) {
            self.rng.fill(&mut payload);
        }
        payload
    }

    fn pause_then(&mut self, event: Event, pause_ns: u64) {
        let pause = Duration::from_nanos(self.rng.below(pause_ns + 1));
        self.queue.push(self.now + pause, event);
    }

    pub(super) fn dir(&self) -> Arc<D> {
        Arc::new((self.wrap)(Dir::new(self.disk.clone())))
    }
}
