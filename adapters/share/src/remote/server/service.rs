//! What is answered to a request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use prost::Message;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use super::super::background::End;
use super::super::message::{
    BarrierRequest, ClockReply, CoveragePart, Delivery, Entries, ListRequest, Root, RootRequest,
    RootsReply, RootsRequest, SinceRequest, SubscribeRequest, method,
};
use super::super::status::status_of;
use super::super::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use super::stream::{self, Answers};
use super::told::{counts_to, rung_to};
use crate::problem::Problem;
use crate::server::{Shared, Used};

/// How long a barrier waits if nobody says, and at most.
const BARRIER: Duration = Duration::from_secs(30);
const BARRIER_MAX: Duration = Duration::from_secs(60);

/// What requests are answered from.
#[derive(Clone)]
pub(super) struct Context {
    shared: Arc<Shared>,
    roots: Arc<BTreeMap<String, PathBuf>>,
    pub(super) streams: Arc<Semaphore>,
    streams_max: usize,
    pub(super) end: End,
}

impl Context {
    pub(super) fn new(
        shared: Arc<Shared>,
        roots: BTreeMap<String, PathBuf>,
        streams_max: usize,
        end: End,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(streams_max));
        Self { shared, roots: Arc::new(roots), streams, streams_max, end }
    }

    /// The root of a name, in use.
    pub(super) fn root(&self, name: &str) -> Result<Used, Problem> {
        let path = self.roots.get(name).ok_or_else(|| {
            let what = format!("no root that is served is called `{}`", name.escape_debug());
            let names: Vec<&str> = self.roots.keys().map(String::as_str).collect();
            let problem = Problem::new(Problem::UNKNOWN_ROOT, what);
            problem.remedy(match names.is_empty() {
                true => "name roots in [remote.roots] of daemon.toml".to_owned(),
                false => format!("name one of these: {}", names.join(", ")),
            })
        })?;
        self.shared.use_root(path)
    }

    pub(super) fn too_many_streams(&self) -> Problem {
        let what = format!("{} long answers are under way already", self.streams_max);
        let problem = Problem::new(Problem::LIMIT, what);
        problem.remedy("raise `streams_max` in [remote] of daemon.toml, or end a subscription")
    }

    fn roots(&self) -> RootsReply {
        let watched = self.shared.status_of_roots();
        let root = |(name, path): (&String, &PathBuf)| {
            // Roots are known by where they are, with no symbolic link on the way.
            let real = path.canonicalize();
            let real = real.as_ref().unwrap_or(path);
            let status = watched.iter().find(|status| status.root == *real);
            match status {
                None => Root { name: name.clone(), ..Root::default() },
                Some(status) => Root {
                    name: name.clone(),
                    watched: true,
                    clock: status.clock.to_string(),
                    backend: rung_to(status.rung),
                    counts: Some(counts_to(&status.counts)),
                    users: status.users,
                },
            }
        };
        RootsReply { roots: self.roots.iter().map(root).collect() }
    }

    fn clock(&self, request: &RootRequest) -> Result<ClockReply, Problem> {
        let clock = self.root(&request.root)?.keeper()?.clock();
        Ok(ClockReply { clock: clock.to_string() })
    }

    fn barrier(&self, request: &BarrierRequest) -> Result<ClockReply, Problem> {
        let timeout = match request.timeout_ms {
            0 => BARRIER,
            ms => Duration::from_millis(ms.into()).min(BARRIER_MAX),
        };
        let clock = self.root(&request.root)?.keeper()?.barrier(Some(timeout))?;
        Ok(ClockReply { clock: clock.to_string() })
    }
}

/// The service, as HTTP has it.
#[derive(Clone)]
pub(super) struct Service(Context);

impl Service {
    pub(super) fn new(context: Context) -> Self {
        Self(context)
    }
}

type Answered = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl tower_service::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answered {
        let context = self.0.clone();
        Box::pin(async move { Ok(answer(context, request).await) })
    }
}

async fn answer(context: Context, request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path().to_owned();
    match &*path {
        method::ROOTS => unary(request, move |_: RootsRequest| Ok(context.roots())).await,
        method::CLOCK => unary(request, move |about: RootRequest| context.clock(&about)).await,
        method::BARRIER => {
            unary(request, move |about: BarrierRequest| context.barrier(&about)).await
        }
        method::SUBSCRIBE => {
            streaming::<SubscribeRequest, Delivery>(context, request, stream::subscribe).await
        }
        method::SINCE => streaming::<SinceRequest, Delivery>(context, request, stream::since).await,
        method::LIST => streaming::<ListRequest, Entries>(context, request, stream::list).await,
        method::COVERAGE => {
            streaming::<RootRequest, CoveragePart>(context, request, stream::coverage).await
        }
        _ => Status::new(Code::Unimplemented, "this daemon has no such method").into_http(),
    }
}

/// Answers a question whose answer is one message, in a thread that may wait.
async fn unary<Q, A>(
    request: http::Request<Body>,
    work: impl FnOnce(Q) -> Result<A, Problem> + Send + 'static,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let mut work = Some(work);
    let call = move |question: Q| {
        let work = work.take();
        async move {
            let work = work.ok_or_else(|| Status::internal("asked twice"))?;
            let answered = spawn_blocking(move || work(question)).await;
            let answered = answered.map_err(|_| Status::internal("no answer was found"))?;
            answered.map(Response::new).map_err(status_of)
        }
    };
    grpc::<Q, A>().unary(Call(call), request).await
}

/// Answers a question whose answer is many messages, made by a thread of their own.
async fn streaming<Q, A>(
    context: Context,
    request: http::Request<Body>,
    work: stream::Work<Q, A>,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let call = move |question: Q| {
        let answers = Answers::start(context.clone(), question, work);
        async move { answers.map(Response::new).map_err(status_of) }
    };
    grpc::<Q, A>().server_streaming(Call(call), request).await
}

fn grpc<Q, A>() -> Grpc<ProstCodec<A, Q>>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    Grpc::new(ProstCodec::default())
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(REPLY_BYTES_MAX)
}

/// A function as what is called with requests.
struct Call<F>(F);

impl<F, Q, A, W> tower_service::Service<Request<Q>> for Call<F>
where
    F: FnMut(Q) -> W,
    W: Future<Output = Result<Response<A>, Status>>,
{
    type Response = Response<A>;
    type Error = Status;
    type Future = W;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> W {
        (self.0)(request.into_inner())
    }
}
