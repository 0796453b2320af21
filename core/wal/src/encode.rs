//! Framing records into the caller's buffer.

use core::fmt;

use crate::lsn::{Epoch, Kind, Lsn};
use crate::record::{
    ALIGN_BYTES, Header, PAYLOAD_SIZE_BYTES_MAX, RECORD_HEADER_SIZE_BYTES, record_size_bytes,
};
use crate::salt::Salt;
use crate::segment::Segment;

/// Frames the records of one segment, one behind the other.
///
/// Several [`encode`](Self::encode) calls into one buffer make a group that one write takes to the
/// disk. After the sync, tell the encoder with [`set_durable`](Self::set_durable), so that the
/// records to come pass it on.
#[derive(Clone, Debug)]
pub struct Encoder {
    salt: Salt,
    epoch: Epoch,
    next: Lsn,
    durable: Lsn,
}

impl Encoder {
    /// Begins a fresh segment.
    #[must_use]
    pub fn new(segment: &Segment) -> Self {
        Self {
            salt: Salt::new(segment.salt),
            epoch: segment.epoch,
            next: segment.first,
            durable: segment.durable,
        }
    }

    /// Goes on in a segment that was scanned: at the end that the scan found, in an epoch above
    /// all that it saw ([`Scanner::epoch_max`](crate::Scanner::epoch_max)). Whoever resumes must
    /// have
    /// - synced what the scan returned, lest a record that was read today be gone tomorrow;
    /// - written zeros over everything behind its end, and synced them. A crash can leave a record
    ///   there that lacks nothing but the sector with its LSN. The next record in its place has the
    ///   same LSN, and were that sector of it alone to survive the next crash, it would make the
    ///   old record whole; nor did the scan see such a record's epoch.
    ///
    /// # Panics
    /// If `next` is before the segment, or the epoch is below the segment's.
    #[must_use]
    pub fn resume(segment: &Segment, epoch: Epoch, next: Lsn) -> Self {
        assert!(next >= segment.first, "the segment begins at {}, {next} is before", segment.first);
        assert!(epoch >= segment.epoch, "epochs do not decrease");
        Self { epoch, next, ..Self::new(segment) }
    }

    /// Where the next record will begin.
    #[must_use]
    pub fn next(&self) -> Lsn {
        self.next
    }

    /// Up to where the log is known to be durable.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// All before `durable` has been synced. What is lower than an earlier call's is ignored, so
    /// syncs may be reported in any order.
    ///
    /// # Panics
    /// If `durable` is beyond [`next`](Self::next): what was not framed cannot be durable.
    pub fn set_durable(&mut self, durable: Lsn) {
        assert!(durable <= self.next, "durable up to {durable}, but framed up to {}", self.next);
        self.durable = self.durable.max(durable);
    }

    /// Frames a record at the beginning of `out` and returns its size. `out` may be longer.
    ///
    /// # Errors
    /// If `out` is too small, the payload too long, or the log at the end of its numbers; the
    /// encoder is then as before, and so is `out`.
    pub fn encode(
        &mut self,
        out: &mut [u8],
        kind: Kind,
        payload: &[u8],
    ) -> Result<usize, EncodeError> {
        let next = self.next_after(kind, payload.len())?;
        let size_bytes = self.place(kind, payload.len()).write(out, payload)?;
        self.next = next;
        Ok(size_bytes)
    }

    /// Frames a witness: a record without payload that says up to where the log is durable. After
    /// a sync of all that was framed, this is what a clean close writes, and syncs, last.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    pub fn witness(&mut self, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.encode(out, Kind::WITNESS, &[])
    }

    /// Gives a record its place, for the caller to frame later, or on another thread, or around a
    /// payload that is already where it should be. Its bytes must reach the log in that place.
    ///
    /// # Errors
    /// If the payload is too long, or the log at the end of its numbers.
    pub fn stamp(&mut self, kind: Kind, payload_size_bytes: usize) -> Result<Stamp, EncodeError> {
        let next = self.next_after(kind, payload_size_bytes)?;
        let stamp = self.place(kind, payload_size_bytes);
        self.next = next;
        Ok(stamp)
    }

    /// Where the record behind this one would begin.
    fn next_after(&self, kind: Kind, payload_size_bytes: usize) -> Result<Lsn, EncodeError> {
        let witness_is_empty = kind != Kind::WITNESS || payload_size_bytes == 0;
        if payload_size_bytes > PAYLOAD_SIZE_BYTES_MAX || !witness_is_empty {
            return Err(EncodeError::TooLong);
        }
        let size_bytes = record_size_bytes(payload_size_bytes) as u64;
        self.next.checked_add(size_bytes).ok_or(EncodeError::Exhausted)
    }

    fn place(&self, kind: Kind, payload_size_bytes: usize) -> Stamp {
        let (lsn, durable, epoch) = (self.next, self.durable, self.epoch);
        let header = Header { lsn, durable, epoch, kind, payload_size_bytes };
        Stamp { salt: self.salt.clone(), header }
    }
}

/// A record's place in the log and what its header will say.
#[derive(Clone, Debug)]
pub struct Stamp {
    salt: Salt,
    header: Header,
}

impl Stamp {
    /// Where the record begins.
    #[must_use]
    pub fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// What the record takes up.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.header.record_size_bytes()
    }

    /// Frames the record at the beginning of `out` and returns its size.
    ///
    /// # Errors
    /// If `out` is too small; it is then as before.
    ///
    /// # Panics
    /// If the payload has not the length that the stamp was made for.
    pub fn write(&self, out: &mut [u8], payload: &[u8]) -> Result<usize, EncodeError> {
        assert_eq!(payload.len(), self.header.payload_size_bytes, "the stamp's length");
        let record = self.record(out)?;
        let (header, body) = record.split_at_mut(RECORD_HEADER_SIZE_BYTES);
        let (whole, rest) = payload.split_at(payload.len() - payload.len() % ALIGN_BYTES);
        let last = padded_last_word(payload, rest.len());
        // Of the payload where it comes from: what was just written is not in the cache yet.
        let checksum = match rest {
            [] => self.salt.body(whole, &[]),
            _ => self.salt.body(whole, &last),
        };
        header.copy_from_slice(&self.header.encode(&self.salt, checksum));
        let (into, into_last) = body.split_at_mut(whole.len());
        into.copy_from_slice(whole);
        if let Some(into_last) = into_last.first_chunk_mut() {
            *into_last = last;
        }
        Ok(record.len())
    }

    /// Frames the record around its payload, which is already in `out`, from byte
    /// [`RECORD_HEADER_SIZE_BYTES`] on, and returns the record's size.
    ///
    /// # Errors
    /// If `out` is too small; it is then as before.
    pub fn seal(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let record = self.record(out)?;
        let (header, body) = record.split_at_mut(RECORD_HEADER_SIZE_BYTES);
        body[self.header.payload_size_bytes..].fill(0);
        let checksum = self.salt.body(body, &[]);
        header.copy_from_slice(&self.header.encode(&self.salt, checksum));
        Ok(record.len())
    }

    /// As much of `out` as the record takes up.
    fn record<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], EncodeError> {
        let needed_bytes = self.size_bytes();
        out.get_mut(..needed_bytes).ok_or(EncodeError::Short { needed_bytes })
    }
}

/// The last bytes of a payload, as many as do not fill a word, and the padding that fills it.
fn padded_last_word(payload: &[u8], rest_size_bytes: usize) -> [u8; ALIGN_BYTES] {
    if rest_size_bytes == 0 {
        return [0; ALIGN_BYTES];
    }
    // A copy of so few bytes would be a call; a load that reaches back is none.
    let word = match payload.last_chunk() {
        Some(word) => u64::from_le_bytes(*word) >> (8 * (ALIGN_BYTES - rest_size_bytes)),
        None => payload.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    word.to_le_bytes()
}

const _: () = assert!(RECORD_HEADER_SIZE_BYTES.is_multiple_of(ALIGN_BYTES));

/// Why a record or a segment's header was not framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The buffer is too small.
    Short {
        /// How long it would have to be.
        needed_bytes: usize,
    },
    /// The payload is longer than [`PAYLOAD_SIZE_BYTES_MAX`], or a witness was given one.
    TooLong,
    /// The LSN would pass 2^64.
    Exhausted,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { needed_bytes } => {
                write!(f, "the buffer is too small: {needed_bytes} bytes are needed")
            }
            Self::TooLong => write!(
                f,
                "the payload is too long: at most {PAYLOAD_SIZE_BYTES_MAX} bytes in a record, \
                 none in a witness; split it"
            ),
            Self::Exhausted => f.write_str("the log has used up its 2^64 bytes of numbers"),
        }
    }
}

impl core::error::Error for EncodeError {}
