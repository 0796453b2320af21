//! Clocks, and the state that makes them outlive a run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::{COMES_WITHIN, Scene, told};
use crate::support::wait;

#[test]
fn a_signal_ends_it_with_the_state_stored_and_the_next_run_goes_on() {
    let scene = Scene::new();
    let watching = scene.watch(&[]);
    fs::write(scene.root().join("before"), "").unwrap();
    let clock = watching.clock.clone();
    let (status, _) = watching.end("-TERM");
    assert_eq!(status.signal(), Some(15));
    fs::write(scene.root().join("between"), "").unwrap();
    let mut watching = scene.watch(&["--since", &clock]);
    assert_eq!(watching.clock, clock);
    let lines = [watching.next(), watching.next()];
    assert_eq!(
        lines.each_ref().map(told),
        [("create", "file", "before"), ("create", "file", "between")]
    );
    assert_eq!(lines[0]["clock"], *clock, "not all of the report is printed yet");
    assert_ne!(lines[1]["clock"], *clock);
    drop(watching);
    // Without a clock what is past is not news.
    fs::write(scene.root().join("later"), "").unwrap();
    let mut watching = scene.watch(&[]);
    fs::write(scene.root().join("now"), "").unwrap();
    assert_eq!(watching.next()["path"], "now");
}

#[test]
fn since_says_what_changed_in_sum_also_while_another_process_watches() {
    let scene = Scene::new();
    let ran = scene.run(&["since", "root", "tn1-0000000000000000-1-0", "--json"]).expect(1);
    let summary = ran.summary();
    assert_eq!(summary["fresh"], true);
    let clock = summary["clock"].as_str().unwrap().to_owned();
    let f = scene.root().join("f");
    for text in ["1", "2", "3"] {
        fs::write(&f, text).unwrap();
    }
    let ran = scene.run(&["since", "root", &clock]).expect(0);
    let second = ran.out().strip_prefix("A f\nclock ").unwrap().trim_end().to_owned();
    assert_eq!(scene.run(&["since", "root", &second]).expect(1).out(), format!("clock {second}\n"));
    let mut watching = scene.watch(&[]);
    fs::remove_file(&f).unwrap();
    watching.until("f");
    let ran = scene.run(&["since", "--json", "root", &second]).expect(0);
    assert_eq!(ran.json().iter().map(told).next(), Some(("delete", "file", "f")));
    assert!(scene.run(&["since", "root", &clock]).expect(1).out().starts_with("clock "));
    let (status, _) = watching.end("-TERM");
    assert_eq!(status.signal(), Some(15), "nobody disturbed it");
}

#[test]
fn a_state_that_cannot_be_made_is_done_without_unless_it_was_asked_for() {
    let scene = Scene::new();
    fs::write(scene.place.path().join("state"), "in the way").unwrap();
    let mut watching = scene.watch(&[]);
    fs::write(scene.root().join("f"), "").unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "f"));
    let why = watching.ready["stateless"].as_str().expect("it says that it has no state");
    assert!(why.contains("cannot make the state"), "{why}");
    let clock = watching.clock.clone();
    drop(watching);
    scene.run(&["watch", "root", "--since", &clock]).refused("state", "");
    scene.run(&["watch", "root", "--state", "state/s"]).refused("state/s", "");
    scene.run(&["since", "root", &clock]).refused("state", "");
}

#[test]
fn a_state_that_cannot_be_stored_any_more_is_told_of_and_done_without() {
    let scene = Scene::new();
    let mut watching = scene.watch(&[]);
    // What stands in the journal's place makes that no more of it can be written.
    let state = scene.place.path().join("state");
    fs::remove_dir_all(&state).unwrap();
    fs::write(&state, "in the way").unwrap();
    let name = |one: usize| format!("{one}-{}", "x".repeat(200));
    (0..20_000).for_each(|one| fs::write(scene.root().join(name(one)), "").unwrap());
    let (mut seen, mut why) = (0, None);
    while seen < 20_000 || why.is_none() {
        let line = watching.next();
        match line.get("stateless") {
            Some(told) => why = told.as_str().map(str::to_owned),
            None => seen += 1,
        }
    }
    assert!(why.unwrap().contains("journal"));
    fs::write(scene.root().join("f"), "").unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "f"));
    let (status, _) = watching.end("-INT");
    assert_eq!(status.signal(), Some(2));
}

#[test]
fn the_last_clock_is_told_at_the_end_where_the_lines_have_none() {
    let scene = Scene::new();
    fs::write(scene.root().join("f"), "").unwrap();
    let mut child = scene.command(&["watch", "root"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    fs::write(scene.root().join("g"), "").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "A g\n");
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.is_ok_and(|status| status.success()));
    wait(&mut child, COMES_WITHIN).expect("it ends");
    let mut last = String::new();
    told.read_line(&mut last).unwrap();
    let clock = last.strip_prefix("clock ").expect(&last).trim_end();
    fs::write(scene.root().join("h"), "").unwrap();
    assert!(scene.run(&["since", "root", clock]).expect(0).out().starts_with("A h\n"));
}
