//! What the user may not read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Ran, finish, is_root, make, place};

/// Nobody, by custom.
const NOBODY: u32 = 65534;

/// Puts a copy of the program where everyone may run it.
fn program(dir: &Path) -> PathBuf {
    let program = dir.join("treenail");
    fs::copy(env!("CARGO_BIN_EXE_treenail"), &program).unwrap();
    program
}

/// Runs the program as a user to whom permissions mean something.
fn run_as_nobody(dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(dir.join("treenail"));
    command.args(args).current_dir(dir).stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    finish(&mut command, b"")
}

fn forbid(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}

/// A tree with a file and a directory that nobody may read; permissions come back on drop.
struct Forbidden {
    place: tempfile::TempDir,
}

impl Forbidden {
    fn new() -> Self {
        let place = place();
        program(place.path());
        let dir = make(place.path().join("t"), &[("a", "one"), ("b/c", "two"), ("b/secret", "x")]);
        make(&dir, &[("hidden/inside", "three"), ("z", "last")]);
        forbid(&dir.join("b/secret"));
        forbid(&dir.join("hidden"));
        Self { place }
    }

    fn run(&self, args: &[&str]) -> Ran {
        run_as_nobody(self.place.path(), args)
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        let open = fs::Permissions::from_mode(0o700);
        _ = fs::set_permissions(self.place.path().join("t/hidden"), open);
    }
}

const REMEDY: &str = "run as a user who may";

#[test]
fn what_may_not_be_read_is_named_and_the_rest_is_summarised() {
    let tree = Forbidden::new();
    let ran = tree.run(&["tree", "t"]).refused("t/b/secret", REMEDY).refused("t/hidden", REMEDY);
    assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
    assert!(ran.out().contains("files     4\n"), "{ran:?}");
    assert!(ran.out().contains("digest    unknown"), "{ran:?}");
    assert!(ran.out().contains("errors    2\n"), "{ran:?}");
}

#[test]
fn json_errors_have_kind_message_path_and_remedy() {
    let tree = Forbidden::new();
    let ran = tree.run(&["tree", "--json", "t"]).expect(2);
    let errors = ran.errors();
    assert_eq!(errors.len(), 2);
    for (error, path) in errors.iter().zip(["t/b/secret", "t/hidden"]) {
        assert_eq!(error["kind"], "permission_denied");
        assert_eq!(error["path"], path);
        assert!(error["message"].is_string());
        assert!(error["remedy"].as_str().unwrap().contains(REMEDY));
    }
    let summary = ran.summary();
    assert!(summary["digest"].is_null());
    assert_eq!(summary["errors"], 2);
    assert_eq!((&summary["files"], &summary["dirs"]), (&4.into(), &2.into()));
}

#[test]
fn without_ids_only_the_directory_is_missing() {
    let tree = Forbidden::new();
    let ran = tree.run(&["tree", "--json", "--ids", "none", "t"]).expect(2);
    assert_eq!(ran.errors().len(), 1);
    assert_eq!(ran.summary()["files"], 4);
}

#[test]
fn a_root_that_may_not_be_read_is_refused() {
    let tree = Forbidden::new();
    tree.run(&["tree", "t/hidden"]).refused("t/hidden", REMEDY);
    tree.run(&["diff", "t/hidden", "t"]).refused("t/hidden", REMEDY);
}

#[test]
fn a_directory_that_may_be_listed_but_not_entered_names_its_entries() {
    let tree = Forbidden::new();
    let dir = tree.place.path().join("t/b");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o444)).unwrap();
    let ran = tree.run(&["tree", "--json", "t"]).expect(2);
    let named: Vec<_> = ran.errors().iter().map(|e| e["path"].to_string()).collect();
    assert!(named.iter().any(|path| path.contains("t/b/c")), "{named:?}");
    assert!(ran.summary()["digest"].is_null());
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_rule_file_that_may_not_be_read_is_an_error() {
    let tree = Forbidden::new();
    let dir = make(tree.place.path().join("r"), &[(".gitignore", "x"), ("sub/.gitignore", "y")]);
    forbid(&dir.join("sub/.gitignore"));
    let ran = tree.run(&["tree", "--gitignore", "--ids", "none", "r"]);
    ran.refused("r/sub/.gitignore", REMEDY);
    forbid(&dir.join(".gitignore"));
    let ran = tree.run(&["tree", "--gitignore", "--ids", "none", "r"]);
    ran.refused("r/.gitignore", REMEDY);
}

#[test]
fn differences_are_shown_and_what_could_not_be_compared_is_told() {
    let tree = Forbidden::new();
    let other =
        make(tree.place.path().join("o"), &[("a", "one"), ("b/c", "TWO"), ("b/secret", "x")]);
    make(&other, &[("hidden/inside", "three"), ("z", "last")]);
    for args in [["diff", "t", "o"], ["diff", "o", "t"]] {
        let ran = tree.run(&args).refused("t/b/secret", REMEDY).refused("t/hidden", REMEDY);
        assert_eq!(ran.out(), "M b/c\n");
        assert!(ran.stderr.contains("2 entries could not be compared"), "{ran:?}");
    }
    let ran = tree.run(&["diff", "--json", "t", "o"]).expect(2);
    assert!(ran.summary()["errors"].as_u64() > Some(0));
    assert_eq!(ran.summary()["modified"], 1);
}

#[test]
fn files_are_hashed_around_one_that_may_not_be_read() {
    let tree = Forbidden::new();
    let ran = tree.run(&["hash", "t/a", "t/b/secret", "t/z"]).refused("t/b/secret", REMEDY);
    assert_eq!(ran.out().lines().count(), 2);
}

#[test]
fn a_snapshot_that_may_not_be_read_or_written_is_refused() {
    let tree = Forbidden::new();
    let dir = tree.place.path();
    make(dir, &[("s.tn", "")]);
    forbid(&dir.join("s.tn"));
    tree.run(&["diff", "s.tn", "t"]).refused("s.tn", REMEDY);
    make(dir.join("closed"), &[("empty/", "")]);
    fs::set_permissions(dir.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let ran = tree.run(&["tree", "--save", "closed/s.tn", "closed/empty"]);
    let ran = ran.refused("closed/s.tn", REMEDY);
    assert!(ran.out().contains("digest"), "{ran:?}");
    fs::set_permissions(dir.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}
