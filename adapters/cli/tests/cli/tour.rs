//! `treenail tour`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{make, must, place, run};

#[test]
fn every_stop_comes_out_right_on_this_very_crate() {
    let ran = run(Path::new(env!("CARGO_MANIFEST_DIR")), &["tour"]).expect(0);
    assert!(ran.out().contains("$ treenail tree copy"), "{ran:?}");
    assert!(ran.out().contains("all as expected"), "{ran:?}");
    assert_eq!(ran.stderr, "");
}

#[test]
fn json_has_a_line_a_stop_and_a_summary() {
    let place = place();
    make(place.path(), &[("a", "1"), ("b", "2"), ("c/d", "3"), ("c/e", "4")]);
    let ran = run(place.path(), &["tour", "--json"]).expect(0);
    let lines = ran.json();
    let stops = lines.len() - 1;
    assert!(lines[..stops].iter().all(|line| line["ok"] == true && line["title"].is_string()));
    assert_eq!(ran.summary()["stops"], stops);
}

#[test]
fn an_empty_directory_and_one_of_odd_files_are_toured() {
    let place = place();
    make(place.path().join("empty"), &[]);
    run(place.path(), &["tour", "empty"]).expect(0);
    let odd =
        make(place.path().join("odd"), &[("new\nline", "1"), ("two words", "2"), ("-v", "3")]);
    fs::write(odd.join(OsStr::from_bytes(b"\xff")), "4").unwrap();
    make(&odd, &[("a -> b", "5"), ("'quoted\"", "6"), ("empty", ""), ("ignored/", "")]);
    make(&odd, &[("renamed by the tour", "7"), ("new/old", "8"), ("moved/x", "9"), ("b", "b")]);
    make(&odd, &[("-", "10"), ("--help", "11"), ("c", "c"), ("unreadable", "u")]);
    symlink("nowhere", odd.join("link")).unwrap();
    must(&odd, "mkfifo", &["pipe"]);
    run(place.path(), &["tour", "odd"]).expect(0);
    let left = fs::read_dir(&odd).unwrap().count();
    assert_eq!(left, 18, "the tour works on a copy");
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let place = place();
    make(place.path(), &[("file", "")]);
    run(place.path(), &["tour", "missing"]).refused("missing", "check that the path exists");
    run(place.path(), &["tour", "file"]).refused("file", "name a directory");
}
