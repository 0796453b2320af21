//! An immutable multimap from byte strings, asked with a hash that the caller computes once for
//! any number of maps.

/// A map whose entries stand sorted by (hash, key) behind a directory of buckets. Many equal
/// hashes, which a hostile rule file can arrange, cost a binary search and not a scan.
#[derive(Debug)]
pub(crate) struct Index<V> {
    entries: Vec<Entry<V>>,
    /// `starts[b]..starts[b + 1]` are the entries whose hash begins with the bits `b`.
    starts: Box<[u32]>,
    shift: u32,
}

#[derive(Debug)]
struct Entry<V> {
    hash: u64,
    key: Box<[u8]>,
    value: V,
}

impl<V> Index<V> {
    /// Builds the map; values of one key keep the order they came in.
    pub(crate) fn new(pairs: Vec<(Box<[u8]>, V)>) -> Self {
        let mut entries: Vec<_> =
            pairs.into_iter().map(|(key, value)| Entry { hash: hash(&key), key, value }).collect();
        entries.sort_by(|a, b| a.hash.cmp(&b.hash).then_with(|| a.key.cmp(&b.key)));
        // At least two buckets, so that the shift stays below the width of the hash.
        let bits = (entries.len().max(1) * 2).ilog2().max(1);
        let shift = u64::BITS - bits;
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        let mut at = 0;
        for bucket in 0..1_u64 << bits {
            starts.push(at as u32);
            while at < entries.len() && entries[at].hash >> shift == bucket {
                at += 1;
            }
        }
        starts.push(at as u32);
        Self { entries, starts: starts.into(), shift }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The values of `key`, whose hash the caller gives, in the order of insertion.
    pub(crate) fn get<'a>(&'a self, hash: u64, key: &'a [u8]) -> impl Iterator<Item = &'a V> {
        let bucket = (hash >> self.shift) as usize;
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        let mut entries = &self.entries[range];
        // A handful is compared faster than it is searched.
        if entries.len() > 4 {
            let from = entries.partition_point(|e| (e.hash, &*e.key) < (hash, key));
            let len = entries[from..].partition_point(|e| e.hash == hash && *e.key == *key);
            entries = &entries[from..from + len];
        }
        entries.iter().filter(move |e| e.hash == hash && *e.key == *key).map(|e| &e.value)
    }
}

/// The hash of [`Index`]: eight bytes a step. It need only spread names; see [`Index`] on
/// collisions.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = (bytes.len() as u64).wrapping_mul(K);
    let mut mix = |word: u64| {
        let product = u128::from(state ^ word) * u128::from(K);
        state = (product as u64) ^ (product >> 64) as u64;
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        mix(u64::from_le_bytes(last));
    }
    mix(K);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_its_values_in_order_and_no_other() {
        let key = |i: usize| format!("key-{}", i % 500).into_bytes().into_boxed_slice();
        let index = Index::new((0..1_000).map(|i| (key(i), i)).collect());
        for i in 0..500 {
            let key = key(i);
            let found: Vec<_> = index.get(hash(&key), &key).copied().collect();
            assert_eq!(found, [i, i + 500]);
        }
        assert_eq!(index.get(hash(b"absent"), b"absent").count(), 0);
    }

    #[test]
    fn an_empty_map_answers() {
        let index = Index::<u8>::new(Vec::new());
        assert!(index.is_empty());
        assert_eq!(index.get(u64::MAX, b"x").count(), 0);
    }
}
