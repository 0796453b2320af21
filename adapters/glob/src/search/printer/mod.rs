//! Results as text: what ripgrep prints, byte for byte, in each of its forms.
//!
//! A [`Printer`] stands for the output; each thread has a [`PrintWorker`], which searches and
//! prints one file after the other. What is printed of a file stays together.

mod format;
mod spool;

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use grep_printer::{JSON, Standard, Stats, Summary};

pub use format::{ColorRule, Format, Hyperlink, Mode};

use super::engine::{Content, Engine, Searcher};
use super::input::Input;
use super::pattern::Compiled;
use spool::{Ink, Shared, Spool};

/// The output of a search, for all its threads.
#[derive(Debug)]
pub struct Printer<W> {
    searcher: Searcher,
    format: Format,
    out: Shared<W>,
    totals: Mutex<Stats>,
    has_match: AtomicBool,
    has_searched: AtomicBool,
}

/// Why a file was not searched to its end.
#[derive(Debug)]
pub enum Interrupted {
    /// The file cannot be read, is damaged, or exceeds a limit; the next can be searched.
    File(io::Error),
    /// The output cannot be written.
    Output(io::Error),
}

impl<W: Write + Send> Printer<W> {
    /// A printer that writes to `out`, which needs no buffer of its own.
    pub fn new(searcher: Searcher, format: Format, out: W) -> Self {
        let separator = format.file_separator(searcher.options());
        Self {
            out: Shared::new(out, separator),
            searcher,
            format,
            totals: Mutex::new(Stats::new()),
            has_match: AtomicBool::new(false),
            has_searched: AtomicBool::new(false),
        }
    }

    /// What one thread needs.
    pub fn worker(&self) -> PrintWorker<'_, W> {
        let (matcher, engine) = self.searcher.parts();
        let spool = Spool::new(&self.out, self.format.line_buffered);
        let ink = Ink::new(spool, self.format.color);
        let options = self.searcher.options();
        let form = match self.format.mode {
            Mode::Lines => Form::Standard(self.format.standard(options).build(ink)),
            Mode::Json => Form::Json(self.format.json(options).build(ink)),
            mode => Form::Summary(self.format.summary(mode).build(ink)),
        };
        PrintWorker { printer: self, matcher, engine, form }
    }

    /// Whether a file had what was wanted: a match, or with [`Mode::FilesWithoutMatch`] none.
    pub fn has_match(&self) -> bool {
        self.has_match.load(Ordering::Relaxed)
    }

    /// Whether there was a file to be searched.
    pub fn has_searched(&self) -> bool {
        self.has_searched.load(Ordering::Relaxed)
    }

    /// Notes that there was a file to be searched.
    pub(super) fn note_searched(&self) {
        // Written once, lest all threads fight for it.
        if !self.has_searched() {
            self.has_searched.store(true, Ordering::Relaxed);
        }
    }

    /// Whether files without a match are told of.
    pub(super) fn wants_all(&self) -> bool {
        let counts = matches!(self.format.mode, Mode::Count | Mode::CountMatches);
        matches!(self.format.mode, Mode::FilesWithoutMatch | Mode::NothingWithoutMatch)
            || (counts && self.format.include_zero)
    }

    /// Whether nothing more is to be found out: a match was found, and nothing else was asked.
    pub fn is_answered(&self) -> bool {
        let asks = matches!(self.format.mode, Mode::Nothing | Mode::NothingWithoutMatch);
        asks && !self.format.stats && self.has_match()
    }

    /// Prints the statistics, if they are wanted, and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(self, elapsed: Duration) -> io::Result<W> {
        let totals = self.totals.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut out = self.out.into_out();
        if self.format.stats || self.format.mode == Mode::Json {
            let text = match self.format.json_summary {
                true => format::json_summary(&totals, elapsed),
                false => format::text_summary(&totals, elapsed),
            };
            out.write_all(text.as_bytes())?;
        }
        out.flush()?;
        Ok(out)
    }
}

/// The three ways to print.
#[derive(Debug)]
enum Form<'a, W: Write> {
    Standard(Standard<Ink<Spool<'a, W>>>),
    Summary(Summary<Ink<Spool<'a, W>>>),
    Json(JSON<Ink<Spool<'a, W>>>),
}

impl<'a, W: Write> Form<'a, W> {
    fn spool(&mut self) -> &mut Spool<'a, W> {
        match self {
            Self::Standard(form) => form.get_mut().inner(),
            Self::Summary(form) => form.get_mut().inner(),
            Self::Json(form) => form.get_mut().inner(),
        }
    }
}

/// What one thread needs to search one file after the other and print what is found.
#[derive(Debug)]
pub struct PrintWorker<'a, W: Write> {
    printer: &'a Printer<W>,
    matcher: Compiled,
    engine: Engine,
    form: Form<'a, W>,
}

impl<W: Write + Send> PrintWorker<'_, W> {
    /// Begins a run of files that is printed in its turn, counted from 0.
    pub(super) fn begin(&mut self, turn: u64) {
        self.form.spool().begin(turn);
    }

    /// Ends a run of files.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.form.spool().end()
    }

    /// Searches what `input` has to the end, prints what is found under the name `path`, and says
    /// whether it had what was wanted.
    ///
    /// # Errors
    /// The input cannot be searched to its end, or the output not be written.
    pub fn search(
        &mut self,
        mut input: impl Read,
        content: Content<'_>,
        path: &Path,
    ) -> Result<bool, Interrupted> {
        self.input(Input::Read(&mut input), content, path)
    }

    pub(super) fn input(
        &mut self,
        input: Input<'_>,
        content: Content<'_>,
        path: &Path,
    ) -> Result<bool, Interrupted> {
        self.printer.note_searched();
        let (engine, matcher) = (&mut self.engine, &self.matcher);
        let (searched, has_match, stats) = match &mut self.form {
            Form::Standard(form) => {
                let mut sink = form.sink_with_path(matcher, path);
                let searched = engine.search_input(matcher, input, content, &mut sink);
                (searched, sink.has_match(), sink.stats().cloned())
            }
            Form::Summary(form) => {
                let mut sink = form.sink_with_path(matcher, path);
                let searched = engine.search_input(matcher, input, content, &mut sink);
                (searched, sink.has_match(), sink.stats().cloned())
            }
            Form::Json(form) => {
                let mut sink = form.sink_with_path(matcher, path);
                let searched = engine.search_input(matcher, input, content, &mut sink);
                (searched, sink.has_match(), Some(sink.stats().clone()))
            }
        };
        let spool = self.form.spool();
        if let Err(error) = searched {
            return Err(match spool.discard() {
                Some(error) => Interrupted::Output(error),
                None => Interrupted::File(error),
            });
        }
        spool.end_of_file().map_err(Interrupted::Output)?;
        if has_match {
            self.printer.has_match.store(true, Ordering::Relaxed);
        }
        if let Some(stats) = stats {
            *self.printer.totals.lock().unwrap_or_else(PoisonError::into_inner) += stats;
        }
        Ok(has_match)
    }
}
