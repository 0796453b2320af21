//! The sums on registers of 512 and 256 bits.

use core::arch::x86_64::*;

use super::portable::add_bytes;
use super::{BATCH, Batch, MatchSet, Rolling, TAG_FACTOR};

/// As [`super::halves`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn halves_512(block: &[u8]) -> (u16, u16) {
    const STRETCH: usize = 64;
    /// What a byte of a stretch counts in `b`, before the bytes behind the stretch.
    static WEIGHTS: [i8; STRETCH] = weights();
    // SAFETY: an array of 64 bytes is read.
    let weights = unsafe { _mm512_loadu_si512(WEIGHTS.as_ptr().cast()) };
    let (zero, ones) = (_mm512_setzero_si512(), _mm512_set1_epi16(1));
    let (mut a, mut a_sums, mut weighted) = (zero, zero, zero);
    let (stretches, rest) = block.as_chunks::<STRETCH>();
    for stretch in stretches {
        // SAFETY: an array of 64 bytes is read.
        let bytes = unsafe { _mm512_loadu_si512(stretch.as_ptr().cast()) };
        a_sums = _mm512_add_epi64(a_sums, a);
        a = _mm512_add_epi64(a, _mm512_sad_epu8(bytes, zero));
        // At most 255 * (64 + 63), which 16 bits hold.
        let pairs = _mm512_maddubs_epi16(bytes, weights);
        weighted = _mm512_add_epi32(weighted, _mm512_madd_epi16(pairs, ones));
    }
    let b = _mm512_reduce_add_epi64(a_sums)
        .wrapping_mul(STRETCH as i64)
        .wrapping_add(i64::from(_mm512_reduce_add_epi32(weighted)));
    add_bytes((_mm512_reduce_add_epi64(a) as u16, b as u16), rest)
}

/// As [`super::halves`].
#[target_feature(enable = "avx2")]
pub(super) fn halves_256(block: &[u8]) -> (u16, u16) {
    const STRETCH: usize = 32;
    static WEIGHTS: [i8; STRETCH] = weights();
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

const fn weights<const STRETCH: usize>() -> [i8; STRETCH] {
    let mut weights = [0; STRETCH];
    let mut at = 0;
    while at < STRETCH {
        weights[at] = (STRETCH - at) as i8;
        at += 1;
    }
    weights
}

/// As [`super::roll_batch`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn roll_512(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    const LANES: usize = 32;
    let block_bytes = _mm512_set1_epi16(state.block_bytes.cast_signed());
    let last = _mm512_set1_epi16(LANES as i16 - 1);
    let factor = _mm512_set1_epi32(TAG_FACTOR.cast_signed());
    let shift = _mm_cvtsi32_si128(set.shift.cast_signed());
    let (ones, low_five) = (_mm512_set1_epi32(1), _mm512_set1_epi32(31));
    // Interleaving works within quarters, whose order is to be restored.
    let first_half = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    let second_half = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    let mut a = _mm512_set1_epi16(state.a.cast_signed());
    let mut b = _mm512_set1_epi16(state.b.cast_signed());
    let leave = leave.as_chunks::<LANES>().0.iter();
    let enter = enter.as_chunks::<LANES>().0.iter();
    let sums = batch.sums.as_chunks_mut::<{ LANES / 2 }>().0.iter_mut();
    let mut sums = sums.enumerate();
    batch.hits = [0; BATCH / 64];
    for (leave, enter) in leave.zip(enter) {
        // SAFETY: arrays of 32 bytes are read.
        let (leave, enter) = unsafe {
            (
                _mm512_cvtepu8_epi16(_mm256_loadu_si256(leave.as_ptr().cast())),
                _mm512_cvtepu8_epi16(_mm256_loadu_si256(enter.as_ptr().cast())),
            )
        };
        let plain = _mm512_add_epi16(a, prefix_512(_mm512_sub_epi16(enter, leave)));
        let left = _mm512_mullo_epi16(leave, block_bytes);
        let weighted = _mm512_add_epi16(b, prefix_512(_mm512_sub_epi16(plain, left)));
        let (low, high) =
            (_mm512_unpacklo_epi16(plain, weighted), _mm512_unpackhi_epi16(plain, weighted));
        let joined =
            [first_half, second_half].map(|half| _mm512_permutex2var_epi64(low, half, high));
        for (joined, (index, sums)) in joined.into_iter().zip(&mut sums) {
            // SAFETY: an array of 16 numbers of 32 bits is written.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), joined) };
            let tags = _mm512_srl_epi32(_mm512_mullo_epi32(joined, factor), shift);
            let places = _mm512_srli_epi32::<5>(tags);
            // SAFETY: the set has a bit for every tag, so each place is one of its 32-bit halves of
            // words; there are at most 2^27 of them, so that none counts as negative.
            let words = unsafe { _mm512_i32gather_epi32::<4>(places, set.bits.as_ptr().cast()) };
            let bits = _mm512_sllv_epi32(ones, _mm512_and_si512(tags, low_five));
            let hits = u64::from(_mm512_test_epi32_mask(words, bits));
            batch.hits[index / 4] |= hits << (16 * (index % 4));
        }
        a = _mm512_permutexvar_epi16(last, plain);
        b = _mm512_permutexvar_epi16(last, weighted);
    }
    state.set(batch.sums[BATCH - 1]);
}

/// The sums of the first lane, the first two and so on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn prefix_512(lanes: __m512i) -> __m512i {
    let lanes = _mm512_add_epi16(lanes, _mm512_bslli_epi128::<2>(lanes));
    let lanes = _mm512_add_epi16(lanes, _mm512_bslli_epi128::<4>(lanes));
    let lanes = _mm512_add_epi16(lanes, _mm512_bslli_epi128::<8>(lanes));
    // The last lane of each quarter is added to those behind: of the quarter before, then of the two
    // before that.
    let quarters = |before_1, before_2, before_3| {
        _mm512_set_epi64(before_3, before_3, before_2, before_2, before_1, before_1, 0, 0)
    };
    const LANE_7: i64 = 0x0007_0007_0007_0007;
    const LANE_15: i64 = 0x000f_000f_000f_000f;
    const LANE_23: i64 = 0x0017_0017_0017_0017;
    let one = quarters(LANE_7, LANE_15, LANE_23);
    let carried = _mm512_maskz_permutexvar_epi16(0xffff_ff00, one, lanes);
    let lanes = _mm512_add_epi16(lanes, carried);
    let two = quarters(0, LANE_7, LANE_15);
    let carried = _mm512_maskz_permutexvar_epi16(0xffff_0000, two, lanes);
    _mm512_add_epi16(lanes, carried)
}

/// As [`super::roll_batch`].
#[target_feature(enable = "avx2")]
pub(super) fn roll_256(
    state: &mut Rolling,
    leave: &[u8; BATCH],
    enter: &[u8; BATCH],
    set: &MatchSet,
    batch: &mut Batch,
) {
    const LANES: usize = 16;
    let low_five = _mm256_set1_epi32(31);
    let factor = _mm256_set1_epi32(TAG_FACTOR.cast_signed());
    let shift = _mm_cvtsi32_si128(set.shift.cast_signed());
    let block_bytes = _mm256_set1_epi16(state.block_bytes.cast_signed());
    let mut a = _mm256_set1_epi16(state.a.cast_signed());
    let mut b = _mm256_set1_epi16(state.b.cast_signed());
    let leave = leave.as_chunks::<LANES>().0.iter();
    let enter = enter.as_chunks::<LANES>().0.iter();
    let sums = batch.sums.as_chunks_mut::<{ LANES / 2 }>().0.iter_mut();
    let mut sums = sums.enumerate();
    batch.hits = [0; BATCH / 64];
    for (leave, enter) in leave.zip(enter) {
        // SAFETY: arrays of 16 bytes are read.
        let (leave, enter) = unsafe {
            (
                _mm256_cvtepu8_epi16(_mm_loadu_si128(leave.as_ptr().cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(enter.as_ptr().cast())),
            )
        };
        let plain = _mm256_add_epi16(a, prefix_256(_mm256_sub_epi16(enter, leave)));
        let left = _mm256_mullo_epi16(leave, block_bytes);
        let weighted = _mm256_add_epi16(b, prefix_256(_mm256_sub_epi16(plain, left)));
        let (low, high) =
            (_mm256_unpacklo_epi16(plain, weighted), _mm256_unpackhi_epi16(plain, weighted));
        let joined = [
            _mm256_permute2x128_si256::<0x20>(low, high),
            _mm256_permute2x128_si256::<0x31>(low, high),
        ];
        for (joined, (index, sums)) in joined.into_iter().zip(&mut sums) {
            // SAFETY: an array of 8 numbers of 32 bits is written.
            unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), joined) };
            let tags = _mm256_srl_epi32(_mm256_mullo_epi32(joined, factor), shift);
            let places = _mm256_srli_epi32::<5>(tags);
            // SAFETY: the set has a bit for every tag, so each place is one of its 32-bit halves of
            // words; there are at most 2^27 of them, so that none counts as negative.
            let words = unsafe { _mm256_i32gather_epi32::<4>(set.bits.as_ptr().cast(), places) };
            // The bit goes to the sign's place. A shift takes all bits of its count.
            let left = _mm256_andnot_si256(tags, low_five);
            let signs = _mm256_castsi256_ps(_mm256_sllv_epi32(words, left));
            let hits = u64::from(_mm256_movemask_ps(signs).cast_unsigned());
            batch.hits[index / 8] |= hits << (8 * (index % 8));
        }
        a = last_256(plain);
        b = last_256(weighted);
    }
    state.set(batch.sums[BATCH - 1]);
}

/// The sums of the first lane, the first two and so on.
#[inline]
#[target_feature(enable = "avx2")]
fn prefix_256(lanes: __m256i) -> __m256i {
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
fn last_256(lanes: __m256i) -> __m256i {
    let upper = _mm256_permute4x64_epi64::<0xff>(lanes);
    _mm256_shuffle_epi8(upper, _mm256_set1_epi16(0x0f0e))
}
