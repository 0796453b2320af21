//! Many files: one walk or several find them, and threads search them.
//!
//! What walks hands runs of files to a queue. The first few files are searched by the walking
//! thread itself, and threads are started only once more files are waiting, so that a small
//! directory is searched without any. Where order counts, each run has a turn, which is its place
//! in the order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use treenail_os::{Stat, bytes_of};

use crate::error::Error;
use crate::find::{Batch, Cancel, Find, MatchRef, Sink};

use super::files::{Chosen, Reading};

/// How many files a thread takes at a time.
const RUN_FILES: usize = 32;

/// So many files at the beginning are searched by the thread that walks.
const INLINE_FILES: usize = 16;

/// When so many files are waiting, who walks waits too.
const WAITING_FILES_MAX: usize = 16 << 10;

/// One walker keeps so many threads that search busy.
const SEARCHERS_PER_WALKER: usize = 6;

/// Where files come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// All that is found.
    Tree(Box<Find>),
    /// One whose path the caller knows, whether because somebody named it, and whether it is
    /// settled that it is to be searched.
    Path { path: PathBuf, named: bool, sieved: bool },
    /// Standard input.
    Stdin,
}

/// One file.
pub(super) enum Found<'a> {
    /// A walk came upon it.
    Walked(MatchRef<'a>),
    /// The caller knew its path; whether somebody had named it.
    Path { path: &'a Path, named: bool },
    /// Standard input.
    Stdin,
}

/// Searches files, in the threads of a run.
pub(super) trait Consume: Sync {
    /// What one thread works with.
    type Worker;

    fn worker(&self) -> Self::Worker;

    /// Called before the files of a run, with its turn.
    fn begin(&self, worker: &mut Self::Worker, turn: u64);

    /// Searches a file. Once `reading` says so, the rest of it is of no interest.
    fn file(
        &self,
        worker: &mut Self::Worker,
        file: Found<'_>,
        reading: &Reading<'_>,
    ) -> ControlFlow<()>;

    /// Called when the files of a run are done.
    fn end(&self, worker: &mut Self::Worker) -> ControlFlow<()>;

    /// Told of files that need no search: nothing is to be found in them.
    fn spared(&self);

    /// Takes the error of a path that could not be walked.
    fn error(&self, error: Error) -> ControlFlow<()>;

    /// Whether nobody wants results any more.
    fn is_over(&self) -> bool {
        false
    }
}

/// Files, to be searched by one thread after the other.
enum Files {
    Found(Arc<Batch>, Vec<u32>),
    Path { path: PathBuf, named: bool },
    Stdin,
}

struct Job {
    turn: u64,
    files: Files,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    files: usize,
    turn: u64,
    is_complete: bool,
}

/// What all threads share.
struct Run<'c, C> {
    consumer: &'c C,
    waiting: Mutex<Waiting>,
    /// There are jobs, or none will come.
    ready: Condvar,
    /// There is room for jobs.
    room: Condvar,
    searchers_max: usize,
    searchers: AtomicUsize,
    over: AtomicBool,
    cancel: Cancel,
    chosen: Chosen<'c>,
    /// How many files the walking thread may still search itself.
    inline: AtomicUsize,
}

/// Searches everything that the sources have, on so many threads besides the one that walks; none
/// if it is 1.
///
/// # Errors
/// A pattern of a [`Find`] is malformed.
pub(super) fn run<C: Consume>(
    sources: &[Source],
    threads: usize,
    cancel: &Cancel,
    chosen: Chosen<'_>,
    consumer: &C,
) -> Result<(), Error> {
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, |threads| threads.get()),
        threads => threads,
    };
    let run = Run {
        consumer,
        waiting: Mutex::default(),
        ready: Condvar::new(),
        room: Condvar::new(),
        searchers_max: if threads > 1 { threads } else { 0 },
        searchers: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        cancel: cancel.clone(),
        chosen,
        inline: AtomicUsize::new(INLINE_FILES),
    };
    thread::scope(|scope| {
        // However this ends, who waits for jobs must be told.
        let _complete = Complete(&run);
        // Where few files are searched, the walk is the work.
        let walkers = match chosen.is_all() {
            true => threads.div_ceil(SEARCHERS_PER_WALKER),
            false => threads,
        };
        for source in sources {
            if run.is_over() {
                break;
            }
            match source {
                Source::Tree(find) => {
                    let find = Find::clone(find).threads(walkers).cancel(cancel.clone());
                    let find = if chosen.is_all() { find } else { find.stat(true) };
                    find.visit(&Walker { run: &run, scope })?;
                }
                Source::Path { path, sieved: false, .. } if !run.wants_path(path) => {
                    consumer.spared();
                }
                Source::Path { path, named, .. } => {
                    run.one(scope, Files::Path { path: path.clone(), named: *named });
                }
                Source::Stdin => run.one(scope, Files::Stdin),
            }
        }
        run.complete();
        let mut worker = consumer.worker();
        run.work(&mut worker);
        Ok(())
    })
}

/// Tells the threads that nothing more will come.
struct Complete<'r, 'c, C>(&'r Run<'c, C>);

impl<C> Drop for Complete<'_, '_, C> {
    fn drop(&mut self) {
        self.0.complete();
    }
}

/// Ends everything if the thread panics, so that no other waits for it.
struct Alarm<'r, 'c, C>(&'r Run<'c, C>);

impl<C> Drop for Alarm<'_, '_, C> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}

impl<C: Consume> Run<'_, C> {
    /// Whether a file that nobody named is to be searched.
    fn wants_path(&self, path: &Path) -> bool {
        self.chosen.is_all()
            || path.metadata().map_or(true, |meta| {
                self.chosen.wants(bytes_of(path.as_os_str()), &Stat::from_metadata(&meta))
            })
    }

    /// The numbers of those that are to be searched.
    fn wanted(&self, batch: &Batch) -> Vec<u32> {
        let all = 0..batch.len() as u32;
        if self.chosen.is_all() {
            return all.collect();
        }
        let wants = |index: &u32| {
            let file = batch.get(*index as usize);
            // A root that is a file was named.
            file.depth() == 0
                || file.known_stat().is_none_or(|stat| self.chosen.wants(file.path(), stat))
        };
        all.filter(wants).collect()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.cancel.is_cancelled() || self.consumer.is_over()
    }
}

impl<C> Run<'_, C> {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends everything: what waits is forgotten.
    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        let mut waiting = self.lock();
        waiting.jobs.clear();
        waiting.files = 0;
        self.ready.notify_all();
        self.room.notify_all();
    }

    fn complete(&self) {
        self.lock().is_complete = true;
        self.ready.notify_all();
    }
}

impl<C: Consume> Run<'_, C> {
    /// Adds jobs, each with how many files it has, and starts a thread if there are few.
    fn push<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        jobs: impl IntoIterator<Item = (Files, usize)>,
    ) {
        let mut waiting = self.lock();
        while waiting.files >= WAITING_FILES_MAX && !self.is_over() && self.searchers_max > 0 {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        for (files, count) in jobs {
            let turn = waiting.turn;
            waiting.turn += 1;
            waiting.files += count;
            waiting.jobs.push_back(Job { turn, files });
        }
        // What comes from now on stands behind these.
        self.inline.store(0, Ordering::Relaxed);
        let is_much = waiting.jobs.len() > 1 || waiting.files > INLINE_FILES;
        drop(waiting);
        let searchers = self.searchers.load(Ordering::Relaxed);
        if is_much && searchers < self.searchers_max {
            self.searchers.store(searchers + 1, Ordering::Relaxed);
            scope.spawn(move || {
                let _alarm = Alarm(self);
                self.work(&mut self.consumer.worker());
            });
        }
        self.ready.notify_one();
    }

    /// Takes a file that no walk found.
    fn one<'s>(&'s self, scope: &'s Scope<'s, '_>, files: Files) {
        if self.searchers_max > 0 {
            self.push(scope, [(files, 1)]);
        } else if self.now(&mut self.consumer.worker(), files).is_break() {
            self.end();
        }
    }

    /// Searches files in this thread, for which none may be waiting.
    fn now(&self, worker: &mut C::Worker, files: Files) -> ControlFlow<()> {
        let turn = {
            let mut waiting = self.lock();
            waiting.turn += 1;
            waiting.turn - 1
        };
        self.job(worker, Job { turn, files })
    }

    /// Does jobs until there are no more to come.
    fn work(&self, worker: &mut C::Worker) {
        let mut waiting = self.lock();
        loop {
            if self.is_over() {
                drop(waiting);
                return self.end();
            }
            let Some(job) = waiting.jobs.pop_front() else {
                if waiting.is_complete {
                    return;
                }
                waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            waiting.files -= job.files.len();
            let is_more = !waiting.jobs.is_empty();
            drop(waiting);
            if is_more {
                self.ready.notify_one();
            }
            self.room.notify_one();
            if self.job(worker, job).is_break() {
                return self.end();
            }
            waiting = self.lock();
        }
    }

    fn job(&self, worker: &mut C::Worker, job: Job) -> ControlFlow<()> {
        self.consumer.begin(worker, job.turn);
        let stops = || self.is_over();
        let reading = self.chosen.reading(&stops);
        match &job.files {
            Files::Found(batch, numbers) => {
                for &index in numbers {
                    if self.is_over() {
                        return ControlFlow::Break(());
                    }
                    let found = Found::Walked(batch.get(index as usize));
                    self.consumer.file(worker, found, &reading)?;
                }
            }
            Files::Path { path, named } => {
                self.consumer.file(worker, Found::Path { path, named: *named }, &reading)?;
            }
            Files::Stdin => self.consumer.file(worker, Found::Stdin, &reading)?,
        }
        self.consumer.end(worker)
    }
}

impl Files {
    fn len(&self) -> usize {
        match self {
            Self::Found(_, numbers) => numbers.len(),
            Self::Path { .. } | Self::Stdin => 1,
        }
    }
}

/// Takes what a walk finds.
struct Walker<'s, 'e, 'c, C> {
    run: &'s Run<'c, C>,
    scope: &'s Scope<'s, 'e>,
}

impl<C: Consume> Sink for Walker<'_, '_, '_, C> {
    type Worker = Option<C::Worker>;

    fn worker(&self) -> Option<C::Worker> {
        None
    }

    fn batch(&self, worker: &mut Option<C::Worker>, batch: &mut Batch) -> ControlFlow<()> {
        let run = self.run;
        if run.is_over() {
            return ControlFlow::Break(());
        }
        let wanted = run.wanted(batch);
        let files = wanted.len();
        if files < batch.len() {
            run.consumer.spared();
        }
        if files == 0 {
            return ControlFlow::Continue(());
        }
        let batch = Arc::new(std::mem::take(batch));
        let is_alone = run.searchers_max == 0 || {
            let inline = run.inline.load(Ordering::Relaxed);
            run.inline.store(inline.saturating_sub(files), Ordering::Relaxed);
            inline >= files
        };
        if is_alone {
            let worker = worker.get_or_insert_with(|| run.consumer.worker());
            let done = run.now(worker, Files::Found(batch, wanted));
            if done.is_break() {
                run.end();
            }
            return done;
        }
        let runs = wanted.chunks(RUN_FILES);
        run.push(
            self.scope,
            runs.map(|run| (Files::Found(batch.clone(), run.to_vec()), run.len())),
        );
        ControlFlow::Continue(())
    }

    fn error(&self, _: &mut Option<C::Worker>, error: Error) -> ControlFlow<()> {
        self.run.consumer.error(error)
    }
}
