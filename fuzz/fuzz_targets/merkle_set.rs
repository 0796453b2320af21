//! The set under any sequence of operations, against a map whose digest is computed naively.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_hash::{Crc32, Hash};
use treenail_merkle::set::{self, Full, Item, Node, Prefix, Set, Slot};

/// Digests of four bytes make for few levels, so that the fuzzer reaches the last.
type H = Crc32;
type Key = [u8; 4];
type Map = BTreeMap<Key, [u8; 1]>;

#[derive(Debug, Arbitrary)]
struct Input {
    nodes: u8,
    slots: u8,
    operations: Vec<Operation>,
    /// The range of the diff.
    keys: [Key; 2],
}

#[derive(Debug, Arbitrary)]
enum Operation {
    Insert {
        new: bool,
        key: Key,
        value: u8,
    },
    /// As many items with keys that follow `key`.
    InsertRun {
        new: bool,
        key: Key,
        count: u8,
    },
    Remove {
        new: bool,
        key: Key,
    },
    RemoveRun {
        new: bool,
        key: Key,
        count: u8,
    },
    Digest {
        new: bool,
    },
    Summary {
        new: bool,
        key: Key,
        nibbles: u8,
    },
}

fuzz_target!(|input: Input| {
    let memory = || {
        let nodes = vec![Node::default(); input.nodes.into()];
        (nodes, vec![Slot::default(); 2 * usize::from(input.slots)])
    };
    let (mut old, mut new) = (memory(), memory());
    let mut pair = [
        (Set::<H, [u8; 1]>::new(&mut old.0, &mut old.1), Map::new()),
        (Set::<H, [u8; 1]>::new(&mut new.0, &mut new.1), Map::new()),
    ];
    for operation in &input.operations {
        run(&mut pair, operation, 2 * usize::from(input.slots));
    }
    for (set, map) in &mut pair {
        check(set, map);
    }

    let [(old, old_map), (new, new_map)] = &mut pair;
    let keys = input.keys[0]..=input.keys[1];
    let mut expected = Map::clone(old_map);
    let mut last = None;
    set::diff(old, new, keys.clone(), |key, was, is| {
        assert!(last < Some(*key), "ascending and each once");
        last = Some(*key);
        assert!(keys.contains(key) && was != is);
        assert_eq!(was, old_map.get(key));
        match is {
            Some(value) => expected.insert(*key, *value),
            None => expected.remove(key),
        };
    });
    // What was not visited is equal: old with the differences is new, within the range.
    expected.retain(|key, _| keys.contains(key));
    let mut new_within = Map::clone(new_map);
    new_within.retain(|key, _| keys.contains(key));
    assert_eq!(expected, new_within);
});

fn run(pair: &mut [(Set<'_, H, [u8; 1]>, Map); 2], operation: &Operation, slots: usize) {
    let mut insert = |new: bool, key: Key, value: u8| {
        let (set, map) = &mut pair[usize::from(new)];
        match set.insert(key, [value]) {
            Ok(before) => assert_eq!(before, map.insert(key, [value])),
            Err(full) => {
                assert!(!map.contains_key(&key));
                assert_eq!(full == Full::Slots, map.len() == slots);
                check(set, map);
            }
        }
    };
    match *operation {
        Operation::Insert { new, key, value } => insert(new, key, value),
        Operation::InsertRun { new, key, count } => {
            run_of(key, count).for_each(|key| insert(new, key, count));
        }
        Operation::Remove { new, key } => {
            let (set, map) = &mut pair[usize::from(new)];
            assert_eq!(set.remove(&key), map.remove(&key));
        }
        Operation::RemoveRun { new, key, count } => {
            let (set, map) = &mut pair[usize::from(new)];
            run_of(key, count).for_each(|key| assert_eq!(set.remove(&key), map.remove(&key)));
        }
        Operation::Digest { new } => {
            let (set, map) = &mut pair[usize::from(new)];
            assert_eq!(set.digest(), naive(&items(map), 0));
        }
        Operation::Summary { new, key, nibbles } => {
            let (set, map) = &mut pair[usize::from(new)];
            let Some(prefix) = Prefix::new(&key, nibbles.into()) else { return };
            let mut below = items(map);
            below.retain(|(key, _)| prefix.contains(key));
            let summary = set.summary(&prefix);
            assert_eq!(summary.count, below.len());
            assert_eq!(summary.digest, naive(&below, nibbles.into()));
            assert!(set.items(&prefix).map(|item| (item.key, item.value)).eq(below));
        }
    }
}

fn run_of(key: Key, count: u8) -> impl Iterator<Item = Key> {
    (0..u32::from(count)).map(move |i| u32::from_be_bytes(key).wrapping_add(i).to_be_bytes())
}

fn items(map: &Map) -> Vec<(Key, [u8; 1])> {
    map.iter().map(|(key, value)| (*key, *value)).collect()
}

fn check(set: &mut Set<'_, H, [u8; 1]>, map: &Map) {
    let items = items(map);
    assert_eq!(set.len(), items.len());
    let listed = set.items(&Prefix::root()).map(|item| (item.key, item.value));
    assert!(listed.eq(items.iter().copied()));
    let expected = naive(&items, 0);
    assert_eq!(set.digest(), expected);
    let mut shuffled: Vec<_> =
        items.iter().rev().map(|&(key, value)| Item { key, value }).collect();
    assert_eq!(set::digest::<H, _>(&mut shuffled), expected);
}

/// The digest as the definition has it; `items` ascend and share `depth` nibbles.
fn naive(items: &[(Key, [u8; 1])], depth: usize) -> Key {
    let leaf = items.len() <= 64 || depth == 8;
    let mut message = vec![u8::from(!leaf)];
    message.extend((items.len() as u64).to_le_bytes());
    if leaf {
        items.iter().for_each(|(key, value)| message.extend([&key[..], value].concat()));
        return H::hash(&message);
    }
    for nibble in 0..16 {
        let at = |key: Key| u32::from_be_bytes(key) >> (28 - 4 * depth) & 0xF;
        let below: Vec<_> = items.iter().filter(|(key, _)| at(*key) == nibble).copied().collect();
        message.extend(naive(&below, depth + 1));
    }
    H::hash(&message)
}
