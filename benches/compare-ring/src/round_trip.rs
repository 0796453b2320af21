//! A number to another process and back, one at a time.

use std::cell::RefCell;
use std::hint::spin_loop;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Target};
use treenail_os::shm::{Claim, Role, Segment};
use treenail_ring::shared::{self, Consumer, Producer};

use crate::job::{Way, case, pin};
use crate::version;

/// Set for the process that sends everything back; it says how.
const ECHO: &str = "COMPARE_RING_ECHO";
const TRIPS: u64 = 20_000;
const CAPACITY_BYTES: usize = 4096;
/// How often the echo finds nothing before it asks whether the other process still lives.
const IDLE_MAX: u32 = 100_000;

/// The case, if the system has what it needs.
pub(crate) fn cases() -> Result<Vec<Case>, String> {
    let rings = Rc::new(RefCell::new(Rings::start().map_err(|e| format!("echo: {e}"))?));
    let mut socket = Socket::start().map_err(|e| format!("echo: {e}"))?;
    let ours = rings.clone();
    let ways = vec![
        Way {
            name: "treenail-ring, shared",
            version: version!("TREENAIL_RING"),
            run: Box::new(move || ours.borrow_mut().awake(|rings| trips(|n| rings.trip(n)))),
        },
        Way {
            name: "Unix socket",
            version: "the system's",
            run: Box::new(move || {
                pin(0);
                trips(|n| socket.trip(n).expect("the echo lives"))
            }),
        },
    ];
    let name = "round trip of 8 bytes to another process, 20,000 times";
    let targets = vec![Target::Ratio { rival: "Unix socket", max: 1.0 }];
    let mut case = case(name, TRIPS * 16, targets, ways);
    case.facts.push(("one round trip", Answer::closure(move || Ok(latency(&rings)))));
    Ok(vec![case])
}

/// Sends everything back, if this is the process that is to; true if it was.
pub(crate) fn echo() -> io::Result<bool> {
    let Ok(kind) = std::env::var(ECHO) else { return Ok(false) };
    pin(1);
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    if kind == "socket" {
        let mut bytes = [0; 8];
        while socket.read_exact(&mut bytes).is_ok() {
            socket.write_all(&bytes)?;
        }
        return Ok(true);
    }
    let (there, back) = (Segment::receive(&socket)?, Segment::receive(&socket)?);
    let mut consumer = Consumer::attach(there.words()).map_err(io::Error::other)?;
    let mut producer = Producer::attach(back.words()).map_err(io::Error::other)?;
    // Between the samples it sleeps, lest it take a processor from what is measured then.
    while socket.read_exact(&mut [0]).is_ok() {
        let mut bytes = [0; 8];
        let mut idle = 0;
        loop {
            match consumer.pop(&mut bytes).map_err(io::Error::other)? {
                Some(0) => break,
                Some(_) => {
                    producer.push(&bytes).map_err(io::Error::other)?;
                    idle = 0;
                }
                None if idle < IDLE_MAX => {
                    idle += 1;
                    spin_loop();
                }
                None if there.is_claimed(Role::Producer)? => idle = 0,
                None => return Ok(true),
            }
        }
    }
    Ok(true)
}

fn trips(mut trip: impl FnMut(u64) -> u64) -> u64 {
    (0..TRIPS).fold(0, |sum: u64, n| sum.wrapping_mul(31).wrapping_add(trip(n)))
}

/// The median and the 99th percentile of single trips.
fn latency(rings: &RefCell<Rings>) -> String {
    let timed = |rings: &mut Rings, n| {
        let start = Instant::now();
        rings.trip(n);
        start.elapsed().as_nanos()
    };
    let mut times: Vec<u128> =
        rings.borrow_mut().awake(|rings| (0..5 * TRIPS).map(|n| timed(rings, n)).collect());
    times.sort_unstable();
    format!("median {} ns, p99 {} ns", times[times.len() / 2], times[times.len() * 99 / 100])
}

/// A ring to the echo and one back. The echo ends when this process does, since then the socket
/// closes and the claim goes.
struct Rings {
    socket: UnixStream,
    producer: Producer<'static>,
    consumer: Consumer<'static>,
    _claim: Claim,
}

impl Rings {
    fn start() -> io::Result<Self> {
        let (socket, _echo) = start("rings")?;
        let ring = || -> io::Result<&'static Segment> {
            let segment = Segment::create(shared::words_for(CAPACITY_BYTES) * 8)?;
            shared::create(segment.words()).map_err(io::Error::other)?;
            Ok(Box::leak(Box::new(segment)))
        };
        let (there, back) = (ring()?, ring()?);
        let claim = there.claim(Role::Producer)?.ok_or(io::ErrorKind::ResourceBusy)?;
        there.send(&socket)?;
        back.send(&socket)?;
        Ok(Self {
            socket,
            producer: Producer::attach(there.words()).map_err(io::Error::other)?,
            consumer: Consumer::attach(back.words()).map_err(io::Error::other)?,
            _claim: claim,
        })
    }

    /// Has something done while the echo listens.
    fn awake<T>(&mut self, doing: impl FnOnce(&mut Self) -> T) -> T {
        pin(0);
        self.socket.write_all(&[1]).expect("the echo lives");
        let done = doing(self);
        self.producer.push(b"").expect("the ring is empty");
        done
    }

    fn trip(&mut self, n: u64) -> u64 {
        self.producer.push(&n.to_le_bytes()).expect("the ring is empty");
        let mut bytes = [0; 8];
        while self.consumer.pop(&mut bytes).expect("the echo is no enemy").is_none() {
            spin_loop();
        }
        u64::from_le_bytes(bytes)
    }
}

/// A socket to the echo, which ends with it.
struct Socket(UnixStream);

impl Socket {
    fn start() -> io::Result<Self> {
        Ok(Self(start("socket")?.0))
    }

    fn trip(&mut self, n: u64) -> io::Result<u64> {
        let mut bytes = n.to_le_bytes();
        self.0.write_all(&bytes)?;
        self.0.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

fn start(kind: &str) -> io::Result<(UnixStream, Child)> {
    let (here, there) = UnixStream::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env(ECHO, kind).stdin(OwnedFd::from(there)).stdout(Stdio::null());
    Ok((here, command.spawn()?))
}
