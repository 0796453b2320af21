//! Reading a log that is cut into segments.

use core::fmt;

use crate::lsn::{Epoch, Lsn};
use crate::record::Record;
use crate::resync::Evidence;
use crate::salt::Salt;
use crate::scan::Scanner;
use crate::segment::{Segment, SegmentError};
use crate::tail::{Damage, Tail};

/// Reads the records of several segments of a log, oldest first, as if they were one.
///
/// Where a segment ends is where the next one begins, whatever its bytes say: a tail that was cut
/// is followed by a segment that takes over at the cut. If records are missing before that, what
/// later segments say about durability decides between [`Tail::Torn`] and [`Tail::Corrupt`], and
/// no record of theirs is returned.
#[derive(Clone, Debug)]
pub struct LogScanner<'a> {
    /// The current segment and those behind it.
    segments: &'a [&'a [u8]],
    scanner: Scanner<'a>,
    witnessed: Lsn,
    epoch_max: Epoch,
    tail: Option<Tail>,
}

impl<'a> LogScanner<'a> {
    /// Reads the log from the record at `from` on, a checkpoint for instance; it must lie within
    /// the segments, or be where they end. `witnessed` is up to where the log is known from
    /// elsewhere to have been durable; [`Lsn::ZERO`] if from nowhere.
    ///
    /// Segments that end before `from` are not looked at but for their headers.
    ///
    /// # Errors
    /// If a header is damaged, or the headers do not belong together, or `from` is before the
    /// first segment. Headers are synced before they are used, so this is never the trace of a
    /// crash. A last segment that was [never written](SegmentError::Unwritten) can be left out.
    pub fn new(segments: &'a [&'a [u8]], from: Lsn, witnessed: Lsn) -> Result<Self, LogError> {
        let mut last: Option<Segment> = None;
        let mut start = None;
        let (mut witnessed, mut epoch_max) = (witnessed, Epoch::default());
        for (index, bytes) in segments.iter().enumerate() {
            let segment =
                Segment::parse(bytes).map_err(|error| LogError::Header { index, error })?;
            if last.is_some_and(|last| !follows(&segment, &last)) {
                return Err(LogError::Sequence { index });
            }
            if segment.first <= from {
                start = Some((index, segment));
            }
            witnessed = witnessed.max(segment.durable);
            epoch_max = epoch_max.max(segment.epoch);
            last = Some(segment);
        }
        let (index, segment) = start.ok_or(LogError::Start)?;
        let skipped = segment.offset_of(from).ok_or(LogError::Start)?;
        let records =
            usize::try_from(skipped).ok().and_then(|skipped| segments[index].get(skipped..));
        let scanner = Scanner::at(&segment, from, records.unwrap_or_default());
        let segments = &segments[index..];
        let scanner = bounded(scanner, segments.get(1), witnessed);
        Ok(Self { segments, scanner, witnessed, epoch_max, tail: None })
    }

    /// Reads what is left, and says how the log ends.
    pub fn finish(&mut self) -> Tail {
        loop {
            if let Some(tail) = self.tail {
                return tail;
            }
            self.next();
        }
    }

    /// The highest epoch seen so far; see [`Scanner::epoch_max`].
    #[must_use]
    pub fn epoch_max(&self) -> Epoch {
        self.epoch_max.max(self.scanner.epoch_max())
    }

    /// How many segments are left, the one being read included. After [`finish`](Self::finish), the
    /// log ends in the first of them, and those behind it hold nothing to keep unless it is
    /// corrupt.
    #[must_use]
    pub fn segments_left(&self) -> usize {
        self.segments.len()
    }

    /// Goes on to the next segment, or comes to the verdict.
    fn advance(&mut self, tail: Tail) {
        let (Some(next), Tail::Clean { at }) = (self.segments.get(1), tail) else {
            self.tail = Some(self.judge(tail));
            return;
        };
        let segment = Segment::parse(next).expect("all headers were read before");
        if segment.epoch < self.scanner.epoch() {
            // Begun before the tail was cut that the records up to here were written over.
            let durable = self.scanner.durable();
            self.tail = Some(self.judge(Tail::Torn { at, durable, damage: Damage::Stale }));
            return;
        }
        self.segments = &self.segments[1..];
        self.epoch_max = self.epoch_max();
        let records = next.get(segment.records_at as usize..).unwrap_or_default();
        let scanner = Scanner::at(&segment, segment.first, records);
        self.scanner = bounded(scanner, self.segments.get(1), self.witnessed);
    }

    /// The verdict of the segment in which the log ends, in the light of those behind it.
    fn judge(&mut self, tail: Tail) -> Tail {
        let Tail::Torn { at, mut durable, damage } = tail else { return tail };
        for bytes in self.segments.iter().skip(1) {
            let segment = Segment::parse(bytes).expect("all headers were read before");
            let records = bytes.get(segment.records_at as usize..).unwrap_or_default();
            let salt = Salt::new(segment.salt);
            let evidence = Evidence::gather(records, segment.first, &salt, at);
            durable = durable.max(evidence.durable);
            self.epoch_max = self.epoch_max.max(evidence.epoch.unwrap_or_default());
        }
        if durable > at {
            return Tail::Corrupt { at, durable, damage };
        }
        Tail::Torn { at, durable, damage }
    }
}

impl<'a> Iterator for LogScanner<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        while self.tail.is_none() {
            if let Some(record) = self.scanner.next() {
                return Some(record);
            }
            let tail = self.scanner.finish();
            self.advance(tail);
        }
        None
    }
}

/// Whether one segment may stand behind the other. Two may begin at the same place: the first then
/// has no records that count.
fn follows(segment: &Segment, before: &Segment) -> bool {
    segment.log_id == before.log_id
        && segment.first >= before.first
        && segment.epoch >= before.epoch
        && segment.salt != before.salt
}

/// The scanner with what is known from behind its segment.
fn bounded<'a>(scanner: Scanner<'a>, next: Option<&&[u8]>, witnessed: Lsn) -> Scanner<'a> {
    let scanner = scanner.witnessed(witnessed);
    match next.map(|bytes| Segment::parse(bytes).expect("all headers were read before")) {
        Some(segment) => scanner.until(segment.first),
        None => scanner,
    }
}

/// Why segments cannot be read as one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogError {
    /// A segment's header is none that this crate reads.
    Header {
        /// Which segment, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: SegmentError,
    },
    /// A segment cannot stand behind the one before it: another log's, older, or of the same salt.
    Sequence {
        /// Which segment, counted from 0.
        index: usize,
    },
    /// No segment, or the log begins behind the place to read from.
    Start,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { index, error } => write!(f, "segment {index}: {error}"),
            Self::Sequence { index } => {
                write!(f, "segment {index} does not belong behind the one before it")
            }
            Self::Start => f.write_str("no segment holds the place to read from"),
        }
    }
}

impl core::error::Error for LogError {}
