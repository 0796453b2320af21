//! The Python package as its users get it: the wheel in an environment of its own, away from the
//! repository.
//!
//! The types are checked, the package's own tests run, then CPython's tests of `glob` with every
//! interpreter on the machine that came with them, then the comparison with the standard library on
//! random trees. The source distribution must be whole; a thorough run also installs it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, Session};
use crate::command::{Cmd, on_path};
use crate::python::{self, TOOLS};

/// Interpreters that may be on a machine; the package is for 3.10 and later.
const INTERPRETERS: &[&str] = &[
    "python3",
    "/usr/bin/python3",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
];

/// Has an interpreter say whether it is new enough, and which one it is.
const IDENTITY: &str =
    "import os, sys; print(sys.version_info >= (3, 10), os.path.realpath(sys.executable))";

/// What `tests/cpython.py` returns where the interpreter came without tests.
const NO_TESTS: i32 = 3;

/// Builds the package and has it tested.
pub(super) fn run(session: &Session) -> Outcome {
    if !on_path("python3") {
        return Outcome::Skipped("no `python3` on the PATH; --install installs it".to_owned());
    }
    if !TOOLS.is_installed(&session.workspace.target) {
        return Outcome::Skipped("no maturin, mypy and pytest; --install installs them".to_owned());
    }
    match check(session) {
        Ok(outcome) => outcome,
        Err(message) => Outcome::Failed(message),
    }
}

/// Where things are in one run.
struct Bench<'a> {
    session: &'a Session<'a>,
    /// The directory of the package.
    package: PathBuf,
    /// maturin, mypy and pytest.
    tools: PathBuf,
    scratch: tempfile::TempDir,
}

fn check(session: &Session) -> Result<Outcome, String> {
    let bench = Bench {
        session,
        package: session.workspace.root.join("ffi/python"),
        tools: TOOLS.dir(&session.workspace.target),
        scratch: tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?,
    };
    let wheel = bench.maturin("build", "wheel")?;
    let python = bench.environment("installed")?;
    bench.install(&python, &wheel, "--no-index")?;
    bench.types()?;
    bench.own_tests(&python)?;
    let seconds = if session.full { "600" } else { "3" };
    let program = Cmd::program(&python).arg(bench.package.join("tests/differential.py"));
    bench.away(program.words("--seconds").arg(seconds))?;
    bench.source_distribution()?;
    bench.cpython(&python)
}

impl Bench<'_> {
    /// Has maturin make something; the one file in its output.
    fn maturin(&self, command: &str, into: &str) -> Result<PathBuf, String> {
        let into = self.scratch.path().join(into);
        self.session.output(python::maturin(self.session.workspace, command, &into))?;
        python::made(&into)
    }

    /// A new environment without any package; its interpreter.
    fn environment(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.scratch.path().join(name);
        // Debian's python3 cannot put pip into it; the pip outside can do without.
        self.session.output(Cmd::new("python3 -m venv --without-pip").arg(&dir))?;
        Ok(dir.join("bin/python"))
    }

    fn install(&self, python: &Path, file: &Path, option: &str) -> Result<(), String> {
        let cmd = Cmd::new("python3 -m pip --disable-pip-version-check --python").arg(python);
        let cmd = cmd.words("install --quiet --no-deps").arg(option).arg(file);
        self.away(self.with_tools(cmd))
    }

    /// The stubs, the Python half and the tests, strictly.
    fn types(&self) -> Result<(), String> {
        let cmd = Cmd::new("python3 -m mypy --strict --no-error-summary --cache-dir")
            .arg(self.session.workspace.target.join("mypy"))
            .arg(self.package.join("python/treenail"))
            .arg(self.package.join("tests"))
            .env("MYPYPATH", self.package.join("python"));
        self.session.output(self.with_tools(cmd)).map(drop)
    }

    fn own_tests(&self, python: &Path) -> Result<(), String> {
        let cmd = Cmd::program(python)
            .words("-m pytest --quiet -p no:cacheprovider")
            .arg(self.package.join("tests"));
        self.away(self.with_tools(cmd))
    }

    /// What pip would fetch where there is no wheel.
    fn source_distribution(&self) -> Result<(), String> {
        let archive = self.maturin("sdist", "sdist")?;
        let dir = self.scratch.path().join("sdist");
        self.session.output(Cmd::new("tar -xzf").arg(&archive).arg("-C").arg(&dir))?;
        let top = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let top = dir.join(top.trim_end_matches(".tar.gz"));
        // Fails if a crate of ours that it needs is not there.
        let cmd = Cmd::new("cargo metadata --offline --format-version 1 --manifest-path");
        self.session.output(cmd.arg(top.join("ffi/python/Cargo.toml")))?;
        if !self.session.full {
            return Ok(());
        }
        let python = self.environment("from-source")?;
        self.install(&python, &archive, "--no-build-isolation")?;
        self.own_tests(&python)
    }

    /// CPython's tests, with each interpreter that has them.
    fn cpython(&self, own: &Path) -> Result<Outcome, String> {
        let site = Cmd::program(own)
            .words("-c")
            .arg("import sysconfig; print(sysconfig.get_path('purelib'))")
            .read()?;
        let mut seen: Vec<String> = Vec::new();
        let mut tested = 0;
        for path in interpreters() {
            let asked = Cmd::program(&path).arg("-c").arg(IDENTITY).capture_quietly();
            let Ok(asked) = asked else { continue };
            let Some(name) = asked.output.trim().strip_prefix("True ") else { continue };
            if seen.iter().any(|one| one == name) {
                continue;
            }
            seen.push(name.to_owned());
            let ended = Cmd::program(&path)
                .arg(self.package.join("tests/cpython.py"))
                .env("PYTHONPATH", site.trim())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .dir(self.scratch.path())
                .capture()?;
            match ended.status.code() {
                Some(0) => tested += 1,
                Some(NO_TESTS) => {}
                _ => {
                    println!("{}", ended.output.trim_end());
                    return Err(format!("CPython's tests of glob with {name} ({})", ended.status));
                }
            }
        }
        if tested == 0 {
            let why = "no Python came with its own tests; --install installs Debian's";
            return Ok(Outcome::Skipped(why.to_owned()));
        }
        Ok(Outcome::Passed)
    }

    fn with_tools(&self, cmd: Cmd) -> Cmd {
        let path = std::env::var("PATH").unwrap_or_default();
        cmd.env("PYTHONPATH", &self.tools)
            .env("PATH", format!("{}:{path}", self.tools.join("bin").display()))
    }

    /// Runs what must succeed, away from the repository and leaving nothing in it.
    fn away(&self, cmd: Cmd) -> Result<(), String> {
        let cmd = cmd.dir(self.scratch.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        let ended = cmd.capture()?;
        if ended.status.success() {
            return Ok(());
        }
        println!("{}", ended.output.trim_end());
        Err(format!("{} ({})", cmd.line_without_env(), ended.status))
    }
}

/// The interpreters to try: those, and what pyenv has.
fn interpreters() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = INTERPRETERS.iter().map(PathBuf::from).collect();
    let versions = std::env::home_dir().unwrap_or_default().join(".pyenv/versions");
    let Ok(versions) = fs::read_dir(versions) else { return paths };
    paths.extend(versions.filter_map(|one| Some(one.ok()?.path().join("bin/python3"))));
    paths
}
