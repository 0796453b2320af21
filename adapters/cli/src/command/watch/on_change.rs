//! `--on-change`: a command after changes, never two at a time.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::Chars;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use treenail::os::{Job, bytes_of};
use treenail::share::Interrupter;
use treenail::watch::Report;

use crate::args::Watch;
use crate::output::{Failed, Problem};

/// Runs the command in a thread of its own. What changes during a run brings one more.
pub(super) struct Runner {
    changes: Sender<Changed>,
    failed: Arc<OnceLock<String>>,
    job: Arc<Job>,
    program: String,
}

/// What one report tells the command.
struct Changed {
    clock: String,
    paths: Vec<Box<[u8]>>,
}

impl Runner {
    pub(super) fn start(
        words: Vec<String>,
        args: &Watch,
        json: bool,
        root: PathBuf,
        interrupter: Interrupter,
    ) -> Result<Self, Failed> {
        let (changes, receiver) = channel();
        let failed = Arc::new(OnceLock::new());
        let job = Arc::new(Job::default());
        let program = words[0].clone();
        let work = Work {
            words,
            root,
            above: above(&args.dir),
            end: if args.null { b'\0' } else { b'\n' },
            json,
            job: job.clone(),
            failed: failed.clone(),
            interrupter,
        };
        let thread = thread::Builder::new().name("on-change".to_owned());
        let thread = thread.spawn(move || work.run(&receiver));
        thread.map_err(|error| Problem::io(&args.dir, &error))?;
        Ok(Self { changes, failed, job, program })
    }

    /// Has the command run after these changes.
    pub(super) fn changed(&self, report: &Report) {
        let paths = report.changes.iter().flat_map(|change| {
            change.from.iter().chain([&change.path]).cloned().collect::<Vec<_>>()
        });
        let changed = Changed { clock: report.clock.to_string(), paths: paths.collect() };
        // A runner that is gone has said why.
        _ = self.changes.send(changed);
    }

    /// What the command runs in.
    pub(super) fn job(&self) -> Arc<Job> {
        self.job.clone()
    }

    /// Why the command cannot be run.
    pub(super) fn failed(&self) -> Option<Problem> {
        let message = self.failed.get()?.clone();
        let path = Some(self.program.clone().into_bytes());
        let remedy = Some("name a program that can be run, or use --shell for a shell's line");
        Some(Problem { kind: "on_change", message, path, remedy })
    }
}

struct Work {
    words: Vec<String>,
    root: PathBuf,
    /// What stands before the paths so that they lead there from the working directory.
    above: Vec<u8>,
    end: u8,
    /// Whether standard output has JSON and must have nothing else.
    json: bool,
    job: Arc<Job>,
    failed: Arc<OnceLock<String>>,
    interrupter: Interrupter,
}

impl Work {
    fn run(&self, changes: &Receiver<Changed>) {
        while let Ok(first) = changes.recv() {
            let mut clock = first.clock;
            let mut paths: BTreeSet<Box<[u8]>> = first.paths.into_iter().collect();
            for more in changes.try_iter() {
                clock = more.clock;
                paths.extend(more.paths);
            }
            if let Err(error) = self.run_once(&clock, &paths) {
                _ = self.failed.set(format!("cannot run the command: {error}"));
                return self.interrupter.interrupt();
            }
        }
    }

    fn run_once(&self, clock: &str, paths: &BTreeSet<Box<[u8]>>) -> io::Result<()> {
        let stdout = if self.json { io::stderr().into() } else { Stdio::inherit() };
        let mut command = Command::new(&self.words[0]);
        command
            .args(&self.words[1..])
            .stdout(stdout)
            .env("TREENAIL_CLOCK", clock)
            .env("TREENAIL_ROOT", &self.root)
            .stdin(Stdio::piped());
        let Some(mut child) = self.job.start(&mut command)? else { return Ok(()) };
        if let Some(mut input) = child.stdin.take() {
            let mut list = Vec::new();
            for path in paths {
                list.extend([&*self.above, path, &[self.end]].concat());
            }
            // A command need not read it.
            drop(input.write_all(&list));
        }
        self.job.wait(&mut child).map(drop)
    }
}

/// What leads from the working directory to the paths below a directory.
fn above(dir: &Path) -> Vec<u8> {
    match bytes_of(dir.as_os_str()) {
        b"." => Vec::new(),
        dir if dir.ends_with(b"/") => dir.to_vec(),
        dir => [dir, b"/"].concat(),
    }
}

/// The words of a command line.
pub(super) fn words(line: &str, shell: bool) -> Result<Vec<String>, Failed> {
    if shell {
        return Ok(vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()]);
    }
    let wrong = |message: &str| {
        let path = (!line.is_empty()).then(|| line.as_bytes().to_vec());
        let remedy = Some("put the command of --on-change right");
        Problem { kind: "usage", message: message.to_owned(), path, remedy }
    };
    let words = split(line).ok_or_else(|| wrong("a quote or a backslash has no end"))?;
    if words.is_empty() {
        return Err(wrong("there is no command").into());
    }
    Ok(words)
}

/// Splits as a shell does, without anything else that a shell does.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads to the end of a text in double quotes.
fn quoted(chars: &mut Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => {
                let c = chars.next()?;
                if !matches!(c, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(c);
            }
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  make  test ", Some(&["make", "test"])),
            ("echo 'a b' \"c d\" e\\ f", Some(&["echo", "a b", "c d", "e f"])),
            (r#"a"b"'c' '' "" "\n\"" $HOME *"#, Some(&["abc", "", "", "\\n\"", "$HOME", "*"])),
            ("'open", None),
            ("\"open", None),
            ("open\\", None),
        ];
        for (line, words) in cases {
            let found = split(line);
            let wanted = words.map(|words| words.iter().map(ToString::to_string).collect());
            assert_eq!(found, wanted, "{line}");
        }
    }
}
