//! The side that pops.

use core::fmt;
use core::ptr;

use super::{CONSUMER, PRODUCER, ReadChunk, Shared, Short};
use crate::primitive::Ordering;

/// The side of a ring that pops items; made by [`Ring::split`](super::Ring::split).
pub struct Consumer<'a, T> {
    pub(super) shared: Shared<'a, T>,
    /// Items popped so far. `Control::head`, which only this side writes, says so or lags behind.
    head: usize,
    /// The slot of the next item; below the capacity unless that is 0.
    pub(super) slot: usize,
    /// What `Control::tail` said last. The truth is that or ahead of it.
    tail_seen: usize,
}

// SAFETY: the consumer has the items in the ring to itself, and moving it moves them, which
// `T: Send` allows; what it shares with the producer is atomic.
unsafe impl<T: Send> Send for Consumer<'_, T> {}

impl<'a, T> Consumer<'a, T> {
    pub(super) fn new(shared: Shared<'a, T>) -> Self {
        Self { shared, head: 0, slot: 0, tail_seen: 0 }
    }

    /// Pops the oldest item; nothing if the ring is empty.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.items_seen() == 0 && self.look() == 0 {
            return None;
        }
        self.shared.control.rest.0.watch.read(self.slot, 1);
        // SAFETY: there is an item, so there is a slot, and `slot` is below the capacity. It holds
        // the oldest item, which is ours and is not used again: the slot is given back below.
        let item = unsafe { self.shared.slots.add(self.slot).cast::<T>().read() };
        // `step(1)` would cost a subtraction more in the tightest of loops.
        self.slot += 1;
        if self.slot == self.shared.capacity {
            self.slot = 0;
        }
        self.head = self.head.wrapping_add(1);
        self.publish();
        Some(item)
    }

    /// The oldest item, which stays; nothing if the ring is empty.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.items_for(1) == 0 {
            return None;
        }
        self.shared.control.rest.0.watch.read(self.slot, 1);
        // SAFETY: as in `pop`; the item stays where it is while `self` is borrowed.
        Some(unsafe { &*self.shared.slots.add(self.slot).cast::<T>() })
    }

    /// Pops the oldest items into the start of a slice, as many as there are and as it takes, and
    /// returns how many.
    #[inline]
    pub fn pop_slice(&mut self, items: &mut [T]) -> usize
    where
        T: Copy,
    {
        let count = self.items_for(items.len()).min(items.len());
        if count == 0 {
            return 0;
        }
        let first = self.shared.before_end(self.slot, count);
        self.shared.control.rest.0.watch.read(self.slot, count);
        // SAFETY: `count` slots from `slot` on hold items, which are ours to copy. `first` of them
        // come before the end of the slots, the others at their start; `items` is at least as
        // long, and cannot overlap slots that are borrowed for as long as the ring lives.
        unsafe {
            let start = self.shared.slots.add(self.slot).cast::<T>();
            ptr::copy_nonoverlapping(start, items.as_mut_ptr(), first);
            if first < count {
                let (rest, start) = (items.as_mut_ptr().add(first), self.shared.slots.cast::<T>());
                ptr::copy_nonoverlapping(start, rest, count - first);
            }
        }
        self.step(count);
        self.publish();
        count
    }

    /// The oldest `count` items, to be read in place or moved out.
    ///
    /// # Errors
    /// [`Short`] if there are fewer; it says how many there are.
    #[inline]
    pub fn read_chunk(&mut self, count: usize) -> Result<ReadChunk<'_, 'a, T>, Short> {
        let available = self.items_for(count);
        if available < count {
            return Err(Short { available });
        }
        self.shared.control.rest.0.watch.read(self.slot, count);
        Ok(ReadChunk::new(self, count))
    }

    /// How many items the ring holds when full.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many items the ring holds now; the producer may make it more at any moment.
    pub fn len(&self) -> usize {
        self.shared.control.tail.0.load(Ordering::Relaxed).wrapping_sub(self.head)
    }

    /// Whether the ring holds no item now; the producer may change that at any moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the ring is full. It stays so until this side pops.
    pub fn is_full(&self) -> bool {
        self.len() == self.shared.capacity
    }

    /// Whether the producer was dropped. What it pushed before is there: asked first, this makes a
    /// ring that is found empty afterwards one that stays empty.
    pub fn is_abandoned(&self) -> bool {
        self.shared.control.rest.0.gone.load(Ordering::Acquire) & PRODUCER != 0
    }

    /// Items by the tail that was seen last: these are there, and more may be.
    #[inline]
    fn items_seen(&self) -> usize {
        self.tail_seen.wrapping_sub(self.head)
    }

    /// Items; the tail is looked at only if fewer than `wanted` are known of.
    #[inline]
    fn items_for(&mut self, wanted: usize) -> usize {
        let seen = self.items_seen();
        if seen < wanted { self.look() } else { seen }
    }

    /// Items by a new look at the tail. `Acquire`: they have been written.
    #[inline]
    fn look(&mut self) -> usize {
        self.tail_seen = self.shared.control.tail.0.load(Ordering::Acquire);
        self.items_seen()
    }

    /// Moves on by `count` items, which are used up: whatever happens, nobody sees them again.
    #[inline]
    pub(super) fn step(&mut self, count: usize) {
        if count > 0 {
            self.slot = self.shared.slot_after(self.slot, count);
            self.head = self.head.wrapping_add(count);
        }
    }

    /// Gives the slots of used items back to the producer. `Release`: the items have been read.
    #[inline]
    pub(super) fn publish(&mut self) {
        self.shared.control.head.0.store(self.head, Ordering::Release);
    }
}

impl<T> Drop for Consumer<'_, T> {
    fn drop(&mut self) {
        // A chunk's iterator that was leaked has stepped on and not published.
        self.publish();
        self.shared.control.rest.0.last_slot.store(self.slot, Ordering::Relaxed);
        self.shared.leave(CONSUMER);
    }
}

impl<T> fmt::Debug for Consumer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity();
        f.debug_struct("Consumer").field("capacity", &capacity).finish_non_exhaustive()
    }
}
