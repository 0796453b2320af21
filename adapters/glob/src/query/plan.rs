//! Where in an index to look for what patterns ask.

use std::ops::RangeInclusive;

use memchr::memmem::Finder;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use treenail_pattern::glob::{DirShape, NameShape, Options, Shape};

use super::postings::extension;
use super::signature::{EDGE, Signature};
use super::way::{Way, way};
use crate::pattern::{Pattern, Subject};

/// One place to look in. All that matches is found in one of those of a search.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) dir: DirShape,
    /// The directories, where their names say more than `dir`.
    pub(super) way: Option<Way>,
    pub(super) source: Source,
    /// What a name must look like besides; letters whatever their case where they are so.
    pub(super) name: Option<NameShape>,
    /// What stands between its ends, made ready where letters differ by case.
    rest: Option<Vec<Finder<'static>>>,
    /// How many bytes a name has, at least and at most.
    pub(super) lens: RangeInclusive<usize>,
    /// Whether all that is found there matches.
    pub(super) is_whole: bool,
}

impl Lookup {
    /// Whether names are not asked to look like anything besides.
    pub(super) fn accepts_all(&self) -> bool {
        self.name.is_none() && self.lens == ANY_LEN
    }

    /// Whether a name looks as it must.
    pub(super) fn accepts(&self, name: &[u8], fold: Fold) -> bool {
        self.lens.contains(&name.len())
            && match (&self.name, &self.rest) {
                (Some(NameShape::Parts(first, last, _)), Some(rest)) => {
                    let middle = first.len()..name.len().wrapping_sub(last.len());
                    name.starts_with(first)
                        && name.ends_with(last)
                        && name.get(middle).is_some_and(|middle| are_in_order(rest, middle))
                }
                (Some(shape), _) => shape.accepts(name, fold),
                (None, _) => true,
            }
    }

    /// The lookup with what names must look like besides.
    fn with_name(mut self, name: Option<NameShape>, fold: Fold) -> Self {
        if let (Some(NameShape::Parts(_, _, rest)), false) = (&name, fold) {
            self.rest = Some(rest.iter().map(|part| Finder::new(part).into_owned()).collect());
        }
        Self { name, ..self }
    }
}

/// Whether all parts are in a text, one after another. The earliest place of each one leaves the
/// most for the next ones.
fn are_in_order(parts: &[Finder<'_>], mut text: &[u8]) -> bool {
    parts.iter().all(|part| match part.find(text) {
        Some(at) => {
            text = &text[at + part.needle().len()..];
            true
        }
        None => false,
    })
}

/// Which names to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    All,
    /// Those that are just so.
    Named(Box<[u8]>),
    /// Those with an extension. They have these bits, which may be the better way.
    Extension(Box<[u8]>, Signature),
    /// Those that have these bits.
    Bits(Signature),
    /// Those that this stands in.
    Text(Box<[u8]>),
}

/// Names of any length.
const ANY_LEN: RangeInclusive<usize> = 0..=usize::MAX;

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
        let bits = Signature::of_part(&[b".", &text[..], &[EDGE]].concat());
        anywhere(Source::Extension(last.into(), bits), false)
    };
    extensions.iter().map(lookup).collect()
}

/// How much is looked at, very roughly.
pub(super) fn cost(lookup: &Lookup) -> u32 {
    match &lookup.source {
        Source::Named(_) => 1,
        Source::Extension(..) => 10,
        Source::Bits(bits) => 200 - bits.count(),
        Source::Text(_) => 200,
        Source::All if lookup.way.is_some() => 500,
        Source::All => 1_000,
    }
}

fn anywhere(source: Source, is_whole: bool) -> Lookup {
    let dir = DirShape::Below(Vec::new());
    Lookup { dir, way: None, source, name: None, rest: None, lens: ANY_LEN, is_whole }
}

fn lookups(pattern: &Pattern, subject: Subject, fold: Fold) -> Vec<Lookup> {
    let of_path = matches!(subject, Subject::Path | Subject::Absolute);
    match pattern {
        Pattern::Glob(text) => globs(text, subject, fold),
        Pattern::Fixed(text) if subject == Subject::Path && !fold => of_path_with(text),
        _ if of_path => vec![anywhere(Source::All, false)],
        Pattern::Exact(text) if fold => {
            vec![anywhere(bits(folded(&[&[EDGE], &text[..], &[EDGE]].concat())), false)]
        }
        Pattern::Exact(text) => vec![anywhere(Source::Named(text[..].into()), true)],
        Pattern::Fixed(text) if fold => vec![anywhere(bits(folded(text)), false)],
        Pattern::Fixed(text) => vec![named_with(text)],
        Pattern::Regex(text) => regex(text, fold),
    }
}

/// The place of names that a text stands in.
fn named_with(text: &[u8]) -> Lookup {
    let bits = Signature::of_part(text);
    // Few bits let many names pass, which are then looked at one by one.
    let source = match (text.is_empty(), bits.count()) {
        (true, _) => Source::All,
        (false, 0..=1) => Source::Text(text.into()),
        _ => Source::Bits(bits),
    };
    let shape = NameShape::Parts([].into(), [].into(), vec![text.into()]);
    anywhere(source, true).with_name((!text.is_empty()).then_some(shape), false)
}

/// The places of paths that a text stands in: names it ends in, and all below directories in whose
/// paths it is.
fn of_path_with(text: &[u8]) -> Vec<Lookup> {
    let Some((ways, last)) = Way::with(text) else { return vec![anywhere(Source::All, false)] };
    let [here, below] = ways.map(|way| way.map(|way| (way, anywhere(Source::All, true))));
    let below = below.map(|(way, all)| Lookup { way: Some(way), ..all });
    let here = here.map(|(way, _)| {
        let (source, name) = of_shape(NameShape::Parts(last.into(), [].into(), Vec::new()));
        Lookup { way: Some(way), ..anywhere(source, true) }.with_name(name, false)
    });
    let named = (!text.contains(&b'/')).then(|| named_with(text));
    [named, here, below].into_iter().flatten().collect()
}

fn bits(bits: Signature) -> Source {
    if bits.is_empty() { Source::All } else { Source::Bits(bits) }
}

/// The bits of a text whose letters are matched by Unicode's rules: those that are not of ASCII
/// have other forms that nothing is known of.
fn folded(marked: &[u8]) -> Signature {
    let parts = marked.split(|byte| !byte.is_ascii());
    parts.fold(Signature::default(), |bits, part| bits | Signature::of_part(part))
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
    let way = match of_path && subject != Subject::Absolute && !fold {
        true => way(glob),
        false => None,
    };
    let lookup = |Shape { dir, name, is_whole }| {
        let (dir, is_whole) = match (of_path, subject) {
            (true, Subject::Absolute) => (DirShape::Below(Vec::new()), false),
            (true, _) => (dir, is_whole),
            (false, _) => (DirShape::Below(Vec::new()), is_whole && !rest.contains(&b'/')),
        };
        let (source, name) = of_shape(name);
        let way = if is_whole { None } else { way.clone() };
        let is_whole = is_whole || way.as_ref().is_some_and(|way| way.is_whole);
        Lookup { dir, way, ..anywhere(source, is_whole) }.with_name(name, fold)
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
    let first_bits = Signature::of_part(&[&edge, &first[..]].concat());
    let ends = first_bits | Signature::of_part(&[&last[..], &edge].concat());
    let all = rest.iter().fold(ends, |bits, part| bits | Signature::of_part(part));
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
    let lookup = |hir: &Hir| Lookup { lens: lens(hir), ..anywhere(bits(of_regex(hir)), false) };
    match hir.kind() {
        HirKind::Alternation(parts) => parts.iter().map(lookup).collect(),
        _ => vec![lookup(&hir)],
    }
}

/// How long the names are that a regular expression matches.
fn lens(hir: &Hir) -> RangeInclusive<usize> {
    let all = hir.properties();
    let is_anchored =
        all.look_set_prefix().contains(Look::Start) && all.look_set_suffix().contains(Look::End);
    let max = if is_anchored { all.maximum_len() } else { None };
    all.minimum_len().unwrap_or(0)..=max.unwrap_or(usize::MAX)
}

/// The bits of every name that a regular expression matches.
fn of_regex(hir: &Hir) -> Signature {
    let (mut bits, mut run) = (Signature::default(), Vec::new());
    collect(hir, &mut run, &mut bits);
    bits | Signature::of_part(&run)
}

/// Goes on from the bytes in `run`, which stand right before.
fn collect(hir: &Hir, run: &mut Vec<u8>, bits: &mut Signature) {
    let mut end_run = |run: &mut Vec<u8>| {
        *bits = *bits | Signature::of_part(run);
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
                *bits = *bits | of_regex(&repetition.sub);
            }
        }
        HirKind::Alternation(parts) => {
            end_run(run);
            let of_all = parts.iter().map(of_regex).reduce(|a, b| a & b);
            *bits = *bits | of_all.unwrap_or_default();
        }
    }
}

/// The letter that a class stands for, if it holds it in all its cases and nothing else.
fn letter(class: &Class) -> Option<u8> {
    let single = |start: u32, end: u32| (start == end).then_some(start);
    let all: Option<Vec<u32>> = match class {
        Class::Unicode(class) => {
            class.iter().take(4).map(|r| single(r.start().into(), r.end().into())).collect()
        }
        Class::Bytes(class) => {
            class.iter().take(4).map(|r| single(r.start().into(), r.end().into())).collect()
        }
    };
    let (capital, small) = match all?[..] {
        // The sign for Kelvin and the long s.
        [capital @ 0x4B, small, 0x212A] | [capital @ 0x53, small, 0x17F] => (capital, small),
        [capital, small] => (capital, small),
        _ => return None,
    };
    let (capital, small) = (u8::try_from(capital).ok()?, u8::try_from(small).ok()?);
    (capital.is_ascii_uppercase() && capital.to_ascii_lowercase() == small).then_some(small)
}

#[cfg(test)]
mod tests {
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
        assert!(glob("*a*b*").accepts(b"xaxbx", false) && !glob("*a*b*").accepts(b"ba", false));
        assert!(!glob("aba*aba").accepts(b"ababa", false), "its ends do not overlap");
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
            ("^.{2}$", false, "\u{10348}x"),
            ("^(a|bc)$|^d$", false, "bc"),
        ] {
            let lookups = regex(text, fold);
            let all = regex::bytes::RegexBuilder::new(text).case_insensitive(fold).build().unwrap();
            assert!(all.is_match(name.as_bytes()), "{text}");
            let has = |lookup: &Lookup| match lookup.source {
                Source::Bits(bits) => Signature::of_name(name.as_bytes()).has(bits),
                _ => true,
            };
            let fits = |lookup: &Lookup| has(lookup) && lookup.lens.contains(&name.len());
            assert!(lookups.iter().any(fits), "{text} {name}");
        }
        assert!(matches!(regex("^readme", true)[0].source, Source::Bits(_)));
    }

    #[test]
    fn letters_with_other_forms_are_found_in_all_of_them() {
        let kelvin = Signature::of_name("TA\u{17f}\u{212a}".as_bytes());
        for pattern in [Pattern::Fixed(b"task".into()), Pattern::Regex("task$".into())] {
            let Lookup { source, .. } = one(pattern, true);
            assert!(matches!(source, Source::Bits(bits) if kelvin.has(bits) && bits.count() > 4));
        }
    }

    #[test]
    fn a_regex_says_how_long_names_are() {
        assert_eq!(regex("^.{3}$", false)[0].lens, 3..=12);
        assert_eq!(regex("ab+", false)[0].lens, 2..=usize::MAX);
        assert_eq!(regex("^a|b$", false)[0].lens, 1..=usize::MAX);
    }
}
