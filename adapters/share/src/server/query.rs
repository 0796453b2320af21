//! Looking for entries in a tree.

use std::io;

use treenail_pattern::glob::{self, GlobSet, State};
use treenail_tree::live::Id;
use treenail_tree::{DirId, Tree, TreeView, View};

use crate::problem::Problem;
use crate::protocol::{Entry, Query};

/// A query that is understood.
pub(super) struct Compiled<'q> {
    query: &'q Query,
    globs: GlobSet,
}

impl<'q> Compiled<'q> {
    pub(super) fn new(query: &'q Query) -> Result<Self, Problem> {
        let options =
            glob::Options { case_insensitive: query.case_insensitive, ..glob::Options::default() };
        let globs = GlobSet::compile(&query.globs, options).map_err(|(at, error)| {
            let glob = String::from_utf8_lossy(&query.globs[at]).into_owned();
            Problem::new(Problem::USAGE, format!("the glob '{glob}': {error}"))
                .remedy("see the syntax of globs, and quote what is meant as it is")
        })?;
        Ok(Self { query, globs })
    }

    /// Gives each entry that is wanted: those of a directory together, in the order of their names,
    /// then what is below.
    pub(super) fn run(
        &self,
        tree: &Tree,
        each: &mut dyn FnMut(&Entry) -> io::Result<()>,
    ) -> io::Result<()> {
        let view = tree.view(tree.id_kinds().next());
        let Some(dir) = tree.dir_at(&self.query.below) else { return Ok(()) };
        let mut left = self.query.entries_max.unwrap_or(u64::MAX);
        let mut dirs: Vec<(DirId, Vec<u8>, State)> = vec![(dir, Vec::new(), self.globs.start())];
        while let Some((dir, path, state)) = dirs.pop() {
            let first = dirs.len();
            for entry in view.entries(dir) {
                let at = || joined(&path, entry.name);
                if self.wants(&state, entry.name, entry.class()) {
                    if left == 0 {
                        return Ok(());
                    }
                    left -= 1;
                    let id = entry.id.and_then(Id::new);
                    each(&Entry { path: at(), stat: entry.stat, id })?;
                }
                let below =
                    entry.child.and_then(|child| Some((child, self.enter(&state, entry.name)?)));
                if let Some((child, state)) = below {
                    dirs.push((child, at(), state));
                }
            }
            dirs[first..].reverse();
        }
        Ok(())
    }

    fn wants(&self, state: &State, name: &[u8], class: treenail_tree::Class) -> bool {
        let of_class = self.query.classes.is_empty() || self.query.classes.contains(&class);
        of_class && (self.globs.is_empty() || state.matches(name))
    }

    fn enter(&self, state: &State, name: &[u8]) -> Option<State> {
        if self.globs.is_empty() { Some(state.clone()) } else { state.descend(name) }
    }
}

/// Gives each entry that a query asks for.
#[cfg(feature = "remote")]
pub(crate) fn run(
    query: &Query,
    tree: &Tree,
    each: &mut dyn FnMut(&Entry) -> io::Result<()>,
) -> Result<io::Result<()>, Problem> {
    Ok(Compiled::new(query)?.run(tree, each))
}

/// What is at a path; the root is at the empty one.
pub(super) fn lookup(tree: &Tree, path: &[u8]) -> Option<Entry> {
    let view: TreeView<'_> = tree.view(tree.id_kinds().next());
    if path.is_empty() {
        let id = view.root_digest().and_then(Id::new);
        return Some(Entry { path: Vec::new(), stat: tree.root_stat(), id });
    }
    let found = view.lookup(path)?;
    Some(Entry { path: path.to_vec(), stat: found.stat, id: found.id.and_then(Id::new) })
}

fn joined(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
