//! `treenail watch --daemon`: the changes that another process sees.

use std::env;

use serde_json::json;
use treenail::os::bytes_of;
use treenail::share::client::{Client, RemoteSubscription};
use treenail::share::protocol::Query;
use treenail::share::{From, Problem as Told};
use treenail::tree::live::Change;

use super::lines::{Lines, Told as Report, backend, created};
use crate::Outcome;
use crate::args::Watch;
use crate::output::{Failed, Output, Problem, shown};

pub(super) fn run(args: &Watch, output: &mut Output) -> Result<Outcome, Failed> {
    let program = env::current_exe().map_err(|error| {
        let message = format!("cannot tell which program this is: {error}");
        Problem { kind: "io", message, path: None, remedy: Some("leave --daemon out") }
    })?;
    let client = Client::connect_or_start(&program)?;
    let from = args.since.map_or(From::Now, From::Clock);
    // Lines are no match for a socket: shared memory would cost more than it saves.
    let mut changes = client.watch_through(&args.dir, from, false)?;
    print_ready(args, &client, &changes, output)?;
    let mut lines = Lines::new(changes.clock());
    loop {
        let Some(received) = changes.next(None)? else { continue };
        let mut report = Report::received(received, || everything(&client, args))?;
        report.changes.retain(|change| args.followed.raw || !change.quiet);
        lines.print(&report, output)?;
        output.finish()?;
    }
}

fn print_ready(
    args: &Watch,
    client: &Client,
    changes: &RemoteSubscription,
    output: &mut Output,
) -> Result<(), Failed> {
    let (ready, pid, clock) = (changes.ready(), client.welcome().pid, changes.clock());
    let counts = ready.counts;
    if output.json() {
        output.json_line(&json!({ "ready": {
            "clock": clock.to_string(),
            "backend": backend(ready.rung),
            "files": counts.files,
            "dirs": counts.dirs,
            "symlinks": counts.symlinks,
            "others": counts.others,
            "elapsed_ms": (ready.elapsed.as_secs_f64() * 1e6).round() / 1e3,
            "daemon": pid,
        }}))?;
    } else {
        let dir = shown(bytes_of(args.dir.as_os_str())).into_owned();
        output.hint(&format!(
            "watching {} through the daemon, process {pid}, by {}; clock {clock}",
            String::from_utf8_lossy(&dir),
            ready.rung,
        ));
    }
    output.finish()
}

/// All that there is, as if it had just come.
fn everything(client: &Client, args: &Watch) -> Result<Vec<Change>, Told> {
    let mut changes = Vec::new();
    client.query(&args.dir, &Query::default(), |entry| changes.push(created(entry)))?;
    Ok(changes)
}
