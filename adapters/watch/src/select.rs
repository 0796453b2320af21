//! What a daemon is given so that its clients can select what they want to hear of.

use std::sync::Arc;
use std::time::Duration;

use treenail_share::client::Selected;
use treenail_share::protocol::{ReportHead, Selection};
use treenail_share::server::Reporter;
use treenail_share::{From, Interrupter, Keeper, Problem};
use treenail_tree::live::{self, Clock};

use crate::filter::Filter;
use crate::options::Options;
use crate::reports::Reports;

/// Makes the reports that [`Watcher::connect`](crate::Watcher::connect) asks a daemon for; for
/// [`server::Options::select`](treenail_share::server::Options::select).
///
/// # Errors
/// If a glob is none, or ignore rules cannot be read.
pub fn select(
    keeper: &Arc<Keeper>,
    from: From,
    selection: &Selection,
) -> Result<Box<dyn Reporter>, Problem> {
    let Selection { raw, predict, quiet, quiet_max, .. } = *selection;
    let ids = keeper.tree().id_kinds().next();
    let live = live::Options { ids, ..live::Options::default() };
    let filter = Filter::of_selection(selection);
    let options = Options { filter, raw, predict, quiet, quiet_max, since: None, live };
    let reports = Reports::new(keeper.root(), keeper.subscribe(from), &options)?;
    Ok(Box::new(Selecting(reports)))
}

struct Selecting(Reports);

impl Reporter for Selecting {
    fn clock(&self) -> Clock {
        self.0.clock()
    }

    fn interrupter(&self) -> Interrupter {
        self.0.interrupter()
    }

    fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Selected>, Problem> {
        let Some(report) = self.0.next(timeout)? else { return Ok(None) };
        let counted = self.0.statistics();
        let head = ReportHead {
            clock: report.clock,
            fresh: report.fresh,
            quiet: counted.quiet,
            filtered: counted.filtered,
        };
        Ok(Some(Selected { head, changes: report.changes, gaps: report.gaps }))
    }
}
