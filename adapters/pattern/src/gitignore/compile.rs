//! From the text of one rule to component patterns.
//!
//! Git matches a rule against the path as one string. Its wildcards, though, never cross a slash
//! unless they are `**` beside one, so that nearly every rule is a list of components; the
//! comments tell where that needs care.

use super::class;
use super::syntax::RuleText;
use crate::name::NameMatcher;
use crate::paths::{Component, PathPattern};
use crate::table::Owner;
use crate::token::Token;

/// Compiles a rule into path patterns: none if it can match nothing, two in a rare case of `**`.
pub(super) fn compile(rule: &RuleText<'_>, fold: bool, owner: Owner) -> Vec<PathPattern> {
    if rule.pattern.is_empty() {
        return Vec::new();
    }
    if rule.basename_only {
        let Some(Parsed { mut parts, .. }) = Parser::new(rule.pattern, fold, false).parse() else {
            return Vec::new();
        };
        let Some(Part::Tokens(tokens)) = parts.pop() else { return Vec::new() };
        let name = NameMatcher::new(tokens);
        return vec![PathPattern { dirs: vec![Component::AnyDepth], name, owner }];
    }
    let pattern = rule.pattern.strip_prefix(b"/").unwrap_or(rule.pattern);
    let Some(Parsed { parts, glued_at }) = Parser::new(pattern, fold, true).parse() else {
        return Vec::new();
    };
    let alternatives = match glued_at {
        Some(at) => unglue(&parts, at),
        None => vec![parts],
    };
    alternatives.into_iter().filter_map(|parts| assemble(parts, owner)).collect()
}

#[derive(Clone)]
enum Part {
    Tokens(Vec<Token>),
    AnyDepth,
}

struct Parsed {
    parts: Vec<Part>,
    /// The index of an [`Part::AnyDepth`] that stands in the middle of a component: the part
    /// before it is the beginning of that component.
    glued_at: Option<usize>,
}

struct Parser<'p> {
    pattern: &'p [u8],
    fold: bool,
    /// Whether `/` parts components and `**` crosses them.
    pathname: bool,
    parts: Vec<Part>,
    current: Vec<Token>,
    glued_at: Option<usize>,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p [u8], fold: bool, pathname: bool) -> Self {
        Self { pattern, fold, pathname, parts: Vec::new(), current: Vec::new(), glued_at: None }
    }

    /// `None` if the pattern can match nothing.
    fn parse(mut self) -> Option<Parsed> {
        let literal_len = literal_len(self.pattern);
        let mut i = 0;
        while let Some(&byte) = self.pattern.get(i) {
            match byte {
                b'*' => i = self.star(i, literal_len),
                b'?' => {
                    self.current.push(Token::AnyByte);
                    i += 1;
                }
                b'[' => {
                    let (mut set, end) = class::parse(self.pattern, i, self.fold)?;
                    if self.pathname {
                        set.remove(b'/');
                    }
                    if set.is_empty() {
                        return None;
                    }
                    self.current.push(Token::Bytes(set));
                    i = end;
                }
                b'\\' => {
                    let escaped = *self.pattern.get(i + 1)?;
                    // Git folds the text and the plain letters of a pattern, not escaped ones.
                    if self.fold && escaped.is_ascii_uppercase() {
                        return None;
                    }
                    self.literal(escaped);
                    i += 2;
                }
                byte => {
                    self.literal(if self.fold { byte.to_ascii_lowercase() } else { byte });
                    i += 1;
                }
            }
        }
        self.parts.push(Part::Tokens(self.current));
        Some(Parsed { parts: self.parts, glued_at: self.glued_at })
    }

    fn literal(&mut self, byte: u8) {
        if byte == b'/' && self.pathname {
            self.end_component();
        } else {
            self.current.push(Token::Byte(byte));
        }
    }

    fn end_component(&mut self) {
        let tokens = std::mem::take(&mut self.current);
        self.parts.push(Part::Tokens(tokens));
    }

    /// Reads a run of stars at `i` and returns the index behind what was consumed.
    fn star(&mut self, i: usize, literal_len: usize) -> usize {
        let run = self.pattern[i..].iter().take_while(|&&b| b == b'*').count();
        let rest = &self.pattern[i + run..];
        // Git compares the part before the first wildcard on its own, so that a `**` right behind
        // it counts as standing at the beginning, even within a component: `foo**/bar`.
        let begins = i == literal_len || i == 0 || self.pattern[i - 1] == b'/';
        let ends = rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/");
        if !(self.pathname && run >= 2 && begins && ends) {
            self.current.push(Token::Star);
            return i + run;
        }
        if !self.current.is_empty() {
            self.end_component();
            self.glued_at = Some(self.parts.len());
        }
        if rest.starts_with(b"\\/") {
            // Only an unescaped slash may vanish together with `**`: here at least one component
            // stands before it.
            self.parts.push(Part::AnyDepth);
            self.parts.push(Part::Tokens(vec![Token::Star]));
            return i + run + 2;
        }
        self.parts.push(Part::AnyDepth);
        if rest.is_empty() {
            self.current.push(Token::Star);
        }
        i + run + usize::from(!rest.is_empty())
    }
}

/// Resolves `foo**/bar`: either `**/` is nothing and the component goes on, or the component ends
/// in a star and any number of components follows.
fn unglue(parts: &[Part], at: usize) -> Vec<Vec<Part>> {
    let (before, head) = (&parts[..at - 1], &parts[at - 1]);
    let mut after = &parts[at..];
    while let [Part::AnyDepth, rest @ ..] = after {
        after = rest;
    }
    let (Part::Tokens(head), [Part::Tokens(next), rest @ ..]) = (head, after) else {
        return Vec::new();
    };
    let joined = Part::Tokens([&head[..], &next[..]].concat());
    let starred = Part::Tokens([&head[..], &[Token::Star]].concat());
    let through = [before, &[joined], rest].concat();
    let below = [before, &[starred, Part::AnyDepth], after].concat();
    vec![through, below]
}

/// `None` if a component is empty: no path has one.
fn assemble(parts: Vec<Part>, owner: Owner) -> Option<PathPattern> {
    let mut components = Vec::with_capacity(parts.len());
    for part in parts {
        components.push(match part {
            Part::Tokens(tokens) if tokens.is_empty() => return None,
            Part::Tokens(tokens) => Component::Name(NameMatcher::new(tokens)),
            Part::AnyDepth => Component::AnyDepth,
        });
    }
    match components.pop()? {
        Component::Name(name) => Some(PathPattern { dirs: components, name, owner }),
        Component::AnyDepth => None,
    }
}

/// The length of what stands before the first wildcard or escape.
pub(super) fn literal_len(pattern: &[u8]) -> usize {
    pattern.iter().position(|b| matches!(b, b'*' | b'?' | b'[' | b'\\')).unwrap_or(pattern.len())
}
