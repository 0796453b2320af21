//! Vectors of eight 32-bit words with AVX2.

use core::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_add_epi32, _mm256_and_si256, _mm256_blendv_ps,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_loadu_si256, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_setr_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sll_epi32, _mm256_slli_epi32,
    _mm256_srl_epi32, _mm256_srli_epi32, _mm256_storeu_si256, _mm256_sub_epi32,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::BLOCK_BYTES;

pub(crate) type Vector = __m256i;
pub(crate) const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn splat(word: u32) -> Vector {
    _mm256_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: `words` are the 32 bytes that are read, which need no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn store(vector: Vector, words: &mut [u32; LANES]) {
    // SAFETY: `words` are the 32 bytes that are written, which need no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn add(a: Vector, b: Vector) -> Vector {
    _mm256_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn rotate_right<const BITS: u32>(a: Vector) -> Vector {
    // Shifts whose count is a value: instructions with an immediate once this is inlined.
    let [right, left] = [BITS, 32 - BITS].map(|bits| _mm_cvtsi32_si128(bits.cast_signed()));
    _mm256_or_si256(_mm256_srl_epi32(a, right), _mm256_sll_epi32(a, left))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn rotate_left<const BITS: u32>(a: Vector) -> Vector {
    let [left, right] = [BITS, 32 - BITS].map(|bits| _mm_cvtsi32_si128(bits.cast_signed()));
    _mm256_or_si256(_mm256_sll_epi32(a, left), _mm256_srl_epi32(a, right))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn shift_right<const BITS: i32>(a: Vector) -> Vector {
    _mm256_srli_epi32::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn xor(a: Vector, b: Vector) -> Vector {
    _mm256_xor_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn xor3(a: Vector, b: Vector, c: Vector) -> Vector {
    xor(xor(a, b), c)
}

/// `b` where a bit of `a` is set, `c` elsewhere.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    xor(c, _mm256_and_si256(a, xor(b, c)))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    xor(a, _mm256_and_si256(xor(a, b), xor(a, c)))
}

/// A block of each lane as it lies in memory, its two halves apart.
pub(crate) type Rows = [[Vector; LANES]; 2];

/// The block at `offset` in each run.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load_blocks(runs: &[&[u8]; LANES], offset: usize) -> Rows {
    let mut rows = [[_mm256_setzero_si256(); LANES]; 2];
    for (lane, run) in runs.iter().enumerate() {
        let block = &run[offset..offset + BLOCK_BYTES];
        for (half, bytes) in block.as_chunks::<32>().0.iter().enumerate() {
            // SAFETY: `bytes` are the 32 bytes that are read, which need no alignment.
            rows[half][lane] = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        }
    }
    rows
}

/// Lane `l` of vector `t` is big-endian word `t` of lane `l`'s block.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn transpose(rows: &Rows) -> [Vector; 16] {
    let mut columns = [_mm256_setzero_si256(); 16];
    for (half, rows) in rows.iter().enumerate() {
        columns[8 * half..8 * half + 8].copy_from_slice(&transpose_half(rows));
    }
    columns
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose_half(rows: &[Vector; LANES]) -> [Vector; 8] {
    let big_endian = _mm256_setr_epi8(
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8,
        15, 14, 13, 12,
    );
    // Within each 128-bit half h: `quads[r + i]` holds word 4 * h + i of rows r .. r + 4.
    let mut quads = [_mm256_setzero_si256(); 8];
    for r in [0, 4] {
        let low = _mm256_unpacklo_epi32(rows[r], rows[r + 1]);
        let high = _mm256_unpackhi_epi32(rows[r], rows[r + 1]);
        let low_2 = _mm256_unpacklo_epi32(rows[r + 2], rows[r + 3]);
        let high_2 = _mm256_unpackhi_epi32(rows[r + 2], rows[r + 3]);
        quads[r] = _mm256_unpacklo_epi64(low, low_2);
        quads[r + 1] = _mm256_unpackhi_epi64(low, low_2);
        quads[r + 2] = _mm256_unpacklo_epi64(high, high_2);
        quads[r + 3] = _mm256_unpackhi_epi64(high, high_2);
    }
    let mut columns = [_mm256_setzero_si256(); 8];
    for i in 0..4 {
        let low = _mm256_permute2x128_si256::<0x20>(quads[i], quads[4 + i]);
        let high = _mm256_permute2x128_si256::<0x31>(quads[i], quads[4 + i]);
        columns[i] = _mm256_shuffle_epi8(low, big_endian);
        columns[4 + i] = _mm256_shuffle_epi8(high, big_endian);
    }
    columns
}

/// `a & b`.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn and(a: Vector, b: Vector) -> Vector {
    _mm256_and_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn rotate_left_by(a: Vector, bits: u32) -> Vector {
    // A shift by 32 leaves nothing.
    let [left, right] = [bits, 32 - bits].map(|bits| _mm_cvtsi32_si128(bits.cast_signed()));
    _mm256_or_si256(_mm256_sll_epi32(a, left), _mm256_srl_epi32(a, right))
}

/// In each lane the word of `table` that the lane's four lowest bits number.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn lookup_16(table: &[u32; 16], index: Vector) -> Vector {
    let (low, high) = table.split_at(LANES);
    let [low, high] = [low, high].map(|half| load(half.first_chunk().expect("half of sixteen")));
    // The permutation looks at the three lowest bits, the choice at the uppermost one.
    let fourth_bit = _mm256_slli_epi32::<28>(index);
    _mm256_castps_si256(_mm256_blendv_ps(
        _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(low, index)),
        _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(high, index)),
        _mm256_castsi256_ps(fourth_bit),
    ))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    _mm256_sub_epi32(a, b)
}
