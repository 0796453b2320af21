//! A ring of frames: byte strings of any length, written and read in place.
//!
//! [`Producer::grant`] gives contiguous bytes to write to, [`Consumer::read`] those of the oldest
//! frame. A frame that does not fit before the end of the memory goes to its start. Each takes 8
//! bytes more than its length, rounded up to a multiple of 8; the longest may fill the memory:
//! [`Producer::frame_bytes_max`].
//!
//! ```
//! use treenail_ring::bytes::{Control, NoRoom, Ring};
//!
//! let (mut control, mut memory) = (Control::new(), [0; 64]);
//! let (mut producer, mut consumer) = Ring::new(&mut control, &mut memory)?.split();
//!
//! let mut grant = producer.grant(40)?;
//! grant[..5].copy_from_slice(b"treen");
//! grant.commit(5);
//! producer.push(b"ail")?;
//! assert_eq!(producer.push(&[0; 57]), Err(NoRoom::TooLong { bytes_max: 56 }));
//!
//! let frame = consumer.read().expect("two frames are there");
//! assert_eq!(&*frame, b"treen");
//! frame.release();
//! assert_eq!(&*consumer.read().expect("one is left"), b"ail");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The bytes that are left, and those between frames, are whatever the memory held before.

mod consumer;
mod producer;

use core::fmt;
use core::marker::PhantomData;

pub use consumer::{Consumer, Frame};
pub use producer::{Grant, Producer};

use crate::frame::{CAPACITY_BYTES_MIN, HEADER_BYTES};
use crate::primitive::{AtomicU8, AtomicUsize, Ordering, Padded, Watch};

/// Bits of `Control::gone`.
const PRODUCER: u8 = 1;
const CONSUMER: u8 = 2;

/// What the two sides share beside the memory. It belongs to one [`Ring`] at a time.
pub struct Control {
    /// Bytes written so far, modulo 2^`usize::BITS`.
    tail: Padded<AtomicUsize>,
    /// Bytes read so far, in the same count.
    head: Padded<AtomicUsize>,
    rest: Padded<Rest>,
}

/// What is not written while the ring is in use.
struct Rest {
    /// Which sides were dropped.
    gone: AtomicU8,
    watch: Watch,
}

impl Control {
    /// A control that belongs to no ring yet.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            tail: Padded(AtomicUsize::new(0)),
            head: Padded(AtomicUsize::new(0)),
            rest: Padded(Rest { gone: AtomicU8::new(0), watch: Watch::none() }),
        }
    }

    /// A control that belongs to no ring yet.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            tail: Padded(AtomicUsize::new(0)),
            head: Padded(AtomicUsize::new(0)),
            rest: Padded(Rest { gone: AtomicU8::new(0), watch: Watch::none() }),
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// An empty ring, about to be split into its two sides.
pub struct Ring<'a> {
    shared: Shared<'a>,
}

impl<'a> Ring<'a> {
    /// An empty ring over `memory`, of which up to 7 bytes at the end stay unused.
    ///
    /// # Errors
    /// [`TooSmall`] if the memory has fewer than 16 bytes.
    pub fn new(control: &'a mut Control, memory: &'a mut [u8]) -> Result<Self, TooSmall> {
        let capacity = memory.len() / HEADER_BYTES * HEADER_BYTES;
        if capacity < CAPACITY_BYTES_MIN {
            return Err(TooSmall { bytes: memory.len() });
        }
        *control = Control::new();
        control.rest.0.watch = Watch::new(capacity / HEADER_BYTES);
        let start = memory.as_mut_ptr();
        Ok(Self { shared: Shared { control, start, capacity, memory: PhantomData } })
    }

    /// The memory that is used, in bytes.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// The two sides.
    pub fn split(self) -> (Producer<'a>, Consumer<'a>) {
        (Producer::new(self.shared), Consumer::new(self.shared))
    }
}

// SAFETY: a ring is a unique borrow of bytes and atomics, which may be used on any thread.
unsafe impl Send for Ring<'_> {}

impl fmt::Debug for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("capacity", &self.capacity()).finish()
    }
}

/// The memory is too small for a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    /// How much it is.
    pub bytes: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = CAPACITY_BYTES_MIN;
        write!(
            f,
            "{} bytes are too small for a ring of frames; give it {least} or more",
            self.bytes
        )
    }
}

impl core::error::Error for TooSmall {}

/// Why a frame has no place in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRoom {
    /// None now; there will be when the consumer has read enough.
    Full,
    /// None ever.
    TooLong {
        /// The longest frame that this ring takes.
        bytes_max: usize,
    },
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full; try again when the consumer has read"),
            Self::TooLong { bytes_max } => {
                write!(f, "frames in this ring have at most {bytes_max} bytes; split it up")
            }
        }
    }
}

impl core::error::Error for NoRoom {}

/// What both sides know: where the memory is. The bytes from the consumer's place to the
/// producer's belong to the consumer, the others to the producer.
#[derive(Clone, Copy)]
struct Shared<'a> {
    control: &'a Control,
    start: *mut u8,
    capacity: usize,
    memory: PhantomData<&'a mut [u8]>,
}

impl Shared<'_> {
    fn is_gone(&self, side: u8) -> bool {
        self.control.rest.0.gone.load(Ordering::Acquire) & side != 0
    }

    /// `Release`: what the side did before is seen by whoever finds it gone.
    fn leave(&self, side: u8) {
        self.control.rest.0.gone.fetch_or(side, Ordering::Release);
    }
}
