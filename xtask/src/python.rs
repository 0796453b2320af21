//! Making the Python package.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Cmd;
use crate::install::PipTools;
use crate::workspace::Workspace;

/// What builds and checks the package.
pub(crate) const TOOLS: PipTools = PipTools {
    requirements: &["maturin==1.16.0", "mypy==2.4.1", "pytest==9.2.0"],
    name: "python-tools-1",
    proof: "bin/maturin",
};

/// The command `maturin COMMAND` for the package, which puts what it makes into a directory.
pub(crate) fn maturin(workspace: &Workspace, command: &str, into: &Path) -> Cmd {
    let cmd = Cmd::program(&TOOLS.dir(&workspace.target).join("bin/maturin")).arg(command);
    let cmd = cmd.words(if command == "build" { "--quiet --interpreter python3" } else { "" });
    cmd.arg("--manifest-path")
        .arg(workspace.root.join("ffi/python/Cargo.toml"))
        .arg("--out")
        .arg(into)
        .env("CARGO_TARGET_DIR", &workspace.target)
}

/// The one file that maturin made.
pub(crate) fn made(into: &Path) -> Result<PathBuf, String> {
    let mut made = fs::read_dir(into).map_err(|e| format!("{}: {e}", into.display()))?;
    let first = made.next().and_then(Result::ok).map(|entry| entry.path());
    first.ok_or_else(|| format!("maturin made nothing in {}", into.display()))
}

/// Builds the package as it is released, and installs it for a comparison; where it is then.
///
/// # Errors
/// If maturin or pip fails.
pub(crate) fn install_release(workspace: &Workspace) -> Result<PathBuf, String> {
    let home = workspace.target.join("compare-python");
    let (wheel, installed) = (home.join("wheel"), home.join("treenail"));
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    maturin(workspace, "build", &wheel).arg("--release").run()?;
    Cmd::new("python3 -m pip install --quiet --no-deps --no-index --root-user-action=ignore")
        .arg("--target")
        .arg(&installed)
        .arg(made(&wheel)?)
        .run()?;
    Ok(installed)
}
