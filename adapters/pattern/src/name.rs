//! A pattern for one name, in the cheapest form that decides it.

use memchr::memmem;

use crate::token::{Token, unit};

/// A compiled pattern for one path component. Every star in it stays within the component.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NameMatcher {
    /// `*`
    All,
    /// `name`
    Literal(Box<[u8]>),
    /// `*suffix`
    Suffix(Box<[u8]>),
    /// `prefix*`
    Prefix(Box<[u8]>),
    /// `prefix*suffix`
    Affix(Box<[u8]>, Box<[u8]>),
    /// `*middle*`
    Contains(Box<[u8]>),
    /// Anything else.
    Tokens { tokens: Box<[Token]>, by_character: bool },
}

impl NameMatcher {
    pub(crate) fn new(mut tokens: Vec<Token>) -> Self {
        tokens.dedup_by(|a, b| *a == Token::Star && *b == Token::Star);
        if tokens.iter().any(|t| !matches!(t, Token::Byte(_) | Token::Star)) {
            let by_character = tokens.iter().any(Token::counts_characters);
            return Self::Tokens { tokens: tokens.into(), by_character };
        }
        let mut pieces = vec![Vec::new()];
        for token in &tokens {
            match token {
                Token::Byte(byte) => pieces.last_mut().expect("never empty").push(*byte),
                _ => pieces.push(Vec::new()),
            }
        }
        let mut pieces = pieces.into_iter().map(Vec::into_boxed_slice);
        let parts = [pieces.next(), pieces.next(), pieces.next(), pieces.next()];
        match parts {
            [Some(whole), None, ..] => Self::Literal(whole),
            [Some(a), Some(b), None, _] => match (a.is_empty(), b.is_empty()) {
                (true, true) => Self::All,
                (true, false) => Self::Suffix(b),
                (false, true) => Self::Prefix(a),
                (false, false) => Self::Affix(a, b),
            },
            [Some(a), Some(middle), Some(b), None] if a.is_empty() && b.is_empty() => {
                Self::Contains(middle)
            }
            _ => Self::Tokens { tokens: tokens.into(), by_character: false },
        }
    }

    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Literal(whole) => **whole == *name,
            Self::Suffix(suffix) => name.ends_with(suffix),
            Self::Prefix(prefix) => name.starts_with(prefix),
            Self::Affix(prefix, suffix) => {
                name.len() >= prefix.len() + suffix.len()
                    && name.starts_with(prefix)
                    && name.ends_with(suffix)
            }
            Self::Contains(middle) => memmem::find(name, middle).is_some(),
            Self::Tokens { tokens, by_character } => matches_tokens(tokens, *by_character, name),
        }
    }

    /// The bytes that every matching name holds, as [`byte_mask`] gives them.
    pub(crate) fn needs(&self) -> u64 {
        match self {
            Self::All => 0,
            Self::Literal(a) | Self::Suffix(a) | Self::Prefix(a) | Self::Contains(a) => {
                byte_mask(a)
            }
            Self::Affix(a, b) => byte_mask(a) | byte_mask(b),
            Self::Tokens { tokens, .. } => tokens.iter().fold(0, |mask, token| match token {
                Token::Byte(byte) => mask | byte_mask(&[*byte]),
                _ => mask,
            }),
        }
    }

    /// The byte that every matching name starts with, where there is one.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        match self {
            Self::Literal(bytes) | Self::Prefix(bytes) | Self::Affix(bytes, _) => {
                bytes.first().copied()
            }
            Self::Tokens { tokens, .. } => match tokens.first() {
                Some(Token::Byte(byte)) => Some(*byte),
                _ => None,
            },
            Self::All | Self::Suffix(_) | Self::Contains(_) => None,
        }
    }
}

/// The bytes that occur, those equal in their low six bits taken together. A name whose mask lacks
/// a bit of a pattern's cannot match it, which spares nearly all names the real comparison.
pub(crate) fn byte_mask(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |mask, byte| mask | 1 << (byte & 63))
}

/// Matches with one resumption point: when a later star is reached, whatever an earlier one took
/// need never be revisited, because the later star can make up for it. So the time is at most
/// the product of the two lengths.
fn matches_tokens(tokens: &[Token], by_character: bool, name: &[u8]) -> bool {
    let (mut t, mut n) = (0, 0);
    let mut resume = None;
    loop {
        match tokens.get(t) {
            Some(Token::Star) => {
                t += 1;
                if t == tokens.len() {
                    return true;
                }
                resume = Some((t, n));
                continue;
            }
            Some(token) => {
                if let Some(len) = token.take(&name[n..]) {
                    t += 1;
                    n += len;
                    continue;
                }
            }
            None if n == name.len() => return true,
            None => {}
        }
        match resume {
            Some((star, from)) if from < name.len() => {
                // Stepping by whole characters keeps `?` from matching the tail of one.
                let step = if by_character { unit(&name[from..]).1 } else { 1 };
                (t, n) = (star, from + step);
                resume = Some((star, from + step));
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(pattern: &str) -> Vec<Token> {
        pattern
            .bytes()
            .map(|b| match b {
                b'*' => Token::Star,
                b'?' => Token::AnyChar,
                b => Token::Byte(b),
            })
            .collect()
    }

    fn matches(pattern: &str, name: &str) -> bool {
        NameMatcher::new(tokens(pattern)).matches(name.as_bytes())
    }

    #[test]
    fn each_shape_gets_its_own_matcher() {
        let shape = |p: &str| NameMatcher::new(tokens(p));
        assert_eq!(shape("**"), NameMatcher::All);
        assert_eq!(shape("ab"), NameMatcher::Literal((*b"ab").into()));
        assert_eq!(shape("*ab"), NameMatcher::Suffix((*b"ab").into()));
        assert_eq!(shape("ab*"), NameMatcher::Prefix((*b"ab").into()));
        assert_eq!(shape("a*b"), NameMatcher::Affix((*b"a").into(), (*b"b").into()));
        assert_eq!(shape("*ab**"), NameMatcher::Contains((*b"ab").into()));
        assert!(matches!(shape("a*b*c"), NameMatcher::Tokens { .. }));
    }

    #[test]
    fn a_name_that_matches_has_every_byte_that_is_needed() {
        for (pattern, name) in [("a*b*c", "a-b-c"), ("*x?y*", "--xzy"), ("ab*cd", "abcd")] {
            let matcher = NameMatcher::new(tokens(pattern));
            assert!(matcher.matches(name.as_bytes()));
            assert_ne!(matcher.needs(), 0);
            assert_eq!(matcher.needs() & !byte_mask(name.as_bytes()), 0, "{pattern}");
        }
    }

    #[test]
    fn an_affix_does_not_overlap_itself() {
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("ab*ba", "abba"));
    }

    #[test]
    fn a_question_mark_takes_a_whole_character() {
        assert!(matches("?", "\u{e9}"));
        assert!(!matches("*??", "\u{4e2d}"));
        assert!(matches("*??", "\u{4e2d}\u{6587}"));
        assert!(matches("a?c*?", "a\u{4e2d}c\u{6587}"));
    }

    #[test]
    fn many_stars_stay_polynomial() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(5_000)));
    }
}
