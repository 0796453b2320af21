//! `treenail diff`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use crate::support::{Ran, command, make, must, place, place_in_memory, run, wait};

fn diff(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["diff"], args].concat())
}

/// Two directories that differ in every way, and a snapshot of each.
fn every_way(dir: &Path) {
    let old = make(dir.join("old"), &[("same", "s"), ("mod", "1"), ("gone", "gone"), ("x", "x")]);
    make(&old, &[("kind", "k"), ("from/name", "moved"), ("d/1", "first"), ("d/2", "second")]);
    let new = make(dir.join("new"), &[("same", "s"), ("mod", "2"), ("came", "came"), ("x", "x")]);
    make(&new, &[("from/other", "moved"), ("e/1", "first"), ("e/2", "second")]);
    symlink("k", new.join("kind")).unwrap();
    fs::set_permissions(new.join("x"), fs::Permissions::from_mode(0o755)).unwrap();
    for side in ["old", "new"] {
        run(dir, &["tree", "--save", &format!("{side}.tn"), side]).expect(0);
    }
}

const EVERY_WAY: &str = "\
A came
R d -> e
R from/name -> from/other
D gone
T kind
M mod
T x
";

#[test]
fn every_kind_of_change_has_its_line_between_directories_and_snapshots() {
    let place = place();
    every_way(place.path());
    for (old, new) in [("old", "new"), ("old", "new.tn"), ("old.tn", "new"), ("old.tn", "new.tn")] {
        let ran = diff(place.path(), &[old, new]).expect(1);
        assert_eq!(ran.out(), EVERY_WAY, "{old} {new}");
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn with_z_paths_end_in_nul_and_stand_as_they_are() {
    let place = place();
    every_way(place.path());
    let ran = diff(place.path(), &["-z", "old", "new"]).expect(1);
    let lines = "A\0came\0R\0d\0e\0R\0from/name\0from/other\0D\0gone\0T\0kind\0M\0mod\0T\0x\0";
    assert_eq!(ran.out(), lines);
    assert_eq!(diff(place.path(), &["--null", "old", "new"]).expect(1).out(), lines);
}

#[test]
fn json_has_one_object_a_change_and_a_summary() {
    let place = place();
    every_way(place.path());
    let ran = diff(place.path(), &["--json", "old", "new"]).expect(1);
    let lines = ran.json();
    let words: Vec<&str> = lines.iter().filter_map(|line| line["change"].as_str()).collect();
    let all = ["added", "renamed", "renamed", "deleted", "type", "modified", "type"];
    assert_eq!(words, all);
    assert_eq!(lines[0]["path"], "came");
    assert!(lines[0].get("from").is_none());
    assert_eq!(lines[1]["path"], "e");
    assert_eq!(lines[1]["from"], "d");
    let summary = ran.summary();
    for (key, count) in
        [("added", 1), ("modified", 1), ("deleted", 1), ("type", 2), ("renamed", 2), ("errors", 0)]
    {
        assert_eq!(summary[key], count, "{key}");
    }
}

#[test]
fn equal_sides_print_nothing_and_exit_0() {
    let place = place();
    every_way(place.path());
    for (old, new) in [("old", "old"), ("old", "old.tn"), ("old.tn", "old"), ("old.tn", "old.tn")] {
        for ids in [&[][..], &["--ids", "xxh3"]] {
            let ran = diff(place.path(), &[&[old, new], ids].concat()).expect(0);
            assert_eq!((ran.out(), ran.stderr.as_str()), ("", ""), "{old} {new}");
        }
    }
    let ran = diff(place.path(), &["old", "old/", "--json"]).expect(0);
    assert_eq!(ran.json().len(), 1);
}

#[test]
fn without_ids_size_and_time_decide_and_nothing_is_renamed() {
    let place = place();
    let old = make(place.path().join("old"), &[("a", "1"), ("b", "22")]);
    must(place.path(), "cp", &["-a", "old", "new"]);
    diff(place.path(), &["--ids", "none", "old", "new"]).expect(0);
    fs::write(old.join("a"), "333").unwrap();
    fs::rename(place.path().join("new/b"), place.path().join("new/c")).unwrap();
    let ran = diff(place.path(), &["--ids", "none", "old", "new"]).expect(1);
    assert_eq!(ran.out(), "M a\nD b\nA c\n");
}

#[test]
fn snapshots_of_other_ids_are_an_error_with_a_remedy() {
    let place = place();
    make(place.path().join("t"), &[("a", "1")]);
    let kinds = ["xxh3", "blake3", "git", "blocks", "none"];
    for ids in kinds {
        run(place.path(), &["tree", "--ids", ids, "--save", &format!("{ids}.tn"), "t"]).expect(0);
        let ran = diff(place.path(), &[&format!("{ids}.tn"), "t"]).expect(0);
        assert_eq!(ran.out(), "");
    }
    for old in kinds {
        for new in kinds.into_iter().filter(|new| *new != old) {
            let (old, new) = (format!("{old}.tn"), format!("{new}.tn"));
            let ran = diff(place.path(), &[&old, &new]);
            ran.refused(&new, "save both sides with the same `--ids`");
        }
    }
    let ran = diff(place.path(), &["--ids", "blake3", "xxh3.tn", "t"]).expect(2);
    assert!(ran.stderr.contains("xxh3") && ran.stderr.contains("blake3"), "{ran:?}");
}

#[test]
fn the_nearest_path_is_the_one_renamed() {
    let place = place();
    make(place.path().join("old"), &[("a/x", "content"), ("b/x", "content"), ("k", "")]);
    make(place.path().join("new"), &[("a/y", "content"), ("b/y", "content"), ("k", "")]);
    let ran = diff(place.path(), &["old", "new"]).expect(1);
    assert_eq!(ran.out(), "R a/x -> a/y\nR b/x -> b/y\n");
}

#[test]
fn empty_files_are_never_renamed() {
    let place = place();
    make(place.path().join("old"), &[("a", "")]);
    make(place.path().join("new"), &[("b", "")]);
    assert_eq!(diff(place.path(), &["old", "new"]).expect(1).out(), "D a\nA b\n");
}

#[test]
fn a_directory_whose_every_entry_moved_is_one_line() {
    let place = place();
    let files = [("1", "one"), ("2", "two"), ("deep/3", "three"), ("deep/empty/", "")];
    make(place.path().join("old/before"), &files);
    make(place.path().join("new/after"), &files);
    assert_eq!(diff(place.path(), &["old", "new"]).expect(1).out(), "R before -> after\n");
    make(place.path().join("new/after"), &[("4", "four")]);
    let ran = diff(place.path(), &["old", "new"]).expect(1);
    assert!(ran.out().contains("A after/4\n"), "{ran:?}");
}

#[test]
fn a_change_behind_the_same_size_is_seen_against_a_snapshot() {
    let place = place();
    let dir = make(place.path().join("t"), &[("a", "1111")]);
    run(place.path(), &["tree", "--save", "s.tn", "t"]).expect(0);
    let times = fs::metadata(dir.join("a")).unwrap().modified().unwrap();
    fs::write(dir.join("a"), "2222").unwrap();
    fs::File::options().write(true).open(dir.join("a")).unwrap().set_modified(times).unwrap();
    for args in [&["s.tn", "t"][..], &["s.tn", "t", "--rehash"]] {
        assert_eq!(diff(place.path(), args).expect(1).out(), "M a\n");
    }
}

#[test]
fn a_snapshot_without_ignored_files_is_compared_without_them() {
    let place = place();
    let dir = make(place.path().join("t"), &[(".gitignore", "*.o\n"), ("a.c", "c"), ("a.o", "o")]);
    run(place.path(), &["tree", "--gitignore", "--save", "s.tn", "t"]).expect(0);
    diff(place.path(), &["s.tn", "t"]).expect(0);
    fs::write(dir.join("b.o"), "b").unwrap();
    diff(place.path(), &["s.tn", "t"]).expect(0);
    fs::write(dir.join("b.c"), "b").unwrap();
    assert_eq!(diff(place.path(), &["s.tn", "t"]).expect(1).out(), "A b.c\n");
}

#[test]
fn a_side_that_does_not_exist_is_an_error() {
    let place = place();
    make(place.path().join("t"), &[]);
    for args in [["missing", "t"], ["t", "missing"]] {
        diff(place.path(), &args).refused("missing", "check that the path exists");
    }
}

#[test]
fn verbose_says_how_much_was_compared() {
    let place = place();
    every_way(place.path());
    let ran = diff(place.path(), &["-v", "old", "new"]).expect(1);
    assert_eq!(ran.out(), EVERY_WAY);
    assert!(ran.stderr.contains("1 added, 1 modified, 1 deleted, 2 type, 2 renamed"), "{ran:?}");
}

#[test]
fn a_reader_that_leaves_early_ends_the_command_quietly() {
    let place = place_in_memory();
    make(place.path().join("old"), &[]);
    let new = make(place.path().join("new"), &[]);
    for i in 0..5000 {
        fs::File::create(new.join(format!("a-rather-long-name-to-fill-the-buffer-{i}"))).unwrap();
    }
    let mut child = command(place.path(), &["diff", "old", "new"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = child.stderr.take().unwrap();
    let status = wait(&mut child, std::time::Duration::from_secs(30)).expect("it ends");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
    assert_eq!(text, "");
    assert_eq!(status.code(), Some(1), "the sides differ all the same");
}
