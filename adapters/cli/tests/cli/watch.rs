//! `watch` and `since`, with real processes.

mod clocks;
pub(crate) mod coverage;
mod on_change;
mod storm;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

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
