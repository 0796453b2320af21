//! The lines of a rule file.

/// One rule as it stands in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RuleText<'a> {
    /// The line's number, counted from 1.
    pub(super) line: u32,
    /// The rule as written, without line end and stripped spaces.
    pub(super) text: &'a [u8],
    /// The pattern: without `!` and without the slash that asks for a directory.
    pub(super) pattern: &'a [u8],
    pub(super) negated: bool,
    pub(super) dirs_only: bool,
    /// Whether the pattern has no slash and so matches the name in any directory.
    pub(super) basename_only: bool,
}

/// The rules of a file, in its order.
pub(super) fn rules(file: &[u8]) -> impl Iterator<Item = RuleText<'_>> {
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    file.split(|&b| b == b'\n').zip(1..).filter_map(|(line, number)| rule(line, number))
}

fn rule(line: &[u8], number: u32) -> Option<RuleText<'_>> {
    if matches!(line.first(), None | Some(b'#')) {
        return None;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Git holds a rule as a C string, which ends at the first NUL.
    let end = memchr::memchr(0, line).unwrap_or(line.len());
    let text = trim_spaces(&line[..end]);
    let negated = text.first() == Some(&b'!');
    let pattern = &text[usize::from(negated)..];
    let (pattern, dirs_only) = match pattern.strip_suffix(b"/") {
        Some(stripped) => (stripped, true),
        None => (pattern, false),
    };
    let basename_only = !pattern.contains(&b'/');
    Some(RuleText { line: number, text, pattern, negated, dirs_only, basename_only })
}

/// Strips the spaces at the end, down to an escaped one. Tabs stay.
fn trim_spaces(text: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut i = 0;
    while i < text.len() {
        match text[i] {
            b' ' => {}
            // One at the very end escapes nothing, but the spaces before it are no longer last.
            b'\\' => {
                i += 1;
                end = (i + 1).min(text.len());
            }
            _ => end = i + 1,
        }
        i += 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_at_the_end_go_unless_escaped() {
        assert_eq!(trim_spaces(b"a  "), b"a");
        assert_eq!(trim_spaces(b"a\\  "), b"a\\ ");
        assert_eq!(trim_spaces(b"a \\  b\t "), b"a \\  b\t");
        assert_eq!(trim_spaces(b"   "), b"");
        assert_eq!(trim_spaces(b"a \\"), b"a \\");
    }

    #[test]
    fn lines_are_numbered_and_comments_are_none() {
        let file = b"\xEF\xBB\xBF# no\n\nfoo/\r\n\\#yes\n!/bar\0baz";
        let found: Vec<_> = rules(file).map(|r| (r.line, r.text, r.negated, r.dirs_only)).collect();
        let expected: [(u32, &[u8], bool, bool); 3] =
            [(3, b"foo/", false, true), (4, b"\\#yes", false, false), (5, b"!/bar", true, false)];
        assert_eq!(found, expected);
    }
}
