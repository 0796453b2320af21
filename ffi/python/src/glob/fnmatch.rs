//! Matching one name with one segment of a pattern, by the rules of Python's `fnmatch`.
//!
//! `*` is any run of characters, `?` is one, `[...]` is one of a set, all else is itself:
//! nothing is escaped and no brace means anything. What a character is depends on the pattern: for
//! one in text it is what the name's bytes decode to, each byte that is no UTF-8 being a character
//! of its own (`surrogateescape`); for one in bytes it is a byte.

use memchr::memmem;

/// Added to a byte that is no UTF-8, to make the character that Python decodes it to.
const ESCAPED: u32 = 0xDC00;

/// One segment of a pattern, ready to be matched.
pub(super) enum Matcher {
    /// `*`
    Any,
    /// `abc`, which only a set without a closing bracket can be.
    Exact(Box<[u8]>),
    /// `abc*`, `*abc`, `abc*abc`: the most common forms, which no loop over characters is needed
    /// for.
    Ends { prefix: Box<[u8]>, suffix: Box<[u8]> },
    /// `*abc*`
    Contains(Box<memmem::Finder<'static>>),
    /// All else.
    General { tokens: Box<[Token]>, is_text: bool },
}

pub(super) enum Token {
    /// A run of characters that are themselves: in text, without any escaped byte.
    Literal(Box<[u8]>),
    One,
    Set(Set),
    Star,
}

/// The characters that a bracket expression stands for.
pub(super) struct Set {
    is_negated: bool,
    /// Inclusive.
    ranges: Box<[(u32, u32)]>,
}

impl Matcher {
    /// The matcher of a segment. `pattern` holds text as Python encodes it to file names.
    pub(super) fn new(pattern: &[u8], is_text: bool) -> Self {
        let tokens = tokens(&characters(pattern, is_text), is_text);
        let boxed = |literal: &[u8]| -> Box<[u8]> { literal.into() };
        match &tokens[..] {
            [Token::Star] => Self::Any,
            [Token::Literal(text)] => Self::Exact(text.clone()),
            [Token::Literal(prefix), Token::Star] => {
                Self::Ends { prefix: prefix.clone(), suffix: boxed(b"") }
            }
            [Token::Star, Token::Literal(suffix)] => {
                Self::Ends { prefix: boxed(b""), suffix: suffix.clone() }
            }
            [Token::Literal(prefix), Token::Star, Token::Literal(suffix)] => {
                Self::Ends { prefix: prefix.clone(), suffix: suffix.clone() }
            }
            [Token::Star, Token::Literal(text), Token::Star] => {
                Self::Contains(Box::new(memmem::Finder::new(text).into_owned()))
            }
            _ => Self::General { tokens: tokens.into(), is_text },
        }
    }

    /// Whether the whole name matches.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(text) => **text == *name,
            Self::Ends { prefix, suffix } => {
                name.len() >= prefix.len() + suffix.len()
                    && name.starts_with(prefix)
                    && name.ends_with(suffix)
            }
            Self::Contains(finder) => finder.find(name).is_some(),
            Self::General { tokens, is_text } => matches(tokens, name, *is_text),
        }
    }
}

/// Each star takes as little as possible, and only the last one seen is ever given more: what
/// stands between two stars has a fixed number of characters, so its first place is its best.
fn matches(tokens: &[Token], name: &[u8], is_text: bool) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if let Some(Token::Star) = tokens.get(token) {
            token += 1;
            if token == tokens.len() {
                return true;
            }
            star = Some((token, at));
            continue;
        }
        if let Some(length) = match tokens.get(token) {
            None if at == name.len() => return true,
            None | Some(Token::Star) => None,
            Some(Token::Literal(text)) => name[at..].starts_with(text).then_some(text.len()),
            Some(Token::One) => character(name, at, is_text).map(|(_, length)| length),
            Some(Token::Set(set)) => character(name, at, is_text)
                .and_then(|(character, length)| set.contains(character).then_some(length)),
        } {
            token += 1;
            at += length;
            continue;
        }
        let Some((after, from)) = star else { return false };
        let Some((_, length)) = character(name, from, is_text) else { return false };
        star = Some((after, from + length));
        (token, at) = (after, from + length);
    }
}

impl Set {
    fn contains(&self, character: u32) -> bool {
        let is_in = |&(low, high): &(u32, u32)| low <= character && character <= high;
        self.ranges.iter().any(is_in) != self.is_negated
    }
}

/// The character that starts at `at`, and how many bytes it has.
fn character(bytes: &[u8], at: usize, is_text: bool) -> Option<(u32, usize)> {
    let &first = bytes.get(at)?;
    if first.is_ascii() || !is_text {
        return Some((first.into(), 1));
    }
    let rest = &bytes[at..bytes.len().min(at + 4)];
    match rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
        Some(decoded) => Some((decoded.into(), decoded.len_utf8())),
        None => Some((ESCAPED + u32::from(first), 1)),
    }
}

fn characters(bytes: &[u8], is_text: bool) -> Vec<u32> {
    let mut characters = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some((one, length)) = character(bytes, at, is_text) {
        characters.push(one);
        at += length;
    }
    characters
}

fn tokens(pattern: &[u32], is_text: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = Vec::new();
    let mut at = 0;
    while let Some(&one) = pattern.get(at) {
        at += 1;
        let token = match u8::try_from(one) {
            Ok(b'*') => Token::Star,
            Ok(b'?') => Token::One,
            Ok(b'[') => match closing(pattern, at) {
                Some(end) => {
                    let set = set(&pattern[at..end]);
                    at = end + 1;
                    set
                }
                None => {
                    literal.push(b'[');
                    continue;
                }
            },
            Ok(byte) if byte.is_ascii() || !is_text => {
                literal.push(byte);
                continue;
            }
            // What one byte was decoded to is matched as a character: as a byte it would be found
            // within others.
            _ => match char::from_u32(one) {
                Some(decoded) => {
                    literal.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                None => Token::Set(Set { is_negated: false, ranges: [(one, one)].into() }),
            },
        };
        flush(&mut literal, &mut tokens);
        let is_star = |token: &Token| matches!(token, Token::Star);
        if !(is_star(&token) && tokens.last().is_some_and(is_star)) {
            tokens.push(token);
        }
    }
    flush(&mut literal, &mut tokens);
    tokens
}

fn flush(literal: &mut Vec<u8>, tokens: &mut Vec<Token>) {
    if !literal.is_empty() {
        tokens.push(Token::Literal(std::mem::take(literal).into()));
    }
}

/// Where the bracket closes that was opened before `start`. One that comes first is a member.
fn closing(pattern: &[u32], start: usize) -> Option<usize> {
    let is = |at: usize, byte: u8| pattern.get(at) == Some(&byte.into());
    let mut from = start;
    from += usize::from(is(from, b'!'));
    from += usize::from(is(from, b']'));
    (from..pattern.len()).find(|&at| is(at, b']'))
}

/// One thing inside the brackets.
#[derive(Clone, Copy, PartialEq)]
enum Member {
    Character(u32),
    /// A hyphen between the ends of a range.
    To,
}

const HYPHEN: u32 = b'-' as u32;
const NOT: u32 = b'!' as u32;

/// What stands between brackets. Ranges whose ends are reversed hold nothing and vanish; what is
/// left is read anew, so that an exclamation mark that comes first only then negates, too.
fn set(inside: &[u32]) -> Token {
    let mut members = members(inside);
    let is_negated = members.first() == Some(&Member::Character(NOT));
    if is_negated {
        members.remove(0);
        if members.is_empty() {
            return Token::One;
        }
    }
    let character = |member: Member| match member {
        Member::Character(one) => one,
        Member::To => HYPHEN,
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = members.get(at) {
        let high = match members.get(at + 1..at + 3) {
            Some(&[Member::To, high]) => {
                at += 2;
                high
            }
            _ => low,
        };
        ranges.push((character(low), character(high)));
        at += 1;
    }
    Token::Set(Set { is_negated, ranges: ranges.into() })
}

/// The members, reversed ranges left out. A hyphen makes a range when it has a character before it
/// that is not the end of a range itself, and one behind it.
fn members(inside: &[u32]) -> Vec<Member> {
    let mut pieces: Vec<Vec<u32>> = Vec::new();
    let mut start = 0;
    let mut from = if inside.first() == Some(&NOT) { 2 } else { 1 };
    while let Some(offset) = inside.get(from..).and_then(|rest| rest.iter().position(is_hyphen)) {
        let hyphen = from + offset;
        pieces.push(inside[start..hyphen].to_vec());
        start = hyphen + 1;
        from = hyphen + 3;
    }
    match (&inside[start..], pieces.last_mut()) {
        ([], Some(last)) => last.push(HYPHEN),
        (rest, _) => pieces.push(rest.to_vec()),
    }
    for right in (1..pieces.len()).rev() {
        if pieces[right - 1].last() > pieces[right].first() {
            let rest = pieces.remove(right);
            pieces[right - 1].pop();
            pieces[right - 1].extend_from_slice(&rest[1..]);
        }
    }
    let mut members = Vec::with_capacity(inside.len());
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            members.push(Member::To);
        }
        members.extend(piece.iter().map(|&one| Member::Character(one)));
    }
    members
}

fn is_hyphen(one: &u32) -> bool {
    *one == HYPHEN
}
