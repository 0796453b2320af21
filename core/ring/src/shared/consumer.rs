//! The side that reads frames.

use core::fmt;

use super::segment::{Segment, Side, next_generation};
use super::{AttachError, Error, Poison};
use crate::frame::{Cursor, HEADER_BYTES, Header, check, frame_bytes_max, size_bytes};
use crate::primitive::AtomicU64;

/// The side of a shared ring that reads frames. There may be one at a time: the kernel's lock on
/// the role, not this memory, sees to that.
pub struct Consumer<'m> {
    segment: Segment<'m>,
    generation: u64,
    /// Where the next frame lies. The memory has a copy that nobody reads back.
    head: Cursor,
    /// The producer's position that was seen and checked last.
    tail_seen: u64,
    fault: Option<Error>,
}

impl<'m> Consumer<'m> {
    /// Attaches to a ring, to go on with the oldest frame that was not given back.
    ///
    /// # Errors
    /// [`AttachError`] if the memory holds no ring that is ready.
    pub fn attach(words: &'m [AtomicU64]) -> Result<Self, AttachError> {
        let found = Segment::open(words)?;
        Ok(Self {
            segment: found.segment,
            generation: found.generation,
            head: found.head,
            tail_seen: found.tail.position,
            fault: None,
        })
    }

    /// Copies the oldest frame to the start of `into`, gives its place back and returns its
    /// length; nothing if there is none.
    ///
    /// # Errors
    /// [`Error::Short`] if `into` is shorter than the frame, which then stays.
    /// [`Error::Stale`] or [`Error::Poisoned`] if the ring cannot be used any more; what `into`
    /// holds then means nothing.
    pub fn pop(&mut self, into: &mut [u8]) -> Result<Option<usize>, Error> {
        let Some(len) = self.next_len()? else { return Ok(None) };
        let Some(into) = into.get_mut(..len) else {
            return Err(Error::Short { bytes_needed: len });
        };
        self.segment.copy_out(self.head.offset + HEADER_BYTES, into);
        // What was copied is the frame only if nobody began the ring anew meanwhile.
        if !self.segment.is_current(self.generation) {
            return Err(self.fail(Error::Stale));
        }
        self.advance(size_bytes(len));
        Ok(Some(len))
    }

    /// The length of the oldest frame; nothing if there is none.
    ///
    /// # Errors
    /// [`Error::Stale`] or [`Error::Poisoned`] if the ring cannot be used any more.
    pub fn next_len(&mut self) -> Result<Option<usize>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.find().map_err(|error| self.fail(error))
    }

    /// The longest frame that this ring takes: the capacity less 8 bytes.
    pub fn frame_bytes_max(&self) -> usize {
        frame_bytes_max(self.segment.capacity)
    }

    /// The ring's generation, from 1 on.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the producer said that it ended in good order. Asked first, this makes a ring that
    /// is found empty afterwards one that stays empty. If it was killed it cannot have said so, and
    /// if it is hostile it may lie.
    pub fn is_closed(&self) -> bool {
        self.segment.is_closed(Side::Producer, self.generation)
    }

    /// Empties the ring and makes it usable again, as the next generation. To be called when the
    /// producer is gone for certain, and what it left has been read: one that is not gets
    /// [`Error::Stale`].
    pub fn renew(&mut self) {
        self.generation = next_generation(self.generation);
        self.segment.reset(self.generation);
        (self.head, self.tail_seen, self.fault) = (Cursor::START, 0, None);
    }

    /// Finds the next frame's length. Everything loaded here is loaded once and then checked.
    fn find(&mut self) -> Result<Option<usize>, Error> {
        loop {
            if self.head.position == self.tail_seen {
                let limit = self.head.position.wrapping_add(self.segment.capacity as u64);
                self.tail_seen =
                    self.segment.look(Side::Producer, self.tail_seen, limit, self.generation)?;
                if self.head.position == self.tail_seen {
                    return Ok(None);
                }
            }
            let header = Header::decode(self.segment.load_header(self.head.offset));
            match self.checked(header) {
                Ok(Some(len)) => return Ok(Some(len)),
                // The next header stands at the start of the memory, where a skip is refused: the
                // loop ends.
                Ok(None) => self.advance(self.segment.capacity - self.head.offset),
                Err(_) if !self.segment.is_current(self.generation) => return Err(Error::Stale),
                Err(poison) => return Err(Error::Poisoned(poison)),
            }
        }
    }

    /// The length of a frame that lies within the memory and within what is published; nothing for
    /// a skip that does.
    fn checked(&self, header: Header) -> Result<Option<usize>, Poison> {
        let published = self.tail_seen.wrapping_sub(self.head.position);
        let to_end = self.segment.capacity - self.head.offset;
        if header.check != check(self.head) {
            return Err(Poison::Check);
        }
        let Some(len) = header.len else {
            let possible = self.head.offset > 0 && to_end as u64 <= published;
            return if possible { Ok(None) } else { Err(Poison::Skip) };
        };
        let len = usize::try_from(len).map_err(|_| Poison::Length)?;
        if len > self.frame_bytes_max() {
            return Err(Poison::Length);
        }
        let size = size_bytes(len);
        let possible = size <= to_end && size as u64 <= published;
        if possible { Ok(Some(len)) } else { Err(Poison::Length) }
    }

    fn advance(&mut self, by: usize) {
        self.head.advance(by, self.segment.capacity);
        self.segment.publish(Side::Consumer, self.head);
    }

    fn fail(&mut self, error: Error) -> Error {
        self.fault = Some(error);
        error
    }
}

impl Drop for Consumer<'_> {
    /// Notes that this side ended in good order.
    fn drop(&mut self) {
        self.segment.close(Side::Consumer, self.generation);
    }
}

impl fmt::Debug for Consumer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("capacity", &self.segment.capacity)
            .field("generation", &self.generation)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
