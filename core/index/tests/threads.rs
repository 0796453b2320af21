//! Threads at work on the same keys: what each is told must fit one order of all operations.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use treenail_index::{Key, Map};

const ROUNDS: u64 = if cfg!(target_arch = "x86_64") { 30_000 } else { 1_000 };

fn memory<K: Key>(capacity: usize) -> Vec<AtomicU64> {
    (0..Map::<K>::words_for(capacity).unwrap()).map(|_| AtomicU64::new(0)).collect()
}

/// Every digest word differs between keys, so a mixture of two would be none of them.
fn digest(number: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    for (at, bytes) in (1_u64..).zip(digest.as_chunks_mut::<8>().0) {
        *bytes = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ at).to_le_bytes();
    }
    digest
}

/// Small steps of a generator, so that threads do not march in step.
struct Random(u64);

impl Random {
    fn below(&mut self, range: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % range
    }
}

#[test]
fn no_addition_is_lost() {
    let words = memory::<u64>(20);
    let map = Map::create(&words, 1).unwrap();
    let keys = 20;
    (0..keys).for_each(|key| assert_eq!(map.insert(key, 0), Ok(None)));
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                for _ in 0..ROUNDS {
                    let key = random.below(keys);
                    match random.below(2) {
                        0 => map.fetch_add(key, 1).unwrap(),
                        _ => map.fetch_update(key, |value| value + 1).unwrap(),
                    };
                }
            });
        }
    });
    assert_eq!(map.iter().map(|(_, value)| value).sum::<u64>(), 4 * ROUNDS);
}

/// Two writers race to put each key in and to take it out again; the wins must add up. Readers
/// see only values of that key, and the values of a key never go back, because each comes from a
/// counter that its writer draws from while the key is its own.
fn keys_come_and_go<K: Key>(to_key: impl Fn(u64) -> K + Sync) {
    const KEYS: u64 = 24;
    let words = memory::<K>(KEYS as usize);
    let map = Map::<K>::create(&words, 1).unwrap();
    let versions: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let balance: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let done = AtomicBool::new(false);
    let (to_key, versions, balance, done) = (&to_key, &versions, &balance, &done);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|thread| {
                scope.spawn(move || {
                    let mut random = Random(thread + 1);
                    for _ in 0..ROUNDS {
                        let number = random.below(KEYS);
                        let (key, at) = (to_key(number), number as usize);
                        if random.below(2) == 0 {
                            let version = versions[at].load(Ordering::Relaxed);
                            if map.insert_new(key, number << 40 | version).unwrap().is_none() {
                                balance[at].fetch_add(1, Ordering::Relaxed);
                            }
                        } else if let Some(value) = map.remove(key).unwrap() {
                            assert_eq!(value >> 40, number);
                            balance[at].fetch_sub(1, Ordering::Relaxed);
                            versions[at].fetch_max((value & !(!0 << 40)) + 1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for thread in 0..2 {
            scope.spawn(move || {
                let mut random = Random(thread + 10);
                while !done.load(Ordering::Relaxed) {
                    let number = random.below(KEYS);
                    if let Some(value) = map.get(to_key(number)) {
                        assert_eq!(value >> 40, number, "another key's value");
                    }
                    for (key, value) in &map {
                        assert!(key == to_key(value >> 40), "another key's value");
                    }
                }
            });
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    for number in 0..KEYS {
        let live = u64::from(map.contains(to_key(number)));
        assert_eq!(balance[number as usize].load(Ordering::Relaxed), live, "key {number}");
    }
}

#[test]
fn keys_of_64_bits_come_and_go() {
    keys_come_and_go::<u64>(|number| number);
}

#[test]
fn keys_of_256_bits_come_and_go() {
    keys_come_and_go::<[u8; 32]>(digest);
}

/// One writer raises a key's value, removes it and brings it back with a higher one; a reader
/// that saw a value never sees a lower one, nor the value of a moment at which the key was
/// absent: absence is announced before and taken back after.
#[test]
fn values_never_go_back() {
    const KEYS: u64 = 3;
    let words = memory::<u64>(KEYS as usize);
    let map = Map::create(&words, 1).unwrap();
    // For each key the lowest value that a reader may still see.
    let floor: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let done = AtomicBool::new(false);
    let (floor, done) = (&floor, &done);
    thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                let mut seen = [0; KEYS as usize];
                while !done.load(Ordering::Relaxed) {
                    let key = random.below(KEYS);
                    let at_least = floor[key as usize].load(Ordering::SeqCst);
                    if let Some(value) = map.get(key) {
                        let seen = &mut seen[key as usize];
                        assert!(value >= *seen, "key {key} went from {seen} to {value}");
                        assert!(value >= at_least, "key {key} has {value}, gone before {at_least}");
                        *seen = value;
                    }
                }
            });
        }
        let mut random = Random(99);
        for value in 1..3 * ROUNDS {
            let key = random.below(KEYS);
            match random.below(3) {
                0 => {
                    map.remove(key).unwrap();
                    floor[key as usize].store(value, Ordering::SeqCst);
                }
                1 => _ = map.fetch_update(key, |_| value).unwrap(),
                _ => _ = map.insert(key, value).unwrap(),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// All threads insert the same new keys into a map that has just room for them.
#[test]
fn a_key_gets_one_slot_however_many_insert_it() {
    for round in 0..ROUNDS / 300 {
        let words = memory::<[u8; 16]>(100);
        let map = Map::<[u8; 16]>::create(&words, round).unwrap();
        let capacity = map.capacity() as u64;
        let wins: u64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u64)
                .map(|thread| {
                    scope.spawn(move || {
                        let insert = |number: u64| {
                            let key = u128::from((number + thread * 7) % capacity).to_le_bytes();
                            map.insert(key, thread).unwrap().is_none()
                        };
                        (0..capacity).filter(|number| insert(*number)).count() as u64
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(wins, capacity);
        let usage = map.usage();
        assert_eq!((usage.live, usage.dead, usage.free), (map.capacity(), 0, 0));
    }
}
