//! What is timed: a program, or a call within this process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::measure::{self, Sample};

/// What is timed.
pub enum Work {
    /// A program; its output is thrown away.
    Program {
        /// The program and its arguments.
        argv: Vec<String>,
        /// What it reads on its standard input, if anything.
        stdin: Option<PathBuf>,
    },
    /// A call within this process.
    Closure(Box<dyn FnMut() -> Result<(), String>>),
    /// What measures itself, such as a process that stays.
    Measured(Box<dyn FnMut() -> Result<Sample, String>>),
}

impl Work {
    /// A program with its arguments.
    pub fn program(argv: &[&str]) -> Self {
        Self::Program { argv: argv.iter().map(|&arg| arg.to_owned()).collect(), stdin: None }
    }

    /// A program that reads `file`.
    pub fn program_on(file: &Path, argv: &[&str]) -> Self {
        let argv = argv.iter().map(|&arg| arg.to_owned()).collect();
        Self::Program { argv, stdin: Some(file.to_owned()) }
    }

    /// A call within this process.
    pub fn closure(call: impl FnMut() -> Result<(), String> + 'static) -> Self {
        Self::Closure(Box::new(call))
    }

    /// What measures itself.
    pub fn measured(run: impl FnMut() -> Result<Sample, String> + 'static) -> Self {
        Self::Measured(Box::new(run))
    }

    /// Does it once.
    ///
    /// # Errors
    /// If the program cannot be started or fails, or the call does.
    pub fn time(&mut self) -> Result<Sample, String> {
        let (argv, stdin) = match self {
            Self::Closure(call) => return measure::time(call),
            Self::Measured(run) => return run(),
            Self::Program { argv, stdin } => (argv, stdin),
        };
        let (program, args) = argv.split_first().ok_or("no program to run")?;
        let stdin = match stdin {
            None => Stdio::null(),
            Some(file) => File::open(&file).map_err(|e| format!("{}: {e}", file.display()))?.into(),
        };
        let mut command = Command::new(program);
        command.args(args).stdin(stdin).stdout(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().map_err(|e| format!("cannot start {program}: {e}"))?;
        measure::wait(child, start)
    }
}

#[cfg(test)]
mod tests {
    use super::Work;

    #[test]
    fn a_program_reads_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("in");
        std::fs::write(&file, "word").unwrap();
        let test = ["sh", "-c", "test \"$(cat)\" = word"];
        assert!(Work::program_on(&file, &test).time().is_ok());
        assert!(Work::program(&test).time().is_err());
        assert!(Work::program_on(&dir.path().join("none"), &test).time().is_err());
    }
}
