//! Watchman, with a server, a socket and a state that are this driver's alone.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Consumer, Kept, Place, Watching};
use crate::program;
use crate::protocol::{Answer, Change, Kind, Ready, now};

/// How long it may take to look at everything.
const CRAWL_MS: u64 = 300_000;

pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    let server = Server::start(place)?;
    let mut client = server.client()?;
    let root = text_of(&place.root)?;
    let start = now();
    let clock = client.watch(root)?;
    let since = json!({"fields": ["name", "exists"], "since": clock});
    let version = client.ask(&json!(["subscribe", root, "compare", since]))?;
    let complete = now();
    let ready = Ready {
        start,
        armed: complete,
        complete,
        pids: vec![server.child.id()],
        version: version["version"].as_str().unwrap_or_default().to_owned(),
        backend: "inotify".to_owned(),
    };
    let consumer = consumer.clone();
    thread::spawn(move || {
        while let Ok(value) = client.next() {
            let at = now();
            consume(at, &value, &consumer);
        }
    });
    let root = root.to_owned();
    Ok(Watching { ready, stop: Box::new(move || server.stop(&root)) })
}

pub(crate) fn keep(place: &Place) -> Result<Kept, String> {
    let server = Server::start(place)?;
    let mut client = server.client()?;
    let root = text_of(&place.root)?;
    let clock = client.watch(root)?;
    let version = client.ask(&json!(["version"]))?["version"].as_str().map(str::to_owned);
    server.stop(root);
    Ok(Kept { state: clock, version: version.unwrap_or_default() })
}

pub(crate) fn since(place: &Place, state: &str) -> Result<Answer, String> {
    let server = Server::start(place)?;
    let mut client = server.client()?;
    let root = text_of(&place.root)?;
    let start = now();
    client.watch(root)?;
    let query = json!({"fields": ["name"], "since": state, "sync_timeout": CRAWL_MS});
    let reply = client.ask(&json!(["query", root, query]))?;
    let end = now();
    server.stop(root);
    let files = reply["files"].as_array().ok_or("the reply names no files")?;
    let paths = files.iter().filter_map(|file| file.as_str().map(str::to_owned)).collect();
    let is_fresh = reply["is_fresh_instance"].as_bool().unwrap_or_default();
    Ok(Answer { start, end, is_fresh, paths })
}

fn consume(at: u64, value: &Value, consumer: &Consumer) {
    if let Some(warning) = value["warning"].as_str().or(value["error"].as_str()) {
        consumer.error(warning);
    }
    if value["is_fresh_instance"] == json!(true) {
        consumer.error("a fresh instance: all files are named");
    }
    let files = value["files"].as_array().into_iter().flatten();
    let changes = files.filter_map(|file| {
        let kind = if file["exists"] == json!(false) { Kind::Gone } else { Kind::Change };
        Some(Change::new(kind, file["name"].as_str()?))
    });
    consumer.changes(at, changes.collect());
}

fn text_of(root: &Path) -> Result<&str, String> {
    root.to_str().ok_or_else(|| format!("{} is not UTF-8", root.display()))
}

/// A server in the foreground.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    fn start(place: &Place) -> Result<Self, String> {
        let file = |name| place.private.join(name);
        let socket = file("sock");
        drop(std::fs::remove_file(&socket));
        let option = |name: &str, file: &Path| format!("--{name}={}", file.display());
        let mut command = Command::new("watchman");
        command.args(["--foreground", "--no-save-state"]).args([
            option("sockname", &socket),
            option("logfile", &file("log")),
            option("statefile", &file("state")),
            option("pidfile", &file("pid")),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = program::bound_to_us(&mut command).spawn().map_err(|error| {
            format!(
                "cannot start watchman: {error} (`cargo xtask compare watch --install` gets it)"
            )
        })?;
        Ok(Self { child, socket })
    }

    fn client(&self) -> Result<Client, String> {
        let start = Instant::now();
        loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => return Ok(Client { stream: BufReader::new(stream) }),
                Err(error) if start.elapsed() > Duration::from_secs(10) => {
                    return Err(format!("no connection to watchman: {error}"));
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn stop(mut self, root: &str) {
        if let Ok(mut client) = self.client() {
            // It is killed in any case.
            drop(client.ask(&json!(["watch-del", root])));
            drop(client.ask(&json!(["shutdown-server"])));
        }
        program::end(&mut self.child, Duration::from_secs(5));
    }
}

/// A connection.
struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Has a directory watched and waits until all of it is known; the clock then.
    fn watch(&mut self, root: &str) -> Result<String, String> {
        self.ask(&json!(["watch", root]))?;
        let reply = self.ask(&json!(["clock", root, {"sync_timeout": CRAWL_MS}]))?;
        let clock = reply["clock"].as_str().ok_or_else(|| format!("no clock in {reply}"))?;
        Ok(clock.to_owned())
    }

    fn ask(&mut self, question: &Value) -> Result<Value, String> {
        let line = format!("{question}\n");
        let stream = self.stream.get_mut();
        stream.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        loop {
            let reply = self.next()?;
            if let Some(error) = reply["error"].as_str() {
                return Err(format!("watchman: {error}"));
            }
            if reply["unilateral"] != json!(true) {
                return Ok(reply);
            }
        }
    }

    fn next(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("watchman closed the connection".to_owned());
        }
        serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))
    }
}
