//! A connection that changes flow through.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use treenail_ring::shared::Error as RingError;
use treenail_tree::live::Clock;

use super::connection::{Connection, protocol, send};
use super::{Reporter, STACK_BYTES, Shared, direct, lock};
use crate::client::Selected;
use crate::keeper::Keeper;
use crate::problem::Problem;
use crate::protocol::parts::{Message, Send, send_changes, send_net};
use crate::protocol::{Answer, Frames, MESSAGE_BYTES_MAX, Request, Selection};
use crate::ring::{Ring, Writer};
use crate::subscription::{Delivered, Delivery, From, Interrupter, Subscription};

/// Serves a client that watches until it goes, or there is nothing to watch any more. Errors are
/// those that the client is to be told of before anything flows.
pub(super) fn serve(
    connection: &mut Connection,
    root: &[u8],
    from: Option<Clock>,
    wants_ring: bool,
    selection: Option<&Selection>,
) -> Result<(), Problem> {
    let used = connection.root(root)?;
    let (mut ready, mut source, stateless) = {
        let keeper = used.keeper()?;
        let from = from.map_or(From::Now, From::Clock);
        let source = Source::new(&connection.shared, &keeper, from, selection)?;
        (keeper.ready().clone(), source, used.stateless(&keeper))
    };
    // A client would else take the clocks for good beyond this process.
    ready.lost = ready.lost.or(stateless);
    let ring = if wants_ring { Reserved::new(&connection.shared) } else { None };
    let watching = Answer::Watching {
        ready: Box::new(ready),
        clock: source.clock(),
        ring_bytes: ring.as_ref().map(|ring| ring.bytes as u64),
    };
    let stream = &connection.stream;
    let begun = send(stream, &watching);
    let begun = begun.and_then(|()| ring.as_ref().map_or(Ok(()), |ring| ring.ring.send(stream)));
    if begun.is_err() {
        return Ok(());
    }
    let room = Room::default();
    let interrupter = source.interrupter();
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("treenail-stream".into()).stack_size(STACK_BYTES);
        let pumping = thread.spawn_scoped(scope, || {
            // A connection that broke is noticed by who reads it.
            if let Ok(Some(problem)) = pump(stream, ring.as_ref(), &mut source, &room) {
                _ = send(stream, &Answer::Problem(problem));
            }
            _ = stream.shutdown(Shutdown::Both);
        });
        if let Err(error) = pumping {
            return Err(Problem::io("cannot start a thread", &error));
        }
        if let Err(problem) = listen(stream, &mut connection.frames, &room) {
            _ = send(stream, &Answer::Problem(problem));
        }
        // Should the thread be writing to a client that does not read.
        _ = stream.shutdown(Shutdown::Both);
        room.close();
        interrupter.interrupt();
        Ok(())
    })
}

/// Where changes come from.
enum Source {
    /// All that there are.
    All(Box<Subscription>),
    /// Those that are wanted.
    Selected(Box<dyn Reporter>),
}

impl Source {
    fn new(
        shared: &Shared,
        keeper: &Arc<Keeper>,
        from: From,
        selection: Option<&Selection>,
    ) -> Result<Self, Problem> {
        let Some(selection) = selection else {
            return Ok(Self::All(Box::new(keeper.subscribe(from))));
        };
        let select = shared.options.select.as_ref().ok_or_else(|| {
            let problem = Problem::new(Problem::USAGE, "this daemon selects no changes");
            problem.remedy("ask for all of them, or start the daemon with `treenail daemon`")
        })?;
        select(keeper, from, selection).map(Self::Selected)
    }

    fn clock(&self) -> Clock {
        match self {
            Self::All(subscription) => subscription.clock(),
            Self::Selected(reporter) => reporter.clock(),
        }
    }

    fn interrupter(&self) -> Interrupter {
        match self {
            Self::All(subscription) => subscription.interrupter(),
            Self::Selected(reporter) => reporter.interrupter(),
        }
    }

    /// Waits for what comes next and sends it; whether something came. The outer result is for what
    /// came of the sending, the inner for why nothing more will come.
    fn pass(&mut self, bytes_max: usize, put: Send<'_>) -> io::Result<Result<bool, Problem>> {
        match self {
            Self::Selected(reporter) => match reporter.next(None) {
                Ok(None) => return Ok(Ok(false)),
                Err(problem) => return Ok(Err(problem)),
                Ok(Some(Selected { head, changes, gaps })) => {
                    send_changes(Message::Report(head), (&changes, &gaps), bytes_max, put)?;
                }
            },
            Self::All(subscription) => match subscription.next(None) {
                Ok(None) => return Ok(Ok(false)),
                Err(error) => return Ok(Err(error.into())),
                Ok(Some(Delivery { clock, what, .. })) => match what {
                    Delivered::Batch(batch) => {
                        let what = (&batch.changes[..], &batch.gaps[..]);
                        send_changes(Message::Batch(clock), what, bytes_max, put)?;
                    }
                    Delivered::Net { changes, gaps } => {
                        send_net((&changes, &gaps), clock, bytes_max, put)?;
                    }
                    Delivered::Fresh(reason) => {
                        let mut message = Vec::new();
                        Answer::Fresh { clock, reason }.encode(&mut message);
                        put(&message)?;
                    }
                },
            },
        }
        Ok(Ok(true))
    }
}

/// Hears the client say that there is room again, until it goes.
fn listen(mut stream: &UnixStream, frames: &mut Frames, room: &Room) -> Result<(), Problem> {
    loop {
        let message = match frames.next(&mut stream) {
            Ok(Some(message)) => message,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(protocol(&error.to_string()));
            }
            Ok(None) | Err(_) => return Ok(()),
        };
        match Request::decode(message) {
            Ok(Request::Room) => room.announce(),
            Ok(_) => {
                let what = "a connection that changes flow through takes no other request";
                return Err(protocol(what));
            }
            Err(malformed) => return Err(protocol(&malformed.to_string())),
        }
    }
}

/// Passes on what changes; ends with why there is nothing more, or because the client went.
fn pump(
    stream: &UnixStream,
    ring: Option<&Reserved>,
    source: &mut Source,
    room: &Room,
) -> io::Result<Option<Problem>> {
    let writer = match ring {
        Some(ring) => Some(Arc::new(Mutex::new(ring.ring.writer().map_err(io::Error::other)?))),
        None => None,
    };
    // Parts that leave room for others in the ring, so that the client can read meanwhile.
    let bytes_max = ring.map_or(MESSAGE_BYTES_MAX, |ring| MESSAGE_BYTES_MAX.min(ring.bytes / 4));
    if let (Source::All(subscription), Some(writer)) = (&mut *source, &writer) {
        subscription.tell_directly(direct::teller(stream.try_clone()?, writer.clone(), bytes_max));
    }
    let mut put = |message: &[u8]| match &writer {
        Some(writer) => put_in_ring(stream, writer, room, message),
        None => crate::protocol::write_message(&mut &*stream, message),
    };
    loop {
        match source.pass(bytes_max, &mut put)? {
            Ok(false) if room.is_closed() => return Ok(None),
            Ok(_) => {}
            Err(problem) => return Ok(Some(problem)),
        }
    }
}

/// Puts a message in and wakes the client if it sleeps; waits for the client if there is no room.
fn put_in_ring(
    stream: &UnixStream,
    writer: &Mutex<Writer>,
    room: &Room,
    message: &[u8],
) -> io::Result<()> {
    loop {
        let pushed = lock(writer).push(message);
        match pushed {
            Ok(true) => return send(stream, &Answer::Wake),
            Ok(false) => return Ok(()),
            Err(RingError::Full) => {
                let before = room.seen();
                send(stream, &Answer::Full)?;
                room.wait(before)?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

/// A ring, with its share of what all rings may take.
struct Reserved {
    ring: Arc<Ring>,
    bytes: usize,
    shared: Arc<Shared>,
}

impl Reserved {
    /// Nothing if there is no memory for one: the client then does without.
    fn new(shared: &Arc<Shared>) -> Option<Self> {
        let bytes = shared.reserve_ring()?;
        match Ring::create(bytes) {
            Ok(ring) => Some(Self { ring: Arc::new(ring), bytes, shared: shared.clone() }),
            Err(error) => {
                shared.give_back_ring(bytes);
                shared.log(&format!("a client does without shared memory: {error}"));
                None
            }
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shared.give_back_ring(self.bytes);
    }
}

/// Where the thread that writes waits for the client to have read.
#[derive(Default)]
struct Room {
    state: Mutex<RoomState>,
    changed: Condvar,
}

#[derive(Default)]
struct RoomState {
    announced: u64,
    closed: bool,
}

impl Room {
    fn announce(&self) {
        lock(&self.state).announced += 1;
        self.changed.notify_all();
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// How often room was announced.
    fn seen(&self) -> u64 {
        lock(&self.state).announced
    }

    /// Waits until it was announced once more.
    fn wait(&self, seen: u64) -> io::Result<()> {
        let mut state = lock(&self.state);
        while state.announced == seen && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}
