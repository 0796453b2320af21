//! `watch --remote` and `since --remote`: a daemon, and clients as they are on other machines.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::daemon::User;
use crate::secrets::Secrets;
use crate::support::{Ran, finish, wait};

/// A daemon in the foreground that serves its user's root as `site`.
struct Served {
    user: User,
    secrets: Secrets,
    daemon: Child,
    log: std::io::Lines<BufReader<ChildStderr>>,
    url: String,
}

impl Served {
    fn start() -> Self {
        let (user, secrets) = (User::new(), Secrets::new());
        let dir = secrets.0.path().display();
        let config = format!(
            "[remote]\nlisten = '127.0.0.1:0'\ncertificate = '{dir}/cert.pem'\nkey = \
             '{dir}/key.pem'\ntoken_file = '{dir}/token'\n[remote.roots]\nsite = '{}'\n",
            user.root().display()
        );
        fs::write(user.0.path().join("config/treenail/daemon.toml"), config).unwrap();
        let mut daemon = user.command(&["daemon", "--foreground"]);
        let mut daemon = daemon.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(daemon.stderr.take().unwrap()).lines();
        let mut served = Self { user, secrets, daemon, log, url: String::new() };
        served.url = format!("https://{}", served.wait_for("served at "));
        served
    }

    /// What stands behind a text in the log.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.log.next().expect("the daemon lives").unwrap();
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.user.command(args);
        command.args(["--remote", &self.url, "--token-file"]).arg(self.secrets.path("token"));
        command.arg("--ca").arg(self.secrets.path("ca.pem"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args), b"")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.user.run(&["daemon", "--stop"]);
        self.daemon.wait().unwrap();
    }
}

/// A command that prints lines, killed when dropped.
struct Printing {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Printing {
    fn start(command: &mut Command) -> (Self, Value) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printing = Self { child, lines };
        let ready = printing.next()["ready"].take();
        (printing, ready)
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("one more line").unwrap()).unwrap()
    }
}

impl Drop for Printing {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_lines_are_those_of_a_local_client() {
    let served = Served::start();
    let root = served.user.root();
    let (mut there, ready) = Printing::start(&mut served.command(&["--json", "watch", "site"]));
    assert_eq!(ready["remote"], served.url);
    let mut local = served.user.command(&["--json", "watch", "--daemon", "root"]);
    let (mut here, local_ready) = Printing::start(&mut local);
    assert_eq!(ready["clock"], local_ready["clock"]);
    fs::write(root.join("a"), "1").unwrap();
    assert_eq!(here.next(), there.next());
    fs::rename(root.join("a"), root.join("b")).unwrap();
    let (line, same) = (here.next(), there.next());
    assert_eq!(line, same);
    assert_eq!((&line["kind"], &line["from"]), (&"rename".into(), &"a".into()));
    let text = served.user.run(&["daemon", "--status"]).expect(0);
    assert!(text.out().contains("clients 2"), "{text:?}");
}

#[test]
fn what_happened_since_a_clock_is_told() {
    let served = Served::start();
    let (watching, ready) = Printing::start(&mut served.command(&["--json", "watch", "site"]));
    drop(watching);
    let clock = ready["clock"].as_str().unwrap();
    served.run(&["since", "site", clock]).expect(1);
    fs::write(served.user.root().join("a"), "1").unwrap();
    let ran = served.run(&["--json", "since", "site", clock]).expect(0);
    assert_eq!(ran.json()[0]["path"], "a");
    let now = ran.summary()["clock"].as_str().unwrap().to_owned();
    served.run(&["since", "site", &now]).expect(1);
    let fresh = served.run(&["--json", "since", "site", "tn1-0000000000000000-1-0"]).expect(0);
    assert_eq!(fresh.summary()["fresh"], true);
    assert_eq!(
        (&fresh.json()[1]["kind"], &fresh.json()[1]["path"]),
        (&"create".into(), &"a".into())
    );
    let (mut again, _) =
        Printing::start(&mut served.command(&["--json", "watch", "site", "--since", clock]));
    assert_eq!(again.next()["path"], "a");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let served = Served::start();
    let clock = "tn1-0000000000000000-1-0";
    served.run(&["watch", "other"]).refused("other", "name one of these: site");
    served.run(&["since", "other", clock]).refused("other", "name one of these: site");
    let ran = served.user.run(&["watch", "site", "--remote", &served.url]).expect(2);
    assert!(ran.stderr.contains("--token-file"), "{ran:?}");
    let token = served.secrets.path("token");
    let mut without_ca = served.user.command(&["watch", "site", "--remote", &served.url]);
    finish(without_ca.arg("--token-file").arg(&token), b"").refused("certificate", "--ca FILE");
    let other = served.secrets.path("other");
    fs::write(&other, "another-token-of-the-tests-0123").unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    let mut wrong = served.user.command(&["watch", "site", "--remote", &served.url]);
    wrong.arg("--token-file").arg(&other).arg("--ca").arg(served.secrets.path("ca.pem"));
    finish(&mut wrong, b"").refused("token", "--token-file");
    fs::set_permissions(&other, Permissions::from_mode(0o644)).unwrap();
    finish(&mut wrong, b"").refused("others may read it", "chmod 600");
    for local in ["--gitignore", "--daemon", "--coverage", "--stats", "--no-state"] {
        let ran = served.run(&["watch", "site", local]).expect(2);
        assert!(ran.stderr.contains("cannot be used with"), "{ran:?}");
    }
}

#[test]
fn a_daemon_that_ends_while_somebody_watches() {
    let served = Served::start();
    let (mut watching, _) = Printing::start(&mut served.command(&["--json", "watch", "site"]));
    let mut stderr = watching.child.stderr.take().unwrap();
    served.user.run(&["daemon", "--stop"]).expect(0);
    let status = wait(&mut watching.child, Duration::from_secs(20)).expect("it ends");
    assert_eq!(status.code(), Some(2));
    let mut told = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    let error: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(error["error"]["kind"], "disconnected", "{told}");
    assert!(error["error"]["remedy"].as_str().unwrap().contains("clock"), "{told}");
}
