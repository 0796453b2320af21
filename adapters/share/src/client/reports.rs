//! What another process makes of a stream of changes for this one.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use treenail_tree::live::{Change, Clock, Gap, Ready};

use super::channel::{Channel, Join};
use super::{torn, unexpected};
use crate::problem::Problem;
use crate::protocol::{Answer, ReportHead, Request};
use crate::subscription::Interrupter;

/// A reader's place in what changes of what it has selected, which the daemon does: what is not
/// wanted does not come here.
pub struct RemoteReports(Channel<Reports>);

/// What changed of what was selected.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The moment, whether it begins anew, and what was left out.
    pub head: ReportHead,
    /// The changes.
    pub changes: Vec<Change>,
    /// What was lost; the changes make up for it.
    pub gaps: Vec<Gap>,
}

impl RemoteReports {
    /// Asks for reports on a connection of its own.
    pub(super) fn begin(stream: UnixStream, request: &Request) -> Result<Self, Problem> {
        Channel::begin(stream, request).map(Self)
    }

    /// How the daemon's tree of the directory began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        self.0.ready()
    }

    /// The moment up to which everything that is wanted has been told.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock()
    }

    /// What ends a [`next`](Self::next) under way from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter::remote(self.0.interruption())
    }

    /// Waits for what comes next, as
    /// [`RemoteSubscription::next`](super::RemoteSubscription::next) does.
    ///
    /// # Errors
    /// As there.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Selected>, Problem> {
        self.0.next(timeout, |selected| selected.head.clock)
    }
}

impl AsFd for RemoteReports {
    /// A descriptor that becomes readable when [`next`](RemoteReports::next) may have something,
    /// after it had nothing.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The parts of a report that is not whole yet.
#[derive(Default)]
struct Reports(Option<Selected>);

impl Join for Reports {
    type Whole = Selected;

    fn join(&mut self, answer: Answer) -> Result<Option<Selected>, Problem> {
        let Answer::Report { last, head, gaps, changes } = answer else {
            return Err(unexpected(answer));
        };
        let (changes, gaps) = match self.0.take() {
            None => (changes, gaps),
            Some(mut before) if before.head == head => {
                before.changes.extend(changes);
                before.gaps.extend(gaps);
                (before.changes, before.gaps)
            }
            Some(_) => return Err(torn()),
        };
        let selected = Selected { head, changes, gaps };
        if last {
            return Ok(Some(selected));
        }
        self.0 = Some(selected);
        Ok(None)
    }
}
