//! How a log ends.

use crate::lsn::Lsn;

/// How a log, or a segment of it, ends. All records before `at` have been returned; none after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// The last record is the witness of a clean close, or the records go up to the very place
    /// where the next segment takes over. Nothing is missing that was promised. That nobody opened
    /// the log after it was closed, this does not say: a writer that must leave a trace of every
    /// opening syncs a record before it does anything else.
    Clean {
        /// Where the next record would begin.
        at: Lsn,
    },
    /// The records end, and nothing shows that another was begun; nor did anybody close the log.
    /// What was not known to be durable may be missing, and nobody had been promised it. Go on
    /// writing at `at`.
    Unwitnessed {
        /// Where the next record would begin.
        at: Lsn,
        /// The highest LSN up to which the log is known to have been durable; at most `at`.
        durable: Lsn,
    },
    /// A record was begun at `at` or after it and is not whole, as a crash leaves it. What was
    /// known to be durable is all there. Go on writing at `at`.
    Torn {
        /// The first byte that is no whole record.
        at: Lsn,
        /// The highest LSN up to which the log is known to have been durable; at most `at`.
        durable: Lsn,
        /// What is wrong at `at`.
        damage: Damage,
    },
    /// What was known to be durable is not there any more. To go on writing would lose it.
    Corrupt {
        /// The first byte that is no whole record.
        at: Lsn,
        /// Up to where the log was durable at least; beyond `at`.
        durable: Lsn,
        /// What is wrong at `at`.
        damage: Damage,
    },
}

impl Tail {
    /// Where the whole records end.
    #[must_use]
    pub fn at(&self) -> Lsn {
        match *self {
            Self::Clean { at }
            | Self::Unwitnessed { at, .. }
            | Self::Torn { at, .. }
            | Self::Corrupt { at, .. } => at,
        }
    }
}

/// Why there is no whole record at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The bytes end, in the middle of a record or where one should begin.
    Cut,
    /// What stands there is not the beginning of the record that belongs there: zeros, or what an
    /// earlier use of the file left.
    Absent,
    /// The record was written by an earlier opening of the log, before its tail was cut.
    Stale,
    /// The header was begun and its checksum does not hold.
    Header,
    /// The header is whole, but no writer of this version writes such a thing.
    Meaning,
    /// The record would go beyond the place where the next segment takes over.
    Overrun,
    /// The header is whole; the payload's checksum does not hold.
    Body,
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Cut => "the bytes end within a record",
            Self::Absent => "no record was begun here",
            Self::Stale => "a record of an earlier opening, behind a tail that was cut",
            Self::Header => "the record's header is damaged",
            Self::Meaning => "the record's header makes no sense",
            Self::Overrun => "the record goes beyond the next segment's beginning",
            Self::Body => "the record's payload is damaged",
        })
    }
}
