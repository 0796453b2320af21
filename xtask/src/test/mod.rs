//! `cargo xtask test`: everything that a change must pass, step by step.

mod bindings;
mod console;
mod cross;
mod documents;
mod fuzz;
mod python;
mod rivals;
mod steps;
mod threads;

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::command::Cmd;
use crate::install;
use crate::workspace::Workspace;

/// What the command line asks for.
pub(crate) struct Options {
    /// Install first what the steps need.
    pub(crate) install: bool,
    /// Take the time that a thorough run needs.
    pub(crate) full: bool,
    /// The names of the steps to run, with commas between; all where absent.
    pub(crate) only: Option<String>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// What went wrong; the output has been shown.
    Failed(String),
    /// What the step lacks on this machine.
    Skipped(String),
}

/// One thing that a change must pass.
struct Step {
    name: &'static str,
    run: fn(&Session) -> Outcome,
}

/// What the steps share.
struct Session<'a> {
    workspace: &'a Workspace,
    full: bool,
}

/// In the order in which a failure is most quickly seen, and each build serves the next.
const STEPS: &[Step] = &[
    Step { name: "format", run: steps::format },
    Step { name: "tidy", run: steps::tidy },
    Step { name: "clippy", run: steps::clippy },
    Step { name: "test", run: steps::test },
    Step { name: "remote", run: steps::remote },
    Step { name: "doc", run: steps::doc },
    Step { name: "documents", run: documents::run },
    Step { name: "bindings", run: bindings::run },
    Step { name: "python", run: python::run },
    Step { name: "rivals", run: rivals::run },
    Step { name: "no-std", run: cross::no_std },
    Step { name: "systems", run: cross::systems },
    Step { name: "emulated", run: cross::emulated },
    Step { name: "loom", run: threads::loom },
    Step { name: "sanitizer", run: threads::sanitizer },
    Step { name: "simulation", run: steps::simulation },
    Step { name: "fuzz", run: fuzz::run },
    Step { name: "tour", run: steps::tour },
];

/// What a run that is neither full nor asks for it by name leaves out, because of what it builds.
const FULL_ONLY: &[&str] = &["remote", "rivals"];

/// Runs the steps and prints a table of how they ended; true when the run counts as passed.
///
/// # Errors
/// If a step is asked for that does not exist, or an installation fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let steps = chosen(options.only.as_deref(), options.full)?;
    if options.install {
        install::debian(steps::DEBIAN_PACKAGES)?;
        if options.full || steps.iter().any(|step| FULL_ONLY.contains(&step.name)) {
            install::debian(steps::DEBIAN_PACKAGES_FULL)?;
        }
        install::pip(&[bindings::ZIG], &workspace.target)?;
        crate::python::TOOLS.install(&workspace.target)?;
        install::link_debian_toolchain()?;
    }
    let session = Session { workspace, full: options.full };
    let mut ended = Vec::new();
    for step in steps {
        println!("{}", step.name);
        let start = Instant::now();
        let outcome = (step.run)(&session);
        ended.push((step.name, outcome, start.elapsed().as_secs_f64()));
    }
    println!();
    for (name, outcome, seconds) in &ended {
        println!("{}", table_row(name, outcome, *seconds));
    }
    let outcomes: Vec<Outcome> = ended.into_iter().map(|(_, outcome, _)| outcome).collect();
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let (line, passed) = verdict(&outcomes, is_ci);
    if is_ci && outcomes.iter().any(|one| matches!(one, Outcome::Skipped(_))) {
        println!("\nCI=true: a skipped step fails the run; `--install` installs what it lacks");
    }
    println!("\n{line}");
    Ok(passed)
}

/// The steps of a list with commas; without one all, or all that a short run has.
fn chosen(only: Option<&str>, full: bool) -> Result<Vec<&'static Step>, String> {
    let Some(only) = only else {
        let steps = STEPS.iter().filter(|step| full || !FULL_ONLY.contains(&step.name));
        return Ok(steps.collect());
    };
    let known = || STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(" ");
    let find = |name: &str| {
        let step = STEPS.iter().find(|step| step.name == name);
        step.ok_or_else(|| format!("no step `{name}`; there are: {}", known()))
    };
    only.split(',').map(find).collect()
}

fn table_row(name: &str, outcome: &Outcome, seconds: f64) -> String {
    let (word, why) = match outcome {
        Outcome::Passed => ("passed", ""),
        Outcome::Failed(why) => ("FAILED", why.as_str()),
        Outcome::Skipped(why) => ("skipped", why.as_str()),
    };
    format!("{name:<10} {word:<8} {seconds:>7.1} s  {why}").trim_end().to_owned()
}

/// The closing line, and whether the run counts as passed.
fn verdict(outcomes: &[Outcome], is_ci: bool) -> (String, bool) {
    let failed = outcomes.iter().filter(|one| matches!(one, Outcome::Failed(_))).count();
    let skipped = outcomes.iter().filter(|one| matches!(one, Outcome::Skipped(_))).count();
    let passed = outcomes.len() - failed - skipped;
    let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
    (line, failed == 0 && !(is_ci && skipped > 0))
}

impl Session<'_> {
    /// Runs the commands one after another, all of them; the output of those that fail is shown.
    fn run(&self, commands: impl IntoIterator<Item = Cmd>) -> Outcome {
        Self::outcome(commands.into_iter().map(|cmd| self.output(cmd)).collect())
    }

    /// The same, so many commands at a time: for those that keep one processor busy each.
    fn run_side_by_side(&self, at_a_time: usize, commands: Vec<Cmd>) -> Outcome {
        let waiting = Mutex::new(commands.into_iter());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || std::iter::from_fn(next).map(|cmd| self.output(cmd)).collect::<Vec<_>>();
        let results = thread::scope(|scope| {
            let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        Self::outcome(results)
    }

    fn outcome(results: Vec<Result<String, String>>) -> Outcome {
        let count = results.len();
        let failures: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        match (failures.as_slice(), count) {
            ([], _) => Outcome::Passed,
            ([only], 1) => Outcome::Failed(only.clone()),
            ([first, ..], _) => {
                Outcome::Failed(format!("{} of {count} commands: {first}", failures.len()))
            }
        }
    }

    /// The output of a command that must succeed; shown when it does not.
    fn output(&self, cmd: Cmd) -> Result<String, String> {
        let cmd = cmd.dir(&self.workspace.root);
        let finished = cmd.capture().inspect_err(|message| println!("{message}"))?;
        if finished.status.success() {
            return Ok(finished.output);
        }
        println!("{}", finished.output.trim_end());
        Err(format!("{} ({})", cmd.line_without_env(), finished.status))
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Failed, Passed, Skipped};
    use super::{Session, chosen, table_row, verdict};
    use crate::command::Cmd;
    use crate::workspace::Workspace;

    #[test]
    fn a_failure_fails_the_run() {
        let outcomes = [Passed, Failed("x".to_owned()), Passed];
        assert_eq!(verdict(&outcomes, false), ("2 passed, 1 failed, 0 skipped".to_owned(), false));
    }

    #[test]
    fn a_skipped_step_fails_the_run_in_ci_only() {
        let outcomes = [Passed, Skipped("no qemu".to_owned())];
        assert_eq!(verdict(&outcomes, false), ("1 passed, 0 failed, 1 skipped".to_owned(), true));
        assert!(!verdict(&outcomes, true).1);
        assert!(verdict(&[Passed], true).1);
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let names = |only, full| {
            let steps = chosen(only, full).unwrap();
            steps.iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Some("doc,fuzz"), false), ["doc", "fuzz"]);
        assert_eq!(names(Some("remote"), false), ["remote"]);
        assert!(chosen(Some("dco"), false).err().unwrap().contains("clippy"));
        assert_eq!(names(None, true).len(), super::STEPS.len());
        assert!(!names(None, false).contains(&"remote"));
        assert!(super::FULL_ONLY.iter().all(|name| names(None, true).contains(name)));
    }

    #[test]
    fn every_command_of_a_step_runs_and_any_can_fail_it() {
        let workspace = Workspace::load().unwrap();
        let session = Session { workspace: &workspace, full: false };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ran");
        let outcome = session.run([Cmd::new("false"), Cmd::new("touch").arg(&file)]);
        assert!(matches!(outcome, Failed(why) if why.starts_with("1 of 2 commands: false")));
        let (one, other) = (Cmd::new("touch").arg(dir.path().join("b")), Cmd::new("false"));
        let outcome = session.run_side_by_side(2, vec![one, other]);
        assert!(matches!(outcome, Failed(why) if why.starts_with("1 of 2 commands: false")));
        assert!(dir.path().join("b").exists());
        assert!(file.exists());
        assert_eq!(session.run([Cmd::new("true")]), Passed);
    }

    #[test]
    fn the_table_says_why() {
        let row = table_row("aarch64", &Skipped("no qemu-aarch64".to_owned()), 0.04);
        assert_eq!(row, "aarch64    skipped      0.0 s  no qemu-aarch64");
    }
}
