//! Watching through the daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use treenail_share::client::{Client, RemoteReports, Selected};
use treenail_share::protocol::Selection;
use treenail_share::{From, Interrupter};
use treenail_tree::live::{Clock, Ready};

use crate::error::Error;
use crate::options::Options;
use crate::report::Report;
use crate::watcher::Statistics;

/// The daemon's reports of one directory.
pub(crate) struct Remote {
    client: Arc<Client>,
    root: PathBuf,
    reports: RemoteReports,
    has_rules: bool,
    statistics: Statistics,
}

impl Remote {
    pub(crate) fn new(client: Arc<Client>, root: &Path, options: &Options) -> Result<Self, Error> {
        let cannot = |error| Error::io(root, "cannot open the directory", &error);
        let root = root.canonicalize().map_err(cannot)?;
        let from = options.since.map_or(From::Now, From::Clock);
        let selection = selection(options);
        // Few changes are wanted of many: a ring would cost more memory than it saves time.
        let reports = client.select(&root, from, &selection, false)?;
        let (has_rules, statistics) = (selection.gitignore, Statistics::default());
        Ok(Self { client, root, reports, has_rules, statistics })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn ready(&self) -> &Ready {
        self.reports.ready()
    }

    pub(crate) fn has_rules(&self) -> bool {
        self.has_rules
    }

    pub(crate) fn clock(&self) -> Clock {
        self.reports.clock()
    }

    pub(crate) fn interrupter(&self) -> Interrupter {
        self.reports.interrupter()
    }

    pub(crate) fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Report>, Error> {
        let Some(selected) = self.reports.next(timeout)? else { return Ok(None) };
        let Selected { head, changes, gaps } = selected;
        let counted = &mut self.statistics;
        counted.reports += 1;
        counted.changes += changes.len() as u64;
        counted.gaps += gaps.len() as u64;
        (counted.quiet, counted.filtered) = (head.quiet, head.filtered);
        Ok(Some(Report { clock: head.clock, changes, gaps, fresh: head.fresh, tree: None }))
    }

    pub(crate) fn barrier(&self, timeout: Option<Duration>) -> Result<Clock, Error> {
        Ok(self.client.barrier(&self.root, timeout)?)
    }

    pub(crate) fn recheck(&self) -> Result<(), Error> {
        Ok(self.client.recheck(&self.root)?)
    }

    pub(crate) fn coverage(&self) -> Result<treenail_share::Coverage, Error> {
        Ok(self.client.coverage(&self.root)?)
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let feed = self.client.statistics(&self.root).unwrap_or_default();
        Statistics { feed, ..self.statistics }
    }
}

/// What the daemon is asked for.
fn selection(options: &Options) -> Selection {
    let Options { raw, predict, quiet, quiet_max, .. } = *options;
    Selection { raw, predict, quiet, quiet_max, ..options.filter.selection() }
}
