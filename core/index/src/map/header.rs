//! The first words of the memory, by which another process recognises a map.

use super::bucket::{BUCKET_WORDS, Bucket, slots};
use super::{AttachError, TooSmall};
use crate::primitive::atomic::{AtomicU64, Ordering, fence};

/// As many words as a bucket has, so that aligned memory has aligned buckets.
pub(crate) const HEADER_WORDS: usize = BUCKET_WORDS;

/// The bytes `89 54 4e 49 4e 44 58 0a` (`\x89TNINDX\n`), the first lowest.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"\x89TNINDX\n");
/// Where the magic would be while the map is being made or rebuilt.
const NOT_READY: u64 = 0;
/// The layout of `docs/format/index.md`.
pub(crate) const VERSION: u32 = 1;

// The places of the header's words.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 1;
const AT_BUCKETS: usize = 2;
const AT_CAPACITY: usize = 3;
const AT_SEED: usize = 4;
const AT_RESERVED: usize = 5;

/// How many words a map with room for `capacity` keys of `key_words` words takes.
pub(crate) const fn words_for(capacity: usize, key_words: usize) -> Option<usize> {
    let buckets = capacity.div_ceil(slots(key_words));
    match buckets.checked_mul(BUCKET_WORDS) {
        Some(words) => words.checked_add(HEADER_WORDS),
        None => None,
    }
}

/// The two parts of the memory.
pub(crate) fn split(words: &[AtomicU64]) -> Result<(&[AtomicU64], &[Bucket]), TooSmall> {
    match words.split_at_checked(HEADER_WORDS) {
        Some((header, rest)) => Ok((header, rest.as_chunks().0)),
        None => Err(TooSmall { needed: HEADER_WORDS, given: words.len() }),
    }
}

/// Says that what follows is not to be attached to.
pub(crate) fn withdraw(header: &[AtomicU64]) {
    header[AT_MAGIC].store(NOT_READY, Ordering::Relaxed);
    // The stores to the rest of the memory come after this one.
    fence(Ordering::Release);
}

/// Describes the map and says, last of all, that it is ready.
pub(crate) fn publish(header: &[AtomicU64], buckets: usize, key_words: usize, seed: u64) {
    header[AT_RESERVED..].iter().for_each(|word| word.store(0, Ordering::Relaxed));
    header[AT_VERSION].store(version(key_words), Ordering::Relaxed);
    header[AT_BUCKETS].store(buckets as u64, Ordering::Relaxed);
    header[AT_CAPACITY].store((buckets * slots(key_words)) as u64, Ordering::Relaxed);
    header[AT_SEED].store(seed, Ordering::Relaxed);
    header[AT_MAGIC].store(MAGIC, Ordering::Release);
}

const fn version(key_words: usize) -> u64 {
    VERSION as u64 | (key_words as u64) << 32
}

/// Checks the header of a map that somebody else has made; its buckets and its seed.
///
/// Each word is read once, and what it says is checked before it is used.
pub(crate) fn check(
    words: &[AtomicU64],
    key_words: usize,
) -> Result<(&[Bucket], u64), AttachError> {
    let (header, buckets) = split(words).map_err(AttachError::TooSmall)?;
    match header[AT_MAGIC].load(Ordering::Acquire) {
        MAGIC => {}
        NOT_READY => return Err(AttachError::NotReady),
        _ => return Err(AttachError::Magic),
    }
    let word = |at: usize| header[at].load(Ordering::Relaxed);
    let found = word(AT_VERSION);
    if found as u32 != VERSION {
        return Err(AttachError::Version { found: found as u32 });
    }
    if found != version(key_words) {
        let (found, expected) = ((found >> 32) as u32, key_words as u32);
        return Err(AttachError::KeyWords { found, expected });
    }
    let (count, capacity) = (word(AT_BUCKETS), word(AT_CAPACITY));
    if count.checked_mul(slots(key_words) as u64) != Some(capacity)
        || (AT_RESERVED..HEADER_WORDS).any(|at| word(at) != 0)
    {
        return Err(AttachError::Header);
    }
    let usable = usize::try_from(count).ok().and_then(|count| buckets.get(..count));
    let needed = words_for(usize::try_from(capacity).unwrap_or(usize::MAX), key_words);
    usable.map(|buckets| (buckets, word(AT_SEED))).ok_or(AttachError::TooSmall(TooSmall {
        needed: needed.unwrap_or(usize::MAX),
        given: words.len(),
    }))
}
