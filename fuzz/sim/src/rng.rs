//! The only source of chance in a run: a generator that a seed determines for good.
//!
//! It is our own, small as it is, because a seed that failed once must fail for ever: a library's
//! generator may change its stream with any release.

use std::ops::Range;

/// A stream of numbers that its seed determines (xoshiro256++ by Blackman and Vigna, seeded
/// through SplitMix64).
///
/// Give each part of a machine a stream of its own with [`Rng::fork`]: then a change in how often
/// one part draws leaves the others as they were, and seeds keep their meaning for longer.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut counter = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut counter)) }
    }

    /// A stream for the part named `label`: a function of this stream's state and the label.
    /// Takes one number from this stream.
    pub fn fork(&mut self, label: &str) -> Self {
        let salt = label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::new(self.number() ^ salt)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `end`, each as likely (to within 2^-64 * `end`).
    ///
    /// # Panics
    /// If `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below 0");
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// An index below `len`.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number in `range`, each as likely; `range.start` if the range is empty.
    pub fn within(&mut self, range: &Range<u64>) -> u64 {
        match range.end.saturating_sub(range.start) {
            0 => range.start,
            width => range.start + self.below(width),
        }
    }

    /// Whether something that has this chance happens now. Draws nothing for a thing that never
    /// happens.
    pub fn happens(&mut self, chance: Chance) -> bool {
        chance != Chance::NEVER && self.below(u64::from(MILLION)) < u64::from(chance.per_million)
    }

    /// True or false, as a coin falls.
    pub fn coin(&mut self) -> bool {
        self.number() >> 63 == 1
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// Fills the buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }

    /// Puts the items in any order, each as likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.index(end));
        }
    }
}

const MILLION: u32 = 1_000_000;

/// How likely something is, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance {
    per_million: u32,
}

impl Chance {
    /// It does not happen.
    pub const NEVER: Self = Self { per_million: 0 };
    /// It happens each time.
    pub const ALWAYS: Self = Self { per_million: MILLION };

    /// `count` times in a million; a million and more is always.
    pub const fn per_million(count: u32) -> Self {
        Self { per_million: if count > MILLION { MILLION } else { count } }
    }

    /// `count` times in a hundred.
    pub const fn percent(count: u32) -> Self {
        Self::per_million(count.saturating_mul(MILLION / 100))
    }
}

fn split_mix(counter: &mut u64) -> u64 {
    *counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*counter ^ (*counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Chance, Rng};

    /// The published first outputs of SplitMix64 from 1234567 and of xoshiro256++ from 1, 2, 3, 4.
    #[test]
    fn the_stream_is_the_published_one() {
        let mut counter = 1_234_567;
        assert_eq!(super::split_mix(&mut counter), 6_457_827_717_110_365_317);
        assert_eq!(super::split_mix(&mut counter), 3_203_168_211_198_807_973);
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..3).map(|_| rng.number()).collect();
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn a_fork_follows_from_the_seed_and_the_label() {
        let of = |seed, label| Rng::new(seed).fork(label).number();
        assert_eq!(of(1, "disk"), of(1, "disk"));
        assert_ne!(of(1, "disk"), of(1, "net"));
        assert_ne!(of(1, "disk"), of(2, "disk"));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut rng = Rng::new(7);
        assert!((0..1000).all(|_| rng.below(3) < 3));
        assert!((0..1000).all(|_| (5..9).contains(&rng.within(&(5..9)))));
        assert_eq!(rng.within(&(5..5)), 5);
        let ones = (0..10_000).filter(|_| rng.coin()).count();
        assert!((4_500..5_500).contains(&ones), "{ones} of 10000");
    }

    #[test]
    fn chances_come_true_as_often_as_they_say() {
        let mut rng = Rng::new(7);
        let mut count = |chance| (0..10_000).filter(|_| rng.happens(chance)).count();
        assert_eq!(count(Chance::NEVER), 0);
        assert_eq!(count(Chance::ALWAYS), 10_000);
        assert!((800..1_200).contains(&count(Chance::percent(10))));
        assert_eq!(Chance::percent(200), Chance::ALWAYS);
    }

    #[test]
    fn shuffling_keeps_the_items() {
        let mut items: Vec<u32> = (0..50).collect();
        Rng::new(3).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..50));
    }
}
