//! The connection that changes flow through, whatever they are told as.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use treenail_tree::live::{Clock, Ready};

use super::{broken, gone, protocol, receive, send, unexpected};
use crate::problem::Problem;
use crate::protocol::{Answer, Frames, Request};
use crate::ring::Reader;

/// Makes deliveries of messages that may be parts of one.
pub(super) trait Join: Default {
    /// What is delivered.
    type Whole;

    /// Takes the next message; nothing if more has to come.
    fn join(&mut self, answer: Answer) -> Result<Option<Self::Whole>, Problem>;
}

/// What comes from the daemon, message by message.
pub(super) struct Channel<J> {
    stream: UnixStream,
    frames: Frames,
    ring: Option<Reader>,
    ready: Ready,
    clock: Clock,
    parts: J,
    /// Whether the daemon waits to hear that the ring is empty.
    owes_room: bool,
    /// Why there is no more, once all is delivered.
    ended: Option<Problem>,
    interruption: Arc<Interruption>,
    /// Readable after an interruption.
    interrupted: UnixStream,
}

impl<J: Join> Channel<J> {
    /// Asks for changes on a connection of its own.
    pub(super) fn begin(stream: UnixStream, request: &Request) -> Result<Self, Problem> {
        send(&stream, request)?;
        let (ready, clock, ring_bytes) = match receive(&stream)? {
            Answer::Watching { ready, clock, ring_bytes } => (*ready, clock, ring_bytes),
            other => return Err(unexpected(other)),
        };
        let ring = ring_bytes.map(|_| Reader::receive(&stream)).transpose();
        let ring = ring.map_err(|error| broken(&error))?;
        stream.set_nonblocking(true).map_err(|error| broken(&error))?;
        let io = |error| Problem::io("cannot make a pipe", &error);
        let (wake, interrupted) = UnixStream::pair().map_err(io)?;
        wake.set_nonblocking(true).map_err(io)?;
        interrupted.set_nonblocking(true).map_err(io)?;
        Ok(Self {
            stream,
            frames: Frames::default(),
            ring,
            ready,
            clock,
            parts: J::default(),
            owes_room: false,
            ended: None,
            interruption: Arc::new(Interruption { wanted: AtomicBool::new(false), wake }),
            interrupted,
        })
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    pub(super) fn interruption(&self) -> Arc<Interruption> {
        self.interruption.clone()
    }

    /// Waits for the next delivery, of which `clock_of` says up to which moment it tells.
    pub(super) fn next(
        &mut self,
        timeout: Option<Duration>,
        clock_of: impl Fn(&J::Whole) -> Clock,
    ) -> Result<Option<J::Whole>, Problem> {
        // A time that the system cannot hold is as good as none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.step() {
                Ok(Step::Received(whole)) => {
                    self.clock = clock_of(&whole);
                    return Ok(Some(whole));
                }
                Ok(Step::Again) => {}
                Ok(Step::Nothing) => {
                    if let Some(problem) = &self.ended {
                        return Err(problem.clone());
                    }
                    let is_over = until.is_some_and(|until| until <= Instant::now());
                    if self.interruption.take() || is_over {
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
    fn step(&mut self) -> Result<Step<J::Whole>, Problem> {
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
    fn end(&mut self, problem: Problem) -> Step<J::Whole> {
        self.ended = Some(problem);
        self.owes_room = false;
        Step::Again
    }

    /// Takes a message with changes.
    fn take(&mut self, answer: Answer) -> Result<Step<J::Whole>, Problem> {
        Ok(self.parts.join(answer)?.map_or(Step::Again, Step::Received))
    }

    /// Waits until the daemon says something or somebody interrupts, at most until then.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Problem> {
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [&self.stream, &self.interrupted].map(|fd| PollFd::new(fd, PollFlags::IN));
        match poll(&mut fds, wait.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Problem::io("cannot wait for the daemon", &error.into())),
        }
        let is_interrupted = !fds[1].revents().is_empty();
        while is_interrupted && self.interrupted.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        Ok(())
    }
}

impl<J> AsFd for Channel<J> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// What became of a step.
enum Step<W> {
    Received(W),
    Again,
    /// There is nothing before the daemon says something.
    Nothing,
}

/// Ends the waiting for a daemon.
pub(crate) struct Interruption {
    wanted: AtomicBool,
    wake: UnixStream,
}

impl Interruption {
    pub(crate) fn interrupt(&self) {
        self.wanted.store(true, Ordering::Release);
        // If there is no room for another byte, it will wake up anyway.
        _ = (&self.wake).write(&[0]);
    }

    /// Whether there was one that has met nobody yet.
    pub(crate) fn take(&self) -> bool {
        self.wanted.swap(false, Ordering::AcqRel)
    }
}

fn decode(message: &[u8]) -> Result<Answer, Problem> {
    Answer::decode(message).map_err(|malformed| protocol(malformed.to_string()))
}
