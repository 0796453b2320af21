//! What Git ignores, asked path by path while rule files change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use treenail_pattern::gitignore::{RULE_FILE_NAME, Repository, Stack, Verdict, is_git_dir};
use treenail_tree::live::{Change, EventKind};
use treenail_tree::{Class, Tree};

use crate::error::Error;

/// Directories whose rules are kept; beyond, they are read again.
const DIRS_MAX: usize = 16_384;

/// The ignore rules below a root.
#[derive(Debug)]
pub(crate) struct Ignored {
    root: PathBuf,
    repository: Repository,
    /// The rules that hold in each directory that was asked for; nothing for what is ignored.
    dirs: HashMap<Box<[u8]>, Option<Stack>>,
}

impl Ignored {
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let repository = Repository::open(root).map_err(|error| Error::rules(&error))?;
        Ok(Self { root: root.to_owned(), repository, dirs: HashMap::new() })
    }

    /// The files outside of the root that the rules are made of.
    pub(crate) fn sources_outside(&self) -> impl Iterator<Item = &Path> {
        let sources = self.repository.sources().iter().map(PathBuf::as_path);
        sources.filter(|file| !file.starts_with(&self.root))
    }

    /// Forgets rules that may be others now, and returns the directories that they hold in.
    pub(crate) fn note(&mut self, changes: &[Change]) -> Vec<Box<[u8]>> {
        let mut holds_in: Vec<Box<[u8]>> = Vec::new();
        for path in changes.iter().flat_map(|change| change.from.iter().chain([&change.path])) {
            match &**path {
                b".git" | b".git/info" | b".git/info/exclude" | b".git/config" => {
                    holds_in.push(Box::default());
                }
                path if split(path).1 == RULE_FILE_NAME.as_bytes() => {
                    holds_in.push(split(path).0.into());
                }
                _ => {}
            }
        }
        let moves_dir = |change: &Change| {
            let moved = matches!(change.kind, EventKind::Rename | EventKind::Delete);
            moved && change.class == Class::Directory
        };
        if !holds_in.is_empty() {
            self.open_again();
        } else if changes.iter().any(moves_dir) {
            self.dirs.clear();
        }
        holds_in
    }

    /// Reads everything again. Rules that cannot be read leave those before in force.
    pub(crate) fn open_again(&mut self) {
        if let Ok(repository) = Repository::open(&self.root) {
            self.repository = repository;
        }
        self.dirs.clear();
    }

    /// Whether a path is ignored; the tree, where there is one, says where rule files are.
    pub(crate) fn holds(&mut self, tree: Option<&Tree>, path: &[u8], is_dir: bool) -> bool {
        let (dir, name) = split(path);
        if is_git_dir(name) {
            return true;
        }
        let base = self.base(dir);
        match self.rules(tree, dir) {
            None => true,
            Some(stack) => stack.verdict(&base, name, is_dir) == Verdict::Ignored,
        }
    }

    /// The rules in a directory; nothing if it is ignored.
    fn rules(&mut self, tree: Option<&Tree>, dir: &[u8]) -> Option<Stack> {
        if dir.is_empty() {
            return Some(self.repository.stack().clone());
        }
        if let Some(known) = self.dirs.get(dir) {
            return known.clone();
        }
        let (above, name) = split(dir);
        let found = self.rules(tree, above).and_then(|stack| {
            let base = self.base(above);
            if is_git_dir(name) || stack.verdict(&base, name, true) == Verdict::Ignored {
                return None;
            }
            let file = [dir, b"/", RULE_FILE_NAME.as_bytes()].concat();
            if tree.is_some_and(|tree| tree.lookup(&file).is_none()) {
                return Some(stack);
            }
            let place = self.root.join(treenail_os::os_str_of(dir).ok()?);
            // As git does, it goes on without rules that cannot be read.
            Some(self.repository.enter(&stack, &place, &self.base(dir)).unwrap_or(stack))
        });
        if self.dirs.len() >= DIRS_MAX {
            self.dirs.clear();
        }
        self.dirs.insert(dir.into(), found.clone());
        found
    }

    /// A directory's path relative to the top of the work tree.
    fn base(&self, dir: &[u8]) -> Vec<u8> {
        match (self.repository.prefix(), dir) {
            (b"", dir) => dir.to_vec(),
            (prefix, b"") => prefix.to_vec(),
            (prefix, dir) => [prefix, b"/", dir].concat(),
        }
    }
}

/// The directory and the name of a path.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    }
}
