//! Results as values, from the threads that search to the one that asked.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::vec;

use crate::error::Error;

use super::engine::{Searcher, Worker};
use super::files::{Reading, open, path_of};
use super::lines::{FileMatches, Line};
use super::run::{Consume, Found};

/// How many messages may wait for who asked.
const MESSAGES_MAX: usize = 64;

/// How far ahead of what is asked for a run of files may be searched, where order counts.
const TURNS_AHEAD_MAX: u64 = 256;

/// A file with a line that was found.
#[derive(Clone, Debug)]
pub struct FileMatch {
    /// Its path.
    pub path: Vec<u8>,
    /// What was found in it.
    pub matches: FileMatches,
}

/// A line that was found, and its file.
#[derive(Clone, Debug)]
pub struct SearchMatch {
    file: Arc<FileMatch>,
    index: usize,
}

impl SearchMatch {
    /// The path of the file.
    pub fn path(&self) -> &[u8] {
        &self.file.path
    }

    /// The line.
    pub fn line(&self) -> Line<'_> {
        self.file.matches.line(self.index)
    }

    /// The file, with all that was found in it.
    pub fn file(&self) -> &Arc<FileMatch> {
        &self.file
    }
}

/// The lines that a search finds, in the background; see [`Files::iter`](super::Files::iter).
#[derive(Debug)]
pub struct SearchMatches {
    delivery: Delivery,
    file: Option<Arc<FileMatch>>,
    next: usize,
}

impl SearchMatches {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery, file: None, next: 0 }
    }
}

impl Iterator for SearchMatches {
    type Item = Result<SearchMatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(file) = &self.file
                && self.next < file.matches.lines().len()
            {
                let index = self.next;
                self.next += 1;
                return Some(Ok(SearchMatch { file: file.clone(), index }));
            }
            match self.delivery.next()? {
                Ok(file) => (self.file, self.next) = (Some(Arc::new(file)), 0),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

type FileResult = Result<FileMatch, Error>;

/// What is sent.
#[derive(Debug)]
enum Message {
    /// A file, or an error, as it comes.
    One(FileResult),
    /// What a run of files had, and its turn.
    Run(u64, Vec<FileResult>),
}

/// The turns that are asked for at present, where order counts.
#[derive(Debug, Default)]
struct Turns {
    next: Mutex<u64>,
    changed: Condvar,
}

impl Turns {
    fn set(&self, turn: u64) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = turn;
        self.changed.notify_all();
    }

    /// Waits until a turn is not too far ahead.
    fn wait(&self, turn: u64) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while turn >= next.saturating_add(TURNS_AHEAD_MAX) {
            next = self.changed.wait(next).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The two ends of a delivery, in order or as results come.
pub(super) fn channel(searcher: &Searcher, ordered: bool) -> (Deliver, Delivery) {
    let (sender, receiver) = sync_channel(MESSAGES_MAX);
    let turns = ordered.then(Arc::<Turns>::default);
    let dropped = Arc::<AtomicBool>::default();
    let deliver = Deliver {
        searcher: searcher.clone(),
        sender,
        turns: turns.clone(),
        dropped: dropped.clone(),
    };
    let delivery = Delivery {
        receiver,
        turns,
        dropped,
        turn: 0,
        waiting: BTreeMap::new(),
        now: Vec::new().into_iter(),
    };
    (deliver, delivery)
}

/// The end that is asked.
#[derive(Debug)]
pub(super) struct Delivery {
    receiver: Receiver<Message>,
    turns: Option<Arc<Turns>>,
    /// Says to the other end that this one is gone.
    dropped: Arc<AtomicBool>,
    turn: u64,
    waiting: BTreeMap<u64, Vec<FileResult>>,
    now: vec::IntoIter<FileResult>,
}

impl Iterator for Delivery {
    type Item = FileResult;

    fn next(&mut self) -> Option<FileResult> {
        loop {
            if let Some(result) = self.now.next() {
                return Some(result);
            }
            if let Some(run) = self.waiting.remove(&self.turn) {
                self.now = run.into_iter();
                self.turn += 1;
                if let Some(turns) = &self.turns {
                    turns.set(self.turn);
                }
                continue;
            }
            match self.receiver.recv() {
                Ok(Message::One(result)) => return Some(result),
                Ok(Message::Run(turn, run)) => _ = self.waiting.insert(turn, run),
                Err(_) => {
                    // A search that was ended leaves gaps.
                    self.turn = *self.waiting.first_key_value()?.0;
                }
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
        if let Some(turns) = &self.turns {
            turns.set(u64::MAX);
        }
    }
}

/// The end that searches.
#[derive(Debug)]
pub(super) struct Deliver {
    searcher: Searcher,
    sender: SyncSender<Message>,
    turns: Option<Arc<Turns>>,
    dropped: Arc<AtomicBool>,
}

/// What one thread searches with.
pub(super) struct DeliverWorker {
    worker: Worker,
    found: FileMatches,
    turn: u64,
    run: Vec<FileResult>,
}

impl Deliver {
    fn send(&self, message: Message) -> ControlFlow<()> {
        match self.sender.send(message) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn give(&self, worker: &mut DeliverWorker, result: FileResult) -> ControlFlow<()> {
        if self.turns.is_some() {
            worker.run.push(result);
            return ControlFlow::Continue(());
        }
        self.send(Message::One(result))
    }
}

impl Consume for Deliver {
    type Worker = DeliverWorker;

    fn worker(&self) -> DeliverWorker {
        DeliverWorker {
            worker: self.searcher.worker(),
            found: FileMatches::default(),
            turn: 0,
            run: Vec::new(),
        }
    }

    fn begin(&self, worker: &mut DeliverWorker, turn: u64) {
        worker.turn = turn;
        if let Some(turns) = &self.turns {
            turns.wait(turn);
        }
    }

    fn file(
        &self,
        worker: &mut DeliverWorker,
        file: Found<'_>,
        reading: &Reading<'_>,
    ) -> ControlFlow<()> {
        worker.found.clear();
        let DeliverWorker { worker: search, found, .. } = worker;
        let searched =
            open(&file, reading, |input, content, _| search.input(input, content, found));
        let searched = searched.and_then(|searched: io::Result<()>| searched);
        if !worker.found.is_empty() {
            let matches = std::mem::take(&mut worker.found);
            let path = path_of(&file).to_vec();
            self.give(worker, Ok(FileMatch { path, matches }))?;
        }
        match searched {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) if reading.is_over() => ControlFlow::Break(()),
            Err(error) => self.give(worker, Err(Error::io("search", path_of(&file), error))),
        }
    }

    fn end(&self, worker: &mut DeliverWorker) -> ControlFlow<()> {
        if self.turns.is_none() {
            return ControlFlow::Continue(());
        }
        self.send(Message::Run(worker.turn, std::mem::take(&mut worker.run)))
    }

    fn spared(&self) {}

    fn error(&self, error: Error) -> ControlFlow<()> {
        self.send(Message::One(Err(error)))
    }

    fn is_over(&self) -> bool {
        self.dropped.load(Ordering::Relaxed)
    }
}
