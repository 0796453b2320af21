//! Keys as strings of nibbles.

use core::ops::RangeInclusive;

use treenail_hash::Digest;

use super::encode::FANOUT;

/// The first nibbles of a key: names a node of the set, and all keys that begin so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix<D> {
    /// The prefix, followed by zeros.
    first: D,
    nibbles: usize,
}

impl<D: Digest> Prefix<D> {
    /// The empty prefix, which every key begins with.
    #[must_use]
    pub fn root() -> Self {
        Self { first: D::default(), nibbles: 0 }
    }

    /// The first `nibbles` nibbles of `key`, or nothing where a key has fewer.
    #[must_use]
    pub fn new(key: &D, nibbles: usize) -> Option<Self> {
        (nibbles <= nibbles_max::<D>())
            .then(|| Self { first: filled_after(key, nibbles, 0x0), nibbles })
    }

    /// This prefix and one more nibble, or nothing where it is a whole key already or `nibble` is
    /// above 15.
    #[must_use]
    pub fn child(&self, nibble: u8) -> Option<Self> {
        if nibble > 0xF || self.nibbles == nibbles_max::<D>() {
            return None;
        }
        let mut first = self.first;
        first.as_mut()[self.nibbles / 2] |= nibble << shift(self.nibbles);
        Some(Self { first, nibbles: self.nibbles + 1 })
    }

    /// How many nibbles the prefix has.
    #[must_use]
    pub fn nibbles(&self) -> usize {
        self.nibbles
    }

    /// Whether `key` begins with the prefix.
    #[must_use]
    pub fn contains(&self, key: &D) -> bool {
        filled_after(key, self.nibbles, 0x0) == self.first
    }

    /// The keys that begin with the prefix, from the first to the last.
    #[must_use]
    pub fn keys(&self) -> RangeInclusive<D> {
        self.first..=filled_after(&self.first, self.nibbles, 0xF)
    }

    /// The first key that begins with the prefix.
    pub(super) fn first(&self) -> &D {
        &self.first
    }

    /// The prefix of as many nibbles that comes next, or nothing after the last.
    pub(super) fn successor(&self) -> Option<Self> {
        let mut first = self.first;
        for at in (0..self.nibbles).rev() {
            if nibble(&first, at) < 0xF {
                first.as_mut()[at / 2] += 1 << shift(at);
                let first = filled_after(&first, at + 1, 0x0);
                return Some(Self { first, nibbles: self.nibbles });
            }
        }
        None
    }
}

/// Cuts what ascends by `key`, and whose keys have their first `depth` nibbles in common, into the
/// runs with the same next nibble: what belongs to each child of a branch.
///
/// # Panics
/// If `depth` is not below the number of nibbles of a key, and `items` are not empty.
#[must_use]
pub fn split<T, D: Digest>(items: &[T], depth: usize, key: impl Fn(&T) -> &D) -> [&[T]; FANOUT] {
    let mut rest = items;
    core::array::from_fn(|at| {
        let own;
        (own, rest) = rest.split_at(rest.partition_point(|item| nibble(key(item), depth) <= at));
        own
    })
}

/// How many nibbles a key has.
pub(super) const fn nibbles_max<D: Digest>() -> usize {
    2 * D::SIZE_BYTES
}

/// The nibble of `key` that stands after `at` others.
#[inline]
pub(super) fn nibble<D: Digest>(key: &D, at: usize) -> usize {
    usize::from(key.as_ref()[at / 2] >> shift(at) & 0xF)
}

/// How many nibbles `a` and `b` have in common at their beginning.
pub(super) fn common_nibbles<D: Digest>(a: &D, b: &D) -> usize {
    (0..nibbles_max::<D>()).take_while(|&at| nibble(a, at) == nibble(b, at)).count()
}

#[inline]
fn shift(at: usize) -> u32 {
    if at.is_multiple_of(2) { 4 } else { 0 }
}

/// `key` with every nibble after the first `nibbles` replaced by `filler`.
fn filled_after<D: Digest>(key: &D, nibbles: usize, filler: u8) -> D {
    let mut filled = *key;
    let bytes = filled.as_mut();
    let mut whole = nibbles / 2;
    if !nibbles.is_multiple_of(2) {
        bytes[whole] = bytes[whole] & 0xF0 | filler;
        whole += 1;
    }
    bytes[whole..].fill(filler << 4 | filler);
    filled
}
