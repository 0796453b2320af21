//! The concurrent map: fixed capacity, wait-free reads, writes that lock one slot.

mod bucket;
mod error;
mod header;
mod iter;
mod key;
mod probe;
mod rebuild;
mod write;

#[cfg(all(test, not(loom)))]
mod tests;

use core::fmt;
use core::marker::PhantomData;

pub use self::error::{AttachError, Busy, InsertError, TooSmall};
pub use self::iter::Iter;
pub use self::key::Key;

use self::bucket::{Bucket, Control, holds, slots, value_if_live};
use self::key::{Seeds, Words};
use self::probe::Probe;
use crate::primitive::atomic::{AtomicU64, Ordering};

/// How long a writer waits for another one on the same slot, in turns of a spin loop: between about
/// 10 and 100 milliseconds, far longer than anybody holds a slot who is running.
pub const PATIENCE: u32 = 1 << 20;

/// A map from keys to 64-bit values in memory that the caller provides and may share, with other
/// threads and with other processes.
///
/// A `Map` is a view of that memory; copy it freely. All keys and all values are allowed.
///
/// - **Reads** ([`get`](Self::get), [`iter`](Self::iter)) never wait and never try again: they look
///   at a bounded number of buckets, usually one, whatever other threads do. They see whole pairs.
/// - **Writes** lock the one slot that they write, for some ten instructions. A writer that finds
///   the slot locked spins, and after its [patience](Self::with_patience) answers [`Busy`].
/// - **Every operation on a key is atomic**: there is one order of all operations on that key that
///   explains what every thread was told.
/// - **Removed keys keep their slot**, and take it again when they come back. When no slot is left
///   for a new key, the answer is [`InsertError::Full`] with how many are dead; [`rebuild`] takes
///   those back, and [`copy_into`](Self::copy_into) moves to another memory, larger if need be.
///
/// Keys go to places by a hash with a seed. Who knows the seed can choose keys that share a
/// place, which makes operations on them slow (as slow as looking at every bucket) and brings
/// `Full` early, but never makes them wrong; so where keys come from strangers take a seed that
/// they cannot know.
///
/// ```
/// use core::sync::atomic::AtomicU64;
/// use treenail_index::Map;
///
/// let words: Vec<AtomicU64> =
///     (0..Map::<u64>::words_for(1000).unwrap()).map(|_| AtomicU64::new(0)).collect();
/// let map = Map::<u64>::create(&words, 42)?;
/// assert_eq!(map.insert(7, 700)?, None);
/// assert_eq!(map.insert(7, 701)?, Some(700));
/// assert_eq!(map.compare_exchange(7, 701, 702)?, Some(701));
/// assert_eq!(map.get(7), Some(702));
/// assert_eq!(map.remove(7)?, Some(702));
/// assert_eq!(map.get(7), None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// [`rebuild`]: Self::rebuild
pub struct Map<'m, K: Key> {
    buckets: &'m [Bucket],
    seeds: Seeds,
    seed: u64,
    patience: u32,
    keys: PhantomData<fn(K) -> K>,
}

/// How a map's slots are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Keys that have a value.
    pub live: usize,
    /// Slots of removed keys, and for an instant of keys that are just being inserted.
    pub dead: usize,
    /// Slots never used since the map was made or rebuilt.
    pub free: usize,
}

impl<'m, K: Key> Map<'m, K> {
    /// How many words a map with room for `capacity` keys takes; nothing if that many words cannot
    /// be counted.
    ///
    /// In a map of at most 255 buckets (1,785 slots with 64-bit keys, 765 with 256-bit ones) every
    /// slot can be used. In a larger one the first [`Full`](InsertError::Full) comes when some 90
    /// of 100 slots are used. For speed let at most two thirds be used.
    #[must_use]
    pub const fn words_for(capacity: usize) -> Option<usize> {
        header::words_for(capacity, <K::Words as Words>::COUNT)
    }

    /// Makes an empty map of all of `words` but for at most fifteen at their end. What they held
    /// does not matter.
    ///
    /// A map of a header alone has capacity 0 and is full. The memory is best aligned to 128 bytes,
    /// as [`aligned`](crate::aligned) does. Nobody else may use the memory at the same time; in
    /// shared memory other processes cannot attach before the map is ready.
    ///
    /// # Errors
    /// [`TooSmall`] when there is no room for the header.
    pub fn create(words: &'m [AtomicU64], seed: u64) -> Result<Self, TooSmall> {
        let (header, buckets) = header::split(words)?;
        header::withdraw(header);
        let all = buckets.iter().flatten();
        all.for_each(|word| word.store(0, Ordering::Relaxed));
        header::publish(header, buckets.len(), <K::Words as Words>::COUNT, seed);
        Ok(Self::over(buckets, seed))
    }

    /// A view of the map that `words` hold, which this or another process has made.
    ///
    /// What is wrong in the memory, by fault or by malice, makes answers wrong or errors, but never
    /// leads to a read outside of `words` or to an endless loop. The header is read here only.
    ///
    /// # Errors
    /// [`AttachError`] says what in the header is not as it should be.
    pub fn attach(words: &'m [AtomicU64]) -> Result<Self, AttachError> {
        let (buckets, seed) = header::check(words, <K::Words as Words>::COUNT)?;
        Ok(Self::over(buckets, seed))
    }

    fn over(buckets: &'m [Bucket], seed: u64) -> Self {
        let seeds = Seeds::new(seed);
        Self { buckets, seeds, seed, patience: PATIENCE, keys: PhantomData }
    }

    /// The same map, for a caller who waits so many turns of a spin loop for another writer on the
    /// same slot before it answers [`Busy`]. The default is [`PATIENCE`].
    #[must_use]
    pub const fn with_patience(self, turns: u32) -> Self {
        Self { patience: turns, ..self }
    }

    /// How many slots there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buckets.len() * slots(<K::Words as Words>::COUNT)
    }

    /// What the places of the keys were chosen with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The value of `key`, if it has one.
    ///
    /// Wait-free. Looks at the key's home bucket, and at further ones only if keys of that home did
    /// not all find room there.
    #[inline]
    #[must_use]
    pub fn get(&self, key: K) -> Option<u64> {
        let key = key.to_words();
        let probe = Probe::new(&key, &self.seeds, self.buckets.len());
        let home = self.buckets.get(probe.home)?;
        let control = Control::load(home, Ordering::Acquire);
        for slot in control.live(probe.tag) {
            if holds(home, slot, &key) {
                return value_if_live::<K::Words>(home, slot);
            }
        }
        match control.reach() {
            0 => None,
            reach => self.get_beyond(&key, probe, reach),
        }
    }

    /// Looks in the buckets behind the key's home.
    #[inline(never)]
    fn get_beyond(&self, key: &K::Words, probe: Probe, reach: u8) -> Option<u64> {
        for bucket in probe.path(self.buckets, reach).skip(1) {
            let control = Control::load(bucket, Ordering::Acquire);
            for slot in control.live(probe.tag) {
                if holds(bucket, slot, key) {
                    return value_if_live::<K::Words>(bucket, slot);
                }
            }
        }
        None
    }

    /// Whether `key` has a value.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// All pairs, in no particular order.
    ///
    /// Each pair was in the map at the moment at which the iterator came to it. A key that has a
    /// value throughout comes once.
    #[must_use]
    pub fn iter(&self) -> Iter<'m, K> {
        Iter::new(self.buckets)
    }

    /// Counts how the slots are used; O(capacity).
    ///
    /// There is no running count, because all writers of all threads would have to meet at it.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let slots = slots(<K::Words as Words>::COUNT);
        let (mut live, mut used) = (0, 0);
        for bucket in self.buckets {
            let control = Control::load(bucket, Ordering::Relaxed);
            live += control.all_live(slots).count();
            used += control.used_count(slots);
        }
        Usage { live, dead: used.saturating_sub(live), free: self.capacity() - used }
    }

    /// Inserts all pairs into `target`, which may have another capacity and another seed, and
    /// returns how many there were.
    ///
    /// Pairs that change meanwhile may come with the old or the new value, or not come.
    ///
    /// # Errors
    /// As for [`insert`](Self::insert) into `target`, which then has some of the pairs.
    pub fn copy_into(&self, target: &Map<'_, K>) -> Result<usize, InsertError> {
        let mut count = 0;
        for (key, value) in self {
            target.insert(key, value)?;
            count += 1;
        }
        Ok(count)
    }
}

impl<K: Key> Clone for Map<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key> Copy for Map<'_, K> {}

impl<K: Key> fmt::Debug for Map<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("capacity", &self.capacity())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl<'m, K: Key> IntoIterator for &Map<'m, K> {
    type Item = (K, u64);
    type IntoIter = Iter<'m, K>;

    fn into_iter(self) -> Iter<'m, K> {
        self.iter()
    }
}
