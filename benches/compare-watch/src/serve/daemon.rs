//! Our daemon, with a socket and a state that are this driver's alone, and a client of it that gets
//! its changes through shared memory.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use treenail_share::client::Client;
use treenail_share::{Delivered, From};

use super::{Consumer, Place, Watching, treenail};
use crate::program;
use crate::protocol::{Ready, now};

/// How long it may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    let mut child = started(place)?;
    let client = client(place)?;
    let start = now();
    let changes = client.watch(&place.root, From::Now);
    let mut changes = changes.map_err(|problem| problem.to_string())?;
    let complete = now();
    // The daemon began with the root when it was asked.
    let begun = changes.ready();
    let ready = Ready {
        start,
        armed: start + begun.armed.as_nanos() as u64,
        complete,
        pids: vec![child.id()],
        version: env!("CARGO_PKG_VERSION").to_owned(),
        backend: begun.rung.to_string(),
    };
    let consumer = consumer.clone();
    thread::spawn(move || {
        loop {
            let next = changes.next(None);
            let at = now();
            match next.map(|received| received.map(|received| received.what)) {
                Ok(None) => {}
                Ok(Some(Delivered::Batch(batch))) => treenail::consume(at, &batch, &consumer),
                Ok(Some(Delivered::Net { changes, gaps })) => {
                    treenail::consume_net(at, changes, &gaps, &consumer);
                }
                Ok(Some(Delivered::Fresh(reason))) => consumer.error(reason),
                Err(problem) => return consumer.error(problem),
            }
        }
    });
    let stop = move || {
        // It is killed in any case.
        drop(client.stop());
        program::end(&mut child, Duration::from_secs(5));
    };
    Ok(Watching { ready, stop: Box::new(stop) })
}

fn runtime(place: &Place) -> PathBuf {
    place.private.join("run")
}

fn started(place: &Place) -> Result<Child, String> {
    let (runtime, state) = (runtime(place), place.fresh_state()?);
    fs::create_dir_all(&runtime).map_err(|e| format!("{}: {e}", runtime.display()))?;
    let mut command = Command::new(&place.treenail);
    command.args(["daemon", "--foreground", "--quiet"]);
    command.env("XDG_RUNTIME_DIR", &runtime).env("XDG_CONFIG_HOME", &runtime);
    command.env("XDG_STATE_HOME", state);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    program::bound_to_us(&mut command).spawn().map_err(|error| format!("the daemon: {error}"))
}

fn client(place: &Place) -> Result<Client, String> {
    let at = treenail_share::Place::at(runtime(place).join("treenail"));
    let start = Instant::now();
    loop {
        match Client::connect_at(&at) {
            Ok(client) => return Ok(client),
            Err(problem) if start.elapsed() > LISTENS_WITHIN => return Err(problem.to_string()),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}
