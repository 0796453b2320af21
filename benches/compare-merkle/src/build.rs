//! Building a tree of a million leaves, from their bytes to the root.

use std::hint::black_box;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_hash::Sha256;
use treenail_merkle::array::{Array, digests_for, dirty_words_for};
use treenail_merkle::leaf_digests;
use treenail_merkle::log::{TileWriter, TreeSize, open_digests_for};

use crate::rivals::{Rfc, Stored};
use crate::{LEAVES, OURS, contender, hex, leaves, version};

/// The leaves that are digested before they are passed on.
const STRIDE: usize = 256;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, ours| {
        let mut contenders = vec![ours];
        contenders.extend(rivals());
        Case {
            name,
            references: Vec::new(),
            contenders,
            size_bytes: None,
            targets: vec![Target::Best(1.0 / 1.5)],
            facts: Vec::new(),
        }
    };
    vec![
        case("build of 1M leaves, all nodes kept (array)", contender_of(OURS, array())),
        case("build of 1M leaves, tiles handed over (log)", contender_of(OURS, log())),
    ]
}

/// A way that yields the root of all leaves.
type Build = Box<dyn FnMut() -> [u8; 32]>;

fn contender_of(name: &'static str, mut build: Build) -> Contender {
    let version = match name {
        "rs_merkle" => version!("RS_MERKLE"),
        "tlog_tiles" => version!("TLOG_TILES"),
        "ct-merkle" => version!("CT_MERKLE"),
        _ => version!("TREENAIL_MERKLE"),
    };
    let root = Answer::fixed(hex(&build()));
    contender(name, version, ("root", root), move || _ = black_box(build()))
}

fn digest_in_strides(mut each: impl FnMut(&[[u8; 32]])) {
    let mut digests = [[0; 32]; STRIDE];
    for leaves in black_box(leaves()).chunks(STRIDE) {
        let mut slices: [&[u8]; STRIDE] = [&[]; STRIDE];
        slices.iter_mut().zip(leaves).for_each(|(slice, leaf)| *slice = leaf);
        let digests = &mut digests[..leaves.len()];
        leaf_digests::<Sha256>(&slices[..leaves.len()], digests);
        each(digests);
    }
}

fn array() -> Build {
    let mut digests = vec![[0; 32]; digests_for(LEAVES)];
    let mut dirty = vec![0; dirty_words_for(LEAVES)];
    Box::new(move || {
        let mut array = Array::<Sha256>::new(&mut digests, &mut dirty);
        digest_in_strides(|leaves| array.extend(leaves).expect("there is room for all"));
        array.root()
    })
}

fn log() -> Build {
    let mut open = vec![[0; 32]; open_digests_for(TreeSize(LEAVES as u64))];
    let mut stored = Vec::with_capacity(2 * LEAVES);
    Box::new(move || {
        stored.clear();
        let mut log = TileWriter::<Sha256>::new(&mut open);
        digest_in_strides(|leaves| {
            log.append(leaves, |_, digests| stored.extend_from_slice(digests)).expect("room");
        });
        black_box(&stored);
        log.root()
    })
}

fn rivals() -> Vec<Contender> {
    let rs_merkle = || {
        let hashes: Vec<[u8; 32]> =
            black_box(leaves()).iter().map(|leaf| <Rfc as rs_merkle::Hasher>::hash(leaf)).collect();
        rs_merkle::MerkleTree::<Rfc>::from_leaves(&hashes).root().expect("there are leaves")
    };
    let tlog = || Stored::of(black_box(leaves())).root(LEAVES);
    let ct_merkle = || {
        let mut tree = MemoryBackedTree::<sha2::Sha256, &[u8]>::new();
        black_box(leaves()).iter().for_each(|leaf| tree.push(leaf));
        (*tree.root().as_bytes()).into()
    };
    vec![
        contender_of("rs_merkle", Box::new(rs_merkle)),
        contender_of("tlog_tiles", Box::new(tlog)),
        contender_of("ct-merkle", Box::new(ct_merkle)),
    ]
}
