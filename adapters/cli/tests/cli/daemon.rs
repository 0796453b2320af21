//! `treenail daemon` and those that ask it, as processes.

mod storm;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use treenail::share::client::{Client, RemoteSubscription};
use treenail::share::{From, Place};

use crate::support::{Ran, command, finish, place, wait};
#[cfg(target_os = "linux")]
use crate::watch::coverage::limited;

/// What takes longer hangs.
const LONG: Duration = Duration::from_secs(30);

/// Directories of a user of its own.
pub(crate) struct User(pub(crate) TempDir);

impl User {
    pub(crate) fn new() -> Self {
        let user = Self(place());
        for dir in ["run", "state", "config/treenail", "root"] {
            fs::create_dir_all(user.0.path().join(dir)).unwrap();
        }
        user
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.0.path(), args);
        command.env("XDG_RUNTIME_DIR", self.0.path().join("run"));
        command.env("XDG_STATE_HOME", self.0.path().join("state"));
        command.env("XDG_CONFIG_HOME", self.0.path().join("config"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args), b"")
    }

    fn place(&self) -> Place {
        Place::at(self.0.path().join("run/treenail"))
    }

    fn client(&self) -> Client {
        Client::connect_at(&self.place()).unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn pid(&self) -> u32 {
        let ran = self.run(&["--json", "daemon", "--status"]).expect(0);
        ran.summary()["pid"].as_u64().unwrap().try_into().unwrap()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Ok(client) = Client::connect_at(&self.place()) {
            _ = client.stop();
        }
    }
}

#[test]
fn it_is_started_once_shown_and_ended() {
    let user = User::new();
    assert!(user.run(&["daemon", "--status"]).expect(1).out().contains("no daemon runs"));
    user.run(&["daemon", "--stop"]).expect(1);
    user.run(&["daemon"]).expect(0);
    let pid = user.pid();
    user.run(&["daemon"]).expect(0);
    assert_eq!(user.pid(), pid, "the one that runs is enough");
    fs::write(user.0.path().join("other.toml"), "").unwrap();
    for other in [["--config", "other.toml"], ["--idle", "7"]] {
        let refused = user.run(&["daemon", other[0], other[1]]).refused("runs already", "--stop");
        assert!(refused.stderr.contains(&pid.to_string()), "{refused:?}");
    }

    let _changes = user.client().watch(&user.root(), From::Now).unwrap();
    let ran = user.run(&["--json", "daemon", "--status"]).expect(0);
    assert_eq!(ran.json()[0]["clients"], 1);
    assert_eq!(ran.summary()["roots"], 1);
    let text = user.run(&["daemon", "--status"]).expect(0);
    assert!(text.out().contains("root\n") && text.out().contains("clients 1"), "{text:?}");
    user.run(&["daemon", "--stop"]).expect(0);
    user.run(&["daemon", "--status"]).expect(1);
    assert!(!user.place().socket().exists());
}

#[test]
fn many_that_start_it_at_once_get_the_same_one() {
    let user = User::new();
    let started: Vec<Ran> = thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| user.run(&["daemon"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ran in started {
        ran.expect(0);
    }
    user.pid();
}

#[test]
fn what_keeps_it_from_starting_is_told() {
    let user = User::new();
    let config = user.0.path().join("config/treenail/daemon.toml");
    fs::write(&config, "\nidle = 3\n").unwrap();
    let ran = user.run(&["daemon"]).refused("treenail", "did you mean");
    assert!(ran.stderr.contains("daemon.toml") && ran.stderr.contains("line 2"), "{ran:?}");
    user.run(&["daemon", "--foreground"]).refused("daemon.toml", "did you mean");
    fs::remove_file(&config).unwrap();
    user.run(&["daemon", "--config", "none.toml"]).refused("treenail", "see that it is there");

    user.run(&["daemon"]).expect(0);
    user.run(&["daemon", "--foreground"]).refused("daemon.sock", "--stop");
}

#[test]
fn a_directory_of_another_user_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    if !crate::support::is_root() {
        return eprintln!("skipped: only root can become another user");
    }
    let user = User::new();
    user.run(&["daemon"]).expect(0);
    // So that nothing but the check is in the way.
    for dir in ["", "run", "run/treenail"] {
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(user.0.path().join(dir), open).unwrap();
    }
    let program = user.0.path().join("treenail");
    fs::copy(env!("CARGO_BIN_EXE_treenail"), &program).unwrap();
    for command in [&["daemon", "--status"][..], &["daemon"], &["daemon", "--foreground"]] {
        let mut run = Command::new("setpriv");
        run.args(["--reuid=65534", "--clear-groups"]).arg(&program).args(command);
        run.env("XDG_RUNTIME_DIR", user.0.path().join("run")).stdin(Stdio::null());
        run.env("XDG_CONFIG_HOME", user.0.path().join("config"));
        finish(&mut run, b"").refused("run/treenail", "XDG_RUNTIME_DIR");
    }
    // Nor can what others may not even look into be used.
    fs::set_permissions(user.0.path().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut run = Command::new("setpriv");
    run.args(["--reuid=65534", "--clear-groups"]).arg(&program).args(["daemon", "--status"]);
    run.env("XDG_RUNTIME_DIR", user.0.path().join("run")).stdin(Stdio::null());
    finish(&mut run, b"").refused("run/treenail", "XDG_RUNTIME_DIR");
    let own = fs::Permissions::from_mode(0o700);
    fs::set_permissions(user.place().dir(), own).unwrap();
}

#[test]
fn sigterm_ends_it_in_good_order() {
    let user = User::new();
    let mut daemon = user.command(&["daemon", "--foreground"]);
    let mut daemon = daemon.stderr(Stdio::null()).spawn().unwrap();
    let mut changes = subscribed(&user, From::Now);
    fs::write(user.root().join("a"), "").unwrap();
    let clock = changes.next(Some(LONG)).unwrap().unwrap().clock;
    assert!(Command::new("kill").arg(daemon.id().to_string()).status().unwrap().success());
    assert!(wait(&mut daemon, LONG).is_some());
    assert!(!user.place().socket().exists());
    user.run(&["daemon"]).expect(0);
    let changes = subscribed(&user, From::Clock(clock));
    assert_eq!(changes.ready().clock.incarnation, clock.incarnation);
}

#[test]
fn two_processes_watch_one_root_through_it() {
    let user = User::new();
    let (mut one, mut two) = (Watching::start(&user, &[]), Watching::start(&user, &[]));
    assert_eq!(one.ready["daemon"], two.ready["daemon"]);
    fs::write(user.root().join("news"), "text").unwrap();
    for watching in [&mut one, &mut two] {
        let line = watching.next();
        assert_eq!((&line["kind"], &line["path"]), (&"create".into(), &"news".into()));
    }
    let clock = one.next_clock(&user.root());
    drop(one);
    fs::write(user.root().join("later"), "text").unwrap();
    let mut again = Watching::start(&user, &["--since", &clock]);
    assert_eq!(again.next()["path"], "later");
}

#[test]
fn filters_commands_and_coverage_go_through_it() {
    let user = User::new();
    let root = user.root();
    fs::write(root.join(".gitignore"), "*.log\n").unwrap();
    let args = ["-g", "!out/", "--gitignore", "--type", "f", "--stats"];
    let mut watching = Watching::start(&user, &args);
    fs::create_dir(root.join("out")).unwrap();
    for file in ["out/a.c", "no.log", "yes.c"] {
        fs::write(root.join(file), "").unwrap();
    }
    let line = watching.next();
    assert_eq!((&line["kind"], &line["path"]), (&"create".into(), &"yes.c".into()));
    fs::rename(root.join("out"), root.join("in")).unwrap();
    let line = watching.next();
    assert_eq!((&line["kind"], &line["path"]), (&"create".into(), &"in/a.c".into()));
    let ran = user.run(&["--json", "watch", "root", "--daemon", "--coverage"]).expect(0);
    assert!(ran.summary()["watches"].as_u64().unwrap() > 0);
    let out = user.0.path().join("ran");
    let command = format!("sh -c 'cat > {}'", out.display());
    let _runs = Watching::start(&user, &["--on-change", &command, "-g", "*.rs"]);
    fs::write(root.join("main.rs"), "").unwrap();
    let begun = Instant::now();
    while fs::read_to_string(&out).unwrap_or_default() != "root/main.rs\n" {
        assert!(begun.elapsed() < LONG);
        thread::sleep(Duration::from_millis(2));
    }
    let ran = user.run(&["watch", "root", "--daemon", "-g", "[a"]).expect(2);
    assert!(ran.stderr.contains("put it right"), "{ran:?}");
}

#[test]
fn a_search_in_the_index_of_a_root_that_it_keeps_sees_what_was_written_before() {
    let user = User::new();
    let _watching = Watching::start(&user, &[]);
    for at in 0..20 {
        let name = format!("root/{at}.txt");
        fs::write(user.0.path().join(&name), "text").unwrap();
        let ran = user.run(&["find", "--index", "--fixed-strings", &name[5..], "root"]).expect(0);
        assert_eq!((ran.out(), &*ran.stderr), (&*format!("{name}\n"), ""));
    }
}

#[test]
fn a_root_whose_state_another_process_holds_is_said_to_have_none() {
    let user = User::new();
    let mut holder = user.command(&["--json", "watch", "root"]);
    let mut holder = holder.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let watching = Watching::start(&user, &[]);
    let lost = watching.ready["lost"].as_str().unwrap();
    assert!(lost.contains("clocks end with the daemon"), "{lost}");
    let status = user.run(&["daemon", "--status"]).expect(0);
    assert!(status.out().contains("clocks end with the daemon"), "{status:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_that_the_daemon_reached_is_told_with_its_remedy() {
    let user = User::new();
    for number in 0..20 {
        fs::create_dir(user.root().join(format!("d{number}"))).unwrap();
    }
    let watch = user.command(&["--json", "watch", "root", "--daemon"]);
    // The daemon that it starts has the limit as well.
    let Some(mut watch) = limited(5, &watch) else { return };
    let mut watching = Watching::spawn(&mut watch);
    let polled = watching.next()["polled"].take();
    // The root has a mark too, and the directory of the configuration.
    assert_eq!(polled["dirs"], 17, "{polled}");
    let reason = polled["reason"].as_str().unwrap();
    let parts = ["fs.fanotify.max_user_marks = ", "raise it with sysctl", "looked at every 2s"];
    assert!(parts.iter().all(|part| reason.contains(part)), "{polled}");
    let path = format!("{}/f", polled["path"].as_str().unwrap());
    fs::write(user.root().join(&path), "").unwrap();
    assert_eq!(watching.next()["path"], *path);
}

#[test]
fn a_state_that_cannot_be_made_is_said_to_be_none() {
    let user = User::new();
    fs::write(user.0.path().join("state/treenail"), "in the way").unwrap();
    let mut watching = Watching::start(&user, &[]);
    let lost = watching.ready["lost"].as_str().unwrap();
    assert!(lost.contains("clocks end with the daemon: ") && lost.contains("state"), "{lost}");
    fs::write(user.root().join("a"), "").unwrap();
    assert_eq!(watching.next()["path"], "a");
}

#[test]
fn an_idle_daemon_does_not_wake() {
    // A file system on which nobody else is busy.
    let Ok(quiet) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("skipped: no /dev/shm");
    };
    let user = User::new();
    let root = quiet.path().display().to_string();
    let mut command = user.command(&["--json", "watch", &root, "--daemon"]);
    let watching = Watching::spawn(&mut command);
    let pid = watching.ready["daemon"].as_u64().unwrap();
    let wakes = || -> u64 {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let status = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")));
        let count = |status: String| {
            let line =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.unwrap().trim().parse::<u64>().unwrap()
        };
        status.map(|status| count(status.unwrap())).sum()
    };
    let begun = Instant::now();
    loop {
        let before = wakes();
        thread::sleep(Duration::from_millis(500));
        if wakes() == before {
            return;
        }
        // Its clients and its state have something for it to do at first.
        assert!(begun.elapsed() < LONG, "it wakes again and again");
    }
}

#[test]
fn a_client_that_is_killed_leaves_nothing_in_the_way() {
    let user = User::new();
    let watching = Watching::start(&user, &[]);
    drop(watching);
    let client = user.client();
    let begun = Instant::now();
    while client.roots().unwrap()[0].users > 0 {
        assert!(begun.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
    let mut watching = Watching::start(&user, &[]);
    fs::write(user.root().join("a"), "").unwrap();
    assert_eq!(watching.next()["path"], "a");
}

/// `watch --daemon` as a process, killed when dropped.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    ready: Value,
}

impl Watching {
    fn start(user: &User, args: &[&str]) -> Self {
        Self::spawn(user.command(&["--json", "watch", "root", "--daemon"]).args(args))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut watching = Self { child, lines, ready: Value::Null };
        watching.ready = watching.next()["ready"].take();
        watching
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// Makes a change and returns its clock.
    fn next_clock(&mut self, root: &Path) -> String {
        fs::write(root.join("for a clock"), "").unwrap();
        loop {
            let line = self.next();
            if line["path"] == "for a clock" {
                return line["clock"].as_str().unwrap().to_owned();
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A subscription, as soon as a daemon listens.
fn subscribed(user: &User, from: From) -> RemoteSubscription {
    let begun = Instant::now();
    loop {
        match Client::connect_at(&user.place()) {
            Ok(client) => return client.watch(&user.root(), from).unwrap(),
            Err(problem) => assert!(begun.elapsed() < LONG, "{problem}"),
        }
        thread::sleep(Duration::from_millis(2));
    }
}
