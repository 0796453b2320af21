//! Where to look for a key: its home bucket, and those behind it.

use super::bucket::{Bucket, REACH_ALL, TAG};
use super::key::{Seeds, Words};

/// How many buckets behind its home a new key may be put.
pub(crate) const DISTANCE_MAX: u8 = REACH_ALL - 1;

/// A key's hash, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    /// The bucket where the search begins; 0 also where there is no bucket.
    pub(crate) home: usize,
    /// What the key's slot is marked with; never 0.
    pub(crate) tag: u8,
}

impl Probe {
    /// Takes the home from the hash's upper bits and the tag from its lowest.
    #[inline]
    pub(crate) fn new<W: Words>(key: &W, seeds: &Seeds, buckets: usize) -> Self {
        let hash = seeds.hash(key);
        // Lemire, "Fast random integer generation in an interval", 2019: any number of buckets.
        let home = ((u128::from(hash) * buckets as u128) >> 64) as usize;
        let tag = (hash as u8 & TAG).max(1);
        Self { home, tag }
    }

    /// The home and as many buckets behind it as `reach` says, each at most once.
    #[inline]
    pub(crate) fn path<'b>(
        self,
        buckets: &'b [Bucket],
        reach: u8,
    ) -> impl Iterator<Item = &'b Bucket> + use<'b> {
        let count = match reach {
            REACH_ALL => buckets.len(),
            reach => usize::from(reach) + 1,
        };
        let (before, from) = buckets.split_at(self.home.min(buckets.len()));
        from.iter().chain(before).take(count)
    }
}
