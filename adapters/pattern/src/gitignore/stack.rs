//! Rule files on top of one another, the nearest deciding.

use std::borrow::Cow;
use std::sync::Arc;

use super::rules::{Case, Rule, Rules};
use crate::table::{Last, NameTable, Probe};

/// What the rules say of one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A rule excludes it.
    Ignored,
    /// A rule that starts with `!` includes it.
    Included,
    /// No rule matches.
    None,
}

/// Rule files from the farthest to the nearest: global excludes, `info/exclude`, the root's
/// `.gitignore`, then nested ones. A stack never changes; [`Stack::push`] makes a longer one that
/// shares the old.
#[derive(Clone, Default, Debug)]
pub struct Stack(Option<Arc<Level>>);

#[derive(Debug)]
struct Level {
    below: Stack,
    rules: Arc<Rules>,
    /// The directory that the rules are for, relative to the stack's root.
    base: Box<[u8]>,
}

impl Stack {
    /// A stack without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This stack with `rules` on top, which hold in the directory `base` and below; `base` is
    /// relative to the stack's root, without slashes at its ends, and empty for the root.
    #[must_use]
    pub fn push(&self, rules: Arc<Rules>, base: &[u8]) -> Self {
        Self(Some(Arc::new(Level { below: self.clone(), rules, base: base.into() })))
    }

    /// Whether no rule file is on the stack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Prepares verdicts on the names in `dir`, a path relative to the stack's root, without
    /// slashes at its ends, and empty for the root. Do it once for a directory: it selects the
    /// rules that can match there.
    #[must_use]
    pub fn dir(&self, dir: &[u8]) -> DirRules<'_> {
        let mut tables = Vec::new();
        let (mut folds, mut exact) = (false, false);
        let mut folded = None;
        for level in self.levels() {
            let Some(relative) = below(&level.base, dir) else { continue };
            let fold = level.rules.case() == Case::Ignored;
            let relative = match relative {
                Some(path) if fold => {
                    let folded = folded.get_or_insert_with(|| dir.to_ascii_lowercase());
                    Some(&folded[dir.len() - path.len()..])
                }
                relative => relative,
            };
            let before = tables.len();
            level.rules.paths.tables_for_dir(relative, |table| {
                tables.push(Selected { rules: &level.rules, table, fold });
            });
            if tables.len() > before {
                *if fold { &mut folds } else { &mut exact } = true;
            }
        }
        DirRules { tables, folds, exact }
    }

    /// The verdict on one name in `dir`. For many names of a directory, [`Stack::dir`] is cheaper.
    #[must_use]
    pub fn verdict(&self, dir: &[u8], name: &[u8], is_dir: bool) -> Verdict {
        self.dir(dir).verdict(name, is_dir)
    }

    /// The verdict on a path that was not reached by a walk: a path below an ignored directory is
    /// ignored, whatever later rules say. `path` is relative to the stack's root.
    #[must_use]
    pub fn verdict_path(&self, path: &[u8], is_dir: bool) -> Verdict {
        self.explain_path(path, is_dir).map_or(Verdict::None, |rule| verdict_of(rule.negated))
    }

    /// The rule behind [`Stack::verdict_path`], as `git check-ignore -v` names it: the one that
    /// ignores a parent directory, or else the last that matches the path.
    #[must_use]
    pub fn explain_path(&self, path: &[u8], is_dir: bool) -> Option<Rule<'_>> {
        let mut dir = &path[..0];
        for slash in memchr::memchr_iter(b'/', path) {
            let found = self.dir(dir).explain(name_in(dir, &path[..slash]), true);
            if let Some(rule) = found.filter(|rule| !rule.negated) {
                return Some(rule);
            }
            dir = &path[..slash];
        }
        self.dir(dir).explain(name_in(dir, path), is_dir)
    }

    /// From the nearest to the farthest.
    fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::successors(self.0.as_deref(), |level| level.below.0.as_deref())
    }
}

/// The rules of a [`Stack`] that can match in one directory.
#[derive(Debug)]
pub struct DirRules<'s> {
    /// From the nearest rule file to the farthest; the tables of one file stand together.
    tables: Vec<Selected<'s>>,
    folds: bool,
    exact: bool,
}

#[derive(Clone, Copy, Debug)]
struct Selected<'s> {
    rules: &'s Rules,
    table: &'s NameTable,
    fold: bool,
}

impl<'s> DirRules<'s> {
    /// Whether no rule can match in this directory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The verdict on `name`, one component without a slash. That its directory is not itself
    /// ignored is for the caller to know: walks prune there.
    #[must_use]
    pub fn verdict(&self, name: &[u8], is_dir: bool) -> Verdict {
        self.find(name, is_dir)
            .map_or(Verdict::None, |(rules, id)| verdict_of(rules.is_negated(id)))
    }

    /// The rule that decides on `name`.
    #[must_use]
    pub fn explain(&self, name: &[u8], is_dir: bool) -> Option<Rule<'s>> {
        self.find(name, is_dir).map(|(rules, id)| rules.rule(id))
    }

    fn find(&self, name: &[u8], is_dir: bool) -> Option<(&'s Rules, u32)> {
        if !self.folds {
            let probe = Probe::new(name);
            return self.find_by(&probe, &probe, is_dir);
        }
        let mut buffer = [0; FOLD_BYTES];
        let folded = fold(name, &mut buffer);
        let folded = Probe::new(&folded);
        // Most stacks are of one case, and then the one probe serves for all.
        if self.exact {
            self.find_by(&Probe::new(name), &folded, is_dir)
        } else {
            self.find_by(&folded, &folded, is_dir)
        }
    }

    fn find_by(
        &self,
        exact: &Probe<'_>,
        folded: &Probe<'_>,
        is_dir: bool,
    ) -> Option<(&'s Rules, u32)> {
        let mut last = Last::default();
        let mut tables = self.tables.iter().peekable();
        while let Some(selected) = tables.next() {
            let probe = if selected.fold { folded } else { exact };
            selected.table.visit(probe, is_dir, &mut last);
            let same_file =
                tables.peek().is_some_and(|next| std::ptr::eq(next.rules, selected.rules));
            if let (Some(id), false) = (last.0, same_file) {
                return Some((selected.rules, id));
            }
        }
        None
    }
}

/// Names up to here are folded on the stack: no common file system has longer ones.
const FOLD_BYTES: usize = 256;

fn fold<'b>(name: &[u8], buffer: &'b mut [u8; FOLD_BYTES]) -> Cow<'b, [u8]> {
    match buffer.get_mut(..name.len()) {
        Some(buffer) => {
            buffer.copy_from_slice(name);
            buffer.make_ascii_lowercase();
            Cow::Borrowed(buffer)
        }
        None => Cow::Owned(name.to_ascii_lowercase()),
    }
}

/// `dir` relative to `base`: `Some(None)` where they are the same, `None` where it is not below.
fn below<'d>(base: &[u8], dir: &'d [u8]) -> Option<Option<&'d [u8]>> {
    if base.is_empty() {
        return Some((!dir.is_empty()).then_some(dir));
    }
    match dir.strip_prefix(base)? {
        [] => Some(None),
        [b'/', rest @ ..] => Some(Some(rest)),
        _ => None,
    }
}

fn name_in<'p>(dir: &[u8], path: &'p [u8]) -> &'p [u8] {
    if dir.is_empty() { path } else { &path[dir.len() + 1..] }
}

fn verdict_of(negated: bool) -> Verdict {
    if negated { Verdict::Included } else { Verdict::Ignored }
}
