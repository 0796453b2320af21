//! A place in a stream of changes that another process keeps.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use treenail_tree::live::{Batch, Change, Clock, Gap, Net, Ready};

use super::channel::{Channel, Join};
use super::{torn, unexpected};
use crate::problem::Problem;
use crate::protocol::{Answer, Request};
use crate::subscription::{Delivered, Interrupter, Received};

/// A reader's place in the stream of changes of a directory, kept by the daemon.
///
/// It gets what a [`Subscription`](crate::Subscription) gets: each batch as long as it keeps up,
/// what has changed in sum when it has not. With its [`clock`](Self::clock) another one, also of
/// another daemon, goes on where this one ended.
pub struct RemoteSubscription(Channel<Deliveries>);

impl RemoteSubscription {
    /// Asks for changes on a connection of its own.
    pub(super) fn begin(stream: UnixStream, request: &Request) -> Result<Self, Problem> {
        Channel::begin(stream, request).map(Self)
    }

    /// How the daemon's tree of the directory began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        self.0.ready()
    }

    /// The moment up to which everything has been delivered.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock()
    }

    /// Whether changes come through shared memory.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.0.has_ring()
    }

    /// What ends a [`next`](Self::next) under way from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter::remote(self.0.interruption())
    }

    /// Waits for what comes next, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over, or it is interrupted.
    ///
    /// # Errors
    /// Once all that came has been delivered: why there will be no more, each time that it is
    /// called. [`Problem::DISCONNECTED`] says that the daemon has gone; another one goes on from
    /// this one's [`clock`](Self::clock).
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Received>, Problem> {
        self.0.next(timeout, |received| received.clock)
    }
}

impl AsFd for RemoteSubscription {
    /// A descriptor that becomes readable when [`next`](RemoteSubscription::next) may have
    /// something, after it had nothing.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The parts of a delivery that is not whole yet.
#[derive(Default)]
struct Deliveries(Option<Part>);

enum Part {
    Batch { gaps: Vec<Gap>, changes: Vec<Change> },
    Net { gaps: Vec<Gap>, changes: Vec<Net> },
}

impl Join for Deliveries {
    type Whole = Received;

    fn join(&mut self, answer: Answer) -> Result<Option<Received>, Problem> {
        let (clock, what) = match (answer, self.0.take()) {
            (Answer::Fresh { clock, reason }, None) => (clock, Delivered::Fresh(reason)),
            (Answer::Batch { clock, last, gaps, changes }, before) => {
                let (mut all_gaps, mut all) = match before {
                    None => (Vec::new(), Vec::new()),
                    Some(Part::Batch { gaps, changes }) => (gaps, changes),
                    Some(Part::Net { .. }) => return Err(torn()),
                };
                all_gaps.extend(gaps);
                all.extend(changes);
                if !last {
                    self.0 = Some(Part::Batch { gaps: all_gaps, changes: all });
                    return Ok(None);
                }
                let batch = Batch { tick: clock.tick, changes: all, gaps: all_gaps };
                (clock, Delivered::Batch(Arc::new(batch)))
            }
            (Answer::Net { clock, last, gaps, changes }, before) => {
                let (mut all_gaps, mut all) = match before {
                    None => (Vec::new(), Vec::new()),
                    Some(Part::Net { gaps, changes }) => (gaps, changes),
                    Some(Part::Batch { .. }) => return Err(torn()),
                };
                all_gaps.extend(gaps);
                all.extend(changes);
                if !last {
                    self.0 = Some(Part::Net { gaps: all_gaps, changes: all });
                    return Ok(None);
                }
                (clock, Delivered::Net { changes: all, gaps: all_gaps })
            }
            (other, _) => return Err(unexpected(other)),
        };
        Ok(Some(Received { clock, what }))
    }
}
