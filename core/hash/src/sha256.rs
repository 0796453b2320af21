//! SHA-256 (FIPS 180-4), for formats that ask for it.

use sha2::Digest as _;

use crate::Hash;

/// SHA-256, as `sha256sum` prints.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Hash for Sha256 {
    type Digest = [u8; 32];
    const NAME: &'static str = "sha256";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    #[inline]
    fn hash(message: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(message).into()
    }
}
