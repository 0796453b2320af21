//! Globs against the crate `globset`, and walks against whole paths.

#[path = "support/rng.rs"]
mod rng;

use globset::GlobBuilder;
use proptest::prelude::*;
use rng::Rng;
use treenail_pattern::glob::{
    BRACE_DEPTH_MAX, EXPANSIONS_MAX, Glob, GlobSet, Options, PATTERN_BYTES_MAX, PatternError,
    Reason,
};

const CROSSING: Options =
    Options { case_insensitive: false, literal_separator: false, braces: true };

fn glob(pattern: &str) -> Glob {
    Glob::compile(pattern, Options::default()).unwrap()
}

fn by_walk(glob: &Glob, path: &[u8]) -> bool {
    let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (Some(&path[..slash]), &path[slash + 1..]),
        None => (None, path),
    };
    let mut state = glob.start();
    for component in dir.into_iter().flat_map(|dir| dir.split(|&b| b == b'/')) {
        match state.descend(component) {
            Some(next) => state = next,
            None => return false,
        }
    }
    state.matches(name)
}

/// Text in which `globset` and we mean the same: no empty alternatives, no classes that could
/// hold a slash, no `**` beside a brace.
fn random_pattern(rng: &mut Rng) -> String {
    let atoms: &[&str] = &[
        "a",
        "b",
        "foo",
        ".c",
        ".",
        "*",
        "*",
        "?",
        "[a-c]",
        "[xf]",
        "{a,b}",
        "{foo,a*}",
        "{a,b{c,?}}",
        "\\*",
        "c",
        ".js",
        "{.js,.c}",
        "A",
    ];
    let mut pattern = String::new();
    for component in 0..=rng.below(3) {
        if component > 0 {
            pattern.push('/');
        }
        if rng.chance(25) {
            pattern.push_str("**");
        } else {
            for _ in 0..=rng.below(3) {
                pattern.push_str(rng.pick(atoms));
            }
        }
    }
    pattern
}

fn random_path(rng: &mut Rng) -> String {
    let atoms: &[&str] = &["a", "b", "c", "foo", ".c", ".js", "*", "bc", "x", "A", "."];
    let mut path = String::new();
    for component in 0..=rng.below(4) {
        if component > 0 {
            path.push('/');
        }
        for _ in 0..=rng.below(2) {
            path.push_str(rng.pick(atoms));
        }
    }
    path
}

#[test]
fn random_globs_match_what_globset_matches() {
    let mut hits = 0;
    for seed in 0..4_000 {
        let mut rng = Rng::new(seed);
        let pattern = random_pattern(&mut rng);
        let options = Options {
            case_insensitive: rng.chance(30),
            literal_separator: rng.chance(70),
            braces: true,
        };
        let ours = Glob::compile(&pattern, options).unwrap();
        let theirs = GlobBuilder::new(&pattern)
            .literal_separator(options.literal_separator)
            .case_insensitive(options.case_insensitive)
            .build()
            .unwrap()
            .compile_matcher();
        for _ in 0..30 {
            let path = random_path(&mut rng);
            let expected = theirs.is_match(&path);
            let context = format!("seed {seed}, {pattern:?} with {options:?} on {path:?}");
            assert_eq!(ours.is_match(path.as_bytes()), expected, "{context}");
            assert_eq!(by_walk(&ours, path.as_bytes()), expected, "by walk, {context}");
            hits += u32::from(expected);
        }
    }
    assert!(hits > 4_000, "only {hits} matches tell little");
}

#[test]
fn a_set_names_every_glob_that_matches() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let patterns: Vec<_> = (0..40).map(|_| random_pattern(&mut rng)).collect();
        for options in [Options::default(), CROSSING] {
            let set = GlobSet::compile(&patterns, options).unwrap();
            let globs: Vec<_> =
                patterns.iter().map(|p| Glob::compile(p, options).unwrap()).collect();
            for _ in 0..20 {
                let path = random_path(&mut rng);
                let expected: Vec<_> =
                    (0..40).filter(|&i| globs[i].is_match(path.as_bytes())).collect();
                let mut found = vec![7];
                set.matches_into(path.as_bytes(), &mut found);
                assert_eq!(found, expected, "seed {seed}, path {path:?}");
                assert_eq!(set.is_match(path.as_bytes()), !expected.is_empty());
                let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
                match set.start_in(dir.as_bytes()) {
                    Some(state) => state.matches_into(name.as_bytes(), &mut found),
                    None => found.clear(),
                }
                assert_eq!(found, expected, "seed {seed}, walk to {path:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_walk_finds_what_the_whole_path_says(
        pattern in r"([ab\x{e9}*?/{},\[\]!^\\-]|\*\*/|\.c|\{a,b\}){0,12}",
        path in proptest::collection::vec(prop_oneof![
            Just(b'a'), Just(b'b'), Just(b'/'), Just(b'.'), Just(b'c'), Just(0xC3), Just(0xA9),
        ], 0..12),
        case_insensitive: bool,
        literal_separator: bool,
        braces: bool,
    ) {
        let options = Options { case_insensitive, literal_separator, braces };
        if let Ok(glob) = Glob::compile(&pattern, options) {
            prop_assert_eq!(glob.is_match(&path), by_walk(&glob, &path));
        }
    }
}

#[test]
fn the_prefix_is_the_directory_that_the_pattern_names() {
    for (pattern, prefix) in [
        ("net/**/*.c", "net"),
        ("*.c", ""),
        ("a/b/c", "a/b"),
        ("a/b*/c", "a"),
        ("a/{b,c}/d", "a"),
        ("a/b/{c,d}.x", "a/b"),
        ("{a/b,a/c}/x*", "a"),
        ("**", ""),
    ] {
        assert_eq!(glob(pattern).prefix(), prefix.as_bytes(), "{pattern}");
    }
    let state = glob("net/**/*.c").start_in(b"net/ipv4").unwrap();
    assert!(state.matches(b"tcp.c"));
    assert!(glob("net/*.c").start_in(b"net/ipv4").is_none());
}

#[test]
fn directories_that_lead_nowhere_are_pruned() {
    let state = glob("src/*/mod.rs").start();
    assert!(state.descend(b"docs").is_none());
    let src = state.descend(b"src").unwrap();
    assert!(!src.matches(b"mod.rs"));
    let child = src.descend(b"any").unwrap();
    assert!(child.matches(b"mod.rs"));
    assert!(child.descend(b"deeper").is_none());
}

#[test]
fn a_question_mark_and_a_class_take_a_character() {
    assert!(glob("?.txt").is_match("\u{e9}.txt".as_bytes()));
    assert!(glob("[\u{e0}-\u{fc}].txt").is_match("\u{e9}.txt".as_bytes()));
    assert!(glob("[!a].txt").is_match(b"\xFF.txt"));
    assert!(!glob("a[!b]c").is_match(b"a/c"));
    assert!(glob("[\\]]").is_match(b"]"));
    assert!(glob("x{,.bak}").is_match(b"x") && glob("x{,.bak}").is_match(b"x.bak"));
}

#[test]
fn errors_name_the_place_and_the_reason() {
    let error = |pattern: &str| Glob::compile(pattern, Options::default()).unwrap_err();
    for (pattern, position, reason) in [
        ("ab[c", 2, Reason::UnclosedClass),
        ("[]", 0, Reason::UnclosedClass),
        ("a[z-b]", 2, Reason::InvalidRange),
        ("[a/]", 2, Reason::SeparatorInClass),
        ("x{a,{b}", 1, Reason::UnclosedBrace),
        ("ab}", 2, Reason::UnopenedBrace),
        ("ab\\", 2, Reason::DanglingEscape),
    ] {
        assert_eq!(error(pattern), PatternError { position, reason }, "{pattern}");
    }
    assert_eq!(error("ab[c").to_string(), "glob: `[` without `]`; escape it as `\\[` at byte 2");
}

#[test]
fn limits_hold_at_their_edge() {
    let compile = |p: String| Glob::compile(p, Options::default()).map_err(|e| e.reason).map(drop);
    assert_eq!(compile("a".repeat(PATTERN_BYTES_MAX)), Ok(()));
    assert_eq!(compile("a".repeat(PATTERN_BYTES_MAX + 1)), Err(Reason::TooLong));
    let nested = |depth| "{".repeat(depth) + &"}".repeat(depth);
    assert_eq!(compile(nested(BRACE_DEPTH_MAX)), Ok(()));
    assert_eq!(compile(nested(BRACE_DEPTH_MAX + 1)), Err(Reason::BracesTooDeep));
    let doublings = EXPANSIONS_MAX.ilog2() as usize;
    assert_eq!(compile("{a,b}".repeat(doublings)), Ok(()));
    assert_eq!(compile("{a,b}".repeat(doublings + 1)), Err(Reason::TooManyExpansions));
    assert_eq!(compile("{a,b}".repeat(9) + &"x".repeat(999)), Err(Reason::TooManyExpansions));
}
