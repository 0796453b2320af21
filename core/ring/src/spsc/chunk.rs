//! Many slots at a time, in place.

use core::iter::FusedIterator;
use core::mem::MaybeUninit;
use core::slice;

use super::{Consumer, Producer};

/// Free slots, to be filled and committed; from [`Producer::write_chunk`]. Dropping it leaves the
/// slots free.
#[derive(Debug)]
pub struct WriteChunk<'p, 'a, T> {
    producer: &'p mut Producer<'a, T>,
    len: usize,
}

impl<'p, 'a, T> WriteChunk<'p, 'a, T> {
    pub(super) fn new(producer: &'p mut Producer<'a, T>, len: usize) -> Self {
        Self { producer, len }
    }

    /// The slots in their order: those before the end of the ring, then those at its start. What
    /// they hold is to be overwritten, not dropped.
    pub fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let shared = &self.producer.shared;
        let first = shared.before_end(self.producer.slot, self.len);
        // SAFETY: `len` slots from the producer's on, around the end, are free; they are the
        // producer's own while it is borrowed, and the two ranges do not overlap.
        unsafe {
            (
                slice::from_raw_parts_mut(shared.slots.add(self.producer.slot), first),
                slice::from_raw_parts_mut(shared.slots, self.len - first),
            )
        }
    }

    /// Hands the first `count` slots over to the consumer, as items; the others stay free.
    ///
    /// # Safety
    /// The first `count` slots hold items.
    ///
    /// # Panics
    /// If `count` is more than the chunk has.
    #[inline]
    pub unsafe fn commit(self, count: usize) {
        assert!(count <= self.len, "{count} slots committed of a chunk of {}", self.len);
        self.producer.advance(count);
    }

    /// Fills the slots from an iterator until either ends, hands over what was filled, and returns
    /// how many those are. Should the iterator panic, what it gave before is handed over.
    #[inline]
    pub fn fill(self, items: impl IntoIterator<Item = T>) -> usize {
        let (shared, slot) = (self.producer.shared, self.producer.slot);
        let first = shared.before_end(slot, self.len);
        let mut filled = Filled { producer: self.producer, count: 0 };
        let mut items = items.into_iter();
        // Two plain loops: one that went around the end would ask for it at each item.
        for (slot, len) in [(slot, first), (0, self.len - first)] {
            for slot in slot..slot + len {
                let Some(item) = items.next() else { return filled.count };
                // SAFETY: the slot is below the capacity, one of the chunk's, free and ours.
                unsafe { shared.slots.add(slot).cast::<T>().write(item) };
                filled.count += 1;
            }
        }
        filled.count
    }

    /// How many slots it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Hands over what was filled, whichever way the filling ends.
struct Filled<'p, 'a, T> {
    producer: &'p mut Producer<'a, T>,
    count: usize,
}

impl<T> Drop for Filled<'_, '_, T> {
    fn drop(&mut self) {
        self.producer.advance(self.count);
    }
}

/// The oldest items, to be read in place and committed, or moved out through its iterator; from
/// [`Consumer::read_chunk`]. Dropping it leaves the items in the ring.
#[derive(Debug)]
pub struct ReadChunk<'c, 'a, T> {
    consumer: &'c mut Consumer<'a, T>,
    len: usize,
}

impl<'c, 'a, T> ReadChunk<'c, 'a, T> {
    pub(super) fn new(consumer: &'c mut Consumer<'a, T>, len: usize) -> Self {
        Self { consumer, len }
    }

    /// The items in their order: those before the end of the ring, then those at its start.
    #[inline]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let shared = &self.consumer.shared;
        let first = shared.before_end(self.consumer.slot, self.len);
        // SAFETY: `len` slots from the consumer's on, around the end, hold items, which stay there
        // while the consumer is borrowed.
        unsafe {
            (
                slice::from_raw_parts(shared.slots.add(self.consumer.slot).cast(), first),
                slice::from_raw_parts(shared.slots.cast(), self.len - first),
            )
        }
    }

    /// The same, to be changed.
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        let shared = &self.consumer.shared;
        let first = shared.before_end(self.consumer.slot, self.len);
        // SAFETY: as in `as_slices`; the items are the consumer's own, and the two ranges do not
        // overlap.
        unsafe {
            (
                slice::from_raw_parts_mut(shared.slots.add(self.consumer.slot).cast(), first),
                slice::from_raw_parts_mut(shared.slots.cast(), self.len - first),
            )
        }
    }

    /// Drops the first `count` items and gives their slots back; the others stay in the ring.
    ///
    /// # Panics
    /// If `count` is more than the chunk has.
    #[inline]
    pub fn commit(self, count: usize) {
        assert!(count <= self.len, "{count} items committed of a chunk of {}", self.len);
        if count == 0 {
            return;
        }
        let (shared, slot) = (self.consumer.shared, self.consumer.slot);
        // First, lest an item that panics when it is dropped be dropped again.
        self.consumer.step(count);
        let _published = Published(self.consumer);
        // SAFETY: the slots held items of ours, which nobody uses again after the step. They are
        // given back when this is done.
        unsafe { shared.drop_items(slot, count) };
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Gives back the slots of used items, at the end.
#[derive(Debug)]
struct Published<'c, 'a, T>(&'c mut Consumer<'a, T>);

impl<T> Drop for Published<'_, '_, T> {
    fn drop(&mut self) {
        self.0.publish();
    }
}

impl<'c, 'a, T> IntoIterator for ReadChunk<'c, 'a, T> {
    type Item = T;
    type IntoIter = Drain<'c, 'a, T>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        Drain { consumer: Published(self.consumer), left: self.len }
    }
}

/// Moves the items of a [`ReadChunk`] out. When it is dropped, the slots of those that came out
/// are given back together; the others stay in the ring.
#[derive(Debug)]
pub struct Drain<'c, 'a, T> {
    consumer: Published<'c, 'a, T>,
    left: usize,
}

impl<T> Iterator for Drain<'_, '_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let consumer = &mut *self.consumer.0;
        // SAFETY: the slot holds one of the chunk's items, which are ours. Stepping on keeps
        // anybody from reading it again, even if this iterator is leaked.
        let item = unsafe { consumer.shared.slots.add(consumer.slot).cast::<T>().read() };
        consumer.step(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Drain<'_, '_, T> {}
impl<T> FusedIterator for Drain<'_, '_, T> {}
