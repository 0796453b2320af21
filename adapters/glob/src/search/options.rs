//! What is searched for, and how.

use grep_matcher::LineTerminator;
use grep_searcher::{Encoding, SearcherBuilder};

use crate::pattern::Case;

use super::Searcher;
use super::pattern::{Compiled, PatternError, PatternErrorKind};

/// What executes the patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Finite automata: time linear in the input, whatever the pattern.
    #[default]
    Automata,
    /// PCRE2, which knows look-around and back-references; needs the feature `pcre2`.
    Pcre2,
    /// Finite automata, and PCRE2 where they do not know what a pattern asks for.
    Auto,
}

/// What is done with binary files, which are those that hold a NUL byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binary {
    /// The search of a file ends at its first NUL byte; a file that was named by the caller is
    /// searched to its end, with NUL bytes taken for ends of lines.
    #[default]
    Skip,
    /// All files are searched to the end, with NUL bytes taken for ends of lines.
    Search,
    /// NUL bytes are bytes like any other.
    Text,
}

/// What [`Search`] collects.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) literal: bool,
    pub(super) case: Case,
    pub(super) word: bool,
    pub(super) whole_line: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) crlf: bool,
    pub(super) null_data: bool,
    pub(super) unicode: bool,
    pub(super) engine: Engine,
    pub(super) invert: bool,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) passthru: bool,
    pub(super) max_count: Option<u64>,
    pub(super) stop_on_nonmatch: bool,
    pub(super) line_numbers: bool,
    pub(super) encoding: Option<String>,
    pub(super) binary: Binary,
    pub(super) replacement: Option<Vec<u8>>,
    #[cfg(feature = "compressed")]
    pub(super) compressed: bool,
    pub(super) regex_size_max: usize,
    pub(super) dfa_size_max: usize,
    pub(super) memory_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            literal: false,
            case: Case::Sensitive,
            word: false,
            whole_line: false,
            multiline: false,
            dot_all: false,
            crlf: false,
            null_data: false,
            unicode: true,
            engine: Engine::Automata,
            invert: false,
            before: 0,
            after: 0,
            passthru: false,
            max_count: None,
            stop_on_nonmatch: false,
            line_numbers: true,
            encoding: None,
            binary: Binary::Skip,
            replacement: None,
            #[cfg(feature = "compressed")]
            compressed: false,
            regex_size_max: 100 << 20,
            dfa_size_max: 1000 << 20,
            memory_max: 1 << 30,
        }
    }
}

/// What is searched for, and how. The defaults are ripgrep's.
#[derive(Clone, Debug, Default)]
pub struct Search {
    patterns: Vec<String>,
    options: Options,
}

impl Search {
    /// A search for lines that any of the patterns matches: regular expressions of the crate
    /// `regex`. Without patterns no line matches.
    pub fn new<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Self {
        let patterns = patterns.into_iter().map(Into::into).collect();
        Self { patterns, options: Options::default() }
    }

    /// Whether the patterns are no regular expressions, but meant literally. Off by default.
    #[must_use]
    pub fn literal(mut self, yes: bool) -> Self {
        self.options.literal = yes;
        self
    }

    /// How letters of the other case are taken. [`Case::Sensitive`] by default.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.options.case = case;
        self
    }

    /// Whether a match must begin and end where words do. Off by default.
    #[must_use]
    pub fn word(mut self, yes: bool) -> Self {
        self.options.word = yes;
        self
    }

    /// Whether a match must be a whole line; goes before [`word`](Self::word). Off by default.
    #[must_use]
    pub fn whole_line(mut self, yes: bool) -> Self {
        self.options.whole_line = yes;
        self
    }

    /// Whether a match may go over several lines; files are then read whole, up to
    /// [`memory_max`](Self::memory_max). Off by default.
    #[must_use]
    pub fn multiline(mut self, yes: bool) -> Self {
        self.options.multiline = yes;
        self
    }

    /// Whether `.` matches line ends too, in a search over several lines. Off by default.
    #[must_use]
    pub fn dot_all(mut self, yes: bool) -> Self {
        self.options.dot_all = yes;
        self
    }

    /// Whether `$` also matches before a carriage return at a line's end. Off by default.
    #[must_use]
    pub fn crlf(mut self, yes: bool) -> Self {
        self.options.crlf = yes;
        self
    }

    /// Whether lines end with NUL bytes, and not with line feeds. Off by default.
    #[must_use]
    pub fn null_data(mut self, yes: bool) -> Self {
        self.options.null_data = yes;
        self
    }

    /// Whether classes such as `\w` and the letters' cases are Unicode's. On by default.
    #[must_use]
    pub fn unicode(mut self, yes: bool) -> Self {
        self.options.unicode = yes;
        self
    }

    /// What executes the patterns. [`Engine::Automata`] by default.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.options.engine = engine;
        self
    }

    /// Whether the lines are wanted that no pattern matches. Off by default.
    #[must_use]
    pub fn invert(mut self, yes: bool) -> Self {
        self.options.invert = yes;
        self
    }

    /// How many lines around a match are wanted, before and after. None by default.
    #[must_use]
    pub fn context(mut self, before: usize, after: usize) -> Self {
        (self.options.before, self.options.after) = (before, after);
        self
    }

    /// Whether all lines are wanted, those without a match as context. Off by default.
    #[must_use]
    pub fn passthru(mut self, yes: bool) -> Self {
        self.options.passthru = yes;
        self
    }

    /// After how many matching lines the search of a file ends. No limit by default.
    #[must_use]
    pub fn max_count(mut self, lines: u64) -> Self {
        self.options.max_count = Some(lines);
        self
    }

    /// Whether the search of a file ends at the first line without a match that follows one with
    /// a match. Off by default.
    #[must_use]
    pub fn stop_on_nonmatch(mut self, yes: bool) -> Self {
        self.options.stop_on_nonmatch = yes;
        self
    }

    /// Whether lines are counted. On by default.
    #[must_use]
    pub fn line_numbers(mut self, yes: bool) -> Self {
        self.options.line_numbers = yes;
        self
    }

    /// The encoding of the files, by its name in the WHATWG's list; `auto`, the default, takes
    /// UTF-16 where a byte order mark says so, and bytes as they are otherwise; `none` also takes
    /// byte order marks as they are.
    #[must_use]
    pub fn encoding(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.options.encoding = (name != "auto").then_some(name);
        self
    }

    /// What is done with binary files. [`Binary::Skip`] by default.
    #[must_use]
    pub fn binary(mut self, binary: Binary) -> Self {
        self.options.binary = binary;
        self
    }

    /// What stands for each match in [`Line::replaced`](super::Line::replaced): the text, with
    /// `$1`, `${1}` and `$name` replaced by what the groups matched, and `$$` by a dollar sign.
    #[must_use]
    pub fn replacement(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.options.replacement = Some(text.into());
        self
    }

    /// Whether compressed files are searched as what they were before: gzip, bzip2, xz, lzma, lz4
    /// and Zstandard, which are told by their first bytes, and lzma and brotli by the name's
    /// ending. Off by default.
    #[cfg(feature = "compressed")]
    #[must_use]
    pub fn compressed(mut self, yes: bool) -> Self {
        self.options.compressed = yes;
        self
    }

    /// How many bytes the compiled patterns may have. 100 MiB by default.
    #[must_use]
    pub fn regex_size_max(mut self, bytes: usize) -> Self {
        self.options.regex_size_max = bytes;
        self
    }

    /// How many bytes each thread's automaton, which is built while it is used, may have; beyond
    /// it a search is slower. 1000 MiB by default.
    #[must_use]
    pub fn dfa_size_max(mut self, bytes: usize) -> Self {
        self.options.dfa_size_max = bytes;
        self
    }

    /// How many bytes of one file may be in memory at once for each thread: the longest line, or,
    /// in a search over several lines, the longest file. A file beyond it is an error. 1 GiB by
    /// default.
    #[must_use]
    pub fn memory_max(mut self, bytes: usize) -> Self {
        self.options.memory_max = bytes.max(1);
        self
    }

    /// Whether anything can match at all.
    pub fn is_possible(&self) -> bool {
        (!self.patterns.is_empty() || self.options.invert) && self.options.max_count != Some(0)
    }

    /// Compiles the patterns.
    ///
    /// # Errors
    /// A pattern breaks the rules or asks for what cannot be, the patterns are larger than the
    /// limit, or there is no such encoding.
    pub fn compile(&self) -> Result<Searcher, PatternError> {
        let matcher = Compiled::new(&self.patterns, &self.options)?;
        let searcher = self.options.searcher()?;
        Ok(Searcher::new(matcher, searcher, self.options.clone(), self.patterns.clone()))
    }
}

impl Options {
    fn searcher(&self) -> Result<SearcherBuilder, PatternError> {
        let mut builder = SearcherBuilder::new();
        builder
            .line_terminator(self.line_terminator())
            .max_matches(self.max_count)
            .invert_match(self.invert)
            .line_number(self.line_numbers)
            .multi_line(self.multiline)
            .before_context(self.before)
            .after_context(self.after)
            .passthru(self.passthru)
            .heap_limit(Some(self.memory_max))
            .stop_on_nonmatch(self.stop_on_nonmatch);
        match self.encoding.as_deref() {
            None => {}
            Some("none") => _ = builder.bom_sniffing(false),
            Some(name) => {
                let encoding = Encoding::new(name).map_err(|_| {
                    let message = format!("there is no encoding {name:?}");
                    PatternError::new(PatternErrorKind::Encoding, message)
                })?;
                builder.encoding(Some(encoding));
            }
        }
        Ok(builder)
    }

    pub(super) fn line_terminator(&self) -> LineTerminator {
        match (self.crlf, self.null_data) {
            (true, _) => LineTerminator::crlf(),
            (false, true) => LineTerminator::byte(0),
            (false, false) => LineTerminator::byte(b'\n'),
        }
    }

    /// Whether compressed files are unpacked.
    pub(super) fn is_compressed(&self) -> bool {
        #[cfg(feature = "compressed")]
        return self.compressed;
        #[cfg(not(feature = "compressed"))]
        return false;
    }

    /// Whether bytes may be another text than they are taken for.
    pub(super) fn decodes(&self, start: &[u8]) -> bool {
        match self.encoding.as_deref() {
            None => {
                let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
                marks.iter().any(|mark| start.starts_with(mark))
            }
            Some("none") => false,
            Some(_) => true,
        }
    }
}
