//! `inotifywait -m -r` of inotify-tools, read through a pipe.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Consumer, Place, Watching, below};
use crate::program;
use crate::protocol::{Change, Kind, Ready, now};

pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    let version = version()?;
    let mut command = Command::new("inotifywait");
    command.args(["-m", "-r", "-e", "close_write,create,delete,move", "--format", "%e|%w%f"]);
    command.arg(&place.root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = now();
    let mut child = program::bound_to_us(&mut command).spawn().map_err(not_started)?;
    let established = read_errors(&mut child, consumer);
    read_events(&mut child, &place.root, consumer);
    let established = established.recv().map_err(|_| "inotifywait ended".to_owned())?;
    let ready = Ready {
        start,
        armed: established,
        complete: established,
        pids: vec![child.id()],
        version,
        backend: "inotify".to_owned(),
    };
    // It knows no way to end by itself.
    let stop = move || program::end(&mut child, Duration::ZERO);
    Ok(Watching { ready, stop: Box::new(stop) })
}

fn version() -> Result<String, String> {
    let output = Command::new("inotifywait").arg("--help").output().map_err(not_started)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.lines().next().unwrap_or_default();
    Ok(first.trim_start_matches("inotifywait ").to_owned())
}

fn not_started(error: std::io::Error) -> String {
    format!("cannot start inotifywait: {error} (`cargo xtask compare watch --install` gets it)")
}

/// Sends the time at which it said that its watches are there; all else it says is an error.
fn read_errors(child: &mut Child, consumer: &Consumer) -> mpsc::Receiver<u64> {
    let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let consumer = consumer.clone();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let at = now();
            if line.contains("Watches established") {
                let _ = sender.send(at);
            } else if !line.starts_with("Setting up watches") {
                consumer.error(line);
            }
        }
    });
    receiver
}

fn read_events(child: &mut Child, root: &Path, consumer: &Consumer) {
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (root, consumer) = (root.to_owned(), consumer.clone());
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let at = now();
            let Some((events, path)) = line.split_once('|') else { continue };
            if events.contains("Q_OVERFLOW") {
                consumer.error("the queue overflowed");
                continue;
            }
            let is_gone = events.contains("DELETE") || events.contains("MOVED_FROM");
            let kind = if is_gone { Kind::Gone } else { Kind::Change };
            let path = below(&root, Path::new(path));
            let changes = path.map(|path| Change { kind, path, old: None });
            consumer.changes(at, changes.into_iter().collect());
        }
    });
}
