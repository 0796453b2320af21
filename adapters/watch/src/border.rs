//! A filter's border: what is moved across it comes or goes.

use treenail_os::Stat;
use treenail_tree::live::{Change, EventKind, Id};
use treenail_tree::{Class, DirId, Edit, IdKind, Ids, Tree, View};

use crate::filter::Compiled;
use crate::ignored::split;

/// Leaves of some changes what a filter wants. `before` is the tree that they start from, if it is
/// known, `after` the one that they lead to.
pub(crate) fn cross(
    filter: &mut Compiled,
    ids: Option<IdKind>,
    before: Option<&Tree>,
    after: &Tree,
    changes: &[Change],
) -> Vec<Change> {
    filter.note(changes);
    let moves_dirs = |change: &Change| is_dir(change) && change.kind == EventKind::Rename;
    // What is below a directory when it is moved, the changes before it decide.
    let shadow = before.filter(|_| changes.iter().any(moves_dirs)).cloned();
    let mut crossing = Crossing { filter, ids, after, shadow, wanted: Vec::new() };
    for change in changes {
        crossing.add(change);
        crossing.follow(change);
    }
    crossing.wanted
}

struct Crossing<'a> {
    filter: &'a mut Compiled,
    ids: Option<IdKind>,
    after: &'a Tree,
    shadow: Option<Tree>,
    wanted: Vec<Change>,
}

impl Crossing<'_> {
    fn add(&mut self, change: &Change) {
        let (class, stat) = (change.class, change.stat.as_ref());
        let to = self.admits(&change.path, class, stat);
        let Some(from_path) = change.from.as_deref().filter(|_| change.kind == EventKind::Rename)
        else {
            if to {
                self.wanted.push(change.clone());
            }
            return;
        };
        let from = self.admits(from_path, class, stat);
        let below = if is_dir(change) { self.below(from_path, &change.path) } else { Vec::new() };
        let mut gone = Vec::new();
        let kind = if change.replaced { EventKind::Modify } else { EventKind::Create };
        match (from, to) {
            (true, true) => self.wanted.push(change.clone()),
            (false, true) => self.wanted.push(Change { kind, from: None, ..change.clone() }),
            (true, false) => gone.push(deleted(from_path, class)),
            (false, false) => {}
        }
        for (rest, entry) in below {
            let old = joined(from_path, &rest);
            let new = joined(&change.path, &rest);
            let was = self.admits(&old, entry.class, entry.stat.as_ref());
            let is = self.admits(&new, entry.class, entry.stat.as_ref());
            match (was, is) {
                (false, false) => {}
                (true, true) if from && to => {}
                (true, true) => self.wanted.push(Change {
                    kind: EventKind::Rename,
                    path: new,
                    from: Some(old),
                    ..entry
                }),
                (false, true) => self.wanted.push(Change { path: new, ..entry }),
                // Who knows of the directory's move looks for it at the new place.
                (true, false) if from && to => gone.push(deleted(&new, entry.class)),
                (true, false) => gone.push(deleted(&old, entry.class)),
            }
        }
        self.wanted.extend(gone.into_iter().rev());
    }

    fn admits(&mut self, path: &[u8], class: Class, stat: Option<&Stat>) -> bool {
        self.filter.admits(self.after, path, class, stat)
    }

    /// What is below a directory that is moved, each with its path from there on, what is above
    /// before what is below.
    fn below(&self, from: &[u8], to: &[u8]) -> Vec<(Box<[u8]>, Change)> {
        let known = self.shadow.as_ref().and_then(|tree| Some((tree, tree.dir_at(from)?)));
        let moved = || Some((self.after, self.after.dir_at(to)?));
        let Some((tree, dir)) = known.or_else(moved) else { return Vec::new() };
        let mut found = Vec::new();
        walk(tree, self.ids, dir, &mut |change| found.push((change.path.clone(), change)));
        found
    }

    /// Makes a change to the shadow.
    fn follow(&mut self, change: &Change) {
        let Some(tree) = &mut self.shadow else { return };
        let at = |tree: &Tree, path: &[u8]| tree.dir_at(split(path).0);
        let Some(dir) = at(tree, &change.path) else { return };
        let place = (dir, split(&change.path).1);
        if change.kind == EventKind::Delete {
            tree.apply([Edit::Remove { at: place }]);
            return;
        }
        if let Some(from) = change.from.as_deref()
            && let Some(dir) = at(tree, from)
        {
            tree.apply([Edit::Move { from: (dir, split(from).1), to: place }]);
        }
        if let Some(stat) = change.stat {
            tree.apply([Edit::Put { at: place, stat, ids: Ids::Unchanged }]);
        }
    }
}

/// Calls `found` with everything below a directory as if it had just come, paths from there on,
/// what is above before what is below.
pub(crate) fn walk(tree: &Tree, ids: Option<IdKind>, dir: DirId, found: &mut dyn FnMut(Change)) {
    let view = tree.view(ids);
    let mut dirs = vec![(dir, Vec::new())];
    while let Some((dir, path)) = dirs.pop() {
        for entry in view.entries(dir) {
            let path = if path.is_empty() { entry.name.into() } else { joined(&path, entry.name) };
            let change = Change {
                stat: Some(entry.stat),
                id: known_id(entry.class(), entry.id),
                ..Change::new(EventKind::Create, entry.class(), path.clone())
            };
            found(change);
            dirs.extend(entry.child.map(|child| (child, path.into_vec())));
        }
    }
}

/// The id of an entry's content, where there is one.
pub(crate) fn known_id(class: Class, id: Option<&[u8]>) -> Option<Id> {
    id.filter(|_| class.has_content()).and_then(Id::new)
}

fn is_dir(change: &Change) -> bool {
    change.class == Class::Directory
}

fn deleted(path: &[u8], class: Class) -> Change {
    Change::new(EventKind::Delete, class, path.into())
}

fn joined(dir: &[u8], rest: &[u8]) -> Box<[u8]> {
    [dir, b"/", rest].concat().into()
}
