//! Our own program: `treenail watch DIR --json`, and `treenail since DIR CLOCK --json`.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{Consumer, Kept, Place, Watching, below};
use crate::program;
use crate::protocol::{Answer, Change, Kind, Ready, now};

pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    let version = version(&place.treenail)?;
    let start = now();
    let (mut child, mut lines, first) = started(place, &place.fresh_state()?)?;
    let complete = now();
    // The program's own clock began a little later than its process.
    let elapsed_ms = first["elapsed_ms"].as_f64().unwrap_or_default();
    let armed_ms = first["armed_ms"].as_f64().unwrap_or(elapsed_ms);
    let armed = complete - ((elapsed_ms - armed_ms) * 1e6) as u64;
    let ready = Ready {
        start,
        armed,
        complete,
        pids: vec![child.id()],
        version,
        backend: first["backend"].as_str().unwrap_or_default().to_owned(),
    };
    let (root, consumer) = (place.root.clone(), consumer.clone());
    thread::spawn(move || {
        for line in lines.by_ref().map_while(Result::ok) {
            let at = now();
            consume(at, &line, &root, &consumer);
        }
    });
    let stop = move || {
        if let Ok(pid) = i32::try_from(child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            // It may have ended.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        program::end(&mut child, Duration::from_secs(5));
    };
    Ok(Watching { ready, stop: Box::new(stop) })
}

pub(crate) fn keep(place: &Place) -> Result<Kept, String> {
    let (mut child, _, first) = started(place, &place.state())?;
    program::end(&mut child, Duration::ZERO);
    let clock = first["clock"].as_str().ok_or("the first line names no clock")?;
    Ok(Kept { state: clock.to_owned(), version: version(&place.treenail)? })
}

pub(crate) fn since(place: &Place, state: &str) -> Result<Answer, String> {
    let mut command = Command::new(&place.treenail);
    command.arg("since").arg(&place.root).arg(state).arg("--json").stdin(Stdio::null());
    command.env("XDG_STATE_HOME", place.state());
    let start = now();
    let output = command.output().map_err(|error| error.to_string())?;
    let end = now();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let mut answer = Answer { start, end, ..Answer::default() };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        answer.is_fresh |= value.get("gap").is_some();
        answer.paths.extend(path_of(&value["path"], &place.root));
    }
    Ok(answer)
}

fn version(treenail: &Path) -> Result<String, String> {
    let output = Command::new(treenail).arg("--version").output();
    let output = output.map_err(|error| format!("{}: {error}", treenail.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(text.trim_start_matches("treenail ").to_owned())
}

type Output = Lines<BufReader<ChildStdout>>;

/// The program, what it prints from now on, and what its first line says.
fn started(place: &Place, state: &Path) -> Result<(Child, Output, Value), String> {
    let mut command = Command::new(&place.treenail);
    command.arg("watch").arg(&place.root).arg("--json").env("XDG_STATE_HOME", state);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child =
        program::bound_to_us(&mut command).spawn().map_err(|error| error.to_string())?;
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let line = lines.next().and_then(Result::ok).ok_or("`treenail watch` printed nothing")?;
    let value: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
    let first = value.get("ready").ok_or_else(|| format!("not ready: {line}"))?.clone();
    Ok((child, lines, first))
}

fn consume(at: u64, line: &str, root: &Path, consumer: &Consumer) {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return consumer.error(format!("no JSON: {line}"));
    };
    if let Some(gap) = value.get("gap") {
        return consumer.error(format!("gap: {gap}"));
    }
    let Some(path) = path_of(&value["path"], root) else {
        return consumer.error(format!("no path: {line}"));
    };
    let change = match (value["kind"].as_str(), path_of(&value["from"], root)) {
        (Some("delete"), _) => Change::new(Kind::Gone, &path),
        (Some("rename"), Some(old)) => Change::rename(&old, &path),
        _ => Change::new(Kind::Change, &path),
    };
    consumer.changes(at, vec![change]);
}

/// The path below the root, whether or not the root stands before it.
fn path_of(value: &Value, root: &Path) -> Option<String> {
    let path = value.as_str()?;
    Some(below(root, Path::new(path)).unwrap_or_else(|| path.to_owned()))
}
