//! One message through the crate `sha1dc`.

use sha1dc::mitigate;

use super::Collision;

#[derive(Clone, Debug)]
pub(super) struct Hasher(mitigate::Hasher);

impl Default for Hasher {
    #[inline]
    fn default() -> Self {
        Self(mitigate::Hasher::new())
    }
}

impl Hasher {
    #[inline]
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Result<[u8; 20], Collision> {
        checked(self.0.finalize())
    }
}

pub(super) fn hash_short(message: &[u8]) -> Result<[u8; 20], Collision> {
    checked(mitigate::digest(message))
}

fn checked(result: Result<sha1dc::Digest, mitigate::Mitigated>) -> Result<[u8; 20], Collision> {
    match result {
        Ok(digest) => Ok(digest.to_bytes()),
        Err(attack) => Err(Collision { mitigated: attack.digest().to_bytes() }),
    }
}
