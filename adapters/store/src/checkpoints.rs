//! Writing checkpoints, and giving up the segments that they make unnecessary.

use std::io;

use treenail_wal::{Epoch, Lsn};

use crate::disk::{Disk, DiskFile};
use crate::engine::Fault;
use crate::error::{Error, ErrorKind};
use crate::files::Files;
use crate::reader::Reader;
use crate::recovery::Checkpoint;
use crate::slots::{CHECKPOINT_BYTES_MAX, Slot, SlotError, Slots};

/// The checkpoints of a log that is open for writing.
pub struct Checkpoints<F> {
    slots: Slots<F>,
    /// Of the newest one.
    sequence: u64,
    log_id: u64,
    /// Of the opening.
    epoch: Epoch,
    /// Of the newest one.
    lsn: Lsn,
}

/// What the newest checkpoint says, with the epoch that those to come are to say.
pub(crate) struct Newest {
    pub(crate) sequence: u64,
    pub(crate) log_id: u64,
    pub(crate) epoch: Epoch,
    pub(crate) lsn: Lsn,
}

/// Why there is no new checkpoint; the one before is still there.
#[derive(Debug)]
pub enum CheckpointError {
    /// It was refused, and nothing has changed.
    Refused(Error),
    /// Its sync failed. [`Engine::poison`](crate::Engine::poison) the log.
    Poisons(Fault),
}

impl<F: DiskFile> Checkpoints<F> {
    pub(crate) fn new(slots: Slots<F>, newest: &Newest) -> Self {
        let Newest { sequence, log_id, epoch, lsn } = *newest;
        Self { slots, sequence, log_id, epoch, lsn }
    }

    /// Writes the checkpoint that was found once more, with what is durable now.
    pub(crate) fn confirm(&mut self, checkpoint: &Checkpoint, durable: Lsn) -> io::Result<()> {
        match self.put(checkpoint.lsn, durable, &checkpoint.content) {
            Ok(()) => Ok(()),
            Err(SlotError::Write(error) | SlotError::Sync(error)) => Err(error),
        }
    }

    /// Writes a checkpoint: what is before `lsn` is not needed any more. Segments that end there
    /// or earlier are removed; one is kept to be used again. `durable` is the engine's.
    ///
    /// # Errors
    /// See [`CheckpointError`]. If an old segment cannot be removed the checkpoint is there all the
    /// same, and the next one tries again.
    pub fn write<D: Disk<File = F>>(
        &mut self,
        files: &Files<D>,
        lsn: Lsn,
        durable: Lsn,
        content: &[u8],
    ) -> Result<(), CheckpointError> {
        let refused = CheckpointError::Refused;
        self.check(files, lsn, durable, content).map_err(refused)?;
        let path = files.disk().path();
        self.put(lsn, durable, content).map_err(|error| match error {
            SlotError::Write(error) => refused(Error::io(path, "write a checkpoint of", error)),
            SlotError::Sync(error) => {
                CheckpointError::Poisons(Fault { operation: "sync a checkpoint of", error })
            }
        })?;
        files
            .retire(lsn)
            .map_err(|error| refused(Error::io(path, "remove an old segment of", error)))
    }

    fn put(&mut self, lsn: Lsn, durable: Lsn, content: &[u8]) -> Result<(), SlotError> {
        let (sequence, log_id, epoch) = (self.sequence.saturating_add(1), self.log_id, self.epoch);
        let content = content.to_vec();
        self.slots.write(&Slot { sequence, log_id, lsn, durable, epoch, content })?;
        (self.sequence, self.lsn) = (sequence, lsn);
        Ok(())
    }

    fn check<D: Disk<File = F>>(
        &self,
        files: &Files<D>,
        lsn: Lsn,
        durable: Lsn,
        content: &[u8],
    ) -> Result<(), Error> {
        let disk = files.disk();
        let refused =
            |kind, detail| Err(Error::new(kind, disk.path(), "write a checkpoint of", detail));
        if content.len() > CHECKPOINT_BYTES_MAX {
            let length = content.len();
            return refused(
                ErrorKind::TooLarge,
                format!("its content has {length} bytes, at most {CHECKPOINT_BYTES_MAX} fit"),
            );
        }
        if lsn < self.lsn || lsn > durable {
            return refused(
                ErrorKind::Invalid,
                format!(
                    "LSN {lsn} is not between the last checkpoint, {}, and the durable end, \
                     {durable}",
                    self.lsn
                ),
            );
        }
        // A recovery that began within a record would find nothing there and call it corrupt.
        let is_place = lsn == durable
            || lsn == self.lsn
            || Reader::<D>::open_at(disk.clone(), lsn)?.is_at_record()?;
        if !is_place {
            return refused(ErrorKind::Invalid, format!("no record begins at LSN {lsn}"));
        }
        Ok(())
    }
}
