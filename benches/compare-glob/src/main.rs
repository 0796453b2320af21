//! `cargo xtask compare glob`: finding files by name, ours beside fd, ripgrep, bfs and find.

mod find;
mod repository;

use std::process::ExitCode;

fn main() -> ExitCode {
    treenail_compare::main(find::cases)
}
