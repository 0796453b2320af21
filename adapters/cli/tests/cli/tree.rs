//! `treenail tree`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{digest, make, place, place_in_memory, run};

const FILES: &[(&str, &str)] = &[("a", "one"), ("b/c", "two"), ("b/d/", ""), ("e", "")];

#[test]
fn text_names_every_count_and_the_digest() {
    let place = place();
    make(place.path().join("t"), FILES);
    symlink("a", place.path().join("t/link")).unwrap();
    let ran = run(place.path(), &["tree", "t"]).expect(0);
    let digest = digest(place.path(), &["t"]);
    let rows = ran.out().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows: Vec<Vec<&str>> = rows.collect();
    assert_eq!(rows[0], ["t"]);
    assert_eq!(rows[1], ["files", "3"]);
    assert_eq!(rows[2], ["dirs", "2"]);
    assert_eq!(rows[3], ["symlinks", "1"]);
    assert_eq!(rows[4], ["others", "0"]);
    assert_eq!(rows[5], ["size", "6", "B", "(6", "bytes)"]);
    assert_eq!(rows[6], ["ids", "xxh3"]);
    assert_eq!(rows[7], ["digest", &digest]);
    assert_eq!(rows[8][0], "time");
    assert!(ran.out().contains("entries/s"));
    assert_eq!(ran.stderr, "");
}

#[test]
fn json_is_one_summary_with_the_documented_keys() {
    let place = place();
    make(place.path().join("t"), FILES);
    let ran = run(place.path(), &["tree", "t", "--json"]).expect(0);
    assert_eq!(ran.json().len(), 1);
    let summary = ran.summary();
    let mut keys: Vec<&String> = summary.as_object().unwrap().keys().collect();
    keys.sort();
    let mut documented = [
        "files",
        "dirs",
        "symlinks",
        "others",
        "size_bytes",
        "digest",
        "ids",
        "elapsed_ms",
        "errors",
    ];
    documented.sort();
    assert_eq!(keys, documented);
    assert_eq!(summary["files"], 3);
    assert_eq!(summary["dirs"], 2);
    assert_eq!(summary["size_bytes"], 6);
    assert_eq!(summary["ids"], "xxh3");
    assert_eq!(summary["errors"], 0);
    assert!(summary["elapsed_ms"].is_number());
}

#[test]
fn each_kind_of_ids_has_its_digest_and_none_has_null() {
    let place = place();
    make(place.path().join("t"), FILES);
    for (ids, digits) in [("xxh3", 32), ("blake3", 64), ("git", 64), ("blocks", 32)] {
        assert_eq!(digest(place.path(), &["--ids", ids, "t"]).len(), digits, "{ids}");
        let ran = run(place.path(), &["tree", "--json", "--ids", ids, "t"]).expect(0);
        assert_eq!(ran.summary()["ids"], ids);
    }
    let ran = run(place.path(), &["tree", "--json", "--ids", "none", "t"]).expect(0);
    assert!(ran.summary()["digest"].is_null());
    assert_eq!(ran.summary()["ids"], "none");
    let ran = run(place.path(), &["tree", "--ids", "none", "t"]).expect(0);
    assert!(ran.out().contains("digest    none"), "{ran:?}");
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_creation_or_on_times() {
    let place = place();
    let names: Vec<String> = (0..200).map(|i| format!("{}", i * 7919 % 200)).collect();
    make(place.path().join("a"), &[]);
    make(place.path().join("b"), &[]);
    for name in &names {
        fs::write(place.path().join("a").join(name), name).unwrap();
    }
    for name in names.iter().rev() {
        fs::write(place.path().join("b").join(name), name).unwrap();
    }
    for ids in ["xxh3", "blake3", "git", "blocks"] {
        let one = digest(place.path(), &["--ids", ids, "a"]);
        assert_eq!(one, digest(place.path(), &["--ids", ids, "b"]));
    }
}

#[test]
fn the_digest_covers_names_kinds_targets_content_and_the_executable_bit() {
    let place = place();
    let dir = make(place.path().join("t"), FILES);
    symlink("a", dir.join("link")).unwrap();
    let mut seen = vec![digest(&dir, &["."])];
    let mut changed = |what: &str| {
        let digest = digest(&dir, &["."]);
        assert!(!seen.contains(&digest), "{what} does not show in the digest");
        seen.push(digest);
    };
    fs::write(dir.join("a"), "onE").unwrap();
    changed("content");
    fs::rename(dir.join("a"), dir.join("A")).unwrap();
    changed("a name");
    fs::set_permissions(dir.join("A"), fs::Permissions::from_mode(0o755)).unwrap();
    changed("the executable bit");
    fs::remove_file(dir.join("link")).unwrap();
    symlink("b", dir.join("link")).unwrap();
    changed("a target");
    fs::create_dir(dir.join("empty")).unwrap();
    changed("an empty directory");
    fs::remove_dir(dir.join("empty")).unwrap();
    fs::write(dir.join("empty"), "").unwrap();
    changed("a kind");
}

#[test]
fn the_digest_leaves_out_times_and_other_mode_bits() {
    let place = place();
    let dir = make(place.path().join("t"), FILES);
    let before = digest(&dir, &["."]);
    fs::set_permissions(dir.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(dir.join("b"), fs::Permissions::from_mode(0o700)).unwrap();
    let past = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options().write(true).open(dir.join("a")).unwrap().set_modified(past).unwrap();
    assert_eq!(digest(&dir, &["."]), before);
}

#[test]
fn one_thread_and_eight_find_the_same() {
    let place = place_in_memory();
    let dir = make(place.path().join("t"), FILES);
    for i in 0..30 {
        for j in 0..30 {
            make(dir.join(format!("{i}/{j}")), &[("f", "x"), ("g", &format!("{i}.{j}"))]);
        }
    }
    assert_eq!(digest(&dir, &["-j", "1"]), digest(&dir, &["-j", "8"]));
    assert_eq!(digest(&dir, &["--threads", "3"]), digest(&dir, &[""; 0]));
}

#[test]
fn the_directory_is_the_current_one_when_none_is_named() {
    let place = place();
    let dir = make(place.path().join("t"), FILES);
    let ran = run(&dir, &["tree"]).expect(0);
    assert!(ran.out().starts_with(".\n"), "{ran:?}");
    assert_eq!(digest(&dir, &[""; 0]), digest(place.path(), &["t"]));
}

#[test]
fn the_root_may_be_a_symbolic_link_or_end_in_a_slash() {
    let place = place();
    make(place.path().join("t"), FILES);
    symlink("t", place.path().join("link")).unwrap();
    let straight = digest(place.path(), &["t"]);
    for path in ["link", "link/", "t/", "./t/.", "t//"] {
        assert_eq!(digest(place.path(), &[path]), straight, "{path}");
    }
}

#[test]
fn an_empty_directory_has_a_digest_too() {
    let place = place();
    make(place.path().join("empty"), &[]);
    let ran = run(place.path(), &["tree", "--json", "empty"]).expect(0);
    assert_eq!(ran.summary()["files"], 0);
    assert!(ran.summary()["digest"].is_string());
}

#[test]
fn a_root_that_is_no_directory_is_refused_with_its_path_and_a_remedy() {
    let place = place();
    make(place.path(), &[("file", "x")]);
    symlink("nowhere", place.path().join("dangling")).unwrap();
    run(place.path(), &["tree", "file"]).refused("file", "name a directory");
    run(place.path(), &["tree", "missing"]).refused("missing", "check that the path exists");
    run(place.path(), &["tree", "dangling"]).refused("dangling", "check that the path exists");
    let ran = run(place.path(), &["tree", "--json", "missing"]).expect(2);
    let errors = ran.errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["kind"], "not_found");
    assert_eq!(errors[0]["path"], "missing");
    assert!(errors[0]["message"].is_string() && errors[0]["remedy"].is_string());
    assert_eq!(ran.out(), "");
}

#[test]
fn gitignore_leaves_out_what_git_ignores() {
    let place = place();
    let clean =
        [("src/a.rs", "a"), ("src/keep.log", "k"), (".gitignore", "*.log\n!keep.log\n/out\n")];
    make(place.path().join("clean"), &clean);
    let dirty = make(place.path().join("dirty"), &clean);
    make(&dirty, &[("x.log", "1"), ("src/y.log", "2"), ("out/z", "3"), (".git/HEAD", "ref")]);
    let clean_digest = digest(place.path(), &["--gitignore", "clean"]);
    assert_eq!(digest(place.path(), &["--gitignore", "dirty"]), clean_digest);
    assert_ne!(digest(place.path(), &["dirty"]), clean_digest);
}

#[test]
fn other_file_systems_are_entered_only_without_x() {
    let place = place();
    make(place.path().join("t"), FILES);
    let ran = run(place.path(), &["tree", "-x", "t", "--json"]).expect(0);
    assert_eq!(ran.summary()["files"], 3);
    // The one place where a mount point is sure to be.
    if !std::path::Path::new("/dev/shm").is_dir() {
        return;
    }
    let inside = place_in_memory();
    make(inside.path(), FILES);
    let count = |args: &[&str]| {
        let summary = run("/dev".as_ref(), &[&["tree", "--ids", "none", "--json"], args].concat());
        summary.summary()["files"].as_u64().unwrap()
    };
    assert!(count(&["-x"]) + 3 <= count(&[]));
}

#[test]
fn a_saved_tree_is_reused_and_replaced_at_once() {
    let place = place();
    make(place.path().join("t"), FILES);
    let ran = run(place.path(), &["tree", "--save", "s.tn", "t"]).expect(0);
    assert!(ran.out().contains("digest"));
    run(place.path(), &["diff", "s.tn", "t"]).expect(0);
    fs::write(place.path().join("t/new"), "n").unwrap();
    run(place.path(), &["tree", "--save", "s.tn", "t"]).expect(0);
    run(place.path(), &["diff", "s.tn", "t"]).expect(0);
    let left = fs::read_dir(place.path()).unwrap().count();
    assert_eq!(left, 2, "something is left beside the snapshot");
}

#[test]
fn a_snapshot_that_cannot_be_saved_is_an_error_after_the_summary() {
    let place = place();
    make(place.path().join("t"), FILES);
    let ran = run(place.path(), &["tree", "--save", "no/where.tn", "t"]);
    let ran = ran.refused("no/where.tn", "check that the path exists");
    assert!(ran.out().contains("digest"), "the rest of the work is not summarised: {ran:?}");
    let ran = run(place.path(), &["tree", "--save", "t", "t", "--json"]).expect(2);
    assert_eq!(ran.summary()["errors"], 1);
    assert_eq!(ran.errors()[0]["path"], "t");
    assert!(ran.errors()[0]["remedy"].is_string());
}

#[test]
fn a_directory_of_a_hundred_thousand_entries_is_one_like_any_other() {
    let place = place_in_memory();
    for i in 0..100_000 {
        fs::File::create(place.path().join(format!("entry-{i:06}"))).unwrap();
    }
    let ran = run(place.path(), &["tree", "--json", "--ids", "none"]).expect(0);
    assert_eq!(ran.summary()["files"], 100_000);
    let before = digest(place.path(), &[""; 0]);
    fs::remove_file(place.path().join("entry-050000")).unwrap();
    assert_ne!(digest(place.path(), &[""; 0]), before);
}
