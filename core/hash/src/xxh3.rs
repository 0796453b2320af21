//! XXH3, the fast non-cryptographic hash of the xxHash family, in its 64-bit and 128-bit forms.
//!
//! Anyone can make two messages with the same XXH3 digest, so it tells changes apart from
//! accidents only, never from an attacker's work.

use xxhash_rust::xxh3;

use crate::Hash;

/// XXH3 with 64 bits, seed 0; the digest is in the canonical (big-endian) order that
/// `xxhsum -H3` prints.
#[derive(Clone, Default)]
pub struct Xxh3(xxh3::Xxh3Default);

impl Hash for Xxh3 {
    type Digest = [u8; 8];
    const NAME: &'static str = "xxh3";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 8] {
        self.0.digest().to_be_bytes()
    }

    // The stream's state is over 500 bytes; a short message takes less time than its set-up.
    #[inline]
    fn hash(message: &[u8]) -> [u8; 8] {
        xxh3::xxh3_64(message).to_be_bytes()
    }
}

/// XXH3 with 128 bits, seed 0; the digest is in the canonical (big-endian) order that
/// `xxhsum -H2` prints.
#[derive(Clone, Default)]
pub struct Xxh128(xxh3::Xxh3Default);

impl Hash for Xxh128 {
    type Digest = [u8; 16];
    const NAME: &'static str = "xxh128";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 16] {
        self.0.digest128().to_be_bytes()
    }

    #[inline]
    fn hash(message: &[u8]) -> [u8; 16] {
        xxh3::xxh3_128(message).to_be_bytes()
    }
}
