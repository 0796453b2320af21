//! A bucket: sixteen words that hold a control word, some keys and as many values.
//!
//! Byte `i` of the control word is the state of slot `i`; its last byte is the bucket's *reach*.
//! The state stands beside the key and the value, not in them, so both may be any bits.

use super::key::Words;
use crate::primitive::atomic::{AtomicU64, Ordering};

/// Two cache lines. With 64-bit keys the control word and all seven keys share the first.
pub(crate) const BUCKET_WORDS: usize = 16;

pub(crate) type Bucket = [AtomicU64; BUCKET_WORDS];

/// A slot's state. `0` is a slot never used; a tag without other bits is a dead key.
pub(crate) const LOCK: u8 = 0x80;
/// The slot's key has a value.
pub(crate) const LIVE: u8 = 0x40;
/// Bits of the key's hash, never zero in a used slot.
pub(crate) const TAG: u8 = 0x3f;

/// A reach that says only "further than the byte can tell": every bucket has to be looked at.
pub(crate) const REACH_ALL: u8 = u8::MAX;
const REACH_SHIFT: u32 = 56;

/// How many slots a bucket has for keys of so many words.
pub(crate) const fn slots(key_words: usize) -> usize {
    (BUCKET_WORDS - 1) / (key_words + 1)
}

const _: () = assert!(slots(1) == 7 && slots(2) == 5 && slots(4) == 3);

/// `byte` in each of the seven bytes that may be slots.
const fn splat(byte: u8) -> u64 {
    byte as u64 * 0x0001_0101_0101_0101
}

const HIGH: u64 = splat(0x80);

/// A control word as it was at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Control(pub(crate) u64);

impl Control {
    #[inline]
    pub(crate) fn load(bucket: &Bucket, order: Ordering) -> Self {
        Self(bucket[0].load(order))
    }

    /// The state of slot `slot`.
    #[inline]
    pub(crate) fn state(self, slot: usize) -> u8 {
        (self.0 >> (8 * slot)) as u8
    }

    /// How many buckets further the keys may stand whose home is this bucket.
    #[inline]
    pub(crate) fn reach(self) -> u8 {
        (self.0 >> REACH_SHIFT) as u8
    }

    pub(crate) fn with_reach(self, reach: u8) -> Self {
        Self(self.0 & !(0xff << REACH_SHIFT) | u64::from(reach) << REACH_SHIFT)
    }

    pub(crate) fn with_state(self, slot: usize, state: u8) -> Self {
        Self(self.0 & !byte(0xff, slot) | byte(state, slot))
    }

    /// The live slots with this tag.
    #[inline]
    pub(crate) fn live(self, tag: u8) -> Slots {
        Self::equal(self.0 & splat(LIVE | TAG), LIVE | tag)
    }

    /// The used slots with this tag, live, dead or about to be.
    #[inline]
    pub(crate) fn tagged(self, tag: u8) -> Slots {
        Self::equal(self.0 & splat(TAG), tag)
    }

    /// Bytes of `word` equal to `byte`, none of which have their highest bit: adding 0x7f sets it
    /// in those that differ and carries nothing over.
    #[inline]
    fn equal(word: u64, byte: u8) -> Slots {
        Slots(!((word ^ splat(byte)) + splat(0x7f)) & HIGH)
    }

    /// The first slot never used, of the bucket's `slots`.
    pub(crate) fn empty(self, slots: usize) -> Option<usize> {
        Slots(!self.used() & HIGH).next().filter(|slot| *slot < slots)
    }

    /// The slots whose keys are live, of the bucket's `slots`.
    pub(crate) fn all_live(self, slots: usize) -> Slots {
        Slots((self.0 & splat(LIVE)) << 1 & first(slots))
    }

    /// How many of the bucket's `slots` are used.
    pub(crate) fn used_count(self, slots: usize) -> usize {
        (self.used() & first(slots)).count_ones() as usize
    }

    /// The highest bits of all bytes that are not zero, among other bits.
    fn used(self) -> u64 {
        ((self.0 & splat(0x7f)) + splat(0x7f)) | self.0
    }
}

/// The highest bits of the first `slots` bytes.
fn first(slots: usize) -> u64 {
    HIGH & !(!0 << (8 * slots))
}

/// `state` at the place of slot `slot`.
#[inline]
pub(crate) fn byte(state: u8, slot: usize) -> u64 {
    u64::from(state) << (8 * slot)
}

/// A set of slots: the highest bit of each one's byte.
#[derive(Clone, Copy)]
pub(crate) struct Slots(u64);

impl Slots {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// Word `word` of the key in slot `slot`.
///
/// What lies outside of the bucket cannot be asked for: slots come from [`Slots`]. The remainder
/// tells the compiler so.
#[inline]
fn key_word(bucket: &Bucket, key_words: usize, slot: usize, word: usize) -> &AtomicU64 {
    &bucket[(1 + slot * key_words + word) % BUCKET_WORDS]
}

/// The value in slot `slot`.
#[inline]
pub(crate) fn value<W: Words>(bucket: &Bucket, slot: usize) -> &AtomicU64 {
    &bucket[(1 + slots(W::COUNT) * W::COUNT + slot) % BUCKET_WORDS]
}

/// Whether slot `slot` holds this key. The state that said so must have been loaded with `Acquire`.
#[inline]
pub(crate) fn holds<W: Words>(bucket: &Bucket, slot: usize, key: &W) -> bool {
    key.as_words()
        .iter()
        .enumerate()
        .all(|(at, word)| key_word(bucket, W::COUNT, slot, at).load(Ordering::Relaxed) == *word)
}

/// The key in slot `slot`; as for [`holds`].
pub(crate) fn key<W: Words>(bucket: &Bucket, slot: usize) -> W {
    let mut key = W::default();
    for (at, word) in key.as_words_mut().iter_mut().enumerate() {
        *word = key_word(bucket, W::COUNT, slot, at).load(Ordering::Relaxed);
    }
    key
}

/// Writes the key of a slot that nobody else may read yet.
pub(crate) fn set_key<W: Words>(bucket: &Bucket, slot: usize, key: &W) {
    for (at, word) in key.as_words().iter().enumerate() {
        key_word(bucket, W::COUNT, slot, at).store(*word, Ordering::Relaxed);
    }
}

/// The value of a slot that was seen live, by a load with `Acquire`; nothing if it is dead now.
///
/// No lock and no second try are needed. Let the second look find the slot live again after others
/// have removed and revived the key in between. The value that was loaded is one that the key had
/// before it was removed, or one stored by a writer that was reviving it. The first was the key's
/// value within this call. Of the second the `Acquire` shows us that the slot was dead and locked,
/// so if it is live in the second look, the writer has published it within this call, too.
#[inline]
pub(crate) fn value_if_live<W: Words>(bucket: &Bucket, slot: usize) -> Option<u64> {
    let value = value::<W>(bucket, slot).load(Ordering::Acquire);
    let now = Control::load(bucket, Ordering::Relaxed);
    (now.state(slot) & LIVE != 0).then_some(value)
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::{Control, LIVE, LOCK};

    #[test]
    fn slots_are_told_apart_by_state_and_tag() {
        let states = [LIVE | 5, 5, LOCK | 5, LOCK | LIVE | 5, 0, LIVE | 6, LOCK];
        let mut control = Control(0).with_reach(0xc5);
        for (slot, state) in states.into_iter().enumerate() {
            control = control.with_state(slot, state);
        }
        assert!(control.live(5).eq([0, 3]));
        assert!(control.tagged(5).eq([0, 1, 2, 3]));
        assert!(control.live(6).eq([5]));
        assert!(control.all_live(7).eq([0, 3, 5]));
        assert!(control.all_live(5).eq([0, 3]));
        assert_eq!((control.empty(7), control.empty(4)), (Some(4), None));
        assert_eq!((control.used_count(7), control.used_count(5)), (6, 4));
        assert_eq!(control.reach(), 0xc5);
    }

    #[test]
    fn every_state_is_found_beside_every_other() {
        for pair in 0..=u16::MAX {
            let [low, high] = pair.to_le_bytes();
            let control = Control(u64::from(pair)).with_reach(0xff);
            let expected = |test: &dyn Fn(u8) -> bool| -> Vec<usize> {
                [low, high].iter().enumerate().filter(|(_, s)| test(**s)).map(|(i, _)| i).collect()
            };
            let live = expected(&|state| state & 0x7f == LIVE | 9);
            assert!(control.live(9).eq(live), "{pair:04x}");
            let tagged = expected(&|state| state & 0x3f == 9);
            assert!(control.tagged(9).eq(tagged), "{pair:04x}");
            let empty = expected(&|state| state == 0);
            assert_eq!(control.empty(2), empty.first().copied(), "{pair:04x}");
        }
    }
}
