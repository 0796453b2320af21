//! Rules for every text file: width, white space, unfinished work, paths of one machine.

use std::ffi::OsStr;
use std::path::Path;

use super::Findings;

/// The widest line, in characters.
const COLUMNS_MAX: usize = 100;

/// Marks of work that is not done; written apart, lest this file trip over itself.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("<<<<", "<<<"),
    concat!(">>>>", ">>>"),
];

/// Paths that exist on somebody's machine only.
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// The directories that would give this machine away: where the repository lies, and the home
/// directory. Those that every machine has are left out.
pub(super) fn machine_paths(root: &Path, home: Option<&OsStr>) -> Vec<String> {
    let temporary = std::env::temp_dir();
    let above = root.parent().filter(|dir| *dir != temporary && dir.parent().is_some());
    let home = home.map(Path::new).filter(|dir| dir.is_absolute() && dir.parent().is_some());
    let dirs = above.into_iter().chain(home).map(|dir| format!("{}/", dir.display()));
    let mut dirs: Vec<String> = dirs.chain(HOMES.iter().map(|&dir| dir.to_owned())).collect();
    dirs.sort();
    dirs.dedup();
    dirs
}

/// Checks one file; `machine` as from [`machine_paths`].
pub(super) fn check(file: &str, text: &str, machine: &[String], findings: &mut Findings) {
    let limited = [".rs", ".toml", ".sh"].iter().any(|end| file.ends_with(end));
    for (index, line) in text.lines().enumerate() {
        let at = format!("{file}:{}", index + 1);
        let columns = line.chars().count();
        if limited && columns > COLUMNS_MAX && !unbreakable(file, line) {
            findings.problem(format!("{at}: {columns} columns, at most {COLUMNS_MAX}"));
        }
        if line.ends_with([' ', '\t', '\r']) {
            findings.problem(format!("{at}: white space at the end of the line"));
        }
        for mark in UNFINISHED.iter().filter(|mark| has_word(line, mark)) {
            findings.problem(format!("{at}: `{mark}`: finish it or leave it out"));
        }
        for path in machine.iter().filter(|path| has_path(line, path)) {
            findings.problem(format!("{at}: `{path}` exists on some machines only"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.problem(format!("{file}: the last line does not end"));
    }
}

/// An address, or a manifest's description, has no place to break.
fn unbreakable(file: &str, line: &str) -> bool {
    line.contains("https://") || (file.ends_with(".toml") && line.starts_with("description = "))
}

/// Whether `word` stands in the line as a word of its own.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether an absolute path in the line begins with `path`.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "-_.~*}>)]".contains(char))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::super::Findings;
    use super::{COLUMNS_MAX, check, machine_paths};

    /// Checks the text without its tildes: they keep the bad examples out of this file's own way.
    fn problems(file: &str, text: &str) -> Vec<String> {
        let machine = machine_paths(Path::new("/srv/project"), Some(OsStr::new("/var/me")));
        let mut findings = Findings::default();
        check(file, &text.replace('~', ""), &machine, &mut findings);
        findings.problems
    }

    #[test]
    fn wide_lines_are_found_where_lines_can_break() {
        let wide = format!("{}\n", "x".repeat(COLUMNS_MAX + 1));
        assert_eq!(problems("a.rs", &wide).len(), 1);
        assert_eq!(problems("a.sh", &wide).len(), 1);
        assert_eq!(problems("Cargo.toml", &wide).len(), 1);
        assert_eq!(problems("a.md", &wide).len(), 0);
        assert_eq!(problems("a.rs", &wide[1..]).len(), 0);
        let description = format!("description = \"{wide}");
        assert_eq!(problems("Cargo.toml", &description).len(), 0);
    }

    #[test]
    fn white_space_at_the_end_is_found() {
        assert_eq!(problems("a.md", "word \n").len(), 1);
        assert_eq!(problems("a.md", "word\r\nword\n").len(), 0, "lines() takes the pair");
        assert_eq!(problems("a.md", "word").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found() {
        for bad in ["// FIX~ME later\n", "    to~do!()\n", "unimple~mented!()\n", "X~XX\n"] {
            assert_eq!(problems("a.rs", bad).len(), 1, "{bad:?}");
        }
        assert_eq!(problems("a.sh", "mktemp a.XX~XX~XX\n").len(), 0);
        assert_eq!(problems("a.rs", "<<<<~<<< HEAD\n").len(), 1);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for bad in ["`/~root/x`", "see /ho~me/me/x", "\"/srv/a\"", "/var/me/.cache"] {
            assert_eq!(problems("a.md", &format!("{bad}\n")).len(), 1, "{bad:?}");
        }
        assert_eq!(problems("a.md", "/usr/share and /srv2/x and a/srv/b\n").len(), 0);
    }

    #[test]
    fn directories_that_all_machines_have_are_no_secret() {
        let temporary = std::env::temp_dir().join("checkout");
        let paths = machine_paths(&temporary, Some(OsStr::new("/")));
        assert_eq!(paths, machine_paths(Path::new("/"), None));
    }
}
