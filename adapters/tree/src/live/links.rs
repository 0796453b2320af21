//! Files with several names: what happens to one name happens to all.

use std::collections::{BTreeMap, HashMap, HashSet};

use treenail_os::feed::Token;
use treenail_os::{FileId, Kind, Stat};

use super::Action;
use super::dirt::At;
use crate::pages::DirId;
use crate::tree::Tree;
use crate::view::{Entry, View};

/// Tells the token of a file from that of a directory, whose generations never get there.
const FILE: u64 = 1 << 63;

/// So many files are watched by themselves; what happens to others through names outside the tree
/// goes unseen. Stores of packages hold hundreds of thousands of such files, which nobody writes.
const WATCHED_MAX: usize = 4096;

/// The files that have several names.
#[derive(Default)]
pub(super) struct Links {
    /// By the file, its names in the tree; some may be another file's by now, or nobody's.
    files: HashMap<FileId, Vec<At>>,
    /// Files of which other names may be in the tree from when they had but one.
    unsearched: HashSet<FileId>,
    /// By what the feed calls them, the files that are watched by themselves, each with the name by
    /// which the feed was to find it.
    tokens: BTreeMap<u64, (FileId, At)>,
    /// How many there were ever.
    given: u64,
    /// What the feed calls them, by the file.
    watched: HashMap<FileId, u64>,
    wishes: Vec<Action>,
}

impl Links {
    /// Says that all names in the tree were added.
    pub(super) fn are_complete(&mut self) {
        self.unsearched = HashSet::new();
    }

    /// Whether [`search`](Self::search) has something to do.
    pub(super) fn is_search_due(&self) -> bool {
        !self.unsearched.is_empty()
    }

    /// Looks through the whole tree for names that were entered while they were the only ones of
    /// their files; nobody tells of a file that it was given another.
    pub(super) fn search(&mut self, tree: &Tree) -> Vec<At> {
        let wanted = std::mem::take(&mut self.unsearched);
        let view = tree.view(None);
        let mut found = Vec::new();
        for (dir, _) in tree.dirs.iter() {
            for entry in view.entries(dir) {
                let id = entry.stat.id();
                if entry.stat.kind == Kind::File && entry.stat.nlink < 2 && wanted.contains(&id) {
                    let at: At = (dir, entry.name.into());
                    let names = self.files.entry(id).or_default();
                    // It may have become the only one since the search was wished for.
                    if !names.contains(&at) {
                        names.push(at.clone());
                    }
                    found.push(at);
                }
            }
        }
        found
    }

    /// Whether no file has several names.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Remembers a name of a file that has others, or had: one that is the only one now is missing
    /// later, when the file is given another.
    pub(super) fn add(&mut self, stat: &Stat, dir: DirId, name: &[u8]) {
        let id = stat.id();
        if is_linked(stat) || stat.kind == Kind::File && self.files.contains_key(&id) {
            let names = self.files.entry(id).or_insert_with(|| {
                self.unsearched.insert(id);
                // A store of packages gives one name to each of very many files.
                Vec::with_capacity(1)
            });
            if !names.iter().any(|at| (at.0, &*at.1) == (dir, name)) {
                names.push((dir, name.into()));
            }
            self.watch(id, dir, name);
        }
    }

    /// Has the feed watch a file that it finds by this name, unless it does.
    fn watch(&mut self, id: FileId, dir: DirId, name: &[u8]) {
        if self.watched.len() < WATCHED_MAX && !self.watched.contains_key(&id) {
            self.given += 1;
            let token = FILE | self.given;
            self.tokens.insert(token, (id, (dir, name.into())));
            self.watched.insert(id, token);
            self.wishes.push(Action::WatchLink { dir, name: name.into(), token: Token(token) });
        }
    }

    fn unwatch(&mut self, token: u64) {
        if let Some((id, _)) = self.tokens.remove(&token) {
            self.watched.remove(&id);
            self.wishes.push(Action::UnwatchLink { token: Token(token) });
        }
    }

    /// What the feed is to be told since the last call.
    pub(super) fn wishes(&mut self) -> std::vec::Drain<'_, Action> {
        self.wishes.drain(..)
    }

    /// The other names in the tree of the file that is, or was, at a name; `stat` is its own.
    pub(super) fn others(&mut self, tree: &Tree, at: &At, stat: &Stat) -> Vec<At> {
        let id = stat.id();
        let Some(names) = self.files.get_mut(&id) else { return Vec::new() };
        let row = |at: &At| tree.view(None).entry(at.0, &at.1);
        names.retain(|name| row(name).is_some_and(|row: Entry<'_, DirId>| row.stat.id() == id));
        let others = names.iter().filter(|name| *name != at).cloned().collect();
        let first = names.first().cloned();
        let lost = self
            .watched
            .get(&id)
            .copied()
            .filter(|token| self.tokens.get(token).is_none_or(|(_, by)| !names.contains(by)));
        if names.is_empty() {
            self.files.remove(&id);
        }
        if let Some(token) = lost {
            self.unwatch(token);
            first.into_iter().for_each(|(dir, name)| self.watch(id, dir, &name));
        }
        others
    }

    /// The names of the file that the feed calls so, and whether the tree has that file there.
    pub(super) fn of_file(&self, tree: &Tree, file: Token) -> Vec<(At, bool)> {
        let view = tree.view(None);
        let file = self.tokens.get(&file.0).and_then(|(id, _)| Some((id, self.files.get(id)?)));
        let names = file.into_iter().flat_map(|(id, names)| names.iter().map(move |at| (id, at)));
        let names = names.filter(|(_, (dir, _))| tree.listing(*dir).is_some());
        let is_its = |id, at: &At| view.entry(at.0, &at.1).is_some_and(|row| row.stat.id() == id);
        names.map(|(id, at)| (at.clone(), is_its(*id, at))).collect()
    }

    /// Says which file the feed found by a name; the name, which is to be looked at.
    pub(super) fn watched(&mut self, token: Token, found: Option<FileId>) -> Option<At> {
        let (id, by) = self.tokens.get(&token.0)?.clone();
        if found != Some(id) {
            self.unwatch(token.0);
            // Each name is tried once, until one is seen again.
            let mut names = self.files.get(&id)?.iter().skip_while(|name| **name != by);
            if let Some((dir, name)) = names.nth(1).cloned() {
                self.watch(id, dir, &name);
            }
            // The feed has but one token for each file.
            if let Some((other, token)) = found.and_then(|id| Some((id, *self.watched.get(&id)?))) {
                self.unwatch(token);
                self.watch(other, by.0, &by.1);
            }
        }
        Some(by)
    }

    /// The files of which the tree does not hold all names, by one of their names each.
    pub(super) fn with_names_elsewhere(&self, tree: &Tree) -> Vec<At> {
        let view = tree.view(None);
        let mut found = Vec::new();
        for (id, names) in &self.files {
            let rows: Vec<(&At, Stat)> = names
                .iter()
                .filter_map(|at| Some((at, view.entry(at.0, &at.1)?.stat)))
                .filter(|(_, stat)| stat.id() == *id)
                .collect();
            if let Some((at, stat)) = rows.first()
                && rows.len() < stat.nlink as usize
            {
                found.push((*at).clone());
            }
        }
        found
    }
}

/// Whether it is a file that has other names.
pub(super) fn is_linked(stat: &Stat) -> bool {
    stat.kind == Kind::File && stat.nlink > 1 && stat.inode != 0
}
