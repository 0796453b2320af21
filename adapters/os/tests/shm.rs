//! Shared memory: what is refused, and that two processes on a ring survive each other.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use treenail_os::shm::{Role, Segment};
use treenail_ring::shared::{self, Consumer, Error, Producer};

#[test]
fn memory_is_seen_by_whoever_receives_it() {
    let (here, there) = UnixStream::pair().unwrap();
    let segment = Segment::create(4093).unwrap();
    assert_eq!(segment.words().len(), 512);
    segment.send(&here).unwrap();
    let received = Segment::receive(&there).unwrap();
    assert_eq!(received.words().len(), 512);
    segment.words()[511].store(77, Ordering::Relaxed);
    assert_eq!(received.words()[511].load(Ordering::Relaxed), 77);
    drop(segment);
    assert_eq!(received.words()[511].load(Ordering::Relaxed), 77);
}

#[test]
fn memory_of_no_size_is_refused() {
    assert_eq!(Segment::create(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(Segment::create(usize::MAX).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn what_is_no_segment_is_refused() {
    let refused = |fd: OwnedFd| {
        let error = Segment::open(fd).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    };
    refused(File::open("/dev/null").unwrap().into());
    refused(UnixStream::pair().unwrap().0.into());
    refused(tempfile::tempfile().unwrap().into());

    let (mut here, there) = UnixStream::pair().unwrap();
    here.write_all(b"S").unwrap();
    assert_eq!(Segment::receive(&there).unwrap_err().kind(), io::ErrorKind::InvalidData);
    drop(here);
    assert_eq!(Segment::receive(&there).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux {
    use std::io;

    use rustix::fs::{MemfdFlags, SealFlags};
    use treenail_os::shm::{Role, Segment};

    #[test]
    fn the_size_is_sealed() {
        let segment = Segment::create(8192).unwrap();
        assert!(rustix::fs::ftruncate(&segment, 4096).is_err());
        assert!(rustix::fs::ftruncate(&segment, 16384).is_err());
        assert!(rustix::fs::fcntl_add_seals(&segment, SealFlags::WRITE).is_err());
    }

    #[test]
    fn memory_that_can_shrink_is_refused() {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        for seals in [SealFlags::empty(), SealFlags::GROW] {
            let fd = rustix::fs::memfd_create("unsealed", flags).unwrap();
            rustix::fs::ftruncate(&fd, 4096).unwrap();
            rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
            let error = Segment::open(fd).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains("F_SEAL_SHRINK"), "{error}");
        }
        let empty = rustix::fs::memfd_create("empty", flags).unwrap();
        rustix::fs::fcntl_add_seals(&empty, SealFlags::SHRINK).unwrap();
        assert_eq!(Segment::open(empty).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_role_is_claimed_once_until_it_is_given_back() {
        let segment = Segment::create(64).unwrap();
        let producer = segment.claim(Role::Producer).unwrap().unwrap();
        assert!(segment.claim(Role::Producer).unwrap().is_none());
        assert!(segment.is_claimed(Role::Producer).unwrap());
        assert!(!segment.is_claimed(Role::Consumer).unwrap());
        let consumer = segment.claim(Role::Consumer).unwrap().unwrap();
        drop(producer);
        super::await_claim(&segment, Role::Producer, false);
        assert!(segment.is_claimed(Role::Consumer).unwrap());
        drop((segment, consumer));
    }
}

/// Where a child finds its descriptors: the ring and the counts, then its role and generation.
const CHILD: &str = "TREENAIL_SHM_CHILD";
const RING_BYTES: usize = 4000;
/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Words of the segment in which the two sides keep count, beside the ring.
const BEGUN: usize = 0;
const DONE: usize = 1;

/// The frame of this number in this generation: its length and every byte follow from both.
fn frame(generation: u64, n: u64) -> Vec<u8> {
    let seed = (generation << 32 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..seed >> 56).map(|at| (seed >> 20).wrapping_add(at * 31) as u8).collect()
}

/// Pushes frames for ever, or until the other side ends; counts before and after each.
fn push_on(producer: &mut Producer<'_>, counts: &[AtomicU64], mut on_full: impl FnMut() -> bool) {
    let generation = producer.generation();
    for n in 0.. {
        counts[BEGUN].store(n + 1, Ordering::SeqCst);
        while let Err(error) = producer.push(&frame(generation, n)) {
            assert_eq!(error, Error::Full);
            if !on_full() {
                return;
            }
            thread::yield_now();
        }
        counts[DONE].store(n + 1, Ordering::SeqCst);
    }
}

/// Pops and checks frames until there are none and the other side has ended; returns how many.
fn pop_on(
    consumer: &mut Consumer<'_>,
    counts: &[AtomicU64],
    mut on_empty: impl FnMut() -> bool,
) -> u64 {
    let generation = consumer.generation();
    let mut copy = [0; 256];
    let mut n = 0;
    loop {
        // Asked before the ring is found empty: a producer that died first pushed first.
        let goes_on = on_empty();
        while let Some(len) = consumer.pop(&mut copy).unwrap() {
            assert_eq!(copy[..len], frame(generation, n), "frame {n} of generation {generation}");
            n += 1;
            assert!(n <= counts[BEGUN].load(Ordering::SeqCst), "a frame that nobody began");
        }
        if !goes_on {
            return n;
        }
        thread::yield_now();
    }
}

/// Not a test: what the child processes do, until they are killed.
#[test]
fn child() {
    let Ok(what) = std::env::var(CHILD) else { return };
    let numbers: Vec<u64> = what.split(' ').map(|number| number.parse().unwrap()).collect();
    let inherited = |number: u64| {
        use std::os::fd::FromRawFd;
        // SAFETY: the parent left these two descriptors open for this process, which takes each
        // once.
        Segment::open(unsafe { OwnedFd::from_raw_fd(number as i32) }).unwrap()
    };
    let (ring, counts) = (inherited(numbers[0]), inherited(numbers[1]));
    let role = if numbers[2] == 0 { Role::Producer } else { Role::Consumer };
    let _claim = ring.claim(role).unwrap().expect("the one before is dead");
    match role {
        Role::Producer => {
            let mut producer = Producer::attach(ring.words()).unwrap();
            assert_eq!(producer.generation(), numbers[3]);
            push_on(&mut producer, counts.words(), || true);
        }
        Role::Consumer => {
            let mut consumer = Consumer::attach(ring.words()).unwrap();
            assert_eq!(consumer.generation(), numbers[3]);
            pop_on(&mut consumer, counts.words(), || true);
        }
    }
}

/// A process that plays one side until it is killed.
struct Victim(Child);

impl Victim {
    fn start(ring: &Segment, counts: &Segment, role: Role, generation: u64) -> Self {
        let fds = [ring.as_fd().as_raw_fd(), counts.as_fd().as_raw_fd()];
        let role = u8::from(role == Role::Consumer);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{} {} {role} {generation}", fds[0], fds[1]));
        // SAFETY: between fork and exec only `fcntl` is called, which may be called there.
        unsafe {
            command.pre_exec(move || {
                for fd in fds {
                    if libc::fcntl(fd, libc::F_SETFD, 0) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        Self(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    }

    /// Kills it, unless it has ended by itself, which would be an error of its own.
    fn kill(mut self) {
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL), "{status}");
    }
}

/// Waits until the role is claimed, or is not. Even a claim that this process drops may last a
/// moment: another test's child has it between fork and exec.
fn await_claim(ring: &Segment, role: Role, wanted: bool) {
    let start = Instant::now();
    while ring.is_claimed(role).unwrap() != wanted {
        assert!(start.elapsed() < PATIENCE, "the kernel does not say that {role:?} is {wanted}");
        thread::yield_now();
    }
}

/// How often a side is killed: a process costs some milliseconds.
const KILLS: u64 = 60;

/// Numbers that look random, the same each time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

fn new_ring() -> (Segment, Segment) {
    let ring = Segment::create(shared::words_for(RING_BYTES) * 8).unwrap();
    shared::create(ring.words()).unwrap();
    (ring, Segment::create(64).unwrap())
}

#[test]
fn a_killed_producer_leaves_whole_frames_and_its_place() {
    let (ring, counts) = new_ring();
    let mut consumer = Consumer::attach(ring.words()).unwrap();
    let mut state = 1;
    let mut frames = 0;
    for generation in 1..=KILLS {
        counts.words().iter().for_each(|word| word.store(0, Ordering::SeqCst));
        let mut victim = Some(Victim::start(&ring, &counts, Role::Producer, generation));
        await_claim(&ring, Role::Producer, true);
        let pause = Duration::from_micros(random(&mut state) % 3000);
        let claimed = Instant::now();
        let read = pop_on(&mut consumer, counts.words(), || {
            if claimed.elapsed() >= pause
                && let Some(victim) = victim.take()
            {
                victim.kill();
            }
            let lives = ring.is_claimed(Role::Producer).unwrap();
            assert!(lives || victim.is_none(), "a living process has lost its claim");
            lives
        });
        let count = |word: usize| counts.words()[word].load(Ordering::SeqCst);
        assert!((count(DONE)..=count(BEGUN)).contains(&read), "{read} of {}", count(DONE));
        assert!(!consumer.is_closed(), "a killed process cannot have said so");
        frames += read;
        consumer.renew();
    }
    assert!(frames > KILLS, "they came to their work");
}

#[test]
fn a_killed_consumer_is_noticed_and_replaced() {
    let (ring, counts) = new_ring();
    let mut producer = Producer::attach(ring.words()).unwrap();
    let mut state = 2;
    let mut frames = 0;
    for generation in 1..=KILLS {
        counts.words().iter().for_each(|word| word.store(0, Ordering::SeqCst));
        let mut victim = Some(Victim::start(&ring, &counts, Role::Consumer, generation));
        await_claim(&ring, Role::Consumer, true);
        let pause = Duration::from_micros(random(&mut state) % 3000);
        let claimed = Instant::now();
        // The ring fills up at the latest when nobody reads any more.
        push_on(&mut producer, counts.words(), || {
            if claimed.elapsed() >= pause
                && let Some(victim) = victim.take()
            {
                victim.kill();
            }
            ring.is_claimed(Role::Consumer).unwrap()
        });
        if let Some(victim) = victim {
            victim.kill();
        }
        frames += counts.words()[DONE].load(Ordering::SeqCst);
        assert!(!producer.is_closed());
        producer.renew();
    }
    assert!(frames > KILLS, "they came to their work");
}

#[test]
fn whoever_takes_a_killed_ones_place_finds_the_ring_as_it_was() {
    let (ring, _) = new_ring();
    let mut producer = Producer::attach(ring.words()).unwrap();
    producer.push(b"first").unwrap();
    let claim = ring.claim(Role::Consumer).unwrap().unwrap();
    let mut former = Consumer::attach(ring.words()).unwrap();
    assert_eq!(former.pop(&mut [0; 8]), Ok(Some(5)));
    producer.push(b"second").unwrap();
    std::mem::forget(former);
    drop(claim);
    await_claim(&ring, Role::Consumer, false);
    let _claim = ring.claim(Role::Consumer).unwrap().unwrap();
    let mut consumer = Consumer::attach(ring.words()).unwrap();
    assert_eq!(consumer.pop(&mut [0; 8]), Ok(Some(6)));
    assert_eq!(consumer.pop(&mut [0; 8]), Ok(None));
}
