//! What is watched how, and limits that are reached.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Scene, Watching, told};
use crate::support::make;

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
