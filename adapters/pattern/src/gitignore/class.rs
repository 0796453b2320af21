//! Bracket expressions as git reads them.

use crate::token::ByteSet;

/// Reads the bracket expression that starts at `pattern[at]`, which is the `[`. Returns the set of
/// bytes that it matches and the index behind its `]`; `None` if it is malformed, which makes the
/// whole pattern match nothing.
///
/// With `fold` the text is taken to be in lower case: ranges and `[:upper:]` then also match what
/// the upper-case form of a letter would, while a single upper-case letter matches nothing. That
/// is git's behaviour under `core.ignoreCase`.
pub(super) fn parse(pattern: &[u8], at: usize, fold: bool) -> Option<(ByteSet, usize)> {
    let mut i = at + 1;
    let negated = matches!(pattern.get(i), Some(b'!' | b'^'));
    if negated {
        i += 1;
    }
    let mut set = ByteSet::default();
    // The start of a possible range; none after a range or a named class.
    let mut low = None;
    let mut first = true;
    loop {
        let byte = *pattern.get(i)?;
        match byte {
            b']' if !first => break,
            b'\\' => {
                i += 1;
                let escaped = *pattern.get(i)?;
                set.insert(escaped);
                low = Some(escaped);
            }
            b'-' if low.is_some() && pattern.get(i + 1).is_some_and(|&next| next != b']') => {
                i += 1;
                let mut high = pattern[i];
                if high == b'\\' {
                    i += 1;
                    high = *pattern.get(i)?;
                }
                insert_range(&mut set, low.take().unwrap_or(high), high, fold);
            }
            b'[' if pattern.get(i + 1) == Some(&b':') => {
                let close = i + 2 + memchr::memchr(b']', &pattern[i + 2..])?;
                if close > i + 2 && pattern[close - 1] == b':' {
                    insert_named(&mut set, &pattern[i + 2..close - 1], fold)?;
                    low = None;
                    i = close;
                } else {
                    set.insert(b'[');
                    low = Some(b'[');
                }
            }
            byte => {
                set.insert(byte);
                low = Some(byte);
            }
        }
        first = false;
        i += 1;
    }
    if negated {
        set = set.complement();
    }
    Some((set, i + 1))
}

fn insert_range(set: &mut ByteSet, low: u8, high: u8, fold: bool) {
    for byte in low..=high {
        set.insert(byte);
        if fold && byte.is_ascii_uppercase() {
            set.insert(byte.to_ascii_lowercase());
        }
    }
}

/// Adds a class such as `alpha`; `None` if there is none of that name.
fn insert_named(set: &mut ByteSet, name: &[u8], fold: bool) -> Option<()> {
    let class: fn(u8) -> bool = match name {
        b"alnum" => |b| b.is_ascii_alphanumeric(),
        b"alpha" => |b| b.is_ascii_alphabetic(),
        b"blank" => |b| matches!(b, b' ' | b'\t'),
        b"cntrl" => |b| b.is_ascii_control(),
        b"digit" => |b| b.is_ascii_digit(),
        b"graph" => |b| b.is_ascii_graphic(),
        b"lower" => |b| b.is_ascii_lowercase(),
        b"print" => |b| b.is_ascii_graphic() || b == b' ',
        b"punct" => |b| b.is_ascii_punctuation(),
        // Git's own notion of white space has neither the vertical tab nor the form feed.
        b"space" => |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'),
        b"upper" if fold => |b| b.is_ascii_alphabetic(),
        b"upper" => |b| b.is_ascii_uppercase(),
        b"xdigit" => |b| b.is_ascii_hexdigit(),
        _ => return None,
    };
    (0..128).filter(|&b| class(b)).for_each(|b| set.insert(b));
    Some(())
}
