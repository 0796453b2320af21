//! What is printed: results on standard output, for people or as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use treenail_sim::runner::{Failure, Outcome, Plan, Report, Tally};

/// The last lines of a failing run that are shown without `--trace`.
const LINES_SHOWN: usize = 40;

/// Prints for one scenario.
pub(crate) struct Reporter {
    pub(crate) json: bool,
    pub(crate) name: &'static str,
}

impl Reporter {
    /// A seed that failed, what it was boiled down to, and the end of that run's trace.
    pub(crate) fn failure(&self, failure: &Failure, small: &Failure, lines: &[String]) {
        let replay = self.replay(&small.plan);
        if self.json {
            self.print(&json!({"failure": {
                "seed": failure.plan.seed,
                "steps": failure.steps,
                "invariant": small.violation.invariant,
                "detail": small.violation.detail,
                "replay": replay,
            }}));
            return;
        }
        let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        let mut text = String::new();
        if shown.len() < lines.len() {
            text += &format!("  ... {} lines before\n", lines.len() - shown.len());
        }
        for line in shown {
            text += &format!("  {line}\n");
        }
        text += &format!(
            "seed {} failed: {}\n  {}\nreplay: {replay}",
            failure.plan.seed, small.violation.invariant, small.violation.detail
        );
        self.line(&text);
    }

    /// What came of a campaign.
    pub(crate) fn summary(&self, report: &Report, elapsed: Duration) {
        let elapsed_ms = elapsed.as_millis() as u64;
        if self.json {
            self.print(&json!({"summary": {
                "scenario": self.name,
                "seeds": report.runs,
                "events": report.events,
                "failed": report.failure.as_ref().map(|failure| failure.plan.seed),
                "counts": counts(&report.tally),
                "elapsed_ms": elapsed_ms,
            }}));
            return;
        }
        let verdict = if report.failure.is_some() { "failed" } else { "all held" };
        let runs = report.runs;
        self.line(&format!(
            "{}: {runs} seeds, {verdict}; {} events, {elapsed_ms} ms\n{}",
            self.name,
            report.events,
            table(&report.tally)
        ));
    }

    /// The lines of a trace.
    pub(crate) fn trace(&self, lines: &[String]) {
        for line in lines {
            if self.json {
                self.print(&json!({"event": line}));
            } else {
                self.line(line);
            }
        }
    }

    /// What came of one seed.
    pub(crate) fn outcome(&self, plan: &Plan, outcome: &Outcome, elapsed: Duration) {
        let violation = outcome.violation.as_ref();
        if self.json {
            self.print(&json!({"summary": {
                "scenario": self.name,
                "seed": plan.seed,
                "steps": outcome.steps,
                "events": outcome.trace.events(),
                "fingerprint": format!("{:016x}", outcome.trace.fingerprint()),
                "invariant": violation.map(|violation| violation.invariant),
                "detail": violation.map(|violation| &violation.detail),
                "counts": counts(&outcome.tally),
                "elapsed_ms": elapsed.as_millis() as u64,
            }}));
            return;
        }
        let verdict = match violation {
            Some(violation) => format!("failed: {}\n  {}", violation.invariant, violation.detail),
            None => "held".to_owned(),
        };
        let (steps, fingerprint) = (outcome.steps, outcome.trace.fingerprint());
        self.line(&format!(
            "seed {} {verdict}\n{steps} steps, fingerprint {fingerprint:016x}\n{}",
            plan.seed,
            table(&outcome.tally)
        ));
    }

    fn replay(&self, plan: &Plan) -> String {
        format!("cargo run -p treenail-sim -- {} {} --trace", self.name, plan.arguments())
    }

    fn print(&self, value: &Value) {
        self.line(&value.to_string());
    }

    /// A reader that goes away is no error of ours.
    fn line(&self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{}", text.trim_end());
    }
}

fn counts(tally: &Tally) -> Value {
    tally.iter().map(|(what, times)| (what.replace(' ', "_"), json!(times))).collect()
}

fn table(tally: &Tally) -> String {
    tally.iter().map(|(what, times)| format!("  {times:>10} {what}\n")).collect()
}
