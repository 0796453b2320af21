//! What differs between two trees: equal digests are not entered, moved content is a rename.

mod paths;
mod rename;

use std::cmp::Ordering;
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::view::{Class, Entry, View};
use paths::{PathId, Paths};

/// What happened to a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// It is only in the new tree.
    Added,
    /// Its content differs.
    Modified,
    /// It is only in the old tree.
    Deleted,
    /// It became another kind of thing, or executable, or no longer executable.
    Type,
    /// It had another path, [`Change::from`].
    Renamed,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The path in the new tree, or for a deletion in the old one; relative to the root, with `/`
    /// between names.
    pub path: Vec<u8>,
    /// The old path of something renamed.
    pub from: Option<Vec<u8>>,
    /// What it is now, or for a deletion was.
    pub class: Class,
}

/// All differences between two trees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diff {
    /// In the order of their paths' bytes.
    pub changes: Vec<Change>,
    /// Entries that are on both sides and could not be compared, because the content of one could
    /// not be read.
    pub unknown: u64,
}

/// Compares two trees.
///
/// With ids on both sides, subtrees of equal digest are not entered, and what was deleted in one
/// place and added with equal content in another is a rename: the nearest path first, and a
/// directory whose every entry moved as one. Without ids files are compared by size and mtime, and
/// there are no renames.
///
/// # Errors
/// [`ErrorKind::IdsDiffer`] if the two hold different kinds of ids; `path` is then the one blamed.
pub fn diff<A: View, B: View>(old: &A, new: &B, path: &Path) -> Result<Diff, Error> {
    if old.ids() != new.ids() {
        let name = |ids: Option<crate::IdKind>| ids.map_or("no", |kind| kind.name);
        let (old, new) = (name(old.ids()), name(new.ids()));
        let message = format!("holds {new} ids, the other side {old} ids");
        return Err(Error::new(ErrorKind::IdsDiffer, path, message));
    }
    let equal = matches!((old.root_digest(), new.root_digest()), (Some(a), Some(b)) if a == b);
    if equal {
        return Ok(Diff::default());
    }
    let mut collector = Collector {
        old,
        new,
        has_ids: old.ids().is_some(),
        paths: Paths::new(),
        pairs: Vec::new(),
        gone: Vec::new(),
        came: Vec::new(),
        changed: Vec::new(),
        unknown: 0,
    };
    collector.collect();
    Ok(collector.finish())
}

/// Something that is on one side only.
struct Found {
    path: PathId,
    class: Class,
    size_bytes: u64,
    /// The id or digest, zeros behind it.
    id: Option<[u8; 32]>,
    /// One past the last of what is below it, in the list that it stands in.
    end: usize,
}

struct Collector<'a, A: View, B: View> {
    old: &'a A,
    new: &'a B,
    has_ids: bool,
    paths: Paths,
    /// Directories that differ and are still to be compared.
    pairs: Vec<(A::Dir, B::Dir, PathId)>,
    /// What is only in the old tree, in pre-order.
    gone: Vec<Found>,
    /// What is only in the new tree, in pre-order.
    came: Vec<Found>,
    changed: Vec<(ChangeKind, PathId, Class)>,
    unknown: u64,
}

impl<A: View, B: View> Collector<'_, A, B> {
    fn collect(&mut self) {
        self.pairs.push((self.old.root(), self.new.root(), PathId::ROOT));
        while let Some((old_dir, new_dir, path)) = self.pairs.pop() {
            if !self.old.is_listed(old_dir) || !self.new.is_listed(new_dir) {
                self.unknown += 1;
                continue;
            }
            self.compare_directories(old_dir, new_dir, path);
        }
    }

    fn compare_directories(&mut self, old_dir: A::Dir, new_dir: B::Dir, path: PathId) {
        let (old, new) = (self.old, self.new);
        let mut old_entries = old.entries(old_dir).peekable();
        let mut new_entries = new.entries(new_dir).peekable();
        loop {
            let order = match (old_entries.peek(), new_entries.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.name.cmp(b.name),
            };
            let gone = if order.is_le() { old_entries.next() } else { None };
            let came = if order.is_ge() { new_entries.next() } else { None };
            match (gone, came) {
                (Some(gone), Some(came)) => self.compare(&gone, &came, path),
                (Some(gone), None) => {
                    found(old, &gone, path, &mut self.paths, &mut self.gone);
                }
                (None, Some(came)) => {
                    found(new, &came, path, &mut self.paths, &mut self.came);
                }
                (None, None) => return,
            }
        }
    }

    fn compare(&mut self, gone: &Entry<'_, A::Dir>, came: &Entry<'_, B::Dir>, parent: PathId) {
        let (old_class, new_class) = (gone.class(), came.class());
        if old_class != new_class && !(old_class.is_file() && new_class.is_file()) {
            let path = self.paths.add(parent, came.name);
            self.changed.push((ChangeKind::Type, path, new_class));
            below(self.old, gone, path, &mut self.paths, &mut self.gone);
            below(self.new, came, path, &mut self.paths, &mut self.came);
            return;
        }
        if let (Some(old_dir), Some(new_dir)) = (gone.child, came.child) {
            let equal = matches!((gone.id, came.id), (Some(a), Some(b)) if a == b);
            if !equal {
                let path = self.paths.add(parent, came.name);
                self.pairs.push((old_dir, new_dir, path));
            }
            return;
        }
        let kind = match self.same_content(gone, came) {
            Some(true) if old_class == new_class => return,
            Some(true) => ChangeKind::Type,
            Some(false) => ChangeKind::Modified,
            None => {
                self.unknown += 1;
                return;
            }
        };
        let path = self.paths.add(parent, came.name);
        self.changed.push((kind, path, new_class));
    }

    /// Whether two entries that are not directories hold the same; `None` if it is not known.
    fn same_content(&self, a: &Entry<'_, A::Dir>, b: &Entry<'_, B::Dir>) -> Option<bool> {
        if !a.class().has_content() {
            return Some(true);
        }
        let same_size = a.stat.size_bytes == b.stat.size_bytes;
        if !self.has_ids {
            return Some(same_size && a.stat.mtime_ns == b.stat.mtime_ns);
        }
        match (a.id, b.id) {
            (Some(a), Some(b)) => Some(a == b),
            _ if a.class().is_file() && !same_size => Some(false),
            _ => None,
        }
    }

    fn finish(self) -> Diff {
        let Self { paths, gone, came, mut changed, unknown, .. } = self;
        let renames = rename::find(&gone, &came, &paths);
        let mut changes = Vec::new();
        for (old, new) in &renames.pairs {
            let (old, new) = (&gone[*old], &came[*new]);
            changes.push(Change {
                kind: ChangeKind::Renamed,
                path: paths.bytes(new.path),
                from: Some(paths.bytes(old.path)),
                class: new.class,
            });
            if old.class != new.class {
                changed.push((ChangeKind::Type, new.path, new.class));
            }
        }
        let mut rest = |found: &[Found], explained: &[bool], kind| {
            let left = found.iter().zip(explained).filter(|(_, explained)| !**explained);
            changed.extend(left.map(|(found, _)| (kind, found.path, found.class)));
        };
        rest(&gone, &renames.gone, ChangeKind::Deleted);
        rest(&came, &renames.came, ChangeKind::Added);
        changes.extend(changed.into_iter().map(|(kind, path, class)| Change {
            kind,
            path: paths.bytes(path),
            from: None,
            class,
        }));
        changes.sort_by(|a, b| a.path.cmp(&b.path).then(a.kind.cmp(&b.kind)));
        Diff { changes, unknown }
    }
}

/// Appends an entry of one side, and all below it, in pre-order.
fn found<V: View>(
    view: &V,
    entry: &Entry<'_, V::Dir>,
    parent: PathId,
    paths: &mut Paths,
    list: &mut Vec<Found>,
) {
    let path = paths.add(parent, entry.name);
    let at = list.len();
    list.push(Found {
        path,
        class: entry.class(),
        size_bytes: entry.stat.size_bytes,
        id: entry.id.map(padded),
        end: at + 1,
    });
    below(view, entry, path, paths, list);
    list[at].end = list.len();
}

/// A directory of one side, with the entries of it that are still to be appended.
struct Pending<D> {
    dir: D,
    path: PathId,
    /// Where the directory itself stands in the list.
    at: Option<usize>,
}

/// Appends all that is below an entry of one side, in pre-order.
fn below<V: View>(
    view: &V,
    entry: &Entry<'_, V::Dir>,
    path: PathId,
    paths: &mut Paths,
    list: &mut Vec<Found>,
) {
    enum Step<D> {
        Entry { found: Found, child: Option<D> },
        Leave(usize),
    }
    let mut steps: Vec<Step<V::Dir>> = Vec::new();
    let mut enter = entry.child.map(|dir| Pending { dir, path, at: None });
    loop {
        if let Some(Pending { dir, path, at }) = enter.take() {
            steps.extend(at.map(Step::Leave));
            let before = steps.len();
            steps.extend(view.entries(dir).map(|entry| Step::Entry {
                found: Found {
                    path: paths.add(path, entry.name),
                    class: entry.class(),
                    size_bytes: entry.stat.size_bytes,
                    id: entry.id.map(padded),
                    end: 0,
                },
                child: entry.child,
            }));
            steps[before..].reverse();
        }
        match steps.pop() {
            None => return,
            Some(Step::Leave(at)) => list[at].end = list.len(),
            Some(Step::Entry { mut found, child }) => {
                let at = list.len();
                found.end = at + 1;
                let path = found.path;
                list.push(found);
                enter = child.map(|dir| Pending { dir, path, at: Some(at) });
            }
        }
    }
}

fn padded(id: &[u8]) -> [u8; 32] {
    let mut padded = [0; 32];
    padded[..id.len()].copy_from_slice(id);
    padded
}
