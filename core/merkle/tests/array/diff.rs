//! Diff against comparing every leaf, and what it touches.

use crate::naive::{D, H, Memory, leaf};
use proptest::prelude::*;
use treenail_merkle::array::{Array, Touched, diff};
use treenail_merkle::log::LeafIndex;

type Difference = (u64, Option<D>, Option<D>);

fn differences(old: &mut Array<'_, H>, new: &mut Array<'_, H>) -> (Vec<Difference>, Touched) {
    let mut found = Vec::new();
    let touched = diff(old, new, |index, was, is| found.push((index.0, was.copied(), is.copied())));
    (found, touched)
}

fn naive_diff(old: &[D], new: &[D]) -> Vec<Difference> {
    (0..old.len().max(new.len()))
        .map(|at| (at as u64, old.get(at).copied(), new.get(at).copied()))
        .filter(|(_, was, is)| was != is)
        .collect()
}

#[test]
fn few_changes_among_many_touch_only_their_paths() {
    let len: usize = if cfg!(target_arch = "x86_64") { 1 << 17 } else { 1 << 10 };
    let levels = len.ilog2() as usize;
    let (mut a, mut b) = (Memory::<H>::new(len), Memory::<H>::new(len));
    let (mut old, mut new) = (a.array(), b.array());
    old.resize(len).expect("room");
    new.resize(len).expect("room");
    assert_eq!(differences(&mut old, &mut new), (vec![], Touched { nodes: 1, leaves: 0 }));
    let places: Vec<u64> = (0..10).map(|i| i * len as u64 / 11).collect();
    for (count, place) in places.iter().enumerate() {
        let was = new.set(LeafIndex(*place), leaf(1)).expect("a position");
        let (found, touched) = differences(&mut old, &mut new);
        assert_eq!(found.last(), Some(&(*place, Some(was), Some(leaf(1)))));
        assert_eq!(found.len(), count + 1);
        assert!(touched.nodes <= 1 + (count + 1) * 2 * levels, "{touched:?}");
    }
}

#[test]
fn one_leaf_more_touches_the_right_edge_alone() {
    for len in [1, 2, 64, 1000, 1023] {
        let (mut a, mut b) = (Memory::<H>::new(1024), Memory::<H>::new(2000));
        let (mut old, mut new) = (a.array(), b.array());
        old.resize(len).expect("room");
        new.resize(len + 1).expect("room");
        new.set(LeafIndex(len as u64), leaf(9)).expect("a position");
        let (found, touched) = differences(&mut old, &mut new);
        assert_eq!(found, [(len as u64, None, Some(leaf(9)))]);
        assert!(touched.nodes <= 11 && touched.leaves == 1, "{touched:?}");
        let (found, _) = differences(&mut new, &mut old);
        assert_eq!(found, [(len as u64, Some(leaf(9)), None)]);
    }
}

fn two_arrays() -> impl Strategy<Value = [Vec<D>; 2]> {
    let leaves = |most| prop::collection::vec((0..3_u64).prop_map(leaf), 0..most);
    let near = (leaves(400), prop::collection::vec((any::<usize>(), 0..3_u64), 0..8), 0..400_usize)
        .prop_map(|(old, edits, cut)| {
            let mut new = old.clone();
            for (at, value) in edits {
                if let Some(place) = at.checked_rem(old.len()) {
                    new[place] = leaf(value);
                }
            }
            if cut % 3 == 0 {
                new.truncate(cut);
            }
            [old, new]
        });
    prop_oneof![near, [leaves(70), leaves(300)]]
}

/// Emulated processors are slow.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 256 } else { 30 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn diff_equals_comparing_every_leaf([old, new] in two_arrays()) {
        let (mut a, mut b) = (Memory::<H>::new(400), Memory::<H>::new(511));
        let (mut first, mut second) = (a.array(), b.array());
        first.extend(&old).expect("room");
        second.extend(&new).expect("room");
        let (found, touched) = differences(&mut first, &mut second);
        prop_assert_eq!(&found, &naive_diff(&old, &new));
        prop_assert!(touched.nodes + touched.leaves >= found.len());
        let (back, _) = differences(&mut second, &mut first);
        prop_assert_eq!(back, naive_diff(&new, &old));
    }
}
