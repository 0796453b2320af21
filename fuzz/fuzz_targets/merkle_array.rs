//! The array under any sequence of changes, against a vector whose root is computed recursively.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_hash::{Hash, Xxh3};
use treenail_merkle::array::{Array, diff, digests_for, dirty_words_for};
use treenail_merkle::log::{InclusionProof, LeafIndex, TreeSize};

type H = Xxh3;
type D = [u8; 8];

#[derive(Debug, Arbitrary)]
struct Input {
    /// Of the digests and of the dirty words, which need not fit each other.
    capacities: [u16; 2],
    changes: Vec<(bool, Change)>,
}

#[derive(Debug, Arbitrary)]
enum Change {
    Set { at: u16, value: u8 },
    Extend { count: u8, value: u8 },
    Resize { len: u16 },
    Update,
    Prove { at: u16, room: u8 },
}

fuzz_target!(|input: Input| {
    let [digests, words] = input.capacities.map(|capacity| usize::from(capacity) % 5_000);
    let memory = || (vec![[9; 8]; digests_for(digests)], vec![!0; dirty_words_for(words)]);
    let (mut old, mut new) = (memory(), memory());
    let mut pair = [
        (Array::<H>::new(&mut old.0, &mut old.1), vec![]),
        (Array::<H>::new(&mut new.0, &mut new.1), vec![]),
    ];
    assert!(pair[0].0.capacity() >= digests.min(words));
    for (new, change) in &input.changes {
        let (array, leaves) = &mut pair[usize::from(*new)];
        run(array, leaves, change);
        assert_eq!(array.len(), leaves.len());
    }
    let [(old, old_leaves), (new, new_leaves)] = &mut pair;
    assert_eq!((old.root(), new.root()), (root(old_leaves), root(new_leaves)));
    assert_eq!((old.leaves(), new.leaves()), (&old_leaves[..], &new_leaves[..]));

    let mut found = vec![];
    diff(old, new, |index, was, is| found.push((index.0 as usize, was.copied(), is.copied())));
    let len = old_leaves.len().max(new_leaves.len());
    let expected = (0..len)
        .map(|at| (at, old_leaves.get(at).copied(), new_leaves.get(at).copied()))
        .filter(|(_, was, is)| was != is);
    assert!(found.iter().copied().eq(expected));
});

fn leaf(value: u8) -> D {
    H::hash(&[0, value])
}

fn run(array: &mut Array<'_, H>, leaves: &mut Vec<D>, change: &Change) {
    let capacity = array.capacity();
    match *change {
        Change::Set { at, value } => {
            let before = leaves.get_mut(usize::from(at));
            let before = before.map(|before| core::mem::replace(before, leaf(value)));
            assert_eq!(array.set(LeafIndex(at.into()), leaf(value)).ok(), before);
        }
        Change::Extend { count, value } => {
            let more = vec![leaf(value); count.into()];
            let fits = leaves.len() + more.len() <= capacity;
            assert_eq!(array.extend(&more).is_ok(), fits);
            leaves.extend(more.iter().filter(|_| fits));
        }
        Change::Resize { len } => {
            let fits = usize::from(len) <= capacity;
            assert_eq!(array.resize(len.into()).is_ok(), fits);
            if fits {
                leaves.resize(len.into(), H::hash(&[0]));
            }
        }
        Change::Update => {
            assert!(array.update() <= leaves.len().saturating_sub(1));
            assert_eq!(array.update(), 0);
        }
        Change::Prove { at, room } => {
            let mut path = vec![[0; 8]; room.into()];
            let index = LeafIndex(at.into());
            match array.proof(index, &mut path) {
                Ok(path) => {
                    let size = TreeSize(leaves.len() as u64);
                    let proof = InclusionProof { index, size, path };
                    let leaf = &leaves[usize::from(at)];
                    assert_eq!(proof.verify::<H>(leaf, &root(leaves)), Ok(()));
                }
                Err(_) => assert!(usize::from(at) >= leaves.len() || room < 13),
            }
        }
    }
}

fn root(leaves: &[D]) -> D {
    match leaves {
        [] => H::hash(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            H::hash(&[&[1], &root(left)[..], &root(right)].concat())
        }
    }
}
