//! `treenail grep`: the lines that match, with ripgrep's options, output and exit status.

mod chosen;
mod form;
mod patterns;
mod sorted;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use treenail::glob::find::Cancel;
use treenail::glob::search::printer::Printer;
use treenail::glob::search::{Files, PatternError, Preprocessor, PrintError};
#[cfg(feature = "watch")]
use treenail::glob::search::{Searcher, contents::Sieve};

use super::find::{Until, tell_unreadable_rules};
pub(super) use form::host;

use crate::Outcome;
use crate::args::{Grep, SortBy};
use crate::memory::Whole;
use crate::output::{Failed, Output, Problem};

pub(crate) fn run(args: &Grep, output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    if args.wanted.type_list {
        return chosen::print_types(&args.chosen, output);
    }
    let has_rules = !(args.chosen.no_ignore_files || args.printed.no_messages);
    for file in args.chosen.ignore_files.iter().filter(|_| has_rules) {
        tell_unreadable_rules(file, output);
    }
    let mut stdin_is_read = false;
    let patterns = patterns::read(args, &mut stdin_is_read)?;
    let paths = Paths::of(args, stdin_is_read)?;
    let problems = Problems::new(output, !args.printed.no_messages);
    if args.wanted.files {
        let listed = sorted::list(args, &paths, &problems)?;
        return Ok(problems.outcome(listed, args.wanted.quiet));
    }
    let search = patterns::search(args, &paths, patterns)?;
    if !search.is_possible() {
        return Ok(Outcome::No);
    }
    let searcher = search.compile()?;
    let files = files(args, &paths, &searcher.files(), &problems)?;
    #[cfg(feature = "watch")]
    let (files, sieve) = with_index(args, &paths, &searcher, files, output)?;
    let cancel = Cancel::new();
    let until = Until::watch(&cancel);
    let files = files.cancel(cancel);
    let printer = Printer::new(searcher, form::format(args, &paths)?, Whole::new(io::stdout()));
    let printed = files.print(&printer, |error| problems.report(error));
    let (matched, searched) = (printer.has_match(), printer.has_searched());
    match printed {
        Ok(()) => {
            printer.finish(begun.elapsed())?;
            #[cfg(feature = "watch")]
            if let Some(sieve) = sieve.filter(|_| args.wanted.stats) {
                tell_spared(&sieve)?;
            }
        }
        Err(PrintError::Output(error)) => return Err(error.into()),
        Err(PrintError::Find(error)) => return Err(Problem::from(error).into()),
    }
    until.end_if_signalled();
    if paths.is_implicit && !searched {
        let message = "no file was searched".to_owned();
        let remedy = Some("look for rules that exclude them all, or name a file or directory");
        problems.tell(&Problem { kind: "nothing_searched", message, path: None, remedy });
    }
    Ok(problems.outcome(matched, args.wanted.quiet))
}

/// What is to be searched.
struct Paths {
    /// The paths in their order; `-` is standard input.
    given: Vec<PathBuf>,
    /// Nobody named the one that there is.
    is_implicit: bool,
    /// There is one, and it is no directory.
    is_one_file: bool,
}

impl Paths {
    fn of(args: &Grep, stdin_is_read: bool) -> Result<Self, Failed> {
        // With patterns from elsewhere, or without a search, the first argument is a path too.
        let has_pattern = args.matching.regexps.is_empty()
            && args.matching.pattern_files.is_empty()
            && !args.wanted.files;
        let first = args.pattern.iter().filter(|_| !has_pattern).map(PathBuf::from);
        let given: Vec<PathBuf> = first.chain(args.paths.iter().cloned()).collect();
        if stdin_is_read && given.iter().any(|path| is_stdin(path)) {
            let message = "standard input cannot be the patterns and be searched".to_owned();
            return Err(Problem { kind: "usage", message, path: None, remedy: None }.into());
        }
        if !given.is_empty() {
            let is_one_file = given.len() == 1 && (is_stdin(&given[0]) || !given[0].is_dir());
            return Ok(Self { given, is_implicit: false, is_one_file });
        }
        let searches_stdin = !stdin_is_read && !args.wanted.files && stdin_is_given();
        let path = if searches_stdin { "-" } else { "." };
        Ok(Self { given: vec![path.into()], is_implicit: true, is_one_file: searches_stdin })
    }

    fn is_only_stdin(&self) -> bool {
        self.given.len() == 1 && is_stdin(&self.given[0])
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether somebody has given this process an input that can be searched: a file, a pipe or a
/// socket, and not a terminal or nothing.
#[cfg(unix)]
fn stdin_is_given() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let Ok(stdin) = io::stdin().as_fd().try_clone_to_owned() else { return false };
    let kind = std::fs::File::from(stdin).metadata().map(|meta| meta.file_type());
    kind.is_ok_and(|kind| kind.is_file() || kind.is_fifo() || kind.is_socket())
}

/// Whether somebody has given this process an input that can be searched.
#[cfg(not(unix))]
fn stdin_is_given() -> bool {
    use std::io::IsTerminal;
    !io::stdin().is_terminal()
}

/// The files of a search.
fn files(
    args: &Grep,
    paths: &Paths,
    none: &Files,
    problems: &Problems<'_>,
) -> Result<Files, Failed> {
    let sort = args.printed.order();
    let mut files = none.clone().threads(args.reading.threads);
    if args.reading.mmap {
        // SAFETY: it is whoever asks for --mmap that promises not to have the files changed
        // meanwhile; the help of the option says so.
        files = unsafe { files.mapped(true) };
    }
    if let Some(preprocessor) = preprocessor(args)? {
        files = files.preprocessor(preprocessor);
    }
    if !matches!(sort, (SortBy::None | SortBy::Path, SortBy::None)) {
        for path in sorted::collect(args, paths, problems)? {
            files = if is_stdin(&path) { files.stdin() } else { files.found(path) };
        }
        return Ok(files.sort(true));
    }
    let sorts = sort.0 == SortBy::Path;
    // A root that is no directory is searched whatever it is, and whatever it is called.
    for path in &paths.given {
        files = match path {
            path if is_stdin(path) => files.stdin(),
            path if path.is_dir() => files.find(chosen::find(args, paths, path)?),
            path => files.file(path),
        };
    }
    Ok(files.sort(sorts))
}

/// The program whose output is searched instead of files.
fn preprocessor(args: &Grep) -> Result<Option<Preprocessor>, Failed> {
    let program = args.reading.pre.as_ref().filter(|program| !program.is_empty());
    let Some(program) = program else { return Ok(None) };
    let here = std::env::current_dir().map_err(|error| Problem::io(Path::new("."), &error))?;
    let preprocessor = Preprocessor::new(program, here);
    Ok(Some(args.reading.pre_globs.iter().fold(preprocessor, Preprocessor::glob)))
}

/// The files, without those of which the index of contents knows that they have no match.
#[cfg(feature = "watch")]
fn with_index(
    args: &Grep,
    paths: &Paths,
    searcher: &Searcher,
    files: Files,
    output: &Output,
) -> Result<(Files, Option<Sieve>), Failed> {
    if !args.reading.index {
        return Ok((files, None));
    }
    // What is named is searched in any case.
    let dirs = paths.given.iter().map(PathBuf::as_path).filter(|path| path.is_dir());
    let sieve = super::contents::sieve(searcher, dirs, output)?;
    Ok((files.sieve(sieve.clone()), Some(sieve)))
}

/// Says after the statistics what the index was good for.
#[cfg(feature = "watch")]
fn tell_spared(sieve: &Sieve) -> Result<(), Failed> {
    let mut out = io::stdout();
    match sieve.idle() {
        Some(why) => writeln!(out, "0 files spared by the index: {why}")?,
        None => writeln!(out, "{} files spared by the index", sieve.spared())?,
    }
    Ok(())
}

/// The errors of single files, which keep the exit status from being a plain yes or no.
struct Problems<'o> {
    output: Mutex<&'o Output>,
    shows: bool,
    any: AtomicBool,
}

impl<'o> Problems<'o> {
    fn new(output: &'o Output, shows: bool) -> Self {
        Self { output: Mutex::new(output), shows, any: AtomicBool::new(false) }
    }

    fn report(&self, error: treenail::glob::Error) {
        self.tell(&Problem::from(error));
    }

    fn tell(&self, problem: &Problem) {
        self.any.store(true, Ordering::Relaxed);
        if self.shows
            && let Ok(output) = self.output.lock()
        {
            output.problem(problem);
        }
    }

    fn outcome(&self, matched: bool, quiet: bool) -> Outcome {
        match (matched, self.any.load(Ordering::Relaxed)) {
            (true, failed) if quiet || !failed => Outcome::Done,
            (_, true) => Outcome::Incomplete,
            (_, false) => Outcome::No,
        }
    }
}

impl From<PatternError> for Failed {
    fn from(error: PatternError) -> Self {
        let remedy = Some(error.remedy());
        Problem { kind: "pattern", message: error.to_string(), path: None, remedy }.into()
    }
}
