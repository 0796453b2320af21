//! What the bytes behind a damaged place still say.

use crate::lsn::{Epoch, Lsn};
use crate::record::{ALIGN_BYTES, Header, RECORD_HEADER_SIZE_BYTES};
use crate::salt::Salt;

/// What headers say that stand somewhere in a segment, whether or not the records before them, or
/// their own payloads, are whole.
///
/// A header is believed if its mark has its place there and its checksum holds; the segment's salt
/// is part of both. It was written, then, and what it says about durability was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The highest LSN up to which any of them knew the log to be durable.
    pub durable: Lsn,
    /// The highest epoch of any; nothing if there is no header.
    pub epoch: Option<Epoch>,
}

impl Evidence {
    /// Looks at every multiple of 8 in `bytes`, which begin at `first` in the log. Stops early at
    /// one who knew the log to be durable beyond `enough`.
    ///
    /// Each place is looked at once, and at most 28 bytes are summed there: time is linear in the
    /// length of `bytes`, whatever they are.
    pub(crate) fn gather(bytes: &[u8], first: Lsn, salt: &Salt, enough: Lsn) -> Self {
        let mut evidence = Self::default();
        let mut offset = 0;
        while let Some(found) = next_candidate(bytes, first, salt, offset) {
            offset = found + ALIGN_BYTES;
            let Some(header) = bytes[found..].first_chunk::<RECORD_HEADER_SIZE_BYTES>() else {
                break;
            };
            if let Ok((header, _body)) = Header::parse(header, salt) {
                evidence.durable = evidence.durable.max(header.durable);
                evidence.epoch = evidence.epoch.max(Some(header.epoch));
                if evidence.durable > enough {
                    break;
                }
            }
        }
        evidence
    }
}

/// How many words are compared before anything is asked.
const BLOCK_WORDS: usize = 64;

/// The first offset, from `offset` on, at which the word is the mark of a record that has its place
/// there.
fn next_candidate(bytes: &[u8], first: Lsn, salt: &Salt, offset: usize) -> Option<usize> {
    let (words, _) = bytes.get(offset..)?.as_chunks::<ALIGN_BYTES>();
    let mut lsn = first.get().wrapping_add(offset as u64);
    let (key, step) = (salt.mark(Lsn::ZERO), ALIGN_BYTES as u64);
    let (mut at, mut blocks) = (offset, words.chunks_exact(BLOCK_WORDS));
    let is_own = |(i, word): (usize, &[u8; ALIGN_BYTES]), lsn: u64| {
        u64::from_le_bytes(*word) ^ key == lsn.wrapping_add(i as u64 * step)
    };
    for block in blocks.by_ref() {
        // Without a branch for each word, so that the compiler makes vectors of it.
        if block.iter().enumerate().fold(false, |any, word| any | is_own(word, lsn)) {
            let found = block.iter().enumerate().position(|word| is_own(word, lsn))?;
            return Some(at + found * ALIGN_BYTES);
        }
        at += BLOCK_WORDS * ALIGN_BYTES;
        lsn = lsn.wrapping_add((BLOCK_WORDS * ALIGN_BYTES) as u64);
    }
    let found = blocks.remainder().iter().enumerate().position(|word| is_own(word, lsn))?;
    Some(at + found * ALIGN_BYTES)
}
