//! `treenail completions` and `treenail man`: what a package of the program contains beside it.

use std::{fs, io};

use clap::CommandFactory;

use crate::Outcome;
use crate::args::{Args, Completions, Man};
use crate::output::{Failed, Output, Problem};

/// Prints a completion script.
pub(crate) fn completions(args: &Completions, output: &mut Output) -> Result<Outcome, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "treenail", &mut script);
    output.write(&script)?;
    Ok(Outcome::Done)
}

/// Writes a manual page for the program and one for each command.
pub(crate) fn man(args: &Man, _: &mut Output) -> Result<Outcome, Failed> {
    let problem = |error: io::Error| Problem::io(&args.dir, &error);
    fs::create_dir_all(&args.dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => problem(io::ErrorKind::NotADirectory.into()),
        _ => problem(error),
    })?;
    clap_mangen::generate_to(Args::command(), &args.dir).map_err(problem)?;
    Ok(Outcome::Done)
}
