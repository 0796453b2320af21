//! Roots, updates, proofs and lengths.

use crate::naive::{D, H, Memory, empty_leaf, leaf, root};
use proptest::prelude::*;
use treenail_hash::{Blake3, Hash, Sha256};
use treenail_merkle::array::{Array, ArrayError, digests_for, dirty_words_for};
use treenail_merkle::log::{CompactRange, InclusionProof, LeafIndex, TreeSize};

#[test]
fn root_of_every_length_is_that_of_the_definition_and_of_a_log() {
    fn check<H: Hash>(count: usize) {
        let leaves: Vec<_> = (0..count as u64).map(|i| H::hash(&i.to_be_bytes())).collect();
        let mut memory = Memory::<H>::new(count);
        let mut array = memory.array();
        let mut log = CompactRange::<H>::new();
        assert_eq!(array.root(), root::<H>(&[]));
        for (i, leaf) in leaves.iter().enumerate() {
            array.extend(&[*leaf]).expect("room");
            log.push(*leaf).expect("few leaves");
            assert_eq!(array.root(), root::<H>(&leaves[..=i]), "{} leaves", i + 1);
            assert_eq!(array.root(), log.root());
        }
        for i in (0..count).rev() {
            array.resize(i).expect("shorter");
            assert_eq!(array.root(), root::<H>(&leaves[..i]), "down to {i} leaves");
        }
    }
    check::<H>(300);
    check::<Sha256>(70);
    check::<Blake3>(70);
}

#[test]
fn proof_of_every_position_verifies_as_a_log_s() {
    for len in [1_usize, 2, 3, 7, 8, 9, 100, 129] {
        let mut memory = Memory::<H>::new(200);
        let mut array = memory.array();
        let leaves: Vec<D> = (0..len as u64).map(leaf).collect();
        array.extend(&leaves).expect("room");
        let root = array.root();
        for (at, leaf) in leaves.iter().enumerate() {
            let (index, size) = (LeafIndex(at as u64), TreeSize(len as u64));
            let mut path = [D::default(); 64];
            let path = array.proof(index, &mut path).expect("a position");
            let proof = InclusionProof { index, size, path };
            assert_eq!(proof.verify::<H>(leaf, &root), Ok(()), "{at} of {len}");
        }
        let beyond = LeafIndex(len as u64);
        let error = ArrayError::Beyond { index: beyond, len };
        assert_eq!(array.proof(beyond, &mut [[0; 8]; 64]), Err(error));
        assert_eq!(array.set(beyond, [0; 8]), Err(error));
        assert_eq!(
            array.set(LeafIndex(u64::MAX), [0; 8]).expect_err("beyond"),
            ArrayError::Beyond { index: LeafIndex(u64::MAX), len }
        );
        if len == 9 {
            let mut path = [[0; 8]; 3];
            let short = array.proof(LeafIndex(0), &mut path);
            assert_eq!(short, Err(ArrayError::Short { needed: 4, given: 3 }));
        }
    }
}

#[test]
fn update_hashes_only_what_is_above_the_changes() {
    let len = 10_000;
    let mut memory = Memory::<H>::new(len);
    let mut array = memory.array();
    array.resize(len).expect("room");
    assert_eq!(array.update(), len - 1, "a tree of n leaves has n - 1 nodes");
    assert_eq!(array.update(), 0);
    array.set(LeafIndex(4711), leaf(1)).expect("a position");
    assert_eq!(array.update(), 14);
    array.set(LeafIndex(4711), leaf(1)).expect("a position");
    assert_eq!(array.update(), 0, "the same leaf again");
    // The right edge: 10,000 is 0b10011100010000, so the last leaf has five neighbours on the way
    // up to a node of 16 leaves and so on, and rises alone elsewhere.
    array.set(LeafIndex(9_999), leaf(2)).expect("a position");
    assert!((5..14).contains(&array.update()));
    for i in 0..100 {
        array.set(LeafIndex(100 * i), leaf(3)).expect("a position");
    }
    let hashed = array.update();
    assert!((700..=1_400).contains(&hashed), "{hashed}");
    // Neighbours share their ancestors.
    array.set(LeafIndex(64), leaf(4)).expect("a position");
    array.set(LeafIndex(65), leaf(4)).expect("a position");
    assert_eq!(array.update(), 14);
}

#[test]
fn growing_by_one_hashes_the_right_edge_alone() {
    let mut memory = Memory::<H>::new(5_000);
    let mut array = memory.array();
    array.resize(4_096).expect("room");
    array.update();
    array.extend(&[leaf(0)]).expect("room");
    assert_eq!(array.update(), 1, "the new root");
    array.resize(4_096).expect("shorter");
    assert_eq!(array.update(), 12);
}

#[test]
fn new_positions_hold_the_empty_leaf() {
    let mut memory = Memory::<H>::new(10);
    let mut array = memory.array();
    array.resize(3).expect("room");
    assert_eq!(array.leaves(), [empty_leaf::<H>(); 3]);
    assert_eq!(array.set(LeafIndex(1), leaf(1)), Ok(empty_leaf::<H>()));
    assert_eq!(array.set(LeafIndex(1), leaf(2)), Ok(leaf(1)));
    // What was dropped does not come back.
    array.resize(1).expect("shorter");
    array.resize(3).expect("room");
    assert_eq!(array.root(), root::<H>(&[empty_leaf::<H>(); 3]));
}

#[test]
fn full_leaves_the_array_as_it_was() {
    for capacity in [0, 1, 2, 3, 63, 64, 65, 100] {
        let mut memory = Memory::<H>::new(capacity);
        let mut array = memory.array();
        assert_eq!(array.capacity(), capacity);
        array.resize(capacity).expect("as much as there is room for");
        let root = array.root();
        let full = ArrayError::Full { capacity, needed: capacity + 1 };
        assert_eq!(array.resize(capacity + 1), Err(full));
        assert_eq!(array.extend(&[leaf(0)]), Err(full));
        assert_eq!((array.len(), array.root()), (capacity, root));
        assert!(full.to_string().contains("longer slices"));
    }
}

#[test]
fn too_few_dirty_words_bound_the_capacity() {
    let mut digests = vec![D::default(); digests_for(1_000)];
    let mut dirty = vec![0; dirty_words_for(640)];
    let mut array = Array::<H>::new(&mut digests, &mut dirty);
    assert_eq!(array.capacity(), 640);
    array.resize(640).expect("room");
    assert_eq!(array.root(), root::<H>(&[empty_leaf::<H>(); 640]));
    assert_eq!(Array::<H>::new(&mut digests, &mut []).capacity(), 0);
    assert_eq!(Array::<H>::new(&mut [], &mut dirty).capacity(), 0);
}

#[test]
fn an_array_goes_on_in_the_memory_of_another() {
    let mut memory = Memory::<H>::new(500);
    let mut array = memory.array();
    array.extend(&(0..333).map(leaf).collect::<Vec<_>>()).expect("room");
    let before = array.root();
    let mut dirty = vec![!0; dirty_words_for(500)];
    let mut array = Array::<H>::resume(&mut memory.digests, &mut dirty, 333).expect("as left");
    assert_eq!((array.root(), array.update()), (before, 0));
    array.set(LeafIndex(5), leaf(5_000)).expect("a position");
    let mut leaves: Vec<D> = (0..333).map(leaf).collect();
    leaves[5] = leaf(5_000);
    assert_eq!(array.root(), root::<H>(&leaves));
    let error = Array::<H>::resume(&mut memory.digests, &mut dirty, 501).expect_err("too long");
    assert_eq!(error, ArrayError::Full { capacity: 500, needed: 501 });
}

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u64),
    Extend(usize),
    Resize(usize),
    Update,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<usize>(), 0..50_u64).prop_map(|(at, value)| Step::Set(at, value)),
        1 => (0..200_usize).prop_map(Step::Extend),
        2 => (0..1200_usize).prop_map(Step::Resize),
        2 => Just(Step::Update),
    ]
}

/// Emulated processors are slow.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 256 } else { 20 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn any_sequence_of_changes_has_the_root_of_the_definition(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut memory = Memory::<H>::new(1000);
        let mut array = memory.array();
        let mut leaves: Vec<D> = vec![];
        for step in steps {
            match step {
                Step::Set(at, value) if !leaves.is_empty() => {
                    let at = at % leaves.len();
                    let before = core::mem::replace(&mut leaves[at], leaf(value));
                    prop_assert_eq!(array.set(LeafIndex(at as u64), leaf(value)), Ok(before));
                }
                Step::Set(at, value) => {
                    prop_assert!(array.set(LeafIndex(at as u64), leaf(value)).is_err());
                }
                Step::Extend(count) => {
                    let more: Vec<D> = (0..count as u64).map(leaf).collect();
                    let fits = leaves.len() + count <= 1000;
                    prop_assert_eq!(array.extend(&more).is_ok(), fits);
                    leaves.extend(more.iter().filter(|_| fits));
                }
                Step::Resize(len) => {
                    prop_assert_eq!(array.resize(len).is_ok(), len <= 1000);
                    if len <= 1000 {
                        leaves.resize(len, empty_leaf::<H>());
                    }
                }
                Step::Update => {
                    array.update();
                    prop_assert_eq!(array.root(), root::<H>(&leaves));
                }
            }
            prop_assert_eq!(array.len(), leaves.len());
        }
        prop_assert_eq!(array.leaves(), &leaves[..]);
        prop_assert_eq!(array.root(), root::<H>(&leaves));
    }
}
