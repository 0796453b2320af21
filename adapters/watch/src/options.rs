//! How to watch.

use std::path::Path;
use std::time::Duration;

use treenail_tree::live::{self, Clock};

use crate::error::Error;
use crate::filter::Filter;

/// How to watch a directory. Without further words: every change as soon as it is seen, from now
/// on, nothing stored.
#[derive(Clone, Default, Debug)]
pub struct Options {
    pub(crate) filter: Filter,
    pub(crate) raw: bool,
    pub(crate) quiet: Duration,
    pub(crate) quiet_max: Option<Duration>,
    pub(crate) since: Option<Clock>,
    pub(crate) predict: bool,
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
    /// [`Predictor`](crate::Predictor).
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
