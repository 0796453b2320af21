//! What can still be read of a damaged log.

use std::collections::VecDeque;
use std::ops::Range;

use treenail_wal::{
    ALIGN_BYTES, Damage as Wrong, Epoch, Kind, Lsn, RECORD_HEADER_SIZE_BYTES, Scanner, Segment,
    Tail,
};

use crate::disk::{Access, Disk, DiskFile, OsDisk};
use crate::error::Error;
use crate::files::{list_segments, segment_name};
use crate::scan::read_header;

/// Reads every whole record that is left in a directory, whatever lies between: after
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), to build a new log from. Nothing is changed.
///
/// It believes each record for itself, so it may also return some that were written and never
/// committed. It does not return what was cut by a recovery and written over since.
pub struct Salvage<'d, D: Disk = OsDisk> {
    disk: &'d D,
    firsts: VecDeque<Lsn>,
    segment: Option<Segment>,
    /// Of the segment, from its records on.
    bytes: Vec<u8>,
    /// Where to look next.
    at: usize,
    /// End of what was returned last.
    end: Lsn,
    epoch: Epoch,
}

/// Something in a damaged log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Salvaged {
    /// A whole record.
    Record {
        /// Where it begins.
        lsn: Lsn,
        /// What sort it is.
        kind: Kind,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// Nothing whole was found in this part of the log, though there are records behind it.
    Gap(Range<Lsn>),
    /// A segment that cannot be read at all.
    Unreadable {
        /// Its file in the log's directory.
        file: String,
        /// Why.
        error: String,
    },
}

impl<'d, D: Disk> Salvage<'d, D> {
    /// Begins with the oldest segment.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn new(disk: &'d D) -> Result<Self, Error> {
        let firsts = list_segments(disk).map_err(|error| Error::io(disk.path(), "list", error))?;
        let end = firsts.first().copied().unwrap_or_default();
        Ok(Self {
            disk,
            firsts: firsts.into(),
            segment: None,
            bytes: Vec::new(),
            at: 0,
            end,
            epoch: Epoch::default(),
        })
    }

    fn enter(&mut self, first: Lsn) -> Result<(), Error> {
        let name = segment_name(first);
        let segment = read_header(self.disk, &name)?;
        let failed = |error| Error::io(self.disk.path(), "read", error);
        let file = self.disk.open(&name, Access::Read).map_err(failed)?;
        let length = file.len().map_err(failed)?;
        let length = length.saturating_sub(u64::from(segment.records_at));
        self.bytes.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        let read = file.read_at(&mut self.bytes, segment.records_at.into()).map_err(failed)?;
        self.bytes.truncate(read);
        self.at = 0;
        self.segment = Some(segment);
        Ok(())
    }

    /// The next whole record of the segment, with its size.
    fn find(&mut self) -> Option<(Lsn, Kind, Range<usize>)> {
        let segment = self.segment?;
        while let Some(place) = self.bytes.get(self.at..) {
            let lsn = segment.first.checked_add(self.at as u64)?;
            if place.is_empty() {
                break;
            }
            // The header alone comes first: to look for a whole record costs as much as the rest
            // is long.
            if lsn >= self.end {
                let header = &place[..place.len().min(RECORD_HEADER_SIZE_BYTES)];
                let mut scanner = Scanner::at(&segment, lsn, header);
                let is_header = scanner.next().is_some() || is_cut(&scanner.finish());
                if is_header
                    && let Some(record) = Scanner::at(&segment, lsn, place).next()
                    && record.epoch >= self.epoch
                {
                    let size_bytes = (record.end().get() - lsn.get()) as usize;
                    let start = self.at + RECORD_HEADER_SIZE_BYTES;
                    let payload = start..start + record.payload.len();
                    self.epoch = record.epoch;
                    self.at += size_bytes;
                    return Some((lsn, record.kind, payload));
                }
            }
            self.at += ALIGN_BYTES;
        }
        self.segment = None;
        None
    }
}

fn is_cut(tail: &Tail) -> bool {
    matches!(tail, Tail::Torn { damage: Wrong::Cut, .. } | Tail::Corrupt { damage: Wrong::Cut, .. })
}

impl<D: Disk> Iterator for Salvage<'_, D> {
    type Item = Salvaged;

    fn next(&mut self) -> Option<Salvaged> {
        loop {
            let before = self.at;
            if let Some((lsn, kind, payload)) = self.find() {
                if lsn > self.end {
                    // The record is looked for once more after its gap.
                    self.at = before;
                    let gap = self.end..lsn;
                    self.end = lsn;
                    return Some(Salvaged::Gap(gap));
                }
                let segment = self.segment.as_ref().expect("it has a record");
                self.end = segment.first.checked_add(self.at as u64).unwrap_or(lsn);
                if kind == Kind::WITNESS {
                    continue;
                }
                return Some(Salvaged::Record { lsn, kind, payload: self.bytes[payload].to_vec() });
            }
            let first = self.firsts.pop_front()?;
            if let Err(error) = self.enter(first) {
                let file = segment_name(first);
                return Some(Salvaged::Unreadable { file, error: error.to_string() });
            }
        }
    }
}
