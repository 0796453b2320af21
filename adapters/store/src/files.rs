//! The files of a log's directory: their names, and what is done to them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use treenail_wal::{Lsn, Segment};

use crate::disk::{Access, Disk, DiskFile};
use crate::engine::{Action, Done, RECORDS_AT};
use crate::error::is_full;

/// Who writes the log holds a lock on this.
pub(crate) const LOCK: &str = "lock";

/// A segment to come, without a header; or one whose making was interrupted.
const SPARE: &str = "spare";

/// What a segment's name ends with; before it stands its first LSN.
const SUFFIX: &str = ".wal";

/// How much is written at a time to fill a new segment.
const ZEROS: &[u8] = &[0; 256 << 10];

/// The name of the segment that begins at this LSN.
pub(crate) fn segment_name(first: Lsn) -> String {
    format!("{:016x}{SUFFIX}", first.get())
}

/// Where the segments begin that the directory has, in order.
pub(crate) fn list_segments<D: Disk>(disk: &D) -> io::Result<Vec<Lsn>> {
    let mut firsts: Vec<Lsn> = disk.list()?.iter().filter_map(|name| parse_name(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn parse_name(name: &str) -> Option<Lsn> {
    let digits = name.strip_suffix(SUFFIX)?;
    let first = Lsn::new(u64::from_str_radix(digits, 16).ok()?)?;
    // One spelling only: what differs in case, sign or length is not ours.
    (segment_name(first) == name).then_some(first)
}

/// Removes what an interrupted writer may have left.
pub(crate) fn remove_spare<D: Disk>(disk: &D) -> io::Result<()> {
    match disk.remove(SPARE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Changes the directory, and leaves it without a spare file.
///
/// If a sync of the directory failed, in another process perhaps, the system may take names for
/// durable that the disk does not have, and a second sync writes nothing. Where that is so, the
/// change makes it write them again. On a full disk it may not be possible.
pub(crate) fn touch<D: Disk>(disk: &D) -> io::Result<()> {
    match disk.create(SPARE) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !is_full(&error) => {
            Err(error)
        }
        _ => remove_spare(disk),
    }
}

/// The open files of a log: performs an engine's actions.
pub struct Files<D: Disk> {
    disk: Arc<D>,
    segment_bytes: u64,
    current: Mutex<Option<Arc<D::File>>>,
    spare: Mutex<Option<D::File>>,
    /// A segment that is not needed any more, to become the spare file.
    old: Mutex<Option<Lsn>>,
}

impl<D: Disk> Files<D> {
    pub(crate) fn new(disk: Arc<D>, segment_bytes: u64, current: Option<D::File>) -> Self {
        let current = Mutex::new(current.map(Arc::new));
        Self { disk, segment_bytes, current, spare: Mutex::new(None), old: Mutex::new(None) }
    }

    /// The directory.
    pub fn disk(&self) -> &Arc<D> {
        &self.disk
    }

    /// Does what an engine asks for, and says how it went. Actions of different lanes may be
    /// performed at the same time.
    pub fn perform(&self, action: Action) -> Done {
        match action {
            Action::Provide => Done::Provided(self.provide()),
            Action::Begin(segment) => Done::Begun(self.begin(&segment)),
            Action::Write { offset, bytes } => {
                Done::Written(self.current().and_then(|file| file.write_at(&bytes, offset)), bytes)
            }
            Action::Sync => Done::Synced(self.current().and_then(|file| file.sync_data())),
        }
    }

    /// Makes a spare file. Zeros are written and not only promised: a write into space that the
    /// file system knows as unwritten makes it change its own books, and the sync pays for that
    /// (174 us instead of 119 for 4 KiB on ext4).
    fn provide(&self) -> io::Result<()> {
        remove_spare(&*self.disk)?;
        if let Some(file) = self.reuse()? {
            *lock(&self.spare) = Some(file);
            return Ok(());
        }
        let file = self.disk.create(SPARE)?;
        let filled = self.fill(&file);
        if filled.is_err() {
            // It holds space that somebody may need; that it stays if this fails too is no harm.
            _ = self.disk.remove(SPARE);
        }
        filled?;
        *lock(&self.spare) = Some(file);
        Ok(())
    }

    fn fill(&self, file: &D::File) -> io::Result<()> {
        file.allocate(self.segment_bytes)?;
        let mut offset = 0;
        while offset < self.segment_bytes {
            let part = usize::try_from(self.segment_bytes - offset).unwrap_or(usize::MAX);
            let part = part.min(ZEROS.len());
            file.write_at(&ZEROS[..part], offset)?;
            offset += part as u64;
        }
        file.sync_data()
    }

    /// Gives up segments that a checkpoint has made unnecessary: one is kept to be the next spare
    /// file, which then takes neither new space nor zeros.
    pub(crate) fn retire(&self, checkpoint: Lsn) -> io::Result<()> {
        let mut kept = lock(&self.old);
        let mut segments = list_segments(&*self.disk)?;
        segments.truncate(segments.partition_point(|first| *first <= checkpoint));
        // The last of them holds the checkpoint, or will.
        segments.pop();
        for first in segments {
            if kept.is_none_or(|kept| kept == first) {
                *kept = Some(first);
            } else {
                self.disk.remove(&segment_name(first))?;
            }
        }
        Ok(())
    }

    /// An old segment's file, made into a spare one; nothing if there is none that fits. Its
    /// records have another salt than any to come, so they cannot be taken for those.
    fn reuse(&self) -> io::Result<Option<D::File>> {
        let mut old = lock(&self.old);
        let Some(first) = old.take() else { return Ok(None) };
        let name = segment_name(first);
        let file = self.disk.open(&name, Access::Write)?;
        if file.len()? != self.segment_bytes {
            self.disk.remove(&name)?;
            return Ok(None);
        }
        self.disk.rename(&name, SPARE)?;
        Ok(Some(file))
    }

    fn begin(&self, segment: &Segment) -> io::Result<()> {
        let file = lock(&self.spare).take().ok_or(io::ErrorKind::NotFound)?;
        let mut header = [0; RECORDS_AT as usize];
        segment.encode(&mut header).expect("the header has its block");
        file.write_at(&header, 0)?;
        file.sync_data()?;
        // Only now the name: a segment that can be found has a header.
        self.disk.rename(SPARE, &segment_name(segment.first))?;
        self.disk.sync_dir()?;
        *lock(&self.current) = Some(Arc::new(file));
        Ok(())
    }

    fn current(&self) -> io::Result<Arc<D::File>> {
        lock(&self.current).clone().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The data behind a mutex, whoever panicked with it: no step here leaves it half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_name_is_its_first_lsn_in_one_spelling() {
        let first = Lsn::new(0x12_3458).expect("a multiple of 8");
        assert_eq!(segment_name(first), "0000000000123458.wal");
        assert_eq!(parse_name("0000000000123458.wal"), Some(first));
        for wrong in [
            "123458.wal",
            "0000000000123459.wal",
            "000000000012345F.wal",
            "+000000000123458.wal",
            "0000000000123458",
            "0000000000123458.wal.tmp",
            ".wal",
            "spare",
        ] {
            assert_eq!(parse_name(wrong), None, "{wrong}");
        }
    }
}
