//! `cargo xtask compare glob`: finding files by name, ours beside fd, ripgrep, bfs and find; text
//! in files, beside ripgrep; and both from Python, beside its own library and vexy_glob.

mod find;
mod python;
mod repository;
mod search;

use std::process::ExitCode;

fn main() -> ExitCode {
    treenail_compare::main(|settings| {
        let mut cases = find::cases(settings)?;
        cases.extend(search::cases(settings));
        cases.extend(search::indexed(settings)?);
        cases.extend(python::cases(settings));
        Ok(cases)
    })
}
