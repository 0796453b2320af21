//! How large a filter is, and where a key's fingerprints stand in it.

use super::filter::Fingerprint;
use super::header::HEADER_BYTES;

/// The most keys that one filter takes. Places then still fit 32 bits.
pub const KEYS_MAX: usize = 3_000_000_000;

/// The longest segment is 2 to this power.
pub(crate) const SEGMENT_LOG2_MAX: u32 = 18;

/// Each key has a place in each of so many neighbouring segments.
const PLACES: u64 = 3;

/// From how many keys on segments have 2^3, 2^4, ... 2^18 places: 3.33^(log2 - 2.25), rounded up;
/// below, 2^2.
const SEGMENT_KEYS: [u64; 16] = [
    3,
    9,
    28,
    92,
    304,
    1_010,
    3_362,
    11_193,
    37_273,
    124_118,
    413_310,
    1_376_322,
    4_583_150,
    15_261_887,
    50_822_082,
    169_237_530,
];

/// How many words building a filter takes as scratch, about three a key for a million and more;
/// nothing for more than [`KEYS_MAX`] keys, or more words than can be counted.
#[must_use]
pub const fn scratch_words_for(keys: usize) -> Option<usize> {
    let Some(layout) = Layout::of(keys) else { return None };
    let places = layout.places() as usize;
    // A word and five bytes for each place, a word and a byte for each key.
    let parts = [places.div_ceil(2), places.div_ceil(8), keys, keys.div_ceil(8)];
    let (mut words, mut part) = (Some(places), 0);
    while part < parts.len() {
        words = match words {
            Some(words) => words.checked_add(parts[part]),
            None => None,
        };
        part += 1;
    }
    words
}

/// How many bytes a filter of so many keys takes; nothing for more than [`KEYS_MAX`] keys, or more
/// bytes than can be counted.
///
/// 1.13 bytes a key for a million and more with `u8`, twice that with `u16`; 1.19 for 100,000; 1.4
/// for a thousand.
#[must_use]
pub const fn bytes_for<F: Fingerprint>(keys: usize) -> Option<usize> {
    let Some(layout) = Layout::of(keys) else { return None };
    let Some(bytes) = (layout.places() as usize).checked_mul(F::BYTES) else { return None };
    bytes.checked_add(HEADER_BYTES)
}

/// The division into segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// The logarithm of the number of places in a segment.
    pub(crate) segment_log2: u32,
    /// In how many segments the first place of a key may be; two more come behind. 0 for no keys.
    pub(crate) segments: u32,
}

impl Layout {
    pub(crate) const fn of(keys: usize) -> Option<Self> {
        if keys > KEYS_MAX {
            return None;
        }
        if keys == 0 {
            return Some(Self { segment_log2: 0, segments: 0 });
        }
        let keys = keys as u64;
        let mut segment_log2 = 2;
        while segment_log2 < SEGMENT_LOG2_MAX && keys >= SEGMENT_KEYS[segment_log2 as usize - 2] {
            segment_log2 += 1;
        }
        let segments = roomy(keys).div_ceil(1 << segment_log2).saturating_sub(PLACES - 1);
        let segments = if segments == 0 { 1 } else { segments as u32 };
        Some(Self { segment_log2, segments })
    }

    /// How many fingerprints there are.
    pub(crate) const fn places(self) -> u64 {
        match self.segments {
            0 => 0,
            segments => (segments as u64 + PLACES - 1) << self.segment_log2,
        }
    }

    /// What finds a key's places.
    pub(crate) const fn to_places(self) -> Places {
        let segment = 1 << self.segment_log2;
        Places { starts: (self.segments as u64) << self.segment_log2, segment, mask: segment - 1 }
    }
}

/// Finds a key's places.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// How many places there are for a key's first.
    starts: u64,
    segment: u32,
    mask: u32,
}

impl Places {
    /// The three places of a key by its hash, each below [`Layout::places`] unless that is 0.
    #[inline]
    pub(crate) fn of(self, hash: u64) -> [u32; 3] {
        let first = ((u128::from(hash) * u128::from(self.starts)) >> 64) as u32;
        let second = first + self.segment;
        let third = second + self.segment;
        [first, second ^ ((hash >> 18) as u32 & self.mask), third ^ (hash as u32 & self.mask)]
    }
}

/// How many places so many keys want, at least: max(1.125, 0.875 + 0.25 log(10^6) / log(keys)) for
/// each, which for few keys is more than they could ever need.
const fn roomy(keys: u64) -> u64 {
    /// log2 of 10^6, in units of 2^-16.
    const LOG2_MILLION: u64 = 1_306_248;
    if keys < 2 {
        return keys;
    }
    let factor = (7 << 16) / 8 + ((LOG2_MILLION << 16) / log2(keys)) / 4;
    let least = (9 << 16) / 8;
    let factor = if factor < least { least } else { factor };
    (keys * factor) >> 16
}

/// The binary logarithm of `value`, which is not 0, in units of 2^-16.
const fn log2(value: u64) -> u64 {
    let whole = value.ilog2();
    let mut log2 = (whole as u64) << 16;
    // Squaring a number between 1 and 2 yields the next digit of its logarithm. 31 bits behind the
    // point, so that squares fit.
    let mut rest = if whole > 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let mut digit = 1 << 15;
    while digit > 0 {
        rest = (rest * rest) >> 31;
        if rest >> 32 != 0 {
            rest >>= 1;
            log2 += digit;
        }
        digit >>= 1;
    }
    log2
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::{KEYS_MAX, Layout, SEGMENT_KEYS, log2};

    #[test]
    fn logarithms_are_right_to_their_last_digit() {
        for value in (1..5000).chain([KEYS_MAX as u64, u64::MAX, 1 << 40]) {
            let expected = (value as f64).log2() * 65536.0;
            assert!((log2(value) as f64 - expected).abs() < 2.0, "{value}");
        }
    }

    #[test]
    fn segments_grow_as_the_paper_says() {
        for (log2, keys) in (3..).zip(SEGMENT_KEYS) {
            let formula = |keys: u64| (keys as f64).ln() / 3.33_f64.ln() + 2.25;
            assert!(formula(keys) >= f64::from(log2) && formula(keys - 1) < f64::from(log2));
            assert_eq!(Layout::of(keys as usize).unwrap().segment_log2, log2);
            assert_eq!(Layout::of(keys as usize - 1).unwrap().segment_log2, log2 - 1);
        }
    }

    #[test]
    fn places_are_three_and_within() {
        for keys in [1, 2, 3, 10, 1000, 1_000_000, KEYS_MAX] {
            let layout = Layout::of(keys).unwrap();
            assert!(layout.places() <= u64::from(u32::MAX));
            for hash in [0, 1, u64::MAX, u64::MAX - 1, 0x0123_4567_89ab_cdef, u64::MAX << 18] {
                let [a, b, c] = layout.to_places().of(hash);
                assert!(a < b && b < c || keys < 10, "{keys} {hash:x}");
                assert!(a != b && b != c && a != c);
                assert!(u64::from(a.max(b).max(c)) < layout.places(), "{keys} {hash:x}");
            }
        }
        assert_eq!(Layout::of(0).unwrap().places(), 0);
        assert_eq!(Layout::of(KEYS_MAX + 1), None);
    }
}
