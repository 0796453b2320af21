//! Watching a directory.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use treenail_os::feed;
use treenail_share::{Delivered, Delivery, From, Interrupter, Keeper, Subscription};
use treenail_tree::live::{self, Clock, EventKind, Ready, Since};
use treenail_tree::{IdKind, Tree};

use crate::coverage::Coverage;
use crate::error::Error;
use crate::filter::{Compiled, Filter};
use crate::predictor::Predictor;
use crate::report::Report;

/// How to watch a directory. Without further words: every change as soon as it is seen, from now
/// on, nothing stored.
#[derive(Clone, Default, Debug)]
pub struct Options {
    pub(crate) filter: Filter,
    pub(crate) raw: bool,
    quiet: Duration,
    quiet_max: Option<Duration>,
    pub(crate) since: Option<Clock>,
    predict: bool,
    pub(crate) live: live::Options,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which changes are wanted.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Whether to report also what nobody needs to act on: writes that left the content as it was,
    /// other times, ids that became known.
    #[must_use]
    pub fn raw(mut self, raw: bool) -> Self {
        self.raw = raw;
        self
    }

    /// Reports what changed in sum once nothing that is wanted has changed for so long, or after
    /// ten times that in any case; see [`debounce_max`](Self::debounce_max).
    #[must_use]
    pub fn debounce(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// Reports after so long in any case, though it goes on changing.
    #[must_use]
    pub fn debounce_max(mut self, limit: Duration) -> Self {
        self.quiet_max = Some(limit);
        self
    }

    /// Begins with what changed after a clock, which may be one of an earlier process if the
    /// [state](live::Options::state) is kept.
    #[must_use]
    pub fn since(mut self, clock: Clock) -> Self {
        self.since = Some(clock);
        self
    }

    /// Whether to have the ids of files computed that are likely to be saved next; see
    /// [`Predictor`].
    #[must_use]
    pub fn predict(mut self, predict: bool) -> Self {
        self.predict = predict;
        self
    }

    /// How the tree behind it is kept. Without an [exclusion](live::Options::exclude) of its own it
    /// leaves out the directories that the filter leaves out as a whole, which costs them no
    /// watches; [`Filter::exclusion`] tells such trees apart.
    #[must_use]
    pub fn live(mut self, live: live::Options) -> Self {
        self.live = live;
        self
    }

    /// How the tree of a root is kept.
    pub(crate) fn live_at(&self, root: &Path) -> Result<live::Options, Error> {
        let mut live = self.live.clone();
        // A root that is not there is refused by who opens the tree.
        if live.exclude.is_none()
            && let Ok(root) = root.canonicalize()
        {
            live.exclude = self.filter.exclude(&root)?;
        }
        Ok(live)
    }
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Reports given out.
    pub reports: u64,
    /// Changes in them.
    pub changes: u64,
    /// Changes that nobody needs to act on, which were left out.
    pub quiet: u64,
    /// Changes that the filter left out.
    pub filtered: u64,
    /// Losses reported.
    pub gaps: u64,
    /// What the back end has counted.
    pub feed: feed::Statistics,
}

/// Watches a directory: [`next`](Self::next), or the iterator, gives what changed.
///
/// Whoever does not ask for a while loses nothing: the next report says what changed in sum.
///
/// ```
/// use treenail_watch::{Filter, Options, Watcher};
///
/// let dir = tempfile::tempdir()?;
/// let options = Options::new().filter(Filter::new().glob("*.txt"));
/// let mut watcher = Watcher::start(dir.path(), &options)?;
/// std::fs::write(dir.path().join("note.txt"), "text")?;
/// let report = watcher.next(None)?.expect("without a limit, it waits for a change");
/// assert_eq!(&*report.changes[0].path, b"note.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Watcher {
    keeper: Arc<Keeper>,
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

impl Watcher {
    /// Watches a directory from now on, or from [`Options::since`] on.
    ///
    /// # Errors
    /// If the root is no directory or cannot be listed, its state is held by another process, a
    /// glob is none, or ignore rules cannot be read.
    pub fn start(root: &Path, options: &Options) -> Result<Self, Error> {
        // Mistakes in the filter are told before the tree is looked at.
        options.filter.clone().gitignore(false).compile(root)?;
        let keeper = Keeper::start(root, &options.live_at(root)?)?;
        Self::with_keeper(Arc::new(keeper), options)
    }

    /// Watches what is kept already, perhaps for others too; [`Options::live`] counts for its ids
    /// alone.
    ///
    /// # Errors
    /// If a glob is none, or ignore rules cannot be read.
    pub fn with_keeper(keeper: Arc<Keeper>, options: &Options) -> Result<Self, Error> {
        let filter = options.filter.compile(keeper.root())?;
        let subscription = keeper.subscribe(options.since.map_or(From::Now, From::Clock));
        Ok(Self {
            keeper,
            subscription,
            filter,
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

    /// Who keeps the tree, to ask it more.
    #[must_use]
    pub fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// How watching began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        self.keeper.ready()
    }

    /// The moment up to which everything that is wanted has been given out: with it another
    /// watcher, also in a later process, goes on where this one ended.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let pending = self.pending.as_ref().map(|pending| pending.before.0);
        pending.unwrap_or_else(|| self.subscription.clock())
    }

    /// What ends a [`next`](Self::next) under way from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        self.subscription.interrupter()
    }

    /// Waits for what comes next, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over, or it is interrupted; what waits for a quiet moment is not lost by that.
    ///
    /// # Errors
    /// Once everything has been given out: why there will be no more, each time that it is called.
    ///
    /// # Panics
    /// In a callback of the keeper, which would wait for itself.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Report>, Error> {
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

    /// Has everything compared with the directory, and waits for it: this finds what no back end
    /// reports, such as stores through a memory mapping. What it finds is reported as ever.
    ///
    /// # Errors
    /// If that takes longer than `timeout` (`None`: for ever), or the tree fails.
    pub fn recheck(&self, timeout: Option<Duration>) -> Result<Clock, Error> {
        self.keeper.recheck();
        Ok(self.keeper.barrier(timeout)?)
    }

    /// What is watched how, and what no back end sees.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    pub fn coverage(&self) -> Result<Coverage, Error> {
        Ok(Coverage::new(self.keeper.root(), self.keeper.coverage()?))
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        // Of a keeper that has ended, the back end's numbers are gone with it.
        let feed = self.keeper.statistics().unwrap_or_default();
        Statistics { feed, ..self.statistics }
    }

    /// Ends it. If nobody else uses the keeper, that ends too, with everything stored so that the
    /// next start knows that nothing is missing.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn stop(self) -> Result<(), Error> {
        let Self { keeper, subscription, .. } = self;
        drop(subscription);
        Arc::into_inner(keeper).map_or(Ok(()), |keeper| Ok(keeper.stop()?))
    }

    /// Ends it as fast as may be: what was given out is there at the next start, unless the machine
    /// loses power.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn leave(self) -> Result<(), Error> {
        let Self { keeper, subscription, .. } = self;
        drop(subscription);
        Arc::into_inner(keeper).map_or(Ok(()), |keeper| Ok(keeper.leave()?))
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
                tree,
            },
            Delivered::Net { changes, gaps } => {
                Report::of(Since::Net { changes, gaps }, clock, tree, self.ids)
            }
            Delivered::Fresh(fresh) => Report::of(Since::Fresh(fresh), clock, tree, self.ids),
        };
        if let Some(predictor) = &mut self.predictor {
            predict(predictor, &self.keeper, &report);
        }
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
}

impl Iterator for Watcher {
    type Item = Result<Report, Error>;

    /// Waits for what comes next; ends when it is [interrupted](Watcher::interrupter).
    fn next(&mut self) -> Option<Result<Report, Error>> {
        self.next(None).transpose()
    }
}

fn predict(predictor: &mut Predictor, keeper: &Keeper, report: &Report) {
    for change in &report.changes {
        if change.kind == EventKind::Modify && change.class.is_file() {
            predictor.saved(&change.path, &report.tree);
        }
    }
    for path in predictor.take_likely() {
        keeper.learn(&path);
    }
}
