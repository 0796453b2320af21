//! rsync's weak sum of a block, and the search of a buffer for blocks whose sums are known.
//!
//! The sum is that of Tridgell and Mackerras, "The rsync algorithm", Australian National
//! University technical report TR-CS-96-05, section 3. Of the bytes `x[0] .. x[n - 1]`:
//!
//! ```text
//! a = x[0] + x[1] + ... + x[n - 1]              modulo 2^16
//! b = n x[0] + (n - 1) x[1] + ... + x[n - 1]    modulo 2^16
//! sum = a + 2^16 b
//! ```
//!
//! Bytes count from 0 to 255, as in the report, and nothing is added to them. (The program `rsync`
//! takes them for signed numbers, and librsync adds 31 to each; their sums differ from these.)
//! Blocks that differ have equal sums easily, on purpose or by chance: compare a strong hash.
//!
//! ```
//! use treenail_hash::rolling::{MatchSet, sum};
//!
//! let old = b"It rains, and the wind is never weary;";
//! let new = b"Thy fate is the common: it rains, and the wind is never weary; my thoughts";
//! let mut memory = [0; 1024];
//! let mut known = MatchSet::new(&mut memory);
//! old.chunks_exact(8).for_each(|block| known.insert(sum(block)));
//!
//! let mut found = known.candidates(new, 8);
//! let mut copied = 0;
//! while let Some(candidate) = found.next() {
//!     if old.chunks_exact(8).any(|block| *block == new[candidate.at..][..8]) {
//!         copied += 8;
//!         found.seek(candidate.at + 8);
//!     }
//! }
//! assert_eq!(copied, 24);
//! ```
//!
//! # How it is quick
//!
//! The sums of 16 positions (8 with NEON) come from two prefix sums over the bytes that enter and
//! leave; rolling a sum byte by byte waits for the last sum at every position. Looking the sums up
//! takes most of the time. On an AMD Zen 4, registers of 512 bits gained nothing, and gathers lost.
//!
//! | back end | instructions |
//! |---|---|
//! | 256 bits | AVX2, for the search BMI2 too |
//! | 128 bits | NEON |
//! | portable | none |

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod candidates;
mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod x86_64;

use candidates::BATCH;
pub use candidates::{Candidate, Candidates, MatchSet};

#[cfg(any(target_arch = "aarch64", all(target_arch = "x86_64", target_feature = "sse2")))]
use crate::cpu::{Features, has};

/// The sum of a block.
#[must_use]
pub fn sum(block: &[u8]) -> u32 {
    Rolling::new(block).sum()
}

/// The sum of a block that moves over a stream byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolling {
    a: u16,
    b: u16,
    /// Modulo 2^16, which is all that the sum needs.
    block_bytes: u16,
}

impl Rolling {
    /// Goes on from a sum that was computed.
    #[cfg(any(target_arch = "aarch64", all(target_arch = "x86_64", target_feature = "sse2")))]
    fn set(&mut self, sum: u32) {
        self.a = sum as u16;
        self.b = (sum >> 16) as u16;
    }

    /// Sums the first block.
    #[must_use]
    pub fn new(block: &[u8]) -> Self {
        let (a, b) = halves(block);
        Self { a, b, block_bytes: block.len() as u16 }
    }

    /// Moves the block on by one byte: `leaves` was its first, `enters` becomes its last.
    #[inline]
    pub fn roll(&mut self, leaves: u8, enters: u8) {
        self.a = self.a.wrapping_sub(u16::from(leaves)).wrapping_add(u16::from(enters));
        let left = self.block_bytes.wrapping_mul(u16::from(leaves));
        self.b = self.b.wrapping_sub(left).wrapping_add(self.a);
    }

    /// The sum of the block where it is now.
    #[must_use]
    #[inline]
    pub fn sum(self) -> u32 {
        u32::from(self.a) | u32::from(self.b) << 16
    }
}

/// The halves `a` and `b` of a block's sum.
fn halves(block: &[u8]) -> (u16, u16) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if has(Features::AVX2) {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86_64::halves(block) };
    }
    #[cfg(target_arch = "aarch64")]
    if has(Features::NEON) {
        // SAFETY: the processor has what the function needs.
        return unsafe { aarch64::halves(block) };
    }
    portable::halves(block)
}

/// The sums of [`BATCH`] positions, and a bit for each that may be in the set.
struct Batch {
    sums: [u32; BATCH],
    hits: [u64; BATCH / 64],
}

/// What makes tags of sums: 2^32 divided by the golden ratio, which spreads what it multiplies.
const TAG_FACTOR: u32 = 0x9e37_79b1;

/// Rolls `state` over the bytes that leave and enter, and looks up the sum after each.
fn roll_batch(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if has(Features::AVX2.with(Features::BMI2)) {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86_64::roll(state, leave, enter, set, batch) };
    }
    #[cfg(target_arch = "aarch64")]
    if has(Features::NEON) {
        // SAFETY: the processor has what the function needs.
        return unsafe { aarch64::roll(state, leave, enter, set, batch) };
    }
    portable::roll(state, leave, enter, set, batch);
}
