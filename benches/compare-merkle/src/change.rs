//! Changing one leaf of a million, and knowing the new root.

use std::hint::black_box;

use merkle_search_tree::MerkleSearchTree;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Target};
use treenail_hash::{Hash, Sha256, Xxh128};
use treenail_merkle::array::{Array, digests_for, dirty_words_for};
use treenail_merkle::leaf_digest;
use treenail_merkle::log::LeafIndex;
use treenail_merkle::set::{Node, Set, Slot, nodes_for};

use crate::rivals::Rfc;
use crate::{LEAVES, OURS, contender, hex, leaves, version};

/// As many changes, each with its root, make a sample.
const CHANGES: usize = 1_000;

/// A place that is far from the one before.
pub(crate) fn place(change: usize) -> usize {
    change.wrapping_mul(0x9e37_79b1) % LEAVES
}

pub(crate) fn cases() -> Vec<Case> {
    vec![array(), set()]
}

fn array() -> Case {
    let digests = vec![[0; 32]; digests_for(LEAVES)].leak();
    let mut array = Array::<Sha256>::new(digests, vec![0; dirty_words_for(LEAVES)].leak());
    for leaf in leaves() {
        array.extend(&[leaf_digest::<Sha256>(leaf)]).expect("there is room for all");
    }
    array.update();
    let mut change = 0_usize;
    let mut change_one = move || {
        change += 1;
        let leaf = leaf_digest::<Sha256>(&new_leaf(change));
        array.set(LeafIndex(place(change) as u64), leaf).expect("a position");
        array.root()
    };
    let root = Answer::fixed(hex(&change_one()));
    let ours = contender(OURS, version!("TREENAIL_MERKLE"), ("root", root), move || {
        (0..CHANGES).for_each(|_| _ = black_box(change_one()));
    });
    Case {
        name: "1,000 times one leaf of 1M and the root (array, SHA-256)",
        references: vec![("root", Answer::closure(|| Ok(hex(&root_after_a_change()))))],
        contenders: vec![ours],
        size_bytes: None,
        targets: vec![Target::WallMs(20.0)],
        facts: Vec::new(),
    }
}

fn new_leaf(change: usize) -> [u8; 32] {
    crate::leaf((LEAVES + change) as u64)
}

/// The root after the first change, by a rival that has to build all of it.
fn root_after_a_change() -> [u8; 32] {
    let mut leaves = leaves().to_vec();
    leaves[place(1)] = new_leaf(1);
    let hashes: Vec<_> = leaves.iter().map(|leaf| <Rfc as rs_merkle::Hasher>::hash(leaf)).collect();
    rs_merkle::MerkleTree::<Rfc>::from_leaves(&hashes).root().expect("there are leaves")
}

fn set() -> Case {
    let key = |i: usize| Xxh128::hash(&(i as u64).to_le_bytes());
    let nodes = vec![Node::default(); nodes_for(LEAVES)].leak();
    let mut set = Set::<Xxh128, [u8; 16]>::new(nodes, vec![Slot::default(); LEAVES].leak());
    let mut tree = MerkleSearchTree::<[u8; 16], [u8; 16]>::default();
    for i in 0..LEAVES {
        set.insert(key(i), [0; 16]).expect("there is room for all");
        tree.upsert(key(i), &[0; 16]);
    }
    set.digest();
    tree.root_hash();
    let (mut change, mut change_too) = (0_usize, 0_usize);
    let value = |change: usize| u128::to_le_bytes(change as u128);
    let answer = || ("changes", Answer::fixed(CHANGES.to_string()));
    let ours = contender(OURS, version!("TREENAIL_MERKLE"), answer(), move || {
        for _ in 0..CHANGES {
            change += 1;
            set.insert(key(place(change)), value(change)).expect("a key that is there");
            black_box(set.digest());
        }
    });
    let name = "merkle-search-tree";
    let theirs = contender(name, version!("MERKLE_SEARCH_TREE"), answer(), move || {
        for _ in 0..CHANGES {
            change_too += 1;
            tree.upsert(key(place(change_too)), &value(change_too));
            black_box(tree.root_hash());
        }
    });
    Case {
        name: "1,000 times one value of 1M and the digest (set)",
        references: Vec::new(),
        contenders: vec![ours, theirs],
        size_bytes: None,
        targets: vec![Target::Best(1.0)],
        facts: Vec::new(),
    }
}
