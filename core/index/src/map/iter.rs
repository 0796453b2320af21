//! Going through all pairs.

use core::fmt;
use core::marker::PhantomData;
use core::slice;

use super::bucket::{Bucket, Control, Slots, key, slots, value_if_live};
use super::key::{Key, Words};
use crate::primitive::atomic::Ordering;

/// The pairs of a map; see [`Map::iter`](super::Map::iter).
pub struct Iter<'m, K: Key> {
    rest: slice::Iter<'m, Bucket>,
    /// The bucket that the iterator is at, and its slots that are still to come.
    bucket: Option<&'m Bucket>,
    live: Slots,
    keys: PhantomData<fn() -> K>,
}

impl<'m, K: Key> Iter<'m, K> {
    pub(super) fn new(buckets: &'m [Bucket]) -> Self {
        Self { rest: buckets.iter(), bucket: None, live: Slots::NONE, keys: PhantomData }
    }
}

impl<K: Key> Iterator for Iter<'_, K> {
    type Item = (K, u64);

    fn next(&mut self) -> Option<(K, u64)> {
        loop {
            if let Some(bucket) = self.bucket {
                for slot in self.live.by_ref() {
                    // A key that is live was published before, and stays.
                    let key = key::<K::Words>(bucket, slot);
                    if let Some(value) = value_if_live::<K::Words>(bucket, slot) {
                        return Some((K::from_words(key), value));
                    }
                }
            }
            let bucket = self.rest.next()?;
            let control = Control::load(bucket, Ordering::Acquire);
            self.live = control.all_live(slots(<K::Words as Words>::COUNT));
            self.bucket = Some(bucket);
        }
    }
}

impl<K: Key> fmt::Debug for Iter<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("buckets_left", &self.rest.len()).finish_non_exhaustive()
    }
}
