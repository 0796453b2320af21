//! Patterns compiled to one matcher, and what is said of patterns that cannot be.

use std::fmt;
use std::io;

use grep_matcher::{ByteSet, Captures, LineMatchKind, LineTerminator, Match, Matcher};
use grep_regex::{RegexCaptures, RegexMatcher, RegexMatcherBuilder};

use super::{Binary, Case, Engine, Options};

/// Why patterns cannot be searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    kind: PatternErrorKind,
    message: String,
    place: Option<Place>,
}

/// Where in the patterns the mistake is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    index: usize,
    offset: usize,
    pattern: String,
}

/// The kinds of [`PatternError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// A pattern breaks the rules of regular expressions.
    Syntax,
    /// The patterns compile to more than [`regex_size_max`](super::Search::regex_size_max).
    TooLarge,
    /// A pattern asks for a line's end in a search that goes line by line.
    LineEnd,
    /// A pattern asks for a NUL byte in a search that takes it for the sign of a binary file.
    Nul,
    /// The pattern needs an engine that this build does not have.
    NoEngine,
    /// There is no such encoding.
    Encoding,
}

impl PatternError {
    pub(super) fn new(kind: PatternErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None }
    }

    /// What is wrong.
    pub fn kind(&self) -> PatternErrorKind {
        self.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Which of the patterns it is, counted from 0, where it is one of them.
    pub fn index(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.index)
    }

    /// How many bytes into the pattern the mistake begins, where it has a place.
    pub fn offset(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.offset)
    }

    /// What can be done about it.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            PatternErrorKind::Syntax if self.wants_pcre2() => {
                "the engine PCRE2 knows look-around and back-references"
            }
            PatternErrorKind::Syntax => "correct the pattern, or search for it literally",
            PatternErrorKind::TooLarge => "make the patterns smaller, or raise the limit",
            PatternErrorKind::LineEnd => "search over several lines",
            PatternErrorKind::Nul => "search binary files as text",
            PatternErrorKind::NoEngine => "build with the feature `pcre2`",
            PatternErrorKind::Encoding => "name an encoding of the WHATWG's list, such as utf-16le",
        }
    }

    fn wants_pcre2(&self) -> bool {
        self.message.contains("look-around") || self.message.contains("backreferences")
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { offset, pattern, .. }) => {
                let column = pattern.get(..*offset).unwrap_or(pattern).chars().count() + 1;
                let (message, shown) = (&self.message, around(pattern, *offset));
                write!(f, "{message} at column {column} of the pattern {shown:?}")
            }
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for PatternError {}

/// A pattern, or of a long one what stands around a place.
fn around(pattern: &str, offset: usize) -> std::borrow::Cow<'_, str> {
    const WHOLE_BYTES_MAX: usize = 200;
    const SIDE_BYTES: usize = 40;
    if pattern.len() <= WHOLE_BYTES_MAX {
        return pattern.into();
    }
    let start = pattern.floor_char_boundary(offset.saturating_sub(SIDE_BYTES));
    let end = pattern.floor_char_boundary(offset.saturating_add(SIDE_BYTES));
    let (before, after) = (if start > 0 { "..." } else { "" }, pattern.len() > end);
    format!("{before}{}{}", &pattern[start..end], if after { "..." } else { "" }).into()
}

/// The compiled patterns, of whichever engine.
#[derive(Clone, Debug)]
pub(super) enum Compiled {
    Automata(RegexMatcher),
    #[cfg(feature = "pcre2")]
    Pcre2(grep_pcre2::RegexMatcher),
}

impl Compiled {
    pub(super) fn new(patterns: &[String], options: &Options) -> Result<Self, PatternError> {
        match options.engine {
            Engine::Automata => automata(patterns, options).map(Self::Automata),
            Engine::Pcre2 => pcre2(patterns, options),
            Engine::Auto => match automata(patterns, options) {
                Ok(matcher) => Ok(Self::Automata(matcher)),
                // Of the two errors the one of the engine that everybody has says more.
                Err(error) => pcre2(patterns, options).map_err(|_| error),
            },
        }
    }
}

fn automata(patterns: &[String], options: &Options) -> Result<RegexMatcher, PatternError> {
    let mut builder = RegexMatcherBuilder::new();
    builder.multi_line(true).unicode(options.unicode).fixed_strings(options.literal);
    match options.case {
        Case::Sensitive => {}
        Case::Insensitive => _ = builder.case_insensitive(true),
        Case::Smart => _ = builder.case_smart(true),
    }
    builder.whole_line(options.whole_line).word(options.word);
    if options.multiline {
        builder.dot_matches_new_line(options.dot_all);
        if options.crlf {
            builder.crlf(true).line_terminator(None);
        }
    } else {
        builder.line_terminator(Some(b'\n'));
        if options.crlf {
            builder.crlf(true);
        }
        if options.null_data {
            builder.line_terminator(Some(0));
        }
    }
    builder.size_limit(options.regex_size_max).dfa_size_limit(options.dfa_size_max);
    if options.binary != Binary::Text && !options.null_data {
        builder.ban_byte(Some(0));
    }
    builder.build_many(patterns).map_err(|error| explain(&error, patterns, options))
}

/// Finds the pattern and the place in it that the engine, which sees all patterns joined, stumbled
/// over.
fn explain(error: &grep_regex::Error, patterns: &[String], options: &Options) -> PatternError {
    use grep_regex::ErrorKind as Kind;
    match error.kind() {
        Kind::NotAllowed(literal) => {
            let message = format!("a pattern asks for {literal:?}, which no line contains");
            PatternError::new(PatternErrorKind::LineEnd, message)
        }
        Kind::Banned(_) => {
            let message = "a pattern asks for a NUL byte, which marks binary files".to_owned();
            PatternError::new(PatternErrorKind::Nul, message)
        }
        Kind::Regex(message) if message.contains("exceeds size limit") => {
            let limit = options.regex_size_max;
            let message = format!("compiled, the patterns exceed the limit of {limit} bytes");
            PatternError::new(PatternErrorKind::TooLarge, message)
        }
        _ => {
            let found = patterns.iter().enumerate().find_map(|(index, pattern)| {
                let (offset, message) = syntax_error(pattern, options)?;
                let place = Some(Place { index, offset, pattern: pattern.clone() });
                Some(PatternError { kind: PatternErrorKind::Syntax, message, place })
            });
            found.unwrap_or_else(|| PatternError::new(PatternErrorKind::Syntax, error.to_string()))
        }
    }
}

/// Where a pattern breaks the rules, and which.
fn syntax_error(pattern: &str, options: &Options) -> Option<(usize, String)> {
    let parsed = regex_syntax::ParserBuilder::new()
        .utf8(false)
        .multi_line(true)
        .unicode(options.unicode)
        .crlf(options.crlf)
        .build()
        .parse(pattern);
    match parsed.err()? {
        regex_syntax::Error::Parse(error) => {
            Some((error.span().start.offset, error.kind().to_string()))
        }
        regex_syntax::Error::Translate(error) => {
            Some((error.span().start.offset, error.kind().to_string()))
        }
        error => Some((0, error.to_string())),
    }
}

#[cfg(not(feature = "pcre2"))]
fn pcre2(_: &[String], _: &Options) -> Result<Compiled, PatternError> {
    Err(PatternError::new(PatternErrorKind::NoEngine, "this build is without PCRE2"))
}

#[cfg(feature = "pcre2")]
fn pcre2(patterns: &[String], options: &Options) -> Result<Compiled, PatternError> {
    // What PCRE2's own documents call enough for about everything.
    const JIT_STACK_BYTES_MAX: usize = 10 << 20;
    let mut builder = grep_pcre2::RegexMatcherBuilder::new();
    builder.multi_line(true).fixed_strings(options.literal).crlf(options.crlf);
    match options.case {
        Case::Sensitive => {}
        Case::Insensitive => _ = builder.caseless(true),
        Case::Smart => _ = builder.case_smart(true),
    }
    builder.whole_line(options.whole_line).word(options.word);
    if cfg!(target_pointer_width = "64") {
        builder.jit_if_available(true).max_jit_stack_size(Some(JIT_STACK_BYTES_MAX));
    }
    builder.utf(options.unicode).ucp(options.unicode);
    builder.dotall(options.multiline && options.dot_all);
    let matcher = builder
        .build_many(patterns)
        .map_err(|error| PatternError::new(PatternErrorKind::Syntax, error.to_string()))?;
    Ok(Compiled::Pcre2(matcher))
}

/// What a search by [`Compiled`] can fail with.
#[derive(Debug)]
pub(super) struct MatchError(String);

impl fmt::Display for MatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<MatchError> for io::Error {
    fn from(error: MatchError) -> Self {
        Self::other(error.0)
    }
}

/// What the groups of [`Compiled`] matched.
#[derive(Debug)]
pub(super) enum Groups {
    Automata(RegexCaptures),
    #[cfg(feature = "pcre2")]
    Pcre2(grep_pcre2::RegexCaptures),
}

impl Captures for Groups {
    fn len(&self) -> usize {
        match self {
            Self::Automata(groups) => groups.len(),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(groups) => groups.len(),
        }
    }

    fn get(&self, index: usize) -> Option<Match> {
        match self {
            Self::Automata(groups) => groups.get(index),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(groups) => groups.get(index),
        }
    }
}

/// Hands a call to the engine that there is.
macro_rules! engine {
    ($self:ident, $matcher:ident => $call:expr) => {
        match $self {
            Compiled::Automata($matcher) => $call.map_err(|error| MatchError(error.to_string())),
            #[cfg(feature = "pcre2")]
            Compiled::Pcre2($matcher) => $call.map_err(|error| MatchError(error.to_string())),
        }
    };
}

impl Matcher for Compiled {
    type Captures = Groups;
    type Error = MatchError;

    #[inline]
    fn find_at(&self, haystack: &[u8], at: usize) -> Result<Option<Match>, MatchError> {
        engine!(self, matcher => matcher.find_at(haystack, at))
    }

    #[inline]
    fn new_captures(&self) -> Result<Groups, MatchError> {
        match self {
            Self::Automata(matcher) => matcher
                .new_captures()
                .map(Groups::Automata)
                .map_err(|error| MatchError(error.to_string())),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(matcher) => matcher
                .new_captures()
                .map(Groups::Pcre2)
                .map_err(|error| MatchError(error.to_string())),
        }
    }

    #[inline]
    fn capture_count(&self) -> usize {
        match self {
            Self::Automata(matcher) => matcher.capture_count(),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(matcher) => matcher.capture_count(),
        }
    }

    #[inline]
    fn capture_index(&self, name: &str) -> Option<usize> {
        match self {
            Self::Automata(matcher) => matcher.capture_index(name),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(matcher) => matcher.capture_index(name),
        }
    }

    #[inline]
    fn try_find_iter<F, E>(&self, haystack: &[u8], matched: F) -> Result<Result<(), E>, MatchError>
    where
        F: FnMut(Match) -> Result<bool, E>,
    {
        engine!(self, matcher => matcher.try_find_iter(haystack, matched))
    }

    #[inline]
    fn captures_at(
        &self,
        haystack: &[u8],
        at: usize,
        groups: &mut Groups,
    ) -> Result<bool, MatchError> {
        let error = |error: &dyn fmt::Display| MatchError(error.to_string());
        match (self, groups) {
            (Self::Automata(matcher), Groups::Automata(groups)) => {
                matcher.captures_at(haystack, at, groups).map_err(|e| error(&e))
            }
            #[cfg(feature = "pcre2")]
            (Self::Pcre2(matcher), Groups::Pcre2(groups)) => {
                matcher.captures_at(haystack, at, groups).map_err(|e| error(&e))
            }
            #[cfg(feature = "pcre2")]
            _ => Err(error(&"groups of the other engine")),
        }
    }

    #[inline]
    fn shortest_match_at(&self, haystack: &[u8], at: usize) -> Result<Option<usize>, MatchError> {
        engine!(self, matcher => matcher.shortest_match_at(haystack, at))
    }

    #[inline]
    fn non_matching_bytes(&self) -> Option<&ByteSet> {
        match self {
            Self::Automata(matcher) => matcher.non_matching_bytes(),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(matcher) => matcher.non_matching_bytes(),
        }
    }

    #[inline]
    fn line_terminator(&self) -> Option<LineTerminator> {
        match self {
            Self::Automata(matcher) => matcher.line_terminator(),
            #[cfg(feature = "pcre2")]
            Self::Pcre2(matcher) => matcher.line_terminator(),
        }
    }

    #[inline]
    fn find_candidate_line(&self, haystack: &[u8]) -> Result<Option<LineMatchKind>, MatchError> {
        engine!(self, matcher => matcher.find_candidate_line(haystack))
    }
}
