//! The corpus as a git repository with ignore rules, made once beside it of hard links.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is ignored: what projects usually do.
const RULES: &str = "\
# build results
dist/
/build
coverage/
*.map
*.min.js
!keep.min.js
*.log
.cache/
**/test/fixtures/
node_modules/.bin/
*.d.ts
";

/// The repository, made if it is not there yet.
pub(crate) fn make(corpus: &Path) -> Result<PathBuf, String> {
    let mut name = corpus.file_name().ok_or("a corpus without a name")?.to_owned();
    name.push("-repository");
    let dir = corpus.with_file_name(name);
    let rules = dir.join(".gitignore");
    if !rules.is_file() {
        eprintln!("{}: linking", dir.display());
        run(Command::new("cp").arg("-al").arg(corpus).arg(&dir))?;
        run(Command::new("git").args(["init", "-q"]).arg(&dir))?;
        std::fs::write(&rules, RULES).map_err(|error| format!("{}: {error}", rules.display()))?;
    }
    Ok(dir)
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}
