//! `cargo xtask compare glob`: finding files by name, ours beside fd, ripgrep, bfs and find;
//! and text in files, beside ripgrep.

mod find;
mod repository;
mod search;

use std::process::ExitCode;

fn main() -> ExitCode {
    treenail_compare::main(|settings| {
        let mut cases = find::cases(settings)?;
        cases.extend(search::cases(settings));
        cases.extend(search::indexed(settings)?);
        Ok(cases)
    })
}
