//! BLAKE3, the cryptographic hash for new uses.
//!
//! One message goes through the crate `blake3`, which hashes its chunks side by side (AVX-512,
//! AVX2, SSE4.1, SSE2, NEON). [`hash_many`](Hash::hash_many) hashes short messages side by side:
//! with AVX-512 sixteen at a time, with AVX2 eight; elsewhere, and for long messages, one after the
//! other through the crate.

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod lanes;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod x86_64;

use crate::Hash;

/// BLAKE3 in its unkeyed mode with the usual 256 bits, as `b3sum` prints.
#[derive(Clone, Debug, Default)]
pub struct Blake3(blake3::Hasher);

impl Hash for Blake3 {
    type Digest = [u8; 32];
    const NAME: &'static str = "blake3";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    #[inline]
    fn hash(message: &[u8]) -> [u8; 32] {
        *blake3::hash(message).as_bytes()
    }

    fn hash_many(messages: &[&[u8]], digests: &mut [[u8; 32]]) {
        assert_eq!(messages.len(), digests.len(), "one digest for each message");
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        let done = x86_64::hash_many(messages, digests);
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        let is_done = |message: &[u8]| done.is_some_and(|choice| choice.has(message));
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        let is_done = |_: &[u8]| false;
        for (message, digest) in messages.iter().zip(digests) {
            if !is_done(message) {
                *digest = Self::hash(message);
            }
        }
    }
}
