//! Asking the daemon of another machine.
//!
//! ```no_run
//! use treenail_share::remote::{Token, client::{Client, Options}};
//! use treenail_share::{Delivered, From};
//!
//! let token = Token::read("token".as_ref())?;
//! let client = Client::connect(Options::new("https://build.example:7411", token))?;
//! let mut changes = client.watch("site", From::Now)?;
//! while let Some(received) = changes.next(None)? {
//!     if let Delivered::Batch(batch) = received.what {
//!         println!("{} changes", batch.changes.len());
//!     }
//! }
//! # Ok::<(), treenail_share::Problem>(())
//! ```

mod subscription;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;
use treenail_os::feed::Rung;
use treenail_tree::Counts;
use treenail_tree::live::{Clock, Since};

use super::background::{Background, ended};
use super::convert::{add_coverage, clock_from, counts_from, entry_from, query_to, rung_from};
use super::message::{
    BarrierRequest, ClockReply, CoveragePart, Entries, Root as RootMessage, RootRequest,
    RootsReply, RootsRequest, SinceRequest, SubscribeRequest, method,
};
use super::status::{innermost, problem_of};
use super::token::{Token, read_secret};
use super::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::keeper::Coverage;
use crate::problem::Problem;
use crate::protocol::{Entry, Malformed, Query};
use crate::subscription::{Delivered, From};

pub use subscription::Subscription;

/// How long it may take to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How often the daemon is asked whether it is still there, and within what time it has to answer.
const ASK_EVERY: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How many bytes of a subscription are under way that nobody has asked for yet: more would only
/// make the daemon net later.
const WINDOW_BYTES: u32 = 256 << 10;

/// The longest time that one request waits for a barrier.
const BARRIER_MAX: Duration = Duration::from_secs(60);

/// Which daemon is asked, and how.
#[derive(Clone, Debug)]
pub struct Options {
    url: String,
    token: Token,
    ca: Option<PathBuf>,
}

impl Options {
    /// The daemon at `https://HOST:PORT`, whose certificate has to be known to this system. One at
    /// this machine itself may also be at `http://`, without TLS.
    #[must_use]
    pub fn new(url: impl Into<String>, token: Token) -> Self {
        Self { url: url.into(), token, ca: None }
    }

    /// Believes the certificates in a file, as PEM, and no others.
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca = Some(file.into());
        self
    }
}

/// A connection to a daemon. Several threads may ask through it, and all subscriptions come through
/// it.
pub struct Client(Arc<Connection>);

/// What a client and its subscriptions have in common.
struct Connection {
    grpc: Grpc<Channel>,
    bearer: MetadataValue<Ascii>,
    background: Background,
}

/// A root that a daemon serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Root {
    /// Its name.
    pub name: String,
    /// How it is, if it is watched already.
    pub watched: Option<Watched>,
}

/// How a root is that is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The present moment.
    pub clock: Clock,
    /// What reports the changes of its file system.
    pub rung: Rung,
    /// What it holds.
    pub counts: Counts,
    /// How many use it.
    pub users: u32,
}

impl Client {
    /// Connects to a daemon, and sees that it knows the token.
    ///
    /// # Errors
    /// [`Problem::USAGE`] if the address is none that may be asked; [`Problem::UNREACHABLE`] if
    /// nobody answers there, or nobody whose certificate is believed;
    /// [`Problem::UNAUTHENTICATED`] if it does not know the token; [`Problem::LIMIT`] if it serves
    /// as many clients as it may.
    ///
    /// # Panics
    /// In an asynchronous task of `tokio`, which must not wait; so too below.
    pub fn connect(options: Options) -> Result<Self, Problem> {
        let endpoint = endpoint(&options)?;
        let background = Background::start(ended);
        let background =
            background.map_err(|error| Problem::io("cannot start a thread", &error))?;
        let connected =
            background.wait_for(async { timeout(CONNECT_WITHIN, endpoint.connect()).await });
        let channel = match connected {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(unreachable(&options, &innermost(&error))),
            Err(_) => return Err(unreachable(&options, "nobody answers")),
        };
        let bearer = MetadataValue::try_from(options.token.bearer());
        let mut bearer = bearer.map_err(|_| {
            Problem::new(Problem::USAGE, "the token has something in it that is none")
        })?;
        bearer.set_sensitive(true);
        let grpc = Grpc::with_origin(channel, endpoint.uri().clone())
            .max_decoding_message_size(REPLY_BYTES_MAX);
        let client = Self(Arc::new(Connection { grpc, bearer, background }));
        client.roots()?;
        Ok(client)
    }

    /// The roots that the daemon serves.
    ///
    /// # Errors
    /// If the daemon has gone; so too below.
    pub fn roots(&self) -> Result<Vec<Root>, Problem> {
        let reply: RootsReply = self.0.ask(method::ROOTS, RootsRequest {})?;
        let root = |RootMessage { name, watched, clock, backend, counts, users }| {
            let watched = match watched {
                false => None,
                true => Some(Watched {
                    clock: clock_from(&clock)?,
                    rung: rung_from(backend)?,
                    counts: counts_from(counts),
                    users,
                }),
            };
            Ok(Root { name, watched })
        };
        reply.roots.into_iter().map(root).collect::<Result<_, _>>().map_err(malformed)
    }

    /// Asks for the changes of a root.
    ///
    /// # Errors
    /// [`Problem::UNKNOWN_ROOT`] if the daemon serves none of this name, here and below; or if the
    /// root cannot be watched.
    pub fn watch(&self, root: &str, from: From) -> Result<Subscription, Problem> {
        let clock = match from {
            From::Now => String::new(),
            From::Clock(clock) => clock.to_string(),
        };
        let request = SubscribeRequest { root: root.to_owned(), clock };
        let stream = self.0.ask_for_many(method::SUBSCRIBE, request)?;
        Subscription::begin(self.0.clone(), stream)
    }

    /// The present moment of a root, as far as it is known.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn clock(&self, root: &str) -> Result<Clock, Problem> {
        let request = RootRequest { root: root.to_owned() };
        let reply: ClockReply = self.0.ask(method::CLOCK, request)?;
        clock_from(&reply.clock).map_err(malformed)
    }

    /// Waits until everything that happened before this call is known, and returns the clock of
    /// that moment.
    ///
    /// # Errors
    /// If that takes longer than `timeout` (`None`: for ever); otherwise as [`watch`](Self::watch).
    pub fn barrier(&self, root: &str, timeout: Option<Duration>) -> Result<Clock, Problem> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let wait = left.unwrap_or(BARRIER_MAX).min(BARRIER_MAX);
            // 0 stands for another time.
            let timeout_ms = (wait.as_millis() as u32).max(1);
            let request = BarrierRequest { root: root.to_owned(), timeout_ms };
            let reply: Result<ClockReply, _> = self.0.ask(method::BARRIER, request);
            match reply {
                Ok(reply) => return clock_from(&reply.clock).map_err(malformed),
                Err(problem)
                    if problem.kind == "timed_out"
                        && until.is_none_or(|until| until > Instant::now()) => {}
                Err(problem) => return Err(problem),
            }
        }
    }

    /// What changed after `clock`, as far as it is known, and the moment until which this says it.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn since(&self, root: &str, clock: Clock) -> Result<(Since, Clock), Problem> {
        let request = SinceRequest { root: root.to_owned(), clock: clock.to_string() };
        let mut stream = self.0.ask_for_many(method::SINCE, request)?;
        let mut whole = subscription::Whole::default();
        while let Some(part) = self.0.next(&mut stream)? {
            let Some(received) = whole.add(part).map_err(malformed)? else { continue };
            let since = match received.what {
                Delivered::Net { changes, gaps } => Since::Net { changes, gaps },
                Delivered::Fresh(fresh) => Since::Fresh(fresh),
                Delivered::Batch(_) => return Err(malformed(Malformed("no net changes"))),
            };
            return Ok((since, received.clock));
        }
        Err(malformed(Malformed::SHORT))
    }

    /// Has `each` called with the entries that a query asks for, all as they were at the moment
    /// that is returned.
    ///
    /// # Errors
    /// If a glob is malformed; otherwise as [`watch`](Self::watch).
    pub fn query(
        &self,
        root: &str,
        query: &Query,
        mut each: impl FnMut(Entry),
    ) -> Result<Clock, Problem> {
        let mut stream = self.0.ask_for_many(method::LIST, query_to(root, query))?;
        let mut clock = None;
        while let Some(Entries { clock: at, entries }) = self.0.next(&mut stream)? {
            clock = Some(clock_from(&at).map_err(malformed)?);
            for entry in entries {
                each(entry_from(entry).map_err(malformed)?);
            }
        }
        clock.ok_or_else(|| malformed(Malformed::SHORT))
    }

    /// What sees the changes of which part of the tree, and what nothing sees.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn coverage(&self, root: &str) -> Result<Coverage, Problem> {
        let mut all = Coverage {
            mounts: Vec::new(),
            polled: Vec::new(),
            unlisted: Vec::new(),
            linked_elsewhere: Vec::new(),
        };
        let request = RootRequest { root: root.to_owned() };
        let mut stream = self.0.ask_for_many(method::COVERAGE, request)?;
        while let Some(part) = self.0.next::<CoveragePart>(&mut stream)? {
            add_coverage(&mut all, part).map_err(malformed)?;
        }
        Ok(all)
    }
}

impl Connection {
    /// Asks for an answer of one message.
    fn ask<Q, A>(&self, path: &'static str, question: Q) -> Result<A, Problem>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let (mut grpc, request) = (self.grpc.clone(), self.request(question)?);
        self.background.wait_for(async {
            grpc.ready().await.map_err(|error| problem_of(&Status::from_error(error.into())))?;
            let codec = ProstCodec::<Q, A>::default();
            let answered = grpc.unary(request, PathAndQuery::from_static(path), codec).await;
            answered.map(tonic::Response::into_inner).map_err(|status| problem_of(&status))
        })
    }

    /// Asks for an answer of many messages.
    fn ask_for_many<Q, A>(&self, path: &'static str, question: Q) -> Result<Streaming<A>, Problem>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let (mut grpc, request) = (self.grpc.clone(), self.request(question)?);
        self.background.wait_for(async {
            grpc.ready().await.map_err(|error| problem_of(&Status::from_error(error.into())))?;
            let (codec, path) = (ProstCodec::<Q, A>::default(), PathAndQuery::from_static(path));
            let answered = grpc.server_streaming(request, path, codec).await;
            answered.map(tonic::Response::into_inner).map_err(|status| problem_of(&status))
        })
    }

    /// Waits for the next message of an answer; nothing after the last.
    fn next<A>(&self, stream: &mut Streaming<A>) -> Result<Option<A>, Problem> {
        let message = self.background.wait_for(stream.message());
        message.map_err(|status| problem_of(&status))
    }

    /// # Errors
    /// If it is longer than the daemon takes.
    fn request<Q: Message>(&self, question: Q) -> Result<Request<Q>, Problem> {
        if question.encoded_len() > REQUEST_BYTES_MAX {
            let what = format!("a request is at most {REQUEST_BYTES_MAX} bytes long");
            let problem = Problem::new(Problem::LIMIT, what);
            return Err(problem.remedy("ask with fewer globs, or a shorter name or path"));
        }
        let mut request = Request::new(question);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        Ok(request)
    }
}

fn endpoint(options: &Options) -> Result<Endpoint, Problem> {
    let wrong = |what: &str| {
        let problem = Problem::new(Problem::USAGE, format!("{}: {what}", options.url));
        problem.remedy("write it as https://HOST:PORT")
    };
    let uri: Uri = options.url.parse().map_err(|_| wrong("this is no address"))?;
    let has_path = uri.path_and_query().is_some_and(|path| path != "/");
    let (Some(host), Some(_), false) = (uri.host(), uri.port_u16(), has_path) else {
        return Err(wrong("a host and a port are needed, and nothing behind them"));
    };
    let endpoint = Endpoint::from(uri.clone())
        .connect_timeout(CONNECT_WITHIN)
        .http2_keep_alive_interval(ASK_EVERY)
        .keep_alive_timeout(ANSWER_WITHIN)
        .initial_stream_window_size(WINDOW_BYTES)
        .tcp_nodelay(true);
    match (uri.scheme_str(), &options.ca) {
        (Some("https"), ca) => {
            let tls = ClientTlsConfig::new();
            let tls = match ca {
                None => tls.with_native_roots(),
                Some(file) => tls.ca_certificate(Certificate::from_pem(read_secret(file, 0, "")?)),
            };
            endpoint.tls_config(tls).map_err(|error| {
                let why = format!("no certificate can be believed: {}", innermost(&error));
                let problem = Problem::new(Problem::CONFIG, why);
                let problem = ca.iter().fold(problem, |problem, file| problem.at(file));
                problem.remedy("name a file with certificates as PEM: --ca FILE")
            })
        }
        (Some("http"), None) if is_own(host) => Ok(endpoint),
        (Some("http"), _) => {
            Err(wrong("without TLS everybody on the way could read the token and all else"))
        }
        _ => Err(wrong("it does not begin with https://")),
    }
}

/// Whether a host is this machine itself, whatever anybody says.
fn is_own(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn unreachable(options: &Options, why: &str) -> Problem {
    let what = format!("cannot connect to {}: {why}", options.url);
    let problem = Problem::new(Problem::UNREACHABLE, what);
    problem.remedy(if why.contains("certificate") {
        "name a file with the certificate that has signed the daemon's: --ca FILE"
    } else {
        "see that the daemon's configuration has a section [remote], and that it runs"
    })
}

fn malformed(malformed: Malformed) -> Problem {
    let problem = Problem::new(Problem::PROTOCOL, malformed.to_string());
    problem.remedy("use the same release of both programs")
}
