//! The map: on sound memory it is a `HashMap`; on hostile memory every call returns.
#![no_main]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_index::{InsertError, Key, Map};

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Step {
    Insert(u8, u64),
    InsertNew(u8, u64),
    Exchange(u8, u64, u64),
    Add(u8, u64),
    Remove(u8),
    Get(u8),
    Rebuild(u64),
    /// Writes to the memory behind the map's back.
    Poke(u16, u64),
}

#[derive(Arbitrary, Debug)]
struct Input {
    capacity: u8,
    seed: u64,
    width: u8,
    /// What the memory holds instead of a map that was made.
    hostile: Option<Vec<u64>>,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    match input.width % 3 {
        0 => run::<u64>(&input, u64::from),
        1 => run::<[u8; 16]>(&input, |key| [key; 16]),
        _ => run::<[u8; 32]>(&input, |key| std::array::from_fn(|at| key & 1 << (at % 8))),
    }
});

fn run<K: Key + std::hash::Hash + std::fmt::Debug>(input: &Input, to_key: impl Fn(u8) -> K) {
    let words = Map::<K>::words_for(usize::from(input.capacity)).expect("small");
    let mut words: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
    let sound = input.hostile.is_none() && !input.steps.iter().any(|s| matches!(s, Step::Poke(..)));
    Map::<K>::create(&words, input.seed).expect("there is room for the header");
    // The header is left alone often enough for the rest to be reached.
    if let Some(hostile) = &input.hostile {
        let skip = if hostile.len() % 2 == 0 { 16 } else { 0 };
        for (word, hostile) in words.iter().skip(skip).zip(hostile.iter().cycle()) {
            word.store(*hostile, Ordering::Relaxed);
        }
    }
    if sound {
        check(&mut words, input, to_key);
    } else {
        survive(&mut words, input, to_key);
    }
}

/// Keys hold their slots until the map is rebuilt.
fn check<K: Key + std::hash::Hash + std::fmt::Debug>(
    words: &mut [AtomicU64],
    input: &Input,
    to_key: impl Fn(u8) -> K,
) {
    let mut live: HashMap<K, u64> = HashMap::new();
    let mut used: HashSet<K> = HashSet::new();
    for step in &input.steps {
        let map = Map::<K>::attach(words).expect("it was made");
        let mut put = |number, new, replace| {
            let key = to_key(number);
            let result = if replace { map.insert(key, new) } else { map.insert_new(key, new) };
            if !used.contains(&key) && used.len() == map.capacity() {
                let dead = used.len() - live.len();
                assert_eq!(result, Err(InsertError::Full { live: live.len(), dead }));
                return;
            }
            used.insert(key);
            let old = live.get(&key).copied();
            assert_eq!(result, Ok(old));
            if replace || old.is_none() {
                live.insert(key, new);
            }
        };
        match *step {
            Step::Insert(key, new) => put(key, new, true),
            Step::InsertNew(key, new) => put(key, new, false),
            Step::Exchange(key, from, to) => {
                let key = to_key(key);
                let old = live.get(&key).copied();
                if old == Some(from) {
                    live.insert(key, to);
                }
                assert_eq!(map.compare_exchange(key, from, to), Ok(old));
            }
            Step::Add(key, add) => {
                let key = to_key(key);
                let old = live.get(&key).copied();
                old.map(|old| live.insert(key, old.wrapping_add(add)));
                assert_eq!(map.fetch_add(key, add), Ok(old));
            }
            Step::Remove(key) => {
                assert_eq!(map.remove(to_key(key)), Ok(live.remove(&to_key(key))));
            }
            Step::Get(key) => {
                assert_eq!(map.get(to_key(key)), live.get(&to_key(key)).copied());
            }
            Step::Rebuild(seed) => {
                let usage = Map::<K>::rebuild(words, seed).expect("it was made");
                assert_eq!((usage.live, usage.dead), (live.len(), 0));
                used = live.keys().copied().collect();
            }
            Step::Poke(..) => {}
        }
    }
    let map = Map::<K>::attach(words).expect("it was made");
    assert_eq!(map.iter().collect::<HashMap<K, u64>>(), live);
}

fn survive<K: Key>(words: &mut [AtomicU64], input: &Input, to_key: impl Fn(u8) -> K) {
    for step in &input.steps {
        let Ok(map) = Map::<K>::attach(words) else { return };
        let map = map.with_patience(20);
        match *step {
            Step::Insert(key, new) => _ = map.insert(to_key(key), new),
            Step::InsertNew(key, new) => _ = map.insert_new(to_key(key), new),
            Step::Exchange(key, from, to) => _ = map.compare_exchange(to_key(key), from, to),
            Step::Add(key, add) => _ = map.fetch_add(to_key(key), add),
            Step::Remove(key) => _ = map.remove(to_key(key)),
            Step::Get(key) => _ = map.get(to_key(key)),
            Step::Rebuild(seed) => _ = Map::<K>::rebuild(words, seed),
            Step::Poke(at, word) => {
                words[usize::from(at) % words.len()].store(word, Ordering::Relaxed);
            }
        }
    }
    let Ok(map) = Map::<K>::attach(words) else { return };
    let usage = map.usage();
    assert_eq!(usage.live + usage.dead + usage.free, map.capacity());
    assert_eq!(map.iter().count(), usage.live);
}
