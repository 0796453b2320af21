//! BLAKE3, the cryptographic hash for new uses.

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
}
