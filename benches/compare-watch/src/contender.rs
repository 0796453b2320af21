//! The measuring side: contenders, and a contender that runs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::program;
use crate::protocol::{Answer, Change, Kind, Message, Nanos, Ready, now};
use crate::tree::Tree;

/// How long a contender may take to become ready or to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A watcher that takes part.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) driver: Driver,
    /// Whether it follows new directories, and so can be asked about losses.
    pub(crate) follows: bool,
    /// Whether it knows what changed while it did not run.
    pub(crate) keeps: bool,
    /// Whether one start takes seconds, so that it is started less often.
    pub(crate) is_slow: bool,
}

/// What drives it.
#[derive(Clone, Copy)]
pub(crate) enum Driver {
    /// A script below `js/`, with its text.
    Node(&'static str, &'static str),
    /// One of [`crate::serve`].
    Own(&'static str),
}

/// Where drivers find what they need.
pub(crate) struct Site {
    pub(crate) scratch: PathBuf,
    pub(crate) treenail: PathBuf,
}

/// A contender's process.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Arc<Heard>,
    errors: PathBuf,
    pub(crate) spawned: Nanos,
    pub(crate) ready: Ready,
}

#[derive(Default)]
struct Heard {
    said: Mutex<Said>,
    news: Condvar,
}

/// All that a driver said.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) changes: Vec<(Nanos, Change)>,
    pub(crate) errors: Vec<String>,
    ready: Option<Ready>,
    kept: Option<(String, String)>,
    answer: Option<Answer>,
    is_blocked: bool,
    has_ended: bool,
}

impl Contender {
    /// Starts to watch; returns when it is ready.
    ///
    /// # Errors
    /// If it cannot be started, or does not become ready.
    pub(crate) fn start(&self, site: &Site, tree: &Tree) -> Result<Running, String> {
        let mut running = self.spawn(site, tree, "watch", None)?;
        running.wait(PATIENCE, |said| said.ready.is_some());
        let ready = running.said().ready.take();
        running.ready = ready.ok_or_else(|| running.failure("it did not become ready"))?;
        Ok(running)
    }

    /// Keeps a state: what names it, and the contender's version.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) fn keep(&self, site: &Site, tree: &Tree) -> Result<(String, String), String> {
        let file = self.private(site)?.join("snapshot");
        let file = file.to_str().ok_or("not UTF-8")?;
        let running = self.spawn(site, tree, "keep", Some(file))?;
        running.wait(PATIENCE, |said| said.kept.is_some());
        let kept = running.said().kept.take();
        kept.ok_or_else(|| running.failure("it kept no state"))
    }

    /// What changed since a state was kept, and when the process that says it was started.
    ///
    /// # Errors
    /// If it does not say.
    pub(crate) fn since(
        &self,
        site: &Site,
        tree: &Tree,
        state: &str,
    ) -> Result<(Nanos, Answer), String> {
        let running = self.spawn(site, tree, "since", Some(state))?;
        running.wait(PATIENCE, |said| said.answer.is_some());
        let answer = running.said().answer.take();
        Ok((running.spawned, answer.ok_or_else(|| running.failure("it gave no answer"))?))
    }

    fn private(&self, site: &Site) -> Result<PathBuf, String> {
        let dir = site.scratch.join(self.name.replace(|c: char| !c.is_alphanumeric(), "-"));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(dir)
    }

    fn spawn(
        &self,
        site: &Site,
        tree: &Tree,
        order: &str,
        state: Option<&str>,
    ) -> Result<Running, String> {
        let private = self.private(site)?;
        let mut command = match self.driver {
            Driver::Node(script, text) => {
                let file = site.scratch.join(script);
                write(&file, text)?;
                write(&site.scratch.join("driver.mjs"), include_str!("../js/driver.mjs"))?;
                let mut command = Command::new("node");
                command.arg(file).arg(order).arg(&tree.root);
                command
            }
            Driver::Own(name) => {
                let directories = private.join("directories");
                write(&directories, &tree.directories())?;
                let own = std::env::current_exe().map_err(|e| e.to_string())?;
                let mut command = Command::new(own);
                command.args(["serve", name, order]).arg(&tree.root).arg(directories);
                command.arg(&private).arg(&site.treenail);
                command
            }
        };
        command.args(state);
        let errors = private.join("errors");
        let stderr = File::create(&errors).map_err(|e| format!("{}: {e}", errors.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
        let spawned = now();
        let mut child = program::bound_to_us(&mut command)
            .spawn()
            .map_err(|e| format!("cannot start {:?}: {e}", command.get_program()))?;
        let heard = Arc::new(Heard::default());
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let told = Arc::clone(&heard);
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line: String| told.hear(&line));
            told.said.lock().expect("no panic").has_ended = true;
            told.news.notify_all();
        });
        let stdin = child.stdin.take();
        Ok(Running { child, stdin, heard, errors, spawned, ready: Ready::default() })
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

impl Heard {
    fn hear(&self, line: &str) {
        let message = Message::parse(line).unwrap_or_else(Message::Error);
        let mut said = self.said.lock().expect("no panic");
        match message {
            Message::Ready(ready) => said.ready = Some(ready),
            Message::Changes { at, changes } => {
                said.changes.extend(changes.into_iter().map(|change| (at, change)));
            }
            Message::Error(text) => said.errors.push(text),
            Message::Blocked => said.is_blocked = true,
            Message::Kept { state, version } => said.kept = Some((state, version)),
            Message::Answer(answer) => said.answer = Some(answer),
        }
        self.news.notify_all();
    }
}

impl Said {
    /// When a path was first told to be there, of those times that `counts` accepts.
    pub(crate) fn report(&self, path: &str, counts: impl Fn(Nanos) -> bool) -> Option<Nanos> {
        let told = self
            .changes
            .iter()
            .filter(|(at, change)| change.path == path && change.kind != Kind::Gone && counts(*at));
        told.map(|(at, _)| *at).min()
    }
}

impl Running {
    /// What it said; kept from saying more while this is held.
    pub(crate) fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.heard.said.lock().expect("no panic")
    }

    /// Forgets what it said so far; the errors are given back.
    pub(crate) fn forget(&self) -> Vec<String> {
        let mut said = self.said();
        said.changes.clear();
        std::mem::take(&mut said.errors)
    }

    /// Waits until it has said enough, or has ended, or the time is over; whether it has.
    pub(crate) fn wait(&self, time: Duration, mut enough: impl FnMut(&Said) -> bool) -> bool {
        let start = Instant::now();
        let mut said = self.said();
        while !enough(&said) {
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() || said.has_ended {
                return false;
            }
            said = self.heard.news.wait_timeout(said, left).expect("no panic").0;
        }
        true
    }

    /// Waits until a path is told to have changed, at or after `from`; the time it was.
    pub(crate) fn wait_change(&self, path: &str, from: Nanos, time: Duration) -> Option<Nanos> {
        let report = |said: &Said| said.report(path, |at| at >= from);
        self.wait(time, |said| report(said).is_some());
        report(&self.said())
    }

    /// Waits until it has said nothing for a while; `longest` at most.
    pub(crate) fn wait_quiet(&self, quiet: Duration, longest: Duration) {
        let start = Instant::now();
        while start.elapsed() < longest {
            let before = self.said().changes.len();
            if !self.wait(quiet, |said| said.changes.len() != before) {
                return;
            }
        }
    }

    /// Blocks whoever consumes the changes until the flag is there.
    pub(crate) fn block(&mut self, flag: &Path) -> Result<(), String> {
        self.said().is_blocked = false;
        let stdin = self.stdin.as_mut().ok_or("it was stopped")?;
        writeln!(stdin, "block {}", flag.display()).map_err(|e| e.to_string())?;
        match self.wait(PATIENCE, |said| said.is_blocked) {
            true => Ok(()),
            false => Err(self.failure("it did not block")),
        }
    }

    /// Halts it with all its processes, so that it costs the others nothing.
    pub(crate) fn pause(&self) -> Result<(), String> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<(), String> {
        self.signal(Signal::CONT)
    }

    /// Ends it as its users would.
    pub(crate) fn stop(mut self) {
        drop(self.stdin.take());
        program::end(&mut self.child, Duration::from_secs(10));
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process_group(pid.ok_or("no process")?, signal).map_err(|e| e.to_string())
    }

    /// Why it failed, as far as it told: its errors' last line that says something.
    pub(crate) fn failure(&self, what: &str) -> String {
        // What it writes last may still be on its way.
        thread::sleep(Duration::from_millis(50));
        let text = fs::read_to_string(&self.errors).unwrap_or_default();
        let said = self.said();
        let all: Vec<&str> = said.errors.iter().map(String::as_str).chain(text.lines()).collect();
        let telling =
            |line: &&&str| ["rror", "cannot", "annot"].iter().any(|word| line.contains(word));
        let line = all.iter().find(telling).or(all.last()).copied().unwrap_or_default();
        // Our own program's errors are values.
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let line = value["error"]["message"].as_str().unwrap_or(line);
        format!("{what}: {}", line.trim().replace('|', "/")).trim_end_matches(": ").to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The group may be gone already, and the child be waited for.
        drop(self.signal(Signal::KILL));
        drop(self.child.wait());
    }
}
