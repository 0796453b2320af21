//! The log for programs with threads: group commit around the engine.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use treenail_wal::{Kind, Lsn};

use crate::checkpoints::{CheckpointError, Checkpoints};
use crate::disk::{Disk, OsDisk};
use crate::engine::{Action, Counts, Done, Engine, Fault, Refusal};
use crate::error::{Error, ErrorKind, copy};
use crate::files::{Files, lock};
use crate::options::Options;
use crate::reader::Reader;
use crate::recovery::{Parts, Recovery, open};

/// Where a sync costs less than this there is nothing to share: to wake a thread costs more.
const GATHER_WORTH: Duration = Duration::from_micros(10);

/// The longest that a commit waits for others to join it, unless the disk's sync takes longer.
const GATHER_MIN: Duration = Duration::from_micros(200);

/// The longest that it waits however slow the disk is.
const GATHER_MAX: Duration = Duration::from_millis(5);

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

struct Shared<D: Disk> {
    files: Files<D>,
    state: Mutex<State>,
    /// Who waits for a commit, by its group's parity: the group under way is woken when it is
    /// durable, the one that gathers meanwhile needs only one thread to lead it.
    groups: [Condvar; 2],
    /// The leader, who waits for others to join.
    joined: Condvar,
    /// Who waits for a write that another thread leads.
    written: Condvar,
    /// Who waits for a spare file.
    provided: Condvar,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    /// Whether a thread performs the commit lane's actions.
    has_leader: bool,
    /// Number of the group that gathers; the one before is under way or done.
    group: usize,
    /// How many wait in the group that gathers.
    gathered: usize,
    /// How many wait for a write.
    flushing: usize,
    /// What the group under way is syncing, if it does.
    syncing: Option<Syncing>,
    /// How many the leader waits for; out of reach if it does not.
    wanted: usize,
    /// How many wrote at the same time when last that was seen.
    writers: usize,
    /// How long the last sync took.
    sync_time: Duration,
}

/// What a leader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Everything durable, for all that wait for that.
    Commit,
    /// The system to have what ends here.
    Flush(Lsn),
}

/// A group whose records are all written.
#[derive(Debug, Clone, Copy)]
struct Syncing {
    group: usize,
    end: Lsn,
    /// How many threads it is for.
    size: usize,
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
        let state = State {
            engine,
            has_leader: false,
            group: 0,
            gathered: 0,
            flushing: 0,
            syncing: None,
            wanted: usize::MAX,
            writers: 1,
            sync_time: Duration::ZERO,
        };
        let shared = Shared {
            files,
            state: Mutex::new(state),
            groups: [Condvar::new(), Condvar::new()],
            joined: Condvar::new(),
            written: Condvar::new(),
            provided: Condvar::new(),
        };
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

type Guard<'a> = MutexGuard<'a, State>;

impl<D: Disk> Shared<D> {
    /// Waits until `end` is durable, or leads the threads that wait.
    fn commit<'a>(&'a self, mut state: Guard<'a>, end: Lsn) -> Result<Guard<'a>, Error> {
        while state.engine.durable() < end {
            self.check(&state)?;
            if !state.has_leader {
                state = self.lead(state, Lead::Commit);
                continue;
            }
            let group = match &mut state.syncing {
                // Woken to lead, but another was faster, and takes this thread's records along.
                Some(syncing) if end <= syncing.end => {
                    syncing.size += 1;
                    syncing.group
                }
                _ => {
                    state.gathered += 1;
                    if state.gathered >= state.wanted {
                        self.joined.notify_one();
                    }
                    state.group
                }
            };
            state = wait(&self.groups[group % 2], state);
        }
        Ok(state)
    }

    /// Waits until the system has what ends at `end`, or writes it.
    fn flush<'a>(&'a self, mut state: Guard<'a>, end: Lsn) -> Result<Guard<'a>, Error> {
        while state.engine.written() < end {
            self.check(&state)?;
            if !state.has_leader {
                state = self.lead(state, Lead::Flush(end));
                continue;
            }
            state.flushing += 1;
            state = wait(&self.written, state);
            state.flushing -= 1;
        }
        Ok(state)
    }

    /// Performs one group commit for all that wait, and wakes them; or a flush, with the commit
    /// that may be needed to begin a segment.
    fn lead<'a>(&'a self, mut state: Guard<'a>, lead: Lead) -> Guard<'a> {
        let own = usize::from(lead == Lead::Commit);
        state.has_leader = true;
        if lead == Lead::Commit {
            state = self.gather(state);
        }
        while let Some(action) = lead.next(&mut state.engine) {
            let is_sync = matches!(action, Action::Sync);
            if is_sync {
                // Who comes from now on is too late for this one.
                let (group, size) = (state.group, state.gathered + own);
                state.syncing = Some(Syncing { group, end: state.engine.under_way(), size });
                state.group += 1;
                state.gathered = 0;
            }
            drop(state);
            let start = is_sync.then(Instant::now);
            let done = self.files.perform(action);
            let time = start.map(|start| start.elapsed());
            state = lock(&self.state);
            state.engine.complete(done);
            if state.flushing > 0 {
                self.written.notify_all();
            }
            if let Some(time) = time {
                state.sync_time = time;
                break;
            }
        }
        state.has_leader = false;
        let synced = state.syncing.take();
        if state.engine.fault().is_some() {
            self.groups.iter().for_each(Condvar::notify_all);
            self.provided.notify_all();
            self.written.notify_all();
            return state;
        }
        if let Some(Syncing { group, size, .. }) = synced {
            state.writers = (size + state.gathered).max(1);
            if size > own {
                self.groups[group % 2].notify_all();
            }
        }
        if state.gathered > 0 {
            // One of those leads the next; it counts itself.
            state.gathered -= 1;
            self.groups[state.group % 2].notify_one();
        }
        if state.flushing > 0 {
            self.written.notify_all();
        }
        state
    }

    /// Lets those join who wrote together with this thread a moment ago: they were all woken at
    /// once and are about to write again. Without that, the first one awake would sync alone, and
    /// a cheap sync would be done before the others have run. A writer who is alone never waits,
    /// and nobody waits much longer than for a sync.
    fn gather<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let others = state.writers - 1;
        if state.gathered >= others || state.sync_time < GATHER_WORTH {
            return state;
        }
        let time = state.sync_time.clamp(GATHER_MIN, GATHER_MAX);
        state.wanted = others;
        let few = |state: &mut State| state.gathered < others;
        let waited = self.joined.wait_timeout_while(state, time, few);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.wanted = usize::MAX;
        state
    }

    /// Makes a spare file, or waits until another thread has. Who then finds it taken comes again.
    fn wait_for_spare<'a>(&'a self, mut state: Guard<'a>) -> Result<Guard<'a>, Error> {
        let Some(action) = state.engine.provide() else {
            return Ok(wait(&self.provided, state));
        };
        drop(state);
        let done = self.files.perform(action);
        let error = match &done {
            Done::Provided(Err(error)) => Some(copy(error)),
            _ => None,
        };
        self.provided_as(done);
        match error {
            Some(error) => Err(Error::io(self.files.disk().path(), "extend", error)),
            None => Ok(lock(&self.state)),
        }
    }

    fn provide(&self, action: Action) {
        self.provided_as(self.files.perform(action));
    }

    fn provided_as(&self, done: Done) {
        lock(&self.state).engine.complete(done);
        self.provided.notify_all();
    }

    fn check(&self, state: &State) -> Result<(), Error> {
        state.engine.fault().map_or(Ok(()), |fault| Err(self.poisoned(fault)))
    }

    fn poisoned(&self, fault: &Fault) -> Error {
        let path = self.files.disk().path();
        Error::new(ErrorKind::Poisoned, path, fault.operation, "").with_source(copy(&fault.error))
    }
}

impl Lead {
    fn next(self, engine: &mut Engine) -> Option<Action> {
        match self {
            Self::Commit => engine.commit(),
            Self::Flush(end) if engine.written() < end => engine.flush(),
            Self::Flush(_) => None,
        }
    }
}

fn wait<'a>(condition: &Condvar, state: Guard<'a>) -> Guard<'a> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}
