//! A place in a stream of changes that another process keeps.

use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use treenail_tree::live::{Batch, Change, Clock, Gap, Net, Ready};

use super::{broken, gone, protocol, receive, send, unexpected};
use crate::problem::Problem;
use crate::protocol::{Answer, Frames, Request};
use crate::ring::Reader;
use crate::subscription::{Delivered, Received};

/// A reader's place in the stream of changes of a directory, kept by the daemon.
///
/// It gets what a [`Subscription`](crate::Subscription) gets: each batch as long as it keeps up,
/// what has changed in sum when it has not. With its [`clock`](Self::clock) another one, also of
/// another daemon, goes on where this one ended.
pub struct RemoteSubscription {
    stream: UnixStream,
    frames: Frames,
    ring: Option<Reader>,
    ready: Ready,
    clock: Clock,
    /// The parts of a delivery that is not whole yet.
    part: Option<Part>,
    /// Whether the daemon waits to hear that the ring is empty.
    owes_room: bool,
    /// Why there is no more, once all is delivered.
    ended: Option<Problem>,
}

/// A delivery of which the last part is missing.
enum Part {
    Batch { gaps: Vec<Gap>, changes: Vec<Change> },
    Net { gaps: Vec<Gap>, changes: Vec<Net> },
}

impl RemoteSubscription {
    /// Asks for changes on a connection of its own.
    pub(super) fn begin(stream: UnixStream, request: Request) -> Result<Self, Problem> {
        send(&stream, &request)?;
        let (ready, clock, ring_bytes) = match receive(&stream)? {
            Answer::Watching { ready, clock, ring_bytes } => (*ready, clock, ring_bytes),
            other => return Err(unexpected(other)),
        };
        let ring = ring_bytes.map(|_| Reader::receive(&stream)).transpose();
        let ring = ring.map_err(|error| broken(&error))?;
        stream.set_nonblocking(true).map_err(|error| broken(&error))?;
        Ok(Self {
            stream,
            frames: Frames::default(),
            ring,
            ready,
            clock,
            part: None,
            owes_room: false,
            ended: None,
        })
    }

    /// How the daemon's tree of the directory began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The moment up to which everything has been delivered.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether changes come through shared memory.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    /// Waits for what comes next, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over.
    ///
    /// # Errors
    /// Once all that came has been delivered: why there will be no more, each time that it is
    /// called. [`Problem::DISCONNECTED`] says that the daemon has gone; another one goes on from
    /// this one's [`clock`](Self::clock).
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Received>, Problem> {
        // A time that the system cannot hold is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.step() {
                Ok(Step::Received(received)) => {
                    self.clock = received.clock;
                    return Ok(Some(received));
                }
                Ok(Step::Again) => {}
                Ok(Step::Nothing) => {
                    if let Some(problem) = &self.ended {
                        return Err(problem.clone());
                    }
                    if until.is_some_and(|until| until <= Instant::now()) {
                        return Ok(None);
                    }
                    self.wait(until)?;
                }
                Err(problem) => {
                    // What is left in the ring cannot be trusted.
                    self.ring = None;
                    self.ended.get_or_insert(problem);
                }
            }
        }
    }

    /// Does what can be done without waiting.
    fn step(&mut self) -> Result<Step, Problem> {
        if let Some(ring) = &mut self.ring {
            let message = ring.pop().map_err(|error| protocol(error.to_string()))?;
            if let Some(message) = message {
                let answer = decode(message)?;
                return self.take(answer);
            }
            if self.owes_room {
                self.owes_room = false;
                send(&self.stream, &Request::Room)?;
            }
            if !ring.sleeps().map_err(|error| protocol(error.to_string()))? {
                return Ok(Step::Again);
            }
        }
        if self.ended.is_some() {
            return Ok(Step::Nothing);
        }
        let answer = match self.frames.next(&mut &self.stream) {
            Ok(Some(message)) => decode(message)?,
            Ok(None) => return Ok(self.end(gone())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Nothing),
            Err(error) => return Ok(self.end(broken(&error))),
        };
        match answer {
            Answer::Wake => Ok(Step::Again),
            Answer::Full if self.ring.is_some() => {
                self.owes_room = true;
                Ok(Step::Again)
            }
            Answer::Problem(problem) => Ok(self.end(problem)),
            answer => self.take(answer),
        }
    }

    /// There is no more but what the ring holds.
    fn end(&mut self, problem: Problem) -> Step {
        self.ended = Some(problem);
        self.owes_room = false;
        Step::Again
    }

    /// Takes a message with changes.
    fn take(&mut self, answer: Answer) -> Result<Step, Problem> {
        let (clock, what) = match (answer, self.part.take()) {
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
                    self.part = Some(Part::Batch { gaps: all_gaps, changes: all });
                    return Ok(Step::Again);
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
                    self.part = Some(Part::Net { gaps: all_gaps, changes: all });
                    return Ok(Step::Again);
                }
                (clock, Delivered::Net { changes: all, gaps: all_gaps })
            }
            (other, _) => return Err(unexpected(other)),
        };
        Ok(Step::Received(Received { clock, what }))
    }

    /// Waits until the daemon says something, at most until then.
    fn wait(&self, until: Option<Instant>) -> Result<(), Problem> {
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Problem::io("cannot wait for the daemon", &error.into())),
        }
    }
}

impl AsFd for RemoteSubscription {
    /// A descriptor that becomes readable when [`next`](RemoteSubscription::next) may have
    /// something, after it had nothing.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// What became of a step.
enum Step {
    Received(Received),
    Again,
    /// There is nothing before the daemon says something.
    Nothing,
}

fn decode(message: &[u8]) -> Result<Answer, Problem> {
    Answer::decode(message).map_err(|malformed| protocol(malformed.to_string()))
}

/// One delivery began before another had ended.
fn torn() -> Problem {
    protocol("the parts of two answers are mixed".to_owned())
}
