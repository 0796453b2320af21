//! Trees that change while they are looked at.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{make, place_in_memory, run};

/// Creates, deletes, replaces and rewrites until told to stop.
fn churn(dir: &Path, stop: &AtomicBool) {
    let mut round = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let sub = dir.join(format!("sub{}", round % 7));
        _ = fs::create_dir(&sub);
        _ = fs::write(sub.join("f"), vec![round as u8; round * 997 % 300_000]);
        _ = fs::write(dir.join("rewritten"), vec![round as u8; round * 31 % 100_000]);
        let swapped = dir.join("swapped");
        match round % 3 {
            0 => _ = fs::write(&swapped, "file"),
            1 => _ = fs::remove_file(&swapped).and_then(|()| fs::create_dir(&swapped)),
            _ => _ = fs::remove_dir(&swapped),
        }
        _ = fs::remove_dir_all(dir.join(format!("sub{}", (round + 3) % 7)));
    }
}

/// Stops the other thread, also when a check fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_tree_that_changes_meanwhile_is_scanned_or_reported_and_never_crashes() {
    let place = place_in_memory();
    let dir = make(place.path().join("t"), &[("steady", "s")]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| churn(&dir, &stop));
        for round in 0..15 {
            let ids = ["xxh3", "blake3", "git", "none"][round % 4];
            let args = ["tree", "--json", "--ids", ids, "--save", "s.tn", "t"];
            let ran = run(place.path(), &args);
            let summary = ran.summary();
            assert!(matches!(ran.code, Some(0 | 2)), "{ran:?}");
            assert_eq!(ran.code == Some(0), summary["errors"] == 0, "{ran:?}");
            let known = summary["digest"].is_string();
            assert_eq!(known, ran.code == Some(0) && ids != "none", "{ran:?}");
            assert_eq!(ran.errors().len() as u64, summary["errors"], "{ran:?}");
            assert!(ran.errors().iter().all(|e| e["path"].is_string() && e["remedy"].is_string()));
            let ran = run(place.path(), &["diff", "s.tn", "t"]);
            assert!(matches!(ran.code, Some(0..=2)), "{ran:?}");
        }
    });
    run(place.path(), &["tree", "t"]).expect(0);
}

#[test]
fn a_digest_that_is_given_is_that_of_a_whole_version() {
    let place = place_in_memory();
    let dir = make(place.path().join("t"), &[]);
    // Both versions are written whole under another name, so one of the two is always there.
    let versions = [vec![b'a'; 200_000], vec![b'b'; 200_000]];
    let digests = versions.each_ref().map(|version| {
        fs::write(dir.join("f"), version).unwrap();
        crate::support::digest(place.path(), &["t"])
    });
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            for version in versions.iter().cycle() {
                fs::write(place.path().join("next"), version).unwrap();
                fs::rename(place.path().join("next"), dir.join("f")).unwrap();
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        for _ in 0..10 {
            let ran = run(place.path(), &["tree", "--json", "t"]);
            if let Some(digest) = ran.summary()["digest"].as_str() {
                assert!(digests.iter().any(|known| known == digest), "{ran:?}");
            }
        }
    });
}
