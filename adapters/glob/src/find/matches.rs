//! Results for the caller's thread.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::Error;

use super::Sink;
use super::batch::{Batch, Match};
use super::run::{Rest, Run};

/// How many batches may wait for the caller.
const WAITING_MAX: usize = 64;

/// What a walk finds, as an iterator; see [`Find::iter`]. Dropping it ends the walk: a thread that
/// is in a directory leaves it, and none is waited for.
pub struct Matches {
    run: Arc<Run>,
    stage: Stage,
    /// What was found and not told yet.
    ready: VecDeque<Result<Batch, Error>>,
    current: Option<(Arc<Batch>, usize)>,
}

enum Stage {
    Begin,
    Walking(Receiver<Result<Batch, Error>>),
    Over,
}

impl Matches {
    pub(super) fn new(run: Run) -> Self {
        let (stage, ready) = (Stage::Begin, VecDeque::new());
        Self { run: Arc::new(run), stage, ready, current: None }
    }

    /// The next batch, whose matches are not told again one by one.
    pub fn next_batch(&mut self) -> Option<Result<Arc<Batch>, Error>> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Some(result.map(Arc::new));
            }
            match &self.stage {
                Stage::Begin => self.begin(),
                Stage::Walking(results) => match results.recv() {
                    Ok(result) => self.ready.push_back(result),
                    Err(_) => self.stage = Stage::Over,
                },
                Stage::Over => return None,
            }
        }
    }

    /// As [`next_batch`](Self::next_batch), waiting no longer than that; `Ok(None)` is the end.
    ///
    /// # Errors
    /// Nothing was found in time; ask again.
    pub fn next_batch_within(
        &mut self,
        limit: std::time::Duration,
    ) -> Result<Option<Result<Arc<Batch>, Error>>, std::sync::mpsc::RecvTimeoutError> {
        use std::sync::mpsc::RecvTimeoutError;
        if matches!(self.stage, Stage::Begin) && self.ready.is_empty() {
            self.begin();
        }
        if let (true, Stage::Walking(results)) = (self.ready.is_empty(), &self.stage) {
            match results.recv_timeout(limit) {
                Ok(result) => self.ready.push_back(result),
                Err(RecvTimeoutError::Disconnected) => self.stage = Stage::Over,
                Err(timeout) => return Err(timeout),
            }
        }
        Ok(self.ready.pop_front().map(|result| result.map(Arc::new)))
    }

    /// Lists the first directory here, and has the others walked if there are any.
    fn begin(&mut self) {
        let found = Found(Mutex::default());
        let rest = self.run.first(&found);
        self.ready = found.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.stage = match rest {
            Some(rest) => self.walk(rest),
            None => Stage::Over,
        };
    }

    fn walk(&self, rest: Rest) -> Stage {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let run = self.run.clone();
        let builder = thread::Builder::new().name("treenail-find".into());
        match builder.spawn(move || run.rest(rest, &Sending(sender))) {
            Ok(_) => Stage::Walking(receiver),
            Err(_) => Stage::Over,
        }
    }
}

impl Iterator for Matches {
    type Item = Result<Match, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((batch, index)) = &mut self.current {
                if *index < batch.len() {
                    let found = Match { batch: batch.clone(), index: *index };
                    *index += 1;
                    return Some(Ok(found));
                }
                self.current = None;
            }
            match self.next_batch()? {
                Ok(batch) => self.current = Some((batch, 0)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Drop for Matches {
    fn drop(&mut self) {
        self.run.end();
    }
}

impl std::fmt::Debug for Matches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches").finish_non_exhaustive()
    }
}

/// Keeps what is found.
struct Found(Mutex<VecDeque<Result<Batch, Error>>>);

impl Found {
    fn push(&self, result: Result<Batch, Error>) -> ControlFlow<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(result);
        ControlFlow::Continue(())
    }
}

impl Sink for Found {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        self.push(Ok(std::mem::take(batch)))
    }

    fn error(&self, (): &mut (), error: Error) -> ControlFlow<()> {
        self.push(Err(error))
    }
}

/// Sends what is found to the caller's thread.
struct Sending(SyncSender<Result<Batch, Error>>);

impl Sending {
    fn send(
        sender: &SyncSender<Result<Batch, Error>>,
        result: Result<Batch, Error>,
    ) -> ControlFlow<()> {
        match sender.send(result) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl Sink for Sending {
    type Worker = SyncSender<Result<Batch, Error>>;

    fn worker(&self) -> Self::Worker {
        self.0.clone()
    }

    fn batch(&self, sender: &mut Self::Worker, batch: &mut Batch) -> ControlFlow<()> {
        Self::send(sender, Ok(std::mem::take(batch)))
    }

    fn error(&self, sender: &mut Self::Worker, error: Error) -> ControlFlow<()> {
        Self::send(sender, Err(error))
    }
}
