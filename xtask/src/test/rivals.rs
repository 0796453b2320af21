//! The tests of fd and ripgrep, as their packages have them, with our commands in the place of
//! theirs. Whoever comes from them types what they typed; where an answer is meant to be another,
//! that is said here, and why.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Outcome, Session};
use crate::command::Cmd;

/// A program whose tests are run.
struct Rival {
    package: &'static str,
    version: &'static str,
    /// The program's name.
    program: &'static str,
    /// The integration tests' target.
    target: &'static str,
    /// Our command.
    ours: &'static str,
    /// Tests that do not pass, and why they are not to.
    others: &'static [(&'static str, &'static str)],
}

/// The exit status is theirs.
const OWN_WORDS: &str = "the error is told in our words";

const RIVALS: &[Rival] = &[
    Rival {
        package: "fd-find",
        version: "10.5.0",
        program: "fd",
        target: "tests",
        ours: "find",
        others: &[
            ("test_and_pattern_with_forward_slash_is_rejected", OWN_WORDS),
            ("test_exec_batch", OWN_WORDS),
            ("test_follow", "a directory is entered once, however many ways lead there"),
            ("test_max_results", "--max-results goes together with --exec"),
            ("test_multi_file_with_missing", OWN_WORDS),
            ("test_number_parsing_errors", "no threads are as many as the machine runs at once"),
            ("test_pattern_with_forward_slash_is_rejected", OWN_WORDS),
        ],
    },
    Rival {
        package: "ripgrep",
        version: "15.2.0",
        program: "rg",
        target: "integration",
        ours: "grep",
        others: &[
            ("feature::f1404_nothing_searched_warning", OWN_WORDS),
            ("misc::compressed_failing_gzip", "what is no gzip is searched as it is"),
            ("misc::compressed_uncompress", "no decoder for .Z is kept well"),
            ("regression::r1446_respect_excludes_in_worktree", "git asks for a path from `.git`"),
            ("regression::r2236", "git ignores nothing by `foo\\/`"),
            ("regression::r3127_gitignore_allow_unclosed_class", "git ignores nothing by `[abc`"),
            ("regression::r428_unrecognized_style", OWN_WORDS),
        ],
    },
];

/// Runs the tests of each.
pub(super) fn run(session: &Session) -> Outcome {
    let built = session.output(Cmd::new("cargo build --quiet -p treenail"));
    let results = built.and_then(|_| {
        RIVALS.iter().map(|rival| rival.check(session)).collect::<Result<Vec<_>, _>>()
    });
    match results {
        Err(message) => Outcome::Failed(message),
        Ok(differences) => match differences.concat().as_slice() {
            [] => Outcome::Passed,
            [first, rest @ ..] => Outcome::Failed(format!("{first}, and {} more", rest.len())),
        },
    }
}

impl Rival {
    /// Where another test fails than those that are known to, or one of those passes.
    fn check(&self, session: &Session) -> Result<Vec<String>, String> {
        let target = session.workspace.target.join("rivals");
        let package = self.fetch(session, &target)?;
        let tests = self.build(&package, &target)?;
        let program = target.join("debug").join(self.program);
        self.replace(session, &program)?;
        let variable = format!("CARGO_BIN_EXE_{}", self.program);
        let tests = Cmd::program(&tests).env(&variable, &program).dir(&package);
        let output = tests.capture()?.output;
        let ended = |word: &str| -> BTreeSet<&str> {
            let lines = output.lines().filter_map(|line| line.strip_prefix("test "));
            lines.filter_map(|line| line.strip_suffix(word)).collect()
        };
        let (passed, failed) = (ended(" ... ok"), ended(" ... FAILED"));
        println!("{}: {} passed, {} failed", self.package, passed.len(), failed.len());
        if passed.is_empty() {
            return Err(format!("no test of {} passed:\n{output}", self.package));
        }
        let known: BTreeSet<&str> = self.others.iter().map(|(name, _)| *name).collect();
        let new = failed.difference(&known).map(|name| format!("{}: {name} fails", self.package));
        let old = passed.intersection(&known);
        let old = old.map(|name| format!("{}: {name} passes now", self.package));
        let differences: Vec<String> = new.chain(old).collect();
        if !differences.is_empty() {
            println!("{output}\n{}", differences.join("\n"));
        }
        Ok(differences)
    }

    /// A copy of the package. Cargo gives the source of a program only to whoever installs it.
    fn fetch(&self, session: &Session, target: &Path) -> Result<PathBuf, String> {
        let name = format!("{}-{}", self.package, self.version);
        let copy = target.join(&name);
        if copy.join("Cargo.lock").exists() {
            return Ok(copy);
        }
        let install = Cmd::new("cargo install --quiet --locked --debug")
            .arg(format!("{}@{}", self.package, self.version));
        let install = install.arg("--root").arg(target.join("installed"));
        session.output(install.arg("--target-dir").arg(target))?;
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        let sources = home.ok_or("no home directory")?.join("registry/src");
        let registries =
            fs::read_dir(&sources).map_err(|e| format!("{}: {e}", sources.display()))?;
        let mut found = registries.filter_map(|entry| Some(entry.ok()?.path().join(&name)));
        let source = found.find(|source| source.is_dir());
        let source = source.ok_or_else(|| format!("no {name} below {}", sources.display()))?;
        session.output(Cmd::new("cp -r").arg(source).arg(&copy))?;
        // It may lie below our own workspace, and is none of its members.
        let manifest = copy.join("Cargo.toml");
        let appended = OpenOptions::new().append(true).open(&manifest);
        let appended = appended.and_then(|mut file| file.write_all(b"\n[workspace]\n"));
        appended.map_err(|error| format!("{}: {error}", manifest.display()))?;
        Ok(copy)
    }

    /// The program of the tests.
    fn build(&self, package: &Path, target: &Path) -> Result<PathBuf, String> {
        let build = Cmd::new("cargo test --quiet --locked --no-run --message-format json --test")
            .arg(self.target)
            .env("CARGO_TARGET_DIR", target)
            .dir(package);
        println!("    $ {}", build.line());
        let output = build.read()?;
        let messages = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut tests = messages.filter(|message| message["target"]["name"] == self.target);
        let path = tests.find_map(|message| Some(message["executable"].as_str()?.into()));
        path.ok_or_else(|| format!("cargo has not said where the tests of {} are", self.package))
    }

    /// Puts our command where theirs was.
    fn replace(&self, session: &Session, program: &Path) -> Result<(), String> {
        let treenail = session.workspace.target.join("debug/treenail");
        let text = format!("#!/bin/sh\nexec '{}' {} \"$@\"\n", treenail.display(), self.ours);
        // Cargo links one file to two names.
        session.output(Cmd::new("rm -f").arg(program))?;
        fs::write(program, text).map_err(|error| format!("{}: {error}", program.display()))?;
        session.output(Cmd::new("chmod +x").arg(program)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::RIVALS;

    #[test]
    fn every_difference_is_named_once_with_its_reason() {
        for rival in RIVALS {
            assert!(rival.others.is_sorted_by(|a, b| a.0 < b.0), "{}", rival.package);
            assert!(rival.others.iter().all(|(_, reason)| !reason.is_empty()));
        }
    }
}
