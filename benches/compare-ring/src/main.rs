//! `cargo xtask compare ring`: treenail-ring beside other single-producer single-consumer queues.

mod frames;
mod job;
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
    treenail_compare::main(|_| {
        let mut cases = typed::cases();
        cases.extend(frames::cases());
        Ok(cases)
    })
}
