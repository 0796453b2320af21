//! Answers of many messages, and the threads that make them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::thread;

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;
use treenail_tree::live::{Batch, Change, Clock, Fresh, Gap, Net, Since};

use super::super::background::ended;
use super::super::convert::clock_from;
use super::super::message::{
    self, CoveragePart, Delivery, Entries, ListRequest, RootRequest, SinceRequest,
    SubscribeRequest, Unreported,
};
use super::super::status::status_of;
use super::service::Context;
use super::told::{change_to, entry_to, fresh_to, gap_to, mount_to, query_from, ready_to};
use crate::problem::Problem;
use crate::protocol::Malformed;
use crate::server::{STACK_BYTES, run_query};
use crate::subscription::{Delivered, Delivery as Told, From, Interrupter};

/// How long a message gets before another one is begun: short, so that a client that reads is never
/// far behind.
const PART_BYTES: usize = 128 << 10;

/// The longest change that is told as it is; a message has room for it besides a part.
const CHANGE_BYTES_MAX: usize = 1 << 20;

/// How many messages wait until the network takes them.
const WAITING_MAX: usize = 1;

/// Why a thread ends early.
pub(super) enum Stop {
    /// The client has gone, or is to go.
    Gone,
    /// The client is told why.
    Refused(Problem),
}

impl<P: Into<Problem>> std::convert::From<P> for Stop {
    fn from(problem: P) -> Self {
        Self::Refused(problem.into())
    }
}

/// Makes the answer to a question.
pub(super) type Work<Q, A> = fn(&Context, Q, &Sink<A>) -> Result<(), Stop>;

/// The messages of an answer as they come. Dropping it ends the thread that makes them.
pub(super) struct Answers<A> {
    messages: mpsc::Receiver<Result<A, Status>>,
    going: Arc<Going>,
    /// Over when the daemon ends, or serves in another way.
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_over: bool,
}

/// Where a thread puts what it makes.
pub(super) struct Sink<A> {
    messages: mpsc::Sender<Result<A, Status>>,
    going: Arc<Going>,
}

/// Whether the client still wants to hear more.
#[derive(Default)]
struct Going {
    is_over: AtomicBool,
    interrupter: Mutex<Option<Interrupter>>,
}

impl<A: Send + 'static> Answers<A> {
    /// Starts to make an answer.
    pub(super) fn start<Q: Send + 'static>(
        context: Context,
        question: Q,
        work: Work<Q, A>,
    ) -> Result<Self, Problem> {
        let place = context.streams.clone().try_acquire_owned();
        let place = place.map_err(|_| context.too_many_streams())?;
        let (sender, messages) = mpsc::channel(WAITING_MAX);
        let going = Arc::new(Going::default());
        let sink = Sink { messages: sender, going: going.clone() };
        let end = Box::pin(ended(context.end.clone()));
        let thread = thread::Builder::new().name("treenail-answer".into()).stack_size(STACK_BYTES);
        let spawned = thread.spawn(move || {
            let _place = place;
            if let Err(Stop::Refused(problem)) = work(&context, question, &sink) {
                // It may have gone.
                _ = sink.messages.blocking_send(Err(status_of(problem)));
            }
        });
        spawned.map_err(|error| Problem::io("cannot start a thread", &error))?;
        Ok(Self { messages, going, end, is_over: false })
    }
}

impl<A> Stream for Answers<A> {
    type Item = Result<A, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(message) = self.messages.poll_recv(cx) {
            return Poll::Ready(message);
        }
        if self.end.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.is_over = true;
        let what = "the daemon ends, or serves other machines in another way now";
        let problem = Problem::new(Problem::DISCONNECTED, what);
        let problem = problem.remedy("connect again, and go on from the last clock");
        Poll::Ready(Some(Err(status_of(problem))))
    }
}

impl<A> Drop for Answers<A> {
    fn drop(&mut self) {
        self.going.is_over.store(true, Ordering::Release);
        let interrupter = self.going.interrupter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interrupter) = &*interrupter {
            interrupter.interrupt();
        }
    }
}

impl<A> Sink<A> {
    /// Hands a message over; waits for a client that does not read.
    fn send(&self, message: A) -> Result<(), Stop> {
        self.messages.blocking_send(Ok(message)).map_err(|_| Stop::Gone)
    }

    /// Whether nobody wants to hear more.
    fn is_over(&self) -> bool {
        self.going.is_over.load(Ordering::Acquire)
    }

    /// What is to be interrupted when nobody wants to hear more.
    fn interrupts(&self, interrupter: Interrupter) {
        let mut place = self.going.interrupter.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over() {
            interrupter.interrupt();
        }
        *place = Some(interrupter);
    }
}

/// Tells what changes for as long as anybody wants to hear it.
pub(super) fn subscribe(
    context: &Context,
    request: SubscribeRequest,
    sink: &Sink<Delivery>,
) -> Result<(), Stop> {
    let from = match &*request.clock {
        "" => From::Now,
        clock => From::Clock(clock_from(clock).map_err(malformed)?),
    };
    let used = context.root(&request.root)?;
    let (ready, mut subscription) = {
        let keeper = used.keeper()?;
        (ready_to(keeper.ready()), keeper.subscribe(from))
    };
    sink.interrupts(subscription.interrupter());
    let clock = subscription.clock().to_string();
    sink.send(Delivery { clock, ready: Some(ready), ..Delivery::default() })?;
    loop {
        match subscription.next(None)? {
            Some(Told { clock, what, .. }) => match what {
                Delivered::Batch(batch) => send_batch(&batch, clock, sink)?,
                Delivered::Net { changes, gaps } => send_net(changes, &gaps, clock, sink)?,
                Delivered::Fresh(reason) => send_fresh(reason, clock, sink)?,
            },
            None if sink.is_over() => return Err(Stop::Gone),
            None => {}
        }
    }
}

/// Tells what changed in sum.
pub(super) fn since(
    context: &Context,
    request: SinceRequest,
    sink: &Sink<Delivery>,
) -> Result<(), Stop> {
    let clock = clock_from(&request.clock).map_err(malformed)?;
    let (since, now) = context.root(&request.root)?.keeper()?.since(clock)?;
    match since {
        Since::Net { changes, gaps } => send_net(changes, &gaps, now, sink),
        Since::Fresh(reason) => send_fresh(reason, now, sink),
    }
}

/// Tells what there is.
pub(super) fn list(
    context: &Context,
    request: ListRequest,
    sink: &Sink<Entries>,
) -> Result<(), Stop> {
    let used = context.root(&request.root)?;
    let query = query_from(request).map_err(malformed)?;
    let (tree, clock) = {
        let keeper = used.keeper()?;
        // The clock first: what the tree is ahead of it, `Since` then tells once more.
        let clock = keeper.clock();
        (keeper.tree(), clock.to_string())
    };
    let (mut part, mut bytes) = (Entries { clock: clock.clone(), ..Entries::default() }, 0);
    let mut stopped = None;
    let ran = run_query(&query, &tree, &mut |entry| {
        let entry = entry_to(entry);
        bytes += entry.encoded_len() + ITEM_BYTES;
        part.entries.push(entry);
        if bytes < PART_BYTES {
            return Ok(());
        }
        let next = Entries { clock: clock.clone(), ..Entries::default() };
        bytes = 0;
        sink.send(std::mem::replace(&mut part, next)).map_err(|stop| {
            stopped = Some(stop);
            std::io::ErrorKind::BrokenPipe.into()
        })
    })?;
    match (stopped, ran) {
        (Some(stop), _) => Err(stop),
        (None, Err(error)) => Err(Problem::io("cannot look", &error).into()),
        (None, Ok(())) => sink.send(part),
    }
}

/// Tells what sees the changes.
pub(super) fn coverage(
    context: &Context,
    request: RootRequest,
    sink: &Sink<CoveragePart>,
) -> Result<(), Stop> {
    let found = context.root(&request.root)?.keeper()?.coverage()?;
    let mut part = CoveragePart::default();
    let send_if_full = |part: &mut CoveragePart| match part.encoded_len() < PART_BYTES {
        true => Ok(()),
        false => sink.send(std::mem::take(part)),
    };
    part.mounts = found.mounts.into_iter().map(mount_to).collect();
    // Some hundred at a time: to measure a part after each would take long.
    for some in found.polled.chunks(CHUNK) {
        let polled = some.iter().map(|one| unreported(&one.path, &one.reason));
        part.polled.extend(polled);
        send_if_full(&mut part)?;
    }
    for some in found.unlisted.chunks(CHUNK) {
        part.unlisted.extend(some.iter().map(|(path, reason)| unreported(path, reason)));
        send_if_full(&mut part)?;
    }
    for some in found.linked_elsewhere.chunks(CHUNK) {
        part.linked_elsewhere.extend(some.iter().cloned());
        send_if_full(&mut part)?;
    }
    sink.send(part)
}

const CHUNK: usize = 128;

fn unreported(path: &[u8], reason: &str) -> Unreported {
    Unreported { path: path.to_vec(), reason: reason.to_owned() }
}

/// More than a field of a message takes besides its content.
const ITEM_BYTES: usize = 12;

fn malformed(malformed: Malformed) -> Problem {
    Problem::new(Problem::USAGE, malformed.to_string()).remedy("see proto/treenail.proto")
}

fn send_fresh(reason: Fresh, clock: Clock, sink: &Sink<Delivery>) -> Result<(), Stop> {
    let (clock, fresh) = (clock.to_string(), fresh_to(reason));
    sink.send(Delivery { clock, fresh, ..Delivery::default() })
}

fn send_batch(batch: &Batch, clock: Clock, sink: &Sink<Delivery>) -> Result<(), Stop> {
    let mut parts = Parts::new(clock, false, sink);
    batch.gaps.iter().try_for_each(|gap| parts.gap(gap))?;
    batch.changes.iter().try_for_each(|change| parts.change(change_to(change)))?;
    parts.finish()
}

fn send_net(
    changes: Vec<Net>,
    gaps: &[Gap],
    clock: Clock,
    sink: &Sink<Delivery>,
) -> Result<(), Stop> {
    let mut parts = Parts::new(clock, true, sink);
    gaps.iter().try_for_each(|gap| parts.gap(gap))?;
    let mut changes = changes.into_iter().map(|net| change_to(&Change::from(net)));
    changes.try_for_each(|change| parts.change(change))?;
    parts.finish()
}

/// A delivery on its way, in as many messages as it needs.
struct Parts<'s> {
    part: Delivery,
    bytes: usize,
    sink: &'s Sink<Delivery>,
}

impl<'s> Parts<'s> {
    fn new(clock: Clock, net: bool, sink: &'s Sink<Delivery>) -> Self {
        let part = Delivery { clock: clock.to_string(), net, ..Delivery::default() };
        Self { part, bytes: 0, sink }
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), Stop> {
        let mut gap = gap_to(gap);
        if gap.encoded_len() > CHANGE_BYTES_MAX {
            gap = untold();
        }
        self.make_room(gap.encoded_len())?;
        self.part.gaps.push(gap);
        Ok(())
    }

    fn change(&mut self, mut change: message::Change) -> Result<(), Stop> {
        if change.encoded_len() > CHANGE_BYTES_MAX {
            // Which bytes differ is not known, then.
            change.ranges = Vec::new();
        }
        if change.encoded_len() > CHANGE_BYTES_MAX {
            let gap = untold();
            self.make_room(gap.encoded_len())?;
            self.part.gaps.push(gap);
            return Ok(());
        }
        self.make_room(change.encoded_len())?;
        self.part.changes.push(change);
        Ok(())
    }

    /// Sends what there is if so many bytes more were too many.
    fn make_room(&mut self, bytes: usize) -> Result<(), Stop> {
        if self.bytes > 0 && self.bytes + bytes > PART_BYTES {
            let (clock, net) = (self.part.clock.clone(), self.part.net);
            let next = Delivery { clock, net, ..Delivery::default() };
            let part = std::mem::replace(&mut self.part, next);
            self.sink.send(Delivery { more: true, ..part })?;
            self.bytes = 0;
        }
        self.bytes += bytes + ITEM_BYTES;
        Ok(())
    }

    fn finish(self) -> Result<(), Stop> {
        self.sink.send(self.part)
    }
}

/// Stands for what does not fit into a message.
fn untold() -> message::Gap {
    let reason = "a change at a path that is too long to be told; look at the directory";
    message::Gap { path: Vec::new(), reason: reason.to_owned() }
}
