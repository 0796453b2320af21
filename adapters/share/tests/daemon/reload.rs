//! A configuration that changes while the daemon runs.

use std::fs;

use treenail_share::config::Config;

use super::support::{Daemon, eventually, write};

#[test]
fn a_good_configuration_is_taken_over_and_a_bad_one_refused() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    assert!(client.roots().unwrap().is_empty());
    let roots = format!("roots = [\"{}\"]", root.display());
    write(&daemon.config(), &roots);
    eventually("the root is watched", || client.roots().unwrap().iter().any(|root| root.stays));

    write(&daemon.config(), "roots = []\nring_bytes = 'much'");
    daemon.wait_for("refused, the configuration before it stays");
    let told = daemon.log().into_iter().find(|line| line.contains("refused")).unwrap();
    assert!(told.contains("daemon.toml") && told.contains("line 2"), "{told}");
    assert!(told.contains("write a whole number"), "{told}");
    assert!(client.roots().unwrap()[0].stays, "nothing of it is taken over");

    // As editors do it.
    let new = daemon.temp.path().join("config/new");
    write(&new, "idle_seconds = 0");
    fs::rename(new, daemon.config()).unwrap();
    eventually("the root need not stay", || !client.roots().unwrap()[0].stays);
}

#[test]
fn a_root_that_is_not_there_yet_is_watched_when_it_comes() {
    let temp = tempfile::tempdir().unwrap();
    let late = temp.path().join("late");
    let daemon = Daemon::start(&format!("poll_seconds = 1\nroots = [\"{}\"]", late.display()));
    daemon.wait_for("a root of the configuration");
    assert!(daemon.client().roots().unwrap().is_empty());
    fs::create_dir(&late).unwrap();
    eventually("it is watched", || daemon.client().roots().unwrap().iter().any(|it| it.stays));
    let told = daemon.log().iter().filter(|line| line.contains("of the configuration")).count();
    assert_eq!(told, 1, "it is said once");
}

#[test]
fn a_file_that_is_not_there_yet_is_seen_when_it_comes() {
    let daemon = Daemon::start("");
    fs::remove_dir_all(daemon.temp.path().join("config")).unwrap();
    let client = daemon.client();
    std::thread::sleep(std::time::Duration::from_millis(200));
    fs::create_dir(daemon.temp.path().join("config")).unwrap();
    write(&daemon.config(), &format!("roots = [\"{}\"]", daemon.root().display()));
    eventually("the root is watched", || !client.roots().unwrap().is_empty());
}

#[test]
fn a_file_that_has_to_be_there_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("none.toml");
    assert_eq!(Config::read(&path, false), Ok(Config::default()));
    let problem = Config::read(&path, true).unwrap_err();
    assert_eq!(problem.path, Some(path));
    let problem = Config::read(temp.path(), false).unwrap_err();
    assert!(problem.message.contains("a regular file"), "{problem}");
}
