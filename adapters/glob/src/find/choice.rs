//! What a caller chooses beyond ignore rules: rules that are stronger than all files' rules, and
//! types of files that are known by their names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_pattern::gitignore::{Case, Rules, Stack, Verdict};
use treenail_pattern::glob::{GlobSet, Options, expand_braces};

use crate::error::Error;

/// Rules that go before those of all files. Each is a line as in a `.gitignore`, but the other way
/// round: what it matches is found, even if it is hidden or ignored, or with a `!` before it is
/// not. If there is one without a `!`, files that none matches are not found either. Of several
/// that match the last decides. Unlike there, `{a,b}` stands for alternatives, and what is no glob
/// is an error of the walk.
#[derive(Clone, Debug)]
pub struct Overrides {
    base: PathBuf,
    lines: Vec<(Vec<u8>, Case)>,
}

impl Overrides {
    /// No rules yet; those with a slash will be relative to the directory `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), lines: Vec::new() }
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, line: impl AsRef<[u8]>) -> Self {
        self.lines.push((line.as_ref().to_vec(), Case::Sensitive));
        self
    }

    /// Adds a rule in which letters match whatever their case.
    #[must_use]
    pub fn rule_any_case(mut self, line: impl AsRef<[u8]>) -> Self {
        self.lines.push((line.as_ref().to_vec(), Case::Ignored));
        self
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Writes the braces out, once and for all roots.
    pub(super) fn compile(self) -> Result<Self, Error> {
        let mut expanded = Vec::with_capacity(self.lines.len());
        for (line, case) in &self.lines {
            let text = line.strip_prefix(b"!").unwrap_or(line);
            let sign = &line[..line.len() - text.len()];
            let texts = expand_braces(text).map_err(|error| {
                let position = sign.len() + error.position;
                Error::pattern(line, Some(position), error.reason.to_string())
            })?;
            expanded.extend(texts.into_iter().map(|text| ([sign, &text].concat(), *case)));
        }
        Ok(Self { lines: expanded, ..self })
    }

    /// The rules, for paths that are `spelt` without links.
    pub(super) fn stack(&self, spelt: impl Fn(&Path) -> Vec<u8>) -> Override {
        let base = self.base.canonicalize().unwrap_or_else(|_| self.base.clone());
        let base = spelt(&base);
        let mut stack = Stack::new();
        let mut has_wanted = false;
        for (line, case) in &self.lines {
            has_wanted |= !line.starts_with(b"!");
            let rules = Arc::new(Rules::parse_with(line, *case, PathBuf::new()));
            stack = stack.push(rules, if is_anchored(line) { &base } else { b"" });
        }
        Override { stack, has_wanted }
    }
}

/// Whether it matters for a line of rules which directory they are for.
pub(super) fn is_anchored(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"!").unwrap_or(line);
    let text = text.strip_suffix(b"/").unwrap_or(text);
    text.contains(&b'/') && !text.starts_with(b"**/")
}

/// The rules as one root meets them.
pub(super) struct Override {
    pub(super) stack: Stack,
    pub(super) has_wanted: bool,
}

impl Override {
    /// What a verdict of the rules, taken for ignore rules, comes to.
    pub(super) fn verdict(&self, verdict: Verdict, is_dir: bool) -> Verdict {
        match verdict {
            Verdict::Ignored => Verdict::Included,
            Verdict::Included => Verdict::Ignored,
            Verdict::None if self.has_wanted && !is_dir => Verdict::Ignored,
            Verdict::None => Verdict::None,
        }
    }
}

/// Files chosen by globs on their names, such as `*.c`; directories are no matter of theirs. A
/// file that is wanted is found even if it is hidden, but not if it is ignored.
#[derive(Clone, Debug, Default)]
pub struct NameChoice {
    globs: Vec<(Vec<u8>, bool)>,
}

impl NameChoice {
    /// No globs yet, so that nothing is left out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a glob of names that are wanted: those that no such glob matches are not found. Of
    /// several that match the last decides.
    #[must_use]
    pub fn want(mut self, glob: impl AsRef<[u8]>) -> Self {
        self.globs.push((glob.as_ref().to_vec(), true));
        self
    }

    /// Adds a glob of names that are not wanted.
    #[must_use]
    pub fn leave(mut self, glob: impl AsRef<[u8]>) -> Self {
        self.globs.push((glob.as_ref().to_vec(), false));
        self
    }

    /// Whether there are no globs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    pub(super) fn compile(&self) -> Result<Option<Choice>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let (globs, wanted): (Vec<_>, Vec<_>) = self.globs.iter().cloned().unzip();
        let set = GlobSet::compile(&globs, Options::default()).map_err(|(index, error)| {
            Error::pattern(&globs[index], Some(error.position), error.reason.to_string())
        })?;
        Ok(Some(Choice { set, has_wanted: wanted.contains(&true), wanted }))
    }
}

/// A compiled [`NameChoice`].
pub(super) struct Choice {
    set: GlobSet,
    wanted: Vec<bool>,
    has_wanted: bool,
}

impl Choice {
    /// What is to be done with a file of that name. `found` is scratch.
    pub(super) fn verdict(&self, name: &[u8], found: &mut Vec<usize>) -> Verdict {
        self.set.start().matches_into(name, found);
        match found.iter().max() {
            Some(&last) if self.wanted[last] => Verdict::Included,
            Some(_) => Verdict::Ignored,
            None if self.has_wanted => Verdict::Ignored,
            None => Verdict::None,
        }
    }
}
