//! The header of a log's segment.

use treenail_wal::{
    EncodeError, Epoch, Lsn, PAYLOAD_SIZE_BYTES_MAX, RECORD_HEADER_SIZE_BYTES,
    SEGMENT_HEADER_SIZE_BYTES, Segment as CoreSegment, SegmentError, record_size_bytes,
};

use crate::boundary::{boundary, failure};
use crate::memory::{bytes, bytes_mut, out, shared};
use crate::status::Status;

/// What a segment's header takes up; records may begin further on.
pub const TN_SEGMENT_HEADER_BYTES: usize = 64;
const _: () = assert!(TN_SEGMENT_HEADER_BYTES == SEGMENT_HEADER_SIZE_BYTES);

/// What stands before a record's payload.
pub const TN_RECORD_HEADER_BYTES: usize = 32;
const _: () = assert!(TN_RECORD_HEADER_BYTES == RECORD_HEADER_SIZE_BYTES);

/// The longest payload of a record: 1 GiB.
pub const TN_RECORD_PAYLOAD_BYTES_MAX: usize = 1073741824;
const _: () = assert!(TN_RECORD_PAYLOAD_BYTES_MAX == PAYLOAD_SIZE_BYTES_MAX);

/// What a segment's header says. The header is to be written and synced before the first record:
/// then a damaged one is never the trace of a crash.
///
/// An LSN is a position in the log, in bytes, counted over all segments without their headers;
/// always a multiple of 8.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Segment {
    /// Which log the segment belongs to; the same in all of a log's segments.
    pub log_id: u64,
    /// Part of every record, and different each time that the file is used for a segment: what an
    /// earlier use left behind cannot pass for records of this one.
    pub salt: u64,
    /// The LSN of the first record, which is where the segment before this one ends.
    pub first: u64,
    /// Up to which LSN the log was durable when the segment was begun; at most `first`.
    pub durable: u64,
    /// Which opening of the log began it; each takes a higher number.
    pub epoch: u32,
    /// Where in the file the first record stands: a multiple of 8, 64 at least.
    pub records_at: u32,
}

impl Segment {
    pub(super) fn to_core(self) -> Result<CoreSegment, Status> {
        let (first, durable) = (lsn(self.first)?, lsn(self.durable)?);
        let records_at = self.records_at as usize;
        if durable > first
            || records_at < SEGMENT_HEADER_SIZE_BYTES
            || !records_at.is_multiple_of(treenail_wal::ALIGN_BYTES)
        {
            return Err(Status::TnErrorArgument);
        }
        let (log_id, salt, epoch) = (self.log_id, self.salt, Epoch(self.epoch));
        Ok(CoreSegment { log_id, salt, first, durable, epoch, records_at: self.records_at })
    }
}

/// Writes a segment's header to `data`, with zeros up to the first record, and where the latter
/// goes (`records_at`) to `*written`.
///
/// `TN_ERROR_SHORT` when there is no room; `TN_ERROR_ARGUMENT` for LSNs that are no multiples of 8,
/// a `durable` beyond `first`, or a `records_at` that is no multiple of 8 or below 64.
///
/// Threads: any. Nothing is allocated.
///
/// # Safety
/// `segment` points to such, `data` to as many bytes as is said, `written` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_segment_encode(
    segment: *const Segment,
    data: *mut u8,
    data_capacity: usize,
    written: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (segment, written) = unsafe { (shared(segment)?, out(written)?) };
        // SAFETY: the caller's promise.
        let data = unsafe { bytes_mut(data, data_capacity) }?;
        written.write(segment.to_core()?.encode(data).map_err(encode_status)?);
        Ok(())
    })
}

/// Reads the header that `data` begin with. `TN_NONE` when all of it is zero: it was never written.
/// `TN_ERROR_TRUNCATED`, `TN_ERROR_CORRUPT` when it is none or damaged, `TN_ERROR_NEWER`.
///
/// Threads: any. Nothing is allocated unless it fails.
///
/// # Safety
/// `data` points to as many bytes as is said, `segment` to a `tn_segment`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_segment_parse(
    data: *const std::ffi::c_void,
    data_bytes: usize,
    segment: *mut Segment,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (data, segment) = unsafe { (bytes(data, data_bytes)?, out(segment)?) };
        let found = CoreSegment::parse(data).map_err(segment_status)?;
        segment.write(Segment {
            log_id: found.log_id,
            salt: found.salt,
            first: found.first.get(),
            durable: found.durable.get(),
            epoch: found.epoch.0,
            records_at: found.records_at,
        });
        Ok(())
    })
}

/// What a record with so much payload takes up, header and padding included; 0 for more than
/// `TN_RECORD_PAYLOAD_BYTES_MAX`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_record_bytes(payload_bytes: usize) -> usize {
    if payload_bytes > PAYLOAD_SIZE_BYTES_MAX { 0 } else { record_size_bytes(payload_bytes) }
}

pub(super) fn lsn(number: u64) -> Result<Lsn, Status> {
    Lsn::new(number).ok_or(Status::TnErrorArgument)
}

pub(super) fn encode_status(error: EncodeError) -> Status {
    match error {
        EncodeError::Short { .. } => Status::TnErrorShort,
        EncodeError::TooLong | EncodeError::Exhausted => {
            failure(Status::TnErrorLimit, error.to_string(), b"", 0)
        }
    }
}

pub(super) fn segment_status(error: SegmentError) -> Status {
    let status = match error {
        SegmentError::Unwritten => return Status::TnNone,
        SegmentError::Short => Status::TnErrorTruncated,
        SegmentError::Version(_) => Status::TnErrorNewer,
        SegmentError::Magic | SegmentError::Checksum | SegmentError::Meaning => {
            Status::TnErrorCorrupt
        }
    };
    failure(status, error.to_string(), b"", 0)
}
