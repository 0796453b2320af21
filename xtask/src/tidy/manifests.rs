//! What every manifest says: the workspace's lints, and what a registry shows of a crate.

use super::Findings;
use crate::workspace::Crate;

/// A crate of the workspace takes the workspace's lints. The root manifest, which sets them, and
/// the fuzz crate, which is a workspace of its own, do not.
pub(super) fn check_lints(file: &str, text: &str, findings: &mut Findings) {
    let mut section = "";
    let mut has_package = false;
    let mut is_root = false;
    let mut inherits = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
            has_package |= line == "[package]";
            is_root |= line == "[workspace]";
        }
        let setting: String = line.split_whitespace().collect();
        inherits |= section == "[lints]" && setting == "workspace=true";
    }
    if has_package && !is_root && !inherits {
        findings.problem(format!("{file}: lacks `[lints]` with `workspace = true`"));
    }
}

/// A crate that may be published says what it is; one of the core, which stands alone on
/// crates.io, has its own README, keywords and categories.
pub(super) fn check_described(crates: &[Crate], findings: &mut Findings) {
    for one in crates.iter().filter(|one| one.publish) {
        let mut wanted = vec!["description", "license", "repository"];
        if one.dir.starts_with("core/") {
            wanted.extend(["readme", "keywords", "categories"]);
        }
        for field in wanted.into_iter().filter(|field| !one.described.contains(field)) {
            findings.problem(format!("{}/Cargo.toml: lacks `{field}`", one.dir));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Findings;
    use super::{check_described, check_lints};
    use crate::workspace::Crate;

    fn lint_problems(text: &str) -> usize {
        let mut findings = Findings::default();
        check_lints("Cargo.toml", text, &mut findings);
        findings.problems.len()
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_found() {
        assert_eq!(lint_problems("[package]\nname = \"a\"\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(lint_problems("[workspace]\n[workspace.lints.rust]\n"), 0);
        assert_eq!(lint_problems("[package]\nname = \"a\"\n"), 1);
        assert_eq!(lint_problems("[package]\n[lints]\n[other]\nworkspace = true\n"), 1);
    }

    #[test]
    fn a_core_crate_describes_itself() {
        let core = Crate {
            dir: "core/hash".to_owned(),
            publish: true,
            described: vec!["description", "license", "repository", "readme", "keywords"],
            ..Crate::default()
        };
        let private = Crate { dir: "xtask".to_owned(), ..Crate::default() };
        let mut findings = Findings::default();
        check_described(&[core, private], &mut findings);
        assert_eq!(findings.problems, ["core/hash/Cargo.toml: lacks `categories`"]);
    }
}
