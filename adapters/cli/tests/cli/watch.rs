//! `watch` and `since`, with real processes.

mod storm;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::replica::Replica;
use crate::support::{Ran, command, finish, make, other, place, wait};

/// What takes longer does not come.
const COMES_WITHIN: Duration = Duration::from_secs(20);

/// A place with a root to watch and a state beside it.
struct Scene {
    place: TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = place();
        fs::create_dir(place.path().join("root")).unwrap();
        Self { place }
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.place.path(), args);
        command.env("XDG_STATE_HOME", self.place.path().join("state"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args), b"")
    }

    fn watch(&self, args: &[&str]) -> Watching {
        Watching::start(&mut self.command(&[&["watch", "--json", "root"], args].concat()))
    }
}

/// A `watch` that runs.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    ready: Value,
    clock: String,
}

impl Watching {
    /// Starts it and waits until it is ready.
    fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("spawn");
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8(line).expect("UTF-8")).is_err() {
                    return;
                }
            }
        });
        let mut this = Self { child, lines, ready: Value::Null, clock: String::new() };
        this.ready = this.next()["ready"].take();
        this.clock = this.ready["clock"].as_str().expect("the first line has a clock").into();
        this
    }

    fn next(&mut self) -> Value {
        match self.lines.recv_timeout(COMES_WITHIN) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}")),
            Err(error) => {
                self.child.kill().ok();
                panic!("no line comes: {error}")
            }
        }
    }

    /// The changes up to one of this path, which is made for that.
    fn until(&mut self, path: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        loop {
            let line = self.next();
            let found = line["path"] == path;
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    /// Ends it and gives what it had still printed.
    fn end(mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        self.signal(signal);
        let status = wait(&mut self.child, COMES_WITHIN).expect("it ends");
        (status, self.lines.iter().collect())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Kind, type and path of a line.
fn told(line: &Value) -> (&str, &str, &str) {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    (text("kind"), text("type"), text("path"))
}

#[test]
fn changes_are_lines_of_json_in_their_order() {
    let scene = Scene::new();
    let mut watching = scene.watch(&[]);
    let root = scene.root();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/b/f"), "1").unwrap();
    let made = watching.until("a/b/f");
    let made: Vec<_> = made.iter().map(told).collect();
    assert_eq!(made[..2], [("create", "dir", "a"), ("create", "dir", "a/b")]);
    fs::rename(root.join("a/b/f"), root.join("g")).unwrap();
    let renamed = watching.until("g").pop().unwrap();
    assert_eq!((told(&renamed), &renamed["from"]), (("rename", "file", "g"), &"a/b/f".into()));
    fs::remove_dir_all(root.join("a")).unwrap();
    let gone = watching.until("a");
    assert_eq!(
        gone.iter().map(told).map(|(kind, _, path)| (kind, path)).collect::<Vec<_>>(),
        [("delete", "a/b"), ("delete", "a")]
    );
    let ticks: Vec<u64> = gone.iter().map(|line| line["tick"].as_u64().unwrap()).collect();
    assert!(ticks.is_sorted() && ticks[0] > renamed["tick"].as_u64().unwrap());
    symlink("g", root.join("link")).unwrap();
    assert_eq!(told(&watching.until("link")[0]), ("create", "symlink", "link"));
}

#[test]
fn a_save_of_the_same_content_is_silent_unless_raw() {
    let scene = Scene::new();
    let root = scene.root();
    for raw in [false, true] {
        fs::write(root.join("f"), "same").unwrap();
        let mut watching =
            scene.watch(if raw { &["--raw", "--no-state"] } else { &["--no-state"] });
        // Whose first save makes the content known.
        fs::write(root.join("f"), "first").unwrap();
        watching.until("f");
        thread::sleep(Duration::from_millis(300));
        fs::File::options().append(true).open(root.join("f")).unwrap();
        fs::File::options()
            .write(true)
            .open(root.join("f"))
            .map(|mut file| {
                use std::io::Write;
                file.write_all(b"first").unwrap();
            })
            .unwrap();
        thread::sleep(Duration::from_millis(300));
        fs::write(root.join("end"), format!("{raw}")).unwrap();
        let lines = watching.until("end");
        let saves = lines.iter().filter(|line| line["path"] == "f" && line["quiet"] != true);
        assert_eq!(saves.count(), 0, "{lines:?}");
        let quiet = lines.iter().filter(|line| line["path"] == "f" && line["quiet"] == true);
        assert_eq!(quiet.count() > 0, raw, "{lines:?}");
        fs::remove_file(root.join("end")).unwrap();
    }
}

#[test]
fn a_file_that_stays_open_is_told_after_the_time_that_was_said() {
    let scene = Scene::new();
    for (limit, is_told) in [("0", true), ("600000", false)] {
        let mut watching = scene.watch(&["--open-max", limit, "--no-state"]);
        let open = fs::File::create(scene.root().join(limit)).unwrap();
        if is_told {
            assert_eq!(watching.next()["open_for_write"], true);
        }
        fs::write(scene.root().join("end"), limit).unwrap();
        assert_eq!(watching.next()["path"], "end");
        drop(open);
        if !is_told {
            let line = watching.next();
            assert_eq!(
                (told(&line), line.get("open_for_write")),
                (("create", "file", limit), None)
            );
        }
    }
}

#[test]
fn what_is_likely_to_be_saved_next_is_known_before_if_asked_for() {
    let scene = Scene::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        fs::write(scene.root().join(name), "formatted\n").unwrap();
    }
    let mut watching = scene.watch(&["--predict", "--no-state"]);
    // A formatter that goes from file to file, and changes nothing. Each new id has its time.
    for name in names {
        fs::write(scene.root().join(name), "formatted\n").unwrap();
        thread::sleep(Duration::from_millis(150));
    }
    fs::write(scene.root().join("end"), "").unwrap();
    let told = watching.until("end");
    assert!(told.len() < names.len(), "the later ones are silent: {told:?}");
}

#[test]
fn names_that_are_no_text_are_in_base_64() {
    let scene = Scene::new();
    let mut watching = scene.watch(&[]);
    fs::write(scene.root().join(OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
    let line = watching.next();
    assert_eq!((&line["path"], &line["path_b64"]), (&Value::Null, &"//4=".into()));
    let ran = scene.run(&["since", "root", &watching.clock]).expect(0);
    assert!(ran.out().starts_with("A \\xff\\xfe\nclock "), "{ran:?}");
}

#[test]
fn a_pipe_that_closes_ends_it_quietly() {
    let scene = Scene::new();
    let mut child = scene.command(&["watch", "--json", "root"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    fs::write(scene.root().join("f"), "").unwrap();
    let status = wait(&mut child, COMES_WITHIN).expect("it ends");
    assert_eq!(status.code(), Some(0));
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(told, "");
}

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
fn what_cannot_be_watched_is_refused_with_a_remedy() {
    let scene = Scene::new();
    make(scene.place.path(), &[("file", "")]);
    scene.run(&["watch", "missing"]).refused("missing", "check that the path exists");
    scene.run(&["watch", "file"]).refused("file", "name a directory");
    let clock = "tn1-0000000000000000-1-0";
    scene.run(&["since", "missing", clock]).refused("missing", "check that the path exists");
    scene.run(&["since", "file", clock]).refused("file", "name a directory");
    for args in [&["since", "root", "yesterday"][..], &["watch", "root", "--since", "tn1-1-2"]] {
        let ran = scene.run(args).expect(2);
        assert!(ran.stderr.contains("not a clock: expected tn1-"), "{ran:?}");
    }
    for (glob, reason) in [("[a", "`[a`: glob: `[` without `]`"), ("", "`` is no glob")] {
        scene.run(&["watch", "root", "-g", glob]).refused(reason, "put it right");
    }
    for line in ["'open", ""] {
        scene.run(&["watch", "root", "--on-change", line]).refused(line, "put the command");
    }
    scene.run(&["watch", "root", "--state", "root/s"]).refused("root/s", "name another place");
    let state = ["--state", "s"];
    let held = scene.watch(&state);
    assert!(held.ready.get("stateless").is_none());
    scene.run(&["watch", "root", state[0], state[1]]).refused("", "ask the process");
    drop(held);
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

#[test]
fn a_root_that_goes_is_an_error_after_the_rest() {
    let scene = Scene::new();
    fs::write(scene.root().join("f"), "").unwrap();
    let mut watching = scene.watch(&[]);
    fs::remove_dir_all(scene.root()).unwrap();
    let lines = watching.until("f");
    assert_eq!(told(lines.last().unwrap()), ("delete", "file", "f"));
    let status = wait(&mut watching.child, COMES_WITHIN).expect("it ends");
    assert_eq!(status.code(), Some(2));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut watching.child.stderr.take().unwrap(), &mut text).unwrap();
    let error: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
    assert_eq!(error["error"]["kind"], "root_gone");
    assert!(error["error"]["remedy"].is_string());
}

#[test]
fn filters_leave_changes_out_and_what_crosses_their_border_comes_or_goes() {
    let scene = Scene::new();
    let root = scene.root();
    make(&root, &[(".gitignore", "*.log\n"), ("in/a.rs", ""), ("in/b.txt", ""), ("c.rs", "")]);
    let args = ["-g", "*.rs", "-g", "!out/", "-g", "end", "--gitignore", "--type", "f"];
    let mut watching = scene.watch(&args);
    fs::write(root.join("no.txt"), "").unwrap();
    fs::write(root.join("no.log"), "").unwrap();
    fs::rename(root.join("c.rs"), root.join("c.txt")).unwrap();
    assert_eq!(told(&watching.next()), ("delete", "file", "c.rs"));
    fs::rename(root.join("c.txt"), root.join("d.rs")).unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "d.rs"));
    fs::rename(root.join("in"), root.join("moved")).unwrap();
    let line = watching.next();
    assert_eq!((told(&line), &line["from"]), (("rename", "file", "moved/a.rs"), &"in/a.rs".into()));
    fs::rename(root.join("moved"), root.join("out")).unwrap();
    assert_eq!(told(&watching.next()), ("delete", "file", "moved/a.rs"));
    fs::rename(root.join("out"), root.join("back")).unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "back/a.rs"));
    fs::write(root.join(".gitignore"), "d.rs\n").unwrap();
    thread::sleep(Duration::from_millis(200));
    fs::write(root.join("d.rs"), "ignored now").unwrap();
    fs::write(root.join("end"), "").unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "end"));
}

#[test]
fn files_of_a_size_are_told_here_and_by_since() {
    let scene = Scene::new();
    let sizes = ["--size", "+3b", "-S", "-1k", "--type", "f"];
    let mut watching = scene.watch(&sizes);
    let clock = watching.clock.clone();
    for (name, bytes) in [("small", 2), ("large", 2000), ("fits", 1000)] {
        fs::write(scene.root().join(name), vec![b'x'; bytes]).unwrap();
    }
    assert_eq!(watching.next()["path"], "fits");
    drop(watching);
    let ran = scene.run(&[&["since", "root", &clock], &sizes[..]].concat()).expect(0);
    assert!(ran.out().starts_with("A fits\nclock "), "{ran:?}");
    let ran = scene.run(&["watch", "root", "--size", "10"]).expect(2);
    assert!(ran.stderr.contains("write a size as `+10k`"), "{ran:?}");
}

#[test]
fn ignored_directories_are_not_watched_and_have_clocks_of_their_own() {
    let scene = Scene::new();
    let root = scene.root();
    make(&root, &[(".gitignore", "node_modules/\n"), ("node_modules/a/b/f", ""), ("src/f", "")]);
    let args = ["--gitignore", "--backend", "inotify"];
    let watches = |args: &[&str]| {
        let all = [&["--json", "watch", "root", "--coverage"], args].concat();
        scene.run(&all).expect(0).summary()["watches"].as_u64().unwrap()
    };
    assert_eq!((watches(&args), watches(&args[1..])), (2, 5));
    let ignoring = scene.watch(&args);
    let (clock, all) = (ignoring.clock.clone(), scene.watch(&[]).clock.clone());
    ignoring.end("-TERM");
    fs::write(root.join("node_modules/a/new"), "").unwrap();
    let ran = scene.run(&["--json", "since", "root", &clock, "--gitignore"]).expect(1);
    assert_eq!(ran.summary()["changes"], 0);
    let ran = scene.run(&["--json", "since", "root", &all]).expect(0);
    assert_eq!(ran.json().iter().filter(|line| line["path"] == "node_modules/a/new").count(), 1);
    // A clock of the one tree says nothing of the other.
    let ran = scene.run(&["--json", "since", "root", &clock]).expect(0);
    assert_eq!(ran.summary()["fresh"], true);
}

#[test]
fn excludes_of_the_user_that_changed_between_two_runs_begin_anew_and_say_so() {
    let scene = Scene::new();
    make(scene.root(), &[("out/f", ""), ("other/f", "")]);
    let config = scene.place.path().join("config");
    make(&config, &[("git/ignore", "out/\n")]);
    let command = |args: &[&str]| {
        let mut command = scene.command(args);
        command.env("XDG_CONFIG_HOME", &config);
        command
    };
    let watch = ["watch", "--json", "root", "--gitignore"];
    let watching = Watching::start(&mut command(&watch));
    let clock = watching.clock.clone();
    watching.end("-TERM");
    let since = ["--json", "since", "root", &clock, "--gitignore"];
    assert_eq!(finish(&mut command(&since), b"").expect(1).summary()["fresh"], false);
    fs::write(config.join("git/ignore"), "other/\n").unwrap();
    let mut watching = Watching::start(command(&watch).args(["--since", &clock]));
    assert!(watching.next()["gap"]["reason"].as_str().unwrap().contains("another root"));
    let mut paths: Vec<String> =
        (0..2).map(|_| watching.next()["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    assert_eq!(paths, ["out", "out/f"]);
}

#[test]
fn debouncing_gives_what_changed_in_sum() {
    let scene = Scene::new();
    let mut watching = scene.watch(&["--debounce", "400"]);
    for text in 0..20 {
        fs::write(scene.root().join("f"), format!("{text}")).unwrap();
        fs::write(scene.root().join("brief"), "").unwrap();
        thread::sleep(Duration::from_millis(5));
        fs::remove_file(scene.root().join("brief")).unwrap();
    }
    assert_eq!(told(&watching.next()), ("create", "file", "f"));
    fs::write(scene.root().join("end"), "").unwrap();
    assert_eq!(told(&watching.next()), ("create", "file", "end"));
}

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

#[test]
fn events_that_are_lost_are_a_gap_and_made_up_for() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_default();
    let Some(limit) = limit.trim().parse::<usize>().ok().filter(|limit| *limit <= 65_536) else {
        eprintln!("skipped: no limit of inotify's queue that can be reached soon");
        return;
    };
    let scene = Scene::new();
    let mut watching = scene.watch(&["--backend", "inotify"]);
    let mut replica = Replica::of(&scene.root());
    watching.signal("-STOP");
    for file in 0..=limit / 2 {
        fs::write(scene.root().join(format!("f{file}")), "x").unwrap();
    }
    watching.signal("-CONT");
    let mut gaps = 0;
    loop {
        let line = watching.next();
        gaps += usize::from(line["gap"]["reason"].is_string());
        replica.apply(&line);
        if replica.len() == limit / 2 + 1 {
            break;
        }
    }
    assert!(gaps > 0);
    replica.check(&scene.root(), "after the loss");
}

#[test]
fn a_swap_of_a_mounted_configuration_is_seen_whole() {
    let scene = Scene::new();
    let root = scene.root();
    make(&root, &[("..v1/key", "one")]);
    symlink("..v1", root.join("..data")).unwrap();
    symlink("..data/key", root.join("key")).unwrap();
    let mut watching = scene.watch(&[]);
    let mut replica = Replica::of(&root);
    for version in 2..12 {
        let (new, old) = (format!("..v{version}"), format!("..v{}", version - 1));
        make(&root, &[(&format!("{new}/key"), &new)]);
        symlink(&new, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        fs::remove_dir_all(root.join(&old)).unwrap();
        let mut lines = watching.until(&old);
        if !lines.iter().any(|line| line["path"] == "..data") {
            lines.extend(watching.until("..data"));
        }
        lines.iter().for_each(|line| replica.apply(line));
    }
    fs::write(root.join("end"), "").unwrap();
    watching.until("end").iter().for_each(|line| replica.apply(line));
    replica.check(&root, "after ten swaps");
}

#[test]
fn coverage_says_what_is_watched_how_and_what_is_not_seen() {
    let scene = Scene::new();
    let ran =
        scene.run(&["watch", "--coverage", "--json", "--backend", "polling", "root"]).expect(0);
    let lines = ran.json();
    assert_eq!(lines[0]["covered"]["backend"], "polling");
    assert!(lines.iter().any(|line| line["unseen"]["what"].as_str().is_some()), "{lines:?}");
    assert!(ran.summary()["covered"].as_u64() >= Some(1));
    assert!(scene.run(&["watch", "--coverage", "root"]).expect(0).out().starts_with(".: by "));
}

/// A command that gets so many marks of fanotify and no more; nothing where that cannot be had.
#[cfg(target_os = "linux")]
pub(crate) fn limited(marks: usize, command: &Command) -> Option<Command> {
    let unshare = ["--user", "--map-root-user", "sh", "-c"];
    let limit = format!("echo {marks} > /proc/sys/user/max_fanotify_marks");
    if !Command::new("unshare").args(unshare).arg(&limit).status().ok()?.success() {
        println!("skipped: this machine does not allow `unshare --user`");
        return None;
    }
    let mut limited = Command::new("unshare");
    limited.args(unshare).arg(format!("{limit} && exec \"$0\" \"$@\"")).arg(command.get_program());
    limited.args(command.get_args()).stdin(Stdio::null());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(command.get_current_dir().expect("tests run somewhere"));
    Some(limited)
}

/// A `watch` that gets five.
#[cfg(target_os = "linux")]
fn limited_watch(scene: &Scene, args: &[&str]) -> Option<Command> {
    limited(5, &scene.command(&[&["watch", "--no-state", "--poll", "50"], args].concat()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_that_is_reached_is_told_with_its_remedy() {
    let scene = Scene::new();
    let names: Vec<_> = (0..20).map(|number| format!("d{number}/")).collect();
    make(scene.root(), &names.iter().map(|name| (&**name, "")).collect::<Vec<_>>());
    let Some(mut command) = limited_watch(&scene, &["--json", "root"]) else { return };
    let mut watching = Watching::start(&mut command);
    assert_eq!(watching.ready["backend"], "inodes");
    let polled = watching.next()["polled"].take();
    // The root has a mark too.
    assert_eq!(polled["dirs"], 16, "{polled}");
    assert_eq!(polled["every_ms"], 50.0, "{polled}");
    assert!(scene.root().join(polled["path"].as_str().unwrap()).is_dir(), "{polled}");
    let reason = polled["reason"].as_str().unwrap();
    assert!(reason.contains("fs.fanotify.max_user_marks = "), "{polled}");
    assert!(reason.contains("raise it with sysctl"), "{polled}");
    let path = format!("{}/f", polled["path"].as_str().unwrap());
    fs::write(scene.root().join(&path), "").unwrap();
    // It is told once.
    let told = watching.until(&path);
    assert!(told.iter().all(|line| line["polled"].is_null()), "{told:?}");

    let mut child =
        limited_watch(&scene, &["root"]).unwrap().stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<_> = said.take(2).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said[0].starts_with("watching "), "{said:?}");
    assert!(said[1].starts_with("polled every 50ms: 16 directories, such as d"), "{said:?}");
    assert!(said[1].contains("fs.fanotify.max_user_marks = "), "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_that_is_reached_later_is_told_then() {
    let scene = Scene::new();
    let Some(mut command) = limited_watch(&scene, &["--json", "root"]) else { return };
    let mut watching = Watching::start(&mut command);
    for number in 0..10 {
        fs::create_dir(scene.root().join(format!("d{number}"))).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    // The last line of all that can be told of it.
    fs::write(scene.root().join("d9/f"), "").unwrap();
    let told = watching.until("d9/f");
    let polled: Vec<_> = told.iter().filter(|line| line["polled"].is_object()).collect();
    assert_eq!(polled.len(), 1, "{told:?}");
    let reason = polled[0]["polled"]["reason"].as_str().unwrap();
    assert!(reason.contains("fs.fanotify.max_user_marks = "), "{reason}");
}

#[test]
fn polling_that_was_asked_for_is_not_told() {
    let scene = Scene::new();
    let mut watching = scene.watch(&["--backend", "polling", "--poll", "50", "--no-state"]);
    fs::write(scene.root().join("f"), "").unwrap();
    let told = watching.until("f");
    assert!(told.iter().all(|line| line["polled"].is_null()), "{told:?}");
}

#[test]
fn every_back_end_that_there_is_reports() {
    for backend in ["filesystem", "inodes", "inotify", "polling"] {
        let scene = Scene::new();
        let mut watching =
            scene.watch(&["--backend", backend, "--poll", "50", "--no-state", "--stats"]);
        fs::create_dir(scene.root().join("d")).unwrap();
        fs::write(scene.root().join("d/f"), "x").unwrap();
        assert_eq!(told(watching.until("d/f").last().unwrap()), ("create", "file", "d/f"));
        let (_, rest) = watching.end("-TERM");
        assert!(rest.iter().all(|line| line.starts_with('{')), "{rest:?}");
    }
}

#[test]
fn a_terminal_gets_colours_and_a_line_for_each_change() {
    let scene = Scene::new();
    let program = env!("CARGO_BIN_EXE_treenail");
    let line = format!(
        "(sleep 0.7; echo x > root/f; sleep 0.7; kill $PPID) & exec env -u NO_COLOR {program} \
         watch --no-state root"
    );
    let Some(ran) = other(scene.place.path(), "script", &["-qec", &line, "/dev/null"]) else {
        return;
    };
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(text.contains("watching ") && text.contains("\u{1b}["), "{text:?}");
}
