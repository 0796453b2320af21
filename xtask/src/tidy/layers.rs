//! The table of layers: a crate depends only on crates in rows below its own.

use super::Findings;
use crate::workspace::Crate;

/// The rows, top-down, as docs/ARCHITECTURE.md draws them. Crates of one row do not know one
/// another, which keeps the products apart.
const LAYERS: &[&[&str]] = &[
    &["ffi/c", "ffi/node", "ffi/python", "adapters/cli"],
    &["adapters/db-git"],
    &[
        "adapters/watch",
        "adapters/glob",
        "adapters/sync",
        "adapters/vcs",
        "adapters/db",
        "adapters/cache",
    ],
    &["adapters/share"],
    &["adapters/tree"],
    &["adapters/store", "adapters/net", "adapters/pattern"],
    &["adapters/os"],
    &["core/ring", "core/merkle", "core/wal", "core/index"],
    &["core/hash"],
];

/// What stands beside the table: it may use everything, nothing may use it.
const BESIDE: &[&str] = &["benches/compare", "benches/own", "fuzz", "fuzz/sim", "xtask"];

/// Checks every edge between the workspace's crates, whichever kind of dependency makes it.
pub(super) fn check(crates: &[Crate], findings: &mut Findings) {
    for user in crates {
        if BESIDE.contains(&user.dir.as_str()) {
            continue;
        }
        let Some(own_row) = row(&user.dir) else {
            findings.problem(format!(
                "{}: not in the table of layers; give it a row in xtask/src/tidy/layers.rs and \
                 docs/ARCHITECTURE.md",
                user.dir
            ));
            continue;
        };
        for used in user.dependencies.iter().filter(|one| one.local) {
            let Some(used) = crates.iter().find(|one| one.name == used.name) else {
                findings.problem(format!("{}: `{}` is no crate here", user.dir, used.name));
                continue;
            };
            if row(&used.dir).is_none_or(|row| row <= own_row) {
                findings.problem(format!(
                    "{} depends on {}, which is not in a row below it",
                    user.dir, used.dir
                ));
            }
        }
    }
}

/// The row of the crate in `dir`, counted from the top.
fn row(dir: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&dir))
}

#[cfg(test)]
mod tests {
    use super::super::Findings;
    use super::check;
    use crate::workspace::{Crate, Dependency};

    fn krate(dir: &str, uses: &[(&str, bool)]) -> Crate {
        let dependencies = uses
            .iter()
            .map(|&(name, dev)| Dependency {
                name: name.to_owned(),
                dev,
                local: true,
                ..Dependency::default()
            })
            .collect();
        Crate { name: dir.to_owned(), dir: dir.to_owned(), dependencies, ..Crate::default() }
    }

    fn problems(crates: &[Crate]) -> Vec<String> {
        let mut findings = Findings::default();
        check(crates, &mut findings);
        findings.problems
    }

    #[test]
    fn downwards_is_fine() {
        let crates = [
            krate("adapters/cli", &[("adapters/tree", false), ("core/hash", false)]),
            krate("adapters/tree", &[("core/hash", false)]),
            krate("core/hash", &[]),
            krate("xtask", &[("adapters/cli", false)]),
        ];
        assert_eq!(problems(&crates), Vec::<String>::new());
    }

    #[test]
    fn upwards_sideways_and_into_tools_are_found() {
        for (user, used, dev) in [
            ("core/hash", "core/merkle", false),
            ("core/hash", "core/merkle", true),
            ("adapters/sync", "adapters/vcs", false),
            ("adapters/tree", "xtask", false),
            ("adapters/tree", "benches/compare", true),
        ] {
            let found = problems(&[krate(user, &[(used, dev)]), krate(used, &[])]);
            assert_eq!(found.len(), 1, "{user} -> {used}: {found:?}");
            assert!(found[0].contains(user) && found[0].contains(used));
        }
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(problems(&[krate("adapters/misc", &[])])[0].contains("adapters/misc"));
    }
}
