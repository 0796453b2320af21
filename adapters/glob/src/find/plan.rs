//! A search that was checked and compiled.

use treenail_pattern::glob::{GlobSet, Options, State};

use crate::error::Error;
use crate::pattern::Patterns;

use super::choice::{Choice, Overrides};
use super::{Find, Root};

/// What a walk goes by.
pub(crate) struct Plan {
    pub(crate) find: Find,
    pub(crate) patterns: Patterns,
    pub(crate) excludes: Option<Excludes>,
    pub(super) names: Option<Choice>,
    /// Whether each match's attributes are asked for.
    pub(super) stats: bool,
    /// Where the walk may begin below each root, component by component.
    pub(super) prefix: Vec<Box<[u8]>>,
}

/// The globs of what is left out.
pub(crate) struct Excludes {
    globs: GlobSet,
    dirs_only: Vec<bool>,
}

impl Plan {
    pub(crate) fn new(find: &Find) -> Result<Self, Error> {
        let mut find = find.clone();
        if find.roots.is_empty() {
            find.roots.push(Root { path: ".".into(), shown: b".".to_vec() });
        }
        let patterns = Patterns::compile(&find.groups, find.subject, find.case)?;
        let filter = &find.filter;
        let stats = find.stat || filter.needs_stat() || filter.executable || filter.empty;
        // Through a link the prefix leads elsewhere, which only the walk knows how to follow.
        let prefix = if find.follow { b"" } else { patterns.prefix() };
        let parts = prefix.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
        let prefix = parts.map(Into::into).collect();
        let excludes = Excludes::compile(&find.excludes)?;
        let names = find.names.compile()?;
        find.overrides = find.overrides.take().map(Overrides::compile).transpose()?;
        Ok(Self { find, patterns, excludes, names, stats, prefix })
    }
}

impl Excludes {
    fn compile(globs: &[Vec<u8>]) -> Result<Option<Self>, Error> {
        if globs.is_empty() {
            return Ok(None);
        }
        let (mut rooted, mut dirs_only) = (Vec::with_capacity(globs.len()), Vec::new());
        for glob in globs {
            let (glob, of_dirs) = match glob.strip_suffix(b"/") {
                Some(glob) => (glob, true),
                None => (&glob[..], false),
            };
            rooted.push(match glob.strip_prefix(b"/") {
                Some(glob) => glob.to_vec(),
                None if glob.contains(&b'/') => glob.to_vec(),
                None => [b"**/", glob].concat(),
            });
            dirs_only.push(of_dirs);
        }
        let globs = GlobSet::compile(&rooted, Options::default()).map_err(|(index, error)| {
            let reason = format!("excluded glob: {}", error.reason);
            let added = rooted[index].len().saturating_sub(globs[index].len());
            let position = error.position.saturating_sub(added);
            Error::pattern(&globs[index], Some(position), reason)
        })?;
        Ok(Some(Self { globs, dirs_only }))
    }

    pub(crate) fn start(&self) -> State {
        self.globs.start()
    }

    /// Whether the entry is left out. `found` is scratch.
    pub(crate) fn match_entry(
        &self,
        state: &State,
        name: &[u8],
        is_dir: bool,
        found: &mut Vec<usize>,
    ) -> bool {
        state.matches_into(name, found);
        found.iter().any(|&index| is_dir || !self.dirs_only[index])
    }
}
