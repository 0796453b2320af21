//! A ring of typed items: one [`Producer`], one [`Consumer`], no lock and no wait.
//!
//! The memory is a slice of slots and a [`Control`], both the caller's. N slots hold N items,
//! whatever N is; a ring without slots is always full and always empty. Neither side ever waits for
//! the other: a full ring gives the item back, an empty one gives nothing.
//!
//! ```
//! use core::mem::MaybeUninit;
//! use treenail_ring::spsc::{Control, Full, Ring};
//!
//! let (mut control, mut slots) = (Control::new(), [MaybeUninit::uninit(); 3]);
//! let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
//!
//! assert_eq!(producer.push_slice(&[1, 2, 3, 4]), 3);
//! assert_eq!(producer.push(4), Err(Full(4)));
//! assert_eq!((consumer.pop(), consumer.peek()), (Some(1), Some(&2)));
//! drop(producer);
//! assert!(consumer.is_abandoned() && consumer.len() == 2);
//! ```
//!
//! # How it works
//! Each side counts what went through it, publishes the count, and keeps its place among the slots
//! to itself, so that no capacity needs a spare slot or a division. It remembers the count that the
//! other side last published and looks again only when that says "full" or "empty": most operations
//! then touch no memory that the other processor writes. Slots that begin a cache line (on x86-64
//! a pair of them, 128 bytes, as they are fetched) keep a batch from sharing one with the next.

mod chunk;
mod consumer;
mod producer;

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

pub use chunk::{Drain, ReadChunk, WriteChunk};
pub use consumer::Consumer;
pub use producer::Producer;

use crate::primitive::{AtomicU8, AtomicUsize, Ordering, Padded, Watch};

/// Bits of `Control::gone`.
const PRODUCER: u8 = 1;
const CONSUMER: u8 = 2;

/// What the two sides share beside the slots. It belongs to one [`Ring`] at a time.
pub struct Control {
    /// Items pushed so far, modulo 2^`usize::BITS`.
    tail: Padded<AtomicUsize>,
    /// Items popped so far, in the same count.
    head: Padded<AtomicUsize>,
    rest: Padded<Rest>,
}

/// What is written when a side ends, and not before.
struct Rest {
    /// Which sides were dropped.
    gone: AtomicU8,
    /// The slot of the next item to be popped, once the consumer is gone.
    last_slot: AtomicUsize,
    watch: Watch,
}

impl Control {
    /// A control that belongs to no ring yet.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            tail: Padded(AtomicUsize::new(0)),
            head: Padded(AtomicUsize::new(0)),
            rest: Padded(Rest {
                gone: AtomicU8::new(0),
                last_slot: AtomicUsize::new(0),
                watch: Watch::none(),
            }),
        }
    }

    /// A control that belongs to no ring yet.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            tail: Padded(AtomicUsize::new(0)),
            head: Padded(AtomicUsize::new(0)),
            rest: Padded(Rest {
                gone: AtomicU8::new(0),
                last_slot: AtomicUsize::new(0),
                watch: Watch::none(),
            }),
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
pub struct Ring<'a, T> {
    shared: Shared<'a, T>,
}

impl<'a, T> Ring<'a, T> {
    /// An empty ring over `slots`. What the slots hold is forgotten.
    pub fn new(control: &'a mut Control, slots: &'a mut [MaybeUninit<T>]) -> Self {
        *control = Control::new();
        control.rest.0.watch = Watch::new(slots.len());
        let (slots, capacity) = (slots.as_mut_ptr(), slots.len());
        Self { shared: Shared { control, slots, capacity, memory: PhantomData } }
    }

    /// How many items it holds: the number of slots.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// The two sides. When both have been dropped, so have the items left between them.
    pub fn split(self) -> (Producer<'a, T>, Consumer<'a, T>) {
        (Producer::new(self.shared), Consumer::new(self.shared))
    }
}

// SAFETY: a ring gives out sides, which are `Send` on the same condition; until then it is a unique
// borrow of memory without items.
unsafe impl<T: Send> Send for Ring<'_, T> {}

impl<T> fmt::Debug for Ring<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("capacity", &self.capacity()).finish()
    }
}

/// The ring is full; the item comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full; push again when the consumer has popped")
    }
}

impl<T: fmt::Debug> core::error::Error for Full<T> {}

/// Fewer slots are free, or fewer items there, than a chunk was to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// How many there are.
    pub available: usize,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a chunk of at most {} is to be had now", self.available)
    }
}

impl core::error::Error for Short {}

/// What both sides know: where the memory is. The slots from the consumer's to the producer's hold
/// items and belong to the consumer, the others are free and belong to the producer.
struct Shared<'a, T> {
    control: &'a Control,
    slots: *mut MaybeUninit<T>,
    capacity: usize,
    memory: PhantomData<&'a mut [MaybeUninit<T>]>,
}

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<'_, T> {}

impl<T> Shared<'_, T> {
    /// The slot behind `slot` by `count`, around the end. Both are at most the capacity.
    #[inline]
    fn slot_after(&self, slot: usize, count: usize) -> usize {
        debug_assert!(slot < self.capacity && count <= self.capacity);
        // Written so that it cannot overflow: slots of no size may be `usize::MAX` in number.
        let to_end = self.capacity - slot;
        if count < to_end { slot + count } else { count - to_end }
    }

    /// How many of `count` slots, from `slot` on, come before the end; the others start over.
    #[inline]
    fn before_end(&self, slot: usize, count: usize) -> usize {
        count.min(self.capacity - slot)
    }

    /// Drops the items in `count` slots from `slot` on.
    ///
    /// # Safety
    /// The slots hold items that belong to the caller, who must not use them again.
    unsafe fn drop_items(&self, slot: usize, count: usize) {
        self.control.rest.0.watch.write(slot, count);
        let first = self.before_end(slot, count);
        // SAFETY: `slot + first` is at most the capacity, so both ranges lie within the slots; the
        // caller vouches for what they hold.
        unsafe {
            let start = self.slots.add(slot).cast::<T>();
            ptr::slice_from_raw_parts_mut(start, first).drop_in_place();
            ptr::slice_from_raw_parts_mut(self.slots.cast::<T>(), count - first).drop_in_place();
        }
    }

    /// Notes that one side ends. The second to end drops what is left in the ring.
    fn leave(&self, side: u8) {
        let rest = &self.control.rest.0;
        if rest.gone.fetch_or(side, Ordering::AcqRel) == 0 {
            return;
        }
        let tail = self.control.tail.0.load(Ordering::Relaxed);
        let left = tail.wrapping_sub(self.control.head.0.load(Ordering::Relaxed));
        if left > 0 {
            // SAFETY: the other side left earlier, which `AcqRel` made visible with all that it
            // did before: both counts are final, the consumer has stored its slot, and the items
            // between belong to nobody else.
            unsafe { self.drop_items(rest.last_slot.load(Ordering::Relaxed), left) };
        }
    }
}
