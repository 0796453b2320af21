//! The definitions of RFC 9162, section 2.1, as they stand there.

use std::collections::HashMap;

use treenail_hash::{Digest, Hash, Sha256, Xxh3};
use treenail_merkle::log::{CompactRange, NodeId};

/// Most tests use digests that are quick to make, and short.
pub(crate) type H = Xxh3;
pub(crate) type D = [u8; 8];

/// The leaf `i` of a series without end.
pub(crate) fn leaf(i: u64) -> Vec<u8> {
    i.to_le_bytes()[..(i % 7) as usize].to_vec()
}

pub(crate) fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(leaf).collect()
}

/// `MTH(D_n)`.
pub(crate) fn root<H: Hash>(leaves: &[Vec<u8>]) -> H::Digest {
    match leaves {
        [] => H::hash(b""),
        [leaf] => H::hash(&[&[0], &leaf[..]].concat()),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            H::hash(&[&[1], root::<H>(left).as_ref(), root::<H>(right).as_ref()].concat())
        }
    }
}

/// `PATH(m, D_n)`.
pub(crate) fn path<H: Hash>(m: usize, leaves: &[Vec<u8>]) -> Vec<H::Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, other) = match m < k {
        true => (path::<H>(m, left), right),
        false => (path::<H>(m - k, right), left),
    };
    path.push(root::<H>(other));
    path
}

/// `PROOF(m, D_n)`.
pub(crate) fn proof<H: Hash>(m: usize, leaves: &[Vec<u8>]) -> Vec<H::Digest> {
    subproof::<H>(m, leaves, true)
}

fn subproof<H: Hash>(m: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<H::Digest> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![root::<H>(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = match m <= k {
        true => (subproof::<H>(m, left, whole), right),
        false => (subproof::<H>(m - k, right, false), left),
    };
    proof.push(root::<H>(other));
    proof
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

/// A log that keeps every perfect node.
pub(crate) struct Log<H: Hash> {
    pub(crate) range: CompactRange<H>,
    pub(crate) nodes: HashMap<NodeId, H::Digest>,
}

impl<H: Hash> Log<H> {
    pub(crate) fn of(leaves: &[Vec<u8>]) -> Self {
        let mut log = Self { range: CompactRange::new(), nodes: HashMap::new() };
        for leaf in leaves {
            let digest = treenail_merkle::leaf_digest::<H>(leaf);
            let nodes = &mut log.nodes;
            let visit = |id, digest: &H::Digest| assert_eq!(nodes.insert(id, *digest), None);
            log.range.push_visiting(digest, visit).expect("few leaves");
        }
        log
    }

    pub(crate) fn node(&self, id: NodeId) -> Result<H::Digest, NodeId> {
        self.nodes.get(&id).copied().ok_or(id)
    }
}

pub(crate) fn hex<D: Digest>(digest: D) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_twin_tells_sizes_apart() {
    assert_ne!(root::<Sha256>(&leaves(3)), root::<Sha256>(&leaves(4)));
    assert_eq!((split(2), split(3), split(4), split(5), split(8)), (1, 2, 2, 4, 4));
}
