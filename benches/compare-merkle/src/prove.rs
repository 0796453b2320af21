//! Inclusion proofs in a log of a million leaves: making them, and verifying them.

use std::hint::black_box;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Target};
use treenail_hash::Sha256;
use treenail_merkle::array::{Array, digests_for, dirty_words_for};
use treenail_merkle::leaf_digest;
use treenail_merkle::log::{InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, TreeSize};

use crate::change::place;
use crate::rivals::Stored;
use crate::{LEAVES, OURS, contender, hex, leaves, version};

/// As many proofs make a sample.
const PROOFS: usize = 10_000;

type Array1M = Array<'static, Sha256>;
type Tree = MemoryBackedTree<sha2::Sha256, &'static [u8]>;

pub(crate) fn cases() -> Vec<Case> {
    let mut array = Array1M::new(
        vec![[0; 32]; digests_for(LEAVES)].leak(),
        vec![0; dirty_words_for(LEAVES)].leak(),
    );
    let mut tree = Tree::new();
    for leaf in leaves() {
        array.extend(&[leaf_digest::<Sha256>(leaf)]).expect("there is room for all");
        tree.push(leaf);
    }
    let stored: &'static Stored = Box::leak(Box::new(Stored::of(leaves())));
    let tree: &'static Tree = Box::leak(Box::new(tree));
    let array: &'static mut Array1M = Box::leak(Box::new(array));
    let root = array.root();
    let ours: Vec<Vec<[u8; 32]>> = (0..PROOFS).map(|i| prove(array, place(i))).collect();
    vec![making(array, tree, stored), verifying(ours, root, tree, stored)]
}

fn prove(array: &mut Array1M, at: usize) -> Vec<[u8; 32]> {
    let mut path = [[0; 32]; PROOF_DIGESTS_MAX];
    array.proof(LeafIndex(at as u64), &mut path).expect("a position").to_vec()
}

fn making(array: &'static mut Array1M, tree: &'static Tree, stored: &'static Stored) -> Case {
    let proofs = |bytes: Vec<u8>| ("proof", Answer::fixed(hex(&bytes)));
    let at = place(77);
    let theirs = tlog_tiles::tlog::prove_record(LEAVES as u64, at as u64, stored);
    let theirs = theirs.expect("all hashes are there").iter().flat_map(|hash| hash.0).collect();
    let contenders = vec![
        contender(
            OURS,
            version!("TREENAIL_MERKLE"),
            proofs(prove(array, at).concat()),
            move || {
                let mut path = [[0; 32]; PROOF_DIGESTS_MAX];
                for i in 0..PROOFS {
                    let index = LeafIndex(place(i) as u64);
                    black_box(array.proof(index, &mut path).expect("a position"));
                }
            },
        ),
        contender(
            "ct-merkle",
            version!("CT_MERKLE"),
            proofs(tree.prove_inclusion(at).as_bytes().to_vec()),
            move || {
                (0..PROOFS).for_each(|i| _ = black_box(tree.prove_inclusion(place(i))));
            },
        ),
        contender("tlog_tiles", version!("TLOG_TILES"), proofs(theirs), move || {
            for i in 0..PROOFS {
                let at = place(i) as u64;
                _ = black_box(tlog_tiles::tlog::prove_record(LEAVES as u64, at, stored));
            }
        }),
    ];
    Case {
        name: "10,000 inclusion proofs of 1M leaves, all nodes in memory",
        references: Vec::new(),
        contenders,
        size_bytes: None,
        targets: vec![Target::Best(1.0)],
        facts: Vec::new(),
    }
}

fn verifying(
    proofs: Vec<Vec<[u8; 32]>>,
    root: [u8; 32],
    tree: &'static Tree,
    stored: &'static Stored,
) -> Case {
    let ct_proofs: Vec<_> = (0..PROOFS).map(|i| tree.prove_inclusion(place(i))).collect();
    let ct_root = tree.root();
    let tlog_proofs: Vec<_> = (0..PROOFS)
        .map(|i| tlog_tiles::tlog::prove_record(LEAVES as u64, place(i) as u64, stored))
        .map(|proof| proof.expect("all hashes are there"))
        .collect();
    let ours = move || {
        let verified = proofs.iter().enumerate().filter(|(i, path)| {
            let (index, size) = (LeafIndex(place(*i) as u64), TreeSize(LEAVES as u64));
            let leaf = leaf_digest::<Sha256>(&leaves()[place(*i)]);
            InclusionProof { index, size, path }.verify::<Sha256>(&leaf, &root).is_ok()
        });
        verified.count()
    };
    let ct_merkle = move || {
        let verified = ct_proofs.iter().enumerate().filter(|(i, proof)| {
            let at = place(*i);
            ct_root.verify_inclusion(&leaves()[at], at as u64, proof).is_ok()
        });
        verified.count()
    };
    let tlog = move || {
        let verified = tlog_proofs.iter().enumerate().filter(|(i, proof)| {
            let at = place(*i);
            let leaf = tlog_tiles::tlog::record_hash(&leaves()[at]);
            let root = tlog_tiles::tlog::Hash(root);
            tlog_tiles::tlog::check_record(proof, LEAVES as u64, root, at as u64, leaf).is_ok()
        });
        verified.count()
    };
    let verified = |count: usize| ("verified", Answer::fixed(count.to_string()));
    Case {
        name: "10,000 inclusion proofs of 1M leaves verified",
        references: vec![verified(PROOFS)],
        contenders: vec![
            contender(OURS, version!("TREENAIL_MERKLE"), verified(ours()), move || {
                black_box(ours());
            }),
            contender("ct-merkle", version!("CT_MERKLE"), verified(ct_merkle()), move || {
                black_box(ct_merkle());
            }),
            contender("tlog_tiles", version!("TLOG_TILES"), verified(tlog()), move || {
                black_box(tlog());
            }),
        ],
        size_bytes: None,
        targets: vec![Target::Best(1.0)],
        facts: Vec::new(),
    }
}
