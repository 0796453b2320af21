//! The sums with AVX2.

use core::arch::x86_64::*;

use super::portable::add_bytes;
use super::{BATCH, Batch, MatchSet, Rolling, TAG_FACTOR};

/// As [`super::halves`].
#[target_feature(enable = "avx2")]
pub(super) fn halves(block: &[u8]) -> (u16, u16) {
    const STRETCH: usize = 32;
    /// What a byte of a stretch counts in `b`, before the bytes behind the stretch.
    static WEIGHTS: [i8; STRETCH] = {
        let mut weights = [0; STRETCH];
        let mut at = 0;
        while at < STRETCH {
            weights[at] = (STRETCH - at) as i8;
            at += 1;
        }
        weights
    };
    // SAFETY: an array of 32 bytes is read.
    let weights = unsafe { _mm256_loadu_si256(WEIGHTS.as_ptr().cast()) };
    let (zero, ones) = (_mm256_setzero_si256(), _mm256_set1_epi16(1));
    let (mut a, mut a_sums, mut weighted) = (zero, zero, zero);
    let (stretches, rest) = block.as_chunks::<STRETCH>();
    for stretch in stretches {
        // SAFETY: an array of 32 bytes is read.
        let bytes = unsafe { _mm256_loadu_si256(stretch.as_ptr().cast()) };
        a_sums = _mm256_add_epi64(a_sums, a);
        a = _mm256_add_epi64(a, _mm256_sad_epu8(bytes, zero));
        // At most 255 * (32 + 31), which 16 bits hold.
        let pairs = _mm256_maddubs_epi16(bytes, weights);
        weighted = _mm256_add_epi32(weighted, _mm256_madd_epi16(pairs, ones));
    }
    let b = add_64(a_sums)
        .wrapping_mul(STRETCH as u64)
        // The upper half of each lane spoils nothing below bit 32.
        .wrapping_add(add_64(weighted))
        .wrapping_add(add_64(_mm256_srli_epi64::<32>(weighted)));
    add_bytes((add_64(a) as u16, b as u16), rest)
}

/// The sum of the lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn add_64(lanes: __m256i) -> u64 {
    let mut stored = [0_u64; 4];
    // SAFETY: an array of 32 bytes is written.
    unsafe { _mm256_storeu_si256(stored.as_mut_ptr().cast(), lanes) };
    stored.into_iter().fold(0, u64::wrapping_add)
}

/// As [`super::roll_batch`].
#[target_feature(enable = "avx2,bmi2")]
pub(super) fn roll(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    const LANES: usize = 16;
    let factor = _mm256_set1_epi32(TAG_FACTOR.cast_signed());
    let shift = _mm_cvtsi32_si128(set.shift.cast_signed());
    let block_bytes = _mm256_set1_epi16(state.block_bytes.cast_signed());
    let mut a = _mm256_set1_epi16(state.a.cast_signed());
    let mut b = _mm256_set1_epi16(state.b.cast_signed());
    let leave = leave.as_chunks::<LANES>().0.iter();
    let enter = enter.as_chunks::<LANES>().0.iter();
    let sums = batch.sums.as_chunks_mut::<{ LANES / 2 }>().0.iter_mut();
    let mut tags = [0; BATCH];
    let mut results = sums.zip(tags.as_chunks_mut::<{ LANES / 2 }>().0);
    for (leave, enter) in leave.zip(enter) {
        // SAFETY: arrays of 16 bytes are read.
        let (leave, enter) = unsafe {
            (
                _mm256_cvtepu8_epi16(_mm_loadu_si128(leave.as_ptr().cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(enter.as_ptr().cast())),
            )
        };
        let plain = _mm256_add_epi16(a, prefix(_mm256_sub_epi16(enter, leave)));
        let left = _mm256_mullo_epi16(leave, block_bytes);
        let weighted = _mm256_add_epi16(b, prefix(_mm256_sub_epi16(plain, left)));
        let (low, high) =
            (_mm256_unpacklo_epi16(plain, weighted), _mm256_unpackhi_epi16(plain, weighted));
        let joined = [
            _mm256_permute2x128_si256::<0x20>(low, high),
            _mm256_permute2x128_si256::<0x31>(low, high),
        ];
        for (joined, (sums, tags)) in joined.into_iter().zip(&mut results) {
            // SAFETY: an array of 8 numbers of 32 bits is written.
            unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), joined) };
            let found = _mm256_srl_epi32(_mm256_mullo_epi32(joined, factor), shift);
            // SAFETY: an array of 8 numbers of 32 bits is written.
            unsafe { _mm256_storeu_si256(tags.as_mut_ptr().cast(), found) };
        }
        a = last(plain);
        b = last(weighted);
    }
    state.set(batch.sums[BATCH - 1]);
    batch.hits = set.hits(&tags);
}

/// The sums of the first lane, the first two and so on.
#[inline]
#[target_feature(enable = "avx2")]
fn prefix(lanes: __m256i) -> __m256i {
    let lanes = _mm256_add_epi16(lanes, _mm256_bslli_epi128::<2>(lanes));
    let lanes = _mm256_add_epi16(lanes, _mm256_bslli_epi128::<4>(lanes));
    let lanes = _mm256_add_epi16(lanes, _mm256_bslli_epi128::<8>(lanes));
    // The last lane of the lower half is added to the upper half.
    let lower = _mm256_permute2x128_si256::<0x08>(lanes, lanes);
    let carried = _mm256_shuffle_epi8(lower, _mm256_set1_epi16(0x0f0e));
    _mm256_add_epi16(lanes, carried)
}

/// The last lane in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn last(lanes: __m256i) -> __m256i {
    let upper = _mm256_permute4x64_epi64::<0xff>(lanes);
    _mm256_shuffle_epi8(upper, _mm256_set1_epi16(0x0f0e))
}
