//! Compiled globs, and the state of a walk in them.

use std::borrow::Cow;
use std::sync::Arc;

use super::components::path_pattern;
use super::crossing::Crossing;
use super::error::PatternError;
use super::{Options, parse};
use crate::paths::{Dir, PathTable};
use crate::positions::PositionSet;
use crate::table::{Any, Owner, Probe, Sink};

/// One compiled glob. A clone shares the compiled form.
#[derive(Clone, Debug)]
pub struct Glob(GlobSet);

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    /// If the pattern is malformed or exceeds a limit.
    pub fn compile(pattern: impl AsRef<[u8]>, options: Options) -> Result<Self, PatternError> {
        GlobSet::compile([pattern], options).map(Self).map_err(|(_, error)| error)
    }

    /// Whether the glob matches the whole of `path`, whose components stand between slashes.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.0.is_match(path)
    }

    /// The directory that holds all matches, as far as the pattern names it: `net` for
    /// `net/**/*.c`, empty for `*.c`. A walk may begin there with [`Glob::start_in`].
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.0.prefix()
    }

    /// The state of a walk in the directory that paths are relative to.
    #[must_use]
    pub fn start(&self) -> State {
        self.0.start()
    }

    /// The state of a walk that begins in `dir`; `None` if nothing below it can match.
    #[must_use]
    pub fn start_in(&self, dir: &[u8]) -> Option<State> {
        self.0.start_in(dir)
    }
}

/// Several globs compiled together. A clone shares the compiled form.
#[derive(Clone, Debug)]
pub struct GlobSet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    fold: bool,
    len: usize,
    prefix: Vec<u8>,
}

#[derive(Debug)]
enum Engine {
    Components(PathTable),
    Crossing(Crossing),
}

impl GlobSet {
    /// Compiles globs; a match names each by its index.
    ///
    /// # Errors
    /// The index of the first glob that is malformed or exceeds a limit, and why.
    ///
    /// # Panics
    /// If there are 2^32 globs or more.
    pub fn compile<P: AsRef<[u8]>>(
        patterns: impl IntoIterator<Item = P>,
        options: Options,
    ) -> Result<Self, (usize, PatternError)> {
        let mut expanded = Vec::new();
        let mut len = 0;
        for (index, pattern) in patterns.into_iter().enumerate() {
            let id = u32::try_from(index).expect("fewer than 2^32 globs");
            let alternatives =
                parse::expand(pattern.as_ref(), options).map_err(|error| (index, error))?;
            expanded.extend(alternatives.into_iter().map(|tokens| (tokens, id)));
            len = index + 1;
        }
        let mut prefix = Vec::new();
        let engine = if options.literal_separator {
            let patterns = expanded
                .iter()
                .map(|(tokens, id)| path_pattern(tokens, Owner { id: *id, dirs_only: false }));
            let table = PathTable::new(patterns.collect(), true);
            // Under folding the directory on disk may be spelt otherwise.
            if !options.case_insensitive {
                prefix = table.common_prefix();
            }
            Engine::Components(table)
        } else {
            Engine::Crossing(Crossing::new(&expanded))
        };
        Ok(Self(Arc::new(Inner { engine, fold: options.case_insensitive, len, prefix })))
    }

    /// How many globs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Whether any glob matches the whole of `path`.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        let mut any = Any::default();
        self.0.visit_path(path, &mut any);
        any.0
    }

    /// The indices of the globs that match the whole of `path`, in rising order. `found` is
    /// cleared first; passing the same one again saves allocations.
    pub fn matches_into(&self, path: &[u8], found: &mut Vec<usize>) {
        found.clear();
        self.0.visit_path(path, found);
        sort_unique(found);
    }

    /// The directory that holds all matches of all globs, as far as they name one; see
    /// [`Glob::prefix`]. Empty where letters match whatever their case.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.0.prefix
    }

    /// The state of a walk in the directory that paths are relative to.
    #[must_use]
    pub fn start(&self) -> State {
        let set = match &self.0.engine {
            Engine::Components(table) => table.start(),
            Engine::Crossing(crossing) => crossing.start(),
        };
        State { globs: self.0.clone(), set }
    }

    /// The state of a walk that begins in `dir`; `None` if nothing below it can match.
    #[must_use]
    pub fn start_in(&self, dir: &[u8]) -> Option<State> {
        if dir.is_empty() {
            return Some(self.start());
        }
        dir.split(|&b| b == b'/').try_fold(self.start(), |state, name| state.descend(name))
    }
}

/// Where a walk stands in its globs: what a directory's entries must look like to match, or to
/// lead to matches.
#[derive(Clone, Debug)]
pub struct State {
    globs: Arc<Inner>,
    set: PositionSet,
}

impl State {
    /// The state in the child directory `name`; `None` if nothing below it can match, so that the
    /// walk need not open it.
    #[must_use]
    pub fn descend(&self, name: &[u8]) -> Option<Self> {
        let name = self.globs.fold(name);
        let set = match &self.globs.engine {
            Engine::Components(table) => table.step(&self.set, &name),
            Engine::Crossing(crossing) => crossing.read(&crossing.read(&self.set, &name), b"/"),
        };
        (!set.is_empty()).then(|| Self { globs: self.globs.clone(), set })
    }

    /// Whether the entry `name` of this directory matches.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut any = Any::default();
        self.visit(name, &mut any);
        any.0
    }

    /// The indices of the globs that match the entry `name`; see [`GlobSet::matches_into`].
    pub fn matches_into(&self, name: &[u8], found: &mut Vec<usize>) {
        found.clear();
        self.visit(name, found);
        sort_unique(found);
    }

    fn visit(&self, name: &[u8], sink: &mut impl Sink) {
        let name = self.globs.fold(name);
        match &self.globs.engine {
            Engine::Components(table) => table.visit(&self.set, &name, sink),
            Engine::Crossing(crossing) => crossing.visit(&self.set, &name, sink),
        }
    }
}

impl Inner {
    fn fold<'n>(&self, name: &'n [u8]) -> Cow<'n, [u8]> {
        if self.fold { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
    }

    fn visit_path(&self, path: &[u8], sink: &mut impl Sink) {
        let path = self.fold(path);
        match &self.engine {
            Engine::Components(table) => {
                let (dir, name): (Dir<'_>, _) = match memchr::memrchr(b'/', &path) {
                    Some(slash) => (Some(&path[..slash]), &path[slash + 1..]),
                    None => (None, &path[..]),
                };
                let probe = Probe::new(name);
                table.tables_for_dir(dir, |names| names.visit(&probe, false, sink));
            }
            Engine::Crossing(crossing) => crossing.visit(&crossing.start(), &path, sink),
        }
    }
}

fn sort_unique(found: &mut Vec<usize>) {
    found.sort_unstable();
    found.dedup();
}
