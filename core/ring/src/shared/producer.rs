//! The side that writes frames.

use core::fmt;

use super::segment::{Segment, Side, next_generation};
use super::{AttachError, Error};
use crate::frame::{Cursor, HEADER_BYTES, Header, Room, frame_bytes_max, size_bytes};
use crate::primitive::AtomicU64;

/// The side of a shared ring that writes frames. There may be one at a time: the kernel's lock on
/// the role, not this memory, sees to that.
pub struct Producer<'m> {
    segment: Segment<'m>,
    generation: u64,
    /// Where the next frame goes. The memory has a copy that nobody reads back.
    tail: Cursor,
    /// The consumer's position that was seen and checked last.
    head_seen: u64,
    fault: Option<Error>,
}

impl<'m> Producer<'m> {
    /// Attaches to a ring, to go on behind the frames that are published in it.
    ///
    /// # Errors
    /// [`AttachError`] if the memory holds no ring that is ready.
    pub fn attach(words: &'m [AtomicU64]) -> Result<Self, AttachError> {
        let found = Segment::open(words)?;
        Ok(Self {
            segment: found.segment,
            generation: found.generation,
            tail: found.tail,
            head_seen: found.head.position,
            fault: None,
        })
    }

    /// Writes a copy of `bytes` as one frame.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::TooLong`] if it has no room; after `Full`, try again with the
    /// same frame when the consumer has read. [`Error::Stale`] or [`Error::Poisoned`] if the ring
    /// cannot be used any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let bytes_max = self.frame_bytes_max();
        if bytes.len() > bytes_max {
            return Err(Error::TooLong { bytes_max });
        }
        match self.room(size_bytes(bytes.len()))? {
            Room::Here => {}
            Room::AfterSkip => self.skip(),
            Room::Later => return Err(Error::Full),
            Room::LaterSkipNow => {
                self.skip();
                self.segment.publish(Side::Producer, self.tail);
                return Err(Error::Full);
            }
        }
        let header = Header::frame(bytes.len(), self.tail);
        self.segment.store_header(self.tail.offset, header.encode());
        self.segment.copy_in(self.tail.offset + HEADER_BYTES, bytes);
        self.tail.advance(size_bytes(bytes.len()), self.segment.capacity);
        self.segment.publish(Side::Producer, self.tail);
        Ok(())
    }

    /// The longest frame that this ring takes: the capacity less 8 bytes.
    pub fn frame_bytes_max(&self) -> usize {
        frame_bytes_max(self.segment.capacity)
    }

    /// The ring's generation, from 1 on.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the consumer said that it ended in good order. If it was killed it cannot have said
    /// so, and if it is hostile it may lie.
    pub fn is_closed(&self) -> bool {
        self.segment.is_closed(Side::Consumer, self.generation)
    }

    /// Empties the ring and makes it usable again, as the next generation. To be called when the
    /// consumer is gone for certain: one that is not gets [`Error::Stale`].
    pub fn renew(&mut self) {
        self.generation = next_generation(self.generation);
        self.segment.reset(self.generation);
        (self.tail, self.head_seen, self.fault) = (Cursor::START, 0, None);
    }

    /// Where there is room for so many bytes. The consumer's position is looked at only when by
    /// what was seen of it there is none.
    fn room(&mut self, size: usize) -> Result<Room, Error> {
        let room = self.find(size);
        if matches!(room, Room::Here | Room::AfterSkip) {
            return Ok(room);
        }
        let (seen, limit) = (self.head_seen, self.tail.position);
        let looked = self.segment.look(Side::Consumer, seen, limit, self.generation);
        self.head_seen = looked.inspect_err(|error| self.fault = Some(*error))?;
        Ok(self.find(size))
    }

    fn find(&self, size: usize) -> Room {
        let capacity = self.segment.capacity;
        // At most the capacity: `attach` and `look` saw to that, and `Room` since then.
        let used = self.tail.position.wrapping_sub(self.head_seen) as usize;
        Room::find(size, self.tail.offset, capacity - used, capacity)
    }

    /// Goes to the start of the memory.
    fn skip(&mut self) {
        self.segment.store_header(self.tail.offset, Header::skip(self.tail).encode());
        self.tail.advance(self.segment.capacity - self.tail.offset, self.segment.capacity);
    }
}

impl Drop for Producer<'_> {
    /// Notes that this side ended in good order.
    fn drop(&mut self) {
        self.segment.close(Side::Producer, self.generation);
    }
}

impl fmt::Debug for Producer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("capacity", &self.segment.capacity)
            .field("generation", &self.generation)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
