//! Every interleaving of a few operations on one slot or two, with the memory model's freedom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p treenail-index --test loom`
#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::thread;
use treenail_index::{InsertError, Map};

/// A map of one bucket that every thread can look at.
struct Shared(Vec<AtomicU64>);

impl Shared {
    fn new(pairs: &[(u64, u64)]) -> Arc<Self> {
        let words = Map::<u64>::words_for(1).unwrap();
        let shared = Self((0..words).map(|_| AtomicU64::new(0)).collect());
        let map = Map::<u64>::create(&shared.0, 1).unwrap();
        pairs.iter().for_each(|(key, value)| _ = map.insert(*key, *value).unwrap());
        Arc::new(shared)
    }

    fn map(&self) -> Map<'_, u64> {
        Map::attach(&self.0).unwrap()
    }
}

/// Runs these at the same time, and returns what they returned.
///
/// Of an atomic's accesses loom remembers the last for finding races, and `other` runs first. So
/// let `other` be the one that writes: its own look before a write would hide an earlier reader.
fn both<A: 'static, B>(
    shared: &Arc<Shared>,
    one: impl FnOnce(Map<'_, u64>) -> A + 'static,
    other: impl FnOnce(Map<'_, u64>) -> B,
) -> (A, B) {
    let theirs = shared.clone();
    let thread = thread::spawn(move || one(theirs.map()));
    let other = other(shared.map());
    (thread.join().unwrap(), other)
}

#[test]
fn two_insert_one_key() {
    loom::model(|| {
        let shared = Shared::new(&[]);
        let results = both(&shared, |map| map.insert(5, 50), |map| map.insert(5, 51));
        let last = match results {
            (Ok(None), Ok(Some(50))) => 51,
            (Ok(Some(51)), Ok(None)) => 50,
            other => panic!("{other:?}"),
        };
        assert_eq!(shared.map().get(5), Some(last));
        assert_eq!(shared.map().usage().live, 1);
    });
}

#[test]
fn two_insert_one_new_key_and_one_wins() {
    loom::model(|| {
        let shared = Shared::new(&[]);
        let results = both(&shared, |map| map.insert_new(5, 50), |map| map.insert_new(5, 51));
        let first = match results {
            (Ok(None), Ok(Some(50))) => 50,
            (Ok(Some(51)), Ok(None)) => 51,
            other => panic!("{other:?}"),
        };
        assert_eq!(shared.map().get(5), Some(first));
    });
}

#[test]
fn two_insert_two_keys() {
    loom::model(|| {
        let shared = Shared::new(&[]);
        let results = both(&shared, |map| map.insert(5, 50), |map| map.insert(6, 60));
        assert_eq!(results, (Ok(None), Ok(None)));
        let map = shared.map();
        assert_eq!((map.get(5), map.get(6), map.usage().live), (Some(50), Some(60), 2));
    });
}

#[test]
fn a_key_being_inserted_is_there_with_its_value_or_not_at_all() {
    loom::model(|| {
        let shared = Shared::new(&[]);
        let ((first, second), _) =
            both(&shared, |map| (map.get(5), map.get(5)), |map| map.insert(5, 50));
        assert!(matches!((first, second), (None, None | Some(50)) | (Some(50), Some(50))));
    });
}

#[test]
fn an_iterator_sees_whole_pairs() {
    loom::model(|| {
        let shared = Shared::new(&[(4, 40)]);
        let insert = |map: Map<'_, u64>| (map.insert(5, 50), map.insert(4, 41));
        let (pairs, _) = both(&shared, |map| map.iter().collect::<Vec<_>>(), insert);
        assert!(matches!(pairs[..], [(4, 40 | 41)] | [(4, 40 | 41), (5, 50)]), "{pairs:?}");
    });
}

#[test]
fn an_update_and_a_removal_agree_on_what_was_removed() {
    loom::model(|| {
        let shared = Shared::new(&[(5, 50)]);
        let results = both(&shared, |map| map.compare_exchange(5, 50, 51), |map| map.remove(5));
        let fits = matches!(results, (Ok(Some(50)), Ok(Some(51))) | (Ok(None), Ok(Some(50))));
        assert!(fits, "{results:?}");
        assert_eq!(shared.map().get(5), None);
    });
}

#[test]
fn a_removal_and_an_insertion_leave_what_they_say() {
    loom::model(|| {
        let shared = Shared::new(&[(5, 50)]);
        let results = both(&shared, |map| map.remove(5), |map| map.insert(5, 51));
        let left = match results {
            (Ok(Some(50)), Ok(None)) => Some(51),
            (Ok(Some(51)), Ok(Some(50))) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(shared.map().get(5), left);
    });
}

/// The argument at `value_if_live`: what comes back is a value that the key had, in order.
#[test]
fn a_reader_follows_a_key_that_goes_and_comes_back() {
    loom::model(|| {
        let shared = Shared::new(&[(5, 50)]);
        let come_and_go = |map: Map<'_, u64>| {
            assert_eq!(map.remove(5), Ok(Some(50)));
            assert_eq!(map.insert(5, 51), Ok(None));
        };
        let (seen, ()) = both(&shared, |map| (map.get(5), map.get(5)), come_and_go);
        let fits = matches!(seen, (Some(50), _) | (None, None | Some(51)) | (Some(51), Some(51)));
        assert!(fits, "{seen:?}");
        assert_eq!(shared.map().get(5), Some(51));
    });
}

#[test]
fn a_reader_does_not_meet_a_value_of_after_the_next_removal() {
    loom::model(|| {
        let shared = Shared::new(&[(5, 50)]);
        let change = |map: Map<'_, u64>| {
            map.remove(5).unwrap();
            map.insert(5, 51).unwrap();
            map.remove(5).unwrap();
        };
        let (seen, ()) = both(&shared, |map| (map.get(5), map.get(5)), change);
        // Once gone for good, or not yet back: never 50 after 51, never a value after the last
        // None.
        let fits = !matches!(seen, (Some(51), Some(50)) | (None, Some(50)));
        assert!(fits, "{seen:?}");
        assert_eq!(shared.map().get(5), None);
    });
}

#[test]
fn no_addition_is_lost() {
    loom::model(|| {
        let shared = Shared::new(&[(5, 50)]);
        let update = |map: Map<'_, u64>| map.fetch_update(5, |value| value + 1);
        let (one, other) = both(&shared, |map| map.fetch_add(5, 1), update);
        assert!(matches!(
            (one, other),
            (Ok(Some(50)), Ok(Some(51))) | (Ok(Some(51)), Ok(Some(50)))
        ));
        assert_eq!(shared.map().get(5), Some(52));
    });
}

#[test]
fn the_last_slot_goes_to_one_of_two_keys() {
    loom::model(|| {
        let shared = Shared::new(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
        let (one, other) = both(&shared, |map| map.insert(7, 7), |map| map.insert(8, 8));
        let full = Err(InsertError::Full { live: 7, dead: 0 });
        let claimed = Err(InsertError::Full { live: 6, dead: 1 });
        match (one, other) {
            (Ok(None), error) | (error, Ok(None)) => assert!(error == full || error == claimed),
            other => panic!("{other:?}"),
        }
        assert_eq!(shared.map().usage().live, 7);
    });
}
