//! Where in an index to look for what patterns ask.

use memchr::memmem::Finder;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use treenail_pattern::glob::{DirShape, NameShape, Options, Shape};

use super::postings::extension;
use super::signature::{EDGE, of_part};
use crate::pattern::{Pattern, Subject};

/// One place to look in. All that matches is found in one of those of a search.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) dir: DirShape,
    pub(super) source: Source,
    /// What a name must look like besides; letters whatever their case where they are so.
    pub(super) name: Option<NameShape>,
    /// The same for a text that stands anywhere, made ready.
    pub(super) text: Option<Finder<'static>>,
    /// Whether all that is found there matches.
    pub(super) is_whole: bool,
}

impl Lookup {
    /// Whether a name looks as it must.
    pub(super) fn accepts(&self, name: &[u8], fold: Fold) -> bool {
        match (&self.text, &self.name) {
            (Some(text), _) => text.find(name).is_some(),
            (None, Some(shape)) => shape.accepts(name, fold),
            (None, None) => true,
        }
    }

    /// The lookup with what names must look like besides.
    fn with_name(mut self, name: Option<NameShape>, fold: Fold) -> Self {
        if let (Some(NameShape::Parts(first, last, rest)), false) = (&name, fold)
            && let ([], [], [text]) = (&first[..], &last[..], &rest[..])
        {
            self.text = Some(Finder::new(text).into_owned());
        }
        Self { name, ..self }
    }
}

/// Which names to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    All,
    /// Those that are just so.
    Named(Box<[u8]>),
    /// Those with an extension. They have these bits, which may be the better way.
    Extension(Box<[u8]>, u64),
    /// Those that have these bits.
    Bits(u64),
    /// Those that this stands in.
    Text(Box<[u8]>),
}

/// Letters are the same whatever their case, or not.
type Fold = bool;

/// The places to look in for what the best group of patterns asks, and whether nothing else is
/// asked of names and paths.
pub(super) fn plan(groups: &[Vec<Pattern>], subject: Subject, fold: Fold) -> (Vec<Lookup>, bool) {
    let asking = groups.iter().filter(|group| !group.is_empty());
    let all = asking.map(|group| {
        group.iter().flat_map(|pattern| lookups(pattern, subject, fold)).collect::<Vec<_>>()
    });
    let all: Vec<_> = all.collect();
    let alone = all.len() <= 1;
    let best = all.into_iter().min_by_key(|lookups| lookups.iter().map(cost).sum::<u32>());
    (best.unwrap_or_else(|| vec![anywhere(Source::All, true)]), alone)
}

/// The places of names that end in any of these behind a dot, whatever the case.
pub(super) fn with_extensions(extensions: &[Vec<u8>]) -> Vec<Lookup> {
    let lookup = |text: &Vec<u8>| {
        let last = extension(text).unwrap_or(text);
        let bits = of_part(&[b".", &text[..], &[EDGE]].concat());
        anywhere(Source::Extension(last.into(), bits), false)
    };
    extensions.iter().map(lookup).collect()
}

/// How much is looked at, very roughly.
pub(super) fn cost(lookup: &Lookup) -> u32 {
    match &lookup.source {
        Source::Named(_) => 1,
        Source::Extension(..) => 10,
        Source::Bits(bits) => 100 - bits.count_ones(),
        Source::Text(_) => 100,
        Source::All => 1_000,
    }
}

fn anywhere(source: Source, is_whole: bool) -> Lookup {
    Lookup { dir: DirShape::Below(Vec::new()), source, name: None, text: None, is_whole }
}

fn lookups(pattern: &Pattern, subject: Subject, fold: Fold) -> Vec<Lookup> {
    let of_path = matches!(subject, Subject::Path | Subject::Absolute);
    match pattern {
        Pattern::Glob(text) => globs(text, subject, fold),
        _ if of_path => vec![anywhere(Source::All, false)],
        Pattern::Exact(text) if fold => vec![anywhere(bits(folded(text, EDGE)), false)],
        Pattern::Exact(text) => vec![anywhere(Source::Named(text[..].into()), true)],
        Pattern::Fixed(text) if fold => vec![anywhere(bits(folded(text, b'k')), false)],
        Pattern::Fixed(text) => {
            let bits = of_part(text);
            // Few bits let many names pass, which are then looked at one by one.
            let source = match (text.is_empty(), bits.count_ones()) {
                (true, _) => Source::All,
                (false, 0..=2) => Source::Text(text[..].into()),
                _ => Source::Bits(bits),
            };
            let name = match text[..] {
                [] => None,
                _ => Some(NameShape::Parts([].into(), [].into(), vec![text[..].into()])),
            };
            vec![anywhere(source, true).with_name(name, fold)]
        }
        Pattern::Regex(text) => regex(text, fold),
    }
}

fn bits(bits: u64) -> Source {
    if bits == 0 { Source::All } else { Source::Bits(bits) }
}

/// The bits of a text whose letters are matched by Unicode's rules: `k` and `s` are also written
/// with other characters than their capitals. `edge` is [`EDGE`] if it is the whole name.
fn folded(text: &[u8], edge: u8) -> u64 {
    let marked = [&[edge], text, &[edge]].concat();
    let breaks = |byte: &u8| !byte.is_ascii() || b"kKsS".contains(byte);
    marked.split(breaks).fold(0, |bits, part| bits | of_part(part))
}

fn globs(text: &[u8], subject: Subject, fold: Fold) -> Vec<Lookup> {
    let rest = text.strip_prefix(b"**/").unwrap_or(text);
    let asks_path = match subject {
        Subject::Path | Subject::Absolute => true,
        Subject::Auto => text.contains(&b'/'),
        Subject::Name => false,
    };
    let of_path = asks_path && (rest.contains(&b'/') || rest.len() == text.len());
    let options = Options { case_insensitive: fold, ..Options::default() };
    let glob = if of_path { text } else { rest };
    let Ok(shapes) = Shape::of(glob, options) else {
        return vec![anywhere(Source::All, false)];
    };
    let lookup = |Shape { dir, name, is_whole }| {
        let (dir, is_whole) = match (of_path, subject) {
            (true, Subject::Absolute) => (DirShape::Below(Vec::new()), false),
            (true, _) => (dir, is_whole),
            (false, _) => (DirShape::Below(Vec::new()), is_whole && !rest.contains(&b'/')),
        };
        let (source, name) = of_shape(name);
        Lookup { dir, ..anywhere(source, is_whole) }.with_name(name, fold)
    };
    shapes.into_iter().map(lookup).collect()
}

/// Where names of a shape are, and what is to be checked of those.
fn of_shape(shape: NameShape) -> (Source, Option<NameShape>) {
    let (first, last, rest) = match &shape {
        NameShape::Literal(name) => return (Source::Named(name.clone()), None),
        NameShape::Parts(first, last, rest) => (first, last, rest),
    };
    let edge = [EDGE];
    let ends = of_part(&[&edge, &first[..]].concat()) | of_part(&[&last[..], &edge].concat());
    let all = rest.iter().fold(ends, |bits, part| bits | of_part(part));
    let suffix = extension(last).map(Box::from);
    let source = suffix.map_or_else(|| bits(all), |suffix| Source::Extension(suffix, all));
    let only_extension = last.first() == Some(&b'.') && !last[1..].contains(&b'.');
    let decided = first.is_empty() && rest.is_empty() && (last.is_empty() || only_extension);
    (source, (!decided).then_some(shape))
}

fn regex(text: &str, fold: Fold) -> Vec<Lookup> {
    let mut parser = ParserBuilder::new();
    let parser = parser.utf8(false).case_insensitive(fold).dot_matches_new_line(true);
    let Ok(hir) = parser.build().parse(text) else { return vec![anywhere(Source::All, false)] };
    let lookup = |hir: &Hir| anywhere(bits(of_regex(hir)), false);
    match hir.kind() {
        HirKind::Alternation(parts) => parts.iter().map(lookup).collect(),
        _ => vec![lookup(&hir)],
    }
}

/// The bits of every name that a regular expression matches.
fn of_regex(hir: &Hir) -> u64 {
    let (mut bits, mut run) = (0, Vec::new());
    collect(hir, &mut run, &mut bits);
    bits | of_part(&run)
}

/// Goes on from the bytes in `run`, which stand right before.
fn collect(hir: &Hir, run: &mut Vec<u8>, bits: &mut u64) {
    let mut end_run = |run: &mut Vec<u8>| {
        *bits |= of_part(run);
        run.clear();
    };
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => run.extend_from_slice(&literal.0),
        HirKind::Class(class) => match letter(class) {
            Some(byte) => run.push(byte),
            None => end_run(run),
        },
        HirKind::Look(Look::Start) => {
            end_run(run);
            run.push(EDGE);
        }
        HirKind::Look(Look::End) => {
            run.push(EDGE);
            end_run(run);
        }
        // Whatever it looks at, it takes nothing.
        HirKind::Look(_) => {}
        HirKind::Capture(capture) => collect(&capture.sub, run, bits),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, run, bits)),
        HirKind::Repetition(repetition) => {
            end_run(run);
            if repetition.min > 0 {
                *bits |= of_regex(&repetition.sub);
            }
        }
        HirKind::Alternation(parts) => {
            end_run(run);
            *bits |= parts.iter().map(of_regex).reduce(|a, b| a & b).unwrap_or(0);
        }
    }
}

/// The letter that a class stands for, if it holds it in both cases and nothing else.
fn letter(class: &Class) -> Option<u8> {
    let (a, b) = match class {
        Class::Unicode(class) => match class.ranges() {
            [a, b] if a.start() == a.end() && b.start() == b.end() => {
                (u8::try_from(a.start()).ok()?, u8::try_from(b.start()).ok()?)
            }
            _ => return None,
        },
        Class::Bytes(class) => match class.ranges() {
            [a, b] if a.start() == a.end() && b.start() == b.end() => (a.start(), b.start()),
            _ => return None,
        },
    };
    (a.is_ascii() && a.is_ascii_uppercase() && a.to_ascii_lowercase() == b).then_some(b)
}

#[cfg(test)]
mod tests {
    use super::super::signature::of_name;
    use super::*;

    fn one(pattern: Pattern, fold: bool) -> Lookup {
        let (mut lookups, alone) = plan(&[vec![pattern]], Subject::Auto, fold);
        assert!(alone && lookups.len() == 1);
        lookups.remove(0)
    }

    fn glob(text: &str) -> Lookup {
        one(Pattern::Glob(text.into()), false)
    }

    #[test]
    fn what_can_be_looked_up_is() {
        assert_eq!(glob("main.rs").source, Source::Named((*b"main.rs").into()));
        assert!(glob("main.rs").is_whole && glob("**/main.rs").is_whole);
        assert!(matches!(glob("*.rs").source, Source::Extension(text, _) if *text == *b"rs"));
        assert!(glob("*.rs").name.is_none() && glob("*.rs").is_whole);
        assert!(glob("*.test.js").name.is_some() && glob("x*.js").name.is_some());
        assert!(matches!(glob("*config*").source, Source::Bits(_)));
        assert_eq!(glob("src/**/*.rs").dir, DirShape::Below(b"src".into()));
        assert_eq!(glob("src/*.rs").dir, DirShape::In(b"src".into()));
        assert_eq!(glob("*").source, Source::All);
        assert!(matches!(one(Pattern::Fixed(b"ab".into()), false).source, Source::Text(_)));
    }

    #[test]
    fn the_group_that_asks_most_is_looked_up() {
        let groups = [vec![Pattern::Regex(".".into())], vec![Pattern::Exact(b"x".into())]];
        let (lookups, alone) = plan(&groups, Subject::Auto, false);
        assert!(!alone);
        assert!(matches!(lookups[0].source, Source::Named(_)));
    }

    #[test]
    fn a_name_that_a_regex_matches_has_its_bits() {
        for (text, fold, name) in [
            ("^read.*\\.md$", true, "ReadMe.MD"),
            ("(ab|cd)ef", false, "xcdefx"),
            ("k[ij]s", true, "\u{212a}i\u{17f}"),
            ("a(bc)?d", false, "ad"),
            ("(bc){2,}", false, "bcbc"),
            ("foo|^bar$", false, "bar"),
            (r"x\b.y", false, "x-y"),
            ("", false, ""),
            ("\u{e9}t", true, "\u{c9}T"),
        ] {
            let lookups = regex(text, fold);
            let all = regex::bytes::RegexBuilder::new(text).case_insensitive(fold).build().unwrap();
            assert!(all.is_match(name.as_bytes()), "{text}");
            let has = |lookup: &Lookup| match lookup.source {
                Source::Bits(bits) => bits & !of_name(name.as_bytes()) == 0,
                _ => true,
            };
            assert!(lookups.iter().any(has), "{text} {name}");
        }
        assert!(matches!(regex("^readme", true)[0].source, Source::Bits(_)));
    }

    #[test]
    fn letters_with_other_forms_are_not_relied_on() {
        let Lookup { source, .. } = one(Pattern::Fixed(b"task".into()), true);
        let kelvin = of_name("TA\u{17f}\u{212a}".as_bytes());
        assert!(matches!(source, Source::Bits(bits) if bits & !kelvin == 0));
    }
}
