//! Patterns of names and paths, compiled together.

mod compiled;

use regex_syntax::hir::{Class, Hir, HirKind};

pub(crate) use compiled::{Patterns, Place};

/// How a name or a path is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// A glob of all of it; the syntax is that of [`treenail_pattern::glob`].
    Glob(Vec<u8>),
    /// A regular expression that matches some of it; the syntax is that of the crate `regex`.
    Regex(String),
    /// Text that stands somewhere in it.
    Fixed(Vec<u8>),
    /// All of it.
    Exact(Vec<u8>),
}

impl Pattern {
    /// The pattern as it was given.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Glob(text) | Self::Fixed(text) | Self::Exact(text) => text,
            Self::Regex(text) => text.as_bytes(),
        }
    }

    /// Whether a letter in it is a capital, classes and escapes of regular expressions apart.
    #[must_use]
    pub fn has_capital(&self) -> bool {
        match self {
            Self::Regex(text) => {
                let parser = regex_syntax::ParserBuilder::new().utf8(false).build().parse(text);
                parser.is_ok_and(|hir| hir_has_capital(&hir))
            }
            _ => is_capital(self.text()),
        }
    }
}

/// Whether letters match whatever their case.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Case {
    /// `A` and `a` differ.
    #[default]
    Sensitive,
    /// They do not: in regular expressions by Unicode's rules, in globs the ASCII letters.
    Insensitive,
    /// They differ if any pattern has a capital letter.
    Smart,
}

/// What patterns are asked of.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Globs with a slash: the path below the root. All others: the name.
    #[default]
    Auto,
    /// The name.
    Name,
    /// The path below the root.
    Path,
    /// The path from the root of the file system, as far as it is spelt: links are not resolved.
    Absolute,
}

fn is_capital(text: &[u8]) -> bool {
    text.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_uppercase))
}

fn hir_has_capital(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => is_capital(&literal.0),
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().any(|range| range.start().is_uppercase() || range.end().is_uppercase())
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().any(|r| r.start().is_ascii_uppercase() || r.end().is_ascii_uppercase())
        }
        HirKind::Repetition(repetition) => hir_has_capital(&repetition.sub),
        HirKind::Capture(capture) => hir_has_capital(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(hir_has_capital),
        HirKind::Empty | HirKind::Look(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capital_in_an_escape_is_none() {
        let has = |text: &str| Pattern::Regex(text.into()).has_capital();
        assert!(has("Read") && has("[A-Z]") && has("(x|Y)+"));
        assert!(!has("read") && !has(r"\A\d") && !has("^x$"));
        assert!(Pattern::Glob("*.\u{c9}".into()).has_capital());
        assert!(!Pattern::Fixed(b"\xff.js".into()).has_capital());
    }
}
