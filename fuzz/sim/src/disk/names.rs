//! Directories: the names that the system shows, those on the medium, and the changes between.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

use super::error::Error;
use super::fate::Fate;
use crate::rng::Rng;

/// The number of a file or directory.
pub(super) type Inode = u64;

/// The topmost directory.
pub(super) const ROOT: Inode = 1;

/// All directories of a disk.
#[derive(Debug)]
pub(super) struct Names {
    dirs: BTreeMap<Inode, Dir>,
    /// What was done since the directories concerned were synced, in order.
    pending: Vec<Change>,
    /// What counts as durable since a sync failed, and is not. The next change to the same
    /// directory makes the system write it again.
    forgotten: Vec<Change>,
    /// How many names the system shows for each inode.
    links: BTreeMap<Inode, usize>,
}

#[derive(Debug, Default)]
struct Dir {
    cache: BTreeMap<OsString, Inode>,
    media: BTreeMap<OsString, Inode>,
}

/// One call's changes: a crash keeps all of them or none, and with them those before that concern
/// the same inodes.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) order: u64,
    /// What got, lost or changed its name.
    pub(super) inodes: Vec<Inode>,
    pub(super) edits: Vec<Edit>,
}

/// A name stands for another inode from now on, or for none.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) dir: Inode,
    pub(super) name: OsString,
    pub(super) to: Option<Inode>,
}

impl Names {
    pub(super) fn new() -> Self {
        let dirs = BTreeMap::from([(ROOT, Dir::default())]);
        let links = BTreeMap::from([(ROOT, 1)]);
        Self { dirs, pending: Vec::new(), forgotten: Vec::new(), links }
    }

    /// The inode at a path.
    pub(super) fn find(&self, path: &Path) -> Result<Inode, Error> {
        path.components().try_fold(ROOT, |dir, component| match component {
            Component::RootDir | Component::CurDir => Ok(dir),
            Component::Normal(name) => {
                let dir = self.dirs.get(&dir).ok_or(Error::NotADirectory)?;
                dir.cache.get(name).copied().ok_or(Error::NotFound)
            }
            Component::ParentDir | Component::Prefix(_) => Err(Error::Refused),
        })
    }

    /// The directory that holds a path's last name, and the name.
    pub(super) fn parent<'a>(&self, path: &'a Path) -> Result<(Inode, &'a OsStr), Error> {
        let name = path.file_name().ok_or(Error::Refused)?;
        let dir = self.find(path.parent().unwrap_or(Path::new("")))?;
        if self.is_dir(dir) { Ok((dir, name)) } else { Err(Error::NotADirectory) }
    }

    pub(super) fn is_dir(&self, inode: Inode) -> bool {
        self.dirs.contains_key(&inode)
    }

    /// Whether the system shows a name for it.
    pub(super) fn is_linked(&self, inode: Inode) -> bool {
        self.links.contains_key(&inode)
    }

    /// The names in a directory, in their order.
    pub(super) fn list(&self, dir: Inode) -> Option<impl Iterator<Item = &OsString>> {
        Some(self.dirs.get(&dir)?.cache.keys())
    }

    /// Whether it is a directory with names in it.
    pub(super) fn has_entries(&self, inode: Inode) -> bool {
        self.dirs.get(&inode).is_some_and(|dir| !dir.cache.is_empty())
    }

    pub(super) fn add_dir(&mut self, inode: Inode) {
        self.dirs.insert(inode, Dir::default());
    }

    /// Shows the change from now on, and remembers that a crash may undo it.
    pub(super) fn change(&mut self, change: Change) {
        for edit in &change.edits {
            let Some(dir) = self.dirs.get_mut(&edit.dir) else { continue };
            let old = apply(&mut dir.cache, edit);
            if let Some(new) = edit.to {
                *self.links.entry(new).or_default() += 1;
            }
            if let Some(old) = old {
                self.unlink(old);
            }
        }
        let forgotten = std::mem::take(&mut self.forgotten);
        let (woken, left): (Vec<_>, Vec<_>) =
            forgotten.into_iter().partition(|old| old.shares_directory(&change));
        self.forgotten = left;
        self.pending.extend(woken);
        self.pending.push(change);
        self.pending.sort_by_key(|change| change.order);
    }

    /// The names of a directory reach the medium, and what went before with the same inodes.
    pub(super) fn sync(&mut self, dir: Inode) {
        for change in self.take(|change| change.edits.iter().any(|edit| edit.dir == dir)) {
            self.write_back(&change);
        }
    }

    /// A directory's changes stay unsynced, or are forgotten.
    pub(super) fn sync_badly(&mut self, dir: Inode, forget: bool) {
        if forget {
            let forgotten = self.take(|change| change.edits.iter().any(|edit| edit.dir == dir));
            self.forgotten.extend(forgotten);
        }
    }

    /// Power is lost.
    pub(super) fn crash(&mut self, rng: &mut Rng, fate: &Fate) {
        for change in self.take(|change| fate.keeps(rng, change.order)) {
            self.write_back(&change);
        }
        self.pending.clear();
        self.forgotten.clear();
        self.links = BTreeMap::from([(ROOT, 1)]);
        for dir in self.dirs.values_mut() {
            dir.cache.clone_from(&dir.media);
        }
        for inode in self.shown() {
            *self.links.entry(inode).or_default() += 1;
        }
        self.dirs.retain(|inode, _| self.links.contains_key(inode));
    }

    /// Every inode that a name stands for, or may stand for after a crash.
    pub(super) fn reachable(&self) -> BTreeSet<Inode> {
        let media = self.dirs.values().flat_map(|dir| dir.media.values().copied());
        let pending = self.pending.iter().chain(&self.forgotten);
        let pending = pending.flat_map(|change| &change.edits);
        let mut reachable: BTreeSet<Inode> = media.collect();
        reachable.extend(pending.filter_map(|edit| edit.to));
        reachable.extend(self.links.keys());
        reachable
    }

    /// Every file or directory that can be reached from the top, in the order of the paths.
    pub(super) fn walk(&self) -> Vec<(OsString, Inode)> {
        let mut found = Vec::new();
        let mut todo = vec![(OsString::new(), ROOT)];
        while let Some((path, inode)) = todo.pop() {
            let Some(dir) = self.dirs.get(&inode) else { continue };
            for (name, &inode) in &dir.cache {
                let path = Path::new(&path).join(name).into_os_string();
                found.push((path.clone(), inode));
                todo.push((path, inode));
            }
        }
        found.sort_unstable();
        found
    }

    /// The numbers of the unsynced changes.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = u64> + '_ {
        self.pending.iter().map(|change| change.order)
    }

    /// What can be reached from the top; a directory that lost its name takes its entries along.
    fn shown(&self) -> Vec<Inode> {
        self.walk().into_iter().map(|(_, inode)| inode).collect()
    }

    /// Takes those changes out that are wanted, and the earlier ones about the same inodes.
    fn take(&mut self, mut wanted: impl FnMut(&Change) -> bool) -> Vec<Change> {
        let mut inodes = BTreeSet::new();
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for change in std::mem::take(&mut self.pending).into_iter().rev() {
            if wanted(&change) || change.inodes.iter().any(|inode| inodes.contains(inode)) {
                inodes.extend(change.inodes.iter().copied());
                taken.push(change);
            } else {
                left.push(change);
            }
        }
        left.reverse();
        taken.reverse();
        self.pending = left;
        taken
    }

    fn write_back(&mut self, change: &Change) {
        for edit in &change.edits {
            if let Some(dir) = self.dirs.get_mut(&edit.dir) {
                apply(&mut dir.media, edit);
            }
        }
    }

    fn unlink(&mut self, inode: Inode) {
        if let Some(links) = self.links.get_mut(&inode) {
            *links -= 1;
            if *links == 0 {
                self.links.remove(&inode);
            }
        }
    }
}

impl Change {
    fn shares_directory(&self, other: &Self) -> bool {
        self.edits.iter().any(|edit| other.edits.iter().any(|theirs| theirs.dir == edit.dir))
    }
}

/// Makes one edit; returns what the name stood for before.
fn apply(names: &mut BTreeMap<OsString, Inode>, edit: &Edit) -> Option<Inode> {
    match edit.to {
        Some(inode) => names.insert(edit.name.clone(), inode),
        None => names.remove(&edit.name),
    }
}
