//! Many messages at once.

use super::{xxh3_64, xxh3_128};

pub(super) fn hash_64<D>(messages: &[&[u8]], digests: &mut [D], write: impl Fn(u64) -> D + Copy) {
    assert_eq!(messages.len(), digests.len(), "one digest for each message");
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if crate::cpu::has(crate::cpu::Features::AVX512) {
        // SAFETY: the processor has AVX-512 F, BW, DQ and VL.
        return unsafe { super::avx512_many::hash_64(messages, digests, write) };
    }
    for (message, digest) in messages.iter().zip(digests) {
        *digest = write(xxh3_64(message));
    }
}

pub(super) fn hash_128<D>(messages: &[&[u8]], digests: &mut [D], write: impl Fn(u128) -> D + Copy) {
    assert_eq!(messages.len(), digests.len(), "one digest for each message");
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if crate::cpu::has(crate::cpu::Features::AVX512) {
        // SAFETY: the processor has AVX-512 F, BW, DQ and VL.
        return unsafe { super::avx512_many::hash_128(messages, digests, write) };
    }
    for (message, digest) in messages.iter().zip(digests) {
        *digest = write(xxh3_128(message));
    }
}
