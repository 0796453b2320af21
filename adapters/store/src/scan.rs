//! Reading a whole log to find out how it ends, without changing anything.

use std::path::Path;

use treenail_wal::{Epoch, Lsn, SEGMENT_HEADER_SIZE_BYTES, Scanner, Segment, SegmentError, Tail};

use crate::disk::{Access, Disk, DiskFile};
use crate::error::{Damage, Error, ErrorKind};
use crate::files::{list_segments, segment_name};
use crate::slots::{NAMES, Slot};

/// What a log holds and how it ends.
pub(crate) struct Scan {
    /// Segments that the checkpoint has made unnecessary.
    pub(crate) retired: Vec<Lsn>,
    /// The others, in order; at least one.
    pub(crate) segments: Vec<Segment>,
    /// The bytes of the last one from `from` on.
    pub(crate) rest: Vec<u8>,
    /// Where they begin.
    pub(crate) from: Lsn,
    /// The length of the last one's file.
    pub(crate) last_bytes: u64,
    pub(crate) tail: Tail,
    /// Up to where the log says itself that it is durable.
    pub(crate) durable: Lsn,
    pub(crate) epoch_max: Epoch,
    pub(crate) records: u64,
}

/// Scans the log that this checkpoint belongs to; nothing if there is no segment at all and no
/// checkpoint. A log without a checkpoint is one whose creation was interrupted, or damaged.
pub(crate) fn scan<D: Disk>(disk: &D, slot: Option<&Slot>) -> Result<Option<Scan>, Error> {
    let path = disk.path();
    let all = list_segments(disk).map_err(|error| Error::io(path, "list", error))?;
    let start = slot.map_or(Lsn::ZERO, |slot| slot.lsn);
    let witnessed = slot.map_or(Lsn::ZERO, |slot| slot.durable);
    let (retired, needed) = all.split_at(all.partition_point(|first| *first <= start));
    let Some((first, retired)) = retired.split_last() else {
        if slot.is_none() && needed.is_empty() {
            return Ok(None);
        }
        let file = segment_name(start);
        let found = "the segment with the checkpoint is missing".to_owned();
        let durable = witnessed;
        return Err(Error::corrupt(path, Damage { file, offset: 0, at: start, durable, found }));
    };
    let needed: Vec<Lsn> = [first].into_iter().chain(needed).copied().collect();
    let segments = headers(disk, &needed, slot)?;
    let mut scan = Scan {
        retired: retired.to_vec(),
        rest: Vec::new(),
        from: start,
        last_bytes: 0,
        tail: Tail::Unwitnessed { at: start, durable: start },
        durable: segments.iter().map(|segment| segment.durable).fold(witnessed, Lsn::max),
        epoch_max: segments.iter().map(|segment| segment.epoch).max().unwrap_or_default(),
        records: 0,
        segments,
    };
    for index in 0..scan.segments.len() {
        scan.segment(disk, index)?;
    }
    if slot.is_none() && (scan.segments.len() > 1 || scan.tail.at() > Lsn::ZERO) {
        let found = "both checkpoints are damaged".to_owned();
        let (file, at, durable) = (NAMES[0].to_owned(), Lsn::ZERO, scan.durable);
        return Err(Error::corrupt(path, Damage { file, offset: 0, at, durable, found }));
    }
    Ok(Some(scan))
}

impl Scan {
    /// Reads a segment to its end; all but the last have to be whole.
    fn segment<D: Disk>(&mut self, disk: &D, index: usize) -> Result<(), Error> {
        let segment = self.segments[index];
        let name = segment_name(segment.first);
        let failed = |error| Error::io(disk.path(), "read", error);
        let file = disk.open(&name, Access::Read).map_err(failed)?;
        self.last_bytes = file.len().map_err(failed)?;
        self.from = self.from.max(segment.first);
        let offset = segment.offset_of(self.from).filter(|offset| *offset <= self.last_bytes);
        let Some(offset) = offset else {
            let found = "the file ends before its records or the checkpoint".to_owned();
            let (at, durable, offset) = (self.from, self.durable, self.last_bytes);
            let damage = Damage { file: name, offset, at, durable, found };
            return Err(Error::corrupt(disk.path(), damage));
        };
        let length = self.last_bytes - offset;
        let length = usize::try_from(length).map_err(|_| too_long(disk.path(), &name))?;
        // The buffer of the segment before, lest each costs an allocation of its own.
        self.rest.resize(length, 0);
        let read = file.read_at(&mut self.rest, offset).map_err(failed)?;
        self.rest.truncate(read);

        let mut scanner = Scanner::at(&segment, self.from, &self.rest).witnessed(self.durable);
        let next = self.segments.get(index + 1);
        if let Some(next) = next {
            scanner = scanner.until(next.first);
        }
        let mut durable = self.durable;
        for record in scanner.by_ref() {
            self.records += 1;
            durable = durable.max(record.durable);
        }
        self.tail = scanner.finish();
        self.durable = durable;
        self.epoch_max = self.epoch_max.max(scanner.epoch_max());
        match (self.tail, next) {
            (Tail::Clean { .. }, _) | (Tail::Torn { .. } | Tail::Unwitnessed { .. }, None) => {
                Ok(())
            }
            // A segment is begun when all before it is durable, so a torn one that is not the last
            // has lost something too.
            (Tail::Torn { at, durable, damage } | Tail::Corrupt { at, durable, damage }, _) => {
                let offset = segment.offset_of(at).unwrap_or_default();
                let found = damage.to_string();
                let damage = Damage { file: name, offset, at, durable, found };
                Err(Error::corrupt(disk.path(), damage))
            }
            (Tail::Unwitnessed { .. }, Some(_)) => {
                unreachable!("a segment that another follows is clean, torn or corrupt")
            }
        }
    }
}

/// Reads the headers of segments, which have to belong together.
fn headers<D: Disk>(disk: &D, firsts: &[Lsn], slot: Option<&Slot>) -> Result<Vec<Segment>, Error> {
    let mut segments: Vec<Segment> = Vec::with_capacity(firsts.len());
    for &first in firsts {
        let name = segment_name(first);
        let segment = read_header(disk, &name)?;
        let log_id = slot.map(|slot| slot.log_id).or(segments.first().map(|one| one.log_id));
        let found = if segment.first != first {
            "the segment's header is that of another"
        } else if log_id.is_some_and(|log_id| log_id != segment.log_id) {
            "the segment belongs to another log"
        } else if segments.last().is_some_and(|last| last.epoch > segment.epoch) {
            "the segment is older than the one before it"
        } else {
            segments.push(segment);
            continue;
        };
        let at = segments.last().map_or(first, |last| last.first);
        let durable = slot.map_or(Lsn::ZERO, |slot| slot.durable);
        let damage = Damage { file: name, offset: 0, at, durable, found: found.to_owned() };
        return Err(Error::corrupt(disk.path(), damage));
    }
    Ok(segments)
}

/// Reads the header of a segment.
pub(crate) fn read_header<D: Disk>(disk: &D, name: &str) -> Result<Segment, Error> {
    let failed = |error| Error::io(disk.path(), "read", error);
    let file = disk.open(name, Access::Read).map_err(failed)?;
    let mut bytes = [0; SEGMENT_HEADER_SIZE_BYTES];
    let length = file.read_at(&mut bytes, 0).map_err(failed)?;
    Segment::parse(&bytes[..length]).map_err(|error| match error {
        SegmentError::Version(_) => {
            Error::new(ErrorKind::NotALog, disk.path(), "read", format!("'{name}': {error}"))
        }
        // A header is durable before the segment has its name: no crash explains this.
        _ => {
            let (at, found) = (Lsn::ZERO, error.to_string());
            let damage = Damage { file: name.to_owned(), offset: 0, at, durable: at, found };
            Error::corrupt(disk.path(), damage)
        }
    })
}

fn too_long(path: &Path, name: &str) -> Error {
    Error::new(ErrorKind::TooLarge, path, "read", format!("'{name}' does not fit into memory"))
}

#[cfg(test)]
mod tests {
    use treenail_wal::{Epoch, Kind, Lsn};

    use crate::disk::{Access, OsDisk};
    use crate::slots::{Slot, Slots};
    use crate::{ErrorKind, Log, Options, Reader, Recovery};

    /// Somebody who can write a good checksum can write anything.
    #[test]
    fn a_checkpoint_that_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = Options { segment_bytes: 64 << 10, ..Options::default() };
        let (log, _) = Log::open(dir.path(), &options).expect("opened");
        log.write(Kind::new(1).expect("a kind"), b"a").expect("written");
        log.close().expect("closed");
        let disk = || OsDisk::open(dir.path()).expect("opened");
        let sound = Slots::open(&disk(), Access::Read).expect("opened").1.expect("a slot");
        let lsn = |bytes| Lsn::new(bytes).expect("a multiple of 8");
        for place in [lsn(8), lsn(60 << 10), lsn(1 << 20), lsn(1 << 63), lsn(u64::MAX - 7)] {
            for durable in [place, lsn(u64::MAX - 7)] {
                let mut slots = Slots::open(&disk(), Access::Write).expect("opened").0;
                let slot = Slot { sequence: u64::MAX, lsn: place, durable, ..sound.clone() };
                slots.write(&slot).expect("written");
                if place > lsn(60 << 10) || durable > place {
                    let error = Recovery::inspect(&disk()).expect_err("refused");
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                    Log::open(dir.path(), &options).expect_err("refused too");
                }
                if let Ok((mut reader, _)) = Reader::open(disk()) {
                    assert!(!matches!(reader.next(), Ok(Some(_))), "no record begins there");
                }
                // Over the other one, and then over this one.
                slots.write(&sound).expect("written");
                slots.write(&sound).expect("written");
            }
        }
        let last = Slot { epoch: Epoch(u32::MAX), sequence: u64::MAX, ..sound };
        let mut slots = Slots::open(&disk(), Access::Write).expect("opened").0;
        slots.write(&last).expect("written");
        let error = Log::open(dir.path(), &options).expect_err("no more epochs");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}
