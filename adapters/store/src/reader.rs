//! Reading a log's records, while somebody writes it or not.

use std::fmt;
use std::io;
use std::sync::Arc;

use treenail_wal::{Damage as Wrong, Epoch, Kind, Lsn, Record, Scanner, Segment, Tail};

use crate::disk::{Access, Disk, DiskFile, OsDisk};
use crate::error::{Damage, Error, ErrorKind};
use crate::files::{list_segments, segment_name};
use crate::recovery::Checkpoint;
use crate::scan::read_header;
use crate::slots::Slots;

/// How much is read at a time; more for a longer record.
const WINDOW_BYTES: u64 = 256 << 10;

/// Reads records one after the other. It takes no lock: it may follow a writer, in this process or
/// another.
pub struct Reader<D: Disk = OsDisk> {
    disk: Arc<D>,
    segment: Segment,
    file: D::File,
    /// LSN of the next record.
    next: Lsn,
    /// Of the last record; the least that the next may have.
    epoch: Epoch,
    durable: Lsn,
    /// Where to stop; before that, nothing may be missing.
    until: Option<Lsn>,
    /// Bytes of the segment, the next record's first at `start`.
    window: Vec<u8>,
    start: usize,
}

impl<D: Disk> Reader<D> {
    /// Opens a log at its newest checkpoint, which comes with it.
    ///
    /// # Errors
    /// If there is no log, or its beginning is damaged, or the system refuses.
    pub fn open(disk: impl Into<Arc<D>>) -> Result<(Self, Checkpoint), Error> {
        let disk = disk.into();
        let slot = match Slots::open(&*disk, Access::Read) {
            Ok((_, slot)) => slot,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(disk.path(), "read the checkpoint of", error)),
        };
        let Some(slot) = slot else {
            return Err(Error::new(ErrorKind::NotALog, disk.path(), "read", "no checkpoint"));
        };
        let mut reader = Self::open_at(disk, slot.lsn)?;
        reader.durable = reader.durable.max(slot.durable);
        Ok((reader, Checkpoint { lsn: slot.lsn, content: slot.content }))
    }

    /// Opens a log at an LSN, where a record must begin, or the log end.
    ///
    /// # Errors
    /// [`ErrorKind::Retired`] if a checkpoint has made that part unnecessary; otherwise as for
    /// [`open`](Self::open).
    pub fn open_at(disk: impl Into<Arc<D>>, lsn: Lsn) -> Result<Self, Error> {
        let disk = disk.into();
        let all = list_segments(&*disk).map_err(|error| Error::io(disk.path(), "list", error))?;
        let Some(&first) = all[..all.partition_point(|first| *first <= lsn)].last() else {
            let (kind, detail) = match all.first() {
                Some(first) => (ErrorKind::Retired, format!("LSN {lsn} is before LSN {first}")),
                None => (ErrorKind::NotALog, "there is no segment".to_owned()),
            };
            return Err(Error::new(kind, disk.path(), "read", detail));
        };
        let name = segment_name(first);
        let segment = read_header(&*disk, &name)?;
        if segment.first != first {
            return Err(retired(&*disk, first));
        }
        if segment.offset_of(lsn).is_none() {
            let detail = format!("there is no LSN {lsn}");
            return Err(Error::new(ErrorKind::Invalid, disk.path(), "read", detail));
        }
        let file = disk.open(&name, Access::Read);
        let file = file.map_err(|error| Error::io(disk.path(), "read", error))?;
        Ok(Self {
            disk,
            segment,
            file,
            next: lsn,
            epoch: segment.epoch,
            durable: segment.durable,
            until: None,
            window: Vec::new(),
            start: 0,
        })
    }

    /// The same, where everything before `until` is known to be there and nothing after it is
    /// wanted.
    pub(crate) fn until(self, until: Lsn) -> Self {
        Self { until: Some(until), ..self }
    }

    /// The next record; nothing if there is none yet. Ask again later to follow a writer.
    ///
    /// Records from [`durable`](Self::durable) on may still vanish if the machine stops, unless
    /// the reader is from [`Log::read_from`](crate::Log::read_from), which gives none of those.
    ///
    /// # Errors
    /// - [`ErrorKind::Retired`] if the writer has removed or used again what was to be read.
    /// - [`ErrorKind::Corrupt`] if a record that is known to be durable is damaged.
    /// - [`ErrorKind::Io`] if the system refuses.
    #[expect(clippy::should_implement_trait, reason = "the record borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, Error> {
        loop {
            let Some((size_bytes, is_witness)) = self.find()? else { return Ok(None) };
            let start = self.start;
            self.start += size_bytes;
            let at = self.next;
            self.next = at.checked_add(size_bytes as u64).expect("records have whole sizes");
            if !is_witness {
                let bytes = &self.window[start..self.start];
                // Found a moment ago in the same bytes.
                return Ok(Scanner::at(&self.segment, at, bytes).next());
            }
        }
    }

    /// LSN of the next record.
    pub fn position(&self) -> Lsn {
        self.next
    }

    /// Up to where the log is known to be durable by what was read so far.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// Whether there is a whole record at the position.
    pub(crate) fn is_at_record(&mut self) -> Result<bool, Error> {
        Ok(self.find()?.is_some())
    }

    /// The size of the record at the position, whose bytes are then in the window, and whether it
    /// is a witness.
    fn find(&mut self) -> Result<Option<(usize, bool)>, Error> {
        if self.until.is_some_and(|until| self.next >= until) {
            return Ok(None);
        }
        let mut window_bytes = WINDOW_BYTES;
        let mut is_fresh = false;
        // Whether the window goes to the end of the file.
        let mut is_all = false;
        loop {
            let mut scanner = Scanner::at(&self.segment, self.next, &self.window[self.start..]);
            if let Some(record) = scanner.next()
                && record.epoch >= self.epoch
            {
                self.epoch = record.epoch;
                self.durable = self.durable.max(record.durable);
                let size_bytes = record.end().get() - record.lsn.get();
                return Ok(Some((size_bytes as usize, record.kind == Kind::WITNESS)));
            }
            let is_cut = match scanner.finish() {
                Tail::Torn { damage, .. } | Tail::Corrupt { damage, .. } => damage == Wrong::Cut,
                Tail::Clean { .. } | Tail::Unwitnessed { .. } => false,
            };
            if is_fresh && !is_cut {
                if self.enter_next_segment()? {
                    is_fresh = false;
                    is_all = false;
                    continue;
                }
                return self.missing().map(|()| None);
            }
            if is_fresh && is_all {
                // The end of the file within a record: as good as none.
                return self.missing().map(|()| None);
            }
            if is_fresh {
                window_bytes *= 2;
            }
            is_all = self.refill(window_bytes)?;
            is_fresh = true;
        }
    }

    /// Reads the window anew from the position on; true if it goes to the end of the file.
    fn refill(&mut self, bytes: u64) -> Result<bool, Error> {
        let offset = self.segment.offset_of(self.next).expect("it is not before the segment");
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let failed = |error| Error::io(self.disk.path(), "read", error);
        self.start = 0;
        self.window.resize(bytes, 0);
        let read = self.file.read_at(&mut self.window, offset).map_err(failed)?;
        self.window.truncate(read);
        Ok(read < bytes)
    }

    /// Goes on in the segment that begins at the position; false if there is none.
    fn enter_next_segment(&mut self) -> Result<bool, Error> {
        if self.next == self.segment.first {
            return Ok(false);
        }
        let name = segment_name(self.next);
        let file = match self.disk.open(&name, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io(self.disk.path(), "read", error)),
        };
        let segment = read_header(&*self.disk, &name)?;
        if segment.first != self.next || segment.log_id != self.segment.log_id {
            return Err(retired(&*self.disk, self.next));
        }
        self.durable = self.durable.max(segment.durable);
        self.epoch = self.epoch.max(segment.epoch);
        (self.segment, self.file) = (segment, file);
        self.window.clear();
        self.start = 0;
        Ok(true)
    }

    /// There is no record at the position: because none was written yet, or is there something
    /// wrong?
    fn missing(&self) -> Result<(), Error> {
        let name = segment_name(self.segment.first);
        let now = match read_header(&*self.disk, &name) {
            Err(error) if error.is_not_found() => return Err(retired(&*self.disk, self.next)),
            other => other?,
        };
        // Another segment in the file, or in one of the same name.
        if now != self.segment {
            return Err(retired(&*self.disk, self.next));
        }
        // An old segment may outlive those behind it, to be used again: there is a gap then.
        let path = self.disk.path();
        let all = list_segments(&*self.disk).map_err(|error| Error::io(path, "list", error))?;
        if all.iter().any(|first| *first > self.next) && !all.contains(&self.next) {
            return Err(retired(&*self.disk, self.next));
        }
        let durable = self.until.unwrap_or_default().max(self.durable);
        if self.next >= durable {
            return Ok(());
        }
        let offset = self.segment.offset_of(self.next).unwrap_or_default();
        let found = "a record that was durable is damaged".to_owned();
        let damage = Damage { file: name, offset, at: self.next, durable, found };
        Err(Error::corrupt(self.disk.path(), damage))
    }
}

impl<D: Disk> fmt::Debug for Reader<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Reader");
        debug.field("path", &self.disk.path()).field("position", &self.next);
        debug.finish_non_exhaustive()
    }
}

fn retired<D: Disk>(disk: &D, lsn: Lsn) -> Error {
    let detail = format!("LSN {lsn} is in a segment that was given up");
    Error::new(ErrorKind::Retired, disk.path(), "read", detail)
}
