//! Ctrl-C.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{command, make, place, place_in_memory, run, wait};

const SIGINT: i32 = 2;

/// The promise is 50 ms; a busy machine gets more.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// Starts a command, interrupts it in the middle and checks that this ends it.
fn ends_when_interrupted(dir: &Path, args: &[&str]) {
    let mut child = command(dir, args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "{args:?} ended by itself");
    interrupt(&child);
    let status = wait(&mut child, ENDS_WITHIN);
    let status = status.unwrap_or_else(|| panic!("{args:?} goes on after Ctrl-C"));
    assert_eq!(status.signal(), Some(SIGINT), "a shell must see that it was interrupted");
}

#[test]
fn a_long_scan_and_a_long_hash_end_at_once() {
    let place = place();
    let dir = make(place.path().join("t"), &[("small", "x")]);
    // All hole: it takes no room and hours to read.
    fs::File::create(dir.join("large")).unwrap().set_len(4 << 40).unwrap();
    for args in [
        &["tree", "t"][..],
        &["tree", "--ids", "blake3", "--save", "s.tn", "t"],
        &["diff", "t", "t"],
        &["hash", "t/large"],
        &["hash", "t/large", "t/small", "t/large"],
        &["hash", "-"],
    ] {
        ends_when_interrupted(place.path(), args);
    }
    let left: Vec<_> =
        fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["t"]);
}

#[test]
fn a_search_that_nothing_comes_of_ends_by_the_signal_and_by_a_second_one_at_once() {
    let place = place();
    // Nobody reads what it prints, so that it stands still in the middle.
    let names: Vec<String> = (0..20_000).map(|number| format!("{number:0100}")).collect();
    for name in &names {
        fs::File::create(place.path().join(name)).unwrap();
    }
    for args in [&["find", "-u"][..], &["grep", "--files", "-uu"], &["find", "-u", "--sort"]] {
        let mut child = command(place.path(), args).stdout(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        interrupt(&child);
        interrupt(&child);
        let status = wait(&mut child, ENDS_WITHIN).expect("it ends");
        assert_eq!(status.signal(), Some(SIGINT), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn programs_that_find_runs_get_signals_as_always() {
    let place = place();
    make(place.path(), &[("a", "")]);
    let shows = ["grep", "-hE", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];
    for option in ["--exec", "--exec-batch"] {
        let ran = run(place.path(), &[&["find", "a", option][..], &shows, &["{}"]].concat());
        for line in ran.out().lines() {
            let mask = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
            let terminating = 1 << (SIGINT - 1) | 1 << (15 - 1);
            assert_eq!(mask & terminating, 0, "{option} {line}");
        }
        assert!(ran.out().contains("SigBlk"), "{ran:?}");
    }
}

#[test]
fn an_interrupted_save_leaves_the_old_snapshot_or_the_new_one_and_nothing_else() {
    let place = place_in_memory();
    let dir = make(place.path().join("t"), &[]);
    for i in 0..10_000 {
        fs::File::create(dir.join(format!("{i}"))).unwrap();
    }
    let saved = make(place.path().join("saved"), &[]);
    let args = ["tree", "--ids", "none", "--save", "saved/s.tn", "t"];
    let begun = Instant::now();
    run(place.path(), &args).expect(0);
    let lasts = begun.elapsed();
    for round in 0..40 {
        let mut child = command(place.path(), &args).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(lasts * round / 40);
        interrupt(&child);
        let status = wait(&mut child, ENDS_WITHIN).expect("it ends");
        assert!(status.success() || status.signal() == Some(SIGINT), "{status}");
        let left: Vec<_> = fs::read_dir(&saved).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["s.tn"], "round {round}");
        if round % 10 == 9 {
            run(place.path(), &["diff", "--ids", "none", "saved/s.tn", "t"]).expect(0);
        }
    }
}

#[test]
fn an_interrupted_tour_removes_its_copy() {
    let place = place();
    let dir = make(place.path().join("t"), &[]);
    for i in 0..200 {
        fs::write(dir.join(format!("{i}")), format!("{i}")).unwrap();
    }
    let temporary = make(place.path().join("temporary"), &[]);
    let mut child = command(place.path(), &["tour", "t"])
        .env("TMPDIR", &temporary)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while fs::read_dir(&temporary).unwrap().next().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no copy appears");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(100));
    interrupt(&child);
    let status = wait(&mut child, ENDS_WITHIN).expect("it ends");
    assert_eq!(status.signal(), Some(SIGINT));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "the copy is left behind");
}
