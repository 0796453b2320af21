//! A client: its requests, one after the other.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use treenail_tree::live::{Clock, Since};

use super::roots::Used;
use super::{Shared, query, stream};
use crate::peer::{own_uid, uid_of_peer};
use crate::problem::Problem;
use crate::protocol::parts::{Message, Parts, send_net};
use crate::protocol::{
    Answer, CoverageItem, Frames, MESSAGE_BYTES_MAX, Query, Request, VERSION, Welcome,
    write_message,
};

/// Who connects has to say hello within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// How long a page is: short, so that the first entries come early.
const PAGE_BYTES: usize = 64 << 10;

/// A client that is being served.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) stream: UnixStream,
    pub(super) frames: Frames,
    id: u64,
}

/// Why a connection ends.
enum End {
    /// The client has gone, or cannot be reached.
    Gone,
    /// The client is told why.
    Refused(Problem),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidData => Self::Refused(protocol(&error.to_string())),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Self::Refused(protocol("nobody said hello"))
            }
            _ => Self::Gone,
        }
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Serves a client until it goes, or has to.
pub(super) fn serve(shared: &Arc<Shared>, stream: UnixStream, id: u64) {
    let mut connection =
        Connection { shared: shared.clone(), stream, frames: Frames::default(), id };
    let ended = connection.greet().and_then(|()| connection.answer_all());
    if let Err(End::Refused(problem)) = ended {
        shared.log(&format!("a client is refused: {problem}"));
        // It may have gone already.
        _ = send(&connection.stream, &Answer::Problem(problem));
    }
}

/// Sends a message.
pub(super) fn send(stream: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut message = Vec::new();
    answer.encode(&mut message);
    write_message(&mut &*stream, &message)
}

impl Connection {
    /// The root that a client names, in use.
    pub(super) fn root(&self, root: &[u8]) -> Result<Used, Problem> {
        let path = PathBuf::from(std::ffi::OsString::from_vec(root.to_vec()));
        self.shared.roots.take(&self.shared, &path)
    }

    /// Finds out who it is.
    fn greet(&mut self) -> Result<(), End> {
        let uid = uid_of_peer(&self.stream)?;
        if uid != own_uid() {
            let message = format!("this daemon serves user {} only, not user {uid}", own_uid());
            let problem = Problem::new(Problem::FOREIGN, message);
            return Err(problem.remedy("start a daemon of your own: `treenail daemon`").into());
        }
        let (clients, clients_max) =
            (self.shared.clients().streams.len(), self.shared.config().clients_max);
        if clients > clients_max {
            let message = format!("{clients_max} clients are served already");
            let problem = Problem::new(Problem::LIMIT, message);
            return Err(problem
                .remedy("raise `clients_max` in daemon.toml, or end a client")
                .into());
        }
        self.stream.set_read_timeout(Some(HELLO_WITHIN))?;
        match self.next()? {
            Some(Request::Hello { version: VERSION }) => {}
            Some(Request::Hello { version }) => {
                let message = format!(
                    "this daemon speaks version {VERSION} of the protocol, its client {version}"
                );
                let remedy = format!("end the daemon, process {}", std::process::id());
                return Err(Problem::new(Problem::PROTOCOL, message).remedy(remedy).into());
            }
            Some(_) => return Err(protocol("the first message is no hello").into()),
            None => return Err(End::Gone),
        }
        self.stream.set_read_timeout(None)?;
        self.welcome().map_err(End::from)
    }

    fn welcome(&self) -> io::Result<()> {
        let clients = self.shared.clients().streams.len() as u32;
        let welcome = Welcome::new(self.shared.started.elapsed(), clients);
        send(&self.stream, &Answer::Welcome(welcome))
    }

    fn next(&mut self) -> Result<Option<Request>, End> {
        match self.frames.next(&mut &self.stream)? {
            Some(message) => {
                let request = Request::decode(message);
                request.map(Some).map_err(|malformed| protocol(&malformed.to_string()).into())
            }
            None => Ok(None),
        }
    }

    fn answer_all(&mut self) -> Result<(), End> {
        while let Some(request) = self.next()? {
            let answered = match request {
                Request::Watch { root, from, ring } => {
                    match stream::serve(self, &root, from, ring, None) {
                        Ok(()) => return Ok(()),
                        Err(problem) => Err(problem),
                    }
                }
                Request::Select { root, from, ring, selection } => {
                    match stream::serve(self, &root, from, ring, Some(&selection)) {
                        Ok(()) => return Ok(()),
                        Err(problem) => Err(problem),
                    }
                }
                request => self.answer(request),
            };
            match answered {
                Ok(sent) => sent?,
                Err(problem) => send(&self.stream, &Answer::Problem(problem))?,
            }
        }
        Ok(())
    }

    /// Answers a request. The outer result is for what the client is to be told, the inner for what
    /// came of telling it.
    fn answer(&self, request: Request) -> Result<io::Result<()>, Problem> {
        let answer = match request {
            Request::Hello { .. } => return Ok(self.welcome()),
            Request::Watch { .. } | Request::Select { .. } | Request::Room => {
                return Err(protocol("nothing flows through this connection"));
            }
            Request::Since { root, clock } => return self.since(&root, clock),
            Request::Barrier { root, timeout_ms } => {
                let timeout = timeout_ms.map(|ms| Duration::from_millis(ms.into()));
                Answer::Clock(self.root(&root)?.keeper()?.barrier(timeout)?)
            }
            Request::Lookup { root, path } => {
                Answer::Entry(query::lookup(&self.root(&root)?.keeper()?.tree(), &path))
            }
            Request::Query { root, query } => return self.query(&root, &query),
            Request::Coverage { root } => return self.coverage(&root),
            Request::Statistics { root } => {
                Answer::Statistics(self.root(&root)?.keeper()?.statistics()?)
            }
            Request::Roots => return Ok(self.roots()),
            Request::Learn { root, path } => {
                self.root(&root)?.keeper()?.learn(&path);
                Answer::Done
            }
            Request::Recheck { root } => {
                self.root(&root)?.keeper()?.recheck();
                Answer::Done
            }
            Request::Stop => return Ok(self.stop()),
        };
        Ok(send(&self.stream, &answer))
    }

    /// Ends the daemon; the client hears of it when its connection closes.
    fn stop(&self) -> io::Result<()> {
        self.shared.log("a client ends it");
        self.shared.bid_farewell(self.id);
        let sent = send(&self.stream, &Answer::Done);
        self.shared.stop();
        // Nothing more is read of this client.
        sent.and(Err(ErrorKind::BrokenPipe.into()))
    }

    fn since(&self, root: &[u8], clock: Clock) -> Result<io::Result<()>, Problem> {
        let (since, now) = self.root(root)?.keeper()?.since(clock)?;
        Ok(match since {
            Since::Net { changes, gaps } => {
                let mut put = |message: &[u8]| write_message(&mut &self.stream, message);
                send_net((&changes, &gaps), now, MESSAGE_BYTES_MAX, &mut put)
            }
            Since::Fresh(reason) => send(&self.stream, &Answer::Fresh { clock: now, reason }),
        })
    }

    fn query(&self, root: &[u8], query: &Query) -> Result<io::Result<()>, Problem> {
        let compiled = query::Compiled::new(query)?;
        let (tree, clock) = {
            let keeper = self.root(root)?.keeper()?;
            // The clock first: what the tree is ahead of it, `since` then tells once more.
            let clock = keeper.clock();
            (keeper.tree(), clock)
        };
        let mut put = |message: &[u8]| write_message(&mut &self.stream, message);
        let mut pages = Parts::new(Message::Page(clock), PAGE_BYTES, &mut put);
        Ok(compiled.run(&tree, &mut |entry| pages.entry(entry)).and_then(|()| pages.finish()))
    }

    fn coverage(&self, root: &[u8]) -> Result<io::Result<()>, Problem> {
        let found = self.root(root)?.keeper()?.coverage()?;
        let mounts = found.mounts.into_iter().map(CoverageItem::Mount);
        let polled = found.polled.into_iter().map(CoverageItem::Polled);
        let unlisted =
            found.unlisted.into_iter().map(|(path, why)| CoverageItem::Unlisted(path, why));
        let linked = found.linked_elsewhere.into_iter().map(CoverageItem::LinkedElsewhere);
        let mut items = mounts.chain(polled).chain(unlisted).chain(linked);
        let mut put = |message: &[u8]| write_message(&mut &self.stream, message);
        let mut parts = Parts::new(Message::Coverage, MESSAGE_BYTES_MAX, &mut put);
        Ok(items.try_for_each(|item| parts.coverage(&item)).and_then(|()| parts.finish()))
    }

    fn roots(&self) -> io::Result<()> {
        let mut put = |message: &[u8]| write_message(&mut &self.stream, message);
        let mut parts = Parts::new(Message::Roots, MESSAGE_BYTES_MAX, &mut put);
        let mut roots = self.shared.roots.status().into_iter();
        roots.try_for_each(|root| parts.root(&root)).and_then(|()| parts.finish())
    }
}

/// The client does not keep to the protocol.
pub(super) fn protocol(what: &str) -> Problem {
    Problem::new(Problem::PROTOCOL, what).remedy("use the same release of both programs")
}
