//! Reading records back, and the verdict on how the log ends.

use std::ffi::c_void;
use std::sync::Arc;

use treenail_wal::{
    Damage as CoreDamage, LogError, LogScanner, Record as CoreRecord, Scanner, Tail as CoreTail,
};

use super::segment::{Segment, lsn, segment_status};
use crate::boundary::{boundary, boundary_or, failure};
use crate::memory::{Slice, bytes, free, give, out, shared, slice, unique};
use crate::status::Status;

/// Reads the records of a segment, or of several that make one log.
pub struct WalScanner(Of);

enum Of {
    One(Scanner<'static>),
    /// The scanner borrows the list beside it; dropped before it, as fields are in their order.
    Log(LogScanner<'static>, #[allow(dead_code, reason = "it is kept, not read")] Segments),
}

type Segments = Arc<[&'static [u8]]>;

/// A whole record.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Record {
    /// Where the record begins.
    pub lsn: u64,
    /// Where the next record begins.
    pub end: u64,
    /// Up to where the log was durable, as far as the record's writer knew.
    pub durable: u64,
    /// What the caller had to say; it lies in the scanned bytes.
    pub payload: Slice,
    /// Which opening of the log wrote it.
    pub epoch: u32,
    /// What sort of record it is; `TN_RECORD_WITNESS` or one of the caller's.
    pub kind: u16,
}

/// How a log ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Verdict {
    /// The log was closed, or goes up to where the next segment takes over. Nothing is missing.
    TnTailClean = 0,
    /// The records end, and nobody closed the log. What nobody had been promised may be missing.
    TnTailUnwitnessed = 1,
    /// A record was begun and is not whole, as a crash leaves it. What was known to be durable is
    /// all there.
    TnTailTorn = 2,
    /// What was known to be durable is not there any more. To go on writing would lose it.
    TnTailCorrupt = 3,
}

/// Why there is no whole record where the log ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Damage {
    /// There is none: the verdict is neither torn nor corrupt.
    TnDamageNone = 0,
    /// The bytes end within a record, or where one should begin.
    TnDamageCut = 1,
    /// What stands there is not the beginning of the record that belongs there.
    TnDamageAbsent = 2,
    /// The record was written by an earlier opening of the log, before its tail was cut.
    TnDamageStale = 3,
    /// The header's checksum does not hold.
    TnDamageHeader = 4,
    /// The header is whole, but no writer of this version writes such a thing.
    TnDamageMeaning = 5,
    /// The record would go beyond the place where the next segment takes over.
    TnDamageOverrun = 6,
    /// The payload's checksum does not hold.
    TnDamageBody = 7,
}

impl From<CoreDamage> for Damage {
    fn from(damage: CoreDamage) -> Self {
        match damage {
            CoreDamage::Cut => Self::TnDamageCut,
            CoreDamage::Absent => Self::TnDamageAbsent,
            CoreDamage::Stale => Self::TnDamageStale,
            CoreDamage::Header => Self::TnDamageHeader,
            CoreDamage::Meaning => Self::TnDamageMeaning,
            CoreDamage::Overrun => Self::TnDamageOverrun,
            CoreDamage::Body => Self::TnDamageBody,
        }
    }
}

/// How a log ends, and where. All records before `at` have been given; none after.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Tail {
    /// Where the whole records end.
    pub at: u64,
    /// Up to where the log is known to have been durable: beyond `at` if it is corrupt.
    pub durable: u64,
    /// How it ends.
    pub verdict: Verdict,
    /// What is wrong at `at`.
    pub damage: Damage,
}

impl From<CoreTail> for Tail {
    fn from(tail: CoreTail) -> Self {
        let (verdict, durable, damage) = match tail {
            CoreTail::Clean { at } => (Verdict::TnTailClean, at, None),
            CoreTail::Unwitnessed { durable, .. } => (Verdict::TnTailUnwitnessed, durable, None),
            CoreTail::Torn { durable, damage, .. } => (Verdict::TnTailTorn, durable, Some(damage)),
            CoreTail::Corrupt { durable, damage, .. } => {
                (Verdict::TnTailCorrupt, durable, Some(damage))
            }
        };
        let damage = damage.map_or(Damage::TnDamageNone, Damage::from);
        Self { at: tail.at().get(), durable: durable.get(), verdict, damage }
    }
}

/// Begins to read a segment from its header on. Errors as `tn_segment_parse`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_scanner_free`; it
/// reads the bytes, which must stay as they are until then.
///
/// # Safety
/// `data` points to as many bytes as is said, until the handle is freed; `scanner` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_new(
    data: *const c_void,
    data_bytes: usize,
    scanner: *mut *mut WalScanner,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (data, scanner) = unsafe { (bytes(data, data_bytes)?, out(scanner)?) };
        give(WalScanner(Of::One(Scanner::new(data).map_err(segment_status)?)), scanner);
        Ok(())
    })
}

/// Begins to read a segment from the record at the LSN `first` on, where `data` begin: after a
/// checkpoint, say. They should go up to the segment's end, or the verdict is about what they are.
/// `TN_ERROR_ARGUMENT` when `first` is before the segment or no multiple of 8.
///
/// Threads and ownership: as `tn_wal_scanner_new`.
///
/// # Safety
/// As `tn_wal_scanner_new`; `segment` points to such.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_new_at(
    segment: *const Segment,
    first: u64,
    data: *const c_void,
    data_bytes: usize,
    scanner: *mut *mut WalScanner,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (segment, data) = unsafe { (shared(segment)?, bytes(data, data_bytes)?) };
        // SAFETY: the caller's promise.
        let scanner = unsafe { out(scanner) }?;
        let (segment, first) = (segment.to_core()?, lsn(first)?);
        if first < segment.first {
            return Err(Status::TnErrorArgument);
        }
        give(WalScanner(Of::One(Scanner::at(&segment, first, data))), scanner);
        Ok(())
    })
}

/// Begins to read several segments of a log, oldest first, as if they were one, from the record at
/// the LSN `from` on. `witnessed` is up to where the log is known from elsewhere to have been
/// durable; 0 if from nowhere.
///
/// `TN_ERROR_CORRUPT` when a header is damaged or the segments do not belong together,
/// `TN_ERROR_MISSING` when no segment holds `from`, `TN_ERROR_ARGUMENT` for LSNs that are no
/// multiples of 8, and errors as `tn_segment_parse`.
///
/// Threads and ownership: as `tn_wal_scanner_new`; the list itself is copied.
///
/// # Safety
/// `segments` points to as many as is said, each to as many bytes as it says, until the handle is
/// freed; `scanner` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_new_log(
    segments: *const Slice,
    count: usize,
    from: u64,
    witnessed: u64,
    scanner: *mut *mut WalScanner,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (given, scanner) = unsafe { (slice(segments, count)?, out(scanner)?) };
        // SAFETY: the caller's promise.
        let list = given.iter().map(|one| unsafe { bytes(one.data, one.len) });
        let list: Segments = list.collect::<Result<Vec<&[u8]>, Status>>()?.into();
        // SAFETY: the list lies behind the counted reference that is kept beside the scanner and is
        // dropped after it; it is not changed.
        let lasting: &'static [&'static [u8]] = unsafe { &*Arc::as_ptr(&list) };
        let log = LogScanner::new(lasting, lsn(from)?, lsn(witnessed)?).map_err(log_status)?;
        give(WalScanner(Of::Log(log, list)), scanner);
        Ok(())
    })
}

/// Adds a witness from elsewhere, such as a checkpoint: the log was durable up to the LSN
/// `durable`. Before the first record is read, and for a single segment: `TN_ERROR_ARGUMENT` for a
/// log, which is told at its beginning.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `scanner` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_witnessed(
    scanner: *mut WalScanner,
    durable: u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let scanner = unsafe { unique(scanner) }?;
        let Of::One(one) = &mut scanner.0 else { return Err(Status::TnErrorArgument) };
        *one = one.clone().witnessed(lsn(durable)?);
        Ok(())
    })
}

/// Writes the next record; `TN_NONE` when there is no whole one any more: ask
/// `tn_wal_scanner_finish` why. Records are in order, and the payload stays as long as the scanned
/// bytes do.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `scanner` is a handle, `record` points to a `tn_record`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_next(
    scanner: *mut WalScanner,
    record: *mut Record,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (scanner, record) = unsafe { (unique(scanner)?, out(record)?) };
        let found = match &mut scanner.0 {
            Of::One(one) => one.next(),
            Of::Log(log, _) => log.next(),
        };
        record.write(lend(&found.ok_or(Status::TnNone)?));
        Ok(())
    })
}

/// Reads what is left, and writes how the log ends.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `scanner` is a handle, `tail` points to a `tn_tail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_finish(
    scanner: *mut WalScanner,
    tail: *mut Tail,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (scanner, tail) = unsafe { (unique(scanner)?, out(tail)?) };
        let found = match &mut scanner.0 {
            Of::One(one) => one.finish(),
            Of::Log(log, _) => log.finish(),
        };
        tail.write(found.into());
        Ok(())
    })
}

/// The highest epoch seen so far; after `tn_wal_scanner_finish`, in all that was scanned. Whoever
/// goes on writing takes a higher one. 0 for null.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `scanner` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_epoch_max(scanner: *const WalScanner) -> u32 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(scanner) }.map_or(0, |scanner| match &scanner.0 {
            Of::One(one) => one.epoch_max().0,
            Of::Log(log, _) => log.epoch_max().0,
        })
    })
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `scanner` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_scanner_free(scanner: *mut WalScanner) {
    // SAFETY: the caller's promise.
    unsafe { free(scanner) }
}

fn lend(record: &CoreRecord<'_>) -> Record {
    Record {
        lsn: record.lsn.get(),
        end: record.end().get(),
        durable: record.durable.get(),
        payload: Slice::lend(record.payload),
        epoch: record.epoch.0,
        kind: record.kind.get(),
    }
}

fn log_status(error: LogError) -> Status {
    match error {
        LogError::Header { error, .. } => match segment_status(error) {
            // In the middle of a log, what was never written is missing.
            Status::TnNone => failure(Status::TnErrorCorrupt, error.to_string(), b"", 0),
            status => failure(status, error.to_string(), b"", 0),
        },
        LogError::Sequence { .. } => failure(Status::TnErrorCorrupt, error.to_string(), b"", 0),
        LogError::Start => failure(Status::TnErrorMissing, error.to_string(), b"", 0),
    }
}
