//! `watch --remote` and `since --remote`: the changes that a daemon of another machine sees.

use std::path::Path;

use serde_json::json;
use treenail::share::protocol::Query;
use treenail::share::remote::Token;
use treenail::share::remote::client::{Client, Options, Subscription};
use treenail::share::{Delivered, From, Problem as Told, Received};
use treenail::tree::live::{Change, Since as Changed};

use super::lines::{Lines, Told as Report, backend, created};
use crate::Outcome;
use crate::args::{Remote, Since, Watch};
use crate::output::{Failed, Output, Problem};

pub(super) fn run(args: &Watch, url: &str, output: &mut Output) -> Result<Outcome, Failed> {
    let (client, root) = (connect(&args.remote, url)?, name(&args.dir)?);
    let from = args.since.map_or(From::Now, From::Clock);
    let mut changes = client.watch(root, from)?;
    print_ready(url, root, &changes, output)?;
    let mut lines = Lines::new(changes.clock());
    loop {
        let Some(received) = changes.next(None)? else { continue };
        let mut report = Report::received(received, || everything(&client, root))?;
        report.changes.retain(|change| args.followed.raw || !change.quiet);
        lines.print(&report, output)?;
        output.finish()?;
    }
}

/// What changed since a clock.
pub(crate) fn since(args: &Since, url: &str) -> Result<Report, Failed> {
    let (client, root) = (connect(&args.remote, url)?, name(&args.dir)?);
    // What happened until now is to be in it.
    client.barrier(root, Some(crate::command::since::WITHIN))?;
    let (changed, clock) = client.since(root, args.clock)?;
    let what = match changed {
        Changed::Net { changes, gaps } => Delivered::Net { changes, gaps },
        Changed::Fresh(fresh) => Delivered::Fresh(fresh),
    };
    let mut report = Report::received(Received { clock, what }, || everything(&client, root))?;
    report.changes.retain(|change| args.followed.raw || !change.quiet);
    Ok(report)
}

fn connect(args: &Remote, url: &str) -> Result<Client, Failed> {
    // The grammar asks for it.
    let token = args.token_file.as_deref().unwrap_or(Path::new(""));
    let options = Options::new(url, Token::read(token)?);
    let options = args.ca.iter().fold(options, |options, file| options.ca(file));
    Ok(Client::connect(options)?)
}

/// A root's name.
fn name(dir: &Path) -> Result<&str, Failed> {
    let name = dir.to_str().ok_or_else(|| Problem {
        kind: Told::UNKNOWN_ROOT,
        message: "no root has a name that is no text".to_owned(),
        path: None,
        remedy: Some("write a name from the section [remote.roots] of the daemon's configuration"),
    })?;
    Ok(name)
}

fn print_ready(
    url: &str,
    root: &str,
    changes: &Subscription,
    output: &mut Output,
) -> Result<(), Failed> {
    let (ready, clock) = (changes.ready(), changes.clock());
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
            "remote": url,
        }}))?;
    } else {
        output.hint(&format!("watching {root} of {url}, by {}; clock {clock}", ready.rung));
    }
    output.finish()
}

/// All that there is, as if it had just come.
fn everything(client: &Client, root: &str) -> Result<Vec<Change>, Told> {
    let mut changes = Vec::new();
    client.query(root, &Query::default(), |entry| changes.push(created(entry)))?;
    Ok(changes)
}
