//! `treenail-sim SCENARIO`: runs a scenario over many seeds, or one seed with its trace.

mod args;
mod report;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use args::{Command, Request};
use report::Reporter;
use treenail_sim::runner::{Campaign, Failure, Outcome, Scenario, run, run_many, shrink};
use treenail_sim::scenarios;
use treenail_sim::trace::Trace;

fn main() -> ExitCode {
    let scenarios = scenarios::all();
    match args::parse(std::env::args().skip(1), &scenarios) {
        Ok(Command::Help) => {
            print!("{}", args::help(&scenarios));
            ExitCode::SUCCESS
        }
        Ok(Command::Run(request)) => {
            let held = start(&*scenarios[request.scenario], &request);
            if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("treenail-sim: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs what was asked for; true if everything held.
fn start(scenario: &dyn Scenario, request: &Request) -> bool {
    let reporter = Reporter { json: request.json, name: scenario.name() };
    if request.trace {
        return trace_one(scenario, request, &reporter);
    }
    let begun = Instant::now();
    let shown = AtomicU64::new(0);
    let campaign = Campaign {
        seeds: request.seeds.clone(),
        threads: request.threads,
        duration_max: request.duration_max,
        plan: request.plan.clone(),
    };
    let mut report = run_many(scenario, &campaign, &|runs| {
        let second = begun.elapsed().as_secs();
        if request.progress && shown.swap(second, Ordering::Relaxed) < second {
            eprintln!("{}: {runs} seeds in {second} s", scenario.name());
        }
    });
    if let Some(failure) = report.failure.take() {
        let small = if request.shrink { shrink(scenario, &failure) } else { failure.clone() };
        let lines = recorded(scenario, &small).trace.lines();
        reporter.failure(&failure, &small, &lines);
        report.failure = Some(failure);
    }
    reporter.summary(&report, begun.elapsed());
    report.failure.is_none()
}

/// Runs one seed and shows all of its trace.
fn trace_one(scenario: &dyn Scenario, request: &Request, reporter: &Reporter) -> bool {
    let begun = Instant::now();
    let outcome = run(scenario, &request.plan, Trace::recording());
    reporter.trace(&outcome.trace.lines());
    reporter.outcome(&request.plan, &outcome, begun.elapsed());
    outcome.violation.is_none()
}

fn recorded(scenario: &dyn Scenario, failure: &Failure) -> Outcome {
    run(scenario, &failure.plan, Trace::recording())
}
