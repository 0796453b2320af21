//! A rule file, compiled.

use std::path::{Path, PathBuf};

use super::compile::compile;
use super::syntax;
use crate::paths::PathTable;
use crate::table::Owner;

/// Whether letters match only themselves.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Case {
    /// `A` and `a` differ.
    #[default]
    Sensitive,
    /// ASCII letters match as under git's `core.ignoreCase`.
    Ignored,
}

/// The rules of one file, compiled.
#[derive(Debug)]
pub struct Rules {
    source: PathBuf,
    case: Case,
    text: Box<[u8]>,
    entries: Box<[Entry]>,
    pub(super) paths: PathTable,
}

#[derive(Debug)]
struct Entry {
    line: u32,
    start: usize,
    len: usize,
    negated: bool,
}

/// One rule as it stands in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule<'r> {
    /// The file, as it was named when the rules were read.
    pub source: &'r Path,
    /// The line, counted from 1.
    pub line: u32,
    /// The rule as written, without its line end and the spaces that git strips.
    pub pattern: &'r [u8],
    /// Whether it starts with `!`.
    pub negated: bool,
}

impl Rules {
    /// Compiles the contents of a rule file. Every file is valid: what git would never match
    /// matches nothing.
    #[must_use]
    pub fn parse(file: &[u8]) -> Self {
        Self::parse_with(file, Case::Sensitive, PathBuf::new())
    }

    /// Compiles the contents of a rule file that [`Rule::source`] shall name `source`.
    ///
    /// # Panics
    /// If the file has 2^32 lines or more.
    #[must_use]
    pub fn parse_with(file: &[u8], case: Case, source: impl Into<PathBuf>) -> Self {
        let mut text = Vec::new();
        let mut entries = Vec::new();
        let mut patterns = Vec::new();
        for rule in syntax::rules(file) {
            let id = u32::try_from(entries.len()).expect("fewer than 2^32 rules");
            let owner = Owner { id, dirs_only: rule.dirs_only };
            patterns.extend(compile(&rule, case == Case::Ignored, owner));
            entries.push(Entry {
                line: rule.line,
                start: text.len(),
                len: rule.text.len(),
                negated: rule.negated,
            });
            text.extend_from_slice(rule.text);
        }
        Self {
            source: source.into(),
            case,
            text: text.into(),
            entries: entries.into(),
            paths: PathTable::new(patterns, false),
        }
    }

    /// How many rules there are, those that can match nothing too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether letters match only themselves.
    #[must_use]
    pub fn case(&self) -> Case {
        self.case
    }

    /// The rules in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Rule<'_>> {
        (0..self.entries.len()).map(|id| self.rule(id as u32))
    }

    pub(super) fn rule(&self, id: u32) -> Rule<'_> {
        let entry = &self.entries[id as usize];
        Rule {
            source: &self.source,
            line: entry.line,
            pattern: &self.text[entry.start..entry.start + entry.len],
            negated: entry.negated,
        }
    }

    pub(super) fn is_negated(&self, id: u32) -> bool {
        self.entries[id as usize].negated
    }
}
