//! `cargo xtask tidy`: the rules about the source that no compiler checks.
//!
//! Each check takes what it looks at as a value and yields findings, so that a test can show it
//! something bad and see that it objects.

mod dependencies;
mod layers;
mod manifests;
mod source;
mod text;

use std::path::Path;

use serde_json::Value;

use crate::command::Cmd;
use crate::spdx;
use crate::workspace::{Workspace, metadata};

/// What the checks have to say.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What must be put right: the file, the rule, the remedy.
    pub(crate) problems: Vec<String>,
    /// What wants a look.
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn warning(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }
}

/// Runs every check and prints what they found; true when there is no problem.
///
/// # Errors
/// If the workspace cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<bool, String> {
    let findings = check(workspace)?;
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for problem in &findings.problems {
        println!("problem: {problem}");
    }
    println!("tidy: {} problems, {} warnings", findings.problems.len(), findings.warnings.len());
    Ok(findings.problems.is_empty())
}

/// Runs every check.
///
/// # Errors
/// If the workspace cannot be read.
pub(crate) fn check(workspace: &Workspace) -> Result<Findings, String> {
    let mut findings = Findings::default();
    layers::check(&workspace.crates, &mut findings);
    dependencies::check(&workspace.crates, &mut findings);
    licences(&metadata(&workspace.root.join("Cargo.toml"), &[])?, &mut findings);
    if let Some(manifest) = workspace.fuzz_manifest() {
        licences(&metadata(&manifest, &[])?, &mut findings);
    }
    files(workspace, &mut findings)?;
    packages(workspace, &mut findings)?;
    Ok(findings)
}

/// Tools that tests run and whose code is in nothing that we hand out, with licences that would
/// not do for what is.
const TOOLS: &[(&str, &str)] = &[("cbindgen", "MPL-2.0")];

/// Every crate of the resolved graph is under a licence that we accept.
fn licences(metadata: &Value, findings: &mut Findings) {
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or("?");
        match package["license"].as_str().map(spdx::accepted) {
            Some(Ok(true)) => {}
            _ if TOOLS
                .iter()
                .any(|(tool, under)| name == *tool && package["license"] == *under) => {}
            Some(Ok(false)) => findings.problem(format!(
                "`{name}` is under {}, which xtask/src/spdx.rs does not accept",
                package["license"]
            )),
            Some(Err(message)) => findings.problem(format!("`{name}`: {message}")),
            None => findings.problem(format!("`{name}` names no licence")),
        }
    }
}

/// The checks that read files.
fn files(workspace: &Workspace, findings: &mut Findings) -> Result<(), String> {
    let machine = text::machine_paths(&workspace.root, std::env::var_os("HOME").as_deref());
    let mut tests = String::new();
    let mut formats = Vec::new();
    for file in workspace.files()? {
        if is_golden(&file) {
            continue;
        }
        let bytes =
            std::fs::read(workspace.root.join(&file)).map_err(|e| format!("{file}: {e}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        text::check(&file, &text, &machine, findings);
        if file.ends_with(".rs") {
            source::check(&file, &text, findings);
            tests.push_str(source::test_part(&file, &text));
        } else if file.ends_with("Cargo.toml") {
            manifests::check_lints(&file, &text, findings);
        } else if file.starts_with("docs/format/") && file.ends_with(".md") {
            formats.push(file);
        }
    }
    golden(&formats, &tests, findings);
    manifests::check_described(&workspace.crates, findings);
    Ok(())
}

/// Files that are data for a test, byte for byte, or written by a tool.
fn is_golden(file: &str) -> bool {
    file.contains("/golden/")
        || file.starts_with("fuzz/corpus/")
        || file.starts_with("benches/record/")
        || Path::new(file).file_name().is_some_and(|name| name == "Cargo.lock")
}

/// Every format document is held by a test that names it.
fn golden(formats: &[String], tests: &str, findings: &mut Findings) {
    for format in formats.iter().filter(|format| !tests.contains(format.as_str())) {
        findings.problem(format!("{format}: no test names it; add one with golden bytes"));
    }
}

/// Every crate that may be published can be packed.
fn packages(workspace: &Workspace, findings: &mut Findings) -> Result<(), String> {
    let mut cmd = Cmd::new("cargo package --quiet --workspace --no-verify --allow-dirty")
        .arg("--target-dir")
        .arg(workspace.target.join("package-check"))
        .dir(&workspace.root);
    for private in workspace.crates.iter().filter(|one| !one.publish) {
        cmd = cmd.arg("--exclude").arg(&private.name);
    }
    let packed = cmd.capture_quietly()?;
    if !packed.status.success() {
        findings.problem(format!("{}: {}\n{}", cmd.line(), packed.status, packed.output));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Findings, golden, licences};

    #[test]
    fn licences_outside_the_list_are_found() {
        let mut findings = Findings::default();
        licences(
            &json!({"packages": [
                {"name": "good", "license": "MIT OR GPL-3.0-only"},
                {"name": "viral", "license": "AGPL-3.0-only"},
                {"name": "silent", "license": null},
                {"name": "broken", "license": "MIT OR"},
                {"name": "cbindgen", "license": "MPL-2.0"},
            ]}),
            &mut findings,
        );
        assert_eq!(findings.problems.len(), 3, "{findings:?}");
        assert!(findings.problems[0].contains("viral"));
    }

    #[test]
    fn a_format_without_a_test_is_found() {
        let formats = ["docs/format/a.md".to_owned(), "docs/format/b.md".to_owned()];
        let mut findings = Findings::default();
        golden(&formats, "// bytes of docs/format/a.md", &mut findings);
        assert_eq!(findings.problems.len(), 1);
        assert!(findings.problems[0].starts_with("docs/format/b.md"));
    }
}
