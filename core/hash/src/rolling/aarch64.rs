//! The sums with NEON.

use core::arch::aarch64::*;

use super::portable::add_bytes;
use super::{BATCH, Batch, MatchSet, Rolling, TAG_FACTOR};

/// As [`super::halves`].
#[target_feature(enable = "neon")]
pub(super) fn halves(block: &[u8]) -> (u16, u16) {
    const STRETCH: usize = 16;
    /// What a byte of a stretch counts in `b`, before the bytes behind the stretch.
    static WEIGHTS: [u8; STRETCH] = [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    // SAFETY: an array of 16 bytes is read.
    let weights = unsafe { vld1q_u8(WEIGHTS.as_ptr()) };
    let (mut a, mut a_sums, mut weighted) = (vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0));
    let (stretches, rest) = block.as_chunks::<STRETCH>();
    for stretch in stretches {
        // SAFETY: an array of 16 bytes is read.
        let bytes = unsafe { vld1q_u8(stretch.as_ptr()) };
        a_sums = vaddq_u32(a_sums, a);
        a = vpadalq_u16(a, vpaddlq_u8(bytes));
        weighted = vpadalq_u16(weighted, vmull_u8(vget_low_u8(bytes), vget_low_u8(weights)));
        weighted = vpadalq_u16(weighted, vmull_high_u8(bytes, weights));
    }
    let b = vaddvq_u32(a_sums).wrapping_mul(STRETCH as u32).wrapping_add(vaddvq_u32(weighted));
    add_bytes((vaddvq_u32(a) as u16, b as u16), rest)
}

/// As [`super::roll_batch`].
#[target_feature(enable = "neon")]
pub(super) fn roll(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    const LANES: usize = 8;
    let mut a = vdupq_n_u16(state.a);
    let mut b = vdupq_n_u16(state.b);
    let leave = leave.as_chunks::<LANES>().0.iter();
    let enter = enter.as_chunks::<LANES>().0.iter();
    let sums = batch.sums.as_chunks_mut::<{ LANES / 2 }>().0.iter_mut();
    let mut tags = [0; BATCH];
    let mut results = sums.zip(tags.as_chunks_mut::<{ LANES / 2 }>().0);
    // A shift to the left by a negative number is one to the right.
    let shift = vdupq_n_s32(-set.shift.cast_signed());
    for (leave, enter) in leave.zip(enter) {
        // SAFETY: arrays of 8 bytes are read.
        let (leave, enter) = unsafe { (vld1_u8(leave.as_ptr()), vld1_u8(enter.as_ptr())) };
        let plain = vaddq_u16(a, prefix(vsubl_u8(enter, leave)));
        let step = vmlsq_n_u16(plain, vmovl_u8(leave), state.block_bytes);
        let weighted = vaddq_u16(b, prefix(step));
        let joined = [vzip1q_u16(plain, weighted), vzip2q_u16(plain, weighted)];
        for (joined, (sums, tags)) in joined.into_iter().zip(&mut results) {
            let joined = vreinterpretq_u32_u16(joined);
            let product = vmulq_n_u32(joined, TAG_FACTOR);
            // SAFETY: arrays of 4 numbers of 32 bits are written.
            unsafe {
                vst1q_u32(sums.as_mut_ptr(), joined);
                vst1q_u32(tags.as_mut_ptr(), vshlq_u32(product, shift));
            }
        }
        a = vdupq_laneq_u16::<7>(plain);
        b = vdupq_laneq_u16::<7>(weighted);
    }
    state.set(batch.sums[BATCH - 1]);
    batch.hits = set.hits(&tags);
}

/// The sums of the first lane, the first two and so on.
#[inline]
#[target_feature(enable = "neon")]
fn prefix(lanes: uint16x8_t) -> uint16x8_t {
    let zero = vdupq_n_u16(0);
    let lanes = vaddq_u16(lanes, vextq_u16::<7>(zero, lanes));
    let lanes = vaddq_u16(lanes, vextq_u16::<6>(zero, lanes));
    vaddq_u16(lanes, vextq_u16::<4>(zero, lanes))
}
