//! `grep` with little to work with, on files that change, and interrupted.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Ran, command, finish, make, place, run, wait};

const SIGTERM: i32 = 15;

/// Runs the program within a limit of the shell's.
fn limited(dir: &Path, limit: &str, args: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    let line = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_treenail"), "grep"]).args(args);
    finish(command.current_dir(dir), b"")
}

/// Many directories, side by side and one in another, each with a file that matches.
fn branching(dir: &Path) -> usize {
    let mut files = 0;
    for number in 0..100 {
        make(dir, &[(&format!("wide{number}/file"), "needle\n")]);
        files += 1;
    }
    let mut deep = dir.join("deep");
    for _ in 0..150 {
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("file"), "needle\n").unwrap();
        deep.push("d");
        files += 1;
    }
    files
}

#[test]
fn few_descriptors_and_little_memory_are_enough() {
    let place = place();
    let files = branching(place.path());
    for limit in ["-n 64", "-v 65536"] {
        for args in [&["-l", "needle"][..], &["-l", "--sort", "path", r"n\w+e"]] {
            let ran = limited(place.path(), limit, args).expect(0);
            assert_eq!(ran.out().lines().count(), files, "{limit} {args:?}: {ran:?}");
        }
    }
}

#[test]
fn where_memory_runs_out_there_are_whole_lines_and_an_error() {
    let place = place();
    // What comes early in the order is long in coming, and what follows has to wait for it.
    let text = "a needle, and more that stands behind it\n".repeat(100_000);
    for name in ["a", "b", "c", "d"] {
        make(place.path(), &[(&format!("{name}/1"), &text), (&format!("{name}/2"), &text)]);
    }
    let (mut ended, mut whole, mut mib) = (0, 0, 12);
    while whole < 3 {
        let args = ["--sort", "path", "-j4", "needle"];
        let ran = limited(place.path(), &format!("-v {}", mib << 10), &args);
        match ran.code {
            Some(0) => {
                assert_eq!(ran.stdout.iter().filter(|&&byte| byte == b'\n').count(), 800_000);
                whole += 1;
            }
            Some(2) => {
                assert!(ran.stderr.contains("no more memory"), "{mib} {}", ran.stderr);
                assert!(ran.stdout.is_empty() || ran.stdout.ends_with(b"behind it\n"), "{mib}");
                ended += 1;
            }
            // Less than what the program itself takes.
            _ => {}
        }
        mib += 2;
        assert!(mib < 1_024, "{} {}", ran.code.unwrap_or_default(), ran.stderr);
    }
    assert!(ended > 0, "it either does not start or finds all, at {mib} MiB");
}

#[test]
fn what_does_not_fit_the_memory_is_an_error_and_the_rest_is_searched() {
    let place = place();
    make(place.path(), &[("a", "needle\n"), ("c", "needle\n")]);
    // A line of nothing but holes.
    File::create(place.path().join("b")).unwrap().set_len(2 << 30).unwrap();
    let ran = run(place.path(), &["grep", "-a", "--sort", "path", "needle"]).expect(2);
    assert_eq!(ran.out(), "a:needle\nc:needle\n");
    assert!(ran.stderr.contains('b') && ran.stderr.contains("limit"), "{ran:?}");
}

#[test]
fn bombs_and_long_patterns_end_in_an_answer_or_a_short_error() {
    let place = place();
    let long = "abc".repeat(300_000);
    let crowd: Vec<String> = (0..20_000).map(|number| format!("word{number}")).collect();
    make(
        place.path(),
        &[
            ("file", "needle\nword77 abc\n"),
            ("p/long", &long),
            ("p/crowd", &crowd.join("|")),
            ("p/nested", &"(".repeat(100_000)),
            ("p/deep", &format!("{}a{}", "(".repeat(300), ")".repeat(300))),
        ],
    );
    let grep = |args: &[&str]| run(place.path(), &[&["grep"], args, &["file"]].concat());
    // It fits the limit.
    grep(&["(a{1000}){1000}"]).expect(1);
    for bomb in [r"((\w{100}){100}){100}", r"(?:(?:x{999}){999}){999}"] {
        grep(&[bomb]).refused("limit", "make the patterns smaller");
    }
    assert_eq!(grep(&["-f", "p/long"]).expect(1).out(), "");
    assert_eq!(grep(&["-f", "p/crowd", "-o"]).expect(0).out(), "word7\n");
    for name in ["p/nested", "p/deep"] {
        let ran = grep(&["-f", name]).expect(2);
        assert!(ran.stderr.len() < 1_000, "{}", ran.stderr.len());
    }
    assert_eq!(grep(&["(a*)*(a|aa)+(x+x+)+y"]).expect(1).out(), "");
}

#[test]
fn files_that_shrink_grow_and_vanish_meanwhile_end_no_search() {
    let place = place();
    let text = "a needle in it\n".repeat(40_000);
    make(place.path(), &[("steady", "needle\n"), ("t/shrinks", &text), ("t/grows", &text)]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let shrinks = File::options().write(true).open(place.path().join("t/shrinks")).unwrap();
            let mut grows =
                File::options().append(true).open(place.path().join("t/grows")).unwrap();
            for round in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                shrinks.set_len(if round % 2 == 0 { 10 } else { text.len() as u64 }).unwrap();
                if round < 1_000 {
                    grows.write_all(b"one more needle\n").unwrap();
                }
                let brief = place.path().join("t/brief");
                fs::write(&brief, "needle\n").unwrap();
                fs::remove_file(&brief).unwrap();
            }
        });
        for args in [&["-c", "needle"][..], &["-U", "-c", "needle"], &["-j1", "-c", "needle"]] {
            for _ in 0..10 {
                let ran = run(place.path(), &[&["grep"], args].concat());
                // A file that is gone by the time it is opened is an error of its own.
                assert!(matches!(ran.code, Some(0 | 2)), "{args:?}: {ran:?}");
                assert!(ran.out().contains("steady:1\n"), "{args:?}: {ran:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_signal_in_the_middle_leaves_what_was_found() {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;

    let place = place();
    make(place.path(), &[("a", "needle\n")]);
    // All hole: each byte is a line, and there are years of them.
    File::create(place.path().join("b")).unwrap().set_len(4 << 40).unwrap();
    for args in [&["--sort", "path"][..], &["-j1"], &[]] {
        let args = [&["grep", "--null-data"], args, &["needle", "a", "b"]].concat();
        let mut command = command(place.path(), &args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
        let status = wait(&mut child, Duration::from_secs(5)).expect("it ends");
        assert_eq!(status.signal(), Some(SIGTERM), "{args:?}");
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "a:needle\n\0", "{args:?}");
    }
}
