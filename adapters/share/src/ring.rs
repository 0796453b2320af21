//! The shared memory through which a client gets its changes: a ring of messages, and before it a
//! word that says whether the client sleeps.
//!
//! The client sets the word when it has seen the ring's end and looks once more before it sleeps;
//! the daemon, when it has put something in, takes the word back and wakes the client if it was
//! set. So nobody sleeps on a message, and a client that is busy costs no system call.

use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use treenail_os::shm::Segment;
use treenail_ring::shared::{self, AttachError, Consumer, Error, Producer};

/// The words before the ring: a cache line of its own, and the one that processors fetch with it.
const HEAD_WORDS: usize = 16;

/// The memory with a ring in it.
pub(crate) struct Ring {
    segment: Segment,
}

impl Ring {
    /// New memory for so many bytes of messages.
    pub(crate) fn create(bytes: usize) -> io::Result<Self> {
        let words = HEAD_WORDS + shared::words_for(bytes);
        let segment = Segment::create(words * size_of::<u64>())?;
        shared::create(&segment.words()[HEAD_WORDS..]).map_err(io::Error::other)?;
        Ok(Self { segment })
    }

    /// Gives the client the memory.
    pub(crate) fn send(&self, socket: &UnixStream) -> io::Result<()> {
        self.segment.send(socket)
    }

    /// The daemon's side.
    pub(crate) fn writer(self: &Arc<Self>) -> Result<Writer, AttachError> {
        let words: *const [AtomicU64] = &raw const self.segment.words()[HEAD_WORDS..];
        // SAFETY: the words are a mapping, which is unmapped when the last reference to the ring is
        // dropped. `Writer` keeps one behind `producer`, which `drop` drops first and which is used
        // with the life of the writer only.
        let words: &'static [AtomicU64] = unsafe { &*words };
        let producer = ManuallyDrop::new(Producer::attach(words)?);
        Ok(Writer { producer, ring: self.clone() })
    }
}

/// The daemon's side of a ring, with the memory.
pub(crate) struct Writer {
    /// Dropped before the memory.
    producer: ManuallyDrop<Producer<'static>>,
    ring: Arc<Ring>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: it is dropped here only, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.producer) };
    }
}

impl Writer {
    /// Puts a message in; whether the client has to be woken.
    pub(crate) fn push(&mut self, message: &[u8]) -> Result<bool, Error> {
        self.producer.push(message)?;
        // With the fence in `Reader::sleeps`: either this sees that the client sleeps, or the
        // client sees the message.
        fence(Ordering::SeqCst);
        let word = &self.ring.segment.words()[0];
        let sleeps = word.load(Ordering::Relaxed) != 0;
        Ok(sleeps && word.swap(0, Ordering::Relaxed) != 0)
    }
}

/// The client's side of a ring, with the memory.
pub(crate) struct Reader {
    /// Dropped before the memory.
    consumer: ManuallyDrop<Consumer<'static>>,
    segment: Segment,
    message: Vec<u8>,
}

impl Reader {
    /// Receives the memory.
    pub(crate) fn receive(socket: &UnixStream) -> io::Result<Self> {
        let segment = Segment::receive(socket)?;
        let words = segment.words().get(HEAD_WORDS..).unwrap_or_default();
        let words: *const [AtomicU64] = words;
        // SAFETY: the words are a mapping, which stays where it is when `segment` is moved, and is
        // unmapped when `segment` is dropped. `Reader` keeps it behind `consumer`, which `drop`
        // drops first and which is lent out with the life of the reader only.
        let words: &'static [AtomicU64] = unsafe { &*words };
        let consumer = Consumer::attach(words)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(Self { consumer: ManuallyDrop::new(consumer), segment, message: Vec::new() })
    }

    /// Takes the oldest message out; nothing if there is none.
    pub(crate) fn pop(&mut self) -> Result<Option<&[u8]>, Error> {
        let Some(len) = self.consumer.next_len()? else { return Ok(None) };
        self.message.resize(len, 0);
        let popped = self.consumer.pop(&mut self.message)?;
        Ok(popped.map(|len| &self.message[..len]))
    }

    /// Says that the client is about to sleep; whether it may, since there still is nothing.
    pub(crate) fn sleeps(&mut self) -> Result<bool, Error> {
        self.segment.words()[0].store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Ok(self.consumer.next_len()?.is_none())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: it is dropped here only, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.consumer) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::thread;

    use treenail_os::shm::Segment;

    use super::{Reader, Ring};

    fn pair(bytes: usize) -> (Arc<Ring>, Reader) {
        let (here, there) = UnixStream::pair().unwrap();
        let ring = Arc::new(Ring::create(bytes).unwrap());
        ring.send(&here).unwrap();
        (ring, Reader::receive(&there).unwrap())
    }

    #[test]
    fn only_a_sleeping_client_is_woken_and_once() {
        let (ring, mut reader) = pair(1 << 16);
        let mut writer = ring.writer().unwrap();
        assert!(!writer.push(b"one").unwrap());
        assert!(!reader.sleeps().unwrap(), "there is a message");
        assert_eq!(reader.pop().unwrap(), Some(&b"one"[..]));
        assert!(reader.sleeps().unwrap());
        assert!(writer.push(b"two").unwrap());
        assert!(!writer.push(b"three").unwrap());
        assert_eq!(reader.pop().unwrap(), Some(&b"two"[..]));
        assert_eq!(reader.pop().unwrap(), Some(&b"three"[..]));
        assert_eq!(reader.pop().unwrap(), None);
    }

    #[test]
    fn nobody_sleeps_on_a_message() {
        let (ring, mut reader) = pair(1 << 10);
        let (wake, woken) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut writer = ring.writer().unwrap();
                for n in 0..20_000_u32 {
                    loop {
                        match writer.push(&n.to_le_bytes()) {
                            Ok(false) => break,
                            Ok(true) => break wake.send(()).unwrap(),
                            Err(_) => thread::yield_now(),
                        }
                    }
                }
            });
            let mut next = 0_u32;
            while next < 20_000 {
                if let Some(message) = reader.pop().unwrap() {
                    assert_eq!(message, next.to_le_bytes());
                    next += 1;
                } else if reader.sleeps().unwrap() {
                    let woken = woken.recv_timeout(std::time::Duration::from_secs(20));
                    woken.expect("a message wakes a client that sleeps");
                }
            }
        });
    }

    #[test]
    fn memory_without_a_ring_is_refused() {
        for bytes in [8, 128, 4096] {
            let (here, there) = UnixStream::pair().unwrap();
            Segment::create(bytes).unwrap().send(&here).unwrap();
            assert!(Reader::receive(&there).is_err(), "{bytes}");
        }
    }
}
