//! Snapshots that are none, or no longer whole.

use std::fs;
use std::path::Path;

use crate::support::{make, must, place, run};

fn save(dir: &Path) -> Vec<u8> {
    make(dir.join("t"), &[("a", "1"), ("b/c", "2"), ("b/d/e", "3")]);
    run(dir, &["tree", "--save", "good.tn", "t"]).expect(0);
    fs::read(dir.join("good.tn")).unwrap()
}

/// Checks that the file is refused on either side, with its name and the remedy.
fn refused(dir: &Path, name: &str, remedy: &str) {
    for args in [["diff", name, "t"], ["diff", "t", name], ["diff", name, name]] {
        let ran = run(dir, &args).refused(name, remedy);
        assert_eq!(ran.out(), "");
    }
    let errors = run(dir, &["diff", "--json", name, "t"]).expect(2).errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["path"], name);
    assert!(errors[0]["kind"].is_string() && errors[0]["message"].is_string());
    assert!(errors[0]["remedy"].as_str().unwrap().contains(remedy));
}

#[test]
fn a_file_that_is_no_snapshot_is_refused() {
    let place = place();
    save(place.path());
    make(place.path(), &[("empty", ""), ("text", "hello"), ("zeros", &"\0".repeat(10_000))]);
    for name in ["empty", "text", "zeros"] {
        refused(place.path(), name, "a file made by `tree --save`");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let place = place();
    save(place.path());
    must(place.path(), "mkfifo", &["pipe"]);
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
    for name in ["pipe", "socket", "/dev/null", "/dev/zero"] {
        refused(place.path(), name, "a file made by `tree --save`");
    }
}

#[test]
fn a_truncated_snapshot_is_refused_at_every_length() {
    let place = place();
    let good = save(place.path());
    let lengths = [1, 7, 8, 9, 64, 127, 128, 200, good.len() / 2, good.len() - 8, good.len() - 1];
    for length in lengths.into_iter().filter(|length| *length < good.len()) {
        fs::write(place.path().join("cut.tn"), &good[..length]).unwrap();
        run(place.path(), &["diff", "cut.tn", "t"]).refused("cut.tn", "tree --save");
    }
    let mut long = good.clone();
    long.push(0);
    fs::write(place.path().join("long.tn"), long).unwrap();
    refused(place.path(), "long.tn", "make the snapshot again with `tree --save`");
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let place = place();
    let good = save(place.path());
    for at in (0..good.len()).step_by(good.len() / 60) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(place.path().join("bad.tn"), bad).unwrap();
        let ran = run(place.path(), &["diff", "bad.tn", "t"]).expect(2);
        assert!(ran.stderr.contains("bad.tn") && ran.stderr.contains("; "), "{at}: {ran:?}");
    }
}

#[test]
fn a_snapshot_of_a_later_version_names_the_remedy() {
    let place = place();
    let mut newer = save(place.path());
    newer[8..12].copy_from_slice(&99_u32.to_le_bytes());
    fs::write(place.path().join("newer.tn"), newer).unwrap();
    refused(place.path(), "newer.tn", "use the version of treenail that made it, or a later one");
    let ran = run(place.path(), &["diff", "--json", "newer.tn", "t"]).expect(2);
    assert_eq!(ran.errors()[0]["kind"], "newer");
    assert!(ran.errors()[0]["message"].as_str().unwrap().contains("99"));
}

#[test]
fn a_snapshot_behind_a_symbolic_link_is_read() {
    let place = place();
    save(place.path());
    std::os::unix::fs::symlink("good.tn", place.path().join("link.tn")).unwrap();
    run(place.path(), &["diff", "link.tn", "t"]).expect(0);
}
