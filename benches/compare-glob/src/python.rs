//! The cases of the Python package. Each contender is a process that stays: no interpreter's start
//! is measured, and nobody works in another's memory.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::measure::Sample;
use treenail_compare::work::Work;

/// Where ours and the rivals are installed; set by `cargo xtask compare`.
const PACKAGES: &str = "TREENAIL_PYTHON_PACKAGES";
/// The program that is a contender, given its name.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ffi/python/tests/compare.py");

const GLOB: &str = "treenail.glob";
const STANDARD: &str = "glob";
const VEXY: &str = "vexy_glob";

/// All cases of the package for Python.
pub(crate) fn cases(settings: &Settings) -> Vec<Case> {
    let dir = &settings.corpus;
    let ratio = |rival, max| Target::Ratio { rival, max };
    vec![
        // Five times as fast as the standard library, twice as fast as vexy_glob.
        Case {
            targets: vec![ratio(STANDARD, 0.2), ratio(VEXY, 0.5)],
            ..case("python: glob **/*.js", "**/*.js", dir, &[GLOB, STANDARD, VEXY])
        },
        Case {
            targets: vec![ratio(STANDARD, 0.2)],
            ..case("python: glob **", "**", dir, &[GLOB, STANDARD])
        },
        Case {
            targets: vec![ratio(VEXY_FIND, 0.5)],
            ..case("python: find *.js", "*.js", dir, &["treenail.find", VEXY_FIND])
        },
        Case {
            targets: vec![ratio(STANDARD, 1.0)],
            ..case("python: glob *.txt, 10 entries", "small *.txt", dir, &[GLOB, STANDARD])
        },
        Case {
            targets: vec![ratio(STANDARD, 1.0)],
            ..case("python: glob a name, 10 entries", "small f1.txt", dir, &[GLOB, STANDARD])
        },
        Case {
            targets: vec![ratio(STANDARD, 1.0)],
            ..case("python: glob **/*.txt, 10 entries", "small **/*.txt", dir, &[GLOB, STANDARD])
        },
    ]
}

const VEXY_FIND: &str = "vexy_glob.find";

fn case(name: &'static str, what: &str, dir: &Path, contenders: &[&'static str]) -> Case {
    Case {
        name,
        references: Vec::new(),
        contenders: contenders.iter().map(|name| contender(name, what, dir)).collect(),
        size_bytes: None,
        targets: Vec::new(),
        facts: Vec::new(),
    }
}

fn contender(name: &'static str, what: &str, dir: &Path) -> Contender {
    let mut command = Command::new("python3");
    command.arg("-B").arg(SCRIPT).args([name, what]).arg(dir);
    let process = Rc::new(RefCell::new(Process::Waiting(command)));
    let ask = |question: &'static str| {
        let process = process.clone();
        move || process.borrow_mut().ask(question)
    };
    let time = ask("time");
    let work = move || {
        let times = time()?;
        let mut times = times.split_whitespace().map(str::parse);
        match (times.next(), times.next()) {
            (Some(Ok(wall_ms)), Some(Ok(cpu_ms))) => Ok(Sample { wall_ms, cpu_ms }),
            _ => Err("it does not say how long it took".to_owned()),
        }
    };
    Contender {
        name,
        version: Answer::closure(ask("version")),
        answers: vec![("paths", Answer::closure(ask("answer")))],
        work: Work::measured(work),
    }
}

/// A contender's process, which is started when it is asked for the first time.
enum Process {
    Waiting(Command),
    Started { child: Child, questions: ChildStdin, answers: BufReader<ChildStdout> },
}

impl Process {
    fn ask(&mut self, question: &str) -> Result<String, String> {
        if let Self::Waiting(command) = self {
            let packages = std::env::var_os(PACKAGES)
                .ok_or("the Python packages are not installed; `--install` does it")?;
            command.env("PYTHONPATH", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().map_err(|e| format!("cannot start python3: {e}"))?;
            let (questions, answers) = (child.stdin.take(), child.stdout.take());
            let (Some(questions), Some(answers)) = (questions, answers) else {
                return Err("python3 has no pipes".to_owned());
            };
            *self = Self::Started { child, questions, answers: BufReader::new(answers) };
        }
        let Self::Started { questions, answers, .. } = self else {
            return Err("python3 was not started".to_owned());
        };
        let mut line = String::new();
        writeln!(questions, "{question}")
            .and_then(|()| answers.read_line(&mut line))
            .map_err(|e| format!("asking python3: {e}"))?;
        if line.is_empty() {
            return Err("python3 ended without an answer".to_owned());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Started { child, .. } = self {
            // Its work is done, and it keeps nothing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
