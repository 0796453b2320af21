//! The vectors that implementations of certificate transparency have shared since RFC 6962.

use crate::naive::{self, Log, hex};
use treenail_hash::Sha256;
use treenail_merkle::log::{
    ConsistencyProof, InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, TreeSize, consistency_proof,
    inclusion_proof,
};
use treenail_merkle::{empty_digest, leaf_digest, node_digest};

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const LEAF_0: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const NODE_0_1: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
const NODE_2_3: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const NODE_4_5: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const NODE_6_7: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const NODE_0_3: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
const NODE_4_7: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[LEAF_1, NODE_2_3, NODE_4_7]),
    (5, 8, &[LEAF_4, NODE_6_7, NODE_0_3]),
    (2, 3, &[NODE_0_1]),
    (1, 5, &[LEAF_0, NODE_2_3, LEAF_4]),
];

const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (1, 8, &[LEAF_1, NODE_2_3, NODE_4_7]),
    (6, 8, &[NODE_4_5, NODE_6_7, NODE_0_3]),
    (2, 5, &[NODE_2_3, LEAF_4]),
];

fn leaves(size: usize) -> Vec<Vec<u8>> {
    LEAVES[..size].iter().map(|leaf| leaf.to_vec()).collect()
}

fn log(size: usize) -> Log<Sha256> {
    Log::of(&leaves(size))
}

#[test]
fn hashes_of_nothing_a_leaf_and_a_node() {
    assert_eq!(hex(empty_digest::<Sha256>()), ROOTS[0]);
    assert_eq!(hex(leaf_digest::<Sha256>(b"")), LEAF_0);
    assert_eq!(
        hex(leaf_digest::<Sha256>(b"L123456")),
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    );
    assert_eq!(hex(leaf_digest::<Sha256>(LEAVES[1])), LEAF_1);
    let left = leaf_digest::<Sha256>(LEAVES[0]);
    let right = leaf_digest::<Sha256>(LEAVES[1]);
    assert_eq!(hex(node_digest::<Sha256>(&left, &right)), NODE_0_1);
}

#[test]
fn roots_of_the_reference_trees() {
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex(log(size).range.root()), *root, "{size} leaves");
    }
}

#[test]
fn inclusion_proofs_of_the_reference_trees() {
    let log = log(8);
    for (index, size, expected) in INCLUSION {
        let (index, size) = (LeafIndex(index), TreeSize(size));
        let mut memory = [[0; 32]; PROOF_DIGESTS_MAX];
        let path =
            inclusion_proof::<Sha256, _>(index, size, |id| log.node(id), &mut memory).expect("ok");
        assert_eq!(path.iter().copied().map(hex).collect::<Vec<_>>(), expected);
        let leaf = leaf_digest::<Sha256>(LEAVES[index.0 as usize]);
        let root = naive::root::<Sha256>(&leaves(size.0 as usize));
        assert_eq!(InclusionProof { index, size, path }.verify::<Sha256>(&leaf, &root), Ok(()));
    }
}

#[test]
fn consistency_proofs_of_the_reference_trees() {
    let all = log(8);
    for (old, new, expected) in CONSISTENCY {
        let mut memory = [[0; 32]; PROOF_DIGESTS_MAX];
        let roots = [old, new].map(|size| log(size as usize).range.root());
        let (old, new) = (TreeSize(old), TreeSize(new));
        let path =
            consistency_proof::<Sha256, _>(old, new, |id| all.node(id), &mut memory).expect("ok");
        assert_eq!(path.iter().copied().map(hex).collect::<Vec<_>>(), expected);
        let proof = ConsistencyProof { old, new, path };
        assert_eq!(proof.verify::<Sha256>(&roots[0], &roots[1]), Ok(()));
    }
}
