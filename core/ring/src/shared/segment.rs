//! What lies where in the shared words; docs/format/ring.md.

use super::{AttachError, Error, Poison};
use crate::frame::{CAPACITY_BYTES_MIN, Cursor};
use crate::primitive::{AtomicU64, Ordering, fence};

const WORD_BYTES: usize = 8;
const MAGIC: u64 = u64::from_le_bytes(*b"TN-RING\0");
const LAYOUT_VERSION: u32 = 1;

/// Words of the header. The producer's, the consumer's and what rarely changes have 128 bytes
/// each: x86-64 fetches cache lines in pairs.
const WORD_MAGIC: usize = 0;
const WORD_VERSION: usize = 1;
const WORD_CAPACITY: usize = 2;
const WORD_GENERATION: usize = 3;
const WORD_READY: usize = 4;
const WORD_TAIL: usize = 16;
const WORD_PRODUCER_CLOSED: usize = 17;
const WORD_HEAD: usize = 32;
const WORD_CONSUMER_CLOSED: usize = 33;
const HEADER_WORDS: usize = 48;
const HEADER_BYTES: u32 = (HEADER_WORDS * WORD_BYTES) as u32;

/// How many words a ring takes that holds `capacity` bytes of frames, headers included, rounded up
/// to a multiple of 8 and to 16 at least.
pub const fn words_for(capacity: usize) -> usize {
    let least = if capacity < CAPACITY_BYTES_MIN { CAPACITY_BYTES_MIN } else { capacity };
    HEADER_WORDS + least.div_ceil(WORD_BYTES)
}

/// Makes an empty ring of generation 1 in the words, over whatever they hold. Nobody may be
/// attached; who tries meanwhile is told that the ring is not ready.
///
/// # Errors
/// [`AttachError::TooSmall`] if the words are fewer than [`words_for`]`(16)`.
pub fn create(words: &[AtomicU64]) -> Result<(), AttachError> {
    if words.len() < words_for(CAPACITY_BYTES_MIN) {
        return Err(AttachError::TooSmall { bytes: words.len() * WORD_BYTES });
    }
    let capacity = (words.len() - HEADER_WORDS) * WORD_BYTES;
    let segment = Segment { words, capacity };
    segment.words[WORD_READY].store(0, Ordering::Relaxed);
    fence(Ordering::Release);
    words[..HEADER_WORDS].iter().for_each(|word| word.store(0, Ordering::Relaxed));
    segment.store(WORD_MAGIC, MAGIC);
    segment.store(WORD_VERSION, u64::from(LAYOUT_VERSION) | u64::from(HEADER_BYTES) << 32);
    segment.store(WORD_CAPACITY, capacity as u64);
    segment.reset(1);
    Ok(())
}

/// A side of the ring, by what it publishes.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Producer,
    Consumer,
}

impl Side {
    fn position(self) -> usize {
        match self {
            Self::Producer => WORD_TAIL,
            Self::Consumer => WORD_HEAD,
        }
    }

    fn closed(self) -> usize {
        match self {
            Self::Producer => WORD_PRODUCER_CLOSED,
            Self::Consumer => WORD_CONSUMER_CLOSED,
        }
    }
}

/// A ring whose header was checked. The capacity is not read again.
#[derive(Clone, Copy)]
pub(super) struct Segment<'m> {
    words: &'m [AtomicU64],
    pub(super) capacity: usize,
}

/// What a side finds when it attaches.
pub(super) struct Found<'m> {
    pub(super) segment: Segment<'m>,
    pub(super) generation: u64,
    pub(super) tail: Cursor,
    pub(super) head: Cursor,
}

impl<'m> Segment<'m> {
    /// Checks the header.
    pub(super) fn open(words: &'m [AtomicU64]) -> Result<Found<'m>, AttachError> {
        if words.len() < words_for(CAPACITY_BYTES_MIN) {
            return Err(AttachError::TooSmall { bytes: words.len() * WORD_BYTES });
        }
        let bytes_max = (words.len() - HEADER_WORDS) * WORD_BYTES;
        let mut segment = Self { words, capacity: 0 };
        // `Acquire`, and first: what is ready was written before.
        let generation = u64::from_le(words[WORD_READY].load(Ordering::Acquire));
        if segment.load(WORD_MAGIC) != MAGIC {
            return Err(AttachError::NotARing);
        }
        let version = segment.load(WORD_VERSION);
        if version as u32 != LAYOUT_VERSION || (version >> 32) as u32 != HEADER_BYTES {
            return Err(AttachError::Version { found: version as u32 });
        }
        if generation == 0 || segment.load(WORD_GENERATION) != generation {
            return Err(AttachError::NotReady);
        }
        let capacity = usize::try_from(segment.load(WORD_CAPACITY)).unwrap_or(usize::MAX);
        if !capacity.is_multiple_of(WORD_BYTES)
            || !(CAPACITY_BYTES_MIN..=bytes_max).contains(&capacity)
        {
            return Err(AttachError::Damaged);
        }
        segment.capacity = capacity;
        let at = |position: u64| Cursor { position, offset: (position % capacity as u64) as usize };
        // The head first: the tail that is loaded after it cannot be behind it.
        let head = at(u64::from_le(words[WORD_HEAD].load(Ordering::Acquire)));
        let tail = at(u64::from_le(words[WORD_TAIL].load(Ordering::Acquire)));
        let used = tail.position.checked_sub(head.position);
        // One of the two is that of the side that attaches and stands still, so the other's moving
        // between the loads does not take them too far apart. A renewal may.
        if !segment.is_current(generation) {
            return Err(AttachError::NotReady);
        }
        let aligned = (head.position | tail.position).is_multiple_of(WORD_BYTES as u64);
        // Nothing writes the 2^64 bytes after which a position would start over.
        if !aligned || used.is_none_or(|used| used > capacity as u64) {
            return Err(AttachError::Damaged);
        }
        Ok(Found { segment, generation, tail, head })
    }

    /// Makes the ring empty, in a new generation.
    pub(super) fn reset(&self, generation: u64) {
        self.words[WORD_READY].store(0, Ordering::Relaxed);
        // Pairs with the fence in `is_current`: who sees anything of what follows sees this.
        fence(Ordering::Release);
        for word in [WORD_TAIL, WORD_HEAD, WORD_PRODUCER_CLOSED, WORD_CONSUMER_CLOSED] {
            self.store(word, 0);
        }
        self.store(WORD_GENERATION, generation);
        self.words[WORD_READY].store(generation.to_le(), Ordering::Release);
    }

    /// Whether the ring still is of this generation, after all that was loaded before.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        fence(Ordering::Acquire);
        self.load(WORD_READY) == generation
    }

    /// Publishes a side's position, and with it all that the side wrote or read before.
    pub(super) fn publish(&self, side: Side, at: Cursor) {
        self.words[side.position()].store(at.position.to_le(), Ordering::Release);
    }

    /// Loads a peer's position, once, and checks it: it lies between the one seen last and `limit`.
    /// A failure is the peer's fault unless the ring has been renewed.
    pub(super) fn look(
        &self,
        peer: Side,
        seen: u64,
        limit: u64,
        generation: u64,
    ) -> Result<u64, Error> {
        let position = u64::from_le(self.words[peer.position()].load(Ordering::Acquire));
        if !self.is_current(generation) {
            return Err(Error::Stale);
        }
        if !position.is_multiple_of(WORD_BYTES as u64) {
            return Err(Error::Poisoned(Poison::Misaligned));
        }
        if position.wrapping_sub(seen) > limit.wrapping_sub(seen) {
            return Err(Error::Poisoned(Poison::Distance));
        }
        Ok(position)
    }

    /// Notes that a side has ended, after all that it did before.
    pub(super) fn close(&self, side: Side, generation: u64) {
        if self.is_current(generation) {
            self.words[side.closed()].store(generation.to_le(), Ordering::Release);
        }
    }

    /// Whether a side noted that it has ended.
    pub(super) fn is_closed(&self, side: Side, generation: u64) -> bool {
        u64::from_le(self.words[side.closed()].load(Ordering::Acquire)) == generation
    }

    /// The word of a frame's header at this offset.
    pub(super) fn load_header(&self, offset: usize) -> u64 {
        self.load(HEADER_WORDS + offset / WORD_BYTES)
    }

    /// Writes the word of a frame's header.
    pub(super) fn store_header(&self, offset: usize, header: u64) {
        self.store(HEADER_WORDS + offset / WORD_BYTES, header);
    }

    /// Copies bytes in, from this offset on; the rest of the last word becomes zeros.
    pub(super) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let words = &self.words[HEADER_WORDS + offset / WORD_BYTES..];
        let words = &words[..bytes.len().div_ceil(WORD_BYTES)];
        let (whole, rest) = bytes.as_chunks::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        if let (false, Some(word)) = (rest.is_empty(), words.last()) {
            let mut bytes = [0; WORD_BYTES];
            bytes[..rest.len()].copy_from_slice(rest);
            word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// Copies bytes out, from this offset on.
    pub(super) fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        let words = &self.words[HEADER_WORDS + offset / WORD_BYTES..];
        let words = &words[..bytes.len().div_ceil(WORD_BYTES)];
        let (whole, rest) = bytes.as_chunks_mut::<WORD_BYTES>();
        for (word, bytes) in words.iter().zip(whole) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        if let (false, Some(word)) = (rest.is_empty(), words.last()) {
            let bytes = word.load(Ordering::Relaxed).to_ne_bytes();
            rest.copy_from_slice(&bytes[..rest.len()]);
        }
    }

    fn load(&self, word: usize) -> u64 {
        u64::from_le(self.words[word].load(Ordering::Relaxed))
    }

    fn store(&self, word: usize, value: u64) {
        self.words[word].store(value.to_le(), Ordering::Relaxed);
    }
}

/// The generation after this one; 0 means "not ready".
pub(super) fn next_generation(generation: u64) -> u64 {
    generation.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, Ordering, Segment, create, words_for};
    use crate::shared::{AttachError, Consumer, Producer};

    extern crate std;
    use std::vec::Vec;

    fn words(capacity: usize) -> Vec<AtomicU64> {
        (0..words_for(capacity)).map(|_| AtomicU64::new(0)).collect()
    }

    /// The golden bytes of docs/format/ring.md.
    #[test]
    fn a_ring_lies_as_the_document_says() {
        let memory = words(32);
        create(&memory).unwrap();
        let mut producer = Producer::attach(&memory).unwrap();
        let mut consumer = Consumer::attach(&memory).unwrap();
        producer.push(b"treenail").unwrap();
        assert_eq!(consumer.pop(&mut [0; 8]), Ok(Some(8)));
        producer.push(b"peg").unwrap();
        assert_eq!(consumer.pop(&mut [0; 8]), Ok(Some(3)));
        producer.push(b"").unwrap();
        drop(consumer);

        let bytes: Vec<u8> =
            memory.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        let mut expected = [0; 416];
        expected[..8].copy_from_slice(b"TN-RING\0");
        expected[8..16].copy_from_slice(&[1, 0, 0, 0, 128, 1, 0, 0]);
        expected[16] = 32;
        expected[24] = 1;
        expected[32] = 1;
        expected[128] = 40;
        expected[256] = 32;
        expected[264] = 1;
        // The second frame fills the memory up to its end; the third overwrites the first.
        expected[384..392].copy_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0]);
        expected[392..400].copy_from_slice(b"treenail");
        expected[400..408].copy_from_slice(&[3, 0, 0, 0, 2, 0, 0, 0]);
        expected[408..416].copy_from_slice(b"peg\0\0\0\0\0");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn each_field_of_the_header_is_checked() {
        let refused = |word: usize, value: u64| {
            let memory = words(64);
            create(&memory).unwrap();
            memory[word].store(value.to_le(), Ordering::Relaxed);
            Segment::open(&memory).err()
        };
        assert_eq!(refused(0, 1), Some(AttachError::NotARing));
        assert_eq!(refused(1, 384 << 32 | 2), Some(AttachError::Version { found: 2 }));
        assert_eq!(refused(1, 376 << 32 | 1), Some(AttachError::Version { found: 1 }));
        for capacity in [0, 8, 60, 72, u64::MAX, u64::MAX - 7] {
            assert_eq!(refused(2, capacity), Some(AttachError::Damaged), "{capacity}");
        }
        assert_eq!(refused(2, 56), None, "a mapping is rounded up to pages");
        assert_eq!(refused(3, 2), Some(AttachError::NotReady));
        assert_eq!(refused(4, 0), Some(AttachError::NotReady));
        for position in [72, 4, u64::MAX - 7] {
            assert_eq!(refused(16, position), Some(AttachError::Damaged), "tail {position}");
            assert_eq!(refused(32, position), Some(AttachError::Damaged), "head {position}");
        }
        assert_eq!(refused(16, 64), None);
    }

    #[test]
    fn too_little_memory_is_refused() {
        let memory = words(16);
        assert_eq!(create(&memory), Ok(()));
        let short = &memory[..memory.len() - 1];
        let error = Err(AttachError::TooSmall { bytes: 392 });
        assert_eq!(create(short), error);
        assert_eq!(Segment::open(short).map(|_| ()), error);
        assert_eq!(create(&[]), Err(AttachError::TooSmall { bytes: 0 }));
    }
}
