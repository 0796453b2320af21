extern crate std;
use std::collections::HashMap;
use std::vec::Vec;

use super::bucket::{BUCKET_WORDS, LIVE, LOCK, REACH_ALL};
use super::header::HEADER_WORDS;
use super::{AttachError, Busy, InsertError, Key, Map, TooSmall, Usage};
use crate::primitive::atomic::{AtomicU64, Ordering};

fn memory(words: usize) -> Vec<AtomicU64> {
    (0..words).map(|_| AtomicU64::new(0xdead_beef)).collect()
}

fn memory_for<K: Key>(capacity: usize) -> Vec<AtomicU64> {
    memory(Map::<K>::words_for(capacity).unwrap())
}

fn digest<const SIZE: usize>(number: u64) -> [u8; SIZE] {
    let mut digest = [0; SIZE];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    digest
}

#[test]
fn capacities_round_up_to_whole_buckets() {
    for (asked, given) in [(0, 0), (1, 7), (7, 7), (8, 14), (1000, 1001)] {
        let words = memory_for::<u64>(asked);
        assert_eq!(Map::<u64>::create(&words, 0).unwrap().capacity(), given);
    }
    assert_eq!(Map::<[u8; 16]>::create(&memory_for::<[u8; 16]>(6), 0).unwrap().capacity(), 10);
    assert_eq!(Map::<[u8; 32]>::create(&memory_for::<[u8; 32]>(4), 0).unwrap().capacity(), 6);
    assert_eq!(Map::<u64>::words_for(usize::MAX), None);
}

#[test]
fn a_map_of_nothing_is_full() {
    let words = memory_for::<u64>(0);
    let map = Map::<u64>::create(&words, 0).unwrap();
    assert_eq!(map.insert(1, 1), Err(InsertError::Full { live: 0, dead: 0 }));
    assert_eq!((map.get(1), map.remove(1), map.iter().next()), (None, Ok(None), None));
    assert_eq!(map.usage(), Usage { live: 0, dead: 0, free: 0 });
    let error = Map::<u64>::create(&words[..HEADER_WORDS - 1], 0).unwrap_err();
    assert_eq!(error, TooSmall { needed: 16, given: 15 });
    assert!(Map::<u64>::create(&[], 0).is_err());
}

/// Words at the end that make no bucket are left alone.
#[test]
fn odd_memory_is_used_as_far_as_it_goes() {
    for extra in 0..BUCKET_WORDS {
        let words = memory(Map::<u64>::words_for(14).unwrap() + extra);
        let map = Map::<u64>::create(&words, 0).unwrap();
        assert_eq!(map.capacity(), 14);
        let untouched = words.iter().skip(3 * BUCKET_WORDS);
        assert!(untouched.into_iter().all(|word| word.load(Ordering::Relaxed) == 0xdead_beef));
        assert!(Map::<u64>::attach(&words).is_ok());
    }
}

fn every_slot_is_used<K: Key + core::fmt::Debug>(key: impl Fn(u64) -> K) {
    let words = memory_for::<K>(700);
    let map = Map::create(&words, 3).unwrap();
    let capacity = map.capacity() as u64;
    for number in 0..capacity {
        assert_eq!(map.insert(key(number), !number), Ok(None));
    }
    let full = Err(InsertError::Full { live: map.capacity(), dead: 0 });
    assert_eq!(map.insert(key(capacity), 0), full);
    assert_eq!(map.insert(key(0), 5), Ok(Some(!0)), "keys that are there can be written");
    assert!((1..capacity).all(|number| map.get(key(number)) == Some(!number)));
    assert!((capacity..2 * capacity).all(|number| map.get(key(number)).is_none()));
    assert_eq!(map.iter().count(), map.capacity());
}

#[test]
fn small_maps_use_every_slot() {
    every_slot_is_used::<u64>(|number| number);
    every_slot_is_used::<[u8; 16]>(digest);
    every_slot_is_used::<[u8; 32]>(digest);
}

#[test]
fn all_keys_and_values_are_allowed() {
    let words = memory_for::<u64>(64);
    let map = Map::create(&words, 0).unwrap();
    let special = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 0x4040_4040_4040_4040];
    for (key, value) in special.into_iter().zip(special.into_iter().rev()) {
        assert_eq!(map.insert(key, value), Ok(None));
        assert_eq!(map.get(key), Some(value));
        for other in special {
            assert_eq!(map.insert(key, other).map(|old| old.is_some()), Ok(true));
            assert_eq!(map.get(key), Some(other));
        }
        assert_eq!(map.remove(key).map(|old| old.is_some()), Ok(true));
        assert_eq!(map.get(key), None);
        assert_eq!(map.insert(key, value), Ok(None));
    }
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_unstable();
    let mut expected: Vec<_> = special.into_iter().zip(special.into_iter().rev()).collect();
    expected.sort_unstable();
    assert_eq!(pairs, expected);
}

#[test]
fn removed_keys_keep_their_slot_until_a_rebuild() {
    let mut words = memory_for::<u64>(7);
    let map = Map::create(&words, 0).unwrap();
    for key in 0..7 {
        map.insert(key, key).unwrap();
    }
    for key in 0..6 {
        assert_eq!(map.remove(key), Ok(Some(key)));
        assert_eq!(map.remove(key), Ok(None));
    }
    assert_eq!(map.usage(), Usage { live: 1, dead: 6, free: 0 });
    assert_eq!(map.insert(9, 9), Err(InsertError::Full { live: 1, dead: 6 }));
    assert_eq!(map.insert(3, 33), Ok(None), "a key comes back to its own slot");
    assert_eq!(map.remove(3), Ok(Some(33)));
    let usage = Map::<u64>::rebuild(&mut words, 5).unwrap();
    assert_eq!(usage, Usage { live: 1, dead: 0, free: 6 });
    let map = Map::<u64>::attach(&words).unwrap();
    assert_eq!((map.usage(), map.seed()), (usage, 5));
    assert_eq!((map.insert(9, 9), map.get(6), map.get(3)), (Ok(None), Some(6), None));
}

#[test]
fn updates_say_what_they_found() {
    let words = memory_for::<u64>(7);
    let map = Map::create(&words, 0).unwrap();
    assert_eq!(map.compare_exchange(1, 0, 1), Ok(None));
    assert_eq!(map.fetch_add(1, 1), Ok(None));
    assert_eq!(map.fetch_update(1, |value| value + 1), Ok(None));
    assert_eq!(map.insert_new(1, 10), Ok(None));
    assert_eq!(map.insert_new(1, 11), Ok(Some(10)));
    assert_eq!(map.compare_exchange(1, 9, 12), Ok(Some(10)));
    assert_eq!(map.compare_exchange(1, 10, 12), Ok(Some(10)));
    assert_eq!(map.fetch_add(1, u64::MAX), Ok(Some(12)));
    assert_eq!(map.fetch_update(1, |value| value * 2), Ok(Some(11)));
    assert_eq!(map.compare_remove(1, 1), Ok(Some(22)));
    assert_eq!(map.get(1), Some(22));
    assert_eq!(map.compare_remove(1, 22), Ok(Some(22)));
    assert!(!map.contains(1));
    assert_eq!(map.insert_new(1, 13), Ok(None));
    assert_eq!(map.get(1), Some(13));
}

/// In place, at every load, with keys far from home before and after.
fn rebuilding_keeps_every_pair<K: Key + core::fmt::Debug>(key: impl Fn(u64) -> K) {
    let mut words = memory_for::<K>(350);
    for load in 0..8_u64 {
        let map = Map::create(&words, 1).unwrap();
        let mut model = HashMap::new();
        for number in 0..map.capacity() as u64 * (load + 1) / 8 {
            map.insert(key(number), number).unwrap();
            if number % (load + 2) == 0 {
                map.remove(key(number)).unwrap();
            } else {
                model.insert(number, number);
            }
        }
        for seed in [1, 2, 3] {
            let usage = Map::<K>::rebuild(&mut words, seed).unwrap();
            assert_eq!((usage.live, usage.dead), (model.len(), 0));
            let map = Map::<K>::attach(&words).unwrap();
            assert_eq!(map.usage(), usage);
            assert!(model.iter().all(|(number, value)| map.get(key(*number)) == Some(*value)));
        }
        let map = Map::<K>::attach(&words).unwrap();
        for number in 0..map.usage().free as u64 {
            assert_eq!(map.insert(key(10_000 + number), 0), Ok(None));
        }
    }
}

#[test]
fn rebuilding_in_place_keeps_every_pair() {
    rebuilding_keeps_every_pair::<u64>(|number| number);
    rebuilding_keeps_every_pair::<[u8; 16]>(digest);
    rebuilding_keeps_every_pair::<[u8; 32]>(digest);
}

#[test]
fn a_map_moves_to_a_larger_one() {
    let (small, large) = (memory_for::<u64>(100), memory_for::<u64>(1000));
    let (small, large) = (Map::create(&small, 1).unwrap(), Map::<u64>::create(&large, 2).unwrap());
    for key in 0..90 {
        small.insert(key, key + 1).unwrap();
    }
    small.remove(17).unwrap();
    assert_eq!(small.copy_into(&large), Ok(89));
    assert_eq!(large.usage().dead, 0);
    assert!(small.iter().all(|(key, value)| large.get(key) == Some(value)));
    let tiny = memory_for::<u64>(7);
    let tiny = Map::create(&tiny, 1).unwrap();
    assert_eq!(large.copy_into(&tiny), Err(InsertError::Full { live: 7, dead: 0 }));
}

/// More keys of one home than a reach can count.
#[test]
fn keys_of_one_home_are_refused_when_they_reach_too_far() {
    let words = memory_for::<u64>(7 * 300);
    let map = Map::create(&words, 0).unwrap();
    let mut keys = (0_u64..).filter(|key| super::Probe::new(&[*key], &map.seeds, 300).home == 299);
    let mut first: Vec<u64> = keys.by_ref().take(7 * 255).collect();
    assert!(first.iter().all(|key| map.insert(*key, *key) == Ok(None)));
    let full = Err(InsertError::Full { live: 7 * 255, dead: 0 });
    assert_eq!(map.insert(keys.next().unwrap(), 0), full);
    assert!(first.iter().all(|key| map.get(*key) == Some(*key)));
    assert_eq!(map.get(keys.next().unwrap()), None);
    first.truncate(100);
    assert!(first.iter().all(|key| map.remove(*key) == Ok(Some(*key))));
    assert!(first.iter().all(|key| map.insert(*key, 1) == Ok(None)));
}

#[test]
fn headers_are_checked() {
    let words = memory_for::<u64>(70);
    Map::<u64>::create(&words, 9).unwrap();
    let header: Vec<u64> = words.iter().take(16).map(|w| w.load(Ordering::Relaxed)).collect();
    assert_eq!(Map::<u64>::attach(&words).unwrap().seed(), 9);
    let fewer = Map::<u64>::attach(&words[..words.len() - 1]).unwrap_err();
    assert_eq!(fewer, AttachError::TooSmall(TooSmall { needed: 176, given: 175 }));
    assert!(Map::<u64>::attach(&words[..3]).is_err());
    let keys = AttachError::KeyWords { found: 1, expected: 2 };
    assert_eq!(Map::<[u8; 16]>::attach(&words).unwrap_err(), keys);

    let with = |at: usize, word: u64| {
        words[at].store(word, Ordering::Relaxed);
        let error = Map::<u64>::attach(&words).unwrap_err();
        words[at].store(header[at], Ordering::Relaxed);
        error
    };
    assert_eq!(with(0, 0), AttachError::NotReady);
    assert_eq!(with(0, header[0] ^ 1), AttachError::Magic);
    assert_eq!(with(1, header[1] + 1), AttachError::Version { found: 2 });
    for buckets in [9, 11, 1 << 40, u64::MAX, u64::MAX / 7 + 1] {
        assert_eq!(with(2, buckets), AttachError::Header);
    }
    assert_eq!(with(3, 71), AttachError::Header);
    assert_eq!(with(15, 1), AttachError::Header);
    for buckets in [1 << 40, u64::MAX / 7] {
        words[3].store(buckets * 7, Ordering::Relaxed);
        assert!(matches!(with(2, buckets), AttachError::TooSmall(_)));
        words[3].store(header[3], Ordering::Relaxed);
    }
    assert!(Map::<u64>::attach(&words).is_ok());
}

/// What a writer that died, or an enemy, leaves behind ends in an answer.
#[test]
fn locks_that_nobody_releases_are_reported() {
    let mut words = memory_for::<u64>(7);
    let map = Map::create(&words, 0).unwrap().with_patience(100);
    map.insert(1, 10).unwrap();
    let control = words[HEADER_WORDS].load(Ordering::Relaxed);
    words[HEADER_WORDS].store(control | u64::from(LOCK), Ordering::Relaxed);
    assert_eq!(map.get(1), Some(10), "readers do not wait");
    assert_eq!(map.iter().collect::<Vec<_>>(), [(1, 10)]);
    assert_eq!(map.insert(1, 11), Err(InsertError::Busy));
    assert_eq!((map.remove(1), map.fetch_add(1, 1)), (Err(Busy), Err(Busy)));
    assert_eq!(map.insert(2, 20), Ok(None), "other slots are free");

    let claimed = control & !u64::from(LIVE) | u64::from(LOCK);
    words[HEADER_WORDS].store(claimed, Ordering::Relaxed);
    assert_eq!(map.insert(1, 11), Err(InsertError::Busy));
    assert_eq!((map.get(1), map.remove(1)), (None, Ok(None)));

    words[HEADER_WORDS].store(control | u64::from(LOCK), Ordering::Relaxed);
    Map::<u64>::rebuild(&mut words, 0).unwrap();
    let map = Map::<u64>::attach(&words).unwrap();
    assert_eq!(map.remove(1), Ok(Some(10)), "a rebuild takes the lock away");
}

/// Whatever the words are, calls return.
#[test]
fn nonsense_is_survived() {
    let mut words = memory_for::<u64>(70);
    Map::<u64>::create(&words, 0).unwrap();
    for fill in [u64::MAX, LIVE as u64 * 0x0101_0101_0101_0101, 1, 0xc1c1_c1c1_c1c1_c1c1] {
        words[HEADER_WORDS..].iter().for_each(|word| word.store(fill, Ordering::Relaxed));
        let map = Map::<u64>::attach(&words).unwrap().with_patience(10);
        for key in [0, 1, fill] {
            let _ = (map.get(key), map.insert(key, 1), map.remove(key), map.fetch_add(key, 1));
        }
        assert!(map.iter().count() <= map.capacity());
        let Usage { live, dead, free } = map.usage();
        assert_eq!(live + dead + free, map.capacity());
        let usage = Map::<u64>::rebuild(&mut words, 1).unwrap();
        assert_eq!((usage.live, usage.dead), (live, 0));
    }
    assert_eq!(REACH_ALL, 255);
}

/// The example in `docs/format/index.md`.
#[test]
fn golden_bytes() {
    let words = memory_for::<u64>(1);
    let map = Map::create(&words, 1).unwrap();
    map.insert(0x0102_0304_0506_0708, 0x1112_1314_1516_1718).unwrap();
    map.insert(2, 3).unwrap();
    map.remove(2).unwrap();
    let hex = |word: &AtomicU64| -> std::string::String {
        let bytes = word.load(Ordering::Relaxed).to_le_bytes();
        bytes.iter().map(|byte| std::format!("{byte:02x}")).collect()
    };
    let expected = [
        (0, "89544e494e44580a"),  // magic
        (1, "0100000001000000"),  // version, words of a key
        (2, "0100000000000000"),  // buckets
        (3, "0700000000000000"),  // capacity
        (4, "0100000000000000"),  // seed
        (16, "4f01000000000000"), // slot 0 live with tag 0f, slot 1 dead with tag 01, reach 0
        (17, "0807060504030201"), // key 0
        (18, "0200000000000000"), // key 1
        (24, "1817161514131211"), // value 0
        (25, "0300000000000000"), // value 1, of no account
    ];
    for (at, word) in words.iter().enumerate() {
        let expected = expected.iter().find(|(place, _)| *place == at);
        assert_eq!(hex(word), expected.map_or("0000000000000000", |(_, hex)| *hex), "word {at}");
    }
}
