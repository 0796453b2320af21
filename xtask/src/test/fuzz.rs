//! Each fuzz target for some seconds, starting from the kept corpus.
//!
//! What `cargo fuzz run TARGET` does, without `cargo-fuzz`, which takes a minute to install and
//! asks cargo before each target whether it is up to date.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{Outcome, Session};
use crate::command::Cmd;
use crate::workspace::{metadata, strings};

/// How long each target runs.
const SECONDS: u32 = 3;
/// How long each target runs with `--full`.
const SECONDS_FULL: u32 = 300;
/// How many run at once; each has one thread.
const AT_A_TIME: usize = 2;

/// Where the sanitizer's run time is part of the toolchain.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What libFuzzer wants of the compiler: counters and tables of what was reached, and the operands
/// of comparisons.
///
/// The address sanitizer stays on, though a build without it is about 20 seconds shorter: what is
/// fuzzed is the code with `unsafe` in it, and a read out of bounds must not pass unseen.
const FLAGS: &str = "-Zsanitizer=address --cfg=fuzzing -Cpasses=sancov-module \
                     -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds all targets, then runs them.
///
/// New inputs go to a directory that is thrown away: the kept corpus grows only on purpose.
pub(super) fn run(session: &Session) -> Outcome {
    let Some(manifest) = session.workspace.fuzz_manifest() else {
        return Outcome::Skipped("there is no fuzz/Cargo.toml".to_owned());
    };
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Outcome::Skipped(format!("the targets are built for {TARGET}"));
    }
    let fuzzed = match metadata(&manifest, &["--no-deps"]) {
        Ok(metadata) => Fuzzed::new(&metadata, session.full),
        Err(message) => return Outcome::Failed(message),
    };
    if let Err(message) = session.output(fuzzed.build().arg("--manifest-path").arg(&manifest)) {
        return Outcome::Failed(message);
    }
    let fresh = match tempfile::tempdir() {
        Ok(fresh) => fresh,
        Err(e) => return Outcome::Failed(format!("no temporary directory: {e}")),
    };
    let runs = fuzzed.targets.iter().map(|target| fuzzed.fuzz(session, target, fresh.path()));
    match runs.collect() {
        Ok(runs) => session.run_side_by_side(AT_A_TIME, runs),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
/// What is built, and where it will stand.
struct Fuzzed {
    /// The names of the programs.
    targets: Vec<String>,
    programs: PathBuf,
    optimised: bool,
}

impl Fuzzed {
    /// From what `cargo metadata` says of the fuzz crate. Some seconds of fuzzing do not make up
    /// for the minutes that it takes to optimise the programs.
    fn new(metadata: &serde_json::Value, optimised: bool) -> Self {
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let targets = packages
            .flat_map(|package| package["targets"].as_array().into_iter().flatten())
            .filter(|target| strings(&target["kind"]).contains(&"bin".to_owned()))
            .filter_map(|target| target["name"].as_str().map(str::to_owned))
            .collect();
        let dir = metadata["target_directory"].as_str().unwrap_or_default();
        let profile = if optimised { "release" } else { "debug" };
        Self { targets, programs: Path::new(dir).join(TARGET).join(profile), optimised }
    }

    fn build(&self) -> Cmd {
        let cmd = Cmd::new("cargo build --quiet --target").arg(TARGET);
        let cmd = if self.optimised { cmd.words("--release") } else { cmd };
        cmd.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS)
    }

    /// Runs one target. What makes it fail stays in `fuzz/artifacts`.
    fn fuzz(&self, session: &Session, target: &str, fresh: &Path) -> io::Result<Cmd> {
        let root = &session.workspace.root;
        let (found, artifacts) = (fresh.join(target), root.join("fuzz/artifacts").join(target));
        fs::create_dir(&found)?;
        fs::create_dir_all(&artifacts)?;
        let mut cmd = Cmd::program(&self.programs.join(target)).arg(found);
        let kept = format!("fuzz/corpus/{target}");
        if root.join(&kept).is_dir() {
            cmd = cmd.arg(kept);
        }
        let seconds = if session.full { SECONDS_FULL } else { SECONDS };
        cmd = cmd.arg(format!("-artifact_prefix={}/", artifacts.display()));
        Ok(cmd.words(&format!("-max_total_time={seconds} -rss_limit_mb=4096")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Fuzzed;

    #[test]
    fn the_targets_are_the_binaries() {
        let metadata = json!({
            "packages": [{"targets": [
                {"name": "glob", "kind": ["bin"]},
                {"name": "shared", "kind": ["lib"]},
            ]}],
            "target_directory": "/t",
        });
        let fuzzed = Fuzzed::new(&metadata, false);
        assert_eq!(fuzzed.targets, ["glob"]);
        assert!(fuzzed.programs.ends_with("x86_64-unknown-linux-gnu/debug"));
        assert!(!fuzzed.build().line().contains("--release"));
        assert!(Fuzzed::new(&metadata, true).build().line().contains("--release"));
    }
}
