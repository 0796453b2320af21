//! Runs commands on matches. Paths are arguments; no shell sees them.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use treenail::glob::Error;
use treenail::glob::find::{Batch, Find, Sink};

use super::Found;
use super::asked::usage;
use super::template::Template;
use crate::Outcome;
use crate::output::{Failed, Output, Problem};

/// How many paths may wait for a command.
const WAITING_MAX: usize = 1_024;
/// What the arguments of one command may take; systems allow as much, or half of it, or a multiple.
const ARGUMENTS_BYTES_MAX: usize = 1 << 20;
/// What an argument takes besides its bytes.
const ARGUMENT_COST: usize = 16;

/// Commands that are run for each match.
pub(super) struct Commands {
    commands: Vec<Vec<Template>>,
    separator: Option<Vec<u8>>,
    /// Whether a NUL follows the output for each match.
    null: bool,
}

impl Commands {
    pub(super) fn each(
        commands: &[Vec<OsString>],
        separator: Option<Vec<u8>>,
        null: bool,
    ) -> Result<Self, Failed> {
        let commands = commands.iter().map(|words| templates(words)).collect::<Result<_, _>>()?;
        Ok(Self { commands, separator, null })
    }

    /// Runs them on everything that is found, so many at a time; 0 is as many as the machine does
    /// at once.
    pub(super) fn run(
        &self,
        find: &Find,
        found: &Found<'_>,
        threads: usize,
    ) -> Result<Outcome, Failed> {
        let machine = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if threads == 0 { machine() } else { threads };
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Mutex::new(receiver);
        let failed = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work(&receiver, threads > 1, &failed, found.output));
            }
            let sending = Sending { sender, found };
            find.visit(&sending)
        })?;
        Ok(if failed.into_inner() { Outcome::No } else { Outcome::Done })
    }

    fn work(
        &self,
        paths: &Mutex<Receiver<Vec<u8>>>,
        keeps_output: bool,
        failed: &AtomicBool,
        output: &Output,
    ) {
        loop {
            let next = paths.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(path) = next else { return };
            if !self.run_on(&path, keeps_output, output) {
                failed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether all commands succeeded; the first that does not is the last.
    fn run_on(&self, path: &[u8], keeps_output: bool, output: &Output) -> bool {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut is_well = true;
        for words in &self.commands {
            let mut words = words.iter().map(|word| word.argument(path, self.separator.as_deref()));
            let program = words.next().unwrap_or_default();
            let mut command = Command::new(&program);
            command.args(words).stdin(Stdio::inherit());
            // Where several run at a time, what each says stays together.
            let status = if keeps_output {
                command.output().map(|ran| {
                    out.extend(ran.stdout);
                    err.extend(ran.stderr);
                    ran.status
                })
            } else {
                command.status()
            };
            is_well = succeeded(&program, status, output);
            if !is_well {
                break;
            }
        }
        if self.null {
            out.push(0);
        }
        // Whoever closed these streams does not want to know.
        _ = io::stderr().lock().write_all(&err);
        let mut stdout = io::stdout().lock();
        _ = stdout.write_all(&out).and_then(|()| stdout.flush());
        is_well
    }
}

/// Hands matches to the threads that run commands.
struct Sending<'f, 'a> {
    sender: SyncSender<Vec<u8>>,
    found: &'f Found<'a>,
}

impl Sink for Sending<'_, '_> {
    type Worker = SyncSender<Vec<u8>>;

    fn worker(&self) -> Self::Worker {
        self.sender.clone()
    }

    fn batch(&self, sender: &mut Self::Worker, batch: &mut Batch) -> ControlFlow<()> {
        for found in batch.iter() {
            if self.found.cancel.is_cancelled() || sender.send(found.path().to_vec()).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn error(&self, _: &mut Self::Worker, error: Error) -> ControlFlow<()> {
        self.found.error(error);
        ControlFlow::Continue(())
    }
}

/// Commands that are run on many matches at once.
pub(super) struct Batches {
    commands: Vec<Vec<Template>>,
    separator: Option<Vec<u8>>,
    size_max: usize,
}

impl Batches {
    pub(super) fn new(
        commands: &[Vec<OsString>],
        separator: Option<Vec<u8>>,
        size: usize,
    ) -> Result<Self, Failed> {
        let commands: Vec<_> =
            commands.iter().map(|words| templates(words)).collect::<Result<_, _>>()?;
        for words in &commands {
            let places = words.iter().filter(|word| word.has_placeholder()).count();
            if words[0].has_placeholder() || places > 1 {
                let message = "a command of --exec-batch has one placeholder, behind its name";
                return Err(usage(message.into(), "leave the others out, or use --exec"));
            }
        }
        let size_max = if size == 0 { usize::MAX } else { size };
        Ok(Self { commands, separator, size_max })
    }

    /// The command that lists details.
    pub(super) fn listing(is_colored: bool) -> Vec<OsString> {
        let color = if is_colored { "--color=always" } else { "--color=never" };
        let mut words = vec!["ls", "-l", "-h", "-d"];
        if cfg!(any(target_os = "linux", windows)) {
            words.push(color);
        }
        words.into_iter().map(Into::into).collect()
    }

    /// Runs them on everything that is found.
    pub(super) fn run(&self, find: &Find, found: &Found<'_>) -> Result<Outcome, Failed> {
        let collected = Collected { paths: Mutex::default(), found };
        find.visit(&collected)?;
        let paths = collected.paths.into_inner().unwrap_or_else(PoisonError::into_inner);
        if found.cancel.is_cancelled() {
            return Ok(Outcome::No);
        }
        let mut is_well = true;
        for words in &self.commands {
            is_well &= self.run_command(words, &paths, found.output);
        }
        Ok(if is_well { Outcome::Done } else { Outcome::No })
    }

    fn run_command(&self, words: &[Template], paths: &[Vec<u8>], output: &Output) -> bool {
        let environment: usize =
            std::env::vars_os().map(|(k, v)| k.len() + v.len() + ARGUMENT_COST).sum();
        let room = ARGUMENTS_BYTES_MAX.saturating_sub(environment);
        let mut is_well = true;
        let mut rest = paths;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(self.size_max).take_while(|path| {
                bytes += path.len() + ARGUMENT_COST;
                bytes <= room
            });
            let count = fits.count().max(1);
            is_well &= self.run_on(words, &rest[..count], output);
            rest = &rest[count..];
        }
        is_well
    }

    fn run_on(&self, words: &[Template], paths: &[Vec<u8>], output: &Output) -> bool {
        let separator = self.separator.as_deref();
        let program = words[0].argument(b"", None);
        let mut command = Command::new(&program);
        for word in &words[1..] {
            if word.has_placeholder() {
                command.args(paths.iter().map(|path| word.argument(path, separator)));
            } else {
                command.arg(word.argument(b"", None));
            }
        }
        match command.status() {
            // The system allows less than was thought.
            Err(error) if is_too_long(&error) && paths.len() > 1 => {
                let (first, second) = paths.split_at(paths.len() / 2);
                let is_well = self.run_on(words, first, output);
                self.run_on(words, second, output) && is_well
            }
            status => succeeded(&program, status, output),
        }
    }
}

/// Keeps the paths of all matches.
struct Collected<'f, 'a> {
    paths: Mutex<Vec<Vec<u8>>>,
    found: &'f Found<'a>,
}

impl Sink for Collected<'_, '_> {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.extend(batch.iter().map(|found| found.path().to_vec()));
        ControlFlow::Continue(())
    }

    fn error(&self, (): &mut (), error: Error) -> ControlFlow<()> {
        self.found.error(error);
        ControlFlow::Continue(())
    }
}

/// Reads a command; without a placeholder the path comes last.
fn templates(words: &[OsString]) -> Result<Vec<Template>, Failed> {
    if words.is_empty() {
        return Err(usage("--exec without a command".into(), "name the command behind it"));
    }
    let mut templates: Vec<_> = words.iter().map(|word| Template::parse(word)).collect();
    if !templates.iter().any(Template::has_placeholder) {
        templates.push(Template::path());
    }
    Ok(templates)
}

fn succeeded(program: &OsStr, status: io::Result<std::process::ExitStatus>, to: &Output) -> bool {
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            to.problem(&Problem::io(Path::new(program), &error));
            false
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ArgumentListTooLong
}
