//! Opening a log for writing: making one, or finding out how the last writer left it and putting
//! that right.

use std::io;
use std::sync::Arc;

use treenail_wal::{Epoch, Lsn, RECORD_HEADER_SIZE_BYTES, Tail};

use crate::checkpoints::{Checkpoints, Newest};
use crate::disk::{Access, Disk, DiskFile};
use crate::engine::{Action, Done, Engine, Resume, segment};
use crate::error::{Error, ErrorKind};
use crate::files::{Files, LOCK, segment_name, touch};
use crate::options::Options;
use crate::scan::{Scan, scan};
use crate::slots::{Slot, Slots};

/// A log that is open for writing, in its parts: what [`Log`](crate::Log) puts threads around. A
/// simulator drives them itself.
pub struct Parts<D: Disk> {
    /// Decides.
    pub engine: Engine,
    /// Performs.
    pub files: Files<D>,
    /// The checkpoint and what it makes unnecessary.
    pub checkpoints: Checkpoints<D::File>,
    /// Keeps other writers out.
    pub lock: D::Lock,
    /// What was found.
    pub recovery: Recovery,
}

/// What was found when a log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// How the log ended. [`Tail::Corrupt`] comes as an error instead.
    pub tail: Tail,
    /// The newest checkpoint.
    pub checkpoint: Checkpoint,
    /// How many records there are from the checkpoint on, witnesses of clean closes included.
    pub records: u64,
    /// Whether there was no log before.
    pub created: bool,
}

/// A place in the log before which nothing is needed any more, with something of the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first LSN that is still needed.
    pub lsn: Lsn,
    /// What the caller gave; empty at first.
    pub content: Vec<u8>,
}

impl Recovery {
    /// Where the next record goes; all before that is durable once the log was opened for writing.
    pub fn end(&self) -> Lsn {
        self.tail.at()
    }

    /// Scans a log and says what opening it for writing would find, without changing anything and
    /// without keeping others from it. While somebody writes, its end may be that of a moment ago.
    ///
    /// # Errors
    /// If there is no log, or it is corrupt, or the system refuses.
    pub fn inspect<D: Disk>(disk: &D) -> Result<Self, Error> {
        let slot = read_slot(disk, Access::Read)?.1;
        match scan(disk, slot.as_ref())? {
            Some(scan) => Ok(report(&scan, slot.as_ref(), false)),
            None => Err(Error::new(ErrorKind::NotALog, disk.path(), "read", "there is none")),
        }
    }
}

/// Opens the log in a directory for writing, or makes one if there is none.
///
/// What the last writer did not commit may be there or not; from now on it is durable, or it is
/// gone. Opening needs no space on the disk. Opened twice is as opened once.
///
/// # Errors
/// - [`ErrorKind::Locked`] if there is another writer.
/// - [`ErrorKind::Corrupt`] if what was durable is damaged. Nothing was changed then.
/// - [`ErrorKind::NotALog`] if a file is of a version that this one does not know.
/// - [`ErrorKind::Invalid`] if the options make no sense.
/// - [`ErrorKind::NoSpace`] if a new log finds no space; [`ErrorKind::Io`] for anything else.
pub fn open<D: Disk>(disk: D, options: &Options) -> Result<Parts<D>, Error> {
    options.check(disk.path())?;
    let failed = |error| Error::io(disk.path(), "lock", error);
    let lock = disk.lock(LOCK).map_err(failed)?;
    let lock = lock.ok_or_else(|| Error::new(ErrorKind::Locked, disk.path(), "open", ""))?;
    let (slots, slot) = read_slot(&disk, Access::Write)?;
    let found = scan(&disk, slot.as_ref())?;
    let failed = {
        let path = disk.path().to_owned();
        move |error| Error::io(&path, "recover", error)
    };
    touch(&disk).map_err(&failed)?;
    let disk = Arc::new(disk);
    let Some(found) = found else { return create(disk, options, lock) };
    let file = repair(&*disk, &found).map_err(&failed)?;
    let last = *found.segments.last().expect("there is one");
    // Also above that of an opening which left nothing but its checkpoint: no two may write.
    let epoch_max = slot.as_ref().map_or(found.epoch_max, |slot| slot.epoch.max(found.epoch_max));
    let epoch = epoch_max.next().ok_or_else(|| {
        Error::new(ErrorKind::Invalid, disk.path(), "open", "it was opened 2^32 times")
    })?;
    let resume = Resume {
        segment: last,
        limit_bytes: found.last_bytes,
        epoch,
        at: found.tail.at(),
        closed: matches!(found.tail, Tail::Clean { .. }),
    };
    let slots = match (slots, &slot) {
        (Some(slots), Some(_)) => slots,
        _ => Slots::create(&*disk).map_err(&failed)?,
    };
    // Names that another process made are seen before they are durable.
    disk.sync_dir().map_err(&failed)?;
    let recovery = report(&found, slot.as_ref(), false);
    let newest = Newest {
        sequence: slot.as_ref().map_or(0, |slot| slot.sequence),
        log_id: last.log_id,
        epoch,
        lsn: recovery.checkpoint.lsn,
    };
    let mut checkpoints = Checkpoints::new(slots, &newest);
    // The checkpoint that was found may be another process's that never got to its sync: written
    // anew before anything is removed on its account. It also witnesses what is durable now.
    checkpoints.confirm(&recovery.checkpoint, recovery.end()).map_err(&failed)?;
    for &first in &found.retired {
        disk.remove(&segment_name(first)).map_err(&failed)?;
    }
    let engine = Engine::new(&resume, options);
    let files = Files::new(disk, options.segment_bytes, Some(file));
    Ok(Parts { engine, files, checkpoints, lock, recovery })
}

/// The files of the two slots, if both are there, and the newest checkpoint in them.
type FoundSlots<F> = (Option<Slots<F>>, Option<Slot>);

fn read_slot<D: Disk>(disk: &D, access: Access) -> Result<FoundSlots<D::File>, Error> {
    match Slots::open(disk, access) {
        Ok((slots, slot)) => Ok((Some(slots), slot)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((None, None)),
        Err(error) => Err(Error::io(disk.path(), "read the checkpoint of", error)),
    }
}

/// Makes an empty log. Its first checkpoint is written last: where there is one, there is a log.
fn create<D: Disk>(disk: Arc<D>, options: &Options, lock: D::Lock) -> Result<Parts<D>, Error> {
    let path = disk.path().to_owned();
    let failed = |error| Error::io(&path, "create", error);
    let first = segment(options.log_id, Lsn::ZERO, Lsn::ZERO, Epoch(1));
    let slots = Slots::create(&*disk).map_err(failed)?;
    let files = Files::new(disk, options.segment_bytes, None);
    for action in [Action::Provide, Action::Begin(first)] {
        match files.perform(action) {
            Done::Provided(result) | Done::Begun(result) => result.map_err(failed)?,
            Done::Written(..) | Done::Synced(_) => unreachable!("neither was asked for"),
        }
    }
    let checkpoint = Checkpoint { lsn: Lsn::ZERO, content: Vec::new() };
    let newest = Newest { sequence: 0, log_id: options.log_id, epoch: first.epoch, lsn: Lsn::ZERO };
    let mut checkpoints = Checkpoints::new(slots, &newest);
    checkpoints.confirm(&checkpoint, Lsn::ZERO).map_err(failed)?;
    let resume = Resume {
        segment: first,
        limit_bytes: options.segment_bytes,
        epoch: first.epoch,
        at: Lsn::ZERO,
        closed: false,
    };
    let tail = Tail::Unwitnessed { at: Lsn::ZERO, durable: Lsn::ZERO };
    let recovery = Recovery { tail, checkpoint, records: 0, created: true };
    let engine = Engine::new(&resume, options);
    Ok(Parts { engine, files, checkpoints, lock, recovery })
}

fn report(scan: &Scan, slot: Option<&Slot>, created: bool) -> Recovery {
    let checkpoint = Checkpoint {
        lsn: slot.map_or(Lsn::ZERO, |slot| slot.lsn),
        content: slot.map_or_else(Vec::new, |slot| slot.content.clone()),
    };
    Recovery { tail: scan.tail, checkpoint, records: scan.records, created }
}

/// Makes durable what the scan found in the last segment, and removes what it did not; returns the
/// segment's file.
///
/// What was read may be in the system's memory alone: if another process's sync failed, the system
/// holds it for written and would not write it on any sync of ours. So it is written again, as far
/// as no witness says that it is durable.
fn repair<D: Disk>(disk: &D, scan: &Scan) -> io::Result<D::File> {
    let segment = scan.segments.last().expect("there is one");
    let file = disk.open(&segment_name(segment.first), Access::Write)?;
    let at = scan.tail.at();
    let index = |lsn: Lsn| usize::try_from(lsn.get() - scan.from.get()).unwrap_or(usize::MAX);
    let keep = index(scan.durable.clamp(scan.from, at));
    let end = index(at);
    let mut fresh = scan.rest[keep..end].to_vec();
    // Zeros over the torn part, so that it is no more torn when it is read again; what is of an
    // earlier use of the file is not worth the writing, but cannot be told apart. And over the
    // place of the next record's header in any case: of a record that was cut off, all may be
    // there but the sector with its LSN, and the next record there has the same LSN. If that
    // sector alone survived the next crash, it would make the old record whole.
    let torn = match scan.tail {
        Tail::Torn { .. } => &scan.rest[end..],
        _ => &scan.rest[end..scan.rest.len().min(end + RECORD_HEADER_SIZE_BYTES)],
    };
    let garbage = torn.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    fresh.resize(fresh.len() + garbage, 0);
    let offset = segment.offset_of(scan.from).expect("it is in the segment") + keep as u64;
    if !fresh.is_empty() {
        file.write_at(&fresh, offset)?;
    }
    file.sync_data()?;
    Ok(file)
}
