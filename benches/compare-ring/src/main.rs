//! `cargo xtask compare ring`: treenail-ring beside other single-producer single-consumer queues.

mod frames;
mod job;
mod round_trip;
mod typed;

use std::process::ExitCode;

/// The locked version of a package.
macro_rules! version {
    ($package:literal) => {
        env!(concat!("VERSION_", $package))
    };
}
pub(crate) use version;

fn main() -> ExitCode {
    match round_trip::echo() {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(error) => {
            eprintln!("echo: {error}");
            return ExitCode::FAILURE;
        }
    }
    treenail_compare::main(|_| {
        let mut cases = typed::cases();
        cases.extend(frames::cases());
        cases.extend(round_trip::cases()?);
        Ok(cases)
    })
}
