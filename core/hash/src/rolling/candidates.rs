//! The search of a buffer for blocks whose sums are in a set.

use core::fmt;
use core::iter::FusedIterator;

use super::{Batch, Rolling, join, roll_batch};

/// The positions whose sums are computed at a time.
pub(super) const BATCH: usize = 256;

/// A set of sums, told apart by the 16 bits of `a + b`, in the caller's memory of 8 KiB. It holds
/// every sum that was inserted and some that were not: of other sums about one in `65,536 / n` with
/// `n` inserted.
pub struct MatchSet<'m> {
    bits: &'m mut [u64; MatchSet::WORDS],
}

impl<'m> MatchSet<'m> {
    /// The words that a set takes.
    pub const WORDS: usize = (1 << 16) / 64;

    /// An empty set; what `memory` held is lost.
    pub fn new(memory: &'m mut [u64; MatchSet::WORDS]) -> Self {
        memory.fill(0);
        Self { bits: memory }
    }

    /// Adds a sum.
    pub fn insert(&mut self, sum: u32) {
        let tag = tag(sum as u16, (sum >> 16) as u16);
        self.bits[usize::from(tag >> 6)] |= 1 << (tag & 63);
    }

    /// Whether `sum` may have been inserted.
    #[must_use]
    pub fn may_contain(&self, sum: u32) -> bool {
        self.word(tag(sum as u16, (sum >> 16) as u16)) & 1 == 1
    }

    /// The places in `bytes` where a block of `block_bytes` has a sum that may be in the set, from
    /// the first on.
    ///
    /// # Panics
    /// If `block_bytes` is 0.
    #[must_use]
    pub fn candidates<'a>(&'a self, bytes: &'a [u8], block_bytes: usize) -> Candidates<'a> {
        assert!(block_bytes > 0, "a block holds a byte at least");
        let batch = Batch { a: [0; BATCH], b: [0; BATCH] };
        let state = Rolling::new(&[]);
        let mut candidates = Candidates {
            set: self,
            bytes,
            block_bytes,
            state,
            rolled_to: 0,
            first_is_due: false,
            batch,
            hits: [0; BATCH / 64],
            batch_at: 0,
        };
        candidates.seek(0);
        candidates
    }

    /// A word whose lowest bit says whether the tag is in the set.
    #[inline]
    fn word(&self, tag: u16) -> u64 {
        self.bits[usize::from(tag >> 6)] >> (tag & 63)
    }

    /// A bit for each of the sums whose tag is in the set.
    fn hits(&self, batch: &Batch) -> [u64; BATCH / 64] {
        let mut hits = [0; BATCH / 64];
        let mut tags = [0; BATCH];
        for ((tag, &a), &b) in tags.iter_mut().zip(&batch.a).zip(&batch.b) {
            *tag = self::tag(a, b);
        }
        for (hits, tags) in hits.iter_mut().zip(tags.as_chunks::<64>().0) {
            for (group, tags) in tags.as_chunks::<8>().0.iter().enumerate() {
                // Most groups have no hit, which takes one branch.
                let any = tags.iter().fold(0, |any, &tag| any | self.word(tag));
                if any & 1 == 1 {
                    for (at, &tag) in tags.iter().enumerate() {
                        *hits |= (self.word(tag) & 1) << (8 * group + at);
                    }
                }
            }
        }
        hits
    }
}

impl fmt::Debug for MatchSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        f.debug_struct("MatchSet").field("tags", &tags).finish_non_exhaustive()
    }
}

/// What tells sums apart in a [`MatchSet`].
#[inline]
fn tag(a: u16, b: u16) -> u16 {
    a.wrapping_add(b)
}

/// A block whose sum may be in a [`MatchSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where the block begins in the buffer.
    pub at: usize,
    /// Its sum.
    pub sum: u32,
}

/// The iterator that [`MatchSet::candidates`] returns; candidates overlap, the nearest comes first.
pub struct Candidates<'a> {
    set: &'a MatchSet<'a>,
    bytes: &'a [u8],
    block_bytes: usize,
    /// The sum of the block at `rolled_to`.
    state: Rolling,
    rolled_to: usize,
    /// Whether the block at `rolled_to` is still to be looked up.
    first_is_due: bool,
    /// The sums of the blocks from `batch_at` on, and a bit for each candidate not yet returned.
    batch: Batch,
    hits: [u64; BATCH / 64],
    batch_at: usize,
}

impl Candidates<'_> {
    /// Goes on with the block that begins at `at`, before or behind the last candidate: for instance
    /// behind a block that was found.
    pub fn seek(&mut self, at: usize) {
        self.hits = [0; BATCH / 64];
        let block = self.bytes.get(at..).and_then(|rest| rest.get(..self.block_bytes));
        self.first_is_due = block.is_some();
        match block {
            Some(block) => {
                self.state = Rolling::new(block);
                self.rolled_to = at;
            }
            // There is no block behind the buffer's end.
            None => self.rolled_to = self.bytes.len(),
        }
    }

    fn next_of_batch(&mut self) -> Option<Candidate> {
        let word = self.hits.iter().position(|word| *word != 0)?;
        let index = 64 * word + self.hits[word].trailing_zeros() as usize;
        self.hits[word] &= self.hits[word] - 1;
        let sum = join(self.batch.a[index], self.batch.b[index]);
        Some(Candidate { at: self.batch_at + index, sum })
    }

    /// Rolls on by as many blocks as a batch holds or the buffer has; at least one.
    fn roll_on(&mut self, count: usize) {
        let leave = &self.bytes[self.rolled_to..];
        let enter = &leave[self.block_bytes..];
        self.batch_at = self.rolled_to + 1;
        match (leave.first_chunk(), enter.first_chunk()) {
            (Some(leave), Some(enter)) => {
                roll_batch(&mut self.state, leave, enter, &mut self.batch);
                self.hits = self.set.hits(&self.batch);
            }
            _ => {
                for at in 0..count {
                    self.state.roll(leave[at], enter[at]);
                    (self.batch.a[at], self.batch.b[at]) = (self.state.a, self.state.b);
                    let hit = u64::from(self.set.may_contain(self.state.sum()));
                    self.hits[at / 64] |= hit << (at % 64);
                }
            }
        }
        self.rolled_to += count;
    }
}

impl Iterator for Candidates<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        if core::mem::take(&mut self.first_is_due) && self.set.may_contain(self.state.sum()) {
            return Some(Candidate { at: self.rolled_to, sum: self.state.sum() });
        }
        loop {
            if let Some(candidate) = self.next_of_batch() {
                return Some(candidate);
            }
            let count = self.bytes.len().saturating_sub(self.rolled_to + self.block_bytes);
            if count == 0 {
                return None;
            }
            self.roll_on(count.min(BATCH));
        }
    }
}

impl FusedIterator for Candidates<'_> {}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates")
            .field("block_bytes", &self.block_bytes)
            .field("rolled_to", &self.rolled_to)
            .finish_non_exhaustive()
    }
}
