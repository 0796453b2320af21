//! Asking the daemon of this user.
//!
//! ```no_run
//! use treenail_share::client::Client;
//! use treenail_share::{Delivered, From};
//!
//! let client = Client::connect()?;
//! let mut changes = client.watch("/srv/site".as_ref(), From::Now)?;
//! while let Some(delivery) = changes.next(None)? {
//!     if let Delivered::Batch(batch) = delivery.what {
//!         println!("{} changes", batch.changes.len());
//!     }
//! }
//! # Ok::<(), treenail_share::Problem>(())
//! ```

mod channel;
mod reports;
mod start;
mod subscription;

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, absolute};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use treenail_os::bytes_of;
use treenail_os::feed::Statistics;
use treenail_tree::live::{Clock, Since};

use crate::keeper::Coverage;
use crate::place::{DIES_WITHIN, Place};
use crate::problem::Problem;
use crate::protocol::{
    Answer, CoverageItem, Entry, Query, Request, RootStatus, Selection, Welcome, read_message,
    write_message,
};
use crate::subscription::From;

pub use crate::subscription::Received;
pub(crate) use channel::Interruption;
pub use reports::{RemoteReports, Selected};
pub use start::{READY_LINE, start};
pub use subscription::RemoteSubscription;

/// A connection to the daemon. Several threads may ask through it, one at a time; each subscription
/// has a connection of its own.
pub struct Client {
    place: Place,
    stream: Mutex<UnixStream>,
    welcome: Welcome,
}

impl Client {
    /// Connects to this user's daemon.
    ///
    /// # Errors
    /// [`Problem::NOT_RUNNING`] if none runs; [`Problem::FOREIGN`] if what runs there is another
    /// user's; [`Problem::PROTOCOL`] if it is of another version; [`Problem::LIMIT`] if it serves
    /// as many clients as it may.
    pub fn connect() -> Result<Self, Problem> {
        Self::connect_at(&Place::of_user())
    }

    /// Connects to the daemon of a place.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_at(place: &Place) -> Result<Self, Problem> {
        let (stream, welcome) = greet(place)?;
        Ok(Self { place: place.clone(), stream: Mutex::new(stream), welcome })
    }

    /// Connects to this user's daemon; if none runs, starts one first, with `program`, the binary
    /// `treenail`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); or if the daemon does not start.
    pub fn connect_or_start(program: &Path) -> Result<Self, Problem> {
        match Self::connect() {
            Err(problem) if problem.kind == Problem::NOT_RUNNING => {
                start::through(program)?;
                Self::connect()
            }
            connected => connected,
        }
    }

    /// What the daemon said of itself when this client connected.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks for the changes of a directory. They come through shared memory if the daemon has some
    /// to give.
    ///
    /// # Errors
    /// If the directory cannot be watched; otherwise as [`connect`](Self::connect).
    pub fn watch(&self, root: &Path, from: From) -> Result<RemoteSubscription, Problem> {
        self.watch_through(root, from, true)
    }

    /// The same, with the choice whether shared memory is asked for: without it changes come
    /// through the socket, which takes less memory and, when many come at once, more time.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_through(
        &self,
        root: &Path,
        from: From,
        ring: bool,
    ) -> Result<RemoteSubscription, Problem> {
        let (stream, _) = greet(&self.place)?;
        let (root, from) = (named(root)?, from.clock());
        RemoteSubscription::begin(stream, &Request::Watch { root, from, ring })
    }

    /// Asks for those changes of a directory that are wanted, with the same choice.
    ///
    /// # Errors
    /// If a glob is none; otherwise as [`watch`](Self::watch).
    pub fn select(
        &self,
        root: &Path,
        from: From,
        selection: &Selection,
        ring: bool,
    ) -> Result<RemoteReports, Problem> {
        let (stream, _) = greet(&self.place)?;
        let (root, from, selection) = (named(root)?, from.clock(), selection.clone());
        RemoteReports::begin(stream, &Request::Select { root, from, ring, selection })
    }

    /// What changed after `clock`, as far as it is known, and the moment until which this says it.
    /// A directory that is not watched yet is so from now on, here and below.
    ///
    /// # Errors
    /// If the directory cannot be watched, or the daemon has gone; so too below.
    pub fn since(&self, root: &Path, clock: Clock) -> Result<(Since, Clock), Problem> {
        let mut all = (Vec::new(), Vec::new());
        self.ask(&Request::Since { root: named(root)?, clock }, |answer| match answer {
            Answer::Net { clock, last, gaps, changes } => {
                all.0.extend(gaps);
                all.1.extend(changes);
                if !last {
                    return Ok(More::Expected);
                }
                let (gaps, changes) = std::mem::take(&mut all);
                Ok(More::End((Since::Net { changes, gaps }, clock)))
            }
            Answer::Fresh { clock, reason } => Ok(More::End((Since::Fresh(reason), clock))),
            other => Err(unexpected(other)),
        })
    }

    /// Waits until everything that happened before this call is known, and returns the clock of
    /// that moment.
    ///
    /// # Errors
    /// If that takes longer than `timeout` (`None`: for ever); otherwise as [`since`](Self::since).
    pub fn barrier(&self, root: &Path, timeout: Option<Duration>) -> Result<Clock, Problem> {
        let timeout_ms =
            timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self.ask(&Request::Barrier { root: named(root)?, timeout_ms }, |answer| match answer {
            Answer::Clock(clock) => Ok(More::End(clock)),
            other => Err(unexpected(other)),
        })
    }

    /// What is at a path relative to the root; the empty path is the root itself.
    ///
    /// # Errors
    /// As [`since`](Self::since).
    pub fn lookup(&self, root: &Path, path: &[u8]) -> Result<Option<Entry>, Problem> {
        let request = Request::Lookup { root: named(root)?, path: path.to_vec() };
        self.ask(&request, |answer| match answer {
            Answer::Entry(entry) => Ok(More::End(entry)),
            other => Err(unexpected(other)),
        })
    }

    /// Has `each` called with the entries that a query asks for, all as they were at the moment
    /// that is returned.
    ///
    /// # Errors
    /// If a glob is malformed; otherwise as [`since`](Self::since).
    pub fn query(
        &self,
        root: &Path,
        query: &Query,
        mut each: impl FnMut(Entry),
    ) -> Result<Clock, Problem> {
        let request = Request::Query { root: named(root)?, query: query.clone() };
        self.ask(&request, |answer| match answer {
            Answer::Page { clock, last, entries } => {
                entries.into_iter().for_each(&mut each);
                Ok(if last { More::End(clock) } else { More::Expected })
            }
            other => Err(unexpected(other)),
        })
    }

    /// What sees the changes of which part of the tree, and what nothing sees.
    ///
    /// # Errors
    /// As [`since`](Self::since).
    pub fn coverage(&self, root: &Path) -> Result<Coverage, Problem> {
        let mut all = Coverage {
            mounts: Vec::new(),
            polled: Vec::new(),
            unlisted: Vec::new(),
            linked_elsewhere: Vec::new(),
        };
        let request = Request::Coverage { root: named(root)? };
        self.ask(&request, |answer| match answer {
            Answer::Coverage { last, items } => {
                for item in items {
                    match item {
                        CoverageItem::Mount(mount) => all.mounts.push(mount),
                        CoverageItem::Polled(polled) => all.polled.push(polled),
                        CoverageItem::Unlisted(path, why) => all.unlisted.push((path, why)),
                        CoverageItem::LinkedElsewhere(path) => all.linked_elsewhere.push(path),
                    }
                }
                Ok(if last { More::End(()) } else { More::Expected })
            }
            other => Err(unexpected(other)),
        })?;
        Ok(all)
    }

    /// What the root's feed has counted.
    ///
    /// # Errors
    /// As [`since`](Self::since).
    pub fn statistics(&self, root: &Path) -> Result<Statistics, Problem> {
        self.ask(&Request::Statistics { root: named(root)? }, |answer| match answer {
            Answer::Statistics(statistics) => Ok(More::End(statistics)),
            other => Err(unexpected(other)),
        })
    }

    /// The roots that are watched.
    ///
    /// # Errors
    /// If the daemon has gone.
    pub fn roots(&self) -> Result<Vec<RootStatus>, Problem> {
        let mut all = Vec::new();
        self.ask(&Request::Roots, |answer| match answer {
            Answer::Roots { last, roots } => {
                all.extend(roots);
                Ok(if last { More::End(()) } else { More::Expected })
            }
            other => Err(unexpected(other)),
        })?;
        Ok(all)
    }

    /// Has the id of a file computed if it is not known, so that its next change can be told from a
    /// rewrite of the same content.
    ///
    /// # Errors
    /// As [`since`](Self::since).
    pub fn learn(&self, root: &Path, path: &[u8]) -> Result<(), Problem> {
        self.have_done(&Request::Learn { root: named(root)?, path: path.to_vec() })
    }

    /// Has everything compared with the directory, for those changes that no back end reports.
    ///
    /// # Errors
    /// As [`since`](Self::since).
    pub fn recheck(&self, root: &Path) -> Result<(), Problem> {
        self.have_done(&Request::Recheck { root: named(root)? })
    }

    /// Ends the daemon, for all its clients, and waits until all that it knows is stored.
    ///
    /// # Errors
    /// If the daemon has gone already.
    pub fn stop(self) -> Result<(), Problem> {
        self.have_done(&Request::Stop)?;
        // It says no more, and closes the connection in the end.
        while read_message(&mut &*self.lock()).is_ok_and(|message| message.is_some()) {}
        Ok(())
    }

    fn have_done(&self, request: &Request) -> Result<(), Problem> {
        self.ask(request, |answer| match answer {
            Answer::Done => Ok(More::End(())),
            other => Err(unexpected(other)),
        })
    }

    /// Asks, and hands each part of the answer to `take` until it has the last.
    fn ask<T>(
        &self,
        request: &Request,
        mut take: impl FnMut(Answer) -> Result<More<T>, Problem>,
    ) -> Result<T, Problem> {
        let stream = self.lock();
        send(&stream, request)?;
        loop {
            if let More::End(all) = take(receive(&stream)?)? {
                return Ok(all);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an answer goes on.
enum More<T> {
    Expected,
    End(T),
}

/// Connects and says hello. What takes the connection and answers nothing is about to be gone, and
/// perhaps to be followed by another one.
fn greet(place: &Place) -> Result<(UnixStream, Welcome), Problem> {
    let begun = Instant::now();
    loop {
        match greet_once(place) {
            Err(problem)
                if problem.kind == Problem::DISCONNECTED && begun.elapsed() < DIES_WITHIN =>
            {
                thread::sleep(Duration::from_millis(1));
            }
            greeted => return greeted,
        }
    }
}

fn greet_once(place: &Place) -> Result<(UnixStream, Welcome), Problem> {
    let stream = place.connect()?;
    // One that refuses says so at once and may be gone before the hello comes.
    let sent = send(&stream, &Request::hello());
    match receive(&stream) {
        Ok(Answer::Welcome(welcome)) => sent.map(|()| (stream, welcome)),
        Ok(other) => Err(unexpected(other)),
        Err(problem) => Err(problem),
    }
}

fn send(stream: &UnixStream, request: &Request) -> Result<(), Problem> {
    let mut message = Vec::new();
    request.encode(&mut message);
    write_message(&mut &*stream, &message).map_err(|error| broken(&error))
}

fn receive(stream: &UnixStream) -> Result<Answer, Problem> {
    let message = read_message(&mut &*stream).map_err(|error| broken(&error))?;
    let message = message.ok_or_else(gone)?;
    Answer::decode(&message).map_err(|malformed| protocol(malformed.to_string()))
}

/// What an answer means that does not fit the question.
fn unexpected(answer: Answer) -> Problem {
    match answer {
        Answer::Problem(problem) => problem,
        _ => protocol("the daemon answers something else than it was asked".to_owned()),
    }
}

fn protocol(message: String) -> Problem {
    Problem::new(Problem::PROTOCOL, message).remedy("use the same release of both programs")
}

/// One delivery began before another had ended.
fn torn() -> Problem {
    protocol("the parts of two answers are mixed".to_owned())
}

fn broken(error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::InvalidData => protocol(error.to_string()),
        ErrorKind::InvalidInput => Problem::new(Problem::LIMIT, error.to_string()),
        _ => gone(),
    }
}

fn gone() -> Problem {
    let problem = Problem::new(Problem::DISCONNECTED, "the daemon has gone");
    problem.remedy("start it again, and go on from the last clock")
}

/// A root as requests name it.
fn named(root: &Path) -> Result<Vec<u8>, Problem> {
    let path =
        absolute(root).map_err(|error| Problem::io("cannot tell where it is", &error).at(root))?;
    Ok(bytes_of(path.as_os_str()).to_vec())
}
