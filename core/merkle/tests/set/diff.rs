//! Diff against a naive one, what it touches, and the same between two machines.

use std::collections::{BTreeMap, BTreeSet};

use crate::naive::{H, Key, Value, cases, item, memory};
use proptest::prelude::*;
use treenail_merkle::set::{LEAF_MAX, Node, Prefix, Set, Slot, Touched, diff};

type Difference = (Key, Option<Value>, Option<Value>);
type Memory = (Vec<Node<Key>>, Vec<Slot<Key, Value>>);

fn roomy() -> Memory {
    (vec![Node::default(); 200], vec![Slot::default(); 600])
}

fn filled<'m>(memory: &'m mut Memory, items: &BTreeMap<Key, Value>) -> Set<'m, H, Value> {
    let mut set = Set::new(&mut memory.0, &mut memory.1);
    for (key, value) in items {
        assert_eq!(set.insert(*key, *value), Ok(None));
    }
    set
}

fn naive_diff(old: &BTreeMap<Key, Value>, new: &BTreeMap<Key, Value>) -> Vec<Difference> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .map(|key| (*key, old.get(key).copied(), new.get(key).copied()))
        .filter(|(_, old, new)| old != new)
        .collect()
}

fn differences(
    old: &mut Set<'_, H, Value>,
    new: &mut Set<'_, H, Value>,
    keys: core::ops::RangeInclusive<Key>,
) -> (Vec<Difference>, Touched) {
    let mut found = Vec::new();
    let touched = diff(old, new, keys, |key, old, new| {
        found.push((*key, old.copied(), new.copied()));
    });
    (found, touched)
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        3 => (0..500u32).prop_map(|i| item(i).key),
        2 => any::<u8>().prop_map(|last| [9, 9, 9, 9, 9, 9, 9, last]),
    ]
}

fn items() -> impl Strategy<Value = BTreeMap<Key, Value>> {
    let few = prop::collection::btree_map(any_key(), Just([1; 3]), 0..80);
    let many = prop::collection::btree_map(any_key(), Just([1; 3]), 100..400);
    prop_oneof![few, many]
}

/// A set, and another that differs from it a little or in everything.
fn two_sets() -> impl Strategy<Value = [BTreeMap<Key, Value>; 2]> {
    let edits = prop::collection::vec((any_key(), any::<Option<bool>>()), 0..20);
    let near = (items(), edits).prop_map(|(old, edits)| {
        let mut new = old.clone();
        for (key, edit) in edits {
            match edit {
                Some(value) => new.insert(key, [u8::from(value); 3]),
                None => new.remove(&key),
            };
        }
        [old, new]
    });
    prop_oneof![near, [items(), items()]]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn diff_equals_the_naive_one([old, new] in two_sets()) {
        let (mut old_memory, mut new_memory) = (roomy(), roomy());
        let (mut a, mut b) = (filled(&mut old_memory, &old), filled(&mut new_memory, &new));
        let (found, touched) = differences(&mut a, &mut b, Prefix::root().keys());
        prop_assert_eq!(&found, &naive_diff(&old, &new));
        prop_assert!(touched.subtrees >= 1);
        prop_assert!(touched.items >= found.len());
    }

    #[test]
    fn range_diff_equals_the_naive_one_within_the_range(
        [old, new] in two_sets(),
        ends in proptest::array::uniform2(any_key()),
    ) {
        let (mut old_memory, mut new_memory) = (roomy(), roomy());
        let (mut a, mut b) = (filled(&mut old_memory, &old), filled(&mut new_memory, &new));
        let keys = ends[0]..=ends[1];
        let (found, _) = differences(&mut a, &mut b, keys.clone());
        let mut expected = naive_diff(&old, &new);
        expected.retain(|(key, ..)| keys.contains(key));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn peers_find_the_same_by_summaries([old, new] in two_sets()) {
        let (mut old_memory, mut new_memory) = (roomy(), roomy());
        let (mut a, mut b) = (filled(&mut old_memory, &old), filled(&mut new_memory, &new));
        let (mut here, mut there) = (BTreeMap::new(), BTreeMap::new());
        let mut open = vec![Prefix::root()];
        while let Some(prefix) = open.pop() {
            let (ours, theirs) = (a.summary(&prefix), b.summary(&prefix));
            if ours == theirs {
                continue;
            }
            if ours.count.min(theirs.count) > LEAF_MAX {
                open.extend((0..16).filter_map(|nibble| prefix.child(nibble)));
            } else {
                here.extend(a.items(&prefix).map(|item| (item.key, item.value)));
                there.extend(b.items(&prefix).map(|item| (item.key, item.value)));
            }
        }
        prop_assert_eq!(naive_diff(&here, &there), naive_diff(&old, &new));
    }
}

#[test]
fn one_change_among_many_touches_only_its_path() {
    let count = if cfg!(target_arch = "x86_64") { 100_000 } else { 5_000 };
    let (mut old_memory, mut new_memory) = (memory(count), memory(count));
    let items: BTreeMap<_, _> =
        (0..count as u32).map(item).map(|item| (item.key, item.value)).collect();
    let mut old = filled(&mut old_memory, &items);
    let mut new = filled(&mut new_memory, &items);
    let all = Prefix::root().keys();
    let (found, touched) = differences(&mut old, &mut new, all.clone());
    assert_eq!((found, touched), (vec![], Touched { subtrees: 1, items: 0 }));

    let key = item(4711).key;
    new.insert(key, [0xEE; 3]).expect("room");
    let (found, touched) = differences(&mut old, &mut new, all.clone());
    assert_eq!(found, [(key, Some(item(4711).value), Some([0xEE; 3]))]);
    // 100,000 items have branches on three or four levels: 16^4 times 64 are far more.
    assert!(touched.subtrees <= 1 + 4 * 16, "{touched:?}");
    assert!(touched.items <= 2 * LEAF_MAX, "{touched:?}");

    new.remove(&key);
    let (found, touched) = differences(&mut old, &mut new, all);
    assert_eq!(found, [(key, Some(item(4711).value), None)]);
    assert!(touched.subtrees <= 1 + 4 * 16, "{touched:?}");
}

#[test]
fn ten_changes_among_many_touch_only_their_paths() {
    let count = if cfg!(target_arch = "x86_64") { 100_000 } else { 5_000 };
    let (mut old_memory, mut new_memory) = (memory(count), memory(count));
    let items: BTreeMap<_, _> =
        (0..count as u32).map(item).map(|item| (item.key, item.value)).collect();
    let mut old = filled(&mut old_memory, &items);
    let mut new = filled(&mut new_memory, &items);
    for i in 0..10 {
        new.insert(item(i * 499).key, [0xEE; 3]).expect("room");
    }
    let (found, touched) = differences(&mut old, &mut new, Prefix::root().keys());
    assert_eq!(found.len(), 10);
    assert!(touched.subtrees <= 1 + 10 * 4 * 16, "{touched:?}");
    assert!(touched.items <= 10 * 2 * LEAF_MAX, "{touched:?}");
}

#[test]
fn diff_within_a_prefix_ignores_the_rest() {
    let items: BTreeMap<_, _> = (0..3000).map(item).map(|item| (item.key, item.value)).collect();
    let (mut old_memory, mut new_memory) = (memory(3000), memory(3000));
    let mut old = filled(&mut old_memory, &items);
    let mut new = filled(&mut new_memory, &BTreeMap::new());
    let prefix = Prefix::root().child(0x7).expect("one nibble");
    let (found, touched) = differences(&mut old, &mut new, prefix.keys());
    assert!(found.iter().all(|(key, was, is)| key[0] >> 4 == 7 && was.is_some() && is.is_none()));
    assert_eq!(found.len(), items.keys().filter(|key| key[0] >> 4 == 7).count());
    assert_eq!(touched.items, found.len());
}
