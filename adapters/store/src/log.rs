//! The log for programs with threads.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use treenail_wal::{Kind, Lsn};

use crate::checkpoints::{CheckpointError, Checkpoints};
use crate::disk::{Disk, OsDisk};
use crate::engine::{Counts, Done, Refusal};
use crate::error::{Error, ErrorKind};
use crate::files::lock;
use crate::group::{Guard, Shared};
use crate::options::Options;
use crate::reader::Reader;
use crate::recovery::{Parts, Recovery, open};

/// A log that is open for writing, from any number of threads.
///
/// Dropping it neither writes nor loses anything: what was committed is durable, what was flushed
/// is there unless the power fails, the rest may be gone. [`close`](Self::close) it, so that the
/// next opening can tell that nothing is missing.
pub struct Log<D: Disk = OsDisk> {
    shared: Arc<Shared<D>>,
    checkpoints: Mutex<Checkpoints<D::File>>,
    /// The thread that makes the segment to come, if one is at work.
    helper: Mutex<Option<JoinHandle<()>>>,
    background: bool,
    _lock: D::Lock,
}

impl Log<OsDisk> {
    /// Opens the log in a directory, or makes both; the directory's parent must exist.
    ///
    /// ```
    /// use treenail_store::{Kind, Log, Options};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("log");
    /// let (log, recovery) = Log::open(&path, &Options::default())?;
    /// assert_eq!(recovery.records, 0);
    /// log.write(Kind::new(1).unwrap(), b"never lost")?;
    /// log.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`open`](crate::open).
    pub fn open(path: &Path, options: &Options) -> Result<(Self, Recovery), Error> {
        let disk = OsDisk::create(path).map_err(|error| Error::io(path, "open", error))?;
        Self::open_on(disk, options)
    }
}

impl<D: Disk> Log<D> {
    /// The same on any disk.
    ///
    /// # Errors
    /// See [`open`](crate::open).
    pub fn open_on(disk: D, options: &Options) -> Result<(Self, Recovery), Error> {
        let Parts { engine, files, checkpoints, lock, recovery } = open(disk, options)?;
        let shared = Shared::new(engine, files);
        let log = Self {
            shared: Arc::new(shared),
            checkpoints: Mutex::new(checkpoints),
            helper: Mutex::new(None),
            background: options.background,
            _lock: lock,
        };
        Ok((log, recovery))
    }

    /// Appends a record and returns its end, for [`commit`](Self::commit). Until then it is in
    /// memory only. Records are in the log in the order of the calls.
    ///
    /// # Errors
    /// - [`ErrorKind::NoSpace`] if a new segment is needed and the disk is full.
    /// - [`ErrorKind::TooLarge`] if the record does not fit into a segment.
    /// - [`ErrorKind::Poisoned`] if a write or a sync has failed before.
    /// - [`ErrorKind::Io`] if a new segment is needed and the system refuses it.
    ///
    /// Nothing was appended then.
    pub fn append(&self, kind: Kind, payload: &[u8]) -> Result<Lsn, Error> {
        let mut state = lock(&self.shared.state);
        loop {
            match state.engine.append(kind, payload) {
                Ok(end) => return Ok(end),
                Err(Refusal::Pending) => {
                    let end = state.engine.end();
                    state = self.shared.commit(state, end)?;
                }
                Err(Refusal::NoSpare) => state = self.shared.wait_for_spare(state)?,
                Err(refusal) => return Err(self.refused(&refusal)),
            }
        }
    }

    /// Returns when everything that ends at `end` or before is durable. Threads that commit at the
    /// same time share a sync.
    ///
    /// # Errors
    /// [`ErrorKind::Poisoned`] if the write or the sync failed, now or before. What was appended
    /// and not committed may be found or not when the log is opened again.
    /// [`ErrorKind::Invalid`] if nothing was appended there.
    pub fn commit(&self, end: Lsn) -> Result<(), Error> {
        let state = self.locked_to(end, "commit to")?;
        let state = self.shared.commit(state, end)?;
        self.look_ahead(state);
        Ok(())
    }

    /// Returns when the system has everything that ends at `end` or before: other processes read
    /// it, and it is there when the log is opened again, however this process ends. It is not
    /// synced: a power failure may take it, the last of it first, up to what was committed.
    ///
    /// That is one write, whatever was appended; where a new segment is begun, also the syncs that
    /// this takes. A commit at the same time is waited for.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit).
    pub fn flush(&self, end: Lsn) -> Result<(), Error> {
        let state = self.locked_to(end, "flush to")?;
        let state = self.shared.flush(state, end)?;
        self.look_ahead(state);
        Ok(())
    }

    /// Appends a record and commits it.
    ///
    /// # Errors
    /// As for [`append`](Self::append) and [`commit`](Self::commit).
    pub fn write(&self, kind: Kind, payload: &[u8]) -> Result<Lsn, Error> {
        let end = self.append(kind, payload)?;
        self.commit(end)?;
        Ok(end)
    }

    /// Everything before this is durable.
    pub fn durable(&self) -> Lsn {
        lock(&self.shared.state).engine.durable()
    }

    /// The system has everything before this; what is not [`durable`](Self::durable) of it is lost
    /// if the power fails.
    pub fn written(&self) -> Lsn {
        lock(&self.shared.state).engine.written()
    }

    /// Where the next record goes.
    pub fn end(&self) -> Lsn {
        lock(&self.shared.state).engine.end()
    }

    /// The longest payload that a record may have.
    pub fn payload_bytes_max(&self) -> usize {
        lock(&self.shared.state).engine.payload_bytes_max()
    }

    /// What was done since the log was opened.
    pub fn counts(&self) -> Counts {
        lock(&self.shared.state).engine.counts()
    }

    /// Reads from `lsn`, where a record must begin, to what is durable now.
    ///
    /// # Errors
    /// [`ErrorKind::Retired`] if a checkpoint has made that part unnecessary; otherwise as for
    /// [`Reader::open_at`].
    pub fn read_from(&self, lsn: Lsn) -> Result<Reader<D>, Error> {
        let durable = self.durable();
        Ok(Reader::open_at(self.shared.files.disk().clone(), lsn)?.until(durable))
    }

    /// Writes a checkpoint: what is before `lsn` is not needed any more, and `content`, at most
    /// [`CHECKPOINT_BYTES_MAX`](crate::CHECKPOINT_BYTES_MAX) bytes, says what the caller wants to
    /// know when it opens the log again. `lsn` is where a record begins, or the durable end.
    ///
    /// # Errors
    /// - [`ErrorKind::Invalid`] if `lsn` is before the last checkpoint or not durable, or no record
    ///   begins there.
    /// - [`ErrorKind::TooLarge`] if the content does not fit.
    /// - [`ErrorKind::Poisoned`] if the checkpoint's sync failed, or the log was poisoned before.
    /// - [`ErrorKind::Io`] if the system refuses. The checkpoint before is still there, unless it
    ///   was the removal of an old segment that was refused.
    pub fn checkpoint(&self, lsn: Lsn, content: &[u8]) -> Result<(), Error> {
        let mut checkpoints = lock(&self.checkpoints);
        let durable = {
            let state = lock(&self.shared.state);
            self.shared.check(&state)?;
            state.engine.durable()
        };
        match checkpoints.write(&self.shared.files, lsn, durable, content) {
            Ok(()) => Ok(()),
            Err(CheckpointError::Refused(error)) => Err(error),
            Err(CheckpointError::Poisons(fault)) => {
                let mut state = lock(&self.shared.state);
                state.engine.poison(fault);
                self.shared.check(&state)
            }
        }
    }

    /// Commits everything, and writes the witness of a clean close.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit).
    pub fn close(self) -> Result<(), Error> {
        let mut state = lock(&self.shared.state);
        let end = state.engine.end();
        state = self.shared.commit(state, end)?;
        state.engine.close();
        let end = state.engine.end();
        self.shared.commit(state, end).map(drop)
    }

    /// The state, if something was appended up to there.
    fn locked_to(&self, end: Lsn, operation: &'static str) -> Result<Guard<'_>, Error> {
        let state = lock(&self.shared.state);
        if end > state.engine.end() {
            let detail = format!("LSN {end} is beyond the end, {}", state.engine.end());
            return Err(self.error(ErrorKind::Invalid, operation, detail));
        }
        Ok(state)
    }

    fn look_ahead(&self, state: Guard<'_>) {
        let wants_spare = state.engine.wants_spare();
        drop(state);
        if wants_spare {
            self.provide_early();
        }
    }

    /// Has the file of the segment to come made before it is needed.
    fn provide_early(&self) {
        let mut helper = lock(&self.helper);
        let Some(action) = lock(&self.shared.state).engine.provide() else { return };
        if let Some(before) = helper.take() {
            // It is done, or there would be nothing to provide.
            _ = before.join();
        }
        let shared = self.shared.clone();
        let work = move || shared.provide(action);
        if !self.background {
            work();
            return;
        }
        match thread::Builder::new().name("treenail-store".to_owned()).spawn(work) {
            Ok(thread) => *helper = Some(thread),
            // The action went with the closure; who needs the file will ask again.
            Err(error) => self.shared.provided_as(Done::Provided(Err(error))),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let append = |kind, detail| self.error(kind, "append to", detail);
        match refusal {
            Refusal::TooLarge { payload_bytes_max } => append(
                ErrorKind::TooLarge,
                format!("a record has at most {payload_bytes_max} bytes here"),
            ),
            Refusal::Kind => append(ErrorKind::Invalid, "that kind is the log's own".to_owned()),
            Refusal::Exhausted => append(ErrorKind::Invalid, "its LSNs are used up".to_owned()),
            Refusal::Poisoned(fault) => self.shared.poisoned(fault),
            Refusal::NoSpare | Refusal::Pending => unreachable!("the caller waits for those"),
        }
    }

    fn error(&self, kind: ErrorKind, operation: &'static str, detail: String) -> Error {
        Error::new(kind, self.shared.files.disk().path(), operation, detail)
    }
}

impl<D: Disk> fmt::Debug for Log<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("path", &self.shared.files.disk().path())
            .finish_non_exhaustive()
    }
}

impl<D: Disk> Drop for Log<D> {
    fn drop(&mut self) {
        // The lock goes with the log, so nothing of it may write any more.
        if let Some(helper) = lock(&self.helper).take() {
            _ = helper.join();
        }
    }
}
