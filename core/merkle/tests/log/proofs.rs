//! Appending and proving, for every size up to some hundred, and proofs that lie.

use crate::naive::{self, D, H, Log, leaf, leaves};
use proptest::prelude::*;
use treenail_hash::{Blake3, Hash, Sha256};
use treenail_merkle::log::{
    CompactRange, ConsistencyProof, InclusionProof, LeafIndex, NodeId, PROOF_DIGESTS_MAX,
    ProveError, RangeError, TreeSize, VerifyError, consistency_proof, inclusion_proof,
};
use treenail_merkle::{leaf_digest, leaf_digests};

/// Emulated processors are slow.
const SIZE_MAX: u64 = if cfg!(target_arch = "x86_64") { 300 } else { 80 };

fn inclusion<H: Hash>(log: &Log<H>, index: u64, size: u64) -> Vec<H::Digest> {
    let mut memory = [H::Digest::default(); PROOF_DIGESTS_MAX];
    let (index, size) = (LeafIndex(index), TreeSize(size));
    inclusion_proof::<H, _>(index, size, |id| log.node(id), &mut memory).expect("ok").to_vec()
}

fn consistency<H: Hash>(log: &Log<H>, old: u64, new: u64) -> Vec<H::Digest> {
    let mut memory = [H::Digest::default(); PROOF_DIGESTS_MAX];
    let (old, new) = (TreeSize(old), TreeSize(new));
    consistency_proof::<H, _>(old, new, |id| log.node(id), &mut memory).expect("ok").to_vec()
}

#[test]
fn roots_of_every_size_are_those_of_the_definition() {
    fn check<H: Hash>(sizes: u64) {
        let leaves = leaves(sizes);
        let mut log = CompactRange::<H>::new();
        for (size, leaf) in leaves.iter().enumerate() {
            assert_eq!(log.root(), naive::root::<H>(&leaves[..size]), "{size} leaves");
            assert_eq!(log.push(leaf_digest::<H>(leaf)), Ok(LeafIndex(size as u64)));
        }
    }
    check::<H>(SIZE_MAX);
    check::<Sha256>(70);
    check::<Blake3>(70);
}

#[test]
fn inclusion_proofs_of_every_leaf_are_those_of_the_definition() {
    let leaves = leaves(SIZE_MAX);
    let log = Log::<H>::of(&leaves);
    for size in (1..=SIZE_MAX).filter(|size| *size <= 70 || size % 37 == 0 || size % 64 < 2) {
        let root = naive::root::<H>(&leaves[..size as usize]);
        for index in 0..size {
            let path = inclusion(&log, index, size);
            assert_eq!(path, naive::path::<H>(index as usize, &leaves[..size as usize]));
            let leaf = leaf_digest::<H>(&leaves[index as usize]);
            let proof =
                InclusionProof { index: LeafIndex(index), size: TreeSize(size), path: &path };
            assert_eq!(proof.verify::<H>(&leaf, &root), Ok(()), "leaf {index} of {size}");
        }
    }
}

#[test]
fn consistency_proofs_of_every_pair_are_those_of_the_definition() {
    let leaves = leaves(SIZE_MAX);
    let log = Log::<H>::of(&leaves);
    let roots: Vec<D> =
        (0..=SIZE_MAX).map(|size| naive::root::<H>(&leaves[..size as usize])).collect();
    for new in (0..=SIZE_MAX).filter(|size| *size <= 70 || size % 37 == 0 || size % 64 < 2) {
        for old in 0..=new {
            let path = consistency(&log, old, new);
            if old > 0 {
                assert_eq!(path, naive::proof::<H>(old as usize, &leaves[..new as usize]));
            }
            let proof = ConsistencyProof { old: TreeSize(old), new: TreeSize(new), path: &path };
            let result = proof.verify::<H>(&roots[old as usize], &roots[new as usize]);
            assert_eq!(result, Ok(()), "{old} of {new}");
        }
    }
}

#[test]
fn every_flipped_bit_of_an_inclusion_proof_is_noticed() {
    let leaves = leaves(45);
    let log = Log::<H>::of(&leaves);
    for (index, size) in [(0, 2), (11, 45), (44, 45), (32, 45), (31, 32)] {
        let path = inclusion(&log, index, size);
        let root = naive::root::<H>(&leaves[..size as usize]);
        let leaf = leaf_digest::<H>(&leaves[index as usize]);
        let (index, size) = (LeafIndex(index), TreeSize(size));
        for bit in 0..path.len() * 64 {
            let mut path = path.clone();
            path[bit / 64][bit / 8 % 8] ^= 1 << (bit % 8);
            let proof = InclusionProof { index, size, path: &path };
            assert_eq!(proof.verify::<H>(&leaf, &root), Err(VerifyError::RootMismatch));
        }
        let proof = InclusionProof { index, size, path: &path };
        assert_eq!(proof.verify::<H>(&root, &leaf), Err(VerifyError::RootMismatch));
        let longer = [&path[..], &[[0; 8]]].concat();
        for path in [&path[1..], &longer] {
            let proof = InclusionProof { index, size, path };
            let error = proof.verify::<H>(&leaf, &root).expect_err("of another length");
            assert!(matches!(error, VerifyError::Length { given, .. } if given == path.len()));
        }
    }
}

#[test]
fn every_flipped_bit_of_a_consistency_proof_is_noticed() {
    let leaves = leaves(45);
    let log = Log::<H>::of(&leaves);
    for (old, new) in [(1, 2), (6, 8), (7, 45), (32, 45), (44, 45), (12, 13)] {
        let path = consistency(&log, old, new);
        let roots = [old, new].map(|size| naive::root::<H>(&leaves[..size as usize]));
        let (old, new) = (TreeSize(old), TreeSize(new));
        for bit in 0..path.len() * 64 {
            let mut path = path.clone();
            path[bit / 64][bit / 8 % 8] ^= 1 << (bit % 8);
            let proof = ConsistencyProof { old, new, path: &path };
            let error = proof.verify::<H>(&roots[0], &roots[1]).expect_err("one bit is wrong");
            assert!(matches!(error, VerifyError::OldRootMismatch | VerifyError::RootMismatch));
        }
        let proof = ConsistencyProof { old, new, path: &path };
        assert!(proof.verify::<H>(&roots[1], &roots[1]).is_err());
        assert_eq!(proof.verify::<H>(&roots[0], &roots[0]), Err(VerifyError::RootMismatch));
        let proof = ConsistencyProof { old, new, path: &path[1..] };
        assert!(matches!(proof.verify::<H>(&roots[0], &roots[1]), Err(VerifyError::Length { .. })));
    }
}

#[test]
fn a_node_does_not_pass_for_a_leaf() {
    // The two digests below a node, as a leaf: a tree without separation would take it.
    let leaves = leaves(4);
    let log = Log::<H>::of(&leaves);
    let node = |level, index| log.nodes[&NodeId { level, index }];
    let forged = [node(0, 0), node(0, 1)].concat();
    let proof = InclusionProof { index: LeafIndex(0), size: TreeSize(2), path: &[node(1, 1)][..] };
    let root = log.range.root();
    assert_eq!(
        proof.verify::<H>(&leaf_digest::<H>(&forged), &root),
        Err(VerifyError::RootMismatch)
    );
}

#[test]
fn numbers_that_no_tree_has_are_refused() {
    let proof = |index, size| InclusionProof { index, size, path: &[[0_u8; 8]][..] };
    let [zero, one] = [LeafIndex(0), LeafIndex(1)];
    let error = proof(zero, TreeSize(0)).verify::<H>(&[0; 8], &[0; 8]);
    assert_eq!(error, Err(VerifyError::IndexBeyondSize { index: zero, size: TreeSize(0) }));
    let error = proof(one, TreeSize(1)).verify::<H>(&[0; 8], &[0; 8]);
    assert_eq!(error, Err(VerifyError::IndexBeyondSize { index: one, size: TreeSize(1) }));
    let [old, new] = [TreeSize(2), TreeSize(1)];
    let error = ConsistencyProof { old, new, path: &[][..] }.verify::<H>(&[0; 8], &[0; 8]);
    assert_eq!(error, Err(VerifyError::SizesOutOfOrder { old, new }));
    let mut memory = [[0; 8]; 1];
    let never = |_| -> Result<D, ()> { panic!("no node is needed") };
    assert_eq!(
        inclusion_proof::<H, _>(one, TreeSize(1), never, &mut memory),
        Err(ProveError::IndexBeyondSize { index: one, size: TreeSize(1) })
    );
    assert_eq!(
        consistency_proof::<H, _>(old, new, never, &mut memory),
        Err(ProveError::SizesOutOfOrder { old, new })
    );
    assert_eq!(
        inclusion_proof::<H, _>(zero, TreeSize(3), never, &mut memory),
        Err(ProveError::Short { needed: 2, given: 1 })
    );
}

#[test]
fn trees_without_leaves_are_consistent_with_all() {
    let (empty, other) = (naive::root::<H>(&[]), [1; 8]);
    let proof = |old, new, path| ConsistencyProof { old: TreeSize(old), new: TreeSize(new), path };
    assert_eq!(proof(0, 5, &[]).verify::<H>(&empty, &other), Ok(()));
    assert_eq!(proof(0, 5, &[]).verify::<H>(&other, &other), Err(VerifyError::OldRootMismatch));
    assert_eq!(
        proof(0, 5, &[[0; 8]]).verify::<H>(&empty, &other),
        Err(VerifyError::Length { expected: 0, given: 1 })
    );
    assert_eq!(proof(5, 5, &[]).verify::<H>(&other, &other), Ok(()));
    assert_eq!(proof(5, 5, &[]).verify::<H>(&empty, &other), Err(VerifyError::RootMismatch));
    assert_eq!(proof(0, 0, &[]).verify::<H>(&empty, &other), Err(VerifyError::RootMismatch));
}

#[test]
fn the_largest_trees_are_verified_in_few_steps() {
    // Nobody has such a tree; that it is refused, and soon, is what counts.
    let path = [[0; 8]; PROOF_DIGESTS_MAX];
    for (index, length) in [(0, 64), (u64::MAX - 1, 63), (1 << 63, 64)] {
        let (index, size) = (LeafIndex(index), TreeSize(u64::MAX));
        assert_eq!(InclusionProof::<D>::path_len(index, size), Ok(length));
        let proof = InclusionProof { index, size, path: &path[..length] };
        assert_eq!(proof.verify::<H>(&[0; 8], &[0; 8]), Err(VerifyError::RootMismatch));
    }
    let mut longest = 0;
    for old in (0..64).flat_map(|bit| [1 << bit, (1 << bit) + 1, (1_u64 << bit) - 1]) {
        let (old, new) = (TreeSize(old), TreeSize(u64::MAX));
        let length = ConsistencyProof::<D>::path_len(old, new).expect("in order");
        longest = longest.max(length);
        let proof = ConsistencyProof { old, new, path: &path[..length] };
        assert!(proof.verify::<H>(&[0; 8], &[0; 8]).is_err());
    }
    assert_eq!(longest, PROOF_DIGESTS_MAX);
}

#[test]
fn failing_to_find_a_node_is_reported() {
    let log = Log::<H>::of(&leaves(20));
    let mut memory = [[0; 8]; PROOF_DIGESTS_MAX];
    let missing = NodeId { level: 2, index: 4 };
    let node = |id| if id == missing { Err(id) } else { log.node(id) };
    let (index, size) = (LeafIndex(3), TreeSize(20));
    let result = inclusion_proof::<H, _>(index, size, node, &mut memory);
    assert_eq!(result, Err(ProveError::Node(missing)));
}

#[test]
fn a_log_goes_on_from_its_size_and_digests() {
    let leaves = leaves(100);
    for cut in [0, 1, 2, 31, 32, 33, 64, 99] {
        let first = Log::<H>::of(&leaves[..cut]).range;
        let mut log = CompactRange::<H>::resume(first.size(), first.digests()).expect("as left");
        assert_eq!(log.digests().len(), cut.count_ones() as usize);
        for leaf in &leaves[cut..] {
            log.push(leaf_digest::<H>(leaf)).expect("few leaves");
        }
        assert_eq!(log.root(), naive::root::<H>(&leaves), "cut at {cut}");
    }
    let error = CompactRange::<H>::resume(TreeSize(3), &[[0; 8]]).expect_err("one is missing");
    assert_eq!(error, RangeError::Digests { expected: 2, given: 1 });
}

#[test]
fn a_log_of_the_largest_size_is_full() {
    let peaks = [[0; 8]; 64];
    let mut log = CompactRange::<H>::resume(TreeSize(u64::MAX), &peaks).expect("64 digests");
    let root = log.root();
    assert_eq!(log.push([0; 8]), Err(RangeError::Full));
    assert_eq!(log.extend(&[[0; 8]; 3]), Err(RangeError::Full));
    assert_eq!((log.size(), log.root()), (TreeSize(u64::MAX), root));
}

#[test]
fn verifying_takes_the_leaf_where_it_is() {
    let leaves = leaves(9);
    let log = Log::<H>::of(&leaves);
    let path = inclusion(&log, 4, 9);
    let proof = InclusionProof { index: LeafIndex(5), size: TreeSize(9), path: &path };
    let leaf = leaf_digest::<H>(&leaf(4));
    assert_eq!(proof.verify::<H>(&leaf, &log.range.root()), Err(VerifyError::RootMismatch));
}

#[test]
fn errors_say_what_was_expected() {
    assert!(RangeError::Full.to_string().contains("2^64"));
    let short = ProveError::<NodeIdError>::Short { needed: 7, given: 3 };
    assert!(short.to_string().contains("7 digests") && short.to_string().contains('3'));
    let length = VerifyError::Length { expected: 4, given: 5 };
    assert_eq!(length.to_string(), "the proof has 5 digests where 4 are due");
}

#[derive(Debug)]
struct NodeIdError;

impl core::fmt::Display for NodeIdError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("gone")
    }
}

/// Emulated processors are slow.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 200 } else { 20 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn extending_in_pieces_is_pushing_one_by_one(
        pieces in prop::collection::vec(0..700_u64, 0..8),
    ) {
        let mut pushed = CompactRange::<H>::new();
        let mut extended = CompactRange::<H>::new();
        for piece in pieces {
            let from = pushed.size().0;
            let leaves: Vec<_> = (from..from + piece).map(leaf).collect();
            let slices: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
            let mut digests = vec![D::default(); slices.len()];
            leaf_digests::<H>(&slices, &mut digests);
            for digest in &digests {
                pushed.push(*digest).expect("few leaves");
            }
            extended.extend(&digests).expect("few leaves");
            prop_assert_eq!(extended.size(), pushed.size());
            prop_assert_eq!(extended.digests(), pushed.digests());
        }
    }

    #[test]
    fn a_proof_of_anything_never_panics(
        numbers in any::<[u64; 2]>(),
        shifts in [0..64_u32, 0..64],
        path in prop::collection::vec(any::<D>(), 0..70),
    ) {
        let [a, b] = [numbers[0] >> shifts[0], numbers[1] >> shifts[1]];
        for path in [&path[..], &path[..path.len().min(PROOF_DIGESTS_MAX)]] {
            let proof = InclusionProof { index: LeafIndex(a), size: TreeSize(b), path };
            prop_assert!(proof.verify::<H>(&[1; 8], &[2; 8]).is_err());
            let proof = ConsistencyProof { old: TreeSize(a), new: TreeSize(b), path };
            prop_assert!(proof.verify::<H>(&[1; 8], &[2; 8]).is_err());
        }
    }
}
