//! The alphabet of compiled patterns: what one step of a name may match.

/// A set of byte values.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(crate) fn remove(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] &= !(1 << (byte & 63));
    }

    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    pub(crate) fn complement(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

/// A set of characters, for patterns that count characters and not bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CharSet {
    pub(crate) negated: bool,
    pub(crate) fold: bool,
    /// Inclusive ranges of scalar values.
    pub(crate) ranges: Vec<(u32, u32)>,
}

impl CharSet {
    fn contains(&self, unit: u32) -> bool {
        let inside = |u: u32| self.ranges.iter().any(|&(low, high)| (low..=high).contains(&u));
        let mut found = inside(unit);
        if self.fold && unit < 128 {
            let byte = unit as u8;
            found |= inside(u32::from(byte.to_ascii_lowercase()));
            found |= inside(u32::from(byte.to_ascii_uppercase()));
        }
        found != self.negated
    }
}

/// One step of a pattern.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Token {
    /// Exactly this byte.
    Byte(u8),
    /// Any one byte.
    AnyByte,
    /// One byte of the set.
    Bytes(ByteSet),
    /// Any one character, or one byte where the text is not UTF-8.
    AnyChar,
    /// One character of the set, or one byte where the text is not UTF-8.
    Chars(Box<CharSet>),
    /// Any run of bytes or characters, the empty one too.
    Star,
}

impl Token {
    /// How many bytes at the start of `text` the token takes; `None` where it does not match.
    /// A [`Token::Star`] is the caller's to handle and never matches here.
    pub(crate) fn take(&self, text: &[u8]) -> Option<usize> {
        let &first = text.first()?;
        match self {
            Self::Byte(byte) => (first == *byte).then_some(1),
            Self::AnyByte => Some(1),
            Self::Bytes(set) => set.contains(first).then_some(1),
            Self::AnyChar => Some(unit(text).1),
            Self::Chars(set) => {
                let (value, len) = unit(text);
                set.contains(value).then_some(len)
            }
            Self::Star => None,
        }
    }

    pub(crate) fn counts_characters(&self) -> bool {
        matches!(self, Self::AnyChar | Self::Chars(_))
    }
}

/// The first character of a non-empty `text` and its length in bytes. A byte that starts no UTF-8
/// sequence is a unit of its own, above every scalar value, so that no class but a negated one
/// holds it.
pub(crate) fn unit(text: &[u8]) -> (u32, usize) {
    const NOT_A_CHARACTER: u32 = 0x11_0000;
    let first = text[0];
    let len = match first {
        0..0x80 => return (u32::from(first), 1),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return (NOT_A_CHARACTER + u32::from(first), 1),
    };
    match text.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
        Some(s) => (s.chars().next().map_or(0, u32::from), len),
        None => (NOT_A_CHARACTER + u32::from(first), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_sequence_is_one_unit_for_each_byte() {
        assert_eq!(unit("\u{e9}".as_bytes()), (0xE9, 2));
        assert_eq!(unit(b"\xC3").1, 1);
        assert_eq!(unit(b"\xE4\xB8x").1, 1);
        assert!(unit(b"\xFF").0 > u32::from(char::MAX));
    }

    #[test]
    fn byte_sets_hold_what_was_inserted() {
        let mut set = ByteSet::default();
        assert!(set.is_empty());
        set.insert(0);
        set.insert(200);
        assert!(set.contains(0) && set.contains(200) && !set.contains(64));
        assert!(!set.complement().contains(200) && set.complement().contains(64));
        set.remove(200);
        assert!(!set.contains(200));
    }
}
