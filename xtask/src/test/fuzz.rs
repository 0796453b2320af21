//! Each fuzz target for some seconds, starting from the kept corpus.

use super::{Outcome, Session};
use crate::command::{Cmd, on_path};
use crate::workspace::{metadata, strings};

/// How long each target runs.
const SECONDS: u32 = 3;
/// How long each target runs with `--full`.
const SECONDS_FULL: u32 = 300;
/// How many run at once; each has one thread.
const AT_A_TIME: usize = 2;

/// Builds all targets, then runs them.
///
/// The address sanitizer stays on, though a build without it is about 20 seconds shorter: what is
/// fuzzed is the code with `unsafe` in it, and a read out of bounds must not pass unseen.
///
/// New inputs go to a directory that is thrown away: the kept corpus grows only on purpose.
pub(super) fn run(session: &Session) -> Outcome {
    let Some(manifest) = session.workspace.fuzz_manifest() else {
        return Outcome::Skipped("there is no fuzz/Cargo.toml".to_owned());
    };
    if !on_path("cargo-fuzz") {
        return Outcome::Skipped("no cargo-fuzz; --install installs it".to_owned());
    }
    let targets = match metadata(&manifest, &["--no-deps"]) {
        Ok(metadata) => targets(&metadata),
        Err(message) => return Outcome::Failed(message),
    };
    // One build for all: `fuzz run` would otherwise link each target on its own.
    if let Err(message) = session.output(cargo_fuzz("build")) {
        return Outcome::Failed(message);
    }
    let fresh = match tempfile::tempdir() {
        Ok(fresh) => fresh,
        Err(e) => return Outcome::Failed(format!("no temporary directory: {e}")),
    };
    let runs = targets.iter().map(|target| {
        let found = fresh.path().join(target);
        std::fs::create_dir(&found).expect("a new directory in one of our own");
        let mut cmd = cargo_fuzz("run").arg(target).arg(found);
        let kept = format!("fuzz/corpus/{target}");
        if session.workspace.root.join(&kept).is_dir() {
            cmd = cmd.arg(kept);
        }
        let seconds = if session.full { SECONDS_FULL } else { SECONDS };
        cmd.words(&format!("-- -max_total_time={seconds} -rss_limit_mb=4096"))
    });
    session.run_side_by_side(AT_A_TIME, runs.collect())
}

fn cargo_fuzz(command: &str) -> Cmd {
    Cmd::new(&format!("cargo fuzz {command}")).env("RUSTC_BOOTSTRAP", "1")
}

/// The names of the binaries that the fuzz crate builds.
fn targets(metadata: &serde_json::Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| strings(&target["kind"]).contains(&"bin".to_owned()))
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::targets;

    #[test]
    fn the_targets_are_the_binaries() {
        let metadata = json!({"packages": [{"targets": [
            {"name": "glob", "kind": ["bin"]},
            {"name": "shared", "kind": ["lib"]},
        ]}]});
        assert_eq!(targets(&metadata), ["glob"]);
    }
}
