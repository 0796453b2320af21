//! Results as values, from the threads that search to the one that asked.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::vec;

use crate::error::Error;
use crate::find::Cancel;

use super::engine::{Searcher, Worker};
use super::files::{Reading, open, path_of};
use super::lines::{FileMatches, Line, Lines};
use super::run::{Consume, Found};

/// How many messages may wait for who asked.
const MESSAGES_MAX: usize = 64;

/// How far ahead of what is asked for a run of files may be searched, where order counts.
const TURNS_AHEAD_MAX: u64 = 256;

/// When so much of a file is kept, it is handed over, and what follows is a further part.
const PART_BYTES: usize = 256 << 10;

/// How often a thread that waits for its turn looks whether the search was ended.
const LOOK: Duration = Duration::from_millis(20);

/// A file with a line that was found. One in which very much is found comes in several parts, so
/// that memory does not grow with it.
#[derive(Clone, Debug)]
pub struct FileMatch {
    /// Its path.
    pub path: Vec<u8>,
    /// Which part of the file this is, counted from 0. Between two parts of one file others may
    /// come, unless results are sorted.
    pub part: usize,
    /// What was found in it. How many bytes were searched only the last part says.
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
    /// The same, when its turn has come, and there is more to come of it.
    Part(Vec<FileResult>),
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

    /// Waits until a turn is next, or at most so far ahead; or until the search is ended, after
    /// which the turns before it may never come.
    fn wait(&self, turn: u64, ahead: u64, cancel: &Cancel) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while turn > next.saturating_add(ahead) && !cancel.is_cancelled() {
            let woken = self.changed.wait_timeout(next, LOOK);
            next = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The two ends of a delivery, in order or as results come.
pub(super) fn channel(searcher: &Searcher, ordered: bool, cancel: &Cancel) -> (Deliver, Delivery) {
    let (sender, receiver) = sync_channel(MESSAGES_MAX);
    let turns = ordered.then(Arc::<Turns>::default);
    let dropped = Arc::<AtomicBool>::default();
    let deliver = Deliver {
        searcher: searcher.clone(),
        sender,
        turns: turns.clone(),
        dropped: dropped.clone(),
        cancel: cancel.clone(),
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
                Ok(Message::Part(run)) => self.now = run.into_iter(),
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
    cancel: Cancel,
}

/// What one thread searches with.
pub(super) struct DeliverWorker {
    worker: Worker,
    given: Given,
}

/// What one thread has found and not sent.
#[derive(Default)]
struct Given {
    found: FileMatches,
    /// How many parts of the file were given already.
    part: usize,
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

    fn give(&self, given: &mut Given, result: FileResult) -> ControlFlow<()> {
        if self.turns.is_some() {
            given.run.push(result);
            return ControlFlow::Continue(());
        }
        self.send(Message::One(result))
    }

    /// Gives what was found of a file, if anything was.
    fn give_part(&self, given: &mut Given, path: &[u8]) -> ControlFlow<()> {
        if given.found.is_empty() {
            return ControlFlow::Continue(());
        }
        let matches = std::mem::take(&mut given.found);
        let part = given.part;
        given.part += 1;
        self.give(given, Ok(FileMatch { path: path.to_vec(), part, matches }))
    }

    /// As [`give_part`](Self::give_part), and sends it, so that nothing of it stays here.
    fn send_part(&self, given: &mut Given, path: &[u8]) -> ControlFlow<()> {
        self.give_part(given, path)?;
        let Some(turns) = &self.turns else { return ControlFlow::Continue(()) };
        turns.wait(given.turn, 0, &self.cancel);
        self.send(Message::Part(std::mem::take(&mut given.run)))
    }
}

/// Takes the lines of one file.
struct Parts<'d> {
    deliver: &'d Deliver,
    given: &'d mut Given,
    path: &'d [u8],
}

impl Lines for Parts<'_> {
    fn line(&mut self, line: &Line<'_>) -> ControlFlow<()> {
        Lines::line(&mut self.given.found, line)?;
        match self.given.found.bytes_kept() >= PART_BYTES {
            true => self.deliver.send_part(self.given, self.path),
            false => ControlFlow::Continue(()),
        }
    }

    fn binary(&mut self, offset: u64) {
        self.given.found.binary(offset);
    }

    fn end(&mut self, bytes_searched: u64) {
        self.given.found.end(bytes_searched);
    }
}

impl Consume for Deliver {
    type Worker = DeliverWorker;

    fn worker(&self) -> DeliverWorker {
        DeliverWorker { worker: self.searcher.worker(), given: Given::default() }
    }

    fn begin(&self, worker: &mut DeliverWorker, turn: u64) {
        worker.given.turn = turn;
        if let Some(turns) = &self.turns {
            turns.wait(turn, TURNS_AHEAD_MAX, &self.cancel);
        }
    }

    fn file(
        &self,
        worker: &mut DeliverWorker,
        file: Found<'_>,
        reading: &Reading<'_>,
    ) -> ControlFlow<()> {
        let DeliverWorker { worker: search, given } = worker;
        given.found.clear();
        given.part = 0;
        let path = path_of(&file);
        let mut parts = Parts { deliver: self, given, path };
        let searched =
            open(&file, reading, |input, content, _| search.input(input, content, &mut parts));
        let searched = searched.and_then(|searched: io::Result<()>| searched);
        self.give_part(given, path)?;
        match searched {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) if reading.is_over() => ControlFlow::Break(()),
            Err(error) => self.give(given, Err(Error::io("search", path, error))),
        }
    }

    fn end(&self, worker: &mut DeliverWorker) -> ControlFlow<()> {
        if self.turns.is_none() {
            return ControlFlow::Continue(());
        }
        self.send(Message::Run(worker.given.turn, std::mem::take(&mut worker.given.run)))
    }

    fn spared(&self) {}

    fn error(&self, error: Error) -> ControlFlow<()> {
        self.send(Message::One(Err(error)))
    }

    fn is_over(&self) -> bool {
        self.dropped.load(Ordering::Relaxed)
    }
}
