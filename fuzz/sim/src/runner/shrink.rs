//! Makes a failing plan smaller while it fails.

use super::{Failure, Outcome, Plan, Scenario, run};
use crate::trace::Trace;

/// Runs that a search may take.
const ATTEMPTS_MAX: u32 = 200;

/// Leaves classes of faults out that are not needed for the failure, then steps.
///
/// The result breaks the same rule, at the same seed; not always in the same way.
pub fn shrink(scenario: &dyn Scenario, failure: &Failure) -> Failure {
    let mut search = Search { scenario, best: failure.clone(), attempts: 0 };
    for class in scenario.classes() {
        let mut plan = search.best.plan.clone();
        if !plan.without.iter().any(|without| without == class) {
            plan.without.push(class.to_owned());
            search.attempt(plan);
        }
    }
    search.fewer_steps();
    search.best
}

struct Search<'a> {
    scenario: &'a dyn Scenario,
    best: Failure,
    attempts: u32,
}

impl Search<'_> {
    /// Runs a plan; keeps it if it fails in the same way.
    fn attempt(&mut self, plan: Plan) -> bool {
        if self.attempts == ATTEMPTS_MAX {
            return false;
        }
        self.attempts += 1;
        let Outcome { violation, steps, .. } = run(self.scenario, &plan, Trace::new());
        match violation {
            Some(violation) if violation.invariant == self.best.violation.invariant => {
                self.best = Failure { plan, violation, steps };
                true
            }
            _ => false,
        }
    }

    fn fewer_steps(&mut self) {
        let mut cut = self.best.steps;
        while cut > 0 {
            let steps = self.best.steps.saturating_sub(cut);
            if !self.attempt(Plan { steps: Some(steps), ..self.best.plan.clone() }) {
                cut /= 2;
            }
            cut = cut.min(self.best.steps);
        }
        // Says how many steps there are even if none could be left out.
        let steps = Some(self.best.steps);
        self.attempt(Plan { steps, ..self.best.plan.clone() });
    }
}
