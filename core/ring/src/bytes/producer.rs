//! The side that writes frames.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::slice;

use super::{CONSUMER, NoRoom, PRODUCER, Shared};
use crate::frame::{Cursor, HEADER_BYTES, Header, Room, frame_bytes_max, size_bytes};
use crate::primitive::Ordering;

/// The side of a ring that writes frames; made by [`Ring::split`](super::Ring::split).
pub struct Producer<'a> {
    shared: Shared<'a>,
    /// What `Control::tail` says, which only this side writes.
    tail: Cursor,
    /// What `Control::head` said last. The truth is between it and `tail`.
    head_seen: usize,
}

// SAFETY: the producer has a part of the memory to itself, which is bytes; what it shares with the
// consumer is atomic.
unsafe impl Send for Producer<'_> {}

impl<'a> Producer<'a> {
    pub(super) fn new(shared: Shared<'a>) -> Self {
        Self { shared, tail: Cursor::START, head_seen: 0 }
    }

    /// `len` contiguous bytes, to be written and committed as one frame.
    ///
    /// # Errors
    /// [`NoRoom::Full`] if they are not free now. Try again, with the same length, when the
    /// consumer has read: a long frame may need it to come round to the start of the memory.
    /// [`NoRoom::TooLong`] if the length is above [`frame_bytes_max`](Self::frame_bytes_max).
    #[inline]
    pub fn grant(&mut self, len: usize) -> Result<Grant<'_, 'a>, NoRoom> {
        let bytes_max = self.frame_bytes_max();
        if len > bytes_max {
            return Err(NoRoom::TooLong { bytes_max });
        }
        let size = size_bytes(len);
        let mut room = self.find(size);
        if matches!(room, Room::Later | Room::LaterSkipNow) {
            // `Acquire`: the consumer is done with these bytes.
            self.head_seen = self.shared.control.head.0.load(Ordering::Acquire);
            room = self.find(size);
        }
        let to_end = self.shared.capacity - self.tail.offset;
        let skip = match room {
            Room::Here => 0,
            Room::AfterSkip => to_end,
            Room::Later => return Err(NoRoom::Full),
            Room::LaterSkipNow => {
                self.write_skip(to_end);
                self.publish();
                return Err(NoRoom::Full);
            }
        };
        Ok(Grant { producer: self, skip, len })
    }

    /// Writes a copy of `bytes` as one frame.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let mut grant = self.grant(bytes.len())?;
        grant.copy_from_slice(bytes);
        grant.commit(bytes.len());
        Ok(())
    }

    /// The longest frame that this ring takes: the capacity less 8 bytes.
    pub fn frame_bytes_max(&self) -> usize {
        frame_bytes_max(self.shared.capacity)
    }

    /// Whether the consumer was dropped, so that nobody will read what is written.
    pub fn is_abandoned(&self) -> bool {
        self.shared.is_gone(CONSUMER)
    }

    /// Room for so many bytes, by the head that was seen last.
    #[inline]
    fn find(&self, size: usize) -> Room {
        let capacity = self.shared.capacity;
        let free = capacity - (self.tail.position as usize).wrapping_sub(self.head_seen);
        Room::find(size, self.tail.offset, free, capacity)
    }

    /// Writes the header that stands at the tail.
    #[inline]
    fn write_header(&mut self, header: Header) {
        self.shared.control.rest.0.watch.write(self.tail.offset / HEADER_BYTES, 1);
        let bytes = header.encode().to_le_bytes();
        // SAFETY: offsets and the capacity are multiples of 8 and the offset is below the
        // capacity, so 8 bytes are there; the caller found room for them, so they are ours.
        unsafe {
            let place = self.shared.start.add(self.tail.offset);
            place.cast::<[u8; HEADER_BYTES]>().write_unaligned(bytes);
        }
    }

    /// Goes to the start of the memory. The caller found room for `to_end` bytes.
    fn write_skip(&mut self, to_end: usize) {
        self.write_header(Header::skip(self.tail));
        self.tail.advance(to_end, self.shared.capacity);
    }

    /// Tells the consumer how far it may read. `Release`: up to there all is written.
    #[inline]
    fn publish(&self) {
        self.shared.control.tail.0.store(self.tail.position as usize, Ordering::Release);
    }
}

impl Drop for Producer<'_> {
    fn drop(&mut self) {
        self.shared.leave(PRODUCER);
    }
}

impl fmt::Debug for Producer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.shared.capacity;
        f.debug_struct("Producer").field("capacity", &capacity).finish_non_exhaustive()
    }
}

/// Bytes to write to, from [`Producer::grant`]. Dropping it leaves them free.
#[derive(Debug)]
pub struct Grant<'p, 'a> {
    producer: &'p mut Producer<'a>,
    /// The bytes at the end of the memory that are to be skipped; 0 if the frame goes before it.
    skip: usize,
    len: usize,
}

impl Grant<'_, '_> {
    /// Hands the first `used` bytes over to the consumer, as one frame.
    ///
    /// # Panics
    /// If `used` is more than was granted.
    #[inline]
    pub fn commit(self, used: usize) {
        assert!(used <= self.len, "{used} bytes committed of a grant of {}", self.len);
        if self.skip > 0 {
            self.producer.write_skip(self.skip);
        }
        self.producer.write_header(Header::frame(used, self.producer.tail));
        self.producer.tail.advance(size_bytes(used), self.producer.shared.capacity);
        self.producer.publish();
    }

    /// Where the granted bytes begin.
    #[inline]
    fn offset(&self) -> usize {
        HEADER_BYTES + if self.skip > 0 { 0 } else { self.producer.tail.offset }
    }

    /// Shows a model the granted bytes.
    #[inline(always)]
    fn watch(&self) {
        let (at, count) = (self.offset() / HEADER_BYTES, self.len.div_ceil(HEADER_BYTES));
        self.producer.shared.control.rest.0.watch.write(at, count);
    }
}

impl Deref for Grant<'_, '_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.watch();
        // SAFETY: as in `deref_mut`.
        unsafe { slice::from_raw_parts(self.producer.shared.start.add(self.offset()), self.len) }
    }
}

impl DerefMut for Grant<'_, '_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.watch();
        let start = self.producer.shared.start;
        // SAFETY: `grant` found room for the header and `len` bytes here, within the memory; they
        // are the producer's own, which is borrowed, and were initialised by the memory's owner.
        unsafe { slice::from_raw_parts_mut(start.add(self.offset()), self.len) }
    }
}
