//! The side that reads frames.

use core::fmt;
use core::ops::Deref;
use core::slice;

use super::{CONSUMER, PRODUCER, Shared};
use crate::frame::{Cursor, HEADER_BYTES, Header, check, size_bytes};
use crate::primitive::Ordering;

/// The side of a ring that reads frames; made by [`Ring::split`](super::Ring::split).
pub struct Consumer<'a> {
    shared: Shared<'a>,
    /// What `Control::head` says, which only this side writes.
    head: Cursor,
    /// What `Control::tail` said last. The truth is that or ahead of it.
    tail_seen: usize,
}

// SAFETY: the consumer has a part of the memory to itself, which is bytes; what it shares with the
// producer is atomic.
unsafe impl Send for Consumer<'_> {}

impl<'a> Consumer<'a> {
    pub(super) fn new(shared: Shared<'a>) -> Self {
        Self { shared, head: Cursor::START, tail_seen: 0 }
    }

    /// The oldest frame; nothing if there is none. Until it is released, the next call gives it
    /// again.
    #[inline]
    pub fn read(&mut self) -> Option<Frame<'_, 'a>> {
        loop {
            if self.head.position as usize == self.tail_seen {
                // `Acquire`: up to there all is written.
                self.tail_seen = self.shared.control.tail.0.load(Ordering::Acquire);
                if self.head.position as usize == self.tail_seen {
                    return None;
                }
            }
            match self.header().len {
                Some(len) => return Some(Frame { consumer: self, len: len as usize }),
                None => self.advance(self.shared.capacity - self.head.offset),
            }
        }
    }

    /// Whether the producer was dropped. What it wrote before is there: asked first, this makes a
    /// ring that is found empty afterwards one that stays empty.
    pub fn is_abandoned(&self) -> bool {
        self.shared.is_gone(PRODUCER)
    }

    /// The header at the head, where the producer has written one.
    #[inline]
    fn header(&self) -> Header {
        self.shared.control.rest.0.watch.read(self.head.offset / HEADER_BYTES, 1);
        // SAFETY: offsets and the capacity are multiples of 8 and the offset is below the
        // capacity, so 8 bytes are there. The head is behind the tail, so they are ours.
        let bytes = unsafe {
            let place = self.shared.start.add(self.head.offset);
            place.cast::<[u8; HEADER_BYTES]>().read_unaligned()
        };
        let header = Header::decode(u64::from_le_bytes(bytes));
        debug_assert_eq!(header.check, check(self.head), "only the producer writes here");
        header
    }

    /// Gives bytes back to the producer. `Release`: they have been read.
    #[inline]
    fn advance(&mut self, by: usize) {
        self.head.advance(by, self.shared.capacity);
        self.shared.control.head.0.store(self.head.position as usize, Ordering::Release);
    }
}

impl Drop for Consumer<'_> {
    fn drop(&mut self) {
        self.shared.leave(CONSUMER);
    }
}

impl fmt::Debug for Consumer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.shared.capacity;
        f.debug_struct("Consumer").field("capacity", &capacity).finish_non_exhaustive()
    }
}

/// A frame's bytes, from [`Consumer::read`]. Dropping it leaves the frame in the ring.
#[derive(Debug)]
pub struct Frame<'c, 'a> {
    consumer: &'c mut Consumer<'a>,
    len: usize,
}

impl Frame<'_, '_> {
    /// Gives the frame's place back to the producer.
    #[inline]
    pub fn release(self) {
        self.consumer.advance(size_bytes(self.len));
    }
}

impl Deref for Frame<'_, '_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let at = self.consumer.head.offset + HEADER_BYTES;
        let watch = &self.consumer.shared.control.rest.0.watch;
        watch.read(at / HEADER_BYTES, self.len.div_ceil(HEADER_BYTES));
        // SAFETY: the producer had room for the header and `len` bytes here, within the memory,
        // wrote them and handed them over; nobody writes them until they are released, for which
        // this borrow has to end.
        unsafe { slice::from_raw_parts(self.consumer.shared.start.add(at), self.len) }
    }
}
