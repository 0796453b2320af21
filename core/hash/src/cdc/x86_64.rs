//! The search with AES instructions, on registers of 512, 256 and 128 bits.

use core::arch::x86_64::*;

use super::WINDOW_BYTES;
use super::aes::{RoundKeys, last_is_short};
use super::steps::find_in_steps;
use crate::cpu::{Features, has};

/// The registers that a step fills with windows: enough to hide the latency of a round.
const REGISTERS: usize = 8;

/// As [`super::find`]; `None` where the processor has no AES instructions. `bytes` holds a window.
pub(super) fn find<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
    ahead: usize,
) -> Option<Option<usize>> {
    if has(Features::AVX512.with(Features::AVX512_VBMI).with(Features::VAES)) {
        // SAFETY: the processor has what the function needs.
        Some(unsafe { find_512(keys, bytes, threshold, ahead) })
    } else if has(Features::VAES) {
        // SAFETY: the processor has what the function needs.
        Some(unsafe { find_256(keys, bytes, threshold, ahead) })
    } else if has(Features::AES_NI) {
        // SAFETY: the processor has what the function needs.
        Some(unsafe { find_128(keys, bytes, threshold, ahead) })
    } else {
        None
    }
}

/// Byte `i` of register `r` is byte `i % 16` of the window `4 * r + i / 16`.
static GATHERS: [[u8; 64]; REGISTERS] = {
    let mut gathers = [[0; 64]; REGISTERS];
    let mut at = 0;
    while at < 64 * REGISTERS {
        gathers[at / 64][at % 64] = (at / 16 + at % 16) as u8;
        at += 1;
    }
    gathers
};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,vaes")]
fn find_512<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
    ahead: usize,
) -> Option<usize> {
    let mut round_keys = [_mm512_setzero_si512(); KEYS];
    for (wide, key) in round_keys.iter_mut().zip(keys) {
        *wide = _mm512_broadcast_i32x4(load_128(key));
    }
    let threshold = _mm512_set1_epi32(threshold.cast_signed());
    find_in_steps!(bytes, 4 * REGISTERS, |covered| {
        prefetch(covered, ahead);
        // SAFETY: the mask keeps the load within the array.
        let covered =
            unsafe { _mm512_maskz_loadu_epi8((1 << COVERED) - 1, covered.as_ptr().cast()) };
        let mut states = [_mm512_setzero_si512(); REGISTERS];
        for (state, gather) in states.iter_mut().zip(&GATHERS) {
            // SAFETY: an array of 64 bytes is read.
            let gather = unsafe { _mm512_loadu_si512(gather.as_ptr().cast()) };
            *state = _mm512_xor_si512(_mm512_permutexvar_epi8(gather, covered), round_keys[0]);
        }
        for key in &round_keys[1..KEYS - 1] {
            for state in &mut states {
                *state = _mm512_aesenc_epi128(*state, *key);
            }
        }
        let mut least = _mm512_set1_epi32(-1);
        for state in &mut states {
            *state = if const { last_is_short::<KEYS>() } {
                _mm512_aesenclast_epi128(*state, round_keys[KEYS - 1])
            } else {
                _mm512_aesenc_epi128(*state, round_keys[KEYS - 1])
            };
            least = _mm512_min_epu32(least, *state);
        }
        // The first column of each window.
        const FIRST: __mmask16 = 0x1111;
        let mut found = 0;
        if _mm512_mask_cmplt_epu32_mask(FIRST, least, threshold) != 0 {
            for (register, state) in states.iter().enumerate() {
                let lanes = u64::from(_mm512_mask_cmplt_epu32_mask(FIRST, *state, threshold));
                let windows = lanes & 1 | lanes >> 3 & 2 | lanes >> 6 & 4 | lanes >> 9 & 8;
                found |= windows << (4 * register);
            }
        }
        found
    })
}

#[target_feature(enable = "avx2,aes,vaes")]
fn find_256<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
    ahead: usize,
) -> Option<usize> {
    let mut round_keys = [_mm256_setzero_si256(); KEYS];
    for (wide, key) in round_keys.iter_mut().zip(keys) {
        *wide = _mm256_broadcastsi128_si256(load_128(key));
    }
    let greatest = _mm256_set1_epi32(threshold.wrapping_sub(1).cast_signed());
    // A column is below the threshold if it is the smaller of itself and the number before it.
    let below = |state| {
        let below = _mm256_cmpeq_epi32(_mm256_min_epu32(state, greatest), state);
        let columns = _mm256_movemask_ps(_mm256_castsi256_ps(below)) as u32;
        let columns = u64::from(columns);
        columns & 1 | columns >> 3 & 2
    };
    find_in_steps!(bytes, 2 * REGISTERS, |covered| {
        prefetch(covered, ahead);
        let mut states = [_mm256_setzero_si256(); REGISTERS];
        for (register, state) in states.iter_mut().enumerate() {
            let first = load_128(window(covered, 2 * register));
            let second = load_128(window(covered, 2 * register + 1));
            *state = _mm256_xor_si256(_mm256_set_m128i(second, first), round_keys[0]);
        }
        for key in &round_keys[1..KEYS - 1] {
            for state in &mut states {
                *state = _mm256_aesenc_epi128(*state, *key);
            }
        }
        let mut least = _mm256_set1_epi32(-1);
        for state in &mut states {
            *state = if const { last_is_short::<KEYS>() } {
                _mm256_aesenclast_epi128(*state, round_keys[KEYS - 1])
            } else {
                _mm256_aesenc_epi128(*state, round_keys[KEYS - 1])
            };
            least = _mm256_min_epu32(least, *state);
        }
        let mut found = 0;
        if below(least) != 0 {
            for (register, state) in states.iter().enumerate() {
                found |= below(*state) << (2 * register);
            }
        }
        found
    })
}

#[target_feature(enable = "sse4.1,aes")]
fn find_128<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
    ahead: usize,
) -> Option<usize> {
    let mut round_keys = [_mm_setzero_si128(); KEYS];
    for (loaded, key) in round_keys.iter_mut().zip(keys) {
        *loaded = load_128(key);
    }
    find_in_steps!(bytes, REGISTERS, |covered| {
        prefetch(covered, ahead);
        let mut states = [_mm_setzero_si128(); REGISTERS];
        for (register, state) in states.iter_mut().enumerate() {
            *state = _mm_xor_si128(load_128(window(covered, register)), round_keys[0]);
        }
        for key in &round_keys[1..KEYS - 1] {
            for state in &mut states {
                *state = _mm_aesenc_si128(*state, *key);
            }
        }
        let mut least = _mm_set1_epi32(-1);
        for state in &mut states {
            *state = if const { last_is_short::<KEYS>() } {
                _mm_aesenclast_si128(*state, round_keys[KEYS - 1])
            } else {
                _mm_aesenc_si128(*state, round_keys[KEYS - 1])
            };
            least = _mm_min_epu32(least, *state);
        }
        let below = |state| _mm_cvtsi128_si32(state).cast_unsigned() < threshold;
        let mut found = 0;
        if below(least) {
            for (register, state) in states.iter().enumerate() {
                found |= u64::from(below(*state)) << register;
            }
        }
        found
    })
}

/// Asks for what the search will come to when it has found a cut near `covered`: a jump to a line
/// that no hardware expects.
#[inline(always)]
fn prefetch(covered: &[u8], ahead: usize) {
    // SAFETY: a prefetch reads nothing and faults nowhere; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(covered.as_ptr().wrapping_add(ahead).cast()) };
}

/// The window that begins at `at`.
#[inline(always)]
fn window<const COVERED: usize>(covered: &[u8; COVERED], at: usize) -> &[u8; WINDOW_BYTES] {
    covered[at..].first_chunk().expect("windows lie within the covered bytes")
}

#[inline(always)]
fn load_128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: an array of 16 bytes is read; SSE2 is part of x86-64.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}
