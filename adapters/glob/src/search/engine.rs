//! One content searched: how it is read decides how it is searched.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use grep_searcher::{BinaryDetection, SearcherBuilder, Sink};

use super::input::{Input, Resumed, fill};
use super::lines::{Collect, FileMatches, Lines};
use super::pattern::Compiled;
#[cfg(feature = "compressed")]
use super::unpack::Format;
use super::{Binary, Options};

/// What is read of a file before it is decided how to search it. Most files are shorter, and are
/// then searched where they were read to; it and the automata fit the second-level cache.
const HEAD_BYTES: usize = 256 << 10;

/// What [`Search::compile`](super::Search::compile) makes: compiled patterns, and how to search
/// for them. Threads do best with a [`Worker`] each.
#[derive(Clone, Debug)]
pub struct Searcher {
    matcher: Compiled,
    builder: SearcherBuilder,
    options: Arc<Options>,
    patterns: Arc<Vec<String>>,
}

impl Searcher {
    pub(super) fn new(
        matcher: Compiled,
        builder: SearcherBuilder,
        options: Options,
        patterns: Vec<String>,
    ) -> Self {
        Self { matcher, builder, options: Arc::new(options), patterns: Arc::new(patterns) }
    }

    /// Searches bytes as if they were a file that the caller named.
    ///
    /// # Errors
    /// The bytes are a damaged compressed file, or one that exceeds a limit.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<FileMatches> {
        let mut found = FileMatches::default();
        self.worker().search(bytes, Content::named(), &mut found)?;
        Ok(found)
    }

    /// Searches a file that the caller named.
    ///
    /// # Errors
    /// The file cannot be read, is a damaged compressed file, or exceeds a limit.
    pub fn path(&self, path: impl AsRef<Path>) -> io::Result<FileMatches> {
        let mut found = FileMatches::default();
        let file = File::open(path.as_ref())?;
        let name = path.as_ref().as_os_str().as_encoded_bytes();
        let content = Content { name, named: true, live: false };
        self.worker().search(file, content, &mut found)?;
        Ok(found)
    }

    /// What one thread needs to search one content after the other.
    pub fn worker(&self) -> Worker {
        let (matcher, engine) = self.parts();
        Worker { matcher, engine, collect: Collect::default() }
    }

    /// What one thread needs, for a sink that borrows the patterns.
    pub(super) fn parts(&self) -> (Compiled, Engine) {
        let engine = Engine {
            searcher: self.builder.build(),
            options: self.options.clone(),
            head: vec![0; HEAD_BYTES],
        };
        (self.matcher.clone(), engine)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether finite automata execute the patterns.
    pub(super) fn is_automaton(&self) -> bool {
        matches!(self.matcher, Compiled::Automata(_))
    }
}

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Its name or path, of which only the ending matters.
    pub name: &'a [u8],
    /// Whether the caller named it, or else it was found; see [`Binary`].
    pub named: bool,
    /// Whether it comes when it comes, as through a pipe: lines are then not kept waiting for
    /// those behind them.
    pub live: bool,
}

impl Content<'_> {
    /// Something without a name that the caller wants searched.
    pub fn named() -> Self {
        Content { name: b"", named: true, live: false }
    }
}

/// What one thread needs to search one content after the other.
#[derive(Debug)]
pub struct Worker {
    matcher: Compiled,
    engine: Engine,
    collect: Collect,
}

impl Worker {
    /// Searches what `input` has to the end, and hands over the lines.
    ///
    /// # Errors
    /// It cannot be read, is a damaged compressed file, or exceeds a limit. The lines up to there
    /// have been handed over.
    pub fn search(
        &mut self,
        input: impl Read,
        content: Content<'_>,
        lines: &mut impl Lines,
    ) -> io::Result<()> {
        let sink = self.collect.sink(&self.matcher, &self.engine.options, lines);
        self.engine.search(&self.matcher, input, content, sink)
    }

    pub(super) fn input(
        &mut self,
        input: Input<'_>,
        content: Content<'_>,
        lines: &mut impl Lines,
    ) -> io::Result<()> {
        let sink = self.collect.sink(&self.matcher, &self.engine.options, lines);
        self.engine.search_input(&self.matcher, input, content, sink)
    }
}

/// How one thread searches.
#[derive(Debug)]
pub(super) struct Engine {
    searcher: grep_searcher::Searcher,
    options: Arc<Options>,
    head: Vec<u8>,
}

impl Engine {
    /// Searches what is read or in memory.
    pub(super) fn search_input<S: Sink<Error = io::Error>>(
        &mut self,
        matcher: &Compiled,
        input: Input<'_>,
        content: Content<'_>,
        sink: S,
    ) -> io::Result<()> {
        match input {
            Input::Read(input) => self.search(matcher, input, content, sink),
            Input::Bytes(bytes) if self.takes_as_is(bytes, content) => {
                self.searcher.set_binary_detection(self.detection(content));
                self.searcher.search_slice(matcher, bytes, sink)
            }
            Input::Bytes(bytes) => self.search(matcher, bytes, content, sink),
        }
    }

    /// Whether what is searched are the bytes themselves.
    fn takes_as_is(&self, bytes: &[u8], content: Content<'_>) -> bool {
        #[cfg(feature = "compressed")]
        if self.options.compressed && Format::of(bytes, content.name).is_some() {
            return false;
        }
        let _ = content;
        !self.options.decodes(bytes)
    }

    /// Searches what `input` has to the end.
    pub(super) fn search<S: Sink<Error = io::Error>>(
        &mut self,
        matcher: &Compiled,
        mut input: impl Read,
        content: Content<'_>,
        sink: S,
    ) -> io::Result<()> {
        let mut head = std::mem::take(&mut self.head);
        let searched = fill(&mut input, &mut head, content.live).and_then(|read| {
            let goes_on = read == head.len() || (content.live && read > 0);
            let rest = goes_on.then_some(input);
            self.search_from(matcher, &head[..read], rest, content, sink)
        });
        self.head = head;
        searched.map_err(|error| self.name_limit(error))
    }

    /// Searches what begins with `head` and goes on with `rest`, if there is more.
    fn search_from<S: Sink<Error = io::Error>>(
        &mut self,
        matcher: &Compiled,
        head: &[u8],
        rest: Option<impl Read>,
        content: Content<'_>,
        sink: S,
    ) -> io::Result<()> {
        #[cfg(feature = "compressed")]
        if self.options.compressed
            && let Some(format) = Format::of(head, content.name)
        {
            self.searcher.set_binary_detection(self.detection(content));
            let unpacked = format.reader(head, Resumed::new(head, rest, content.live))?;
            return self.searcher.search_reader(matcher, unpacked, sink);
        }
        let detection = self.detection(content);
        let goes_by_line = !self.searcher.multi_line_with_matcher(matcher);
        let is_clean = detection == BinaryDetection::none() || memchr::memchr(0, head).is_none();
        // An inverted search that ends early has seen more where everything is in memory; what it
        // says of itself is to be one thing.
        let is_alike = !self.options.invert;
        let in_memory = rest.is_none() && is_alike && !self.options.decodes(head);
        // Where NUL bytes are met decides what a search by line does with them, and that depends
        // on how much is read at a time: what is only read piece by piece is then always read so.
        if in_memory && (is_clean || !goes_by_line) {
            let detection = if is_clean { BinaryDetection::none() } else { detection };
            self.searcher.set_binary_detection(detection);
            return self.searcher.search_slice(matcher, head, sink);
        }
        self.searcher.set_binary_detection(detection);
        self.searcher.search_reader(matcher, Resumed::new(head, rest, content.live), sink)
    }

    fn detection(&self, content: Content<'_>) -> BinaryDetection {
        match self.options.binary {
            _ if self.options.null_data => BinaryDetection::none(),
            Binary::Text => BinaryDetection::none(),
            Binary::Skip if !content.named => BinaryDetection::quit(0),
            Binary::Skip | Binary::Search => BinaryDetection::convert(0),
        }
    }

    /// Says which limit it was and what it is for, where the searcher only says that there is one.
    fn name_limit(&self, error: io::Error) -> io::Error {
        if !error.to_string().starts_with("configured allocation limit") {
            return error;
        }
        let what = if self.options.multiline { "the file" } else { "a line" };
        let limit = self.options.memory_max;
        let message = format!("{what} is longer than the limit of {limit} bytes of memory");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    }
}
