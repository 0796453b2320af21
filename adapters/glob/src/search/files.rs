//! Searching everything that is found.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fmt, thread};

use treenail_os::{Kind, Stat, Walk, bytes_of, os_str_of};

use crate::error::Error;
use crate::find::{Cancel, Find, Types};

use super::contents::Sieve;
use super::deliver::{FileMatch, SearchMatches, channel};
use super::engine::{Content, Searcher};
use super::input::{Input, Stoppable};
use super::preprocess::Preprocessor;
use super::printer::{Interrupted, PrintWorker, Printer};
use super::run::{self, Consume, Found, Source};

/// What stands for standard input where a path is shown.
pub(super) const STDIN_NAME: &str = "<stdin>";

/// Files to search: those that walks find, those that the caller names, standard input; in that
/// order in which they were added, if they are [sorted](Self::sort), or as they come.
#[derive(Clone, Debug)]
pub struct Files {
    searcher: Searcher,
    sources: Vec<Source>,
    threads: usize,
    sort: bool,
    cancel: Cancel,
    sieve: Option<Sieve>,
    preprocessor: Option<Preprocessor>,
    mapped: bool,
}

/// Which files are searched of those that are found, and how they are read.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'f> {
    sieve: Option<&'f Sieve>,
    preprocessor: Option<&'f Preprocessor>,
    mapped: bool,
}

/// How files are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    stops: &'r dyn Fn() -> bool,
    preprocessor: Option<&'r Preprocessor>,
    mapped: bool,
}

impl Reading<'_> {
    /// Whether the rest is of no interest.
    pub(super) fn is_over(&self) -> bool {
        (self.stops)()
    }
}

impl Chosen<'_> {
    /// Whether there is nothing to be asked.
    pub(super) fn is_all(self) -> bool {
        self.sieve.is_none()
    }

    pub(super) fn reading<'r>(&'r self, stops: &'r dyn Fn() -> bool) -> Reading<'r> {
        Reading { stops, preprocessor: self.preprocessor, mapped: self.mapped }
    }

    pub(super) fn wants(self, path: &[u8], stat: &Stat) -> bool {
        let Some(sieve) = self.sieve else { return true };
        // What the program makes of a file nobody knows.
        let is_made = |pre: &Preprocessor| os_str_of(path).is_ok_and(|p| pre.is_for(Path::new(&p)));
        let wants = sieve.lets_through(path, stat) || self.preprocessor.is_some_and(is_made);
        if !wants {
            sieve.count_spared(1);
        }
        wants
    }
}

impl Searcher {
    /// A search of files, to which [`Files::find`] and others add some.
    pub fn files(&self) -> Files {
        Files {
            searcher: self.clone(),
            sources: Vec::new(),
            threads: 0,
            sort: false,
            cancel: Cancel::new(),
            sieve: None,
            preprocessor: None,
            mapped: false,
        }
    }
}

impl Files {
    /// Adds what a walk finds; what is no regular file is left out.
    #[must_use]
    pub fn find(mut self, find: Find) -> Self {
        self.sources.push(Source::Tree(Box::new(find)));
        self
    }

    /// Adds one file that somebody named, whatever it is but a directory.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::Path { path: path.into(), named: true, sieved: true });
        self
    }

    /// Adds one file that was found and that nobody named: if it is binary, that is that, unless
    /// the search says otherwise.
    #[must_use]
    pub fn found(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::Path { path: path.into(), named: false, sieved: false });
        self
    }

    /// Adds the files of an answer from a tree that is known, but for those of which the sieve
    /// knows, going by what the tree says of them, that nothing is to be found in them: nothing is
    /// asked of the system about these. The roots of the search must be shown as what they are, so
    /// that the paths lead to the files.
    #[cfg(feature = "query")]
    #[must_use]
    pub fn answer(mut self, answer: &crate::query::Answer<'_>, sieve: &Sieve) -> Self {
        let sieve = sieve.idle().is_none().then_some(sieve);
        let chosen = Chosen { sieve, preprocessor: self.preprocessor.as_ref(), mapped: false };
        for hit in answer.iter().filter(|hit| hit.kind() == Kind::File) {
            if chosen.is_all() || chosen.wants(hit.name(), &hit.stat()) {
                // A path that the system does not take is an error when it is opened.
                let path = os_str_of(&hit.path()).map(|path| PathBuf::from(path.into_owned()));
                let path = path.unwrap_or_default();
                self.sources.push(Source::Path { path, named: false, sieved: true });
            }
        }
        self
    }

    /// Adds standard input, under the name `<stdin>`.
    #[must_use]
    pub fn stdin(mut self) -> Self {
        self.sources.push(Source::Stdin);
        self
    }

    /// How many threads may search; 0 means as many as the machine runs at once. More than
    /// [`Walk::THREADS_MAX`] are so many.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.min(Walk::THREADS_MAX);
        self
    }

    /// Whether results come in the order of the sources and, within a walk, in the order of the
    /// paths. Files are searched by all threads all the same.
    #[must_use]
    pub fn sort(mut self, sort: bool) -> Self {
        self.sort = sort;
        self
    }

    /// Leaves out files of which the sieve knows that nothing is to be found in them; those that
    /// the caller names are searched all the same. Only what counts files tells the difference: how
    /// many were searched.
    #[must_use]
    pub fn sieve(mut self, sieve: Sieve) -> Self {
        self.sieve = sieve.idle().is_none().then_some(sieve);
        self
    }

    /// Has a program make text of those files that it is for; standard input is searched as it is.
    #[must_use]
    pub fn preprocessor(mut self, preprocessor: Preprocessor) -> Self {
        self.preprocessor = Some(preprocessor);
        self
    }

    /// Whether regular files are mapped into memory, and searched there, instead of being read. Off
    /// by default, since it is rarely faster.
    ///
    /// # Safety
    /// Until the search has ended nobody, in this process or in another, may write to a file that
    /// it searches, or shorten it. What is searched is memory that Rust takes for unchanging; and
    /// where a file has become shorter the system ends this process by a signal (SIGBUS).
    #[must_use]
    pub unsafe fn mapped(mut self, mapped: bool) -> Self {
        self.mapped = mapped;
        self
    }

    /// The token that ends the search.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Searches, and hands each file with a line to `each`, in this thread; the errors of single
    /// paths come between.
    ///
    /// # Errors
    /// A pattern of a [`Find`] is malformed.
    pub fn each(
        &self,
        mut each: impl FnMut(Result<FileMatch, Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let (deliver, mut delivery) = channel(&self.searcher, self.sort, &self.cancel);
        thread::scope(|scope| {
            let running = scope.spawn(move || self.run(&deliver, self.sieve.as_ref()));
            for result in &mut delivery {
                if each(result).is_break() {
                    break;
                }
            }
            // Whoever is about to send finds that nobody takes it any more, and ends.
            drop(delivery);
            match running.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Searches in the background, line by line. Dropping the iterator ends the search.
    pub fn iter(&self) -> SearchMatches {
        let (deliver, delivery) = channel(&self.searcher, self.sort, &self.cancel);
        let files = self.clone();
        thread::spawn(move || {
            if let Err(error) = files.run(&deliver, files.sieve.as_ref()) {
                _ = deliver.error(error);
            }
        });
        SearchMatches::new(delivery)
    }

    /// Searches, and prints. `failed` takes the errors of single paths, in any thread.
    ///
    /// # Errors
    /// A pattern of a [`Find`] is malformed, or the output cannot be written.
    pub fn print<W: Write + Send>(
        &self,
        printer: &Printer<W>,
        failed: impl Fn(Error) + Sync,
    ) -> Result<(), PrintError> {
        let consumer = Print { printer, failed, sort: self.sort, output: Mutex::new(None) };
        // Who lists files without a match wants them all.
        let sieve = self.sieve.as_ref().filter(|_| !printer.wants_all());
        self.run(&consumer, sieve).map_err(PrintError::Find)?;
        match consumer.output.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(PrintError::Output(error)),
            None => Ok(()),
        }
    }

    fn run<C: Consume>(&self, consumer: &C, sieve: Option<&Sieve>) -> Result<(), Error> {
        let preprocessor = self.preprocessor.as_ref();
        let chosen = Chosen { sieve, preprocessor, mapped: self.mapped };
        let sources = self.sources.iter().map(|source| match source {
            Source::Tree(find) => {
                Source::Tree(Box::new(Find::clone(find).types(Types::FILE).sort(self.sort)))
            }
            other => other.clone(),
        });
        run::run(&sources.collect::<Vec<_>>(), self.threads, &self.cancel, chosen, consumer)
    }
}

/// Why [`Files::print`] ended early.
#[derive(Debug)]
pub enum PrintError {
    /// A pattern is malformed.
    Find(Error),
    /// The output cannot be written.
    Output(io::Error),
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Find(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for PrintError {}

/// Calls `search` with what a file has, what it is to the search, and its path.
pub(super) fn open<T>(
    found: &Found<'_>,
    reading: &Reading<'_>,
    search: impl FnOnce(Input<'_>, Content<'_>, &Path) -> T,
) -> io::Result<T> {
    match found {
        Found::Walked(found) => {
            let file = found.open()?;
            let path = os_str_of(found.path())?;
            // A root that is a file was named.
            let content = Content { name: found.name(), named: found.depth() == 0, live: false };
            open_file(file, content, Path::new(&*path), reading, search)
        }
        Found::Path { path, named } => {
            let file = File::open(path)?;
            let live = !file.metadata()?.is_file();
            let content = Content { name: bytes_of(path.as_os_str()), named: *named, live };
            open_file(file, content, path, reading, search)
        }
        Found::Stdin => {
            let mut input = Stoppable::new(io::stdin().lock(), reading.stops);
            let content = Content { live: true, ..Content::named() };
            Ok(search(Input::Read(&mut input), content, Path::new(STDIN_NAME)))
        }
    }
}

fn open_file<T>(
    file: File,
    content: Content<'_>,
    path: &Path,
    reading: &Reading<'_>,
    search: impl FnOnce(Input<'_>, Content<'_>, &Path) -> T,
) -> io::Result<T> {
    if let Some(program) = reading.preprocessor.filter(|program| program.is_for(path)) {
        let mut output = Stoppable::new(program.run(path, file)?, reading.stops);
        return Ok(search(Input::Read(&mut output), content, path));
    }
    // Nothing can be mapped of an empty file, and what is no regular file cannot be.
    if reading.mapped && file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
        // SAFETY: that nobody writes to the file or shortens it while the map lives, which is for
        // the call below, is what the caller of `Files::mapped` has promised.
        let map = unsafe { memmap2::Mmap::map(&file) };
        if let Ok(map) = map {
            return Ok(search(Input::Bytes(&map), content, path));
        }
    }
    let mut file = Stoppable::new(file, reading.stops);
    Ok(search(Input::Read(&mut file), content, path))
}

/// The path of a file, as it is shown.
pub(super) fn path_of<'f>(found: &Found<'f>) -> &'f [u8] {
    match found {
        Found::Walked(found) => found.path(),
        Found::Path { path, .. } => bytes_of(path.as_os_str()),
        Found::Stdin => STDIN_NAME.as_bytes(),
    }
}

/// Prints what is found.
struct Print<'p, W, F> {
    printer: &'p Printer<W>,
    failed: F,
    sort: bool,
    output: Mutex<Option<io::Error>>,
}

impl<W, F> Print<'_, W, F> {
    fn output_failed(&self, error: io::Error) -> ControlFlow<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.get_or_insert(error);
        ControlFlow::Break(())
    }
}

impl<'p, W: Write + Send, F: Fn(Error) + Sync> Consume for Print<'p, W, F> {
    type Worker = PrintWorker<'p, W>;

    fn worker(&self) -> PrintWorker<'p, W> {
        self.printer.worker()
    }

    fn begin(&self, worker: &mut PrintWorker<'p, W>, turn: u64) {
        if self.sort {
            worker.begin(turn);
        }
    }

    fn file(
        &self,
        worker: &mut PrintWorker<'p, W>,
        file: Found<'_>,
        reading: &Reading<'_>,
    ) -> ControlFlow<()> {
        let searched =
            open(&file, reading, |input, content, path| worker.input(input, content, path));
        match searched {
            Ok(Ok(_)) if self.printer.is_answered() => ControlFlow::Break(()),
            Ok(Ok(_)) => ControlFlow::Continue(()),
            Ok(Err(Interrupted::Output(error))) => self.output_failed(error),
            _ if reading.is_over() => ControlFlow::Break(()),
            Ok(Err(Interrupted::File(error))) | Err(error) => {
                (self.failed)(Error::io("search", path_of(&file), error));
                ControlFlow::Continue(())
            }
        }
    }

    fn end(&self, worker: &mut PrintWorker<'p, W>) -> ControlFlow<()> {
        match worker.end() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.output_failed(error),
        }
    }

    fn spared(&self) {
        self.printer.note_searched();
    }

    fn error(&self, error: Error) -> ControlFlow<()> {
        (self.failed)(error);
        ControlFlow::Continue(())
    }
}
