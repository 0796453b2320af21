//! The set that changes, against a map whose digest is computed naively.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::naive::{H, Key, Value, cases, item, memory, naive_digest, naive_of_map};
use proptest::prelude::*;
use treenail_hash::{Hash, Xxh3};
use treenail_merkle::set::{Full, LEAF_MAX, Node, Prefix, Set, Slot, nodes_for};

/// `(key, None)` removes, `(key, Some(value))` inserts.
type Change = (Key, Option<Value>);

/// Keys of three kinds: scattered, alike in all but the last byte, alike in the first half.
fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => (0..400u32).prop_map(|i| item(i).key),
        2 => any::<u8>().prop_map(|last| [9, 9, 9, 9, 9, 9, 9, last]),
        1 => (0..90u32).prop_map(|i| {
            let mut key = item(i).key;
            key[..4].fill(9);
            key
        }),
    ]
}

fn changes(count: usize) -> impl Strategy<Value = Vec<Change>> {
    let value =
        prop_oneof![1 => Just(None), 2 => any::<[bool; 3]>().prop_map(|v| Some(v.map(u8::from)))];
    prop::collection::vec((any_key(), value), 0..count)
}

fn apply(set: &mut Set<'_, H, Value>, map: &mut BTreeMap<Key, Value>, change: &Change) {
    match change {
        (key, Some(value)) => assert_eq!(set.insert(*key, *value), Ok(map.insert(*key, *value))),
        (key, None) => assert_eq!(set.remove(key), map.remove(key)),
    }
}

fn assert_same_items(set: &Set<'_, H, Value>, map: &BTreeMap<Key, Value>) {
    assert_eq!(set.len(), map.len());
    assert_eq!(set.is_empty(), map.is_empty());
    let items: Vec<_> = set.items(&Prefix::root()).map(|item| (item.key, item.value)).collect();
    let expected: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
    assert_eq!(items, expected);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn set_behaves_like_its_naive_twin(changes in changes(700), every in 20..100usize) {
        let (mut nodes, mut slots) = (vec![Node::default(); 200], vec![Slot::default(); 700]);
        let (mut set, mut map) = (Set::new(&mut nodes, &mut slots), BTreeMap::new());
        for (i, change) in changes.iter().enumerate() {
            apply(&mut set, &mut map, change);
            assert_eq!(set.get(&change.0), map.get(&change.0));
            if i % every == 0 {
                prop_assert_eq!(set.digest(), naive_of_map(&map));
            }
        }
        assert_same_items(&set, &map);
        prop_assert_eq!(set.digest(), naive_of_map(&map));
    }

    #[test]
    fn range_yields_what_a_map_yields(
        changes in changes(400),
        mut ends in proptest::array::uniform2(any_key()),
    ) {
        let (mut nodes, mut slots) = (vec![Node::default(); 200], vec![Slot::default(); 400]);
        let (mut set, mut map) = (Set::new(&mut nodes, &mut slots), BTreeMap::new());
        changes.iter().for_each(|change| apply(&mut set, &mut map, change));
        let [first, last] = ends;
        if first > last {
            prop_assert_eq!(set.range(first..=last).count(), 0);
        }
        ends.sort();
        let [first, last] = ends;
        let items: Vec<_> = set.range(first..=last).map(|item| (&item.key, &item.value)).collect();
        let expected: Vec<_> = map.range(first..=last).collect();
        prop_assert_eq!(items, expected);
    }

    #[test]
    fn summary_and_items_of_a_prefix_agree_with_the_definition(
        changes in changes(400),
        key in any_key(),
        nibbles in 0..=16usize,
    ) {
        let (mut nodes, mut slots) = (vec![Node::default(); 200], vec![Slot::default(); 400]);
        let (mut set, mut map) = (Set::new(&mut nodes, &mut slots), BTreeMap::new());
        changes.iter().for_each(|change| apply(&mut set, &mut map, change));
        let prefix = Prefix::new(&key, nibbles).expect("at most 16 nibbles");
        let hex = |key: &Key| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let below: Vec<_> = map
            .iter()
            .filter(|(other, _)| hex(other)[..nibbles] == hex(&key)[..nibbles])
            .map(|(key, value)| (*key, *value))
            .collect();
        let items: Vec<_> = set.items(&prefix).map(|item| (item.key, item.value)).collect();
        prop_assert_eq!(&items, &below);
        let summary = set.summary(&prefix);
        prop_assert_eq!(summary.count, below.len());
        prop_assert_eq!(summary.digest, naive_digest::<H, Value>(&below, nibbles));
    }
}

/// Items in ascending order and in another, and keys that come and go between.
type History = (Vec<(Key, Value)>, Vec<(Key, Value)>, Vec<Key>);

fn histories() -> impl Strategy<Value = History> {
    let items = prop::collection::btree_map(any_key(), Just([3; 3]), 0..300);
    let passing = prop::collection::vec(any_key(), 0..100);
    (items, passing).prop_flat_map(|(items, passing)| {
        let passing: Vec<Key> =
            passing.into_iter().filter(|key| !items.contains_key(key)).collect();
        let items: Vec<_> = items.into_iter().collect();
        (Just(items.clone()), Just(items).prop_shuffle(), Just(passing))
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn digest_does_not_depend_on_the_history((items, shuffled, passing) in histories()) {
        let (mut nodes, mut slots) = (vec![Node::default(); 200], vec![Slot::default(); 400]);
        let mut direct = Set::<H, Value>::new(&mut nodes, &mut slots);
        for (key, value) in &items {
            direct.insert(*key, *value).expect("room");
        }
        let (mut nodes, mut slots) = (vec![Node::default(); 200], vec![Slot::default(); 400]);
        let mut roundabout = Set::<H, Value>::new(&mut nodes, &mut slots);
        for key in &passing {
            roundabout.insert(*key, [9; 3]).expect("room");
        }
        for (at, (key, value)) in shuffled.iter().enumerate() {
            roundabout.insert(*key, [0; 3]).expect("room");
            if at % 7 == 0 {
                roundabout.digest();
            }
            roundabout.insert(*key, *value).expect("room");
        }
        for key in &passing {
            roundabout.remove(key);
        }
        prop_assert_eq!(direct.digest(), roundabout.digest());
    }
}

#[test]
fn insertion_order_does_not_matter() {
    let (mut nodes, mut slots) = memory(3000);
    let (mut other_nodes, mut other_slots) = memory(3000);
    let mut upwards = Set::<H, Value>::new(&mut nodes, &mut slots);
    let mut downwards = Set::<H, Value>::new(&mut other_nodes, &mut other_slots);
    for i in 0..3000 {
        upwards.insert(item(i).key, item(i).value).expect("room");
        downwards.insert(item(2999 - i).key, item(2999 - i).value).expect("room");
    }
    assert_eq!(upwards.digest(), downwards.digest());
}

#[test]
fn removal_returns_to_the_earlier_digests_across_every_size() {
    let (mut nodes, mut slots) = memory(1300);
    let mut set = Set::<H, Value>::new(&mut nodes, &mut slots);
    let mut digests = vec![set.digest()];
    for i in 0..1300 {
        set.insert(item(i).key, item(i).value).expect("room");
        digests.push(set.digest());
    }
    for i in (0..1300).rev() {
        assert_eq!(Some(set.digest()), digests.pop());
        assert_eq!(set.remove(&item(i).key), Some(item(i).value));
    }
    assert_eq!(Some(set.digest()), digests.pop());
    // All memory came back.
    for i in 5000..6300 {
        set.insert(item(i).key, item(i).value).expect("room");
    }
    assert_eq!(set.insert(item(0).key, item(0).value), Err(Full::Slots));
}

#[test]
fn replacing_a_value_changes_the_digest_and_back() {
    let (mut nodes, mut slots) = memory(200);
    let mut set = Set::<H, Value>::new(&mut nodes, &mut slots);
    (0..200).for_each(|i| assert_eq!(set.insert(item(i).key, item(i).value), Ok(None)));
    let before = set.digest();
    assert_eq!(set.insert(item(7).key, [0xFF; 3]), Ok(Some(item(7).value)));
    assert_ne!(set.digest(), before);
    assert_eq!(set.insert(item(7).key, item(7).value), Ok(Some([0xFF; 3])));
    assert_eq!(set.digest(), before);
    assert_eq!(set.remove(&item(777).key), None);
}

#[test]
fn full_of_items_leaves_the_set_unchanged() {
    let (mut nodes, _) = memory(100);
    let mut slots = vec![Slot::default(); 64];
    let mut set = Set::<H, Value>::new(&mut nodes, &mut slots);
    let mut map = BTreeMap::new();
    for i in 0..64 {
        apply(&mut set, &mut map, &(item(i).key, Some(item(i).value)));
    }
    assert_eq!(set.insert(item(64).key, item(64).value), Err(Full::Slots));
    assert_same_items(&set, &map);
    assert_eq!(set.digest(), naive_of_map(&map));
    assert_eq!(set.insert(item(3).key, [0; 3]), Ok(Some(item(3).value)), "replacing needs no room");
}

#[test]
fn full_of_nodes_leaves_the_set_unchanged() {
    // 65 keys that part only at their last nibble but one need 15 branches.
    let key = |i: u8| [1, 1, 1, 1, 1, 1, 1, i];
    for available in 0..16 {
        let (mut nodes, mut slots) = (vec![Node::default(); available], vec![Slot::default(); 80]);
        let mut set = Set::<H, Value>::new(&mut nodes, &mut slots);
        let mut map = BTreeMap::new();
        for i in 0..64 {
            apply(&mut set, &mut map, &(key(i), Some([i; 3])));
        }
        let result = set.insert(key(64), [64; 3]);
        if available < 15 {
            assert_eq!(result, Err(Full::Nodes), "{available} nodes");
        } else {
            assert_eq!(result, Ok(None), "{available} nodes");
            map.insert(key(64), [64; 3]);
        }
        assert_same_items(&set, &map);
        assert_eq!(set.digest(), naive_of_map(&map));
        // A removed item's slot and the branches serve again.
        apply(&mut set, &mut map, &(key(5), None));
        apply(&mut set, &mut map, &([0xF0; 8], Some([1; 3])));
        assert_eq!(set.digest(), naive_of_map(&map));
    }
}

#[test]
fn errors_name_the_remedy() {
    assert!(Full::Slots.to_string().contains("more slots"));
    assert!(Full::Nodes.to_string().contains("more nodes"));
}

#[test]
fn nodes_for_suffices_for_hashed_keys_at_every_size() {
    assert_eq!(nodes_for(LEAF_MAX), 0);
    // The sizes around which whole levels of leaves overflow, and all in between.
    let count = if cfg!(target_arch = "x86_64") { 40_000 } else { 3_000 };
    let (mut nodes, mut slots) = (vec![Node::default(); nodes_for(count)], vec![]);
    slots.resize(count, Slot::default());
    for size in [65, 500, 900, 1040, 1200, 1500, 14_000, 17_000, 20_000, count]
        .into_iter()
        .filter(|size| *size <= count)
    {
        let nodes = &mut nodes[..nodes_for(size)];
        let mut set = Set::<H, Value>::new(nodes, &mut slots[..size]);
        for i in 0..size as u32 {
            let item = item(i);
            assert_eq!(set.insert(item.key, item.value), Ok(None), "item {i} of {size}");
        }
    }
}

thread_local! {
    static HASHED: Cell<usize> = const { Cell::new(0) };
}

/// Counts what is hashed.
#[derive(Clone, Default)]
struct Counting(Xxh3);

impl Hash for Counting {
    type Digest = Key;
    const NAME: &'static str = "counting";

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Key {
        HASHED.set(HASHED.get() + 1);
        self.0.finish()
    }
}

#[test]
fn only_changed_nodes_are_hashed_again() {
    let (mut nodes, mut slots) = memory(20_000);
    let mut set = Set::<Counting, Value>::new(&mut nodes, &mut slots);
    for i in 0..20_000 {
        set.insert(item(i).key, item(i).value).expect("room");
    }
    let hashes = |set: &mut Set<'_, Counting, Value>| {
        HASHED.set(0);
        set.digest();
        HASHED.get()
    };
    assert!(hashes(&mut set) > 256);
    assert_eq!(hashes(&mut set), 0);
    set.insert(item(5).key, [9; 3]).expect("room");
    // The root, two or three levels of branches and one leaf.
    assert!((3..=5).contains(&hashes(&mut set)));
    set.insert(item(5).key, [9; 3]).expect("room");
    assert_eq!(hashes(&mut set), 0, "the same value again");
}

#[test]
fn prefix_refuses_what_is_no_prefix() {
    let root = Prefix::<Key>::root();
    assert_eq!(root.child(16), None);
    assert_eq!(Prefix::new(&[0; 8], 17), None);
    let whole = Prefix::new(&[0x5A; 8], 16).expect("a whole key");
    assert_eq!(whole.child(0), None);
    assert!(whole.contains(&[0x5A; 8]));
    let child = root.child(0xA).and_then(|prefix| prefix.child(3)).expect("two nibbles");
    assert_eq!(Some(child), Prefix::new(&[0xA3; 8], 2));
    let child = child.child(0xC).expect("three nibbles");
    assert_eq!(child.nibbles(), 3);
    assert_eq!(
        child.keys(),
        [0xA3, 0xC0, 0, 0, 0, 0, 0, 0]..=[0xA3, 0xCF, 255, 255, 255, 255, 255, 255]
    );
}
