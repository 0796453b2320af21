//! Rules for Rust source beyond what rustfmt and clippy hold.

use super::Findings;

/// Past this a file wants to be two.
const LINES_WANTED_MAX: usize = 500;
/// Past this it must be.
const LINES_MAX: usize = 900;

/// A directory that not every machine has; written apart, lest this file trip over itself.
const TEMPORARY: &str = concat!("/t", "mp/");

/// Checks one Rust file.
pub(super) fn check(file: &str, text: &str, findings: &mut Findings) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.problem(format!("{file}: {lines} lines, at most {LINES_MAX}; split it"));
    } else if lines > LINES_WANTED_MAX {
        findings.warning(format!("{file}: {lines} lines, wanted at most {LINES_WANTED_MAX}"));
    }
    for (index, line) in text.lines().enumerate() {
        let at = format!("{file}:{}", index + 1);
        if let Some(char) = line.chars().find(|char| !char.is_ascii()) {
            findings.problem(format!("{at}: {char:?} is not ASCII; write it as an escape"));
        }
        if line.contains('\t') {
            findings.problem(format!("{at}: a tab; indent with spaces, write \\t in a string"));
        }
    }
    check_lint_exceptions(file, text, findings);
    if application_part(file, text).contains(TEMPORARY) {
        findings.problem(format!("{file}: names {TEMPORARY}; ask std::env::temp_dir()"));
    }
    let is_root = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
    if is_root && !text.trim_start().starts_with("//!") {
        findings.problem(format!("{file}: begins with no `//!` paragraph of purpose"));
    }
}

/// The file's tests: all of a file that is a test, else what follows `#[cfg(test)]`.
pub(super) fn test_part<'a>(file: &str, text: &'a str) -> &'a str {
    &text[test_start(file, text)..]
}

fn application_part<'a>(file: &str, text: &'a str) -> &'a str {
    &text[..test_start(file, text)]
}

fn test_start(file: &str, text: &str) -> usize {
    if file.contains("/tests/") || file.ends_with("/tests.rs") {
        return 0;
    }
    text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len())
}

/// An exception from a lint gives its reason; documentation is never excepted.
fn check_lint_exceptions(file: &str, text: &str, findings: &mut Findings) {
    for opening in ["allow(", "expect("] {
        for (start, _) in text.match_indices(opening) {
            let before = text[..start].trim_end();
            let is_attribute = before.ends_with("#[")
                || before.ends_with("#![")
                || (before.ends_with(',') && in_cfg_attr(before));
            if !is_attribute {
                continue;
            }
            let inside = &text[start..start + closing(&text[start..])];
            let line = text[..start].lines().count().max(1);
            if inside.contains("missing_docs") {
                findings.problem(format!("{file}:{line}: public items are documented, always"));
            }
            if !inside.contains("reason =") {
                findings.problem(format!("{file}:{line}: give it a `reason = \"...\"`"));
            }
        }
    }
}

/// Whether the text breaks off inside a `cfg_attr` attribute.
fn in_cfg_attr(before: &str) -> bool {
    before.rfind("cfg_attr(").is_some_and(|start| !before[start..].contains(']'))
}

/// Where the parenthesis that opens first is closed; the end of the text if it is not.
fn closing(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' if depth == 1 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::Findings;
    use super::{LINES_MAX, LINES_WANTED_MAX, check, test_part};

    /// Checks the text without its tildes: they keep the bad examples out of this file's own way.
    fn findings(file: &str, text: &str) -> Findings {
        let mut findings = Findings::default();
        check(file, &text.replace('~', ""), &mut findings);
        findings
    }

    fn problems(text: &str) -> usize {
        findings("core/hash/src/xxh3.rs", text).problems.len()
    }

    #[test]
    fn letters_outside_ascii_and_tabs_are_found() {
        assert_eq!(problems("fn f() {}\n"), 0);
        assert_eq!(problems("// caf\u{e9}\n"), 1);
        assert_eq!(problems("fn f() {\n\tg();\n}\n"), 1);
    }

    #[test]
    fn exceptions_without_a_reason_are_found() {
        assert_eq!(problems("#[~allow(dead_code, reason = \"(why)\")]\nfn f() {}\n"), 0);
        assert_eq!(problems("#[~allow(dead_code)]\nfn f() {}\n"), 1);
        assert_eq!(problems("#![~expect(\n    unused,\n)]\n"), 1);
        assert_eq!(problems("#[cfg_attr(test, ~allow(unused))]\n"), 1);
        assert_eq!(problems("let x = y.expect(\"fine\");\nallow(x);\n"), 0);
    }

    #[test]
    fn documentation_cannot_be_switched_off() {
        assert_eq!(problems("#![~allow(missing_docs, reason = \"later\")]\n"), 1);
    }

    #[test]
    fn temporary_paths_belong_into_tests() {
        assert_eq!(problems("const D: &str = \"/~tmp/x\";\n"), 1);
        assert_eq!(problems("fn f() {}\n\n#[cfg(test)]\nmod tests { /* /~tmp/x */ }\n"), 0);
    }

    #[test]
    fn long_files_are_reported_then_refused() {
        assert_eq!(findings("a/src/b.rs", &"\n".repeat(LINES_WANTED_MAX)).warnings.len(), 0);
        assert_eq!(findings("a/src/b.rs", &"\n".repeat(LINES_WANTED_MAX + 1)).warnings.len(), 1);
        assert_eq!(problems(&"\n".repeat(LINES_MAX)), 0);
        assert_eq!(problems(&"\n".repeat(LINES_MAX + 1)), 1);
    }

    #[test]
    fn a_crate_says_what_it_is_for() {
        assert_eq!(findings("core/hash/src/lib.rs", "fn f() {}\n").problems.len(), 1);
        assert_eq!(findings("core/hash/src/lib.rs", "//! Hashes.\n").problems.len(), 0);
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let text = "fn f() {}\n\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(test_part("a/src/b.rs", text).trim(), "#[cfg(test)]\nmod tests {}");
        assert_eq!(test_part("a/tests/b.rs", text), text);
        assert_eq!(test_part("a/src/b.rs", "fn f() {}\n"), "");
    }
}
