//! `--on-change`: what becomes of the command.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{COMES_WITHIN, Scene};
use crate::support::{make, wait};

#[test]
fn the_command_runs_once_at_a_time_and_once_more_for_what_changes_meanwhile() {
    let scene = Scene::new();
    let script =
        "read first; { echo \"$first\"; cat; } >> log; echo $TREENAIL_CLOCK >> runs; sleep 0.4";
    let watching = scene.watch(&["--shell", "--on-change", script]);
    for file in 0..60 {
        fs::write(scene.root().join(format!("f{file}")), "").unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    let read = |name| fs::read_to_string(scene.place.path().join(name)).unwrap_or_default();
    while (0..60).any(|file| !read("log").lines().any(|line| line == format!("root/f{file}"))) {
        assert!(begun.elapsed() < COMES_WITHIN, "{}", read("log"));
        thread::sleep(Duration::from_millis(20));
    }
    let runs = read("runs");
    assert!((1..=4).contains(&runs.lines().count()), "{runs}");
    assert!(runs.lines().all(|clock| clock.starts_with("tn1-")), "{runs}");
    drop(watching);
    // What the command says is no JSON.
    let mut watching = scene.watch(&["--shell", "--on-change", "cat"]);
    fs::write(scene.root().join("said"), "").unwrap();
    assert_eq!(watching.next()["path"], "said");
    thread::sleep(Duration::from_millis(100));
    let (_, rest) = watching.end("-TERM");
    assert!(rest.iter().all(|line| line.starts_with('{')), "{rest:?}");
    let mut watching = scene.watch(&["--on-change", "/nowhere/to be found"]);
    fs::write(scene.root().join("more"), "").unwrap();
    let status = wait(&mut watching.child, COMES_WITHIN).expect("it ends");
    assert_eq!(status.code(), Some(2));
}

#[cfg(target_os = "linux")]
/// The processes that a script has written down, one a line, once there are so many.
fn written_down(scene: &Scene, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(scene.place.path().join("pids")).unwrap_or_default();
        let pids: Vec<_> = text.lines().map(str::to_owned).collect();
        if pids.len() == count && text.ends_with('\n') {
            return pids;
        }
        assert!(begun.elapsed() < COMES_WITHIN, "{pids:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
/// Waits until a process is over; one that goes on is ended, with a panic.
fn until_over(pid: &str) {
    let begun = Instant::now();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.chars().next()
    };
    // One that nobody has asked for its status is over too.
    while state().is_some_and(|state| state != 'Z') {
        if begun.elapsed() > COMES_WITHIN {
            _ = Command::new("kill").args(["-KILL", pid]).status();
            panic!("process {pid} goes on");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_command_gets_signals_as_always() {
    let scene = Scene::new();
    make(scene.place.path(), &[("script", "echo $$ >> pids; exec sleep 600")]);
    let watching = scene.watch(&["--no-state", "--on-change", "sh script"]);
    fs::write(scene.root().join("f"), "").unwrap();
    let pids = written_down(&scene, 1);
    let status = fs::read_to_string(format!("/proc/{}/status", pids[0])).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
    let terminating = [1, 2, 15].map(|signal| 1 << (signal - 1)).iter().sum::<u64>();
    assert_eq!(blocked & terminating, 0, "{status}");
    assert!(Command::new("kill").arg(&pids[0]).status().unwrap().success());
    until_over(&pids[0]);
    // That it ended by a signal keeps nobody from running it again.
    fs::write(scene.root().join("g"), "").unwrap();
    let pids = written_down(&scene, 2);
    watching.end("-TERM");
    until_over(&pids[1]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_leaves_nothing_of_the_command() {
    let script = "sleep 600 & echo $! >> pids; echo $$ >> pids; wait; true";
    for signal in ["-INT", "-TERM"] {
        for shell in [true, false] {
            let scene = Scene::new();
            make(scene.place.path(), &[("script", script)]);
            let args = match shell {
                true => vec!["--shell", "--on-change", script],
                false => vec!["--on-change", "sh script"],
            };
            let watching = scene.watch(&[&["--no-state"], &args[..]].concat());
            fs::write(scene.root().join("f"), "").unwrap();
            let pids = written_down(&scene, 2);
            let (status, _) = watching.end(signal);
            assert!(status.signal().is_some(), "{status}");
            pids.iter().for_each(|pid| until_over(pid));
        }
    }
}
