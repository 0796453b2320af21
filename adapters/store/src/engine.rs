//! What the log does next: appending, group commit and turning to the next segment, as a state
//! machine without threads, clocks or I/O.
//!
//! [`Engine::append`] frames records into memory. Two lanes of work then bring them to the disk,
//! each with at most one [`Action`] under way: [`Engine::commit`] hands out the writing and syncing
//! of what was appended, and [`Engine::flush`] its writing alone; [`Engine::provide`] asks for the
//! file of a segment to come. Whoever performs an action
//! ([`Files::perform`](crate::Files::perform)) tells the engine with [`Engine::complete`]. Records
//! may be appended meanwhile; they wait for the next write.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use treenail_hash::xxh3::xxh3_64;
use treenail_wal::{Encoder, Epoch, Kind, Lsn, Segment, record_size_bytes};

use crate::options::Options;

/// Where in a segment its records begin: behind the header's own block.
pub(crate) const RECORDS_AT: u32 = 4096;

/// Kept free at a segment's end for the witness of a clean close.
const WITNESS_BYTES: u64 = record_size_bytes(0) as u64;

/// How many writes of commits may join one sync, lest a busy appender put it off for ever.
const WRITES_MAX: u32 = 4;

/// A written buffer larger than this is given back to the system.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// The state machine of a log that is open for writing.
#[derive(Debug)]
pub struct Engine {
    segment_bytes: u64,
    pending_bytes_max: usize,
    /// The segment that records are appended to; its file may not be begun yet.
    segment: Segment,
    /// Its file's length.
    limit_bytes: u64,
    /// Where in it the next record goes.
    offset: u64,
    epoch: Epoch,
    encoder: Encoder,
    /// What was appended and not yet handed out for writing, one chunk for each segment.
    chunks: VecDeque<Chunk>,
    pending_bytes: usize,
    /// First LSN of the segment whose file is written to.
    begun: Lsn,
    stage: Stage,
    /// Those that commits asked for.
    writes_since_sync: u32,
    durable: Lsn,
    /// The system has what is before this.
    written: Lsn,
    spare: Spare,
    /// Nothing was appended to a log that was cleanly closed.
    closed: bool,
    fault: Option<Arc<Fault>>,
    /// A buffer that was written, for the next chunk.
    buffer: Vec<u8>,
    counts: Counts,
}

/// Records that one write takes to the disk.
#[derive(Debug)]
struct Chunk {
    segment: Segment,
    offset: u64,
    bytes: Vec<u8>,
    end: Lsn,
}

/// Where the commit lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// Waiting for [`Done::Begun`].
    Beginning(Lsn),
    /// Waiting for [`Done::Written`].
    Writing(Lsn),
    /// What is before this was written; a commit syncs it.
    Written(Lsn),
    /// Waiting for [`Done::Synced`].
    Syncing(Lsn),
}

/// The file of the segment to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spare {
    /// There is none; whether making one has failed since the last segment was begun.
    Absent {
        failed: bool,
    },
    /// Waiting for [`Done::Provided`].
    Coming,
    Ready,
    /// Records were appended that will go there.
    Taken,
}

/// Work for whoever owns the files.
#[derive(Debug)]
pub enum Action {
    /// Provide a spare file, zeroed and with its space taken, for the segment to come.
    Provide,
    /// Turn the spare file into this segment and write to it from now on: header, sync, name,
    /// directory sync. All earlier records are durable.
    Begin(Segment),
    /// Write to the current segment's file.
    Write {
        /// Where in the file, in bytes.
        offset: u64,
        /// What; to be given back.
        bytes: Vec<u8>,
    },
    /// Sync the current segment's file.
    Sync,
}

/// How an [`Action`] ended.
#[derive(Debug)]
pub enum Done {
    /// Of [`Action::Provide`].
    Provided(io::Result<()>),
    /// Of [`Action::Begin`].
    Begun(io::Result<()>),
    /// Of [`Action::Write`], with its buffer.
    Written(io::Result<()>, Vec<u8>),
    /// Of [`Action::Sync`].
    Synced(io::Result<()>),
}

/// Why a record was not appended.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The segment is full and there is no spare file: complete [`Engine::provide`] and try again.
    /// When it fails, that is why the log is full.
    NoSpare,
    /// Too much waits to be written: perform [`Engine::commit`] and try again.
    Pending,
    /// It does not fit into a segment; what would, in bytes.
    TooLarge {
        /// The longest payload.
        payload_bytes_max: usize,
    },
    /// Witnesses are the log's own; see [`Engine::close`].
    Kind,
    /// The log has used up its LSNs.
    Exhausted,
    /// An earlier action failed.
    Poisoned(Arc<Fault>),
}

/// What poisoned a log.
#[derive(Debug)]
pub struct Fault {
    /// What failed.
    pub operation: &'static str,
    /// How.
    pub error: io::Error,
}

/// What was done since the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Records appended.
    pub records: u64,
    /// Writes of records to segments.
    pub writes: u64,
    /// Syncs of records in segments; each is one group commit.
    pub syncs: u64,
    /// Segments begun, which costs two more syncs.
    pub segments: u64,
}

/// Where a recovered log goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume {
    /// The last segment.
    pub(crate) segment: Segment,
    /// Its file's length.
    pub(crate) limit_bytes: u64,
    /// Of this opening.
    pub(crate) epoch: Epoch,
    /// Where the next record goes; all before is durable.
    pub(crate) at: Lsn,
    /// Whether the last record is the witness of a clean close.
    pub(crate) closed: bool,
}

impl Engine {
    pub(crate) fn new(resume: &Resume, options: &Options) -> Self {
        let Resume { segment, limit_bytes, epoch, at, closed } = *resume;
        let mut encoder = Encoder::resume(&segment, epoch, at);
        encoder.set_durable(at);
        Self {
            segment_bytes: options.segment_bytes,
            pending_bytes_max: options.pending_bytes_max,
            segment,
            limit_bytes,
            epoch,
            offset: segment.offset_of(at).expect("the log ends in its last segment"),
            encoder,
            chunks: VecDeque::new(),
            pending_bytes: 0,
            begun: segment.first,
            stage: Stage::Idle,
            writes_since_sync: 0,
            durable: at,
            written: at,
            spare: Spare::Absent { failed: false },
            closed,
            fault: None,
            buffer: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Frames a record, and returns its end: it is durable when [`durable`](Self::durable) is not
    /// below that.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing was appended then.
    pub fn append(&mut self, kind: Kind, payload: &[u8]) -> Result<Lsn, Refusal> {
        let payload_bytes_max = self.payload_bytes_max();
        if kind == Kind::WITNESS {
            return Err(Refusal::Kind);
        }
        if payload.len() > payload_bytes_max {
            return Err(Refusal::TooLarge { payload_bytes_max });
        }
        let size_bytes = record_size_bytes(payload.len());
        self.make_room(size_bytes)?;
        let end = self.frame(kind, payload, size_bytes)?;
        self.closed = false;
        self.counts.records += 1;
        Ok(end)
    }

    /// Frames the witness of a clean close, if all is durable, and there is not one already.
    /// Commit it afterwards.
    pub fn close(&mut self) {
        let has_room = self.offset + WITNESS_BYTES <= self.limit_bytes;
        let all_durable = self.durable == self.end() && self.fault.is_none();
        if all_durable && has_room && !self.closed {
            // Only the end of all numbers can prevent it, and then the log is merely not closed.
            self.closed = self.frame(Kind::WITNESS, &[], WITNESS_BYTES as usize).is_ok();
        }
    }

    /// The next piece of work of the commit lane; nothing if there is none, or one is under way,
    /// or the log is poisoned.
    pub fn commit(&mut self) -> Option<Action> {
        if self.fault.is_some() {
            return None;
        }
        match (self.stage, self.chunks.front()) {
            (Stage::Idle, Some(chunk)) if chunk.segment.first != self.begun => {
                // Chunks are written one after the other: all before this one is durable.
                let segment = Segment { durable: chunk.segment.first, ..chunk.segment };
                self.stage = Stage::Beginning(segment.first);
                Some(Action::Begin(segment))
            }
            (Stage::Idle, Some(_)) => {
                self.writes_since_sync += 1;
                self.write()
            }
            // What came while the write was under way need not wait for another sync.
            (Stage::Written(_), Some(chunk))
                if chunk.segment.first == self.begun && self.writes_since_sync < WRITES_MAX =>
            {
                self.writes_since_sync += 1;
                self.write()
            }
            (Stage::Written(end), _) => {
                self.stage = Stage::Syncing(end);
                Some(Action::Sync)
            }
            _ => None,
        }
    }

    /// The next piece of work of the commit lane if only the system is to have what was appended,
    /// see [`written`](Self::written): a write and no sync, unless a segment has to be begun, which
    /// needs all before it to be durable. Nothing if there is none, or one is under way, or the log
    /// is poisoned.
    pub fn flush(&mut self) -> Option<Action> {
        match (self.stage, self.chunks.front()?) {
            (Stage::Idle | Stage::Written(_), chunk)
                if chunk.segment.first == self.begun && self.fault.is_none() =>
            {
                self.write()
            }
            _ => self.commit(),
        }
    }

    /// The work of the other lane: nothing if there is a spare file, or one is coming, or the log
    /// is poisoned. Performing it early, see [`wants_spare`](Self::wants_spare), keeps writers from
    /// waiting.
    pub fn provide(&mut self) -> Option<Action> {
        let Spare::Absent { .. } = self.spare else { return None };
        if self.fault.is_some() {
            return None;
        }
        self.spare = Spare::Coming;
        Some(Action::Provide)
    }

    /// Whether it is time for [`provide`](Self::provide): half of the segment is full. Not again
    /// after a failure, which matters only once the segment is full.
    pub fn wants_spare(&self) -> bool {
        self.spare == Spare::Absent { failed: false } && self.offset >= self.limit_bytes / 2
    }

    /// Tells how an action ended.
    ///
    /// A failed write, sync or beginning poisons the log: nobody knows what the disk holds, and a
    /// second attempt on the same file can succeed without the data being there.
    ///
    /// # Panics
    /// If no such action is under way.
    pub fn complete(&mut self, done: Done) {
        match (done, self.stage) {
            (Done::Provided(result), _) => {
                assert_eq!(self.spare, Spare::Coming, "no spare file was asked for");
                self.spare = match result {
                    Ok(()) => Spare::Ready,
                    Err(_) => Spare::Absent { failed: true },
                };
            }
            (Done::Begun(result), Stage::Beginning(first)) => {
                if self.succeeds(result, "begin a segment of") {
                    self.begun = first;
                    self.spare = Spare::Absent { failed: false };
                    self.counts.segments += 1;
                }
                self.stage = Stage::Idle;
            }
            (Done::Written(result, mut bytes), Stage::Writing(end)) => {
                bytes.clear();
                if bytes.capacity() <= KEPT_BYTES_MAX {
                    self.buffer = bytes;
                }
                self.counts.writes += 1;
                self.stage = Stage::Idle;
                if self.succeeds(result, "write to") {
                    self.stage = Stage::Written(end);
                    self.written = end;
                }
            }
            (Done::Synced(result), Stage::Syncing(end)) => {
                self.counts.syncs += 1;
                self.writes_since_sync = 0;
                if self.succeeds(result, "sync") {
                    self.durable = end;
                    self.encoder.set_durable(end);
                }
                self.stage = Stage::Idle;
            }
            (done, stage) => panic!("{done:?} while {stage:?}"),
        }
    }

    /// All records that end up to here are on the disk.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// The system has all records that end up to here: another process reads them, and they outlive
    /// this one. What of it is not [`durable`](Self::durable) a power failure may take.
    pub fn written(&self) -> Lsn {
        self.written
    }

    /// The end of what was appended.
    pub fn end(&self) -> Lsn {
        self.encoder.next()
    }

    /// The end of what the write or sync under way takes to the disk; the durable end if there is
    /// none.
    pub fn under_way(&self) -> Lsn {
        match self.stage {
            Stage::Idle | Stage::Beginning(_) => self.durable,
            Stage::Writing(end) | Stage::Written(end) | Stage::Syncing(end) => end,
        }
    }

    /// Whether no write waits for its sync: a group has been committed, or none was begun.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// What poisoned the log, if anything did.
    pub fn fault(&self) -> Option<&Arc<Fault>> {
        self.fault.as_ref()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The longest payload that a record may have.
    pub fn payload_bytes_max(&self) -> usize {
        let most = self.segment_bytes - u64::from(RECORDS_AT) - 2 * WITNESS_BYTES;
        usize::try_from(most).unwrap_or(usize::MAX).min(treenail_wal::PAYLOAD_SIZE_BYTES_MAX)
    }

    /// Poisons the log for something that failed beside it: a checkpoint's sync.
    pub fn poison(&mut self, fault: Fault) {
        self.fault.get_or_insert_with(|| Arc::new(fault));
    }

    /// Sees to it that a record of this size fits behind `offset`.
    fn make_room(&mut self, size_bytes: usize) -> Result<(), Refusal> {
        if let Some(fault) = &self.fault {
            return Err(Refusal::Poisoned(fault.clone()));
        }
        if self.pending_bytes > 0 && self.pending_bytes + size_bytes > self.pending_bytes_max {
            return Err(Refusal::Pending);
        }
        if self.offset + size_bytes as u64 + WITNESS_BYTES <= self.limit_bytes {
            return Ok(());
        }
        match self.spare {
            Spare::Ready => {}
            Spare::Taken => return Err(Refusal::Pending),
            Spare::Absent { .. } | Spare::Coming => return Err(Refusal::NoSpare),
        }
        self.spare = Spare::Taken;
        let (first, durable) = (self.end(), self.durable);
        self.segment = segment(self.segment.log_id, first, durable, self.epoch);
        self.encoder = Encoder::new(&self.segment);
        self.offset = u64::from(RECORDS_AT);
        self.limit_bytes = self.segment_bytes;
        Ok(())
    }

    fn frame(&mut self, kind: Kind, payload: &[u8], size_bytes: usize) -> Result<Lsn, Refusal> {
        let fits = self.chunks.back().is_some_and(|last| last.segment.first == self.segment.first);
        if !fits {
            self.chunks.push_back(Chunk {
                segment: self.segment,
                offset: self.offset,
                bytes: std::mem::take(&mut self.buffer),
                end: self.end(),
            });
        }
        let chunk = self.chunks.back_mut().expect("there is one");
        let start = chunk.bytes.len();
        chunk.bytes.resize(start + size_bytes, 0);
        if self.encoder.encode(&mut chunk.bytes[start..], kind, payload).is_err() {
            chunk.bytes.truncate(start);
            return Err(Refusal::Exhausted);
        }
        chunk.end = self.encoder.next();
        self.offset += size_bytes as u64;
        self.pending_bytes += size_bytes;
        Ok(chunk.end)
    }

    fn write(&mut self) -> Option<Action> {
        let Chunk { offset, bytes, end, .. } = self.chunks.pop_front()?;
        self.pending_bytes -= bytes.len();
        self.stage = Stage::Writing(end);
        Some(Action::Write { offset, bytes })
    }

    fn succeeds(&mut self, result: io::Result<()>, operation: &'static str) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                self.poison(Fault { operation, error });
                false
            }
        }
    }
}

/// The header of a segment. Its salt differs from that of every other segment that the file may
/// have been: no two of a log begin at the same place in the same epoch.
pub(crate) fn segment(log_id: u64, first: Lsn, durable: Lsn, epoch: Epoch) -> Segment {
    let mut place = [0; 20];
    place[..8].copy_from_slice(&log_id.to_le_bytes());
    place[8..16].copy_from_slice(&first.get().to_le_bytes());
    place[16..].copy_from_slice(&epoch.0.to_le_bytes());
    Segment { log_id, salt: xxh3_64(&place), first, durable, epoch, records_at: RECORDS_AT }
}
