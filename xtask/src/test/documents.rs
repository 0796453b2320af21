//! The examples of the README, of `docs/` and of the core crates' READMEs, run as shown.

use std::path::Path;

use super::{Outcome, Session, console};
use crate::command::Cmd;
use crate::workspace::Workspace;

/// Builds the programs, then runs every `console` block of every document.
pub(super) fn run(session: &Session) -> Outcome {
    if let Err(message) = session.output(Cmd::new("cargo build --quiet --package treenail")) {
        return Outcome::Failed(message);
    }
    match examples(session.workspace) {
        Ok((blocks, failures)) => {
            println!("    {blocks} examples, {} not as shown", failures.len());
            for failure in &failures {
                println!("{failure}\n");
            }
            if failures.is_empty() {
                return Outcome::Passed;
            }
            Outcome::Failed(format!("{} of {blocks} examples", failures.len()))
        }
        Err(message) => Outcome::Failed(message),
    }
}

/// The number of blocks run, and a text for each that is not as shown.
fn examples(workspace: &Workspace) -> Result<(usize, Vec<String>), String> {
    let files = workspace.files()?;
    let bin = workspace.target.join("debug");
    let path = std::env::var("PATH").map_err(|e| format!("PATH: {e}"))?;
    let path = format!("{}:{path}", bin.display());
    let mut count = 0;
    let mut failures = Vec::new();
    for file in files.iter().filter(|file| is_document(file)) {
        let text = std::fs::read_to_string(workspace.root.join(file))
            .map_err(|e| format!("{file}: {e}"))?;
        let blocks = console::blocks(&text).map_err(|message| format!("{file}: {message}"))?;
        if blocks.is_empty() {
            continue;
        }
        // The blocks of one document share a copy of the repository, as a reader's would.
        let copy = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
        copy_files(&workspace.root, &files, copy.path())?;
        for block in blocks {
            count += 1;
            if let Err(message) = console::run(&block, copy.path(), &path) {
                failures.push(format!("{file}:{}: {message}", block.line));
            }
        }
    }
    Ok((count, failures))
}

fn is_document(file: &str) -> bool {
    let is_core_readme = file.starts_with("core/") && file.ends_with("/README.md");
    file == "README.md" || is_core_readme || (file.starts_with("docs/") && file.ends_with(".md"))
}

fn copy_files(root: &Path, files: &[String], into: &Path) -> Result<(), String> {
    for file in files {
        let to = into.join(file);
        let dir = to.parent().expect("a file lies in a directory");
        std::fs::create_dir_all(dir)
            .and_then(|()| std::fs::copy(root.join(file), &to))
            .map_err(|e| format!("copying {file} to {}: {e}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_document;

    #[test]
    fn documents_are_those_that_a_reader_opens() {
        for yes in ["README.md", "docs/DESIGN.md", "docs/format/digest.md", "core/hash/README.md"] {
            assert!(is_document(yes), "{yes}");
        }
        for no in ["CONTRIBUTING.md", "core/hash/src/lib.rs", "adapters/cli/notes.md"] {
            assert!(!is_document(no), "{no}");
        }
    }
}
