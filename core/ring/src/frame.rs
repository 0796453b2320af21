//! How frames lie in a ring of bytes, and where the next one goes: the arithmetic that the rings in
//! one process and between processes share. docs/format/ring.md has the bytes.

/// What a frame's header takes, and what positions are multiples of, in bytes.
pub(crate) const HEADER_BYTES: usize = 8;
/// The least capacity, in bytes: one frame of 8 bytes.
pub(crate) const CAPACITY_BYTES_MIN: usize = 16;
/// The longest frame of the largest ring, in bytes: the length `u32::MAX` marks a skip.
pub(crate) const FRAME_BYTES_LIMIT: usize = u32::MAX as usize - 8;
/// In place of a length: the ring goes on at its start.
const SKIP: u32 = u32::MAX;

/// What stands before a frame, as one number; in memory it is little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The frame's length; nothing if what follows up to the end of the memory is skipped.
    pub(crate) len: Option<u32>,
    /// The low half of the position divided by 8: it differs from lap to lap, so that what a former
    /// lap left is not taken for a header.
    pub(crate) check: u32,
}

impl Header {
    pub(crate) fn frame(len: usize, at: Cursor) -> Self {
        debug_assert!(len <= FRAME_BYTES_LIMIT);
        Self { len: Some(len as u32), check: check(at) }
    }

    pub(crate) fn skip(at: Cursor) -> Self {
        Self { len: None, check: check(at) }
    }

    pub(crate) fn encode(self) -> u64 {
        u64::from(self.len.unwrap_or(SKIP)) | u64::from(self.check) << 32
    }

    pub(crate) fn decode(word: u64) -> Self {
        let len = word as u32;
        Self { len: (len != SKIP).then_some(len), check: (word >> 32) as u32 }
    }
}

/// The check that a header at this place carries.
pub(crate) fn check(at: Cursor) -> u32 {
    (at.position / HEADER_BYTES as u64) as u32
}

/// What a frame takes of the ring, header and padding included, in bytes. The length is at most
/// [`FRAME_BYTES_LIMIT`].
pub(crate) fn size_bytes(len: usize) -> usize {
    HEADER_BYTES + len.next_multiple_of(HEADER_BYTES)
}

/// The longest frame that a ring of this capacity takes.
pub(crate) fn frame_bytes_max(capacity: usize) -> usize {
    (capacity - HEADER_BYTES).min(FRAME_BYTES_LIMIT)
}

/// A place in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Bytes since the ring began, modulo 2^64.
    pub(crate) position: u64,
    /// The same, modulo the capacity.
    pub(crate) offset: usize,
}

impl Cursor {
    pub(crate) const START: Self = Self { position: 0, offset: 0 };

    /// Moves on, at most to the end of the memory, which is its start.
    pub(crate) fn advance(&mut self, by: usize, capacity: usize) {
        debug_assert!(by <= capacity - self.offset);
        self.position = self.position.wrapping_add(by as u64);
        self.offset += by;
        if self.offset == capacity {
            self.offset = 0;
        }
    }
}

/// Where a frame can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Right here.
    Here,
    /// At the start of the memory, after a skip.
    AfterSkip,
    /// Nowhere until the consumer has gone on.
    Later,
    /// Nowhere, and that for ever unless the skip is published now: the frame fits neither between
    /// here and the end nor between the start and here, so the consumer has to come round first.
    LaterSkipNow,
}

impl Room {
    /// Room for `size` bytes, at most `capacity`, at `offset` with `free` bytes free from there on.
    pub(crate) fn find(size: usize, offset: usize, free: usize, capacity: usize) -> Self {
        let to_end = capacity - offset;
        if size <= to_end {
            return if size <= free { Self::Here } else { Self::Later };
        }
        if to_end > free {
            Self::Later
        } else if size <= free - to_end {
            Self::AfterSkip
        } else if size > offset {
            Self::LaterSkipNow
        } else {
            Self::Later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Cursor, FRAME_BYTES_LIMIT, HEADER_BYTES, Header, Room, frame_bytes_max, size_bytes,
    };

    #[test]
    fn headers_are_read_as_written() {
        let at = Cursor { position: 0x12_3456_7898, offset: 8 };
        for header in [
            Header::frame(0, at),
            Header::frame(77, at),
            Header::frame(FRAME_BYTES_LIMIT, at),
            Header::skip(at),
        ] {
            assert_eq!(Header::decode(header.encode()), header);
        }
    }

    #[test]
    fn checks_differ_from_lap_to_lap() {
        let here = |lap: u64| Header::skip(Cursor { position: 8 + lap * 64, offset: 8 }).encode();
        assert_ne!(here(0), here(1));
        assert_ne!(here(1), here(2));
    }

    /// Wherever a drained ring stands, each frame up to the maximum gets its room after at most one
    /// skip that is published in advance.
    #[test]
    fn a_drained_ring_takes_every_frame() {
        let capacity = 72;
        for offset in (0..capacity).step_by(HEADER_BYTES) {
            for len in 0..=frame_bytes_max(capacity) {
                let size = size_bytes(len);
                match Room::find(size, offset, capacity, capacity) {
                    Room::Here => assert!(offset + size <= capacity),
                    Room::AfterSkip => assert!(size <= offset),
                    Room::Later => panic!("{len} at {offset} waits for a drained ring"),
                    Room::LaterSkipNow => {
                        assert_eq!(Room::find(size, 0, capacity, capacity), Room::Here);
                    }
                }
            }
        }
    }

    #[test]
    fn no_room_is_found_in_what_is_not_free() {
        let capacity = 48;
        for offset in (0..capacity).step_by(8) {
            for free in (0..=capacity).step_by(8) {
                for size in (8..=capacity).step_by(8) {
                    let needed = match Room::find(size, offset, free, capacity) {
                        Room::Here => size,
                        Room::AfterSkip => capacity - offset + size,
                        Room::Later => continue,
                        Room::LaterSkipNow => capacity - offset,
                    };
                    assert!(needed <= free, "{size} at {offset} with {free}");
                }
            }
        }
    }
}
