//! The search of a buffer for blocks whose sums are in a set.

use core::fmt;
use core::iter::FusedIterator;

use super::{Batch, Rolling, TAG_FACTOR, roll_batch};

/// The positions whose sums are computed at a time.
pub(super) const BATCH: usize = 256;

/// A set of sums in the caller's memory. It holds every sum that was inserted and some that were
/// not: with `n` inserted and `m` words of memory, about one in `64 m / n` of the others.
///
/// The memory is read at random for every byte that is searched, so it should fit the nearer
/// caches: 1,024 words (8 KiB) do for some hundred blocks, 16,384 words (128 KiB) for ten thousand.
pub struct MatchSet<'m> {
    pub(super) bits: &'m mut [u64],
    /// The bits of a product that a tag leaves out.
    pub(super) shift: u32,
}

impl<'m> MatchSet<'m> {
    /// The most words that are of use: a bit for each sum.
    pub const WORDS_MAX: usize = 1 << 26;

    /// An empty set; what `memory` held is lost.
    ///
    /// # Panics
    /// Unless the length of `memory` is a power of two, [`WORDS_MAX`](Self::WORDS_MAX) at most.
    pub fn new(memory: &'m mut [u64]) -> Self {
        assert!(
            memory.len().is_power_of_two() && memory.len() <= Self::WORDS_MAX,
            "a set takes a power of two of words, at most {}",
            Self::WORDS_MAX
        );
        memory.fill(0);
        let shift = u32::BITS - u64::BITS.trailing_zeros() - memory.len().trailing_zeros();
        Self { bits: memory, shift }
    }

    /// Adds a sum.
    pub fn insert(&mut self, sum: u32) {
        let tag = self.tag(sum);
        self.bits[(tag / u64::BITS) as usize] |= 1 << (tag % u64::BITS);
    }

    /// Whether `sum` may have been inserted.
    #[must_use]
    #[inline]
    pub fn may_contain(&self, sum: u32) -> bool {
        self.word(self.tag(sum)) & 1 == 1
    }

    /// The places in `bytes` where a block of `block_bytes` has a sum that may be in the set, from
    /// the first on.
    ///
    /// # Panics
    /// If `block_bytes` is 0.
    #[must_use]
    pub fn candidates<'a>(&'a self, bytes: &'a [u8], block_bytes: usize) -> Candidates<'a> {
        assert!(block_bytes > 0, "a block holds a byte at least");
        let batch = Batch { sums: [0; BATCH], hits: [0; BATCH / 64] };
        let state = Rolling::new(&[]);
        let mut candidates = Candidates {
            set: self,
            bytes,
            block_bytes,
            state,
            rolled_to: 0,
            first_is_due: false,
            batch,
            batch_at: 0,
        };
        candidates.seek(0);
        candidates
    }

    /// What tells sums apart: the uppermost bits of a multiple, as many as number the set's bits.
    #[inline]
    pub(super) fn tag(&self, sum: u32) -> u32 {
        sum.wrapping_mul(TAG_FACTOR) >> self.shift
    }

    /// A word whose lowest bit says whether the tag is in the set.
    #[inline(always)]
    fn word(&self, tag: u32) -> u64 {
        debug_assert!((tag / u64::BITS) < self.bits.len() as u32, "a tag has its bit");
        // SAFETY: a tag is what a shift by `self.shift` left of 32 bits, so by the choice of
        // `shift` it is less than the number of bits in the set.
        let word = unsafe { self.bits.get_unchecked((tag / u64::BITS) as usize) };
        word >> (tag % u64::BITS)
    }

    /// A bit for each of the tags that is in the set. Inlined, for the caller's instructions.
    #[inline(always)]
    pub(super) fn hits(&self, tags: &[u32; BATCH]) -> [u64; BATCH / 64] {
        let mut hits = [0; BATCH / 64];
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
    /// The sums of the blocks from `batch_at` on; candidates that were returned have no bit.
    batch: Batch,
    batch_at: usize,
}

impl Candidates<'_> {
    /// Goes on with the block that begins at `at`, before or behind the last candidate: for
    /// instance behind a block that was found.
    pub fn seek(&mut self, at: usize) {
        self.batch.hits = [0; BATCH / 64];
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
        let word = self.batch.hits.iter().position(|word| *word != 0)?;
        let index = 64 * word + self.batch.hits[word].trailing_zeros() as usize;
        self.batch.hits[word] &= self.batch.hits[word] - 1;
        Some(Candidate { at: self.batch_at + index, sum: self.batch.sums[index] })
    }

    /// Rolls on by as many blocks as a batch holds or the buffer has; at least one.
    fn roll_on(&mut self, count: usize) {
        let leave = &self.bytes[self.rolled_to..];
        let enter = &leave[self.block_bytes..];
        self.batch_at = self.rolled_to + 1;
        match (leave.first_chunk(), enter.first_chunk()) {
            (Some(leave), Some(enter)) => {
                roll_batch(&mut self.state, leave, enter, self.set, &mut self.batch);
            }
            _ => {
                for at in 0..count {
                    self.state.roll(leave[at], enter[at]);
                    self.batch.sums[at] = self.state.sum();
                    let hit = u64::from(self.set.may_contain(self.state.sum()));
                    self.batch.hits[at / 64] |= hit << (at % 64);
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
            let end = self.rolled_to.saturating_add(self.block_bytes);
            let count = self.bytes.len().saturating_sub(end);
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
