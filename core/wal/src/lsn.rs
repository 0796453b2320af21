//! What is counted: positions in the log, openings of it, and sorts of records.

use core::fmt;

use crate::record::ALIGN_BYTES;

/// A log sequence number: a position in the log, in bytes, always a multiple of 8.
///
/// The log is one endless row of records, numbered from the first byte ever written; segments cut
/// it into files, whose headers do not count. A record's LSN is where its first byte stands, and
/// the next record's is the same plus the record's size. As an end, an LSN excludes what begins
/// there: "durable up to `n`" speaks of all that begins before `n`.
///
/// So the place of a record follows from its LSN and its segment's header alone, a checkpoint is
/// one number, a segment can go once the checkpoint is not below the next segment's first LSN, and
/// a record that stands where it does not belong cannot pass for one that does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(u64);

impl Lsn {
    /// The beginning of every log, and a claim of durability that says nothing.
    pub const ZERO: Self = Self(0);

    /// The position, unless it is no multiple of 8.
    #[must_use]
    pub const fn new(bytes: u64) -> Option<Self> {
        if bytes.is_multiple_of(ALIGN_BYTES as u64) { Some(Self(bytes)) } else { None }
    }

    /// The position in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position so many bytes further on, unless that is no multiple of 8 or over the end of
    /// numbers.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// How many bytes this position is behind `earlier`; nothing if it is before it.
    #[must_use]
    pub const fn checked_sub(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which opening of the log wrote a record: each opening for writing takes a higher number.
///
/// Epochs never decrease along the log. When a torn tail has been cut and written over, what the
/// earlier opening left further on still has a good checksum, but too low an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch of the next opening; nothing when 2^32 openings are used up.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(epoch) => Some(Self(epoch)),
            None => None,
        }
    }
}

/// What sort of record it is: 1 to 32,767 are the caller's to give meaning to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u16);

impl Kind {
    /// A record without payload that is there to say up to where the log is durable.
    pub const WITNESS: Self = Self(0x8000);

    /// The highest of the caller's kinds.
    pub const MAX: Self = Self(0x7fff);

    /// One of the caller's kinds; nothing for 0, which is what unwritten space holds, and above
    /// 32,767.
    #[must_use]
    pub const fn new(kind: u16) -> Option<Self> {
        if kind == 0 || kind > Self::MAX.0 { None } else { Some(Self(kind)) }
    }

    /// The number as it stands in the record.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The kind that this number in a record means, the format's own included.
    pub(crate) const fn parse(number: u16) -> Option<Self> {
        if number == Self::WITNESS.0 { Some(Self::WITNESS) } else { Self::new(number) }
    }
}
