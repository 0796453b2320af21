//! `cargo xtask compare index`: the map and the filter of treenail-index beside crates for the
//! same.

mod filters;
mod maps;
mod tables;
mod versions;

use std::process::ExitCode;

fn main() -> ExitCode {
    treenail_compare::main(|_| {
        let mut cases = maps::cases();
        cases.extend(filters::cases());
        Ok(cases)
    })
}
