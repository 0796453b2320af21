//! Runs a scenario over many seeds, and boils a failing one down.

mod panics;
mod shrink;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use self::shrink::shrink;
use crate::rng::Rng;
use crate::trace::Trace;

/// One seed in so many is run twice, to see that it replays.
const REPLAY_EVERY: u64 = 16;

/// How often progress is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Something to run from a seed: machines, what they are asked to do, and what has to hold.
pub trait Scenario: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// The classes of faults that [`Plan::without`] can take away.
    fn classes(&self) -> Vec<&'static str>;

    /// Runs it once. Everything that it does follows from [`Run::rng`].
    ///
    /// # Errors
    /// What did not hold. A panic counts as a violation too.
    fn run(&self, run: &mut Run) -> Result<(), Violation>;
}

/// Something did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub invariant: &'static str,
    /// How it was broken.
    pub detail: String,
}

impl Violation {
    /// A broken rule.
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

/// What to run: a seed, and what to leave out of what would follow from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// Stop after so many steps.
    pub steps: Option<u64>,
    /// Classes of faults that must not happen.
    pub without: Vec<String>,
}

impl Plan {
    /// Everything that follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The arguments that run this plan again.
    pub fn arguments(&self) -> String {
        let mut arguments = format!("--seed {}", self.seed);
        if let Some(steps) = self.steps {
            arguments += &format!(" --steps {steps}");
        }
        if !self.without.is_empty() {
            arguments += &format!(" --without {}", self.without.join(","));
        }
        arguments
    }
}

/// One run: where it takes its chance from and what it reports to.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
    rng: Rng,
    trace: Trace,
    steps: u64,
    tally: Tally,
}

/// How often things happened, by name.
pub type Tally = BTreeMap<&'static str, u64>;

impl Run {
    fn new(plan: Plan, trace: Trace) -> Self {
        let rng = Rng::new(plan.seed);
        Self { plan, rng, trace, steps: 0, tally: Tally::new() }
    }

    /// A stream of chance for the part named `label`.
    pub fn rng(&mut self, label: &str) -> Rng {
        self.rng.fork(label)
    }

    /// Where events are noted.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The plan; its [`without`](Plan::without) is the scenario's to heed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Counts a step of the workload; false once there were `most`, or as many as the plan allows.
    /// What follows then is only checked.
    pub fn step(&mut self, most: u64) -> bool {
        let more = self.steps < self.plan.steps.unwrap_or(most).min(most);
        self.steps += u64::from(more);
        more
    }

    /// Notes that something happened `times` times, for the summary: a run in which nothing
    /// happens proves nothing.
    pub fn count(&mut self, what: &'static str, times: u64) {
        *self.tally.entry(what).or_default() += times;
    }
}

/// What came of one run.
#[derive(Debug)]
pub struct Outcome {
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// The trace, with lines if they were asked for.
    pub trace: Trace,
    /// Steps of the workload.
    pub steps: u64,
    /// What happened.
    pub tally: Tally,
}

/// Runs a plan once.
pub fn run(scenario: &dyn Scenario, plan: &Plan, trace: Trace) -> Outcome {
    let mut run = Run::new(plan.clone(), trace);
    let ended = panics::caught(|| scenario.run(&mut run));
    let violation = match ended {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(violation),
        Err(message) => Some(Violation::new("nothing panics", message)),
    };
    if let Some(violation) = &violation {
        run.trace.event(format_args!("VIOLATED {}: {}", violation.invariant, violation.detail));
    }
    Outcome { violation, trace: run.trace, steps: run.steps, tally: run.tally }
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was run.
    pub plan: Plan,
    /// What did not hold.
    pub violation: Violation,
    /// Steps up to then.
    pub steps: u64,
}

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Report {
    /// How many ran to their end.
    pub runs: u64,
    /// Events of all of them.
    pub events: u64,
    /// What happened in them.
    pub tally: Tally,
    /// The lowest seed that failed.
    pub failure: Option<Failure>,
}

/// How to run many seeds.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How many run at a time.
    pub threads: usize,
    /// End after this, even if seeds are left.
    pub duration_max: Option<Duration>,
    /// Applied to each seed; its own seed means nothing.
    pub plan: Plan,
}

/// Runs many seeds, up to the lowest that fails. `progress` is called now and then with the number
/// of runs so far.
pub fn run_many(
    scenario: &dyn Scenario,
    campaign: &Campaign,
    progress: &(dyn Fn(u64) + Sync),
) -> Report {
    let workers = Workers {
        next: AtomicU64::new(campaign.seeds.start),
        end: AtomicU64::new(campaign.seeds.end),
        ended: AtomicBool::new(false),
        report: Mutex::new(Report::default()),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..campaign.threads.max(1))
            .map(|_| scope.spawn(|| workers.work(scenario, &campaign.plan)))
            .collect();
        let begun = std::time::Instant::now();
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(PROGRESS_EVERY.min(Duration::from_millis(50)));
            if campaign.duration_max.is_some_and(|most| begun.elapsed() >= most) {
                workers.ended.store(true, Ordering::Relaxed);
            }
            progress(workers.report().runs);
        }
    });
    workers.report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

struct Workers {
    next: AtomicU64,
    end: AtomicU64,
    ended: AtomicBool,
    report: Mutex<Report>,
}

impl Workers {
    fn work(&self, scenario: &dyn Scenario, plan: &Plan) {
        while !self.ended.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end.load(Ordering::Relaxed) {
                return;
            }
            let plan = Plan { seed, ..plan.clone() };
            let mut outcome = run(scenario, &plan, Trace::new());
            if seed.is_multiple_of(REPLAY_EVERY) && outcome.violation.is_none() {
                outcome.violation = replays(scenario, &plan, &outcome);
            }
            self.add(plan, outcome);
        }
    }

    fn add(&self, plan: Plan, outcome: Outcome) {
        let mut report = self.report();
        report.runs += 1;
        report.events += outcome.trace.events();
        for (what, times) in outcome.tally {
            *report.tally.entry(what).or_default() += times;
        }
        let Some(violation) = outcome.violation else { return };
        // Lower seeds that are under way or still to come may fail too; higher ones need not run.
        self.end.fetch_min(plan.seed, Ordering::Relaxed);
        if report.failure.as_ref().is_none_or(|failure| plan.seed < failure.plan.seed) {
            report.failure = Some(Failure { plan, violation, steps: outcome.steps });
        }
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a plan goes the same way twice.
fn replays(scenario: &dyn Scenario, plan: &Plan, first: &Outcome) -> Option<Violation> {
    let second = run(scenario, plan, Trace::new());
    let same = second.trace.fingerprint() == first.trace.fingerprint();
    (!same).then(|| Violation::new("one seed is one run", "a second run went another way"))
}

#[cfg(test)]
mod tests {
    use super::{Campaign, Plan, Run, Scenario, Violation, run, run_many, shrink};
    use crate::trace::Trace;

    /// Fails where the step that the seed chooses is reached while "noise" is allowed or not.
    struct Toy {
        needs_noise: bool,
        panics: bool,
    }

    impl Scenario for Toy {
        fn name(&self) -> &'static str {
            "toy"
        }

        fn classes(&self) -> Vec<&'static str> {
            vec!["noise", "heat"]
        }

        fn run(&self, run: &mut Run) -> Result<(), Violation> {
            let bad = run.rng("bad").below(1_000);
            let noisy = !run.plan().without.iter().any(|class| class == "noise");
            let mut at = 0;
            while run.step(100) {
                at += 1;
                run.count("steps", 1);
                run.trace().event(format_args!("step {at}"));
                if at == bad && (noisy || !self.needs_noise) {
                    assert!(!self.panics, "reached {bad}");
                    return Err(Violation::new("below", format!("reached {bad}")));
                }
            }
            Ok(())
        }
    }

    fn campaign() -> Campaign {
        Campaign { seeds: 0..1_000, threads: 2, duration_max: None, plan: Plan::default() }
    }

    #[test]
    fn the_lowest_failing_seed_is_reported_whatever_the_threads_do() {
        let toy = Toy { needs_noise: false, panics: false };
        let first =
            (0..).find(|&seed| run(&toy, &Plan::new(seed), Trace::new()).violation.is_some());
        for threads in 1..4 {
            let report = run_many(&toy, &Campaign { threads, ..campaign() }, &|_| {});
            assert_eq!(report.failure.map(|failure| failure.plan.seed), first);
        }
    }

    #[test]
    fn a_failing_plan_is_boiled_down() {
        let toy = Toy { needs_noise: true, panics: false };
        let failure = run_many(&toy, &campaign(), &|_| {}).failure.unwrap();
        let small = shrink(&toy, &failure);
        assert_eq!(small.plan.steps, Some(failure.steps));
        assert_eq!(small.plan.without, ["heat"], "the noise is needed");
        let arguments = small.plan.arguments();
        assert!(arguments.ends_with(&format!("--steps {} --without heat", failure.steps)));
        assert!(run(&toy, &small.plan, Trace::new()).violation.is_some());
    }

    #[test]
    fn a_panic_is_a_violation_that_says_where() {
        let toy = Toy { needs_noise: false, panics: true };
        let failure = run_many(&toy, &campaign(), &|_| {}).failure.unwrap();
        assert_eq!(failure.violation.invariant, "nothing panics");
        let detail = failure.violation.detail;
        assert!(detail.contains("reached") && detail.contains("runner.rs"), "{detail}");
    }

    #[test]
    fn what_happened_is_counted_over_all_runs() {
        let toy = Toy { needs_noise: true, panics: false };
        let plan = Plan { without: vec!["noise".to_owned()], ..Plan::default() };
        let report = run_many(&toy, &Campaign { plan, ..campaign() }, &|_| {});
        assert!(report.failure.is_none());
        assert_eq!(report.runs, 1_000);
        assert_eq!(report.tally["steps"], 100_000);
    }

    #[test]
    fn a_run_that_does_not_replay_is_found() {
        struct Fickle(std::sync::atomic::AtomicU64);
        impl Scenario for Fickle {
            fn name(&self) -> &'static str {
                "fickle"
            }
            fn classes(&self) -> Vec<&'static str> {
                Vec::new()
            }
            fn run(&self, run: &mut Run) -> Result<(), Violation> {
                let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                run.trace().event(format_args!("{count}"));
                Ok(())
            }
        }
        let failure = run_many(&Fickle(0.into()), &campaign(), &|_| {}).failure.unwrap();
        assert_eq!(failure.violation.invariant, "one seed is one run");
    }
}
