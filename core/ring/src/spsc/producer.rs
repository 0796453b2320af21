//! The side that pushes.

use core::fmt;
use core::ptr;

use super::{CONSUMER, Full, PRODUCER, Shared, Short, WriteChunk};
use crate::primitive::Ordering;

/// The side of a ring that pushes items; made by [`Ring::split`](super::Ring::split).
pub struct Producer<'a, T> {
    pub(super) shared: Shared<'a, T>,
    /// Items pushed so far: what `Control::tail` says, which only this side writes.
    tail: usize,
    /// The slot of the next item; below the capacity unless that is 0.
    pub(super) slot: usize,
    /// What `tail` becomes at most: the capacity ahead of what `Control::head` said last, so that
    /// finding a free slot takes one comparison.
    limit_seen: usize,
}

// SAFETY: the producer has a part of the slots to itself, and moving it moves the right to write
// items there, which `T: Send` allows; what it shares with the consumer is atomic.
unsafe impl<T: Send> Send for Producer<'_, T> {}

impl<'a, T> Producer<'a, T> {
    pub(super) fn new(shared: Shared<'a, T>) -> Self {
        Self { shared, tail: 0, slot: 0, limit_seen: shared.capacity }
    }

    /// Pushes an item.
    ///
    /// # Errors
    /// [`Full`], with the item, if there is no free slot.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if self.free_seen() == 0 && self.look() == 0 {
            return Err(Full(item));
        }
        self.shared.control.rest.0.watch.write(self.slot, 1);
        // SAFETY: a slot is free, so there is one, and `slot` is below the capacity. It is the
        // first of the free ones, which are ours and hold nothing that would have to be dropped.
        unsafe { self.shared.slots.add(self.slot).cast::<T>().write(item) };
        // `slot_after(slot, 1)` would cost a subtraction more in the tightest of loops.
        self.slot += 1;
        if self.slot == self.shared.capacity {
            self.slot = 0;
        }
        self.publish(1);
        Ok(())
    }

    /// Pushes copies of the first items of a slice, as many as there are free slots for, and
    /// returns how many.
    #[inline]
    pub fn push_slice(&mut self, items: &[T]) -> usize
    where
        T: Copy,
    {
        let count = self.free_for(items.len()).min(items.len());
        if count == 0 {
            return 0;
        }
        let first = self.shared.before_end(self.slot, count);
        self.shared.control.rest.0.watch.write(self.slot, count);
        // SAFETY: `count` slots from `slot` on are free and ours. `first` of them come before the
        // end of the slots, the others at their start; `items` is at least as long, and cannot
        // overlap slots that are borrowed for as long as the ring lives.
        unsafe {
            let start = self.shared.slots.add(self.slot).cast::<T>();
            ptr::copy_nonoverlapping(items.as_ptr(), start, first);
            if first < count {
                let (rest, start) = (items.as_ptr().add(first), self.shared.slots.cast::<T>());
                ptr::copy_nonoverlapping(rest, start, count - first);
            }
        }
        self.advance(count);
        count
    }

    /// `count` free slots to be filled in place and then committed together.
    ///
    /// # Errors
    /// [`Short`] if fewer are free; it says how many are.
    #[inline]
    pub fn write_chunk(&mut self, count: usize) -> Result<WriteChunk<'_, 'a, T>, Short> {
        let available = self.free_for(count);
        if available < count {
            return Err(Short { available });
        }
        self.shared.control.rest.0.watch.write(self.slot, count);
        Ok(WriteChunk::new(self, count))
    }

    /// How many items the ring holds when full.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many items the ring holds now; the consumer may make it fewer at any moment.
    pub fn len(&self) -> usize {
        self.tail.wrapping_sub(self.shared.control.head.0.load(Ordering::Relaxed))
    }

    /// Whether the ring holds no item now. It stays so until this side pushes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no slot is free now; the consumer may change that at any moment.
    pub fn is_full(&self) -> bool {
        self.len() == self.shared.capacity
    }

    /// Whether the consumer was dropped, so that nobody will pop what is pushed.
    pub fn is_abandoned(&self) -> bool {
        self.shared.control.rest.0.gone.load(Ordering::Acquire) & CONSUMER != 0
    }

    /// Free slots by the head that was seen last: these are, and more may be.
    #[inline]
    fn free_seen(&self) -> usize {
        self.limit_seen.wrapping_sub(self.tail)
    }

    /// Free slots; the head is looked at only if fewer than `wanted` are known of.
    #[inline]
    fn free_for(&mut self, wanted: usize) -> usize {
        let seen = self.free_seen();
        if seen < wanted { self.look() } else { seen }
    }

    /// Free slots by a new look at the head. `Acquire`: the consumer is done with these slots.
    #[inline]
    fn look(&mut self) -> usize {
        let head = self.shared.control.head.0.load(Ordering::Acquire);
        self.limit_seen = head.wrapping_add(self.shared.capacity);
        self.free_seen()
    }

    /// Moves on by `count` free slots, which hold items now, and hands them over.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        if count > 0 {
            self.slot = self.shared.slot_after(self.slot, count);
            self.publish(count);
        }
    }

    /// Tells the consumer of `count` more items. `Release`: they are written.
    #[inline]
    fn publish(&mut self, count: usize) {
        self.tail = self.tail.wrapping_add(count);
        self.shared.control.tail.0.store(self.tail, Ordering::Release);
    }
}

impl<T> Drop for Producer<'_, T> {
    fn drop(&mut self) {
        self.shared.leave(PRODUCER);
    }
}

impl<T> fmt::Debug for Producer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity();
        f.debug_struct("Producer").field("capacity", &capacity).finish_non_exhaustive()
    }
}
