//! Which positions have changed: a bit for each, and above them a bit for each word that is not
//! zero, and so on up to a single word. Finding and clearing `n` marks takes O(n) steps, however
//! many positions there are.

use core::ops::Range;

const BITS: usize = u64::BITS as usize;

/// How many words there have to be for `positions` positions.
pub(super) const fn words_for(positions: usize) -> usize {
    let mut level = positions.div_ceil(BITS);
    let mut sum = level;
    while level > 1 {
        level = level.div_ceil(BITS);
        sum += level;
    }
    sum
}

/// The most positions for which `words` words suffice.
fn positions_in(words: usize) -> usize {
    let (mut fits, mut too_many) = (0, words + 1);
    while too_many - fits > 1 {
        let lowest = fits + (too_many - fits) / 2;
        if words_for(lowest.saturating_mul(BITS)) <= words {
            fits = lowest;
        } else {
            too_many = lowest;
        }
    }
    fits.saturating_mul(BITS)
}

/// The marks, in the caller's memory.
pub(super) struct Dirty<'m> {
    words: &'m mut [u64],
    /// The words of the lowest level.
    lowest: usize,
}

impl<'m> Dirty<'m> {
    /// No marks.
    pub(super) fn new(words: &'m mut [u64], positions: usize) -> Self {
        let positions = positions.min(positions_in(words.len()));
        let words = &mut words[..words_for(positions)];
        words.fill(0);
        Self { words, lowest: positions.div_ceil(BITS) }
    }

    /// How many positions can be marked.
    pub(super) fn positions(&self) -> usize {
        self.lowest.saturating_mul(BITS)
    }

    /// Whether nothing is marked.
    pub(super) fn is_clean(&self) -> bool {
        self.words.last().is_none_or(|top| *top == 0)
    }

    #[inline]
    pub(super) fn mark(&mut self, position: usize) {
        self.mark_in(position / BITS, 1 << (position % BITS));
    }

    pub(super) fn mark_range(&mut self, positions: Range<usize>) {
        self.for_each_mask(positions, Self::mark_in);
    }

    pub(super) fn clear_range(&mut self, positions: Range<usize>) {
        self.for_each_mask(positions, |dirty, word, mask| {
            let marked = dirty.words[word];
            if marked & mask != 0 {
                dirty.take(word);
                dirty.mark_in(word, marked & !mask);
            }
        });
    }

    /// Marks the positions of one word that are set in `mask`.
    #[inline]
    pub(super) fn mark_in(&mut self, word: usize, mask: u64) {
        if mask == 0 {
            return;
        }
        let (mut start, mut room, mut word, mut mask) = (0, self.lowest, word, mask);
        loop {
            let marked = &mut self.words[start + word];
            let before = *marked;
            *marked |= mask;
            if before != 0 || room <= 1 {
                return;
            }
            (start, room) = (start + room, room.div_ceil(BITS));
            (word, mask) = (word / BITS, 1 << (word % BITS));
        }
    }

    /// Takes the marks out of a word.
    pub(super) fn take(&mut self, word: usize) -> u64 {
        let taken = core::mem::take(&mut self.words[word]);
        let (mut start, mut room, mut word) = (0, self.lowest, word);
        while self.words[start + word] == 0 && room > 1 {
            (start, room) = (start + room, room.div_ceil(BITS));
            self.words[start + word / BITS] &= !(1 << (word % BITS));
            word /= BITS;
        }
        taken
    }

    /// The first word from `word` on that has marks.
    pub(super) fn next(&self, word: usize) -> Option<usize> {
        // Up as long as there is nothing to the right, then down to the first.
        let mut above = [(0, 0); usize::BITS as usize / 6 + 2];
        let (mut start, mut room, mut at, mut level) = (0, self.lowest, word, 0);
        if at >= room {
            return None;
        }
        if self.words[at] != 0 {
            return Some(at);
        }
        loop {
            if room <= 1 {
                return None;
            }
            above[level] = (start, room);
            (start, room, level) = (start + room, room.div_ceil(BITS), level + 1);
            at += 1;
            if at / BITS < room {
                let rest = self.words[start + at / BITS] >> (at % BITS);
                if rest != 0 {
                    at += rest.trailing_zeros() as usize;
                    break;
                }
            } else {
                return None;
            }
            at /= BITS;
        }
        while level > 1 {
            level -= 1;
            at = at * BITS + self.words[above[level].0 + at].trailing_zeros() as usize;
        }
        Some(at)
    }

    /// Hands over each word that has some of `positions`, and their bits in it.
    fn for_each_mask(
        &mut self,
        positions: Range<usize>,
        mut each: impl FnMut(&mut Self, usize, u64),
    ) {
        let mut at = positions.start;
        while at < positions.end {
            let bits = (BITS - at % BITS).min(positions.end - at);
            each(self, at / BITS, u64::MAX >> (BITS - bits) << (at % BITS));
            at += bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dirty, positions_in, words_for};

    /// The marked positions, through `next`.
    fn marks(dirty: &Dirty<'_>) -> impl Iterator<Item = usize> {
        let mut word = dirty.next(0);
        core::iter::from_fn(move || {
            let this = word?;
            word = dirty.next(this + 1);
            Some(
                (0..64)
                    .filter(move |bit| dirty.words[this] >> bit & 1 == 1)
                    .map(move |b| 64 * this + b),
            )
        })
        .flatten()
    }

    #[test]
    fn words_suffice_for_as_many_positions_as_they_say() {
        assert_eq!([0, 1, 64, 65, 4096, 4097].map(words_for), [0, 1, 1, 3, 65, 68]);
        for words in 0..10_000 {
            let positions = positions_in(words);
            assert!(words_for(positions) <= words && words_for(positions + 1) > words);
        }
        assert!(words_for(usize::MAX) <= usize::MAX / 32);
    }

    #[test]
    fn marks_are_found_in_order_and_taken_once() {
        const POSITIONS: usize = 64 * 64 * 3 + 5;
        let mut words = [u64::MAX; words_for(POSITIONS)];
        let mut dirty = Dirty::new(&mut words, POSITIONS);
        assert!(dirty.is_clean() && dirty.next(0).is_none());
        let places = [0, 1, 63, 64, 4095, 4096, 9000, POSITIONS - 1];
        for place in places.into_iter().rev() {
            dirty.mark(place);
            dirty.mark(place);
        }
        assert!(marks(&dirty).eq(places));
        assert_eq!(dirty.next(65), Some(9000 / 64));
        assert_eq!(dirty.next(POSITIONS / 64 + 1), None);
        for place in places {
            if let Some(word) = dirty.next(0) {
                assert!(dirty.take(word) >> (place % 64) & 1 == 1 && word == place / 64);
            }
            while dirty.next(0).is_some_and(|word| word < 1) {
                dirty.take(0);
            }
            if place < 63 {
                dirty.mark_in(0, u64::MAX << (place + 1) & 0x8000_0000_0000_0003);
            }
        }
        assert!(dirty.is_clean());
    }

    #[test]
    fn ranges_are_marked_and_cleared_whole() {
        const POSITIONS: usize = 5000;
        let mut words = [0; words_for(POSITIONS)];
        for (start, end) in [(0, 0), (0, 5000), (3, 5), (60, 70), (64, 128), (100, 4999)] {
            let mut dirty = Dirty::new(&mut words, POSITIONS);
            dirty.mark_range(start..end);
            assert!(marks(&dirty).eq(start..end));
            let middle = start.midpoint(end);
            dirty.clear_range(middle..POSITIONS);
            assert!(marks(&dirty).eq(start..middle));
            dirty.clear_range(0..POSITIONS);
            assert!(dirty.is_clean());
        }
    }
}
