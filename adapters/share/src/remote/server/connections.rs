//! Who is let in.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use super::super::status::status_of;
use super::super::token::Token;
use crate::problem::Problem;
use crate::server::Shared;

/// Who connects has to show the token within this time.
const TOKEN_WITHIN: Duration = Duration::from_secs(10);

/// How many connections are taken in above the limit, to be told of it; others are closed at once.
const TOLD_MAX: usize = 16;

/// How long nobody is let in after the system had no descriptor, for instance.
const PAUSE: Duration = Duration::from_millis(100);

/// What decides who is let in.
#[derive(Clone)]
pub(super) struct Door {
    token: Token,
    clients_max: usize,
    clients: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

impl Door {
    pub(super) fn new(token: Token, clients_max: usize, shared: Arc<Shared>) -> Self {
        Self { token, clients_max, clients: Arc::default(), shared }
    }

    /// Lets a request pass whose client knows the token.
    pub(super) fn check(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(peer) = request.extensions().get::<Peer>() else {
            return Err(Status::internal("a request without a connection"));
        };
        let told = request.metadata().get("authorization").map(|value| value.as_bytes());
        let knows = told.and_then(bearer).is_some_and(|token| self.token.is(token));
        let problem = match (knows, peer.is_too_many) {
            (true, false) => {
                peer.is_known.store(true, Ordering::Release);
                return Ok(request);
            }
            (true, true) => {
                let what = format!("{} clients are served already", self.clients_max);
                let problem = Problem::new(Problem::LIMIT, what);
                problem.remedy("raise `clients_max` in [remote] of daemon.toml, or end a client")
            }
            (false, _) => {
                let what =
                    if told.is_some() { "this is not the token" } else { "a token is asked for" };
                let problem = Problem::new(Problem::UNAUTHENTICATED, what);
                problem.remedy("name the file with the daemon's token: --token-file FILE")
            }
        };
        if !peer.is_told.swap(true, Ordering::AcqRel) {
            self.shared.log(&format!("{} is refused: {}", peer.address, problem.message));
        }
        Err(status_of(problem))
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    /// Whether it has shown the token.
    is_known: Arc<AtomicBool>,
    /// Whether it was refused, and the log says so.
    is_told: Arc<AtomicBool>,
    is_too_many: bool,
}

/// The connections that come.
pub(super) struct Incoming {
    listener: TcpListener,
    door: Door,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, door: Door) -> Self {
        Self { listener, door, pause: None }
    }

    fn let_in(&self, stream: TcpStream, address: SocketAddr) -> Option<Connection> {
        // A change is a short message that nobody should wait for.
        _ = stream.set_nodelay(true);
        let Door { clients_max, clients, shared, .. } = &self.door;
        let place = Place::take(clients);
        if place.number > clients_max + TOLD_MAX {
            shared.log(&format!("{address} is refused: {clients_max} clients are served already"));
            return None;
        }
        let peer = Peer {
            address,
            is_known: Arc::default(),
            is_told: Arc::default(),
            is_too_many: place.number > *clients_max,
        };
        let limit = Some(Box::pin(sleep(TOKEN_WITHIN)));
        Some(Connection { stream, peer, limit, _place: place })
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, address)) => {
                    if let Some(connection) = self.let_in(stream, address) {
                        return Poll::Ready(Some(Ok(connection)));
                    }
                }
                Err(error) => {
                    self.door.shared.log(&format!("cannot take a client in: {error}"));
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }
}

/// A connection's place among all; it is free again when this is dropped.
struct Place {
    clients: Arc<AtomicUsize>,
    /// How many there are with it.
    number: usize,
}

impl Place {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        let number = clients.fetch_add(1, Ordering::AcqRel) + 1;
        Self { clients: clients.clone(), number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection, which breaks if its client does not show the token in time.
pub(super) struct Connection {
    stream: TcpStream,
    peer: Peer,
    limit: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.peer.is_known.load(Ordering::Acquire) {
            self.limit = None;
        }
        if let Some(limit) = &mut self.limit
            && limit.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
