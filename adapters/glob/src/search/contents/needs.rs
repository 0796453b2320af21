//! What three bytes a file must have somewhere for a pattern to match in it.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::pattern::Case;
use crate::search::options::Options;

use super::segment::Trigram;

/// How many texts are followed side by side.
const TEXTS_MAX: usize = 64;
/// How long a text may be that is followed whole.
const TEXT_BYTES_MAX: usize = 256;
/// How many times something repeated is followed.
const REPEATS_MAX: u32 = 4;
/// How many trigrams may be asked for; more cost more than they save.
const TRIGRAMS_MAX: usize = 2_048;

/// Which trigrams a file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// None in particular.
    Nothing,
    /// This one.
    One(Trigram),
    /// All of these.
    All(Vec<Self>),
    /// One of these at least.
    Any(Vec<Self>),
}

impl Needs {
    /// What the patterns of a search need.
    ///
    /// # Errors
    /// They need nothing, for this reason.
    pub(super) fn of(patterns: &[String], options: &Options) -> Result<Self, &'static str> {
        let mut any = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let Some(hir) = parse(pattern, options) else {
                return Err("a pattern is not understood");
            };
            match needs(&hir) {
                Self::Nothing => return Err("a pattern has no literal of three bytes"),
                needs => any.push(needs),
            }
        }
        let needs = Self::any(any);
        if needs.weight() > TRIGRAMS_MAX {
            return Err("the patterns have too many literals");
        }
        Ok(needs)
    }

    fn all(mut parts: Vec<Self>) -> Self {
        parts.retain(|part| *part != Self::Nothing);
        parts.dedup();
        match parts.len() {
            0 => Self::Nothing,
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    fn any(mut parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Nothing) {
            return Self::Nothing;
        }
        parts.dedup();
        match parts.len() {
            1 => parts.remove(0),
            _ => Self::Any(parts),
        }
    }

    /// What stands somewhere, if one of the texts does.
    fn texts(texts: &[Vec<u8>]) -> Self {
        let text = |text: &Vec<u8>| {
            let mut trigrams: Vec<Trigram> =
                text.windows(3).filter(|three| is_indexed(three)).map(trigram).collect();
            trigrams.sort_unstable();
            trigrams.dedup();
            Self::all(trigrams.into_iter().map(Self::One).collect())
        };
        Self::any(texts.iter().map(text).collect())
    }

    fn weight(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(_) => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::weight).sum(),
        }
    }
}

/// Whether postings have the trigram: line ends and NUL bytes are part of none, as a search takes
/// these for those.
fn is_indexed(three: &[u8]) -> bool {
    !three.contains(&b'\n') && !three.contains(&0)
}

fn trigram(three: &[u8]) -> Trigram {
    Trigram::from_be_bytes([0, three[0], three[1], three[2]])
}

fn parse(pattern: &str, options: &Options) -> Option<Hir> {
    let escaped;
    let pattern = match options.literal {
        true => {
            escaped = regex_syntax::escape(pattern);
            &escaped
        }
        false => pattern,
    };
    // A smart search that minds the case finds less than one that does not.
    regex_syntax::ParserBuilder::new()
        .utf8(false)
        .multi_line(true)
        .unicode(options.unicode)
        .crlf(options.crlf)
        .case_insensitive(options.case != Case::Sensitive)
        .build()
        .parse(pattern)
        .ok()
}

/// What an expression is to its surroundings.
enum Part {
    /// One of these texts, and nothing else.
    Texts(Vec<Vec<u8>>),
    /// Anything with these needs.
    Other(Needs),
}

fn needs(hir: &Hir) -> Needs {
    match part(hir) {
        Part::Texts(texts) => Needs::texts(&texts),
        Part::Other(needs) => needs,
    }
}

fn part(hir: &Hir) -> Part {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Part::Texts(vec![Vec::new()]),
        HirKind::Literal(literal) if literal.0.len() <= TEXT_BYTES_MAX => {
            Part::Texts(vec![literal.0.to_vec()])
        }
        HirKind::Literal(literal) => Part::Other(Needs::texts(&[literal.0.to_vec()])),
        HirKind::Class(class) => match texts_of(class) {
            Some(texts) => Part::Texts(texts),
            None => Part::Other(Needs::Nothing),
        },
        HirKind::Capture(capture) => part(&capture.sub),
        HirKind::Concat(parts) => {
            let mut row = Row::new();
            parts.iter().for_each(|hir| row.push(part(hir)));
            row.finish()
        }
        HirKind::Alternation(branches) => alternation(branches),
        HirKind::Repetition(repetition) => {
            let (min, max) = (repetition.min, repetition.max);
            match part(&repetition.sub) {
                _ if max == Some(0) => Part::Texts(vec![Vec::new()]),
                Part::Texts(mut texts) if min == 0 => match max {
                    Some(1) if texts.len() < TEXTS_MAX => {
                        texts.push(Vec::new());
                        Part::Texts(texts)
                    }
                    _ => Part::Other(Needs::Nothing),
                },
                Part::Other(_) if min == 0 => Part::Other(Needs::Nothing),
                Part::Other(needs) => Part::Other(needs),
                Part::Texts(texts) => repeated(&texts, min, max),
            }
        }
    }
}

/// Texts that are repeated, at least once.
fn repeated(texts: &[Vec<u8>], min: u32, max: Option<u32>) -> Part {
    let mut row = Row::new();
    for _ in 0..min.min(REPEATS_MAX) {
        row.push(Part::Texts(texts.to_vec()));
    }
    if max != Some(min) || min > REPEATS_MAX {
        row.push(Part::Other(Needs::Nothing));
    }
    row.finish()
}

fn alternation(branches: &[Hir]) -> Part {
    let parts: Vec<Part> = branches.iter().map(part).collect();
    let count = |part: &Part| match part {
        Part::Texts(texts) => Some(texts.len()),
        Part::Other(_) => None,
    };
    let total = parts.iter().map(count).sum::<Option<usize>>();
    if total.is_some_and(|total| total <= TEXTS_MAX) {
        let texts = parts.into_iter().flat_map(|part| match part {
            Part::Texts(texts) => texts,
            Part::Other(_) => Vec::new(),
        });
        return Part::Texts(texts.collect());
    }
    let needs = parts.into_iter().map(|part| match part {
        Part::Texts(texts) => Needs::texts(&texts),
        Part::Other(needs) => needs,
    });
    Part::Other(Needs::any(needs.collect()))
}

/// The texts that a small class stands for.
fn texts_of(class: &Class) -> Option<Vec<Vec<u8>>> {
    const CHARACTERS_MAX: usize = 16;
    let mut texts = Vec::new();
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                if range.len() + texts.len() > CHARACTERS_MAX {
                    return None;
                }
                let characters = range.start()..=range.end();
                texts.extend(characters.map(|one| one.to_string().into_bytes()));
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges() {
                if range.len() + texts.len() > CHARACTERS_MAX {
                    return None;
                }
                texts.extend((range.start()..=range.end()).map(|byte| vec![byte]));
            }
        }
    }
    Some(texts)
}

/// Parts that follow one another.
struct Row {
    /// What may stand here, as far back as it is known.
    texts: Vec<Vec<u8>>,
    needs: Vec<Needs>,
    is_whole: bool,
}

impl Row {
    fn new() -> Self {
        Self { texts: vec![Vec::new()], needs: Vec::new(), is_whole: true }
    }

    fn push(&mut self, part: Part) {
        match part {
            Part::Texts(texts) => self.append(&texts),
            Part::Other(needs) => {
                self.note();
                self.needs.push(needs);
                self.texts = vec![Vec::new()];
            }
        }
    }

    fn append(&mut self, texts: &[Vec<u8>]) {
        let longest = |texts: &[Vec<u8>]| texts.iter().map(Vec::len).max().unwrap_or(0);
        let is_much = |row: &[Vec<u8>]| {
            row.len() * texts.len() > TEXTS_MAX || longest(row) + longest(texts) > TEXT_BYTES_MAX
        };
        if is_much(&self.texts) {
            self.note();
            // What comes next makes trigrams with the last two bytes.
            for text in &mut self.texts {
                text.drain(..text.len().saturating_sub(2));
            }
            self.texts.sort_unstable();
            self.texts.dedup();
            if is_much(&self.texts) {
                self.texts = vec![Vec::new()];
            }
        }
        let before = std::mem::take(&mut self.texts);
        let joined = before.iter().flat_map(|a| texts.iter().map(move |b| [&a[..], b].concat()));
        self.texts = joined.collect();
    }

    /// Puts down what is known to stand here.
    fn note(&mut self) {
        self.is_whole = false;
        self.needs.push(Needs::texts(&self.texts));
    }

    fn finish(mut self) -> Part {
        if self.is_whole {
            return Part::Texts(self.texts);
        }
        self.note();
        Part::Other(Needs::all(self.needs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(three: &str) -> Needs {
        Needs::One(trigram(three.as_bytes()))
    }

    fn all<const N: usize>(threes: [&str; N]) -> Needs {
        Needs::All(threes.map(one).to_vec())
    }

    fn of(pattern: &str) -> Result<Needs, &'static str> {
        Needs::of(&[pattern.to_owned()], &Options::default())
    }

    #[test]
    fn literals_need_their_trigrams_wherever_they_stand() {
        assert_eq!(of("abc"), Ok(one("abc")));
        assert_eq!(of("abcd"), Ok(all(["abc", "bcd"])));
        assert_eq!(of(r"\w+abc\d*"), Ok(one("abc")));
        assert_eq!(of("^(?:x(abc))$"), Ok(all(["abc", "xab"])));
        assert_eq!(of("ab.*cde"), Ok(one("cde")));
        assert_eq!(of("abc|xyz"), Ok(Needs::Any(vec![one("abc"), one("xyz")])));
        assert_eq!(of("a[bc]d"), Ok(Needs::Any(vec![one("abd"), one("acd")])));
        assert_eq!(of("(?:ab)+"), Err("a pattern has no literal of three bytes"));
        assert_eq!(of("(?:abc)+d"), Ok(one("abc")));
        assert_eq!(of("(?:ab){2}"), Ok(all(["aba", "bab"])));
        assert_eq!(of("xa?yz"), Ok(Needs::Any(vec![all(["ayz", "xay"]), one("xyz")])));
    }

    #[test]
    fn what_has_no_literal_of_three_bytes_needs_nothing() {
        for pattern in ["", "ab", "a*", ".", r"\w{3}", "abc|d", "(?:abc)?", "(?:abc)*x", "a\nb"] {
            assert!(of(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn letters_of_any_case_are_all_asked_for() {
        let needs = of("(?i)abc").unwrap();
        let Needs::Any(texts) = &needs else { panic!("{needs:?}") };
        assert_eq!(texts.len(), 8);
        let needs = of("(?i)createelement").unwrap();
        assert!(matches!(&needs, Needs::All(windows) if windows.len() > 2), "{needs:?}");
        assert!(needs.weight() < TRIGRAMS_MAX);
    }

    #[test]
    fn bombs_and_crowds_end_in_needing_less() {
        for pattern in ["(?:a{1000}){1000}", "(?:[a-p]{1000}){1000}", "[ab]{40}xyz"] {
            _ = of(pattern);
        }
        assert_eq!(of("(?:abc){1000}").map(|needs| needs.weight()), Ok(3));
        let many: Vec<String> = (0..3_000).map(|number| format!("needle{number:05}")).collect();
        assert!(Needs::of(&many, &Options::default()).is_err());
        assert!(Needs::of(&many[..100], &Options::default()).is_ok());
    }
}
