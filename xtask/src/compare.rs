//! `cargo xtask compare`: builds ours, installs the rivals, and lets `benches/compare` measure.

use crate::command::Cmd;
use crate::corpus;
use crate::install::{self, NpmPackage, PipTools, Tool};
use crate::python;
use crate::workspace::Workspace;

/// What the command line asks for.
pub(crate) struct Options {
    /// Install first the rivals that are missing.
    pub(crate) install: bool,
    /// Rounds for each case.
    pub(crate) rounds: Option<String>,
    /// Only the cases with this in their name.
    pub(crate) case: Option<String>,
}

/// What a comparison needs before it can run.
struct Comparison {
    name: &'static str,
    /// What to build, each a `cargo build --release` with these arguments; the last makes the
    /// program that measures, `compare-NAME`.
    builds: &'static [&'static str],
    /// The files to work on, if any.
    corpus: Option<&'static str>,
    debian: &'static [Tool],
    cargo: &'static [Tool],
    npm: &'static [NpmPackage],
    /// The rivals of our package for Python, if it takes part.
    python: Option<PipTools>,
}

const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: "tree",
        builds: &["-p treenail", "-p treenail-os --example walk", "-p treenail-compare"],
        corpus: Some("j"),
        debian: &[
            Tool::new("bfs", "bfs"),
            Tool::new("findutils", "find"),
            Tool::new("ripgrep", "rg"),
            Tool::new("xxhash", "xxhsum"),
            Tool::new("npm", "npm"),
        ],
        cargo: &[Tool::new("b3sum", "b3sum"), Tool::new("fd-find", "fd")],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "hash",
        builds: &["--manifest-path benches/Cargo.toml -p compare-hash"],
        corpus: Some("repeats"),
        debian: &[
            Tool::new("gcc", "gcc"),
            Tool::new("libxxhash-dev", "/usr/include/xxhash.h"),
            Tool::new("npm", "npm"),
        ],
        cargo: &[],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "store",
        builds: &["--manifest-path benches/Cargo.toml -p compare-store"],
        corpus: None,
        debian: &[Tool::new("gcc", "gcc")],
        cargo: &[],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "wal",
        builds: &["--manifest-path benches/Cargo.toml -p compare-wal"],
        corpus: None,
        debian: &[],
        cargo: &[],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "merkle",
        builds: &["--manifest-path benches/Cargo.toml -p compare-merkle"],
        corpus: None,
        debian: &[],
        cargo: &[],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "ring",
        builds: &["--manifest-path benches/Cargo.toml -p compare-ring"],
        corpus: None,
        debian: &[],
        cargo: &[],
        npm: &[],
        python: None,
    },
    Comparison {
        name: "watch",
        builds: &["-p treenail", "--manifest-path benches/Cargo.toml -p compare-watch"],
        corpus: Some("j"),
        debian: &[
            Tool::new("watchman", "watchman"),
            Tool::new("inotify-tools", "inotifywait"),
            Tool::new("nodejs", "node"),
            Tool::new("npm", "npm"),
        ],
        cargo: &[],
        npm: &[
            NpmPackage { name: "@parcel/watcher", version: "2.6.0" },
            NpmPackage { name: "chokidar", version: "5.0.0" },
        ],
        python: None,
    },
    Comparison {
        name: "glob",
        builds: &["-p treenail", "--manifest-path benches/Cargo.toml -p compare-glob"],
        corpus: Some("j"),
        debian: &[
            Tool::new("bfs", "bfs"),
            Tool::new("findutils", "find"),
            Tool::new("git", "git"),
            Tool::new("strace", "strace"),
            Tool::new("npm", "npm"),
        ],
        cargo: &[Tool::new("fd-find", "fd"), Tool::new("ripgrep", "rg")],
        npm: &[],
        python: Some(PipTools {
            requirements: &["vexy_glob==1.0.11"],
            name: "python-rivals-1",
            proof: "vexy_glob/__init__.py",
        }),
    },
    Comparison {
        name: "index",
        builds: &["--manifest-path benches/Cargo.toml -p compare-index"],
        corpus: None,
        debian: &[],
        cargo: &[],
        npm: &[],
        python: None,
    },
];

/// Measures; true when all contenders gave the same answers.
///
/// # Errors
/// If there is no such comparison, or ours cannot be built.
pub(crate) fn run(workspace: &Workspace, name: &str, options: &Options) -> Result<bool, String> {
    let known = || COMPARISONS.iter().map(|one| one.name).collect::<Vec<_>>().join(" ");
    let comparison = COMPARISONS
        .iter()
        .find(|one| one.name == name)
        .ok_or_else(|| format!("no comparison `{name}`; there are: {}", known()))?;
    if options.install {
        install::debian(comparison.debian)?;
        install::cargo(comparison.cargo)?;
        install::npm(comparison.npm)?;
        if let Some(rivals) = &comparison.python {
            python::TOOLS.install(&workspace.target)?;
            rivals.install(&workspace.target)?;
        }
    }
    for build in comparison.builds {
        Cmd::new("cargo build --quiet --release")
            .words(build)
            .arg("--target-dir")
            .arg(&workspace.target)
            .dir(&workspace.root)
            .run()?;
    }
    let release = workspace.target.join("release");
    let mut cmd = Cmd::new(&release.join(format!("compare-{name}")).to_string_lossy());
    if let Some(corpus) = comparison.corpus {
        let corpus = corpus::make(corpus)?;
        eprintln!("{corpus}");
        cmd = cmd.arg("--corpus").arg(&corpus.path);
    }
    if !comparison.npm.is_empty() {
        cmd = cmd.env("TREENAIL_NPM", install::npm_home()?);
    }
    if let Some(packages) = python_packages(workspace, comparison)? {
        cmd = cmd.env("TREENAIL_PYTHON_PACKAGES", packages);
    }
    cmd = cmd
        .arg("--release")
        .arg(&release)
        .arg("--record")
        .arg(workspace.root.join("benches/record").join(format!("{name}.csv")));
    for (option, value) in [("--rounds", &options.rounds), ("--case", &options.case)] {
        if let Some(value) = value {
            cmd = cmd.arg(option).arg(value);
        }
    }
    Ok(cmd.dir(&workspace.root).run().is_ok())
}

/// Builds our package for Python; where it and its rivals are. Nothing if it takes no part, or
/// what it takes is not installed: its cases then say so.
fn python_packages(
    workspace: &Workspace,
    comparison: &Comparison,
) -> Result<Option<String>, String> {
    let target = &workspace.target;
    let Some(rivals) = &comparison.python else { return Ok(None) };
    if !rivals.is_installed(target) || !python::TOOLS.is_installed(target) {
        return Ok(None);
    }
    let ours = python::install_release(workspace)?;
    Ok(Some(format!("{}:{}", ours.display(), rivals.dir(target).display())))
}
