//! The command line of Treenail.

mod args;
mod command;
mod memory;
mod output;
mod progress;

use std::process::ExitCode;

use args::{Args, Command};
use output::{Failed, Output};

/// The exit codes: done, "no" (differences, a failed check), error.
const EXIT_NO: u8 = 1;
const EXIT_ERROR: u8 = 2;

impl Command {
    /// The exit code of an error: that of the tool that the command imitates.
    fn error_code(&self) -> u8 {
        match self {
            #[cfg(feature = "glob")]
            Self::Find(_) => EXIT_NO,
            _ => EXIT_ERROR,
        }
    }
}

/// How a command ended when nothing kept it from doing its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// Done, and the answer is "yes".
    Done,
    /// Done, and the answer is "no".
    No,
    /// Some of the work could not be done; what and why has been reported.
    Incomplete,
}

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return output::usage(&error),
    };
    memory::set_exit_code(args.command.error_code());
    let mut output = Output::new(&args.global);
    let result = match &args.command {
        Command::Tree(args) => command::tree::run(args, &mut output),
        Command::Diff(args) => command::diff::run(args, &mut output),
        Command::Hash(args) => command::hash::run(args, &mut output),
        #[cfg(feature = "glob")]
        Command::Find(args) => command::find::run(args, &mut output),
        #[cfg(feature = "glob")]
        Command::Grep(args) => command::grep::run(args, &mut output),
        #[cfg(all(feature = "glob", feature = "watch"))]
        Command::Index(args) => command::index::run(args, &mut output),
        #[cfg(feature = "watch")]
        Command::Watch(args) => command::watch::run(args, &mut output),
        #[cfg(feature = "watch")]
        Command::Since(args) => command::since::run(args, &mut output),
        Command::Tour(args) => command::tour::run(args, &mut output),
        #[cfg(all(unix, feature = "daemon"))]
        Command::Daemon(args) => command::daemon::run(args, &mut output),
        Command::Completions(args) => command::manual::completions(args, &mut output),
        Command::Man(args) => command::manual::man(args, &mut output),
    };
    let result = result.and_then(|outcome| match output.finish() {
        // Whoever reads the output has seen enough: the answer stands all the same.
        Ok(()) | Err(Failed::OutputClosed) => Ok(outcome),
        Err(failed) => Err(failed),
    });
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(EXIT_NO),
        Ok(Outcome::Incomplete) => ExitCode::from(EXIT_ERROR),
        Err(Failed::OutputClosed) => ExitCode::SUCCESS,
        Err(Failed::Error(problem)) => {
            output.problem(&problem);
            ExitCode::from(args.command.error_code())
        }
    }
}
