//! Git's wildcard match of one pattern against one text.

use super::class;

/// How [`wildmatch`] treats slashes and letters.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct WildmatchOptions {
    /// Only `**` beside slashes matches a slash; otherwise every wildcard does.
    pub pathname: bool,
    /// ASCII letters match whatever their case, as under `core.ignoreCase`: plain letters and
    /// ranges do, escaped upper-case letters and single ones in brackets match nothing.
    pub fold_case: bool,
}

/// Whether `pattern` matches all of `text`, by the rules of git's ignore files, attributes and
/// pathspecs. The time is at most the product of the two lengths.
///
/// ```
/// use treenail_pattern::gitignore::{WildmatchOptions, wildmatch};
///
/// let pathname = WildmatchOptions { pathname: true, ..Default::default() };
/// assert!(wildmatch(b"src/**/*.[ch]", b"src/a/b.c", pathname));
/// assert!(!wildmatch(b"src/*.c", b"src/a/b.c", pathname));
/// assert!(wildmatch(b"src/*.c", b"src/a/b.c", WildmatchOptions::default()));
/// ```
#[must_use]
pub fn wildmatch(pattern: &[u8], text: &[u8], options: WildmatchOptions) -> bool {
    let folded;
    let text = if options.fold_case {
        folded = text.to_ascii_lowercase();
        &folded
    } else {
        text
    };
    // Where in the text the pattern read so far may have brought us.
    let mut here = vec![false; text.len() + 1];
    here[0] = true;
    let mut i = 0;
    while let Some(&byte) = pattern.get(i) {
        if byte == b'*' {
            i = star(pattern, i, text, &mut here, options);
            continue;
        }
        let (set, end) = match byte {
            b'[' => match class::parse(pattern, i, options.fold_case) {
                Some((set, end)) => (Some(set), end),
                None => return false,
            },
            b'\\' if i + 1 == pattern.len() => return false,
            b'\\' => (None, i + 2),
            _ => (None, i + 1),
        };
        let literal = match byte {
            b'\\' => pattern[i + 1],
            byte if options.fold_case => byte.to_ascii_lowercase(),
            byte => byte,
        };
        let slash_ok = !options.pathname;
        for at in (0..text.len()).rev() {
            here[at + 1] = here[at]
                && match (byte, set) {
                    (b'?', _) => slash_ok || text[at] != b'/',
                    (_, Some(set)) => set.contains(text[at]) && (slash_ok || text[at] != b'/'),
                    (_, None) => text[at] == literal,
                };
        }
        here[0] = false;
        i = end;
    }
    here[text.len()]
}

/// Carries the positions over a run of stars at `i`; returns the index behind what was consumed.
fn star(
    pattern: &[u8],
    i: usize,
    text: &[u8],
    here: &mut [bool],
    options: WildmatchOptions,
) -> usize {
    let run = pattern[i..].iter().take_while(|&&b| b == b'*').count();
    let end = i + run;
    let rest = &pattern[end..];
    let begins = i == 0 || pattern[i - 1] == b'/';
    let ends = rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/");
    let any_depth = options.pathname && run >= 2 && begins && ends;
    let crosses = any_depth || !options.pathname;
    let skips = any_depth && rest.starts_with(b"/");
    let mut reached = false;
    for at in 0..here.len() {
        let after_slash = reached && at > 0 && text[at - 1] == b'/';
        if at > 0 && text[at - 1] == b'/' && !crosses {
            reached = false;
        }
        let direct = here[at];
        if skips {
            // `**/` together: nothing at all, or anything that ends in a slash.
            here[at] = direct || after_slash;
        } else {
            here[at] = reached || direct;
        }
        reached |= direct;
    }
    end + usize::from(skips)
}
