//! Vectors of eight words (AVX2) and sixteen (AVX-512).

use core::arch::x86_64::*;

use super::lanes::{self, Choice, Columns, Vector};
use crate::cpu::{self, Features};

/// With fewer messages, most lanes would be idle.
const MESSAGES_MIN: usize = 4;

/// Digests short messages side by side, and returns which ones it has digested.
pub(super) fn hash_many(messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Option<Choice> {
    if messages.len() < MESSAGES_MIN {
        return None;
    }
    if cpu::has(Features::AVX512) {
        let lanes = __m512i::LANES;
        let choice = Choice::new(messages, lanes);
        // SAFETY: AVX-512 is there, and the function is the one for so many lanes.
        unsafe { lanes::hash_many(messages, digests, choice, lanes, compress_avx512) };
        return Some(choice);
    }
    if cpu::has(Features::AVX2) {
        let lanes = __m256i::LANES;
        let choice = Choice::new(messages, lanes);
        // SAFETY: AVX2 is there, and the function is the one for so many lanes.
        unsafe { lanes::hash_many(messages, digests, choice, lanes, compress_avx2) };
        return Some(choice);
    }
    None
}

/// # Safety
/// As [`lanes::compress`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn compress_avx512(columns: &mut Columns, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { lanes::compress::<__m512i>(columns, count) }
}

/// # Safety
/// As [`lanes::compress`].
#[target_feature(enable = "avx2")]
unsafe fn compress_avx2(columns: &mut Columns, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { lanes::compress::<__m256i>(columns, count) }
}

// SAFETY, for all functions of both implementations: the trait demands the instruction set; loads
// and stores are unaligned ones of 4 * LANES bytes in arrays of 16 words, or of 64 readable bytes.

impl Vector for __m512i {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    unsafe fn load(words: &[u32; 16]) -> Self {
        // SAFETY: see above.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32; 16]) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm512_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm512_xor_si512(self, other) }
    }

    #[inline(always)]
    unsafe fn rotate<const BITS: i32>(self) -> Self {
        // SAFETY: see above.
        unsafe { _mm512_ror_epi32::<BITS>(self) }
    }

    #[inline(always)]
    unsafe fn load_blocks(blocks: &[*const u8; 16], offset: usize) -> [Self; 16] {
        // SAFETY: see above.
        unsafe {
            let mut rows = [_mm512_setzero_si512(); 16];
            for (row, block) in rows.iter_mut().zip(blocks) {
                *row = _mm512_loadu_si512(block.add(offset).cast());
            }
            transpose_16(&mut rows);
            rows
        }
    }
}

/// Turns 16 rows of 16 words into columns: in steps of 32, 64, 128 and 256 bits.
///
/// # Safety
/// AVX-512 is there.
#[inline(always)]
unsafe fn transpose_16(rows: &mut [__m512i; 16]) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut t = *rows;
        for i in 0..8 {
            t[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            t[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        let mut u = t;
        for i in 0..4 {
            let at = 4 * i;
            u[at] = _mm512_unpacklo_epi64(t[at], t[at + 2]);
            u[at + 1] = _mm512_unpackhi_epi64(t[at], t[at + 2]);
            u[at + 2] = _mm512_unpacklo_epi64(t[at + 1], t[at + 3]);
            u[at + 3] = _mm512_unpackhi_epi64(t[at + 1], t[at + 3]);
        }
        // u[4 * g + w] holds, in each quarter q, word 4 * q + w of the rows 4 * g to 4 * g + 3.
        for w in 0..4 {
            let low = _mm512_shuffle_i32x4::<0x44>(u[w], u[4 + w]);
            let high = _mm512_shuffle_i32x4::<0xee>(u[w], u[4 + w]);
            let low_2 = _mm512_shuffle_i32x4::<0x44>(u[8 + w], u[12 + w]);
            let high_2 = _mm512_shuffle_i32x4::<0xee>(u[8 + w], u[12 + w]);
            rows[w] = _mm512_shuffle_i32x4::<0x88>(low, low_2);
            rows[4 + w] = _mm512_shuffle_i32x4::<0xdd>(low, low_2);
            rows[8 + w] = _mm512_shuffle_i32x4::<0x88>(high, high_2);
            rows[12 + w] = _mm512_shuffle_i32x4::<0xdd>(high, high_2);
        }
    }
}

impl Vector for __m256i {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    unsafe fn load(words: &[u32; 16]) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, words: &mut [u32; 16]) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_xor_si256(self, other) }
    }

    #[inline(always)]
    unsafe fn rotate<const BITS: i32>(self) -> Self {
        // SAFETY: see above.
        unsafe {
            match BITS {
                16 => _mm256_shuffle_epi8(self, bytes_of_each_word([2, 3, 0, 1])),
                8 => _mm256_shuffle_epi8(self, bytes_of_each_word([1, 2, 3, 0])),
                _ => {
                    let right = _mm256_srl_epi32(self, _mm_cvtsi32_si128(BITS));
                    let left = _mm256_sll_epi32(self, _mm_cvtsi32_si128(32 - BITS));
                    _mm256_or_si256(right, left)
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn load_blocks(blocks: &[*const u8; 16], offset: usize) -> [Self; 16] {
        // SAFETY: see above.
        unsafe {
            let mut words = [_mm256_setzero_si256(); 16];
            for half in 0..2 {
                let mut rows = [_mm256_setzero_si256(); 8];
                for (row, block) in rows.iter_mut().zip(blocks) {
                    *row = _mm256_loadu_si256(block.add(offset + 32 * half).cast());
                }
                transpose_8(&mut rows);
                words[8 * half..8 * half + 8].copy_from_slice(&rows);
            }
            words
        }
    }
}

/// A shuffle that takes these bytes, in this order, of each word.
///
/// # Safety
/// AVX2 is there.
#[inline(always)]
unsafe fn bytes_of_each_word(order: [i32; 4]) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let word = order[0] | order[1] << 8 | order[2] << 16 | order[3] << 24;
        let of = |at: i32| word + 0x0404_0404 * at;
        _mm256_setr_epi32(of(0), of(1), of(2), of(3), of(0), of(1), of(2), of(3))
    }
}

/// Turns 8 rows of 8 words into columns.
///
/// # Safety
/// AVX2 is there.
#[inline(always)]
unsafe fn transpose_8(rows: &mut [__m256i; 8]) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut t = *rows;
        for i in 0..4 {
            t[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            t[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        let mut u = t;
        for i in 0..2 {
            let at = 4 * i;
            u[at] = _mm256_unpacklo_epi64(t[at], t[at + 2]);
            u[at + 1] = _mm256_unpackhi_epi64(t[at], t[at + 2]);
            u[at + 2] = _mm256_unpacklo_epi64(t[at + 1], t[at + 3]);
            u[at + 3] = _mm256_unpackhi_epi64(t[at + 1], t[at + 3]);
        }
        for w in 0..4 {
            rows[w] = _mm256_permute2x128_si256::<0x20>(u[w], u[4 + w]);
            rows[4 + w] = _mm256_permute2x128_si256::<0x31>(u[w], u[4 + w]);
        }
    }
}
