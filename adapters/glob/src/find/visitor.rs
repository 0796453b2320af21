//! What a walk hands down from directory to directory, and what its threads work with.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use treenail_os::{Directory, Entry, Handle, Listing, Next, Place, Visit, is_elsewhere};
use treenail_pattern::glob;

use crate::error::Error;
use crate::pattern;

use super::Sink;
use super::batch::Batch;
use super::order::{Listed, Telling};
use super::rules::{Held, RootRules};
use super::run::Run;

/// A batch of this many bytes is handed over.
pub(super) const BATCH_BYTES: usize = 32 << 10;
/// No match waits longer than this while its thread goes on.
const WAIT_MAX: Duration = Duration::from_millis(10);

/// One root's walk.
pub(super) struct Visitor<'r, 'c, S> {
    pub(super) run: &'r Run,
    pub(super) sink: &'r S,
    pub(super) root: &'c Root,
    /// How far the walked directory lies below the root: more than 0 behind a link.
    pub(super) depth: usize,
}

/// What holds for everything below one root.
pub(super) struct Root {
    pub(super) index: u32,
    /// How much of each path stands for the root.
    pub(super) shown_len: usize,
    /// The root's path from the top of the file system, where patterns ask for it.
    pub(super) absolute: Vec<u8>,
    pub(super) rules: Option<RootRules>,
}

/// What a directory hands down to one below it.
pub(super) struct State {
    /// What stands before its own name, or, if it is the first of a walk, before those in it. All
    /// that wait below one directory share it.
    pub(super) above: Arc<[u8]>,
    pub(super) place: pattern::Place,
    pub(super) excludes: Option<glob::State>,
    pub(super) rules: Option<Arc<Held>>,
    /// Its number in the order.
    pub(super) number: u64,
    /// Whether a pattern named it and nobody has seen it.
    pub(super) is_guessed: bool,
    pub(super) way: Way,
}

/// What is to be done with a directory.
pub(super) enum Way {
    /// Look at everything in it.
    List,
    /// Look at the rest: the first piece of it has been looked at.
    ListOn,
    /// Nothing in it is wanted.
    Skip,
    /// Enter this component of the patterns' prefix.
    Straight(usize),
    /// Enter these: it has been listed.
    Listed(Vec<Pending>),
}

/// A directory that is to be entered: its name, inode and state.
pub(super) type Pending = (Box<[u8]>, u64, State);

/// What one thread works with.
pub(super) struct Worker<'r, S: Sink> {
    sink: &'r S,
    run: &'r Run,
    inner: S::Worker,
    pub(super) batch: Batch,
    /// To be filled next, where order counts.
    spare: Vec<Batch>,
    pace: Pace,
    /// What stands before the names in the present directory.
    pub(super) prefix: Vec<u8>,
    /// What stands before the names in the path that patterns ask for.
    pub(super) subject: Vec<u8>,
    /// The directory's path as ignore rules know it.
    pub(super) at: Vec<u8>,
    pub(super) found: Vec<usize>,
    pub(super) errors: Vec<Error>,
    pub(super) listing: Listing,
}

/// When to hand over what there is: soon at first, and then in larger pieces.
struct Pace {
    bytes: usize,
    last: Option<Instant>,
}

impl Pace {
    fn is_due(&self, batch: &Batch) -> bool {
        batch.bytes() >= self.bytes
            || (!batch.is_empty() && self.last.is_some_and(|last| last.elapsed() >= WAIT_MAX))
    }

    fn handed_over(&mut self) {
        self.bytes = (self.bytes * 2).clamp(1 << 10, BATCH_BYTES);
        self.last = Some(Instant::now());
    }
}

impl<'r, S: Sink> Worker<'r, S> {
    pub(super) fn new(run: &'r Run, sink: &'r S) -> Self {
        Self {
            sink,
            run,
            inner: sink.worker(),
            batch: Batch::default(),
            spare: Vec::new(),
            pace: Pace { bytes: 1, last: None },
            prefix: Vec::new(),
            subject: Vec::new(),
            at: Vec::new(),
            found: Vec::new(),
            errors: Vec::new(),
            listing: Listing::new(),
        }
    }

    pub(super) fn error(&mut self, error: Error) {
        if !self.run.is_ended() && self.sink.error(&mut self.inner, error).is_break() {
            self.run.end();
        }
    }

    /// Hands over what this thread has found.
    pub(super) fn flush(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        self.hand_over(&mut batch);
        self.batch = batch;
    }

    pub(super) fn hand_over(&mut self, batch: &mut Batch) {
        if batch.is_empty() {
            return;
        }
        if self.run.claim(batch) {
            self.pace.handed_over();
            if self.sink.batch(&mut self.inner, batch) == ControlFlow::Break(()) {
                self.run.end();
            }
        }
        batch.clear();
    }

    /// Whether what this thread has found is to be handed over.
    pub(super) fn is_due(&self) -> bool {
        self.pace.is_due(&self.batch) || self.run.is_enough(&self.batch)
    }

    /// Hands in what a directory holds, where order counts; `prefix` stands before its names.
    pub(super) fn complete(&mut self, number: u64, prefix: &[u8], children: Vec<(usize, u64)>) {
        let run = self.run;
        let Some(order) = &run.order else { return };
        let mut spare = std::mem::take(&mut self.spare);
        let batch = match self.batch.is_empty() {
            true => Batch::default(),
            false => std::mem::replace(&mut self.batch, spare.pop().unwrap_or_default()),
        };
        let prefix = if batch.is_empty() { Vec::new() } else { prefix.to_vec() };
        order.complete(number, Listed { prefix, batch, children }, &mut spare, |out| {
            if self.pace.is_due(out) || run.is_enough(out) {
                self.hand_over(out);
            }
            !run.is_over()
        });
        self.spare = spare;
    }

    /// Hands over everything that can be.
    pub(super) fn settle(&mut self) {
        match &self.run.order {
            Some(order) => self.settle_in_order(&mut order.lock()),
            None => self.flush(),
        }
    }

    fn settle_in_order(&mut self, telling: &mut Telling) {
        let mut out = std::mem::take(&mut telling.out);
        self.hand_over(&mut out);
        telling.out = out;
    }
}

impl<S: Sink> Drop for Worker<'_, S> {
    fn drop(&mut self) {
        if !thread::panicking() && !self.run.is_ended() {
            self.settle();
        }
    }
}

impl<'r, S: Sink> Visit for Visitor<'r, '_, S> {
    type State = State;
    type Task = ();
    type Worker = Worker<'r, S>;

    fn worker(&self) -> Worker<'r, S> {
        Worker::new(self.run, self.sink)
    }

    fn lists(&self, _: &mut Worker<'r, S>, _: &Arc<Handle>, state: &mut State) -> bool {
        matches!(state.way, Way::List)
    }

    fn takes_pieces(&self, _: &State) -> bool {
        !self.run.plan.find.sort
    }

    fn piece(
        &self,
        worker: &mut Worker<'r, S>,
        dir: &mut Directory<'_>,
        state: &mut State,
        next: &mut Next<'_, Self>,
    ) {
        if !self.run.is_over() {
            let handle = dir.handle().clone();
            let enter = |(name, inode, state): Pending| next.enter(&handle, &name, inode, state);
            self.look_at_piece(worker, &handle, dir.entries(), state, enter);
        }
        if self.run.is_over() {
            next.stop();
        }
    }

    fn directory(
        &self,
        worker: &mut Worker<'r, S>,
        dir: &mut Directory<'_>,
        state: State,
        next: &mut Next<'_, Self>,
    ) {
        if self.run.is_over() {
            next.stop();
            return;
        }
        if self.run.plan.find.sort {
            dir.sort_by_name();
        }
        let handle = dir.handle().clone();
        let enter = |(name, inode, state): Pending| next.enter(&handle, &name, inode, state);
        self.look(worker, &handle, dir.entries(), state, enter);
        if self.run.is_over() {
            next.stop();
        }
    }

    fn task(&self, _: &mut Worker<'r, S>, (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, worker: &mut Worker<'r, S>, place: Place<'_>, error: io::Error, state: State) {
        let is_border = error.kind() == io::ErrorKind::CrossesDevices;
        // A prefix that leads nowhere is a pattern that matches nothing.
        let leads_nowhere = state.is_guessed && is_elsewhere(&error);
        if !is_border && !leads_nowhere {
            worker.error(Error::io("list the directory", place.full_path(), error));
        }
        worker.complete(state.number, b"", Vec::new());
    }

    fn idle(&self, worker: &mut Worker<'r, S>) {
        match &self.run.order {
            // Whoever tells at present hands over what there is.
            Some(order) => {
                if let Some(mut telling) = order.try_lock() {
                    worker.settle_in_order(&mut telling);
                }
            }
            None => worker.flush(),
        }
    }
}

impl<'r, S: Sink> Visitor<'r, '_, S> {
    /// Does with an open directory what is to be done; where order counts, its entries are sorted.
    pub(super) fn look<'e>(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Arc<Handle>,
        entries: impl ExactSizeIterator<Item = Entry<'e>> + Clone,
        mut state: State,
        mut enter: impl FnMut(Pending),
    ) {
        match std::mem::replace(&mut state.way, Way::List) {
            Way::List => self.list(worker, handle, entries, &state, enter),
            Way::ListOn => self.list_on(worker, handle, entries, &state, enter),
            Way::Skip => {}
            Way::Straight(part) => self.go_straight(worker, handle, &state, part, enter),
            Way::Listed(pending) => pending.into_iter().for_each(&mut enter),
        }
    }
}
