//! Any pattern on any bytes: what is found is what a look at one line after the other finds, and
//! the index of contents spares no file that has a match.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regex::bytes::RegexBuilder;
use treenail_glob::Case;
use treenail_glob::search::contents::__internal::may_match;
use treenail_glob::search::{Binary, LineKind, Search};

/// What a search may take, so that large patterns end soon.
const PATTERN_BYTES_MAX: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    // Flags, then the pattern up to a 0xFE, then the text.
    let Some((&flags, rest)) = data.split_first() else { return };
    let Some(end) = rest.iter().position(|&byte| byte == 0xFE) else { return };
    let (Ok(pattern), text) = (std::str::from_utf8(&rest[..end]), &rest[end + 1..]) else { return };
    let has = |bit: u8| flags >> bit & 1 != 0;
    let (any_case, literal, invert) = (has(0), has(1), has(2));
    let search = Search::new([pattern])
        .case(if any_case { Case::Insensitive } else { Case::Sensitive })
        .literal(literal)
        .unicode(!has(3))
        .regex_size_max(PATTERN_BYTES_MAX)
        .encoding("none")
        .binary(Binary::Text);
    let Ok(searcher) = search.clone().invert(invert).compile() else { return };
    let found = searcher.bytes(text).expect("bytes can be searched");
    let found: Vec<(u64, &[u8])> = found
        .lines()
        .filter(|line| line.kind == LineKind::Match)
        .map(|line| (line.offset, line.bytes))
        .collect();

    let source = if literal { regex::escape(pattern) } else { pattern.to_owned() };
    let regex = RegexBuilder::new(&source)
        .multi_line(true)
        .case_insensitive(any_case)
        .unicode(!has(3))
        .size_limit(8 * PATTERN_BYTES_MAX)
        .build();
    // The search puts each pattern between parentheses, which makes sense of `a)(b`, as in ripgrep.
    let Ok(regex) = regex else { return };
    let mut expected = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let inner = line.strip_suffix(b"\n").unwrap_or(line);
        if regex.is_match(inner) != invert {
            expected.push((offset, line));
        }
        offset += line.len() as u64;
    }
    assert_eq!(found, expected, "{pattern:?}");
    if !invert && !found.is_empty() {
        assert!(may_match(&searcher, text), "{pattern:?} is spared");
    }
    // Over several lines too.
    if let Ok(searcher) = search.multiline(true).compile() {
        let found = searcher.bytes(text).expect("bytes can be searched");
        assert!(found.is_empty() || may_match(&searcher, text), "{pattern:?} is spared");
    }
});
