//! Keys of one, two or four words, and where they belong.

/// What a [`Map`](super::Map) can have for keys: `u64`, and digests of 16 and 32 bytes.
pub trait Key: Copy + Eq + Sealed {}

/// What only this crate's key types have.
pub trait Sealed {
    /// The key as it is stored.
    #[doc(hidden)]
    type Words: Words;
    #[doc(hidden)]
    fn to_words(self) -> Self::Words;
    #[doc(hidden)]
    fn from_words(words: Self::Words) -> Self;
}

/// An array of words.
pub trait Words: Copy + Eq + Default {
    #[doc(hidden)]
    const COUNT: usize;
    #[doc(hidden)]
    fn as_words(&self) -> &[u64];
    #[doc(hidden)]
    fn as_words_mut(&mut self) -> &mut [u64];
}

macro_rules! words {
    ($($count:literal)*) => {$(
        impl Words for [u64; $count] {
            const COUNT: usize = $count;

            #[inline]
            fn as_words(&self) -> &[u64] {
                self
            }

            #[inline]
            fn as_words_mut(&mut self) -> &mut [u64] {
                self
            }
        }
    )*};
}
words!(1 2 4);

impl Key for u64 {}

impl Sealed for u64 {
    type Words = [u64; 1];

    #[inline]
    fn to_words(self) -> [u64; 1] {
        [self]
    }

    #[inline]
    fn from_words([word]: [u64; 1]) -> Self {
        word
    }
}

macro_rules! digests {
    ($($size:literal: $count:literal)*) => {$(
        impl Key for [u8; $size] {}

        impl Sealed for [u8; $size] {
            type Words = [u64; $count];

            #[inline]
            fn to_words(self) -> [u64; $count] {
                let mut words = [0; $count];
                for (word, bytes) in words.iter_mut().zip(self.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
                words
            }

            #[inline]
            fn from_words(words: [u64; $count]) -> Self {
                let mut key = [0; $size];
                for (word, bytes) in words.iter().zip(key.as_chunks_mut::<8>().0) {
                    *bytes = word.to_le_bytes();
                }
                key
            }
        }
    )*};
}
digests!(16: 2 32: 4);

/// What turns keys into places, grown from the caller's seed.
#[derive(Clone, Copy)]
pub(crate) struct Seeds([u64; 4]);

impl Seeds {
    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut seeds = core::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        });
        // A multiplier must be odd, lest it throw bits of the key away.
        seeds[1] |= 1;
        seeds[3] |= 1;
        Self(seeds)
    }

    /// The hash of a key: its words, each masked by a seed, multiplied in pairs with both halves of
    /// the product folded together, and that folded once more. A single fold would do for random
    /// keys, but leaves keys at regular distances in lumps.
    #[inline]
    pub(crate) fn hash<W: Words>(&self, key: &W) -> u64 {
        let Self([a, b, c, d]) = *self;
        let pairs = match *key.as_words() {
            [word] => fold(word ^ a, b),
            [low, high] => fold(low ^ a, high ^ b),
            [w0, w1, w2, w3] => fold(w0 ^ a, w1 ^ b) ^ fold(w2 ^ c, w3 ^ d).rotate_left(23),
            _ => 0,
        };
        fold(pairs ^ c, d)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use std::vec;

    use super::{Sealed, Seeds};

    #[test]
    fn digests_come_back_from_their_words() {
        let mut digest = [0; 32];
        digest.iter_mut().zip(0..).for_each(|(byte, at)| *byte = at);
        assert_eq!(<[u8; 32]>::from_words(digest.to_words()), digest);
        assert_eq!(digest.to_words()[1], 0x0f0e_0d0c_0b0a_0908);
    }

    /// Regular keys of every stride spread over buckets and over tags as random ones would.
    #[test]
    fn regular_keys_spread() {
        const COUNT: u64 = 4096;
        for (seed, shift) in (0..8).flat_map(|seed| (0..52).map(move |shift| (seed, shift))) {
            let seeds = Seeds::new(seed);
            let mut by_high = vec![0_u64; 256];
            let mut by_low = vec![0_u64; 64];
            for key in 0..COUNT {
                let hash = seeds.hash(&[key << shift]);
                by_high[(hash >> 56) as usize] += 1;
                by_low[(hash & 63) as usize] += 1;
            }
            for counts in [by_high, by_low] {
                let mean = COUNT as f64 / counts.len() as f64;
                let chi: f64 = counts.iter().map(|n| (*n as f64 - mean).powi(2) / mean).sum();
                let freedom = (counts.len() - 1) as f64;
                assert!(chi < freedom + 6.0 * (2.0 * freedom).sqrt(), "stride 2^{shift}: {chi}");
            }
        }
    }
}
