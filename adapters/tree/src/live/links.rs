//! Files with several names: what happens to one name happens to all.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

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

/// So many files are remembered of which a name was lately missing.
const INCOMPLETE_MAX: usize = 64;

/// The names of files that have several.
#[derive(Default)]
pub(super) struct Links {
    /// By the file; may hold names that are another file's by now, or nobody's.
    names: HashMap<FileId, Vec<At>>,
    /// Files of which other names may be in the tree from when they had but one.
    unsearched: HashSet<FileId>,
    /// Files that were lately said to have more names than the tree holds, and from their first
    /// doubt on until when they stay here.
    incomplete: VecDeque<(FileId, Option<u64>)>,
    /// What the feed calls the files that are watched by themselves, and how many there were ever.
    tokens: BTreeMap<u64, FileId>,
    given: u64,
    wishes: Vec<Action>,
}

impl Links {
    /// Says that all names in the tree were added.
    pub(super) fn are_complete(&mut self) {
        self.unsearched.clear();
        self.incomplete.clear();
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
                    let names = self.names.entry(id).or_default();
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

    /// Remembers a name of a file that has others, or had: one that is the only one now is missing
    /// later, when the file is given another.
    pub(super) fn add(&mut self, stat: &Stat, dir: DirId, name: &[u8]) {
        let id = stat.id();
        if is_linked(stat) || stat.kind == Kind::File && self.names.contains_key(&id) {
            let names = self.names.entry(id).or_insert_with(|| {
                self.unsearched.insert(id);
                Vec::new()
            });
            if names.is_empty() && self.tokens.len() < WATCHED_MAX {
                self.given += 1;
                let token = FILE | self.given;
                self.tokens.insert(token, id);
                let name = name.into();
                self.wishes.push(Action::WatchLink { dir, name, token: Token(token) });
            }
            if !names.iter().any(|at| (at.0, &*at.1) == (dir, name)) {
                names.push((dir, name.into()));
            }
            if names.len() < stat.nlink as usize {
                self.note_incomplete(id);
            }
        }
    }

    /// Remembers that a file was seen to have a name that is not in the tree, and may never be.
    pub(super) fn doubt(&mut self, stat: &Stat) {
        let id = stat.id();
        if is_linked(stat) {
            self.names.entry(id).or_insert_with(|| {
                self.unsearched.insert(id);
                Vec::new()
            });
            self.note_incomplete(id);
        }
    }

    fn note_incomplete(&mut self, id: FileId) {
        if !self.incomplete.iter().any(|(known, _)| *known == id) {
            self.incomplete.truncate(INCOMPLETE_MAX - 1);
            self.incomplete.push_front((id, None));
        }
    }

    /// The names of files of which one was lately missing: what was written through a name that
    /// came and went unseen was perhaps written to one of these. They stay in doubt for `stay_ns`:
    /// as long may a name that was seen be kept from the tree, since it may be a file that is still
    /// being written.
    pub(super) fn take_incomplete(&mut self, tree: &Tree, now_ns: u64, stay_ns: u64) -> Vec<At> {
        let names = self.incomplete.iter().filter_map(|(id, _)| self.names.get(id)).flatten();
        let found = names.filter(|(dir, _)| tree.listing(*dir).is_some()).cloned().collect();
        self.incomplete.retain_mut(|(id, until)| {
            let until = until.get_or_insert(now_ns.saturating_add(stay_ns));
            *until > now_ns && self.names.contains_key(id)
        });
        found
    }

    /// What the feed is to be told since the last call.
    pub(super) fn wishes(&mut self) -> std::vec::Drain<'_, Action> {
        self.wishes.drain(..)
    }

    /// The other names in the tree of the file that is, or was, at a name; `stat` is its own.
    pub(super) fn others(&mut self, tree: &Tree, at: &At, stat: &Stat) -> Vec<At> {
        let id = stat.id();
        let Some(names) = self.names.get_mut(&id) else { return Vec::new() };
        let row = |at: &At| tree.view(None).entry(at.0, &at.1);
        names.retain(|name| row(name).is_some_and(|row: Entry<'_, DirId>| row.stat.id() == id));
        let others = names.iter().filter(|name| *name != at).cloned().collect();
        if names.is_empty() {
            self.names.remove(&id);
            for (token, _) in self.tokens.extract_if(.., |_, file| *file == id) {
                self.wishes.push(Action::UnwatchLink { token: Token(token) });
            }
        }
        others
    }

    /// The names of the file that the feed calls so.
    pub(super) fn of_file(&self, tree: &Tree, file: Token) -> Vec<At> {
        let id = self.tokens.get(&file.0);
        let names = id.and_then(|id| self.names.get(id)).into_iter().flatten();
        names.filter(|(dir, _)| tree.listing(*dir).is_some()).cloned().collect()
    }

    /// One of the names of the file that the feed calls so.
    pub(super) fn name_of(&self, tree: &Tree, file: Token) -> Option<At> {
        self.of_file(tree, file).into_iter().next()
    }

    /// The files of which the tree does not hold all names, by one of their names each.
    pub(super) fn with_names_elsewhere(&self, tree: &Tree) -> Vec<At> {
        let view = tree.view(None);
        let mut found = Vec::new();
        for (id, names) in &self.names {
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

fn is_linked(stat: &Stat) -> bool {
    stat.kind == Kind::File && stat.nlink > 1 && stat.inode != 0
}
