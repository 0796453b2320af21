//! Entries that are no plain files, names that are no plain text, trees that are very deep.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::support::{digest, is_root, make, must, place, place_in_memory, run};

#[test]
fn pipes_sockets_and_devices_are_entries_that_are_never_opened() {
    let place = place();
    let dir = make(place.path().join("t"), &[("file", "x")]);
    must(&dir, "mkfifo", &["pipe"]);
    let _socket = UnixListener::bind(dir.join("socket")).unwrap();
    let mut others = 2;
    // Containers may forbid devices even to root.
    let device = |args: &[&str]| {
        Command::new("mknod").args(args).current_dir(&dir).status().is_ok_and(|s| s.success())
    };
    if is_root() && device(&["zero", "c", "1", "5"]) && device(&["block", "b", "7", "250"]) {
        others += 2;
    }
    for ids in ["xxh3", "none"] {
        let args = ["tree", "--json", "--ids", ids, "--gitignore", "t"];
        let summary = run(place.path(), &args).expect(0).summary();
        assert_eq!(summary["files"], 1);
        assert_eq!(summary["others"], others);
        assert_eq!(summary["errors"], 0);
    }
    let before = digest(place.path(), &["t"]);
    fs::remove_file(dir.join("pipe")).unwrap();
    assert_ne!(digest(place.path(), &["t"]), before, "the digest covers pipes");
    fs::write(dir.join("pipe"), "").unwrap();
    assert_ne!(digest(place.path(), &["t"]), before, "an empty file is no pipe");
}

#[test]
fn a_rule_file_that_is_a_pipe_does_not_stop_the_scan() {
    let place = place();
    let dir = make(place.path().join("t"), &[("a", "1"), ("sub/b", "2")]);
    must(&dir, "mkfifo", &[".gitignore", "sub/.gitignore"]);
    let summary = run(place.path(), &["tree", "--gitignore", "--json", "t"]).expect(0).summary();
    assert_eq!((&summary["files"], &summary["others"]), (&2.into(), &2.into()));
}

#[test]
fn symbolic_links_are_entries_and_never_followed() {
    let place = place();
    make(place.path().join("outside"), &[("a", "1"), ("b", "2")]);
    let dir = make(place.path().join("t"), &[("file", "x"), ("sub/", "")]);
    symlink("../outside", dir.join("to-directory")).unwrap();
    symlink("..", dir.join("sub/up")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    symlink("nowhere", dir.join("dangling")).unwrap();
    symlink(OsStr::from_bytes(b"\xff\n"), dir.join("odd")).unwrap();
    let summary = run(place.path(), &["tree", "--json", "t"]).expect(0).summary();
    assert_eq!(summary["files"], 1);
    assert_eq!(summary["dirs"], 1);
    assert_eq!(summary["symlinks"], 5);
    let before = digest(place.path(), &["t"]);
    make(place.path().join("outside"), &[("c", "3")]);
    assert_eq!(digest(place.path(), &["t"]), before, "a link's directory is no part of the tree");
}

#[test]
fn a_link_that_points_elsewhere_is_modified() {
    let place = place();
    for (side, target) in [("old", "a"), ("new", "b")] {
        symlink(target, make(place.path().join(side), &[]).join("link")).unwrap();
    }
    assert_eq!(run(place.path(), &["diff", "old", "new"]).expect(1).out(), "M link\n");
}

#[test]
fn names_that_are_no_text_are_escaped_for_people_and_in_base_64_for_programs() {
    let place = place();
    make(place.path().join("old"), &[]);
    let new = make(
        place.path().join("new"),
        &[("two\nlines", "1"), ("\u{1b}[31m", "2"), ("e\u{301}\u{9b}", "3")],
    );
    fs::write(new.join(OsStr::from_bytes(b"caf\xe9")), "4").unwrap();
    let ran = run(place.path(), &["diff", "old", "new"]).expect(1);
    let text = "A \\x1b[31m\nA caf\\xe9\nA e\u{301}\\xc2\\x9b\nA two\\nlines\n";
    assert_eq!(ran.out(), text);
    let ran = run(place.path(), &["diff", "-z", "old", "new"]).expect(1);
    let exact = b"A\0\x1b[31m\0A\0caf\xe9\0A\0e\xcc\x81\xc2\x9b\0A\0two\nlines\0";
    assert_eq!(ran.stdout, exact);
    let ran = run(place.path(), &["diff", "--json", "old", "new"]).expect(1);
    let lines = ran.json();
    assert_eq!(lines[0]["path"], "\u{1b}[31m");
    assert_eq!(lines[1]["path_b64"], "Y2Fm6Q==");
    assert!(lines[1].get("path").is_none());
    assert_eq!(lines[3]["path"], "two\nlines");
}

#[test]
fn a_renamed_name_that_is_no_text_has_both_paths_in_base_64() {
    let place = place();
    make(place.path().join("old"), &[]);
    make(place.path().join("new"), &[]);
    fs::write(place.path().join("old").join(OsStr::from_bytes(b"\xff")), "moved").unwrap();
    fs::write(place.path().join("new").join(OsStr::from_bytes(b"\xfe")), "moved").unwrap();
    let line = &run(place.path(), &["diff", "--json", "old", "new"]).expect(1).json()[0];
    assert_eq!(line["change"], "renamed");
    assert_eq!((&line["path_b64"], &line["from_b64"]), (&"/g==".into(), &"/w==".into()));
}

#[test]
fn a_root_whose_name_is_no_text_is_shown_escaped() {
    let place = place();
    let root = OsStr::from_bytes(b"r\xff");
    make(place.path().join(root), &[("a", "1")]);
    let ran = run(place.path(), &[OsStr::new("tree"), root]).expect(0);
    assert!(ran.out().starts_with("r\\xff\n"), "{ran:?}");
    let missing = OsStr::from_bytes(b"m\xff");
    let ran = run(place.path(), &[OsStr::new("tree"), OsStr::new("--json"), missing]).expect(2);
    assert_eq!(ran.errors()[0]["path_b64"], "bf8=");
    assert!(ran.errors()[0].get("path").is_none());
}

/// Makes directories inside one another, with a file in the last. No path is that long, so what
/// there is already goes into the last of a hundred new ones, and so on.
fn make_deep(top: &Path, levels: usize) {
    let (new, deep) = (top.join("new"), top.join("d"));
    let rest = ["d"; 99].join("/");
    make(&deep, &[(&format!("{rest}/file"), "deep")]);
    for _ in 1..levels / 100 {
        fs::create_dir_all(new.join(&rest)).unwrap();
        fs::rename(&deep, new.join(&rest).join("d")).unwrap();
        fs::rename(&new, &deep).unwrap();
    }
}

/// Removes what is deeper than the standard library can remove it.
fn remove_deep(top: &Path) {
    must(top, "rm", &["-rf", "d"]);
}

#[test]
fn five_thousand_levels_are_scanned_saved_and_compared() {
    let place = place_in_memory();
    let (a, b) = (make(place.path().join("a"), &[]), make(place.path().join("b"), &[]));
    make_deep(&a, 5000);
    let summary = run(place.path(), &["tree", "--json", "--save", "a.tn", "a"]).expect(0).summary();
    assert_eq!((&summary["dirs"], &summary["files"]), (&5000.into(), &1.into()));
    assert!(summary["digest"].is_string());
    run(place.path(), &["diff", "a.tn", "a"]).expect(0);
    let ran = run(place.path(), &["diff", "a.tn", "b"]).expect(1);
    assert_eq!(ran.out().lines().count(), 5001);
    let args = ["tree", "--json", "--gitignore", "--ids", "git", "a"];
    assert_eq!(run(place.path(), &args).expect(0).summary()["dirs"], 5000);
    remove_deep(&a);
    make_deep(&b, 5000);
    assert_eq!(run(place.path(), &["diff", "a.tn", "b"]).expect(0).out(), "");
    remove_deep(&b);
}
