//! Chooses the widest back end that the processor has.
//!
//! Each call is one relaxed load and a branch or two that are always predicted, which costs no more
//! than a call through a pointer. Messages of up to 240 bytes never come here.

use super::long::{Lanes, STRIPE_BYTES};
use super::secret::Secret;
use super::short::SHORT_BYTES_MAX;

/// Calls `$function` of the best back end; the arguments are the same for all.
macro_rules! best {
    ($function:ident($($argument:expr),*)) => {{
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        {
            use crate::cpu::{Features, has};
            if has(Features::AVX512) {
                // SAFETY: the processor has AVX-512 F, BW, DQ and VL; lengths as said at the call.
                unsafe { super::avx512::$function($($argument),*) }
            } else if has(Features::AVX2) {
                // SAFETY: the processor has AVX2; lengths as said at the call.
                unsafe { super::avx2::$function($($argument),*) }
            } else {
                // SAFETY: the compiler assumes SSE2 already; lengths as said at the call.
                unsafe { super::sse2::$function($($argument),*) }
            }
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        {
            use crate::cpu::{Features, has};
            if has(Features::NEON) {
                // SAFETY: the processor has NEON; lengths as said at the call.
                unsafe { super::neon::$function($($argument),*) }
            } else {
                // SAFETY: it needs no instruction set; lengths as said at the call.
                unsafe { super::portable::$function($($argument),*) }
            }
        }
        #[cfg(not(any(
            all(target_arch = "x86_64", target_feature = "sse2"),
            all(target_arch = "aarch64", target_endian = "little")
        )))]
        {
            // SAFETY: it needs no instruction set; lengths as said at the call.
            unsafe { super::portable::$function($($argument),*) }
        }
    }};
}

/// XXH3-64 of a message of more than 240 bytes.
#[inline]
pub(super) fn hash_64(message: &[u8], secret: Secret<'_>) -> u64 {
    assert!(message.len() > SHORT_BYTES_MAX);
    // The message is long enough.
    best!(hash_64(message, secret))
}

/// XXH3-128 of a message of more than 240 bytes.
#[inline]
pub(super) fn hash_128(message: &[u8], secret: Secret<'_>) -> u128 {
    assert!(message.len() > SHORT_BYTES_MAX);
    // The message is long enough.
    best!(hash_128(message, secret))
}

/// Adds whole stripes to a stream; see [`long::update`](super::long::update).
pub(super) fn update(
    lanes: &mut Lanes,
    before: usize,
    stripes: &[u8],
    secret: Secret<'_>,
) -> usize {
    assert!(stripes.len().is_multiple_of(STRIPE_BYTES));
    assert!(before < super::long::block_stripes(secret.bytes()));
    // The stripes are whole, and `before` is less than a block has.
    best!(update(lanes, before, stripes, secret))
}

/// XXH3-64 of a stream of `length` bytes, of which `last` are the last 64.
pub(super) fn finish_64(
    lanes: &Lanes,
    last: &[u8; STRIPE_BYTES],
    length: u64,
    secret: Secret<'_>,
) -> u64 {
    // It asks for nothing more.
    best!(finish_64(lanes, last, length, secret))
}

/// XXH3-128 of a stream of `length` bytes, of which `last` are the last 64.
pub(super) fn finish_128(
    lanes: &Lanes,
    last: &[u8; STRIPE_BYTES],
    length: u64,
    secret: Secret<'_>,
) -> u128 {
    // It asks for nothing more.
    best!(finish_128(lanes, last, length, secret))
}
