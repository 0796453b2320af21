//! The search in contents: against a scan line by line, on contents of all sorts, and over files.
#![cfg(feature = "search")]

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use proptest::prelude::*;
use regex::bytes::RegexBuilder;
use treenail_glob::Case;
use treenail_glob::find::{Cancel, Find};
use treenail_glob::search::{Binary, Content, Files, Line, LineKind, PatternErrorKind, Search};

/// What is expected of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    is_match: bool,
    number: u64,
    offset: u64,
    bytes: Vec<u8>,
    spans: Vec<Range<usize>>,
}

impl From<Line<'_>> for Expected {
    fn from(line: Line<'_>) -> Self {
        Self {
            is_match: line.kind == LineKind::Match,
            number: line.number.unwrap_or(0),
            offset: line.offset,
            bytes: line.bytes.to_vec(),
            spans: line.spans.to_vec(),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
struct Asked {
    pattern: String,
    any_case: bool,
    invert: bool,
    before: usize,
    after: usize,
    max_count: Option<u64>,
}

/// Looks at one line after the other.
fn scan(asked: &Asked, text: &[u8]) -> Vec<Expected> {
    let regex = RegexBuilder::new(&asked.pattern)
        .multi_line(true)
        .case_insensitive(asked.any_case)
        .build()
        .unwrap();
    let mut offset = 0;
    let mut lines = Vec::new();
    for (index, bytes) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let inner = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut spans: Vec<_> = regex.find_iter(inner).map(|found| found.range()).collect();
        let is_match = spans.is_empty() == asked.invert;
        // Behind the last byte of a text there is nothing to be shown.
        spans.retain(|span| span.start < bytes.len());
        lines.push(Expected {
            is_match,
            number: index as u64 + 1,
            offset,
            bytes: bytes.to_vec(),
            spans,
        });
        offset += bytes.len() as u64;
    }
    let matching = |line: &&Expected| line.is_match;
    let limit = asked.max_count.map_or(usize::MAX, |count| count as usize);
    let last = lines.iter().filter(matching).nth(limit.saturating_sub(1));
    // The lines behind the last match are of interest only as far as it has lines around it.
    let end = last.map_or(u64::MAX, |last| last.number + asked.after as u64);
    let numbers: Vec<u64> = lines.iter().filter(matching).map(|line| line.number).collect();
    let counted = &numbers[..numbers.len().min(limit)];
    let is_near = |number: u64| {
        counted
            .iter()
            .any(|at| number + asked.before as u64 >= *at && number <= at + asked.after as u64)
    };
    lines.retain(|line| line.number <= end && is_near(line.number));
    for line in &mut lines {
        if !line.is_match && !asked.invert {
            line.spans.clear();
        }
    }
    lines
}

fn search_of(asked: &Asked) -> Search {
    let case = if asked.any_case { Case::Insensitive } else { Case::Sensitive };
    let search = Search::new([asked.pattern.clone()])
        .case(case)
        .invert(asked.invert)
        .context(asked.before, asked.after)
        .binary(Binary::Text);
    match asked.max_count {
        Some(lines) => search.max_count(lines),
        None => search,
    }
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(&b"a"[..]), 3 => Just(&b"B"[..]), 2 => Just(&b"b "[..]), 4 => Just(&b"\n"[..]),
        1 => Just("\u{e9}".as_bytes()), 1 => Just(&b"\xff"[..]), 1 => Just(&b"\r\n"[..]),
        1 => Just(&b"\0"[..]), 1 => Just(&b"ab12"[..]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn asked() -> impl Strategy<Value = Asked> {
    let pattern = prop::sample::select(vec![
        "a",
        "ab",
        "a+b?",
        "^a",
        "b$",
        "a|B",
        r"\bb",
        r"[0-9]{2}",
        "^$",
        "(?:ab)+",
        "a.b",
        ".",
        r"\w+",
        "\u{e9}",
        "[^a]",
        "a*",
        "x",
        r"\s",
    ]);
    let context = 0_usize..3;
    (pattern, any::<bool>(), any::<bool>(), context.clone(), context, prop::option::of(1_u64..4))
        .prop_map(|(pattern, any_case, invert, before, after, max_count)| Asked {
            pattern: pattern.to_owned(),
            any_case,
            invert,
            before,
            after,
            // With a limit, and lines after it that match too, it is a matter of taste which of
            // these are matches.
            max_count: max_count.filter(|_| after == 0),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_search_finds_what_a_scan_line_by_line_finds(asked in asked(), text in texts()) {
        let found = search_of(&asked).compile().unwrap().bytes(&text).unwrap();
        let found: Vec<Expected> = found.lines().map(Expected::from).collect();
        prop_assert_eq!(found, scan(&asked, &text));
    }

    #[test]
    fn how_much_is_read_at_a_time_changes_nothing(
        asked in asked(),
        text in texts(),
        chunk in 1_usize..9,
        live in any::<bool>(),
    ) {
        let searcher = search_of(&asked).compile().unwrap();
        let mut found = Vec::new();
        let mut lines = |line: &Line<'_>| {
            found.push(Expected::from(line.clone()));
            ControlFlow::Continue(())
        };
        let input = Chunks(&text, chunk);
        let content = Content { live, ..Content::named() };
        searcher.worker().search(input, content, &mut lines).unwrap();
        prop_assert_eq!(found, scan(&asked, &text));
    }
}

/// Gives a few bytes at a time.
struct Chunks<'a>(&'a [u8], usize);

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

fn lines_of(search: &Search, text: &[u8]) -> Vec<Vec<u8>> {
    let found = search.compile().unwrap().bytes(text).unwrap();
    found.lines().map(|line| line.bytes.to_vec()).collect()
}

#[test]
fn a_content_larger_than_any_buffer_is_searched_to_its_end() {
    let mut text = "nothing here\n".repeat(100_000).into_bytes();
    let offset = text.len() as u64;
    text.extend_from_slice(b"the needle, without an end");
    let found = Search::new(["needle"]).compile().unwrap().bytes(&text).unwrap();
    let line = found.lines().next().unwrap();
    assert_eq!((line.number, line.offset), (Some(100_001), offset));
    assert_eq!(line.spans, [Range { start: 4, end: 10 }]);
    assert_eq!(found.bytes_searched(), text.len() as u64);
}

#[test]
fn words_whole_lines_and_literals() {
    let text = b"a.b\nxa.bx\na.b c\nacb\n";
    let search = |pattern: &str| Search::new([pattern]);
    assert_eq!(lines_of(&search("a.b").literal(true), text).len(), 3);
    assert_eq!(lines_of(&search("a.b").literal(true).word(true), text).len(), 2);
    assert_eq!(lines_of(&search("a.b").whole_line(true), text), [&b"a.b\n"[..], b"acb\n"]);
    assert_eq!(lines_of(&search("A").case(Case::Smart), text).len(), 0);
    assert_eq!(lines_of(&search("C").case(Case::Insensitive), text).len(), 2);
    assert_eq!(lines_of(&Search::new(["acb", "c$"]), text).len(), 2);
    assert!(lines_of(&Search::new([""; 0]), text).is_empty());
}

#[test]
fn a_match_goes_over_lines_if_it_may() {
    let text = b"one {\n}\ntwo\n{ x\ny }\n";
    let search = Search::new([r"\{\s*\}"]).multiline(true);
    assert_eq!(lines_of(&search, text), [b"one {\n}\n"]);
    let search = Search::new([r"\{.*\}"]).multiline(true).dot_all(true);
    assert_eq!(lines_of(&search, text), [&text[..]]);
    let refused = Search::new(["a\nb"]).compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::LineEnd);
}

#[test]
fn a_carriage_return_belongs_to_the_end_of_a_line_if_asked() {
    let text = b"a\r\nb\r\n";
    assert!(lines_of(&Search::new(["a$"]), text).is_empty());
    let found = Search::new(["a$"]).crlf(true).compile().unwrap().bytes(text).unwrap();
    assert_eq!(found.lines().next().unwrap().spans, [Range { start: 0, end: 1 }]);
    assert_eq!(lines_of(&Search::new(["b"]).null_data(true), b"a\0b\n\0c"), [b"b\n\0"]);
}

#[test]
fn matches_are_replaced_by_what_groups_matched() {
    let search = Search::new([r"(?<key>\w+)=(\w+)"]).replacement("$2:${key}$$");
    let found = search.compile().unwrap().bytes(b"x=1, y=2;\nz\n").unwrap();
    let line = found.lines().next().unwrap();
    assert_eq!(line.replaced, Some(&b"1:x$, 2:y$;\n"[..]));
    assert_eq!(line.spans, [0..3, 5..8]);
}

#[test]
fn utf_16_is_known_by_its_mark_or_by_being_named() {
    let text: Vec<u8> = "needle \u{e9}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe", &text[..]].concat();
    let search = Search::new(["needle \u{e9}"]);
    assert_eq!(lines_of(&search, &marked), ["needle \u{e9}\n".as_bytes()]);
    assert_eq!(lines_of(&search.clone().encoding("utf-16le"), &text).len(), 1);
    assert!(lines_of(&search.clone().encoding("none"), &marked).is_empty());
    let marked = b"\xef\xbb\xbfneedle\n";
    assert_eq!(lines_of(&Search::new(["^needle"]), marked), [b"needle\n"]);
    let refused = search.encoding("klingon").compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::Encoding);
    assert!(refused.to_string().contains("klingon"));
}

#[test]
fn a_nul_byte_ends_the_search_of_a_file_that_nobody_named() {
    let text = b"a needle\n\0\nneedle\n";
    let search = Search::new(["needle"]);
    let found = |search: &Search, named| {
        let mut found = treenail_glob::search::FileMatches::default();
        let content = Content { name: b"x", named, live: false };
        search.compile().unwrap().worker().search(&text[..], content, &mut found).unwrap();
        (found.lines().len(), found.binary_offset())
    };
    // All was read at once: where there is a NUL byte is known before any line is.
    assert_eq!(found(&search, false), (0, Some(9)));
    assert_eq!(found(&search, true), (2, Some(9)));
    assert_eq!(found(&search.clone().binary(Binary::Search), false), (2, Some(9)));
    assert_eq!(found(&search.clone().binary(Binary::Text), false), (2, None));
    let refused = Search::new([r"a\x00"]).compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::Nul);
}

#[test]
fn a_mistake_in_a_pattern_has_its_place() {
    let refused = Search::new(["good", r"b\w(d", "["]).compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::Syntax);
    assert_eq!((refused.index(), refused.offset()), (Some(1), Some(3)));
    assert!(refused.to_string().contains("column 4"), "{refused}");
    let refused = Search::new(["(?=a)"]).compile().unwrap_err();
    assert_eq!(refused.offset(), Some(0));
    assert!(refused.remedy().contains("PCRE2"));
}

#[test]
fn patterns_that_grow_beyond_the_limit_are_refused_with_it() {
    let refused = Search::new([r"\w{200}{200}"]).regex_size_max(1 << 20).compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::TooLarge);
    assert!(refused.to_string().contains("1048576"), "{refused}");
}

#[test]
fn a_line_or_a_file_beyond_the_memory_is_an_error_with_the_limit() {
    let text = "x".repeat(3 << 20);
    let search = Search::new(["y"]).memory_max(1 << 20);
    let error = search.compile().unwrap().bytes(text.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert!(error.to_string().contains("a line is longer than the limit of 1048576"), "{error}");
    let search = Search::new(["y\n"]).multiline(true).memory_max(1 << 20);
    let error = search.compile().unwrap().bytes(text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("the file is longer"), "{error}");
}

#[cfg(feature = "pcre2")]
#[test]
fn pcre2_knows_look_around_and_back_references() {
    use treenail_glob::search::Engine;
    let text = b"abc abd\nxx\nab\n";
    let search = |pattern: &str, engine| Search::new([pattern]).engine(engine);
    assert_eq!(lines_of(&search("ab(?=d)", Engine::Pcre2), text), [b"abc abd\n"]);
    assert_eq!(lines_of(&search(r"(x)\1", Engine::Auto), text), [b"xx\n"]);
    assert!(search("(", Engine::Auto).compile().is_err());
}

#[cfg(not(feature = "pcre2"))]
#[test]
fn without_pcre2_its_patterns_are_refused() {
    use treenail_glob::search::Engine;
    let refused = Search::new(["a"]).engine(Engine::Pcre2).compile().unwrap_err();
    assert_eq!(refused.kind(), PatternErrorKind::NoEngine);
}

/// A directory with files `00` to `99` in ten directories, each with a line `needle`.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..10 {
        fs::create_dir(dir.path().join(format!("{i}"))).unwrap();
        for j in 0..10 {
            let text = format!("first\n{i}{j} needle\nlast\n");
            fs::write(dir.path().join(format!("{i}/{i}{j}")), text).unwrap();
        }
    }
    dir
}

fn files_in(dir: &Path, search: &Search) -> Files {
    search.compile().unwrap().files().find(Find::new().root_shown(dir, ""))
}

#[test]
fn all_files_are_searched_on_however_many_threads() {
    let dir = tree();
    for threads in [0, 1, 2, 7] {
        for sort in [false, true] {
            let files = files_in(dir.path(), &Search::new(["needle"])).threads(threads).sort(sort);
            let mut paths = Vec::new();
            let mut each = |result: Result<treenail_glob::search::FileMatch, _>| {
                let found = result.unwrap();
                assert_eq!(found.matches.lines().len(), 1);
                paths.push(String::from_utf8(found.path).unwrap());
                ControlFlow::Continue(())
            };
            files.each(&mut each).unwrap();
            if !sort {
                paths.sort();
            }
            let all = (0..100).map(|n| format!("{}/{n:02}", n / 10));
            assert_eq!(paths, all.collect::<Vec<_>>(), "{threads} {sort}");
            let lines = files.iter().map(|found| found.unwrap().line().bytes.len()).sum::<usize>();
            assert_eq!(lines, 1000);
        }
    }
}

#[test]
fn a_file_with_very_much_comes_in_parts() {
    const LINES: u64 = 20_000;
    let dir = tree();
    let text = "a needle in a haystack\n".repeat(LINES as usize);
    for name in ["00-large", "99-large"] {
        fs::write(dir.path().join(name), &text).unwrap();
    }
    for sort in [false, true] {
        let files = files_in(dir.path(), &Search::new(["needle"])).threads(3).sort(sort);
        let (mut paths, mut numbers) = (Vec::new(), HashMap::<Vec<u8>, Vec<u64>>::new());
        files
            .each(|result| {
                let found = result.unwrap();
                let of_file = numbers.entry(found.path.clone()).or_default();
                assert_eq!(found.part == 0, of_file.is_empty());
                assert!(found.matches.lines().len() < LINES as usize / 4, "a part is small");
                of_file.extend(found.matches.lines().filter_map(|line| line.number));
                if found.part == 0 || sort {
                    paths.push(found.path);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(numbers.len(), 102);
        for name in [b"00-large", b"99-large"] {
            assert!(numbers[&name[..]].iter().copied().eq(1..=LINES), "in order, and all of them");
        }
        assert!(!sort || paths.is_sorted());
        assert_eq!(files.iter().count(), 100 + 2 * LINES as usize);
    }
    // One that was ended meanwhile leaves nobody waiting for a turn that does not come.
    let cancel = Cancel::new();
    let mut left = 3;
    let files = files_in(dir.path(), &Search::new(["needle"])).sort(true).cancel(cancel.clone());
    for _ in files.iter() {
        left -= 1;
        if left == 0 {
            cancel.cancel();
        }
    }
}

#[test]
fn whoever_has_seen_enough_ends_the_search() {
    let dir = tree();
    for sort in [false, true] {
        let files = files_in(dir.path(), &Search::new(["needle"])).sort(sort);
        let mut seen = 0;
        files
            .each(|_| {
                seen += 1;
                if seen < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
        assert_eq!(seen, 3);
        assert_eq!(files.iter().take(2).count(), 2);
        let cancel = Cancel::new();
        cancel.cancel();
        assert_eq!(files.cancel(cancel).iter().count(), 0);
    }
}

#[test]
fn the_error_of_a_file_is_a_value_among_the_results() {
    let dir = tree();
    let files = Search::new(["needle"]).compile().unwrap().files();
    let files = files.file(dir.path().join("missing")).file(dir.path().join("1/11"));
    let results: Vec<_> = files.sort(true).iter().collect();
    assert_eq!(results.len(), 2);
    let error = results[0].as_ref().unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::NotFound);
    assert!(error.path().unwrap().ends_with(b"/missing"));
    assert_eq!(results[1].as_ref().unwrap().line().bytes, b"11 needle\n");
}

/// A file in the middle of which the search is ended.
#[test]
fn a_search_that_is_ended_leaves_a_large_file_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    // A hole: it takes no room on the disk, and reading it to its end would take minutes.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let search = Search::new(["needle"]).binary(Binary::Text).null_data(true);
    let cancel = Cancel::new();
    let files = search.compile().unwrap().files().file(&path).cancel(cancel.clone());
    let searching = std::thread::spawn(move || files.iter().count());
    std::thread::sleep(std::time::Duration::from_millis(20));
    cancel.cancel();
    assert_eq!(searching.join().unwrap(), 0);
}
