//! `treenail find` where there is much to find, or little to find it with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, command, finish, place, place_in_memory};

/// How many entries a large directory has; a million in a thorough run.
const ENTRIES: &str = "TREENAIL_FIND_ENTRIES";

fn entries() -> usize {
    std::env::var(ENTRIES).map_or(30_000, |text| text.parse().expect("a number"))
}

/// Runs the program with a limit of the shell.
fn limited(dir: &Path, limit: &str, args: &[&str]) -> Ran {
    let program = PathBuf::from(command(dir, &["find"]).get_program());
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).arg(program).args(args).current_dir(dir);
    finish(&mut shell, b"")
}

fn large(dir: &Path, entries: usize) {
    for number in 0..entries {
        fs::File::create(dir.join(format!("entry-{number:07}.txt"))).unwrap();
    }
}

#[test]
fn a_huge_directory_takes_little_memory_and_all_of_it_is_found() {
    let place = place_in_memory();
    large(place.path(), entries());
    for args in [&["find", "-u"][..], &["find"], &["find", "-g", "*.txt"]] {
        // An unoptimised program alone takes half of it.
        let kib = if cfg!(debug_assertions) { 128 << 10 } else { 64 << 10 };
        let ran = limited(place.path(), &format!("-v {kib}"), args).expect(0);
        assert_eq!(ran.out().lines().count(), entries(), "{args:?}");
    }
}

#[test]
fn where_memory_runs_out_there_are_results_so_far_and_an_error() {
    let place = place_in_memory();
    large(place.path(), 30_000);
    let (mut ended, mut mib) = (0, 12);
    loop {
        let limit = format!("-v {}", mib << 10);
        let ran = limited(place.path(), &limit, &["find", "--sort", "-u", "-j1"]);
        match ran.code {
            Some(0) => {
                assert_eq!(ran.out().lines().count(), 30_000);
                break;
            }
            Some(1) => {
                assert!(ran.stderr.contains("there is no more memory"), "{mib} {ran:?}");
                assert!(ran.stdout.is_empty() || ran.stdout.ends_with(b"\n"), "{mib}");
                ended += 1;
            }
            // Less than what the program itself takes.
            _ => {}
        }
        mib += 1;
        assert!(mib < 1_024, "{ran:?}");
    }
    assert!(ended > 0, "it either does not start or finds all, at {mib} MiB");
}

#[test]
fn few_open_files_suffice_and_fewer_are_an_error() {
    let place = place();
    let mut at = place.path().to_owned();
    for depth in 0..40 {
        for sibling in 0..10 {
            fs::create_dir(at.join(format!("{depth}-{sibling}"))).unwrap();
        }
        at.push(format!("{depth}-5"));
    }
    let all = 40 * 10;
    for args in [&["find"][..], &["find", "--sort"], &["find", "-L", "-j8"]] {
        let ran = limited(place.path(), "-n 64", args).expect(0);
        assert_eq!(ran.out().lines().count(), all, "{args:?}");
    }
    let ran = limited(place.path(), "-n 5", &["find", "-j4"]);
    if ran.out().lines().count() < all {
        let ran = ran.expect(1);
        assert!(ran.stderr.contains("open files"), "{ran:?}");
    }
}

#[test]
fn a_chain_longer_than_paths_may_be_is_found_to_its_end() {
    let place = place();
    // No path of that length can be given to the system at once.
    let script = "for i in {1..4}; do mkdir -p $0; cd -P $0; done; : > end";
    let step = "directory/".repeat(250);
    let made = Command::new("bash").args(["-c", script, &step]).current_dir(place.path()).status();
    assert!(made.unwrap().success());
    for args in [&["find"][..], &["find", "--sort"], &["find", "-L"], &["find", "-u", "-l"]] {
        let ran = limited(place.path(), "-n 64", &[args, &["end"]].concat());
        // What lists details runs a program, to which the path is too long.
        let lists = args.contains(&"-l");
        assert!(lists || ran.out().lines().count() == 1, "{args:?} {ran:?}");
        assert!(lists || ran.out().len() > 10_000);
    }
    assert_eq!(limited(place.path(), "-n 64", &["find"]).expect(0).out().lines().count(), 1_001);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_shows_of_itself_has_an_end() {
    for dir in ["/proc", "/sys"] {
        for follow in [&[][..], &["-L", "-d6"]] {
            let args = [&["find", "-u", "nothing-has-this-name", dir], follow].concat();
            let ran = limited(Path::new("/"), "-v 262144", &args);
            assert!(matches!(ran.code, Some(0 | 1)), "{args:?} {ran:?}");
            assert!(ran.stdout.is_empty());
        }
    }
}
