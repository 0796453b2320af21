//! `treenail find`: entries by name, with fd's options.

mod asked;
mod color;
mod exec;
mod link;
mod print;
mod template;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use treenail::glob::Error;
use treenail::glob::find::{Cancel, Find};

use crate::Outcome;
use crate::args::{self, When};
use crate::output::{Failed, Output, Problem};

pub(super) use color::Colors;
use exec::{Batches, Commands};
use link::Links;
use print::{Form, Printer};
use template::Template;
#[cfg(feature = "watch")]
pub(super) use {color::Shown, template::separated};

pub(crate) fn run(args: &args::Find, output: &mut Output) -> Result<Outcome, Failed> {
    if let Some(dir) = &args.walking.base_directory {
        std::env::set_current_dir(dir).map_err(|error| Problem::io(dir, &error))?;
    }
    for file in &args.ignoring.ignore_file {
        tell_unreadable_rules(file, output);
    }
    let is_quiet = output.quiet() || args.printing.has_results;
    let colors = colors(args, output);
    let lists = args.printing.list_details;
    let runs_commands = lists || !args.commands.each.is_empty() || !args.commands.batch.is_empty();
    let found = Found::new(args, output);
    let find = asked::find(args, runs_commands)?;
    #[cfg(feature = "watch")]
    if args.walking.index || args.walking.watch {
        drop(found);
        return match args.walking.watch {
            true if is_quiet => {
                let message = "--quiet and --watch leave nothing to do".to_owned();
                Err(asked::usage(message, "leave out one of the two"))
            }
            true if wants_colors(args, output) => {
                let message = "--watch prints what comes and goes without colours".to_owned();
                Err(asked::usage(message, "leave out `--color always`"))
            }
            true => super::index::watch(args, &find, output),
            false => super::index::answer(args, &find, (is_quiet, colors), output),
        };
    }
    let find = find.cancel(found.cancel.clone());
    let until = Until::watch(&found.cancel);
    let outcome = if is_quiet {
        quietly(find, &found)
    } else if runs_commands {
        run_commands(args, find, &found, colors.is_some())
    } else {
        print(args, find, &found, colors)
    };
    until.end_if_signalled();
    let outcome = outcome?;
    found.tell_unreadable();
    if found.has_no_root() {
        return Ok(Outcome::No);
    }
    let is_starved = found.is_starved.load(Ordering::Relaxed);
    if output.json() && !is_quiet && !runs_commands {
        let summary = found.summary();
        output.json_line(&summary)?;
    }
    Ok(if is_starved { Outcome::No } else { outcome })
}

/// Whoever names a file of rules is to know that it rules nothing out.
pub(super) fn tell_unreadable_rules(file: &Path, output: &Output) {
    if let Err(error) = File::open(file) {
        output.problem(&Problem::io(file, &error));
    }
}

/// Says by the exit status alone whether there is a match.
fn quietly(find: Find, found: &Found<'_>) -> Result<Outcome, Failed> {
    let printer = Printer::new(found, Form::Nothing);
    find.max_results(1).visit(&printer)?;
    Ok(if found.matches.load(Ordering::Relaxed) > 0 { Outcome::Done } else { Outcome::No })
}

fn print(
    args: &args::Find,
    find: Find,
    found: &Found<'_>,
    colors: Option<Box<Colors>>,
) -> Result<Outcome, Failed> {
    let end = if args.printing.null { 0 } else { b'\n' };
    let separator = args.printing.path_separator.clone();
    let separator = separator.map(|text| treenail::os::bytes_of(&text).to_vec());
    let for_people = io::stdout().is_terminal();
    let template = args.printing.format.as_deref().map(Template::parse);
    let wants_links = match args.printing.hyperlink {
        None | Some(When::Never) => false,
        Some(When::Always) => true,
        Some(When::Auto) => colors.is_some(),
    };
    let here = Path::new(".");
    let links = wants_links.then(Links::new).transpose();
    let links = links.map_err(|error| Problem::io(here, &error))?;
    let is_plain = template.is_none() && colors.is_none() && separator.is_none();
    let form = if found.output.json() {
        Form::Json
    } else if !is_plain || links.is_some() || for_people {
        Form::Built { end, template, colors, links, separator, for_people }
    } else {
        Form::Plain
    };
    let needs_stat = matches!(form, Form::Json | Form::Built { colors: Some(_), .. });
    let printer = Printer::new(found, form);
    find.mark_directories(true).terminator(end).stat(needs_stat).visit(&printer)?;
    printer.finish()?;
    Ok(Outcome::Done)
}

fn run_commands(
    args: &args::Find,
    find: Find,
    found: &Found<'_>,
    is_colored: bool,
) -> Result<Outcome, Failed> {
    let separator = args.printing.path_separator.as_deref();
    let separator = separator.map(|text| treenail::os::bytes_of(text).to_vec());
    if !args.commands.each.is_empty() {
        let commands = Commands::each(&args.commands.each, separator, args.printing.null)?;
        return commands.run(&find, found, args.walking.threads);
    }
    let listing = [Batches::listing(is_colored)];
    let lists = args.printing.list_details;
    let wanted = if lists { &listing[..] } else { &args.commands.batch[..] };
    Batches::new(wanted, separator, args.commands.batch_size)?.run(&find, found)
}

/// The colours of kinds of files, if they are wanted.
fn colors(args: &args::Find, output: &Output) -> Option<Box<Colors>> {
    let is_wanted = match args.printing.color {
        None => output.colors(),
        Some(When::Always) => true,
        Some(When::Never) => false,
        Some(When::Auto) => {
            let none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !none && io::stdout().is_terminal()
        }
    };
    (is_wanted && !output.json()).then(|| Box::new(Colors::of_environment()))
}

/// Whether colours are asked for, whatever the output is.
#[cfg(feature = "watch")]
fn wants_colors(args: &args::Find, output: &Output) -> bool {
    match args.printing.color {
        None => output.always_colors(),
        Some(when) => when == When::Always,
    }
}

/// What a walk has found so far, whatever is done with it.
struct Found<'a> {
    output: &'a Output,
    cancel: Cancel,
    matches: AtomicU64,
    unreadable: AtomicU64,
    shows_errors: bool,
    roots: Vec<Vec<u8>>,
    roots_missing: AtomicUsize,
    /// Whether open files or memory ran out, which is told whatever else is.
    is_starved: AtomicBool,
    begun: Instant,
}

impl<'a> Found<'a> {
    fn new(args: &args::Find, output: &'a Output) -> Self {
        let roots = args.dirs.iter().chain(&args.walking.search_path);
        Self {
            output,
            cancel: Cancel::new(),
            matches: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            shows_errors: args.walking.show_errors,
            roots: roots.map(|dir| treenail::os::bytes_of(dir.as_os_str()).to_vec()).collect(),
            roots_missing: AtomicUsize::new(0),
            is_starved: AtomicBool::new(false),
            begun: Instant::now(),
        }
    }

    /// Takes the error of one path.
    fn error(&self, error: Error) {
        let is_root = error.path().is_some_and(|path| self.roots.iter().any(|root| root == path));
        self.roots_missing.fetch_add(usize::from(is_root), Ordering::Relaxed);
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        let is_starved = error.io_error().is_some_and(treenail::os::is_exhausted);
        let is_first = is_starved && !self.is_starved.swap(true, Ordering::Relaxed);
        if is_first || is_root || self.shows_errors || self.output.json() {
            self.output.problem(&error.into());
        }
    }

    /// Whether nothing could be walked of all that was named; the rest would do, as it does for fd.
    fn has_no_root(&self) -> bool {
        let missing = self.roots_missing.load(Ordering::Relaxed);
        missing > 0 && missing >= self.roots.len()
    }

    /// Says that something is missing, if nobody has been told.
    fn tell_unreadable(&self) {
        let count = self.unreadable.load(Ordering::Relaxed);
        if count > 0 && !self.shows_errors && self.roots_missing.load(Ordering::Relaxed) == 0 {
            self.output.aside(&format!("{count} paths could not be read; see --show-errors"));
        }
    }

    fn summary(&self) -> serde_json::Value {
        json!({ "summary": {
            "matches": self.matches.load(Ordering::Relaxed),
            "errors": self.unreadable.load(Ordering::Relaxed),
            "elapsed_ms": (self.begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        }})
    }
}

/// Sees to it that a signal ends the walk, with everything written that was found, and then the
/// process.
pub(super) struct Until {
    #[cfg(unix)]
    flagged: treenail::os::Flagged,
}

impl Until {
    #[cfg(unix)]
    pub(super) fn watch(cancel: &Cancel) -> Self {
        Self { flagged: treenail::os::flag_termination(cancel.flag()) }
    }

    #[cfg(not(unix))]
    pub(super) fn watch(_: &Cancel) -> Self {
        Self {}
    }

    /// Does not come back where a signal is about to end the process.
    pub(super) fn end_if_signalled(self) {
        #[cfg(unix)]
        self.flagged.end_if_signalled();
    }
}
