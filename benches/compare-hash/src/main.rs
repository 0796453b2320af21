//! `cargo xtask compare hash`: every algorithm of treenail-hash beside the crates that have it too.

mod blocks;
mod c_xxhash;
mod chunks;
mod crypto;
mod job;

mod plain;

use std::process::ExitCode;

/// The locked version of a package.
macro_rules! version {
    ($package:literal) => {
        env!(concat!("VERSION_", $package))
    };
}
pub(crate) use version;

fn main() -> ExitCode {
    treenail_compare::main(|settings| {
        let mut cases = plain::cases();
        cases.extend(crypto::cases());
        cases.extend(chunks::cases(&settings.corpus)?);
        cases.extend(blocks::cases());
        Ok(cases)
    })
}
