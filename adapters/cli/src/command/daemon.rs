//! `treenail daemon`: one live tree for several processes.

use std::env;
use std::io::{Write, stderr};
use std::path::absolute;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, json};
use treenail::os::before_termination;
use treenail::os::bytes_of;
use treenail::share::client::{self, Client};
use treenail::share::server::{self, Options, Server};
use treenail::share::{Place, Problem as Told};

use crate::Outcome;
use crate::args::Daemon;
use crate::output::{Failed, Output, Problem, insert_path, shown};

pub(crate) fn run(args: &Daemon, output: &mut Output) -> Result<Outcome, Failed> {
    match args {
        Daemon { status: true, .. } => status(output),
        Daemon { stop: true, .. } => stop(output),
        Daemon { foreground: true, .. } => serve(args, output),
        _ => start(args, output),
    }
}

/// Starts a copy of this program that goes on alone.
fn start(args: &Daemon, output: &mut Output) -> Result<Outcome, Failed> {
    let place = Place::of_user();
    match Client::connect_at(&place) {
        Ok(client) => return runs_already(args, &client, output),
        Err(problem) if problem.kind == Told::NOT_RUNNING => {}
        Err(problem) => return Err(problem.into()),
    }
    let program = env::current_exe().map_err(|error| {
        let message = format!("cannot tell which program this is: {error}");
        Problem { kind: "io", message, path: None, remedy: Some("use --foreground") }
    })?;
    let mut command = Command::new(program);
    command.args(["daemon", "--foreground", "--detached"]);
    if let Some(config) = &args.config {
        let path = absolute(config).map_err(|error| Problem::io(config, &error))?;
        command.arg("--config").arg(path);
    }
    if let Some(idle) = args.idle {
        command.args(["--idle", &idle.to_string()]);
    }
    if let Err(problem) = client::start(&place, &mut command) {
        // Another one may have been quicker.
        let Ok(client) = Client::connect_at(&place) else { return Err(problem.into()) };
        return runs_already(args, &client, output);
    }
    output.note(&format!("a daemon listens at {}", place.socket().display()));
    Ok(Outcome::Done)
}

/// A daemon is there; but it may be another than the one that is asked for.
fn runs_already(args: &Daemon, client: &Client, output: &Output) -> Result<Outcome, Failed> {
    let message = format!("a daemon runs already, process {}", client.welcome().pid);
    if args.config.is_some() || args.idle.is_some() {
        let remedy = "end it with `treenail daemon --stop`, and start it anew with --config or \
                      --idle";
        return Err(Told::new(Told::RUNNING, message).remedy(remedy).into());
    }
    output.note(&message);
    Ok(Outcome::Done)
}

/// Is the daemon.
fn serve(args: &Daemon, output: &Output) -> Result<Outcome, Failed> {
    let io = |doing: &str, error: std::io::Error| Told::io(doing, &error);
    if args.detached {
        server::leave_session().map_err(|error| io("cannot leave the session", error))?;
    }
    let (json, quiet) = (output.json(), output.quiet());
    let log = move |line: &str| {
        let line = if json { json!({ "log": line }).to_string() } else { line.to_owned() };
        if !quiet {
            // Nobody may be reading.
            _ = writeln!(stderr(), "{line}");
        }
    };
    #[cfg(feature = "watch")]
    let select: Option<Box<server::Select>> = Some(Box::new(treenail::watch::select));
    #[cfg(not(feature = "watch"))]
    let select = None;
    let mut options = Options { log: Box::new(log), select, ..Options::of_user() };
    if let Some(config) = &args.config {
        let path = absolute(config).map_err(|error| Problem::io(config, &error))?;
        (options.config_file, options.config_must_be) = (Some(path), true);
    }
    let idle = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
    options.idle = args.idle.map(idle);
    let server = Server::bind(options)?;
    let stopper = server.stopper();
    before_termination(move || stopper.stop_and_wait())
        .map_err(|error| io("cannot wait for signals", error))?;
    if args.detached {
        server::say_ready().map_err(|error| io("cannot tell that it is ready", error))?;
    }
    server.run()?;
    Ok(Outcome::Done)
}

fn stop(output: &Output) -> Result<Outcome, Failed> {
    let Some(client) = connect()? else {
        output.note("no daemon runs");
        return Ok(Outcome::No);
    };
    let pid = client.welcome().pid;
    client.stop()?;
    output.note(&format!("the daemon, process {pid}, has ended"));
    Ok(Outcome::Done)
}

fn status(output: &mut Output) -> Result<Outcome, Failed> {
    let place = Place::of_user();
    let Some(client) = connect()? else {
        match output.json() {
            true => output.json_line(&json!({ "summary": { "running": false } }))?,
            false => output.write(b"no daemon runs\n")?,
        }
        return Ok(Outcome::No);
    };
    let (roots, welcome) = (client.roots()?, client.welcome());
    for root in &roots {
        let path = bytes_of(root.root.as_os_str());
        if output.json() {
            let mut line = Map::new();
            insert_path(&mut line, "path", path);
            line.insert("clock".into(), root.clock.to_string().into());
            line.insert("backend".into(), root.rung.to_string().into());
            line.insert("files".into(), root.counts.files.into());
            line.insert("dirs".into(), root.counts.dirs.into());
            line.insert("clients".into(), root.users.into());
            line.insert("stays".into(), root.stays.into());
            if let Some(why) = &root.stateless {
                line.insert("stateless".into(), why.as_str().into());
            }
            output.json_line(&line.into())?;
        } else {
            let mut text = shown(path).into_owned();
            let stays = if root.stays { ", stays" } else { "" };
            let rest = format!(
                "\n  {} files, {} directories, by {}\n  clients {}{stays}\n  clock {}\n",
                root.counts.files, root.counts.dirs, root.rung, root.users, root.clock
            );
            text.extend_from_slice(rest.as_bytes());
            if let Some(why) = &root.stateless {
                text.extend_from_slice(format!("  {why}\n").as_bytes());
            }
            output.write(&text)?;
        }
    }
    // This command's own connection is none that matters.
    let clients = welcome.clients.saturating_sub(1);
    if output.json() {
        let mut summary = Map::new();
        summary.insert("running".into(), true.into());
        summary.insert("pid".into(), welcome.pid.into());
        summary.insert("uptime_ms".into(), (welcome.uptime.as_millis() as u64).into());
        summary.insert("clients".into(), clients.into());
        summary.insert("roots".into(), roots.len().into());
        insert_path(&mut summary, "socket", bytes_of(place.socket().as_os_str()));
        output.json_line(&json!({ "summary": summary }))?;
    } else {
        let text = format!(
            "process {}, for {} s, connections {clients}, roots {}\n",
            welcome.pid,
            welcome.uptime.as_secs(),
            roots.len()
        );
        output.write(text.as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// Connects to the daemon, if one runs.
fn connect() -> Result<Option<Client>, Told> {
    match Client::connect() {
        Ok(client) => Ok(Some(client)),
        Err(problem) if problem.kind == Told::NOT_RUNNING => Ok(None),
        Err(problem) => Err(problem),
    }
}
