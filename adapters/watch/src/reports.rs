//! A tree's changes as reports of what is wanted.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use treenail_share::{Delivered, Delivery, Interrupter, Subscription};
use treenail_tree::live::{Clock, EventKind, Since};
use treenail_tree::{IdKind, Tree};

use crate::error::Error;
use crate::filter::Compiled;
use crate::options::Options;
use crate::predictor::Predictor;
use crate::report::Report;
use crate::watcher::Statistics;

/// Makes reports of what a subscription delivers.
pub(crate) struct Reports {
    subscription: Subscription,
    filter: Compiled,
    ids: Option<IdKind>,
    raw: bool,
    quiet: Duration,
    quiet_max: Duration,
    pending: Option<Pending>,
    /// Reports that are ready.
    ready: VecDeque<Report>,
    predictor: Option<Predictor>,
    statistics: Statistics,
}

/// What waits for a quiet moment.
struct Pending {
    /// Where the next report starts from.
    before: (Clock, Option<Tree>),
    reports: Vec<Report>,
    first: Instant,
    last: Instant,
}

impl Reports {
    pub(crate) fn new(
        root: &Path,
        subscription: Subscription,
        options: &Options,
    ) -> Result<Self, Error> {
        Ok(Self {
            subscription,
            filter: options.filter.compile(root)?,
            ids: options.live.ids,
            raw: options.raw,
            quiet: options.quiet,
            quiet_max: options.quiet_max.unwrap_or(options.quiet * 10),
            pending: None,
            ready: VecDeque::new(),
            predictor: options.predict.then(Predictor::new),
            statistics: Statistics::default(),
        })
    }

    /// The moment up to which everything that is wanted has been given out.
    pub(crate) fn clock(&self) -> Clock {
        let pending = self.pending.as_ref().map(|pending| pending.before.0);
        pending.unwrap_or_else(|| self.subscription.clock())
    }

    pub(crate) fn interrupter(&self) -> Interrupter {
        self.subscription.interrupter()
    }

    /// Whether Git's ignore rules are asked.
    pub(crate) fn has_rules(&self) -> bool {
        self.filter.has_rules()
    }

    /// What was counted, but for what the back end has.
    pub(crate) fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Waits for what comes next; see [`Watcher::next`](crate::Watcher::next).
    pub(crate) fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Report>, Error> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(report) = self.ready.pop_front() {
                return Ok(Some(self.count(report)));
            }
            let now = Instant::now();
            let due = self.pending.as_ref().map(|pending| self.due(pending));
            if due.is_some_and(|due| due <= now) {
                self.settle();
                continue;
            }
            let wait = until.into_iter().chain(due).min();
            let wait = wait.map(|at| at.saturating_duration_since(now));
            let before = (self.subscription.clock(), self.tree_before());
            match self.subscription.next(wait) {
                Ok(Some(delivery)) => self.take(before, delivery),
                Ok(None) => {
                    let now = Instant::now();
                    // Without either it was interrupted.
                    if due.is_some_and(|due| due <= now) && until.is_none_or(|until| until > now) {
                        continue;
                    }
                    return Ok(None);
                }
                // What waits is given out first.
                Err(_) if self.pending.is_some() => self.settle(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The tree that the next delivery starts from, where the filter needs it.
    fn tree_before(&self) -> Option<Tree> {
        if self.filter.is_open() { None } else { self.subscription.tree().cloned() }
    }

    fn due(&self, pending: &Pending) -> Instant {
        (pending.last + self.quiet).min(pending.first + self.quiet_max)
    }

    fn take(&mut self, before: (Clock, Option<Tree>), delivery: Delivery) {
        let report = self.report(before.1.as_ref(), delivery);
        if report.changes.is_empty() && report.gaps.is_empty() && report.fresh.is_none() {
            return;
        }
        if self.quiet.is_zero() {
            self.ready.push_back(report);
            return;
        }
        let now = Instant::now();
        let pending = self.pending.get_or_insert_with(|| Pending {
            before,
            reports: Vec::new(),
            first: now,
            last: now,
        });
        pending.last = now;
        pending.reports.push(report);
    }

    /// Makes ready what waited.
    fn settle(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        if pending.reports.len() == 1 {
            return self.ready.extend(pending.reports);
        }
        let (clock, tree) = pending.before;
        self.subscription.rewind(clock);
        match self.subscription.next(Some(Duration::ZERO)) {
            Ok(Some(delivery)) => {
                let report = self.report(tree.as_ref(), delivery);
                let fresh = pending.reports.iter().find_map(|report| report.fresh);
                let report = Report { fresh: report.fresh.or(fresh), ..report };
                if !report.changes.is_empty() || !report.gaps.is_empty() {
                    self.ready.push_back(report);
                }
            }
            Ok(None) => {}
            // Nobody can sum it up any more.
            Err(_) => self.ready.extend(pending.reports),
        }
    }

    fn report(&mut self, before: Option<&Tree>, delivery: Delivery) -> Report {
        let Delivery { clock, tree, what } = delivery;
        let report = match what {
            Delivered::Batch(batch) => Report {
                clock,
                changes: batch.changes.clone(),
                gaps: batch.gaps.clone(),
                fresh: None,
                tree: Some(tree),
            },
            Delivered::Net { changes, gaps } => {
                Report::of(Since::Net { changes, gaps }, clock, tree, self.ids)
            }
            Delivered::Fresh(fresh) => Report::of(Since::Fresh(fresh), clock, tree, self.ids),
        };
        self.predict(&report);
        let all = report.changes.len();
        let report = report.filtered(&mut self.filter, self.ids, before);
        self.statistics.filtered += all.saturating_sub(report.changes.len()) as u64;
        if self.raw {
            return report;
        }
        let all = report.changes.len();
        let report = report.without_quiet();
        self.statistics.quiet += (all - report.changes.len()) as u64;
        report
    }

    fn count(&mut self, report: Report) -> Report {
        self.statistics.reports += 1;
        self.statistics.changes += report.changes.len() as u64;
        self.statistics.gaps += report.gaps.len() as u64;
        report
    }

    /// Has ids computed of what is likely to be saved next.
    fn predict(&mut self, report: &Report) {
        let (Some(predictor), Some(tree)) = (&mut self.predictor, &report.tree) else { return };
        for change in &report.changes {
            if change.kind == EventKind::Modify && change.class.is_file() {
                predictor.saved(&change.path, tree);
            }
        }
        for path in predictor.take_likely() {
            self.subscription.learn(&path);
        }
    }
}
