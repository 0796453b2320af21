//! 192 bits that say what cannot be in a name.
//!
//! A name sets one of 32 bits for its first byte and one of 32 for its last; one of 64 for each two
//! neighbouring bytes; and one of 64 for each three, a mark before the first byte and behind the
//! last one included. ASCII letters are the same whatever their case. A name that a pattern matches
//! has the bits of every literal part of the pattern.
//!
//! The bits of all names stand slice by slice: the first bit of each name, then the second. A
//! pattern asks for few bits, so that little memory is looked through, the rarest bit first.

use std::ops::{BitAnd, BitOr, ControlFlow};

use super::basenames::{Basenames, NameNo};

/// What stands before the first and behind the last byte of a name. No name holds it.
pub(super) const EDGE: u8 = b'/';

/// How many bits there are.
const BITS: usize = 192;

/// See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Signature([u64; 3]);

impl Signature {
    /// The signature of a name, both of its ends included.
    pub(super) fn of_name(name: &[u8]) -> Self {
        let own = Self::of_marked(name);
        if name.is_ascii() { own } else { own | Self::of_marked(&ascii_letters(name)) }
    }

    /// The signature of a part of a name, which begins or ends with [`EDGE`] where the name does.
    pub(super) fn of_part(part: &[u8]) -> Self {
        let mut this = Self::default();
        part.windows(2).for_each(|pair| this.add_pair(pair[0], pair[1]));
        part.windows(3).for_each(|three| this.add_three(three[0], three[1], three[2]));
        this
    }

    fn of_marked(name: &[u8]) -> Self {
        let (mut this, mut a, mut b) = (Self::default(), None, EDGE);
        for &c in name.iter().chain(&[EDGE]) {
            this.add_pair(b, c);
            if let Some(a) = a {
                this.add_three(a, b, c);
            }
            (a, b) = (Some(b), c);
        }
        this
    }

    fn add_pair(&mut self, a: u8, b: u8) {
        let (a, b) = (u32::from(a.to_ascii_lowercase()), u32::from(b.to_ascii_lowercase()));
        let few = |byte: u32| byte.wrapping_mul(0x9E37_79B1) >> 27;
        match (a == u32::from(EDGE), b == u32::from(EDGE)) {
            (true, _) => self.0[0] |= 1 << few(b),
            (false, true) => self.0[0] |= 1 << (32 + few(a)),
            (false, false) => self.0[1] |= 1 << ((a << 8 | b).wrapping_mul(0x9E37_79B1) >> 26),
        }
    }

    fn add_three(&mut self, a: u8, b: u8, c: u8) {
        let all = [a, b, c].map(|byte| u32::from(byte.to_ascii_lowercase()));
        let mixed = (all[0] << 16 | all[1] << 8 | all[2]).wrapping_mul(0x85EB_CA6B);
        self.0[2] |= 1 << ((mixed ^ mixed >> 15).wrapping_mul(0x9E37_79B1) >> 26);
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(super) fn count(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether it has all bits of another one.
    pub(super) fn has(self, wanted: Self) -> bool {
        self & wanted == wanted
    }

    fn bits(self) -> impl Iterator<Item = usize> {
        (0..BITS).filter(move |bit| self.0[bit / 64] >> (bit % 64) & 1 != 0)
    }
}

impl BitOr for Signature {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }
}

impl BitAnd for Signature {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }
}

/// A name with the letters of ASCII in place of those that are the same but for case by Unicode's
/// rules: the sign for Kelvin and the long s.
fn ascii_letters(name: &[u8]) -> Vec<u8> {
    let mut letters = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, after @ ..] = rest {
        let (letter, after) = match rest {
            [0xE2, 0x84, 0xAA, after @ ..] => (b'k', after),
            [0xC5, 0xBF, after @ ..] => (b's', after),
            _ => (*first, after),
        };
        letters.push(letter);
        rest = after;
    }
    letters
}

/// Words of a slice that are looked at together: what the compiler turns into vector instructions
/// for any processor.
const TOGETHER: usize = 8;

/// The signatures of all names, slice by slice.
#[derive(Default)]
pub(super) struct Slices {
    words: Vec<u64>,
    /// The words of one slice; a multiple of [`TOGETHER`].
    len: usize,
    /// How many names have each bit.
    counts: Vec<u32>,
    names: usize,
}

impl Slices {
    pub(super) fn new(names: &Basenames) -> Self {
        let len = names.len().div_ceil(64).next_multiple_of(TOGETHER);
        let mut this =
            Self { words: vec![0; len * BITS], len, counts: vec![0; BITS], names: names.len() };
        for first in (0..names.len()).step_by(64) {
            let mut squares = [[0; 64]; BITS / 64];
            for number in first..names.len().min(first + 64) {
                let signature = Signature::of_name(names.get(number as NameNo));
                for (square, word) in squares.iter_mut().zip(signature.0) {
                    square[number - first] = word;
                }
            }
            squares.iter_mut().for_each(transpose);
            for (bit, word) in squares.as_flattened().iter().enumerate() {
                this.words[bit * len + first / 64] = *word;
                this.counts[bit] += word.count_ones();
            }
        }
        this
    }

    pub(super) fn memory_bytes(&self) -> usize {
        8 * self.words.capacity() + 4 * self.counts.capacity()
    }

    /// Calls `hit` with each name that has all bits of `wanted`, in order, until it says that it is
    /// enough.
    pub(super) fn scan(
        &self,
        wanted: Signature,
        mut hit: impl FnMut(NameNo) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut bits = [0_u8; BITS];
        let mut count = 0;
        for bit in wanted.bits() {
            bits[count] = bit as u8;
            count += 1;
        }
        let bits = &mut bits[..count];
        bits.sort_unstable_by_key(|bit| self.counts[usize::from(*bit)]);
        let Some((first, rest)) = bits.split_first() else {
            return (0..self.names as NameNo).try_for_each(hit);
        };
        let blocks = |bit: u8| self.words[usize::from(bit) * self.len..][..self.len].as_chunks().0;
        for (number, block) in blocks(*first).iter().enumerate() {
            let mut left: [u64; TOGETHER] = *block;
            let mut any = left.iter().fold(0, |any, word| any | word);
            for bit in rest {
                if any == 0 {
                    break;
                }
                any = 0;
                for (left, word) in left.iter_mut().zip(&blocks(*bit)[number]) {
                    *left &= word;
                    any |= *left;
                }
            }
            if any != 0 {
                each_bit(&left, (number * TOGETHER * 64) as NameNo, &mut hit)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Calls `hit` with the number of each bit that is set, counted from `first`.
pub(super) fn each_bit(
    words: &[u64],
    first: u32,
    hit: &mut impl FnMut(u32) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for (at, word) in (0..).zip(words) {
        let mut word = *word;
        while word != 0 {
            hit(first + at * 64 + word.trailing_zeros())?;
            word &= word - 1;
        }
    }
    ControlFlow::Continue(())
}

/// Makes rows of the columns of a square of bits.
fn transpose(square: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width != 0 {
        let mut row = 0;
        while row < 64 {
            let other = row + width;
            let swapped = (square[row] >> width ^ square[other]) & mask;
            square[other] ^= swapped;
            square[row] ^= swapped << width;
            row = (other + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::basenames::Interner;
    use super::*;

    fn name() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>().prop_filter("", |byte| *byte != EDGE), 1..40)
    }

    proptest! {
        #[test]
        fn a_name_has_the_bits_of_each_of_its_parts(
            name in name(),
            (from, len) in (0..40_usize, 0..40_usize),
        ) {
            let marked = [&[EDGE], &name[..], &[EDGE]].concat();
            let from = from.min(marked.len());
            let part = &marked[from..(from + len).min(marked.len())];
            let signature = Signature::of_name(&name);
            prop_assert!(signature.has(Signature::of_part(part)));
            prop_assert_eq!(Signature::of_name(&name.to_ascii_uppercase()), signature);
        }

        #[test]
        fn a_scan_finds_what_looking_at_each_finds(
            names in prop::collection::vec("[abc]{1,6}", 0..1500),
            part in "/?[abc]{0,3}/?",
        ) {
            let mut interner = Interner::default();
            names.iter().for_each(|name| _ = interner.add(name.as_bytes()).unwrap());
            let names = interner.finish();
            let wanted = Signature::of_part(part.as_bytes());
            let mut found = Vec::new();
            let all = Slices::new(&names).scan(wanted, |at| {
                found.push(at);
                ControlFlow::Continue(())
            });
            prop_assert!(all.is_continue());
            let has = |name: &NameNo| Signature::of_name(names.get(*name)).has(wanted);
            let each: Vec<NameNo> = (0..names.len() as NameNo).filter(has).collect();
            prop_assert_eq!(found, each);
        }

        #[test]
        fn rows_are_made_of_columns(square in prop::array::uniform32(any::<(u64, u64)>())) {
            let rows: [u64; 64] = std::array::from_fn(|at| match square[at / 2] {
                (even, _) if at % 2 == 0 => even,
                (_, odd) => odd,
            });
            let mut columns = rows;
            transpose(&mut columns);
            for (row, column) in (0..64).flat_map(|row| (0..64).map(move |column| (row, column))) {
                prop_assert_eq!(rows[row] >> column & 1, columns[column] >> row & 1);
            }
        }
    }

    #[test]
    fn a_name_without_the_letters_lacks_a_bit() {
        let package = Signature::of_name(b"package.json");
        assert!(!package.has(Signature::of_part(b"/readme")));
        assert!(!package.has(Signature::of_part(b".js/")));
    }

    #[test]
    fn letters_with_other_forms_have_the_bits_of_all() {
        let name = Signature::of_name("TA\u{17f}\u{212a}s".as_bytes());
        assert!(name.has(Signature::of_part(b"/tasks/")));
    }
}
