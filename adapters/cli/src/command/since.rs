//! `treenail since`: what changed in a directory since a clock.

use std::time::{Duration, Instant};

use serde_json::json;
use treenail::watch::since;

use super::watch::follow::State;
use super::watch::lines::{Lines, Told};
use super::watch::options_for_since;
use crate::Outcome;
use crate::args::Since;
use crate::output::{Failed, Output};

/// A directory in which no moment is quiet is told so far.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &Since, output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    #[cfg(feature = "remote")]
    if let Some(url) = &args.remote.remote {
        let report = super::watch::elsewhere::since(args, url)?;
        return print(args, &report, begun, output);
    }
    let state = State::of(&args.dir, &args.followed)?;
    if let Some(why) = state.missing {
        output.hint(&format!("the clock says nothing: {why}"));
    }
    let report = Told::from(since(&args.dir, &options_for_since(args, &state), Some(WITHIN))?);
    print(args, &report, begun, output)
}

fn print(
    args: &Since,
    report: &Told,
    begun: Instant,
    output: &mut Output,
) -> Result<Outcome, Failed> {
    Lines::new(args.clock).print(report, output)?;
    let clock = report.clock.to_string();
    if output.json() {
        output.json_line(&json!({ "summary": {
            "clock": clock,
            "changes": report.changes.len(),
            "gaps": report.gaps.len(),
            "fresh": report.fresh.is_some(),
            "elapsed_ms": (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        }}))?;
    } else {
        output.write(format!("clock {clock}\n").as_bytes())?;
    }
    Ok(if report.changes.is_empty() && report.gaps.is_empty() {
        Outcome::No
    } else {
        Outcome::Done
    })
}
