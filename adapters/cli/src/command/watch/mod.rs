//! `treenail watch`: what changes in a directory, as it changes.

mod coverage;
#[cfg(feature = "remote")]
pub(super) mod elsewhere;
mod ending;
pub(super) mod follow;
pub(super) mod lines;
mod on_change;
mod polled;
#[cfg(all(unix, feature = "daemon"))]
mod remote;
mod stateless;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use treenail::os::bytes_of;
use treenail::watch::{Options, Statistics, Watcher};

use crate::Outcome;
use crate::args::Watch;
use crate::output::{Failed, Output, shown};
use ending::Ending;
use follow::State;
use lines::{Lines, backend};
use on_change::Runner;
use polled::Polled;
use stateless::Stateless;

/// With a command to run, what belongs together should bring one run.
const DEBOUNCE_MS: u64 = 20;

pub(crate) fn run(args: &Watch, output: &mut Output) -> Result<Outcome, Failed> {
    #[cfg(feature = "remote")]
    if let Some(url) = &args.remote.remote {
        return elsewhere::run(args, url, output);
    }
    if args.coverage {
        return coverage::run(args, output);
    }
    let program = args.on_change.as_deref().map(|line| on_change::words(line, args.shell));
    let program = program.transpose()?;
    // Before there are other threads, which must not be the ones to get the signals.
    let ending = Ending::new(&args.dir)?;
    let started = start(args)?;
    let result = watch(args, &ending, started, program, output);
    ending.wait_if_ending();
    result
}

/// What watches, and where its clocks are kept.
struct Started {
    watcher: Watcher,
    state: State,
    /// The daemon's process, if that watches.
    daemon: Option<u32>,
}

fn start(args: &Watch) -> Result<Started, Failed> {
    let mut state = match args.no_state || has_daemon(args) {
        true => State::none(),
        false => State::of(&args.dir, &args.followed)?,
    };
    // What changed since a clock nobody knows without the state.
    state.may_fail &= args.since.is_none();
    let (watcher, daemon) = open(args, &state)?;
    Ok(Started { watcher, state, daemon })
}

/// Begins to watch; with the daemon's process, if that does.
fn open(args: &Watch, state: &State) -> Result<(Watcher, Option<u32>), Failed> {
    let debounce = args.debounce.unwrap_or(if args.on_change.is_some() { DEBOUNCE_MS } else { 0 });
    let options = follow::options(&args.followed, state).predict(args.predict);
    let options = options.debounce(Duration::from_millis(debounce));
    let options = args.since.map_or(options.clone(), |clock| options.since(clock));
    #[cfg(all(unix, feature = "daemon"))]
    if args.daemon {
        return remote::open(&args.dir, &options);
    }
    Ok((Watcher::start(&args.dir, &options)?, None))
}

#[cfg(all(unix, feature = "daemon"))]
fn has_daemon(args: &Watch) -> bool {
    args.daemon
}

#[cfg(not(all(unix, feature = "daemon")))]
fn has_daemon(_: &Watch) -> bool {
    false
}

fn watch(
    args: &Watch,
    ending: &Ending,
    started: Started,
    program: Option<Vec<String>>,
    output: &mut Output,
) -> Result<Outcome, Failed> {
    ending.interrupts(started.watcher.interrupter());
    let mut stateless = Stateless::new(&started.watcher, &started.state);
    print_ready(&started, &stateless, output)?;
    let mut watcher = started.watcher;
    let mut polled = Polled::new(args.followed.backend);
    polled.tell(&watcher, output)?;
    let runner = program.map(|program| {
        let root = watcher.root().to_owned();
        Runner::start(program, args, output.json(), root, watcher.interrupter())
    });
    let runner = runner.transpose()?;
    if let Some(runner) = &runner {
        ending.ends(runner.job());
    }
    let mut lines = Lines::new(watcher.clock());
    let result = loop {
        if ending.is_near() {
            break Ok(Outcome::Done);
        }
        if let Some(problem) = runner.as_ref().and_then(Runner::failed) {
            break Err(problem.into());
        }
        match watcher.next(None) {
            Ok(Some(report)) => {
                if let Some(runner) = &runner {
                    runner.changed(&report);
                }
                if runner.is_none() || output.json() {
                    let printed =
                        lines.print(&report.into(), output).and_then(|()| output.finish());
                    if let Err(failed) = printed {
                        break Err(failed);
                    }
                }
                let told = polled.tell(&watcher, output);
                if let Err(failed) = told.and_then(|()| stateless.tell(&watcher, output)) {
                    break Err(failed);
                }
            }
            Ok(None) => {}
            Err(error) => break Err(error.into()),
        }
    };
    if !output.json() && !matches!(result, Err(Failed::OutputClosed)) {
        // Lines for people have no clocks.
        output.hint(&format!("clock {}", watcher.clock()));
    }
    if args.stats {
        print_statistics(&watcher.statistics(), output.json());
    }
    let stopped = if ending.is_near() { watcher.leave() } else { watcher.stop() };
    result.and_then(|outcome| stopped.map(|()| outcome).map_err(Failed::from))
}

fn print_ready(
    started: &Started,
    stateless: &Stateless,
    output: &mut Output,
) -> Result<(), Failed> {
    let Started { watcher, state, daemon } = started;
    let (ready, counts) = (watcher.ready(), watcher.counts());
    let ms = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    if output.json() {
        let mut object = json!({
            "clock": watcher.clock().to_string(),
            "backend": backend(ready.rung),
            "files": counts.files,
            "dirs": counts.dirs,
            "symlinks": counts.symlinks,
            "others": counts.others,
            "elapsed_ms": ms(ready.elapsed),
            "armed_ms": ms(ready.armed),
            "resumed": ready.resumed,
        });
        if let Some(lost) = &ready.lost {
            object["lost"] = lost.as_str().into();
        }
        if let Some(why) = stateless.why() {
            object["stateless"] = why.into();
        }
        if let Some(pid) = daemon {
            object["daemon"] = (*pid).into();
        }
        output.json_line(&json!({ "ready": object }))?;
    } else {
        let root = shown(bytes_of(watcher.root().as_os_str())).into_owned();
        let through = daemon.map(|pid| format!(" through the daemon, process {pid}"));
        output.hint(&format!(
            "watching {}{}: {} files, {} directories, by {}, ready in {:.0} ms; clock {}",
            String::from_utf8_lossy(&root),
            through.unwrap_or_default(),
            counts.files,
            counts.dirs,
            ready.rung,
            ms(ready.elapsed),
            watcher.clock(),
        ));
        if let Some(lost) = &ready.lost {
            output.hint(&match daemon {
                Some(_) => format!("the daemon says: {lost}"),
                None => format!("an earlier state could not be used: {lost}"),
            });
        }
        if let Some(why) = stateless.why() {
            output.hint(&stateless::hint(why));
        } else if let Some(dir) = &state.dir {
            output.note(&format!("state in {}", dir.display()));
        }
    }
    output.finish()
}

fn print_statistics(statistics: &Statistics, json: bool) {
    let Statistics { reports, changes, quiet, filtered, gaps, feed } = *statistics;
    let line = if json {
        json!({ "stats": {
            "reports": reports,
            "changes": changes,
            "quiet": quiet,
            "filtered": filtered,
            "gaps": gaps,
            "records": feed.records,
            "outside": feed.outside,
            "events": feed.events,
            "read_bytes": feed.bytes,
            "reads": feed.reads,
            "watched": feed.watched,
            "losses": feed.losses,
        }})
        .to_string()
    } else {
        format!(
            "{changes} changes in {reports} reports, {quiet} more changed nothing, {filtered} were \
             filtered out, {gaps} losses; {} events in {} reads of {} records, {} of them from \
             outside; {} watches",
            feed.events, feed.reads, feed.records, feed.outside, feed.watched
        )
    };
    // When even standard error is closed, nobody wants to know.
    _ = writeln!(io::stderr(), "{line}");
}

/// The options that a run of `since` has in common with one of `watch`.
pub(super) fn options_for_since(args: &crate::args::Since, state: &State) -> Options {
    follow::options(&args.followed, state).since(args.clock)
}
