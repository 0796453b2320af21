//! The project's own commands: `cargo xtask test`, `tidy`, `corpus`, `compare` and `install-c`.
//!
//! `test` is what the continuous integration runs and what a change must pass; `tidy` holds the
//! rules about the source that no compiler checks; `corpus` makes the trees of files that the
//! measurements need; `compare` builds ours and the rivals and measures them side by side;
//! `install-c` is for C programmers.

mod args;
mod command;
mod compare;
mod corpus;
mod install;
mod install_c;
mod python;
mod spdx;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use args::Args;
use workspace::Workspace;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  test            check everything that a change must pass
    --install       first install what is missing of the tools that the steps need
    --full          longer: 300 seconds for each fuzz target in place of 5; and the step `remote`
    --only A,B      only the steps named (`--only help` lists them)
  tidy            check the rules about the source that no compiler checks
  corpus [NAME]   make (once) the files to measure on, print where they are: j (default), linux
  compare NAME    measure ours and the rivals in one interleaved run: tree, hash, watch
    --install       first install the rivals that are missing
    --rounds N      rounds for each case (default 15)
    --case TEXT     only the cases whose name has TEXT in it
  install-c       build the C library, put it, treenail.h and treenail.pc below a prefix
    --prefix DIR    where to: DIR/include, DIR/lib

Environment:
  CI=true            test fails when it had to skip a step
  TREENAIL_CORPUS    where corpora are kept (default ~/.cache/treenail/corpus)
";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs the command that the arguments ask for; `Ok(false)` is an honest "no".
fn run() -> Result<bool, String> {
    let mut args = Args::new(std::env::args().skip(1))?;
    if args.flag("help") {
        print!("{HELP}");
        return Ok(true);
    }
    let Some(command) = args.positional() else {
        return Err(format!("a command is missing\n\n{HELP}"));
    };
    match command.as_str() {
        "help" => {
            print!("{HELP}");
            Ok(true)
        }
        "test" => {
            let options = test::Options {
                install: args.flag("install"),
                full: args.flag("full"),
                only: args.value("only")?,
            };
            args.finish()?;
            test::run(&Workspace::load()?, &options)
        }
        "tidy" => {
            args.finish()?;
            tidy::run(&Workspace::load()?)
        }
        "corpus" => {
            let name = args.positional().unwrap_or_else(|| "j".to_owned());
            args.finish()?;
            println!("{}", corpus::make(&name)?);
            Ok(true)
        }
        "compare" => {
            let options = compare::Options {
                install: args.flag("install"),
                rounds: args.value("rounds")?,
                case: args.value("case")?,
            };
            let name = args.positional().ok_or("compare what? There is: tree")?;
            args.finish()?;
            compare::run(&Workspace::load()?, &name, &options)
        }
        "install-c" => {
            let prefix = args.value("prefix")?.ok_or("install-c needs `--prefix DIR`")?;
            args.finish()?;
            install_c::run(&Workspace::load()?, prefix.as_ref(), install_c::Profile::Release)?;
            Ok(true)
        }
        other => Err(format!("no command `{other}`\n\n{HELP}")),
    }
}
