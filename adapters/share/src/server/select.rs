//! Who tells clients of what they have selected.

use std::sync::Arc;
use std::time::Duration;

use treenail_tree::live::Clock;

use crate::client::Selected;
use crate::keeper::Keeper;
use crate::problem::Problem;
use crate::protocol::Selection;
use crate::subscription::{From, Interrupter};

/// Makes reporters. A [`Selection`]'s filters are the business of a crate above this one:
/// `treenail_watch::select` is what a daemon is given.
pub type Select =
    dyn Fn(&Arc<Keeper>, From, &Selection) -> Result<Box<dyn Reporter>, Problem> + Send + Sync;

/// Makes reports of what changes in a tree for one client. It may outlive the keeper, and should
/// not keep it.
pub trait Reporter: Send {
    /// The moment up to which everything that is wanted has been reported.
    fn clock(&self) -> Clock;

    /// What ends a [`next`](Self::next) under way.
    fn interrupter(&self) -> Interrupter;

    /// Waits for what comes next. Returns nothing when it is interrupted, or when the time is over.
    ///
    /// # Errors
    /// Once everything has been reported: why there will be no more.
    fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Selected>, Problem>;
}
