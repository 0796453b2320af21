//! Concurrent maps behind one face, each in its fastest fair form: room for all keys from the
//! start, the same fast hasher, and guards held across many operations where a map has them.

use std::hash::Hash;
use std::sync::atomic::AtomicU64;

use foldhash::fast::FixedState;
use treenail_index::{Key, Map, aligned};

/// A map that threads share.
pub(crate) trait Table<K>: Send + Sync + 'static {
    /// What a thread has to hold while it works on the map.
    type Session<'t>: Session<K>
    where
        Self: 't;

    /// A map with room for so many keys.
    fn with_room(keys: usize) -> Self;
    fn session(&self) -> Self::Session<'_>;
}

/// Operations of one thread.
pub(crate) trait Session<K> {
    fn get(&self, key: K) -> Option<u64>;
    fn put(&self, key: K, value: u64);
}

/// The seed of all hashers; any will do.
const SEED: u64 = 0x5eed;

/// Ours; two thirds of the slots are used.
pub(crate) struct Ours<K: Key + 'static>(Map<'static, K>);

impl<K: Key + Send + Sync + 'static> Table<K> for Ours<K> {
    type Session<'t> = Map<'t, K>;

    fn with_room(keys: usize) -> Self {
        let words = Map::<K>::words_for(keys * 3 / 2).expect("far less than the address space");
        let words: Vec<AtomicU64> = (0..words + 15).map(|_| AtomicU64::new(0)).collect();
        Self(Map::create(aligned(words.leak()), SEED).expect("there is room for the header"))
    }

    fn session(&self) -> Map<'_, K> {
        self.0
    }
}

impl<K: Key> Session<K> for Map<'_, K> {
    #[inline]
    fn get(&self, key: K) -> Option<u64> {
        Map::get(self, key)
    }

    #[inline]
    fn put(&self, key: K, value: u64) {
        self.insert(key, value).expect("there is room");
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Table<K>
    for papaya::HashMap<K, u64, FixedState>
{
    type Session<'t> = papaya::HashMapRef<'t, K, u64, FixedState, papaya::LocalGuard<'t>>;

    fn with_room(keys: usize) -> Self {
        Self::with_capacity_and_hasher(keys, FixedState::with_seed(SEED))
    }

    fn session(&self) -> Self::Session<'_> {
        self.pin()
    }
}

impl<K: Hash + Eq + Clone> Session<K>
    for papaya::HashMapRef<'_, K, u64, FixedState, papaya::LocalGuard<'_>>
{
    #[inline]
    fn get(&self, key: K) -> Option<u64> {
        self.get(&key).copied()
    }

    #[inline]
    fn put(&self, key: K, value: u64) {
        self.insert(key, value);
    }
}

macro_rules! without_guard {
    ($($table:ty, $with_room:expr, $get:expr, $put:expr;)*) => {$(
        impl<K: Hash + Eq + Clone + Send + Sync + 'static> Table<K> for $table {
            type Session<'t> = &'t Self;

            fn with_room(keys: usize) -> Self {
                $with_room(keys, FixedState::with_seed(SEED))
            }

            fn session(&self) -> &Self {
                self
            }
        }

        impl<K: Hash + Eq + Clone + Send + Sync + 'static> Session<K> for &$table {
            #[inline]
            fn get(&self, key: K) -> Option<u64> {
                $get(self, key)
            }

            #[inline]
            fn put(&self, key: K, value: u64) {
                $put(self, key, value);
            }
        }
    )*};
}
without_guard! {
    scc::HashMap<K, u64, FixedState>,
    Self::with_capacity_and_hasher,
    |table: &Self, key| table.read_sync(&key, |_, value| *value),
    |table: &Self, key, value| table.upsert_sync(key, value);

    dashmap::DashMap<K, u64, FixedState>,
    Self::with_capacity_and_hasher,
    |table, key| dashmap::DashMap::get(table, &key).map(|value| *value),
    |table, key, value| dashmap::DashMap::insert(table, key, value);
}
