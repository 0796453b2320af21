//! Reading the records of a segment.

use crate::lsn::{Epoch, Lsn};
use crate::record::{Fault, Header, RECORD_HEADER_SIZE_BYTES, Record};
use crate::resync::Evidence;
use crate::salt::Salt;
use crate::segment::{Segment, SegmentError};
use crate::tail::{Damage, Tail};

/// Reads the records of a segment, and says at the end how the segment ends.
///
/// The iterator yields the caller's records and witnesses, in order, until there is no whole one;
/// [`finish`](Self::finish) gives the verdict. Every byte is summed once, and what is behind the
/// last whole record is searched once, so time is linear in the segment's length.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    /// The rest of the segment, from `next` on.
    bytes: &'a [u8],
    salt: Salt,
    next: Lsn,
    /// Of the last record; the least that the next may have.
    epoch: Epoch,
    epoch_max: Epoch,
    durable: Lsn,
    until: Option<Lsn>,
    closed: bool,
    tail: Option<Tail>,
}

impl<'a> Scanner<'a> {
    /// Reads a segment from its header on.
    ///
    /// # Errors
    /// If the header is none that this crate reads.
    pub fn new(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        let segment = Segment::parse(bytes)?;
        let records = bytes.get(segment.records_at as usize..).unwrap_or_default();
        Ok(Self::at(&segment, segment.first, records))
    }

    /// Reads a segment from the record at `first` on, where `bytes` begin: after a checkpoint, say.
    /// They should go up to the segment's end, or the verdict is about what they are.
    ///
    /// # Panics
    /// If `first` is before the segment.
    #[must_use]
    pub fn at(segment: &Segment, first: Lsn, bytes: &'a [u8]) -> Self {
        assert!(first >= segment.first, "the segment begins at {}", segment.first);
        Self {
            bytes,
            salt: Salt::new(segment.salt),
            next: first,
            epoch: segment.epoch,
            epoch_max: segment.epoch,
            durable: segment.durable,
            until: None,
            closed: false,
            tail: None,
        }
    }

    /// The same, with a witness from elsewhere, such as a checkpoint's slot or another segment's
    /// header: the log was durable up to `durable`.
    #[must_use]
    pub fn witnessed(self, durable: Lsn) -> Self {
        Self { durable: self.durable.max(durable), ..self }
    }

    /// The same, where the next segment takes over at `first`: what stands there or beyond in this
    /// one was cut. Records that go up to it are [`Tail::Clean`]; if they do not, the segment is
    /// torn at least.
    #[must_use]
    pub fn until(self, first: Lsn) -> Self {
        Self { until: Some(first), ..self }
    }

    /// Reads what is left, and says how the segment ends.
    pub fn finish(&mut self) -> Tail {
        loop {
            if let Some(tail) = self.tail {
                return tail;
            }
            self.next();
        }
    }

    /// The highest epoch seen so far; after [`finish`](Self::finish), in the whole segment, what
    /// is behind its end included, unless it is corrupt. Whoever goes on writing takes a higher
    /// one.
    #[must_use]
    pub fn epoch_max(&self) -> Epoch {
        self.epoch_max
    }

    /// The epoch of the last record.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Up to where the log is known to have been durable.
    pub(crate) fn durable(&self) -> Lsn {
        self.durable
    }

    /// The record at the beginning of the rest, or why there is none.
    #[inline]
    fn parse(&self) -> Result<Record<'a>, Damage> {
        let Some((header, rest)) = self.bytes.split_first_chunk::<RECORD_HEADER_SIZE_BYTES>()
        else {
            let mark = self.salt.mark(self.next).to_le_bytes();
            let is_own = self.bytes.iter().zip(mark).all(|(a, b)| *a == b);
            let begun = is_own && self.bytes.iter().any(|byte| *byte != 0);
            return Err(if begun { Damage::Cut } else { Damage::Absent });
        };
        if header[..8] != self.salt.mark(self.next).to_le_bytes() {
            return Err(Damage::Absent);
        }
        let (header, checksum) =
            Header::parse(header, &self.salt).map_err(|fault| match fault {
                // At one place of 2^64, zeros are the right mark.
                Fault::Checksum if header.iter().all(|byte| *byte == 0) => Damage::Absent,
                Fault::Checksum => Damage::Header,
                Fault::Meaning => Damage::Meaning,
            })?;
        if header.epoch < self.epoch {
            return Err(Damage::Stale);
        }
        let end = self.next.checked_add(header.record_size_bytes() as u64);
        let end = end.ok_or(Damage::Meaning)?;
        if self.until.is_some_and(|until| end > until) {
            return Err(Damage::Overrun);
        }
        let body_size_bytes = header.record_size_bytes() - RECORD_HEADER_SIZE_BYTES;
        let body = rest.get(..body_size_bytes).ok_or(Damage::Cut)?;
        if self.salt.body(body, &[]) != checksum {
            return Err(Damage::Body);
        }
        Ok(Record {
            lsn: header.lsn,
            durable: header.durable,
            epoch: header.epoch,
            kind: header.kind,
            payload: &body[..header.payload_size_bytes],
        })
    }

    #[cold]
    /// How the segment ends, which has no whole record at `self.next`.
    fn judge(&mut self, damage: Damage) -> Tail {
        let at = self.next;
        let evidence = Evidence::gather(self.bytes, at, &self.salt, at);
        self.durable = self.durable.max(evidence.durable);
        let durable = self.durable;
        let is_later = evidence.epoch.is_some_and(|epoch| epoch >= self.epoch);
        self.epoch_max = self.epoch_max.max(evidence.epoch.unwrap_or_default());
        let begun = !matches!(damage, Damage::Absent | Damage::Stale);
        if durable > at {
            Tail::Corrupt { at, durable, damage }
        } else if begun || is_later || self.until.is_some() {
            Tail::Torn { at, durable, damage }
        } else if self.closed {
            Tail::Clean { at }
        } else {
            Tail::Unwitnessed { at, durable }
        }
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.tail.is_some() {
            return None;
        }
        if self.until == Some(self.next) {
            self.tail = Some(Tail::Clean { at: self.next });
            return None;
        }
        match self.parse() {
            Ok(record) => {
                let size_bytes = record.end().get() - record.lsn.get();
                self.bytes = &self.bytes[size_bytes as usize..];
                self.next = record.end();
                self.epoch = record.epoch;
                self.epoch_max = self.epoch_max.max(record.epoch);
                self.durable = self.durable.max(record.durable);
                self.closed = record.closes();
                Some(record)
            }
            Err(damage) => {
                self.tail = Some(self.judge(damage));
                None
            }
        }
    }
}
