//! The index itself: the columns, what has changed since, and the tree that both belong to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_os::{Kind, Stat};
use treenail_tree::{Changed, DirId, Entry, Tree, View};

use super::names::{
    Builder, DirNo, EntryNo, HIDDEN_PATH, NONE, Names, ROOT, TooLarge, flags_of, kind_of,
};
use super::overlay::Overlay;
use super::verdicts::{Asked, Column, Columns};
use crate::error::Error;

/// While fewer entries than this have changed, questions hardly notice.
const CHANGED_MIN: usize = 4_096;

/// The names of a tree, made to be asked.
///
/// It belongs to one state of the tree, which it holds: every answer is what a walk of that state
/// would find. [`update`](Self::update) brings it to a later state at the cost of the changes. A
/// clone costs next to nothing, and goes on to answer for the state that it was made from.
#[derive(Clone)]
pub struct Index {
    root: PathBuf,
    names: Arc<Names>,
    overlay: Arc<Overlay>,
    numbers: Arc<Numbers>,
    tree: Tree,
    columns: Columns,
}

/// Which directories of the tree the numbers are of.
#[derive(Clone, Default)]
struct Numbers {
    ids: Vec<DirId>,
    /// By the tree's own number.
    by_slot: Vec<DirNo>,
    /// Those of directories that came.
    new: HashMap<DirId, DirNo>,
}

impl Numbers {
    fn get(&self, id: DirId) -> Option<DirNo> {
        let number = self.by_slot.get(id.index as usize).copied().filter(|number| *number != NONE);
        let known = number.filter(|number| self.ids[*number as usize] == id);
        known.or_else(|| self.new.get(&id).copied())
    }

    fn push(&mut self, id: DirId) {
        let slot = id.index as usize;
        if slot >= self.by_slot.len() {
            self.by_slot.resize(slot + 1, NONE);
        }
        self.by_slot[slot] = self.ids.len() as DirNo;
        self.ids.push(id);
    }
}

impl Index {
    /// An index of a tree. `root` is the directory that the tree is of; ignore files are read
    /// there.
    ///
    /// # Errors
    /// The tree has more than 2^31 entries or 4 GiB of names.
    pub fn new(tree: &Tree, root: &Path) -> Result<Self, Error> {
        let too_large = |TooLarge| {
            let limit = "an index holds at most 2^31 names of 4 GiB together";
            Error::io_at("index", root, std::io::Error::other(limit))
        };
        let (names, numbers) = build(tree).map_err(too_large)?;
        Ok(Self {
            root: root.to_owned(),
            names: Arc::new(names),
            overlay: Arc::default(),
            numbers: Arc::new(numbers),
            tree: tree.clone(),
            columns: Columns::default(),
        })
    }

    /// The state of the tree that it answers for.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The directory that the tree is of.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Brings it to another state of the same tree, at the cost of what differs. When much has
    /// changed since it was made, it is made anew.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn update(&mut self, tree: &Tree) -> Result<(), Error> {
        let (before, mut changes) = (self.tree.clone(), Vec::new());
        tree.changed_since(&before, |change| {
            let name = change.now.or(change.was).map_or(&b""[..], |entry| entry.name);
            self.columns.touched(name);
            if !change.was.zip(change.now).is_some_and(|(was, now)| is_same(&was, &now)) {
                changes.push(change);
            }
        });
        if changes.len() + self.overlay.weight() > self.names.len() / 2 + CHANGED_MIN {
            let anew = Self::new(tree, &self.root)?;
            *self = anew;
            return Ok(());
        }
        if !changes.is_empty() {
            self.change(tree, &changes);
        }
        self.tree = tree.clone();
        Ok(())
    }

    /// Makes it anew if more than some entries have changed, so that questions cost what they cost
    /// at the beginning: for a moment when nothing else is to be done.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn compact(&mut self) -> Result<bool, Error> {
        let is_due = self.overlay.weight() > CHANGED_MIN / 4;
        if is_due {
            *self = Self::new(&self.tree, &self.root)?;
        }
        Ok(is_due)
    }

    /// The heap memory that it takes besides the tree.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let numbers = 8 * self.numbers.ids.capacity() + 4 * self.numbers.by_slot.capacity();
        let columns = self.columns.memory_bytes();
        self.names.memory_bytes() + self.overlay.memory_bytes() + numbers + columns
    }

    /// Has rule files read again that are not in the tree, and of which it tells nothing: those of
    /// the user and of directories above.
    pub fn forget_rules(&self) {
        self.columns.forget();
    }

    fn change(&mut self, tree: &Tree, changes: &[Changed<'_>]) {
        let moves = self.overlay.moves();
        let numbers = Arc::make_mut(&mut self.numbers);
        let mut editor = Editor { names: &self.names, overlay: Arc::make_mut(&mut self.overlay) };
        for Changed { dir, was, .. } in changes {
            if let (Some(was), Some(dir)) = (was, numbers.get(*dir)) {
                editor.remove(dir, was.name);
            }
        }
        for child in changes.iter().filter_map(|change| change.now?.child) {
            if numbers.get(child).is_none() {
                numbers.new.insert(child, editor.overlay.new_dir(self.names.dirs() as u32));
            }
        }
        for Changed { dir, now, .. } in changes {
            if let (Some(now), Some(dir)) = (now, numbers.get(*dir)) {
                let child = now.child.and_then(|child| numbers.get(child));
                editor.add(dir, now.name, now.stat.kind, child);
            }
        }
        for child in changes.iter().filter_map(|change| change.was?.child) {
            if tree.listing(child).is_none() {
                numbers.new.remove(&child);
            }
        }
        let view = Numbered { names: &self.names, overlay: &self.overlay };
        if view.overlay.moves() != moves {
            // What moved has other rules above it.
            return self.columns.forget();
        }
        let came = changes
            .iter()
            .filter_map(|change| view.find(self.numbers.get(change.dir)?, change.now?.name));
        self.columns.judge(view, &self.root, &came.collect::<Vec<_>>());
    }
}

/// What questions ask.
impl Index {
    pub(super) fn view(&self) -> Numbered<'_> {
        Numbered { names: &self.names, overlay: &self.overlay }
    }

    pub(super) fn shared_names(&self) -> &Arc<Names> {
        &self.names
    }

    pub(super) fn verdicts(&self, asked: &Asked, errors: &mut Vec<Error>) -> Option<Arc<Column>> {
        self.columns.get(asked, self.view(), &self.root, errors)
    }

    /// Keeps these verdicts and no others.
    pub(super) fn keep_verdicts(&self, columns: Vec<Arc<Column>>) {
        self.columns.keep(columns);
    }

    /// The entry of that name in a directory of the tree.
    pub(super) fn entry_at(&self, dir: DirId, name: &[u8]) -> Option<EntryNo> {
        self.view().find(self.numbers.get(dir)?, name)
    }

    /// What the tree says of an entry.
    pub(super) fn stat(&self, entry: EntryNo) -> Option<Stat> {
        let view = self.view();
        let dir = self.dir_id(view.dir(entry))?;
        Some(self.tree.view(None).entry(dir, view.name(entry))?.stat)
    }

    /// What the tree says of the entries of a directory, by name.
    pub(super) fn stats_in<'a>(
        &'a self,
        dir: DirNo,
    ) -> Box<dyn Iterator<Item = (&'a [u8], Stat)> + 'a> {
        let Some(dir) = self.dir_id(dir) else { return Box::new(std::iter::empty()) };
        Box::new(self.tree.rows(dir).map(|entry| (entry.name, entry.stat)))
    }

    /// Whether a directory was listed and has no entries.
    pub(super) fn is_empty_dir(&self, dir: DirNo) -> bool {
        let tree = self.tree.view(None);
        self.dir_id(dir)
            .is_some_and(|dir| tree.is_listed(dir) && tree.entries(dir).next().is_none())
    }

    fn dir_id(&self, dir: DirNo) -> Option<DirId> {
        if let Some(id) = self.numbers.ids.get(dir as usize) {
            return Some(*id);
        }
        // Few directories are new, and whoever asks has found one of their entries.
        let mut path = Vec::new();
        self.view().dir_path_into(dir, ROOT, &mut path);
        self.tree.dir_at(path.strip_suffix(b"/").unwrap_or(&path))
    }
}

fn is_same(was: &Entry<'_, DirId>, now: &Entry<'_, DirId>) -> bool {
    was.stat.kind == now.stat.kind && was.child == now.child
}

fn build(tree: &Tree) -> Result<(Names, Numbers), TooLarge> {
    let (mut builder, mut numbers) = (Builder::default(), Numbers::default());
    let view = tree.view(None);
    let mut dirs = vec![(DirId::ROOT, None)];
    while let Some((dir, child)) = dirs.pop() {
        builder.enter(child)?;
        numbers.push(dir);
        let before = dirs.len();
        for entry in view.entries(dir) {
            let at = builder.add(entry.name, entry.stat.kind, entry.child.is_some())?;
            dirs.extend(entry.child.map(|child| (child, Some(at))));
        }
        dirs[before..].reverse();
    }
    numbers.ids.shrink_to_fit();
    numbers.by_slot.shrink_to_fit();
    Ok((builder.finish(), numbers))
}

/// Changes what lies over the columns.
struct Editor<'a> {
    names: &'a Names,
    overlay: &'a mut Overlay,
}

impl Editor<'_> {
    fn view(&self) -> Numbered<'_> {
        Numbered { names: self.names, overlay: self.overlay }
    }

    fn remove(&mut self, dir: DirNo, name: &[u8]) {
        let columns = self.names.len();
        match self.view().find(dir, name) {
            Some(entry) if (entry as usize) < columns => self.overlay.bury(entry, true),
            Some(entry) => self.overlay.remove(entry as usize - columns),
            None => {}
        }
    }

    fn add(&mut self, dir: DirNo, name: &[u8], kind: Kind, child: Option<DirNo>) {
        let (columns, dirs) = (self.names.len() as u32, self.names.dirs() as u32);
        if child.is_none() && dir < dirs && !self.overlay.is_relocated(dir) {
            // What was replaced by another of its kind is what it was.
            let same = self.names.find(dir, name);
            let same = same.filter(|same| {
                let flags = self.names.flags[*same as usize];
                kind_of(flags) == kind && self.names.child(*same).is_none()
            });
            if let Some(same) = same {
                return self.overlay.bury(same, false);
            }
        }
        // Whether something above is hidden is found out when it is asked for.
        let flags = flags_of(name, kind, false);
        let entry = self.overlay.add(columns, (dir, name), flags, child.unwrap_or(NONE));
        match child {
            Some(child) if child < dirs => {
                let below = child..self.names.end[child as usize];
                let entries = self.names.entries_below(child).len();
                self.overlay.relocate(child, entry, below, entries);
            }
            Some(child) => self.overlay.place_new_dir((child - dirs) as usize, entry),
            None => {}
        }
    }
}

/// Entries and directories by their numbers.
#[derive(Clone, Copy)]
pub(super) struct Numbered<'a> {
    pub(super) names: &'a Names,
    pub(super) overlay: &'a Overlay,
}

impl<'a> Numbered<'a> {
    /// The number behind all entries.
    pub(super) fn len(self) -> usize {
        self.names.len() + self.overlay.added.len()
    }

    pub(super) fn name(self, entry: EntryNo) -> &'a [u8] {
        match (entry as usize).checked_sub(self.names.len()) {
            None => self.names.name(entry),
            Some(at) => self.overlay.name(&self.overlay.added[at]),
        }
    }

    pub(super) fn dir(self, entry: EntryNo) -> DirNo {
        match (entry as usize).checked_sub(self.names.len()) {
            None => self.names.dir[entry as usize],
            Some(at) => self.overlay.added[at].dir,
        }
    }

    /// The entry's own flags; [`HIDDEN_PATH`] may lack in what changed.
    pub(super) fn flags(self, entry: EntryNo) -> u8 {
        match (entry as usize).checked_sub(self.names.len()) {
            None => self.names.flags[entry as usize],
            Some(at) => self.overlay.added[at].flags,
        }
    }

    pub(super) fn kind(self, entry: EntryNo) -> Kind {
        kind_of(self.flags(entry))
    }

    pub(super) fn child(self, entry: EntryNo) -> Option<DirNo> {
        match (entry as usize).checked_sub(self.names.len()) {
            None => self.names.child(entry),
            Some(at) => Some(self.overlay.added[at].child).filter(|child| *child != NONE),
        }
    }

    /// A directory's own entry; none for the root.
    pub(super) fn entry_of(self, dir: DirNo) -> Option<EntryNo> {
        let entry = self.overlay.moved(dir).unwrap_or_else(|| {
            match (dir as usize).checked_sub(self.names.dirs()) {
                None => self.names.entry[dir as usize],
                Some(at) => self.overlay.new_dirs[at],
            }
        });
        Some(entry).filter(|entry| *entry != NONE)
    }

    /// The directory above one; none above the root.
    pub(super) fn above(self, dir: DirNo) -> Option<DirNo> {
        self.entry_of(dir).map(|entry| self.dir(entry))
    }

    /// Whether the numbers of a directory and of those above it are those of the columns.
    pub(super) fn is_settled(self, dir: DirNo) -> bool {
        (dir as usize) < self.names.dirs() && !self.overlay.is_relocated(dir)
    }

    /// The entry of that name in a directory.
    pub(super) fn find(self, dir: DirNo, name: &[u8]) -> Option<EntryNo> {
        let column = || self.names.find(dir, name).filter(|entry| !self.overlay.is_dead(*entry));
        self.overlay
            .find(dir, name)
            .or_else(|| if (dir as usize) < self.names.dirs() { column() } else { None })
    }

    /// The entries of a directory.
    pub(super) fn entries(self, dir: DirNo) -> impl Iterator<Item = EntryNo> + 'a {
        let columns = (dir as usize) < self.names.dirs();
        let known = columns.then(|| self.names.entries(dir)).into_iter().flatten();
        let known = known.filter(move |entry| !self.overlay.is_dead(*entry));
        known.chain(self.overlay.entries(dir))
    }

    /// The directory at a path below another one.
    pub(super) fn dir_at(self, top: DirNo, path: &[u8]) -> Option<DirNo> {
        if path.is_empty() {
            return Some(top);
        }
        let mut names = path.split(|byte| *byte == b'/');
        names.try_fold(top, |dir, name| self.child(self.find(dir, name)?))
    }

    /// Appends the path of a directory below `top` with a slash at its end; nothing for `top`.
    pub(super) fn dir_path_into(self, dir: DirNo, top: DirNo, path: &mut Vec<u8>) {
        let mut chain: [EntryNo; 64] = [NONE; 64];
        let mut rest = Vec::new();
        let (mut at, mut depth) = (dir, 0);
        while at != top
            && let Some(entry) = self.entry_of(at)
        {
            match chain.get_mut(depth) {
                Some(place) => *place = entry,
                None => rest.push(entry),
            }
            depth += 1;
            at = self.dir(entry);
        }
        let near = &chain[..depth.min(chain.len())];
        for &entry in rest.iter().rev().chain(near.iter().rev()) {
            path.extend_from_slice(self.name(entry));
            path.push(b'/');
        }
    }

    /// Whether the name of an entry or of a directory above it, below `top`, begins with a dot.
    pub(super) fn is_hidden(self, entry: EntryNo, top: DirNo) -> bool {
        if top == ROOT && self.is_settled(self.dir(entry)) && (entry as usize) < self.names.len() {
            return self.names.flags[entry as usize] & HIDDEN_PATH != 0;
        }
        let mut next = Some(entry);
        while let Some(entry) = next {
            if self.flags(entry) & super::names::HIDDEN != 0 {
                return true;
            }
            let dir = self.dir(entry);
            next = if dir == top { None } else { self.entry_of(dir) };
        }
        false
    }
}
