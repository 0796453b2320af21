//! Vectors of sixteen 32-bit words with AVX-512: rotation and any function of three words are one
//! instruction each.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_and_si512, _mm512_loadu_si512, _mm512_permutexvar_epi32,
    _mm512_rol_epi32, _mm512_rolv_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_set4_epi32,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_sub_epi32, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::BLOCK_BYTES;

pub(crate) type Vector = __m512i;
pub(crate) const LANES: usize = 16;

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn splat(word: u32) -> Vector {
    _mm512_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn load(words: &[u32; LANES]) -> Vector {
    // SAFETY: `words` are the 64 bytes that are read, which need no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn store(vector: Vector, words: &mut [u32; LANES]) {
    // SAFETY: `words` are the 64 bytes that are written, which need no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn add(a: Vector, b: Vector) -> Vector {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn rotate_right<const BITS: i32>(a: Vector) -> Vector {
    _mm512_ror_epi32::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn rotate_left<const BITS: i32>(a: Vector) -> Vector {
    _mm512_rol_epi32::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn shift_right<const BITS: u32>(a: Vector) -> Vector {
    _mm512_srli_epi32::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn xor(a: Vector, b: Vector) -> Vector {
    _mm512_xor_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn xor3(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// `b` where a bit of `a` is set, `c` elsewhere.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xca>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xe8>(a, b, c)
}

/// A block of each lane as it lies in memory.
pub(crate) type Rows = [Vector; LANES];

/// The block at `offset` in each run.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn load_blocks(runs: &[&[u8]; LANES], offset: usize) -> Rows {
    let mut rows = [_mm512_setzero_si512(); LANES];
    for (row, run) in rows.iter_mut().zip(runs) {
        let block = &run[offset..offset + BLOCK_BYTES];
        // SAFETY: `block` are the 64 bytes that are read, which need no alignment.
        *row = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    }
    rows
}

/// Lane `l` of vector `t` is big-endian word `t` of lane `l`'s block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn transpose(rows: &Rows) -> [Vector; 16] {
    let big_endian = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    // Within each 128-bit quarter q: `quads[4 * r + i]` holds word 4 * q + i of rows 4 * r ..
    let mut quads = [_mm512_setzero_si512(); 16];
    for r in [0, 4, 8, 12] {
        let low = _mm512_unpacklo_epi32(rows[r], rows[r + 1]);
        let high = _mm512_unpackhi_epi32(rows[r], rows[r + 1]);
        let low_2 = _mm512_unpacklo_epi32(rows[r + 2], rows[r + 3]);
        let high_2 = _mm512_unpackhi_epi32(rows[r + 2], rows[r + 3]);
        quads[r] = _mm512_unpacklo_epi64(low, low_2);
        quads[r + 1] = _mm512_unpackhi_epi64(low, low_2);
        quads[r + 2] = _mm512_unpacklo_epi64(high, high_2);
        quads[r + 3] = _mm512_unpackhi_epi64(high, high_2);
    }
    // The quarters are a 4 by 4 matrix of their own.
    let mut columns = [_mm512_setzero_si512(); 16];
    for i in 0..4 {
        let [a, b, c, d] = [quads[i], quads[4 + i], quads[8 + i], quads[12 + i]];
        let low = _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b);
        let high = _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b);
        let low_2 = _mm512_shuffle_i32x4::<0b01_00_01_00>(c, d);
        let high_2 = _mm512_shuffle_i32x4::<0b11_10_11_10>(c, d);
        let words = [
            _mm512_shuffle_i32x4::<0b10_00_10_00>(low, low_2),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(low, low_2),
            _mm512_shuffle_i32x4::<0b10_00_10_00>(high, high_2),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(high, high_2),
        ];
        for (quarter, words) in words.into_iter().enumerate() {
            columns[4 * quarter + i] = _mm512_shuffle_epi8(words, big_endian);
        }
    }
    columns
}

/// `a & b`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn and(a: Vector, b: Vector) -> Vector {
    _mm512_and_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn rotate_left_by(a: Vector, bits: u32) -> Vector {
    _mm512_rolv_epi32(a, splat(bits))
}

/// In each lane the word of `table` that the lane's four lowest bits number.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn lookup_16(table: &[u32; 16], index: Vector) -> Vector {
    _mm512_permutexvar_epi32(index, load(table))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    _mm512_sub_epi32(a, b)
}
