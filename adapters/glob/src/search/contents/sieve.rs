//! Which files a search need not read.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use treenail_os::Stat;

use crate::error::Error;
use crate::search::Searcher;
use crate::search::options::{Binary, Options};

use super::Contents;
use super::needs::Needs;
use super::segment::{BINARY, Block, FileEntry, OPAQUE, PACKED, Segment, Trigram};

/// How many blocks of postings are kept in memory while a pattern is looked up.
const BLOCKS_MAX: usize = 64;
/// How many words of what was looked up are kept: 32 MiB.
const KNOWN_WORDS_MAX: usize = 4 << 20;

/// What a search lets through of the files whose contents are known; see [`Contents::sieve`].
///
/// Clones are one: they count together.
#[derive(Clone, Debug)]
pub struct Sieve(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Vec<Part>,
    idle: Option<&'static str>,
    problems: Vec<Error>,
    compressed: bool,
    spared: AtomicU64,
}

/// What is let through of one segment.
#[derive(Debug)]
struct Part {
    segment: Arc<Segment>,
    /// A bit for each file.
    candidates: Vec<u64>,
}

impl Contents {
    /// What may have a match of this search, going by the contents that are known. Files that have
    /// changed since, and those that are not known, are let through.
    #[must_use]
    pub fn sieve(&self, searcher: &Searcher) -> Sieve {
        Sieve::of(&[self], searcher)
    }
}

impl Sieve {
    /// As [`Contents::sieve`], for several places at once.
    #[must_use]
    pub fn of(contents: &[&Contents], searcher: &Searcher) -> Self {
        let options = searcher.options();
        let mut inner = Inner {
            parts: Vec::new(),
            idle: None,
            problems: Vec::new(),
            compressed: options.is_compressed(),
            spared: AtomicU64::new(0),
        };
        let needs = match needs(searcher) {
            Ok(needs) => needs,
            Err(reason) => {
                inner.idle = Some(reason);
                return Self(Arc::new(inner));
            }
        };
        // The newest first: what it says of a file counts.
        for (path, segment) in contents.iter().flat_map(|contents| contents.segments().rev()) {
            match candidates(segment, &needs, options) {
                Ok(candidates) => {
                    inner.parts.push(Part { segment: segment.clone(), candidates });
                }
                Err(error) => {
                    inner.problems.push(Error::io_at("use the index of contents", path, error));
                    let candidates = vec![u64::MAX; segment.files().len().div_ceil(64)];
                    inner.parts.push(Part { segment: segment.clone(), candidates });
                }
            }
        }
        Self(Arc::new(inner))
    }

    /// Whether a file as it is now may have a match.
    #[must_use]
    pub fn lets_through(&self, name: &[u8], stat: &Stat) -> bool {
        let is_packed = || self.0.compressed && is_packed_by_name(name);
        for part in &self.0.parts {
            let Some(number) = part.segment.find(stat.id()) else { continue };
            let is_known = part.segment.files()[number].is_of(stat);
            let may_match = part.candidates[number / 64] >> (number % 64) & 1 != 0;
            return !is_known || may_match || is_packed();
        }
        true
    }

    /// Why everything is let through, if it is.
    #[must_use]
    pub fn idle(&self) -> Option<&str> {
        self.0.idle
    }

    /// What of the index could not be used; everything that it is of is let through.
    #[must_use]
    pub fn problems(&self) -> &[Error] {
        &self.0.problems
    }

    /// How many files have been spared so far.
    #[must_use]
    pub fn spared(&self) -> u64 {
        self.0.spared.load(Ordering::Relaxed)
    }

    pub(in crate::search) fn count_spared(&self, files: u64) {
        self.0.spared.fetch_add(files, Ordering::Relaxed);
    }
}

/// What a file needs for a line to be found in it.
fn needs(searcher: &Searcher) -> Result<Needs, &'static str> {
    let options = searcher.options();
    match options.encoding.as_deref() {
        _ if options.invert => return Err("lines that do not match are wanted"),
        _ if options.passthru => return Err("all lines are wanted"),
        _ if !searcher.is_automaton() => return Err("only PCRE2 knows what the pattern needs"),
        None | Some("none") => {}
        Some(_) => return Err("the files are of another encoding"),
    }
    Needs::of(searcher.patterns(), options)
}

/// Whether a format without a mark of its own goes by the name.
fn is_packed_by_name(name: &[u8]) -> bool {
    name.ends_with(b".br")
}

/// Whether a file of a segment is let through, as it is known.
pub(super) fn is_candidate(searcher: &Searcher, segment: &Segment, number: usize) -> bool {
    let Ok(needs) = needs(searcher) else { return true };
    let candidates = candidates(segment, &needs, searcher.options());
    candidates.is_ok_and(|bits| bits[number / 64] >> (number % 64) & 1 != 0)
}

fn candidates(segment: &Segment, needs: &Needs, options: &Options) -> io::Result<Vec<u64>> {
    let mut evaluation = Evaluation { segment, blocks: HashMap::new(), known: HashMap::new() };
    let mut bits = evaluation.of(needs)?.as_ref().clone();
    // The search of a binary file ends where its postings do, unless it is to go on.
    let ends_at_nul = options.binary == Binary::Skip && !options.null_data && !options.multiline;
    let mut through = OPAQUE;
    if !ends_at_nul {
        through |= BINARY;
    }
    if options.is_compressed() {
        through |= PACKED;
    }
    let is_through = |file: &FileEntry| file.flags & through != 0;
    for (number, _) in segment.files().iter().enumerate().filter(|(_, file)| is_through(file)) {
        bits[number / 64] |= 1 << (number % 64);
    }
    Ok(bits)
}

type Bits = Rc<Vec<u64>>;

/// Finds the files of a segment that have what is needed.
struct Evaluation<'s> {
    segment: &'s Segment,
    blocks: HashMap<u16, Option<Block>>,
    known: HashMap<Trigram, Bits>,
}

impl Evaluation<'_> {
    fn words(&self) -> usize {
        self.segment.files().len().div_ceil(64)
    }

    fn of(&mut self, needs: &Needs) -> io::Result<Bits> {
        match needs {
            Needs::Nothing => Ok(Rc::new(vec![u64::MAX; self.words()])),
            Needs::One(trigram) => self.one(*trigram),
            Needs::All(parts) => {
                let mut bits = vec![u64::MAX; self.words()];
                for part in parts {
                    let also = self.of(part)?;
                    bits.iter_mut().zip(also.iter()).for_each(|(word, also)| *word &= also);
                    if bits.iter().all(|word| *word == 0) {
                        break;
                    }
                }
                Ok(Rc::new(bits))
            }
            Needs::Any(parts) => {
                let mut bits = vec![0; self.words()];
                for part in parts {
                    let or = self.of(part)?;
                    bits.iter_mut().zip(or.iter()).for_each(|(word, or)| *word |= or);
                }
                Ok(Rc::new(bits))
            }
        }
    }

    fn one(&mut self, trigram: Trigram) -> io::Result<Bits> {
        if let Some(bits) = self.known.get(&trigram) {
            return Ok(bits.clone());
        }
        let lead = (trigram >> 8) as u16;
        if !self.blocks.contains_key(&lead) {
            if self.blocks.len() >= BLOCKS_MAX {
                self.blocks.clear();
            }
            let block = self.segment.lead(lead).map(|lead| self.segment.block(lead)).transpose()?;
            self.blocks.insert(lead, block);
        }
        let mut bits = vec![0_u64; self.words()];
        if let Some(Some(block)) = self.blocks.get(&lead) {
            block.each(trigram as u8, |file| bits[file as usize / 64] |= 1 << (file % 64))?;
        }
        let bits = Rc::new(bits);
        if self.known.len() * self.words() < KNOWN_WORDS_MAX {
            self.known.insert(trigram, bits.clone());
        }
        Ok(bits)
    }
}
