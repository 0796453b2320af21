//! The header of a segment.

use core::fmt;

use crate::encode::EncodeError;
use crate::lsn::{Epoch, Lsn};
use crate::record::{ALIGN_BYTES, u32_at, u64_at};
use crate::salt::unsalted;

/// What the header itself takes up; records may begin further on, see [`Segment::records_at`].
pub const SEGMENT_HEADER_SIZE_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"\x89TNWAL\r\n";
const VERSION: u32 = 1;

/// What a segment's header says. The header is to be written and synced before the first record:
/// then a damaged header is never the trace of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which log the segment belongs to; the same in all of a log's segments.
    pub log_id: u64,
    /// Part of every record's mark and checksums, and different each time that the file is used for
    /// a segment: what an earlier use left behind cannot pass for records of this one. Random where
    /// there is randomness; a counter will do.
    pub salt: u64,
    /// Where the first record begins, which is where the segment before this one ends.
    pub first: Lsn,
    /// Up to where the log was durable when the segment was begun; at most `first`.
    pub durable: Lsn,
    /// Which opening of the log began it.
    pub epoch: Epoch,
    /// Where in the file the first record stands: a multiple of 8, 64 at least. A disk's block
    /// (4,096) keeps the writing of records off the header's block.
    pub records_at: u32,
}

impl Default for Segment {
    /// The first segment of a new log, with records right behind the header. The log's id and the
    /// salt are 0: set them.
    fn default() -> Self {
        Self {
            log_id: 0,
            salt: 0,
            first: Lsn::ZERO,
            durable: Lsn::ZERO,
            epoch: Epoch::default(),
            records_at: SEGMENT_HEADER_SIZE_BYTES as u32,
        }
    }
}

impl Segment {
    /// Writes the header, and zeros up to the first record, at the beginning of `out`; returns the
    /// first record's place, [`records_at`](Self::records_at).
    ///
    /// # Errors
    /// If `out` is too small; it is then as before.
    ///
    /// # Panics
    /// If `records_at` is no multiple of 8 or below 64, or `durable` is beyond `first`.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        assert!(is_records_at(self.records_at), "records_at is a multiple of 8, 64 at least");
        assert!(self.durable <= self.first, "nothing is durable before it is written");
        let needed_bytes = self.records_at as usize;
        let out = out.get_mut(..needed_bytes).ok_or(EncodeError::Short { needed_bytes })?;
        out.fill(0);
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.records_at.to_le_bytes());
        out[16..24].copy_from_slice(&self.log_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.salt.to_le_bytes());
        out[32..40].copy_from_slice(&self.first.get().to_le_bytes());
        out[40..48].copy_from_slice(&self.durable.get().to_le_bytes());
        out[48..52].copy_from_slice(&self.epoch.0.to_le_bytes());
        let checksum = unsalted(&out[..60]);
        out[60..64].copy_from_slice(&checksum.to_le_bytes());
        Ok(needed_bytes)
    }

    /// Reads the header at the beginning of `bytes`.
    ///
    /// # Errors
    /// If it is none, or of another version, or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, SegmentError> {
        let bytes: &[u8; SEGMENT_HEADER_SIZE_BYTES] =
            bytes.first_chunk().ok_or(SegmentError::Short)?;
        if *bytes == [0; SEGMENT_HEADER_SIZE_BYTES] {
            return Err(SegmentError::Unwritten);
        }
        if bytes[..8] != MAGIC {
            return Err(SegmentError::Magic);
        }
        if unsalted(&bytes[..60]) != u32_at(bytes, 60) {
            return Err(SegmentError::Checksum);
        }
        match u32_at(bytes, 8) {
            VERSION => {}
            version => return Err(SegmentError::Version(version)),
        }
        let (first, durable) = (Lsn::new(u64_at(bytes, 32)), Lsn::new(u64_at(bytes, 40)));
        let (Some(first), Some(durable)) = (first, durable) else {
            return Err(SegmentError::Meaning);
        };
        let records_at = u32_at(bytes, 12);
        if durable > first || !is_records_at(records_at) || bytes[52..60] != [0; 8] {
            return Err(SegmentError::Meaning);
        }
        let (log_id, salt) = (u64_at(bytes, 16), u64_at(bytes, 24));
        let epoch = Epoch(u32_at(bytes, 48));
        Ok(Self { log_id, salt, first, durable, epoch, records_at })
    }

    /// Where in the file the record with this LSN stands; nothing for one before the segment.
    #[must_use]
    pub fn offset_of(&self, lsn: Lsn) -> Option<u64> {
        lsn.checked_sub(self.first)?.checked_add(u64::from(self.records_at))
    }

    /// The LSN of a record at this place in the file; nothing if none can stand there.
    #[must_use]
    pub fn lsn_at(&self, offset: u64) -> Option<Lsn> {
        self.first.checked_add(offset.checked_sub(u64::from(self.records_at))?)
    }
}

fn is_records_at(offset: u32) -> bool {
    offset as usize >= SEGMENT_HEADER_SIZE_BYTES && (offset as usize).is_multiple_of(ALIGN_BYTES)
}

/// Why bytes are no segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentError {
    /// There are fewer than 64 bytes.
    Short,
    /// All 64 bytes are zero: the file was allocated and never begun, or lost its beginning.
    Unwritten,
    /// It does not begin as a segment does.
    Magic,
    /// It is of another version, which this crate does not read.
    Version(u32),
    /// It is damaged.
    Checksum,
    /// The checksum is right, but no writer of this version writes such a thing.
    Meaning,
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(
                f,
                "too short for a segment's header, which has {SEGMENT_HEADER_SIZE_BYTES} bytes"
            ),
            Self::Unwritten => f.write_str("the segment's header was never written"),
            Self::Magic => f.write_str("no segment of a log"),
            Self::Version(version) => {
                write!(f, "a segment of version {version}; this program reads version {VERSION}")
            }
            Self::Checksum => f.write_str("the segment's header is damaged"),
            Self::Meaning => f.write_str("the segment's header makes no sense"),
        }
    }
}

impl core::error::Error for SegmentError {}
