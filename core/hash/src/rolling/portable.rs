//! The sums without instructions that a processor may lack.

use super::{BATCH, Batch, MatchSet, Rolling};

/// As [`super::halves`].
pub(super) fn halves(block: &[u8]) -> (u16, u16) {
    /// Few enough for no sum of a stretch to leave 32 bits.
    const STRETCH: usize = 32;
    let stretches = block.chunks_exact(STRETCH);
    let rest = stretches.remainder();
    let (mut a, mut b) = (0_u32, 0_u32);
    for stretch in stretches {
        let (mut plain, mut weighted) = (0, 0);
        for (index, &byte) in stretch.iter().enumerate() {
            plain += u32::from(byte);
            weighted += (STRETCH - index) as u32 * u32::from(byte);
        }
        b = b.wrapping_add(STRETCH as u32 * a).wrapping_add(weighted) & 0xffff;
        a = a.wrapping_add(plain) & 0xffff;
    }
    add_bytes((a as u16, b as u16), rest)
}

/// The halves of a block's sum after `bytes` more.
pub(super) fn add_bytes((mut a, mut b): (u16, u16), bytes: &[u8]) -> (u16, u16) {
    for &byte in bytes {
        a = a.wrapping_add(u16::from(byte));
        b = b.wrapping_add(a);
    }
    (a, b)
}

/// As [`super::roll_batch`].
pub(super) fn roll(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    let mut rolling = *state;
    let mut tags = [0; BATCH];
    for at in 0..BATCH {
        rolling.roll(leave[at], enter[at]);
        batch.sums[at] = rolling.sum();
        tags[at] = set.tag(rolling.sum());
    }
    *state = rolling;
    batch.hits = set.hits(&tags);
}
