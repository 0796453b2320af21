//! The map and the filter beside `HashMap` and `HashSet`, over generated histories.
#![cfg(not(loom))]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use treenail_index::fuse::{Fingerprint, FuseRef, build, bytes_for, scratch_words_for};
use treenail_index::{InsertError, Key, Map};

const CASES: u32 = if cfg!(target_arch = "x86_64") { 400 } else { 20 };

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u8, u64),
    InsertNew(u8, u64),
    Get(u8),
    Exchange(u8, u64, u64),
    Add(u8, u64),
    Update(u8),
    Remove(u8),
    RemoveIf(u8, u64),
    Rebuild(u64),
    Move(u16, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || prop_oneof![0..4_u64, any::<u64>()];
    let step = prop_oneof![
        8 => (any::<u8>(), value()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (any::<u8>(), value()).prop_map(|(key, value)| Step::InsertNew(key, value)),
        2 => any::<u8>().prop_map(Step::Get),
        2 => (any::<u8>(), value(), value()).prop_map(|(k, from, to)| Step::Exchange(k, from, to)),
        1 => (any::<u8>(), value()).prop_map(|(key, add)| Step::Add(key, add)),
        1 => any::<u8>().prop_map(Step::Update),
        4 => any::<u8>().prop_map(Step::Remove),
        1 => (any::<u8>(), value()).prop_map(|(key, value)| Step::RemoveIf(key, value)),
        1 => any::<u64>().prop_map(Step::Rebuild),
        1 => (any::<u16>(), any::<u64>()).prop_map(|(room, seed)| Step::Move(room % 400, seed)),
    ];
    prop::collection::vec(step, 0..300)
}

fn memory<K: Key>(capacity: usize) -> Vec<AtomicU64> {
    (0..Map::<K>::words_for(capacity).unwrap()).map(|_| AtomicU64::new(!0)).collect()
}

/// Keys that were ever inserted hold their slots until the map is rebuilt.
#[derive(Default)]
struct Model {
    live: HashMap<u8, u64>,
    used: HashSet<u8>,
}

impl Model {
    fn admits(&mut self, key: u8, capacity: usize) -> bool {
        self.used.contains(&key) || self.used.len() < capacity && self.used.insert(key)
    }

    fn full(&self) -> InsertError {
        let live = self.live.len();
        InsertError::Full { live, dead: self.used.len() - live }
    }
}

fn run<K: Key + std::fmt::Debug + std::hash::Hash>(
    capacity: usize,
    steps: &[Step],
    to_key: impl Fn(u8) -> K,
) {
    let mut words = memory::<K>(capacity);
    Map::<K>::create(&words, 1).unwrap();
    let mut model = Model::default();
    for step in steps {
        let map = Map::<K>::attach(&words).unwrap();
        match *step {
            Step::Insert(key, value) => {
                let admitted = model.admits(key, map.capacity());
                let expected =
                    if admitted { Ok(model.live.insert(key, value)) } else { Err(model.full()) };
                assert_eq!(map.insert(to_key(key), value), expected);
            }
            Step::InsertNew(key, value) => {
                let expected = match model.live.get(&key).copied() {
                    Some(old) => Ok(Some(old)),
                    None if model.admits(key, map.capacity()) => Ok(model.live.insert(key, value)),
                    None => Err(model.full()),
                };
                assert_eq!(map.insert_new(to_key(key), value), expected);
            }
            Step::Get(key) => {
                assert_eq!(map.get(to_key(key)), model.live.get(&key).copied());
            }
            Step::Exchange(key, from, to) => {
                let old = model.live.get(&key).copied();
                if old == Some(from) {
                    model.live.insert(key, to);
                }
                assert_eq!(map.compare_exchange(to_key(key), from, to), Ok(old));
            }
            Step::Add(key, add) => {
                let old = model.live.get(&key).copied();
                old.map(|old| model.live.insert(key, old.wrapping_add(add)));
                assert_eq!(map.fetch_add(to_key(key), add), Ok(old));
            }
            Step::Update(key) => {
                let old = model.live.get(&key).copied();
                old.map(|old| model.live.insert(key, !old));
                assert_eq!(map.fetch_update(to_key(key), |value| !value), Ok(old));
            }
            Step::Remove(key) => assert_eq!(map.remove(to_key(key)), Ok(model.live.remove(&key))),
            Step::RemoveIf(key, value) => {
                let old = model.live.get(&key).copied();
                if old == Some(value) {
                    model.live.remove(&key);
                }
                assert_eq!(map.compare_remove(to_key(key), value), Ok(old));
            }
            Step::Rebuild(seed) => {
                Map::<K>::rebuild(&mut words, seed).unwrap();
                model.used = model.live.keys().copied().collect();
            }
            Step::Move(room, seed) => {
                let other = memory::<K>(model.live.len() + usize::from(room));
                let target = Map::<K>::create(&other, seed).unwrap();
                assert_eq!(map.copy_into(&target), Ok(model.live.len()));
                words = other;
                model.used = model.live.keys().copied().collect();
            }
        }
    }
    let map = Map::<K>::attach(&words).unwrap();
    let pairs: HashMap<K, u64> = map.iter().collect();
    assert_eq!(map.iter().count(), pairs.len());
    let expected: HashMap<K, u64> =
        model.live.iter().map(|(key, value)| (to_key(*key), *value)).collect();
    assert_eq!(pairs, expected);
    for key in 0..=u8::MAX {
        assert_eq!(map.get(to_key(key)), model.live.get(&key).copied());
    }
    let usage = map.usage();
    assert_eq!((usage.live, usage.live + usage.dead), (model.live.len(), model.used.len()));
}

fn check_filter<F: Fingerprint>(keys: &[u64], seed: u64) {
    let mut scratch = vec![!0; scratch_words_for(keys.len()).unwrap()];
    let mut bytes = vec![!0; bytes_for::<F>(keys.len()).unwrap()];
    build::<F>(keys, seed, &mut scratch, &mut bytes).unwrap();
    let filter = FuseRef::<F>::new_checked(&bytes).unwrap();
    assert!(keys.iter().all(|key| filter.contains(*key)));
    assert_eq!(filter.len() as usize, keys.iter().collect::<HashSet<_>>().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn a_map_is_a_hash_map(capacity in 0..300_usize, steps in steps()) {
        run::<u64>(capacity, &steps, |key| u64::from(key).wrapping_mul(!0 / 255));
        run::<[u8; 16]>(capacity, &steps, |key| [key; 16]);
        run::<[u8; 32]>(capacity, &steps, |key| std::array::from_fn(|at| key & 1 << (at % 8)));
    }

    #[test]
    fn a_filter_has_all_its_keys(
        keys in prop_oneof![
            prop::collection::vec(any::<u64>(), 0..300),
            prop::collection::vec(0..50_u64, 0..300),
        ],
        seed: u64,
    ) {
        check_filter::<u8>(&keys, seed);
        check_filter::<u16>(&keys, seed);
    }
}
