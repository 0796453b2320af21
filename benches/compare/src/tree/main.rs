//! `cargo xtask compare tree`: the live tree's first jobs on a directory of 100,000 files.

mod floor;
mod snapshot;
mod walk;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [memory, dir] = &args[..]
        && memory == snapshot::MEMORY
    {
        return match snapshot::print_memory(Path::new(dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("compare-tree: {message}");
                ExitCode::FAILURE
            }
        };
    }
    treenail_compare::main(|settings| {
        let mut cases = walk::cases(settings)?;
        cases.extend(snapshot::cases(settings));
        Ok(cases)
    })
}
