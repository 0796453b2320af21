//! Group commit: threads that want records on the disk at the same time share the work of one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use treenail_wal::Lsn;

use crate::disk::Disk;
use crate::engine::{Action, Done, Engine, Fault};
use crate::error::{Error, ErrorKind, copy};
use crate::files::{Files, lock};

/// Where a sync costs less than this there is nothing to share: to wake a thread costs more.
const GATHER_WORTH: Duration = Duration::from_micros(10);

/// The longest that a commit waits for others to join it, unless the disk's sync takes longer.
const GATHER_MIN: Duration = Duration::from_micros(200);

/// The longest that it waits however slow the disk is.
const GATHER_MAX: Duration = Duration::from_millis(5);

/// What the threads of a log share.
pub(crate) struct Shared<D: Disk> {
    pub(crate) files: Files<D>,
    pub(crate) state: Mutex<State>,
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

/// The engine, and who waits for what.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) engine: Engine,
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

pub(crate) type Guard<'a> = MutexGuard<'a, State>;

impl<D: Disk> Shared<D> {
    pub(crate) fn new(engine: Engine, files: Files<D>) -> Self {
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
        Self {
            files,
            state: Mutex::new(state),
            groups: [Condvar::new(), Condvar::new()],
            joined: Condvar::new(),
            written: Condvar::new(),
            provided: Condvar::new(),
        }
    }

    /// Waits until `end` is durable, or leads the threads that wait.
    pub(crate) fn commit<'a>(&'a self, mut state: Guard<'a>, end: Lsn) -> Result<Guard<'a>, Error> {
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
    pub(crate) fn flush<'a>(&'a self, mut state: Guard<'a>, end: Lsn) -> Result<Guard<'a>, Error> {
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
    pub(crate) fn wait_for_spare<'a>(&'a self, mut state: Guard<'a>) -> Result<Guard<'a>, Error> {
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

    pub(crate) fn provide(&self, action: Action) {
        self.provided_as(self.files.perform(action));
    }

    pub(crate) fn provided_as(&self, done: Done) {
        lock(&self.state).engine.complete(done);
        self.provided.notify_all();
    }

    pub(crate) fn check(&self, state: &State) -> Result<(), Error> {
        state.engine.fault().map_or(Ok(()), |fault| Err(self.poisoned(fault)))
    }

    pub(crate) fn poisoned(&self, fault: &Fault) -> Error {
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
