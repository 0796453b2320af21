//! The definition, spelled out.

use treenail_hash::{Hash, Xxh3};
use treenail_merkle::array::{Array, digests_for, dirty_words_for};

/// The algorithm that most tests use, and its digest.
pub(crate) type H = Xxh3;
pub(crate) type D = [u8; 8];

pub(crate) fn root<H: Hash>(leaves: &[H::Digest]) -> H::Digest {
    match leaves {
        [] => H::hash(b""),
        [leaf] => *leaf,
        _ => {
            let mut half = 1;
            while 2 * half < leaves.len() {
                half *= 2;
            }
            let (left, right) = leaves.split_at(half);
            H::hash(&[&[1], root::<H>(left).as_ref(), root::<H>(right).as_ref()].concat())
        }
    }
}

pub(crate) fn empty_leaf<H: Hash>() -> H::Digest {
    H::hash(&[0])
}

/// The leaf `i` of a series without end.
pub(crate) fn leaf(i: u64) -> D {
    H::hash(&i.to_be_bytes())
}

/// Memory for an array of `leaves` leaves, full of rubbish.
pub(crate) struct Memory<H: Hash> {
    pub(crate) digests: Vec<H::Digest>,
    pub(crate) dirty: Vec<u64>,
}

impl<H: Hash> Memory<H> {
    pub(crate) fn new(leaves: usize) -> Self {
        let rubbish = H::hash(b"rubbish");
        Self {
            digests: vec![rubbish; digests_for(leaves)],
            dirty: vec![u64::MAX; dirty_words_for(leaves)],
        }
    }

    pub(crate) fn array(&mut self) -> Array<'_, H> {
        Array::new(&mut self.digests, &mut self.dirty)
    }
}
