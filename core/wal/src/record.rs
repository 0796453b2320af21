//! A record: its bytes, and what they say.

use crate::lsn::{Epoch, Kind, Lsn};
use crate::salt::Salt;

/// Records begin at multiples of this, and so do segments' record areas.
pub const ALIGN_BYTES: usize = 8;

/// What stands before a record's payload.
pub const RECORD_HEADER_SIZE_BYTES: usize = 32;

/// The longest payload: 1 GiB. A length above it is damage.
pub const PAYLOAD_SIZE_BYTES_MAX: usize = 1 << 30;

/// What a record with this much payload takes up: header, payload, and padding to a multiple of 8.
///
/// # Panics
/// If the payload is longer than [`PAYLOAD_SIZE_BYTES_MAX`].
#[must_use]
pub const fn record_size_bytes(payload_size_bytes: usize) -> usize {
    assert!(payload_size_bytes <= PAYLOAD_SIZE_BYTES_MAX, "a payload has at most 1 GiB");
    RECORD_HEADER_SIZE_BYTES + payload_size_bytes.next_multiple_of(ALIGN_BYTES)
}

/// A whole record, found by a scanner; the payload lies in the scanned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where the record begins.
    pub lsn: Lsn,
    /// Up to where the log was durable, as far as its writer knew when it framed the record.
    pub durable: Lsn,
    /// Which opening of the log wrote it.
    pub epoch: Epoch,
    /// What sort of record it is.
    pub kind: Kind,
    /// What the caller had to say.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// Where the next record begins.
    #[must_use]
    pub fn end(&self) -> Lsn {
        let size = record_size_bytes(self.payload.len()) as u64;
        self.lsn.checked_add(size).expect("a record that was found ends within the numbers")
    }

    /// Whether this is the witness of a clean close: all before it is durable.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.kind == Kind::WITNESS && self.durable == self.lsn
    }
}

/// What a record's header says, but for its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) lsn: Lsn,
    pub(crate) durable: Lsn,
    pub(crate) epoch: Epoch,
    pub(crate) kind: Kind,
    /// At most [`PAYLOAD_SIZE_BYTES_MAX`].
    pub(crate) payload_size_bytes: usize,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The checksum says otherwise.
    Checksum,
    /// The checksum is right, but no writer of this version writes such a thing.
    Meaning,
}

/// In a header, for a claim of durability that says nothing.
const GAP_UNKNOWN: u32 = u32::MAX;

impl Header {
    pub(crate) fn encode(&self, salt: &Salt, body: u32) -> [u8; RECORD_HEADER_SIZE_BYTES] {
        debug_assert!(self.durable <= self.lsn, "nothing is durable before it is written");
        let gap = (self.lsn.get() - self.durable.get()) / ALIGN_BYTES as u64;
        let gap = u32::try_from(gap).unwrap_or(GAP_UNKNOWN);
        // Whole words, since what is stored in pieces is slow to be loaded as one.
        let mut words = [
            salt.mark(self.lsn),
            self.payload_size_bytes as u64 | u64::from(gap) << 32,
            u64::from(self.epoch.0) | u64::from(self.kind.get()) << 32,
            u64::from(body),
        ];
        let header = salt.header(&to_bytes(words)[..28]);
        words[3] |= u64::from(header) << 32;
        to_bytes(words)
    }

    /// The header and the checksum of the body, which is still to be checked.
    #[inline]
    pub(crate) fn parse(
        bytes: &[u8; RECORD_HEADER_SIZE_BYTES],
        salt: &Salt,
    ) -> Result<(Self, u32), Fault> {
        if salt.header(&bytes[..28]) != u32_at(bytes, 28) {
            return Err(Fault::Checksum);
        }
        let meaning = || {
            let lsn = salt.lsn(u64_at(bytes, 0))?;
            let durable = match u32_at(bytes, 12) {
                GAP_UNKNOWN => Lsn::ZERO,
                gap => Lsn::new(lsn.get().checked_sub(u64::from(gap) * ALIGN_BYTES as u64)?)?,
            };
            let payload_size_bytes = usize::try_from(u32_at(bytes, 8)).ok()?;
            let kind = Kind::parse(u16::from_le_bytes([bytes[20], bytes[21]]))?;
            let fits = payload_size_bytes <= PAYLOAD_SIZE_BYTES_MAX;
            let witness_is_empty = kind != Kind::WITNESS || payload_size_bytes == 0;
            let reserved = [bytes[22], bytes[23]];
            let header =
                Self { lsn, durable, epoch: Epoch(u32_at(bytes, 16)), kind, payload_size_bytes };
            (fits && witness_is_empty && reserved == [0; 2]).then_some(header)
        };
        Ok((meaning().ok_or(Fault::Meaning)?, u32_at(bytes, 24)))
    }

    pub(crate) fn record_size_bytes(&self) -> usize {
        record_size_bytes(self.payload_size_bytes)
    }
}

fn to_bytes(words: [u64; 4]) -> [u8; RECORD_HEADER_SIZE_BYTES] {
    let mut bytes = [0; RECORD_HEADER_SIZE_BYTES];
    for (into, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *into = word.to_le_bytes();
    }
    bytes
}

/// The number at `offset`, which the caller knows to be within the bytes.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(core::array::from_fn(|i| bytes[offset + i]))
}

/// The number at `offset`, which the caller knows to be within the bytes.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(core::array::from_fn(|i| bytes[offset + i]))
}
