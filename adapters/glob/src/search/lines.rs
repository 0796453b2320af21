//! The lines that a search finds: handed over one by one, or kept for a file.

use std::io;
use std::ops::{ControlFlow, Range};

use grep_matcher::{Captures, LineTerminator, Matcher};
use grep_searcher::{Searcher, Sink, SinkContext, SinkFinish, SinkMatch};

use super::Options;
use super::pattern::{Compiled, Groups};

/// How far behind the lines of a match a look-ahead may look when its places are sought again.
const LOOK_AHEAD_BYTES: usize = 128;

/// A line, or, in a search over several lines, the lines of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Why it is here.
    pub kind: LineKind,
    /// The number of the (first) line, counted from 1; none if lines are not counted.
    pub number: Option<u64>,
    /// How many bytes come before it, after decompression and decoding.
    pub offset: u64,
    /// The bytes, with the ends of lines.
    pub bytes: &'a [u8],
    /// Where the matches are in the bytes; in an inverted search those of lines around.
    pub spans: &'a [Range<usize>],
    /// The bytes with every match replaced, if the search replaces.
    pub replaced: Option<&'a [u8]>,
}

/// Why a line is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It matches.
    Match,
    /// A line near it matches, or all lines are wanted.
    Context,
}

/// Who is handed lines.
pub trait Lines {
    /// Takes a line; [`ControlFlow::Break`] ends the search of the file.
    fn line(&mut self, line: &Line<'_>) -> ControlFlow<()>;

    /// Called when a file has a NUL byte for the first time, at that offset, and the search minds
    /// it. Does nothing unless it is overridden.
    fn binary(&mut self, offset: u64) {
        let _ = offset;
    }

    /// Called at the end, with how many bytes were searched. Does nothing unless it is overridden.
    fn end(&mut self, bytes_searched: u64) {
        let _ = bytes_searched;
    }
}

impl<F: FnMut(&Line<'_>) -> ControlFlow<()>> Lines for F {
    fn line(&mut self, line: &Line<'_>) -> ControlFlow<()> {
        self(line)
    }
}

/// What was found in one file.
#[derive(Clone, Debug, Default)]
pub struct FileMatches {
    bytes: Vec<u8>,
    spans: Vec<Range<usize>>,
    lines: Vec<Kept>,
    bytes_searched: u64,
    binary_offset: Option<u64>,
}

/// Where the parts of a line are kept.
#[derive(Clone, Debug)]
struct Kept {
    kind: LineKind,
    number: Option<u64>,
    offset: u64,
    bytes: Range<usize>,
    spans: Range<usize>,
    replaced: Option<Range<usize>>,
}

impl FileMatches {
    /// The lines, in their order.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> {
        (0..self.lines.len()).map(|index| self.line(index))
    }

    /// One line.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn line(&self, index: usize) -> Line<'_> {
        let kept = &self.lines[index];
        Line {
            kind: kept.kind,
            number: kept.number,
            offset: kept.offset,
            bytes: &self.bytes[kept.bytes.clone()],
            spans: &self.spans[kept.spans.clone()],
            replaced: kept.replaced.clone().map(|range| &self.bytes[range]),
        }
    }

    /// Whether there are no lines, with a match or around one.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Where the first NUL byte is that the search minded.
    pub fn binary_offset(&self) -> Option<u64> {
        self.binary_offset
    }

    /// How many bytes were searched.
    pub fn bytes_searched(&self) -> u64 {
        self.bytes_searched
    }

    /// About how many bytes of memory it takes.
    pub(super) fn bytes_kept(&self) -> usize {
        self.bytes.len() + size_of_val(&self.spans[..]) + size_of_val(&self.lines[..])
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.lines.clear();
        (self.bytes_searched, self.binary_offset) = (0, None);
    }
}

impl Lines for FileMatches {
    fn line(&mut self, line: &Line<'_>) -> ControlFlow<()> {
        let mut keep = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let (bytes, replaced) = (keep(line.bytes), line.replaced.map(keep));
        let first = self.spans.len();
        self.spans.extend_from_slice(line.spans);
        let spans = first..self.spans.len();
        let Line { kind, number, offset, .. } = *line;
        self.lines.push(Kept { kind, number, offset, bytes, spans, replaced });
        ControlFlow::Continue(())
    }

    fn binary(&mut self, offset: u64) {
        self.binary_offset = Some(offset);
    }

    fn end(&mut self, bytes_searched: u64) {
        self.bytes_searched = bytes_searched;
    }
}

/// The memory with which spans are found and matches replaced.
#[derive(Debug, Default)]
pub(super) struct Collect {
    spans: Vec<Range<usize>>,
    replaced: Vec<u8>,
    groups: Option<Groups>,
}

impl Collect {
    /// What hands the lines of one file to `lines`.
    pub(super) fn sink<'a, L: Lines>(
        &'a mut self,
        matcher: &'a Compiled,
        options: &Options,
        lines: &'a mut L,
    ) -> LinesSink<'a, L> {
        LinesSink { collect: self, matcher, replacement: options.replacement.clone(), lines }
    }

    /// Finds the matches in `buffer[range]`, and replaces them.
    fn find(
        &mut self,
        searcher: &Searcher,
        matcher: &Compiled,
        replacement: Option<&[u8]>,
        buffer: &[u8],
        range: Range<usize>,
    ) -> io::Result<()> {
        self.spans.clear();
        self.replaced.clear();
        let end = if searcher.multi_line_with_matcher(matcher) {
            buffer.len().min(range.end + LOOK_AHEAD_BYTES)
        } else {
            // A look-around must not see the line's end.
            range.end - terminator(searcher.line_terminator(), &buffer[range.clone()])
        };
        let (haystack, start) = (&buffer[..end], range.start);
        let Some(replacement) = replacement else {
            let spans = &mut self.spans;
            matcher.find_iter_at(haystack, start, |found| {
                let is_inside = found.start() < range.end;
                if is_inside {
                    spans.push(found.start() - start..found.end().min(range.end) - start);
                }
                is_inside
            })?;
            self.drop_empty_end(range.len());
            return Ok(());
        };
        let mut groups = match self.groups.take() {
            Some(groups) => groups,
            None => matcher.new_captures()?,
        };
        let mut done = start;
        let (spans, replaced) = (&mut self.spans, &mut self.replaced);
        matcher.captures_iter_at(haystack, start, &mut groups, |groups| {
            let found = groups.as_match();
            let is_end = found.is_empty() && found.start() >= range.end && !range.is_empty();
            if found.start() >= range.end || is_end {
                return false;
            }
            spans.push(found.start() - start..found.end().min(range.end) - start);
            replaced.extend_from_slice(&haystack[done..found.start()]);
            let index = |name: &str| matcher.capture_index(name);
            groups.interpolate(index, haystack, replacement, replaced);
            done = found.end();
            true
        })?;
        if done < range.end {
            replaced.extend_from_slice(&buffer[done..range.end]);
        }
        self.groups = Some(groups);
        Ok(())
    }

    /// An empty match behind the last byte is in no line.
    fn drop_empty_end(&mut self, length: usize) {
        let is_behind = |span: &Range<usize>| span.is_empty() && span.start >= length;
        if self.spans.last().is_some_and(is_behind) {
            self.spans.pop();
        }
    }
}

/// How many bytes a line's end has.
fn terminator(expected: LineTerminator, line: &[u8]) -> usize {
    match expected.is_suffix(line) {
        true if expected.is_crlf() && line.ends_with(b"\r\n") => 2,
        true => 1,
        false => 0,
    }
}

/// Hands lines over.
pub(super) struct LinesSink<'a, L> {
    collect: &'a mut Collect,
    matcher: &'a Compiled,
    replacement: Option<Vec<u8>>,
    lines: &'a mut L,
}

impl<L: Lines> LinesSink<'_, L> {
    fn hand_over(
        &mut self,
        kind: LineKind,
        number: Option<u64>,
        offset: u64,
        bytes: &[u8],
    ) -> bool {
        let replaced = self.replacement.is_some().then_some(&self.collect.replaced[..]);
        let replaced = replaced.filter(|_| !self.collect.spans.is_empty());
        let spans = &self.collect.spans;
        let line = Line { kind, number, offset, bytes, spans, replaced };
        self.lines.line(&line).is_continue()
    }
}

impl<L: Lines> Sink for LinesSink<'_, L> {
    type Error = io::Error;

    fn matched(&mut self, searcher: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        let (replacement, range) = (self.replacement.as_deref(), found.bytes_range_in_buffer());
        self.collect.find(searcher, self.matcher, replacement, found.buffer(), range)?;
        let (number, offset) = (found.line_number(), found.absolute_byte_offset());
        Ok(self.hand_over(LineKind::Match, number, offset, found.bytes()))
    }

    fn context(&mut self, searcher: &Searcher, line: &SinkContext<'_>) -> io::Result<bool> {
        let bytes = line.bytes();
        self.collect.spans.clear();
        if searcher.invert_match() {
            let (replacement, range) = (self.replacement.as_deref(), 0..bytes.len());
            self.collect.find(searcher, self.matcher, replacement, bytes, range)?;
        }
        let (number, offset) = (line.line_number(), line.absolute_byte_offset());
        Ok(self.hand_over(LineKind::Context, number, offset, bytes))
    }

    fn binary_data(&mut self, _: &Searcher, offset: u64) -> io::Result<bool> {
        self.lines.binary(offset);
        Ok(true)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> io::Result<()> {
        self.lines.end(finish.byte_count());
        Ok(())
    }
}
