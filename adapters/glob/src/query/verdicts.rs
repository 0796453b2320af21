//! What ignore rules and dots leave out, kept for each set of rules that was asked for.
//!
//! The tree knows that there are rule files, not what they say: they are read from the disk when
//! rules are first asked for, and again when one has changed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use treenail_os::{Entry, Handle, Kind, os_str_of};
use treenail_pattern::gitignore::{Verdict, is_git_dir};

use super::index::Numbered;
use super::names::{DirNo, EntryNo};
use super::overlay::Bits;
use crate::error::Error;
use crate::find::Ignores;
use crate::find::rules::{Held, RootRules};

/// The number of the next column of all.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The most sets of rules whose verdicts are kept.
const COLUMNS_MAX: usize = 4;

/// The names that rules depend on; the later ones where they are in a `.git`.
const RULE_NAMES: [&[u8]; 12] = [
    b".gitignore",
    b".ignore",
    b".git",
    b".jj",
    b"HEAD",
    b"commondir",
    b"config",
    b"config.worktree",
    b"exclude",
    b"info",
    b"objects",
    b"refs",
];

/// What is asked of rules: which, whether hidden entries are found, and below which directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub(super) ignores: Ignores,
    pub(super) hidden: bool,
    pub(super) top: DirNo,
}

/// The verdicts for one set of rules.
#[derive(Clone)]
pub(super) struct Column {
    /// Other rules are another number.
    number: u64,
    asked: Asked,
    rules: Arc<RootRules>,
    /// The entries that a walk comes by.
    shown: Bits,
    /// The rules in each directory that a walk enters.
    held: HashMap<DirNo, Arc<Held>>,
}

/// The columns that were asked for.
#[derive(Default)]
pub(super) struct Columns(Mutex<Vec<Arc<Column>>>);

impl Clone for Columns {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.all().clone()))
    }
}

impl Columns {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Column>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verdicts on the entries of an index; none if there are no rules to obey.
    pub(super) fn get(
        &self,
        asked: &Asked,
        view: Numbered<'_>,
        root: &Path,
        errors: &mut Vec<Error>,
    ) -> Option<Arc<Column>> {
        let mut all = self.all();
        if let Some(column) = all.iter().find(|column| column.asked == *asked) {
            return Some(column.clone());
        }
        let column = Arc::new(Column::new(asked, view, root, errors)?);
        if all.len() == COLUMNS_MAX {
            all.remove(0);
        }
        all.push(column.clone());
        Some(column)
    }

    pub(super) fn forget(&self) {
        self.all().clear();
    }

    /// Forgets the verdicts that depend on an entry of that name.
    pub(super) fn touched(&self, name: &[u8]) {
        let depends = |column: &Arc<Column>| {
            RULE_NAMES.contains(&name) || column.asked.ignores.names.iter().any(|own| own == name)
        };
        self.all().retain(|column| !depends(column));
    }

    /// Keeps these and no others.
    pub(super) fn keep(&self, columns: Vec<Arc<Column>>) {
        *self.all() = columns;
    }

    /// Judges entries that came, and what is below them.
    pub(super) fn judge(&self, view: Numbered<'_>, root: &Path, came: &[EntryNo]) {
        for column in self.all().iter_mut() {
            let column = Arc::make_mut(column);
            let known = came.iter().filter(|entry| column.held.contains_key(&view.dir(**entry)));
            for entry in known.copied().collect::<Vec<_>>() {
                let dir = view.dir(entry);
                let (held, at) = (column.held[&dir].clone(), column.path_of(view, dir));
                if let Some(child) = column.judge(view, &held, &at, entry) {
                    column.enter_all(view, root, vec![(child, held)], &mut Vec::new());
                }
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let one = |column: &Arc<Column>| column.shown.memory_bytes() + column.held.len() * 24;
        self.all().iter().map(one).sum()
    }
}

impl Column {
    fn new(
        asked: &Asked,
        view: Numbered<'_>,
        root: &Path,
        errors: &mut Vec<Error>,
    ) -> Option<Self> {
        let top = on_disk(view, root, asked.top).ok()?;
        let (rules, held) = RootRules::open(&asked.ignores, None, &top, errors)?;
        let mut this = Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            asked: asked.clone(),
            rules: Arc::new(rules),
            shown: Bits::default(),
            held: HashMap::new(),
        };
        this.enter_all(view, root, vec![(asked.top, held)], errors);
        Some(this)
    }

    /// The number of the rules as they were read; it stays when entries come and go.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a walk comes by an entry.
    pub(super) fn shows(&self, entry: EntryNo) -> bool {
        self.shown.get(entry)
    }

    /// Judges all that is in directories, given the rules above, and below them.
    fn enter_all(
        &mut self,
        view: Numbered<'_>,
        root: &Path,
        mut dirs: Vec<(DirNo, Arc<Held>)>,
        errors: &mut Vec<Error>,
    ) {
        let mut entries = Vec::new();
        while let Some((dir, above)) = dirs.pop() {
            entries.clear();
            entries.extend(view.entries(dir));
            let named = entries.iter().map(|&entry| {
                let (name, kind) = (view.name(entry), view.kind(entry));
                Entry { name, kind, inode: 0 }
            });
            let seen = self.rules.seen(named);
            let at = self.path_of(view, dir);
            let mut held = above;
            if !seen.nothing() {
                let opened = on_disk(view, root, dir).and_then(|path| Handle::open(&path));
                // One that is gone by now has no rules; the tree will say so.
                if let Ok(handle) = opened {
                    held = self.rules.enter(held, &handle, &at, seen, errors);
                }
            }
            for &entry in &entries {
                let child = self.judge(view, &held, &at, entry);
                dirs.extend(child.map(|child| (child, held.clone())));
            }
            self.held.insert(dir, held);
        }
    }

    /// Judges one entry in the directory at `at`. The answer is the directory to be entered.
    fn judge(
        &mut self,
        view: Numbered<'_>,
        held: &Held,
        at: &[u8],
        entry: EntryNo,
    ) -> Option<DirNo> {
        let (name, kind) = (view.name(entry), view.kind(entry));
        let hidden = (!self.asked.hidden && name.first() == Some(&b'.'))
            || (self.rules.leaves_git_dir() && is_git_dir(name));
        let is_shown = match held.prepare(at).verdict(name, kind == Kind::Directory) {
            Verdict::Ignored => false,
            Verdict::Included => true,
            Verdict::None => !hidden,
        };
        self.shown.set(entry, is_shown);
        if is_shown { view.child(entry) } else { None }
    }

    /// A directory's path as the rules know it.
    fn path_of(&self, view: Numbered<'_>, dir: DirNo) -> Vec<u8> {
        let mut at = self.rules.at().to_vec();
        if dir != self.asked.top {
            if !at.is_empty() {
                at.push(b'/');
            }
            view.dir_path_into(dir, self.asked.top, &mut at);
            at.pop();
        }
        at
    }
}

/// Where a directory is.
fn on_disk(view: Numbered<'_>, root: &Path, dir: DirNo) -> std::io::Result<std::path::PathBuf> {
    let mut path = Vec::new();
    view.dir_path_into(dir, super::names::ROOT, &mut path);
    Ok(root.join(&*os_str_of(&path)?))
}
