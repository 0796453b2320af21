//! What the rivals leave to their callers, at its quickest.

use sha2::{Digest, Sha256};
use tlog_tiles::tlog::{Error, Hash, HashReader};

/// The RFCs' hashing for `rs_merkle`, which has none of its own that tells leaves from nodes.
#[derive(Clone)]
pub(crate) struct Rfc;

impl rs_merkle::Hasher for Rfc {
    type Hash = [u8; 32];

    fn hash(leaf: &[u8]) -> [u8; 32] {
        let mut message = [0; 33];
        message[1..].copy_from_slice(leaf);
        Sha256::digest(message).into()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        let Some(right) = right else { return *left };
        let mut message = [1; 65];
        message[1..33].copy_from_slice(left);
        message[33..].copy_from_slice(right);
        Sha256::digest(message).into()
    }
}

/// The hashes that `tlog_tiles` has its caller store, in memory.
pub(crate) struct Stored(pub(crate) Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl Stored {
    pub(crate) fn of(leaves: &[[u8; 32]]) -> Self {
        let mut stored = Self(Vec::with_capacity(2 * leaves.len()));
        for (i, leaf) in leaves.iter().enumerate() {
            let new = tlog_tiles::tlog::stored_hashes(i as u64, leaf, &stored);
            stored.0.extend(new.expect("the hashes before are there"));
        }
        stored
    }

    pub(crate) fn root(&self, leaves: usize) -> [u8; 32] {
        tlog_tiles::tlog::tree_hash(leaves as u64, self).expect("all hashes are there").0
    }
}
