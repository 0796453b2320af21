//! The cases of `find`.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_glob::Error;
use treenail_glob::find::{Batch, Find, Ignores, Sink, Types};

use crate::repository;

/// Our time over that of every rival.
const RATIO_MAX: f64 = 0.7;
/// The first result in the same process.
const FIRST_MS_MAX: f64 = 1.0;
/// What stands in a program's arguments for the directory.
const DIR: &str = "DIR";
/// Paths in order, relative to the directory, as one number.
const SUM: &str = "dir=$1; shift; \"$@\" | sed \"s|^$dir/||\" | LC_ALL=C sort | md5sum";

struct Inputs {
    corpus: String,
    repository: String,
    treenail: String,
}

/// All cases of finding.
pub(crate) fn cases(settings: &Settings) -> Result<Vec<Case>, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let on = Inputs {
        corpus: text(&settings.corpus),
        repository: text(&repository::make(&settings.corpus)?),
        treenail: text(&settings.release.join("treenail")),
    };
    Ok(vec![everything(&on), sorted(&on), scripts(&on), ignoring(&on), pruned(&on), first(&on)])
}

fn everything(on: &Inputs) -> Case {
    let dir = &on.corpus;
    let find = Find::new().root(dir).hidden(true).types(Types::FILE);
    Case {
        name: "find: all files",
        references: Vec::new(),
        contenders: vec![
            library("treenail_glob::Find", dir, find),
            program("treenail find", dir, &[&on.treenail, "find", "-u", "-tf", ".", DIR]),
            program("fd", dir, &["fd", "-u", "-tf", ".", DIR]),
            program("rg --files", dir, &["rg", "--files", "-uu", DIR]),
            program("bfs", dir, &["bfs", DIR, "-type", "f"]),
            program("find", dir, &["find", DIR, "-type", "f"]),
        ],
        size_bytes: None,
        targets: against(&["fd", "rg --files", "bfs", "find"]),
        facts: Vec::new(),
    }
}

fn sorted(on: &Inputs) -> Case {
    let dir = &on.corpus;
    let find = Find::new().root(dir).hidden(true).types(Types::FILE);
    Case {
        name: "find: all files, sorted",
        references: Vec::new(),
        contenders: vec![
            library("treenail_glob::Find, sorted", dir, find.clone().sort(true)),
            library("treenail_glob::Find", dir, find),
            program(
                "treenail find --sort",
                dir,
                &[&on.treenail, "find", "-u", "-tf", "--sort", ".", DIR],
            ),
            program(
                "rg --files --sort path",
                dir,
                &["rg", "--files", "-uu", "--sort", "path", DIR],
            ),
        ],
        size_bytes: None,
        targets: against(&["rg --files --sort path"]),
        facts: Vec::new(),
    }
}

fn scripts(on: &Inputs) -> Case {
    let dir = &on.corpus;
    let find = Find::new().root(dir).hidden(true).types(Types::FILE).glob("**/*.js");
    Case {
        name: "find: **/*.js",
        references: Vec::new(),
        contenders: vec![
            library("treenail_glob::Find", dir, find),
            program(
                "treenail find",
                dir,
                &[&on.treenail, "find", "-u", "-tf", "-s", "-g", "**/*.js", DIR],
            ),
            program("fd", dir, &["fd", "-u", "-tf", "-s", "-g", "*.js", DIR]),
            program("rg --files", dir, &["rg", "--files", "-uu", "-g", "**/*.js", DIR]),
            program("bfs", dir, &["bfs", DIR, "-type", "f", "-name", "*.js"]),
            program("find", dir, &["find", DIR, "-type", "f", "-name", "*.js"]),
        ],
        size_bytes: None,
        targets: against(&["fd", "rg --files", "bfs", "find"]),
        facts: Vec::new(),
    }
}

fn ignoring(on: &Inputs) -> Case {
    let dir = &on.repository;
    let find = Find::new().root(dir).hidden(true).types(Types::FILE).ignores(Ignores::git());
    let listed = "cd \"$1\"; git ls-files -co --exclude-standard | while IFS= read -r f; do \
                  [ -L \"$f\" ] || printf '%s\\n' \"$f\"; done | LC_ALL=C sort | md5sum";
    Case {
        name: "find: all files that git does not ignore",
        references: vec![("paths", Answer::shell(listed, &[dir]))],
        contenders: vec![
            library("treenail_glob::Find", dir, find),
            program(
                "treenail find",
                dir,
                &[&on.treenail, "find", "-H", "-tf", "-E", ".git", ".", DIR],
            ),
            program("fd", dir, &["fd", "-H", "-tf", "-E", ".git", ".", DIR]),
            program("rg --files", dir, &["rg", "--files", "--hidden", "-g", "!.git", DIR]),
        ],
        size_bytes: None,
        targets: against(&["fd", "rg --files"]),
        facts: Vec::new(),
    }
}

fn pruned(on: &Inputs) -> Case {
    let dir = &on.corpus;
    let glob = "node_modules/@babel/**/*.js";
    let find = Find::new().root(dir).hidden(true).types(Types::FILE).glob(glob);
    let opened = "strace -f -e trace=openat,openat2 \"$@\" 2>&1 >/dev/null | \
                  grep -c 'O_DIRECTORY'";
    Case {
        name: "find: node_modules/@babel/**/*.js",
        references: Vec::new(),
        contenders: vec![
            library("treenail_glob::Find", dir, find),
            program(
                "treenail find",
                dir,
                &[&on.treenail, "find", "-u", "-tf", "-s", "-g", glob, DIR],
            ),
            program(
                "fd",
                dir,
                &["fd", "-u", "-tf", "-s", "-p", "-g", "DIR/node_modules/@babel/**/*.js", DIR],
            ),
            program(
                "rg --files",
                dir,
                &["rg", "--files", "-uu", "-g", "**DIR/node_modules/@babel/**/*.js", DIR],
            ),
            program(
                "bfs",
                dir,
                &["bfs", DIR, "-type", "f", "-path", "DIR/node_modules/@babel/*.js"],
            ),
        ],
        size_bytes: None,
        targets: against(&["fd", "rg --files", "bfs"]),
        facts: vec![
            (
                "directories that treenail opens",
                Answer::shell(opened, &[&on.treenail, "find", "-u", "-tf", "-s", "-g", glob, dir]),
            ),
            (
                "directories that there are to open",
                Answer::shell("find \"$1/node_modules/@babel\" -type d | wc -l", &[dir]),
            ),
        ],
    }
}

fn first(on: &Inputs) -> Case {
    let dir = &on.corpus;
    let own = dir.clone();
    let in_process = Contender {
        name: "treenail_glob::Find::iter",
        version: Answer::fixed(env!("CARGO_PKG_VERSION")),
        answers: vec![("answers", Answer::fixed("yes"))],
        work: Work::closure(move || {
            let mut matches = Find::new().root(&own).hidden(true).iter().map_err(text)?;
            matches.next().ok_or("nothing")?.map(drop).map_err(text)
        }),
    };
    let command = |name, argv: &[&str]| Contender {
        name,
        version: Answer::version(argv[0]),
        answers: vec![("answers", Answer::fixed("yes"))],
        work: until_first(dir, argv),
    };
    Case {
        name: "find: the first result",
        references: Vec::new(),
        contenders: vec![
            in_process,
            command("treenail find", &[&on.treenail, "find", "-u", ".", DIR]),
            command("fd", &["fd", "-u", ".", DIR]),
            command("rg --files", &["rg", "--files", "-uu", DIR]),
            command("bfs", &["bfs", DIR]),
            command("find", &["find", DIR]),
        ],
        size_bytes: None,
        targets: vec![Target::WallMs(FIRST_MS_MAX)],
        facts: Vec::new(),
    }
}

/// The limits of our time beside each of these.
fn against(rivals: &[&'static str]) -> Vec<Target> {
    rivals.iter().map(|rival| Target::Ratio { rival, max: RATIO_MAX }).collect()
}

/// Ours without a process of its own; what it finds is compared as the programs' output is.
fn library(name: &'static str, dir: &str, find: Find) -> Contender {
    let (listed, dir) = (find.clone(), format!("{dir}/"));
    let answer = Answer::closure(move || {
        let mut paths = Vec::new();
        listed
            .each(|batch| {
                paths.extend(batch.iter().map(|found| found.path()[dir.len()..].to_vec()));
                ControlFlow::Continue(())
            })
            .map_err(text)?;
        paths.sort_unstable();
        let mut lines = paths.join(&b'\n');
        lines.push(b'\n');
        md5(&lines)
    });
    Contender {
        name,
        version: Answer::fixed(env!("CARGO_PKG_VERSION")),
        answers: vec![("paths", answer)],
        work: Work::closure(move || {
            let count = Count(AtomicU64::new(0));
            find.visit(&count).map_err(text)?;
            if count.0.into_inner() == 0 { Err("found nothing".into()) } else { Ok(()) }
        }),
    }
}

/// A program, which is given the directory.
fn program(name: &'static str, dir: &str, argv: &[&str]) -> Contender {
    let argv: Vec<String> = argv.iter().map(|arg| arg.replace(DIR, dir)).collect();
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    Contender {
        name,
        version: Answer::version(argv[0]),
        answers: vec![("paths", Answer::shell(SUM, &[&[dir], &argv[..]].concat()))],
        work: Work::program(&argv),
    }
}

/// A program up to the first byte of its output.
fn until_first(dir: &str, argv: &[&str]) -> Work {
    let argv: Vec<String> = argv.iter().map(|arg| arg.replace(DIR, dir)).collect();
    Work::closure(move || {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", argv[0]))?;
        let read = child.stdout.take().map(|mut out| out.read_exact(&mut [0]));
        // It has done its part, and its end is not what is asked for.
        _ = child.kill();
        _ = child.wait();
        match read {
            Some(Ok(())) => Ok(()),
            _ => Err(format!("{} printed nothing", argv[0])),
        }
    })
}

pub(crate) fn md5(bytes: &[u8]) -> Result<String, String> {
    use std::io::Write;
    let mut command = Command::new("md5sum");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let written = child.stdin.take().map(|mut to| to.write_all(bytes));
    written.ok_or("no pipe")?.map_err(|error| error.to_string())?;
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn text(error: Error) -> String {
    error.to_string()
}

/// Counts matches.
struct Count(AtomicU64);

impl Sink for Count {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        ControlFlow::Continue(())
    }

    fn error(&self, (): &mut (), _: Error) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
