//! Eight messages at once with AVX-512: XXH3-64 without a seed, for messages of 17 to 240 bytes.
//!
//! Scalar code multiplies 64 by 64 bits once in one and a half cycles at best. Here one message's
//! up to eight products are the eight lanes of a register, built from four products of 32 bits;
//! what the message is too short for is masked out, so that there is no branch on the length. Then
//! eight messages' lanes are summed crosswise, and the rest is done once for all eight.

use core::arch::x86_64::*;

use super::arith::{PRIME_MX1, PRIME64_1};
use super::secret::DEFAULT;

/// How many messages are hashed at once.
pub(super) const EIGHT: usize = 8;

/// The keys of the first 64 and the last 64 bytes of a message of up to 128, in which the outermost
/// 16 bytes come first in the secret, and so inwards.
const FIRST_KEYS: [u64; 8] = keys([0, 32, 64, 96]);
const LAST_KEYS: [u64; 8] = keys([112, 80, 48, 16]);

/// The keys of a longer message, in the order of its bytes; the very last 16 bytes come last.
const LOW_KEYS: [u64; 8] = keys([0, 16, 32, 48]);
const HIGH_KEYS: [u64; 8] = keys([64, 80, 96, 112]);
const THIRD_KEYS: [u64; 8] = keys([3, 19, 35, 51]);
const FOURTH_KEYS: [u64; 8] = keys([67, 83, 99, 119]);

/// The default secret's 16 bytes at each of `places`.
const fn keys(places: [usize; 4]) -> [u64; 8] {
    let mut keys = [0; 8];
    let mut i = 0;
    while i < 64 {
        keys[i / 8] |= (DEFAULT[places[i / 16] + i % 16] as u64) << (i % 8 * 8);
        i += 1;
    }
    keys
}

/// `$function` of each message. Not a loop, whose results the compiler would keep in memory.
macro_rules! each {
    ($function:ident($messages:ident)) => {{
        let [a, b, c, d, e, f, g, h] = $messages;
        [
            $function(a),
            $function(b),
            $function(c),
            $function(d),
            $function(e),
            $function(f),
            $function(g),
            $function(h),
        ]
    }};
}

/// XXH3-64 of eight messages of 17 to 128 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and all messages have such lengths.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) unsafe fn hash_to_128(messages: &[&[u8]; EIGHT]) -> [u64; EIGHT] {
    // SAFETY: as the caller promises, and more than 96 bytes where that is asked for.
    let sums = unsafe {
        if messages.iter().all(|message| message.len() > 96) {
            each!(from_97_to_128(messages))
        } else {
            each!(to_128(messages))
        }
    };
    numbers(avalanche(sum_each(sums)))
}

/// XXH3-64 of eight messages of 129 to 240 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and all messages have such lengths.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) unsafe fn hash_to_240(messages: &[&[u8]; EIGHT]) -> [u64; EIGHT] {
    // SAFETY: as the caller promises.
    let (first, rest) = unsafe { (each!(first_128(messages)), each!(rest_to_240(messages))) };
    let sums = avalanche(sum_each(first));
    numbers(avalanche(_mm512_add_epi64(sums, sum_each(rest))))
}

/// What a message of 17 to 128 bytes adds up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn to_128(message: &[u8]) -> __m512i {
    debug_assert!((17..=128).contains(&message.len()));
    // As many 16 bytes from each end as it takes to meet; they may overlap.
    let lanes = (message.len() as u32 - 1) / 32 * 2 + 2;
    let first_mask = ((1 << lanes) - 1) as __mmask8;
    let last_mask = (0xff00 >> lanes) as __mmask8;
    // SAFETY: 16 bytes are read for every 32 that the message has begun, from the start on and back
    // from the end: all of them in the message. What is masked out is not read.
    let (first, last) = unsafe {
        let end = message.as_ptr().wrapping_add(message.len()).wrapping_sub(64);
        (
            _mm512_maskz_loadu_epi64(first_mask, message.as_ptr().cast()),
            _mm512_maskz_loadu_epi64(last_mask, end.cast()),
        )
    };
    let first = _mm512_maskz_xor_epi64(first_mask, first, vector(&FIRST_KEYS));
    let last = _mm512_maskz_xor_epi64(last_mask, last, vector(&LAST_KEYS));
    _mm512_add_epi64(multiply_fold(first, last), start(message))
}

/// [`to_128`] without masks, of a message of 97 to 128 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn from_97_to_128(message: &[u8]) -> __m512i {
    debug_assert!((97..=128).contains(&message.len()));
    // SAFETY: the message has at least 64 bytes.
    let (first, last) = unsafe {
        let end = message.as_ptr().add(message.len() - 64);
        (_mm512_loadu_si512(message.as_ptr().cast()), _mm512_loadu_si512(end.cast()))
    };
    let first = _mm512_xor_si512(first, vector(&FIRST_KEYS));
    let last = _mm512_xor_si512(last, vector(&LAST_KEYS));
    _mm512_add_epi64(multiply_fold(first, last), start(message))
}

/// What the first 128 bytes of a message of more add up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has at least 128 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn first_128(message: &[u8]) -> __m512i {
    debug_assert!(message.len() >= 128);
    // SAFETY: the message has at least 128 bytes.
    let (low, high) = unsafe {
        let high = message.as_ptr().add(64);
        (_mm512_loadu_si512(message.as_ptr().cast()), _mm512_loadu_si512(high.cast()))
    };
    let low = _mm512_xor_si512(low, vector(&LOW_KEYS));
    let high = _mm512_xor_si512(high, vector(&HIGH_KEYS));
    _mm512_add_epi64(multiply_fold(low, high), start(message))
}

/// What the other bytes of a message of 129 to 240 add up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn rest_to_240(message: &[u8]) -> __m512i {
    /// The lanes of the message's last 16 bytes.
    const LAST: __mmask8 = 0b1100_0000;
    debug_assert!((129..=240).contains(&message.len()));
    // All whole 16 bytes after the first 128, of which there are at most seven; and the last 16.
    let lanes = (message.len() as u32 - 128) / 16 * 2;
    let mask = (1_u32 << lanes) - 1;
    let (third_mask, fourth_mask) = (mask as __mmask8, (mask >> 8) as __mmask8);
    // SAFETY: the message has more than 128 bytes, and as many whole 16 bytes after them as the
    // masks say; its last 16 are in the upper two lanes of its last 64. What is masked out is not
    // read.
    let (third, fourth) = unsafe {
        let start = message.as_ptr();
        let fourth = _mm512_maskz_loadu_epi64(fourth_mask, start.wrapping_add(192).cast());
        let end = start.add(message.len() - 64);
        (
            _mm512_maskz_loadu_epi64(third_mask, start.add(128).cast()),
            _mm512_mask_loadu_epi64(fourth, LAST, end.cast()),
        )
    };
    multiply_fold(
        _mm512_maskz_xor_epi64(third_mask, third, vector(&THIRD_KEYS)),
        _mm512_maskz_xor_epi64(fourth_mask | LAST, fourth, vector(&FOURTH_KEYS)),
    )
}

/// What a message's sum starts with, in the first lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn start(message: &[u8]) -> __m512i {
    let start = (message.len() as u64).wrapping_mul(PRIME64_1);
    _mm512_zextsi128_si512(_mm_cvtsi64_si128(start as i64))
}

/// The 128-bit products of each even lane with the odd lane after it, in both registers, each
/// folded to 64 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn multiply_fold(first: __m512i, last: __m512i) -> __m512i {
    let a = _mm512_unpacklo_epi64(first, last);
    let b = _mm512_unpackhi_epi64(first, last);
    // Not a shift, which fewer of the processor's pipes can do.
    let (a_high, b_high) = (_mm512_shuffle_epi32::<0xf5>(a), _mm512_shuffle_epi32::<0xf5>(b));
    let low_low = _mm512_mul_epu32(a, b);
    let high_low = _mm512_mul_epu32(a_high, b);
    let low_high = _mm512_mul_epu32(a, b_high);
    let high_high = _mm512_mul_epu32(a_high, b_high);
    // No sum overflows: (2^32 - 1)^2 leaves room for two numbers of 32 bits.
    let low_32 = _mm512_set1_epi64(0xffff_ffff);
    let middle = _mm512_add_epi64(high_low, _mm512_srli_epi64::<32>(low_low));
    let other = _mm512_add_epi64(low_high, _mm512_and_si512(middle, low_32));
    let high = _mm512_add_epi64(high_high, _mm512_srli_epi64::<32>(middle));
    let high = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(other));
    // The lower half is the low 32 bits of `other` above those of `low_low`.
    let high = _mm512_xor_si512(high, _mm512_slli_epi64::<32>(other));
    _mm512_ternarylogic_epi64::<0x78>(high, low_low, low_32)
}

/// The sum of each register's lanes, in the order of the registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn sum_each(of: [__m512i; EIGHT]) -> __m512i {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn lanes(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters(a: __m512i, b: __m512i) -> __m512i {
        let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b);
        _mm512_add_epi64(even, odd)
    }
    let [a, b, c, d, e, f, g, h] = of;
    let (low, high) = (quarters(lanes(a, b), lanes(c, d)), quarters(lanes(e, f), lanes(g, h)));
    quarters(low, high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avalanche(hash: __m512i) -> __m512i {
    let hash = _mm512_xor_si512(hash, _mm512_srli_epi64::<37>(hash));
    let hash = _mm512_mullo_epi64(hash, _mm512_set1_epi64(PRIME_MX1 as i64));
    _mm512_xor_si512(hash, _mm512_srli_epi64::<32>(hash))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(numbers: &[u64; 8]) -> __m512i {
    // SAFETY: eight numbers are 64 bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn numbers(vector: __m512i) -> [u64; 8] {
    let mut numbers = [0; 8];
    // SAFETY: eight numbers are 64 bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), vector) }
    numbers
}
