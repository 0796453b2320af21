//! The syntax of globs: from text to the plain patterns that its braces stand for.

use super::error::{PatternError, Reason};
use super::{BRACE_DEPTH_MAX, EXPANDED_TOKENS_MAX, EXPANSIONS_MAX, Options, PATTERN_BYTES_MAX};
use crate::token::{CharSet, Token, unit};

/// A token of a pattern without braces; `/` is a plain byte and stars are still single.
pub(super) type Expansion = Vec<Token>;

/// The patterns that `pattern` stands for, at least one.
pub(super) fn expand(pattern: &[u8], options: Options) -> Result<Vec<Expansion>, PatternError> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(PatternError { position: PATTERN_BYTES_MAX, reason: Reason::TooLong });
    }
    let mut parser = Parser { pattern, at: 0, options };
    let expansions = parser.sequence(0)?;
    match parser.at {
        at if at < pattern.len() => Err(parser.error(at, Reason::UnopenedBrace)),
        _ => Ok(expansions),
    }
}

/// The texts that the braces of `pattern` stand for, at least one; they are as well formed as it.
pub(super) fn expand_text(pattern: &[u8]) -> Result<Vec<Vec<u8>>, PatternError> {
    // By this it is known to be within all limits.
    expand(pattern, Options::default())?;
    Parser { pattern, at: 0, options: Options::default() }.texts(0)
}

struct Parser<'p> {
    pattern: &'p [u8],
    at: usize,
    options: Options,
}

impl Parser<'_> {
    fn error(&self, position: usize, reason: Reason) -> PatternError {
        PatternError { position, reason }
    }

    /// Reads up to the end, or within braces up to a `,` or `}`.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Expansion>, PatternError> {
        let mut so_far = vec![Vec::new()];
        // Plain tokens wait here, so that a run of them is copied once into each expansion.
        let mut run = Vec::new();
        while let Some(&byte) = self.pattern.get(self.at) {
            let braces = self.options.braces;
            match byte {
                b'{' if braces => {
                    self.append(&mut so_far, &mut run)?;
                    let open = self.at;
                    let alternatives = self.braces(depth)?;
                    so_far = self.product(&so_far, &alternatives, open)?;
                }
                b'}' if braces => break,
                b',' if braces && depth > 0 => break,
                _ => self.token(&mut run)?,
            }
        }
        self.append(&mut so_far, &mut run)?;
        Ok(so_far)
    }

    /// Reads what [`sequence`](Self::sequence) reads, and keeps it as it is written.
    fn texts(&mut self, depth: usize) -> Result<Vec<Vec<u8>>, PatternError> {
        let mut so_far = vec![Vec::new()];
        while let Some(&byte) = self.pattern.get(self.at) {
            match byte {
                b'{' => {
                    let mut alternatives = Vec::new();
                    while self.pattern.get(self.at).is_some_and(|&byte| byte != b'}') {
                        self.at += 1;
                        alternatives.append(&mut self.texts(depth + 1)?);
                    }
                    self.at += 1;
                    let pairs =
                        so_far.iter().flat_map(|l| alternatives.iter().map(move |r| (l, r)));
                    so_far =
                        pairs.map(|(l, r): (&Vec<u8>, &Vec<u8>)| [&l[..], r].concat()).collect();
                }
                b'}' => break,
                b',' if depth > 0 => break,
                _ => {
                    let start = self.at;
                    self.token(&mut Vec::new())?;
                    let text = &self.pattern[start..self.at];
                    so_far.iter_mut().for_each(|so_far| so_far.extend_from_slice(text));
                }
            }
        }
        Ok(so_far)
    }

    /// Moves a run of plain tokens to the end of every expansion.
    fn append(&self, to: &mut [Expansion], run: &mut Vec<Token>) -> Result<(), PatternError> {
        let tokens = to.iter().map(Vec::len).sum::<usize>();
        if tokens + run.len() * to.len() > EXPANDED_TOKENS_MAX {
            return Err(self.error(self.at, Reason::TooManyExpansions));
        }
        for expansion in to {
            expansion.extend_from_slice(run);
        }
        run.clear();
        Ok(())
    }

    fn braces(&mut self, depth: usize) -> Result<Vec<Expansion>, PatternError> {
        let open = self.at;
        if depth == BRACE_DEPTH_MAX {
            return Err(self.error(open, Reason::BracesTooDeep));
        }
        let mut alternatives = Vec::new();
        loop {
            self.at += 1;
            alternatives.append(&mut self.sequence(depth + 1)?);
            self.check_size(&alternatives, 1, 0, open)?;
            match self.pattern.get(self.at) {
                Some(b',') => {}
                Some(_) => {
                    self.at += 1;
                    return Ok(alternatives);
                }
                None => return Err(self.error(open, Reason::UnclosedBrace)),
            }
        }
    }

    fn product(
        &self,
        left: &[Expansion],
        right: &[Expansion],
        open: usize,
    ) -> Result<Vec<Expansion>, PatternError> {
        let left_tokens = left.iter().map(Vec::len).sum::<usize>();
        self.check_size(right, left.len(), left_tokens, open)?;
        Ok(left.iter().flat_map(|l| right.iter().map(|r| [&l[..], &r[..]].concat())).collect())
    }

    /// Refuses what would exceed a limit before it is built.
    fn check_size(
        &self,
        right: &[Expansion],
        left_count: usize,
        left_tokens: usize,
        open: usize,
    ) -> Result<(), PatternError> {
        let right_tokens = right.iter().map(Vec::len).sum::<usize>();
        let count = left_count.saturating_mul(right.len());
        let tokens = left_tokens
            .saturating_mul(right.len())
            .saturating_add(right_tokens.saturating_mul(left_count));
        if count > EXPANSIONS_MAX || tokens > EXPANDED_TOKENS_MAX {
            return Err(self.error(open, Reason::TooManyExpansions));
        }
        Ok(())
    }

    fn token(&mut self, out: &mut Vec<Token>) -> Result<(), PatternError> {
        let start = self.at;
        self.at += 1;
        match self.pattern[start] {
            b'*' => out.push(Token::Star),
            b'?' => out.push(Token::AnyChar),
            b'[' => {
                let class = self.class(start)?;
                out.push(class);
            }
            b'\\' => {
                let &escaped = self
                    .pattern
                    .get(self.at)
                    .ok_or_else(|| self.error(start, Reason::DanglingEscape))?;
                self.at += 1;
                out.push(Token::Byte(self.fold(escaped)));
            }
            byte => out.push(Token::Byte(self.fold(byte))),
        }
        Ok(())
    }

    fn fold(&self, byte: u8) -> u8 {
        if self.options.case_insensitive { byte.to_ascii_lowercase() } else { byte }
    }

    /// Reads a class whose `[` stands at `open`.
    fn class(&mut self, open: usize) -> Result<Token, PatternError> {
        let negated = matches!(self.pattern.get(self.at), Some(b'!' | b'^'));
        self.at += usize::from(negated);
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut first = true;
        loop {
            let position = self.at;
            if !first && self.pattern.get(position) == Some(&b']') {
                self.at += 1;
                break;
            }
            first = false;
            let low = self.class_unit(open)?;
            let rest = &self.pattern[self.at..];
            let is_range = rest.first() == Some(&b'-') && rest.get(1).is_some_and(|&b| b != b']');
            let high = if is_range {
                self.at += 1;
                self.class_unit(open)?
            } else {
                low
            };
            if high < low {
                return Err(self.error(position, Reason::InvalidRange));
            }
            if low == high && low == u32::from(b'/') && self.options.literal_separator {
                return Err(self.error(position, Reason::SeparatorInClass));
            }
            ranges.push((low, high));
        }
        let fold = self.options.case_insensitive;
        Ok(Token::Chars(Box::new(CharSet { negated, fold, ranges })))
    }

    fn class_unit(&mut self, open: usize) -> Result<u32, PatternError> {
        let unclosed = self.error(open, Reason::UnclosedClass);
        if self.pattern.get(self.at) == Some(&b'\\') {
            self.at += 1;
        }
        let rest = self.pattern.get(self.at..).filter(|rest| !rest.is_empty()).ok_or(unclosed)?;
        let (value, len) = unit(rest);
        self.at += len;
        Ok(value)
    }
}
