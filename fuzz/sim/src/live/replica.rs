//! Somebody who follows the tree: what they were told, and what they read when they were told.

use std::collections::BTreeMap;

use treenail_os::{Kind, Stat};
use treenail_tree::live::{Batch, EventKind, Since};
use treenail_tree::{Class, DirId, Tree, View};

use super::fs::{Fs, Node, ROOT};

/// See the module's text.
#[derive(Default)]
pub(super) struct Replica {
    pub(super) entries: BTreeMap<Vec<u8>, Known>,
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) class: Class,
    /// What the tree said of it last.
    pub(super) told: Option<Stat>,
    /// What was read when it was told of, and whether that was of what was told.
    pub(super) content: Option<Vec<u8>>,
    pub(super) exact: bool,
}

impl Replica {
    /// Begins anew from a whole tree.
    pub(super) fn fresh(tree: &Tree, fs: &Fs) -> Self {
        let mut replica = Self::default();
        for (path, class, stat) in paths(tree) {
            replica.put(&path, class, Some(stat), true, fs);
        }
        replica
    }

    /// Follows what happened; an error says what cannot have.
    pub(super) fn apply(&mut self, batch: &Batch, fs: &Fs) -> Result<(), String> {
        for change in &batch.changes {
            let from = change.from.as_deref();
            self.change(change.kind, change.class, &change.path, from, true)?;
            if change.kind != EventKind::Delete {
                self.put(&change.path, change.class, change.stat, !change.quiet, fs);
            }
        }
        Ok(())
    }

    /// Follows an answer; `tree` is the tree that it leads to.
    pub(super) fn follow(&mut self, since: &Since, tree: &Tree, fs: &Fs) -> Result<(), String> {
        let Since::Net { changes, .. } = since else {
            *self = Self::fresh(tree, fs);
            return Ok(());
        };
        for change in changes {
            self.change(change.kind, change.class, &change.path, change.from.as_deref(), false)?;
            if matches!(change.kind, EventKind::Create | EventKind::Modify) {
                self.put(&change.path, change.class, None, !change.quiet, fs);
            }
        }
        let now: BTreeMap<Vec<u8>, Stat> =
            paths(tree).into_iter().map(|(path, _, stat)| (path, stat)).collect();
        for (path, known) in &mut self.entries {
            known.told = now.get(path).copied();
            known.exact &= known.told.is_some() && known.told == stat_at(fs, path);
        }
        Ok(())
    }

    fn change(
        &mut self,
        kind: EventKind,
        class: Class,
        path: &[u8],
        from: Option<&[u8]>,
        strict: bool,
    ) -> Result<(), String> {
        let shown = || format!("{kind} {}", String::from_utf8_lossy(path));
        let is_known = self.entries.contains_key(path);
        match kind {
            EventKind::Create if is_known && strict => Err(format!("{}: is there", shown())),
            EventKind::Modify if !is_known => Err(format!("{}: is not there", shown())),
            EventKind::Create | EventKind::Modify => {
                let above = path.iter().rposition(|byte| *byte == b'/').map(|at| &path[..at]);
                match above {
                    Some(above) if !self.entries.contains_key(above) => {
                        Err(format!("{}: the directory is not there", shown()))
                    }
                    _ => Ok(()),
                }
            }
            EventKind::Delete => {
                let removed = self.take(path);
                match removed.len() {
                    0 if strict => Err(format!("{}: is not there", shown())),
                    2.. => Err(format!("{}: still holds something", shown())),
                    _ => Ok(()),
                }
            }
            EventKind::Rename => {
                let moved = self.take(from.unwrap_or_default());
                let (Some(known), false) = (moved.get(&b""[..]), moved.is_empty()) else {
                    return Err(format!("{}: what moves is not there", shown()));
                };
                if known.class != class && strict {
                    return Err(format!("{}: what moves is of another class", shown()));
                }
                let mut replaced = self.take(path);
                // The directories on the way to what moved could not be gone before it moved.
                let way = from.and_then(|from| from.strip_prefix(path)).unwrap_or_default();
                replaced.retain(|rest, _| rest.is_empty() || !is_within(way, rest));
                if replaced.len() > 1 {
                    return Err(format!("{}: what is replaced holds something", shown()));
                }
                let moved = moved.into_iter();
                self.entries.extend(moved.map(|(rest, known)| ([path, &rest].concat(), known)));
                Ok(())
            }
        }
    }

    /// Takes out an entry and all below it, each without the path of it.
    fn take(&mut self, path: &[u8]) -> BTreeMap<Vec<u8>, Known> {
        let below = self.entries.keys().filter(|at| is_within(at, path));
        let taken: Vec<Vec<u8>> = below.cloned().collect();
        let take = |at: Vec<u8>| {
            let known = self.entries.remove(&at)?;
            Some((at[path.len()..].to_vec(), known))
        };
        taken.into_iter().filter_map(take).collect()
    }

    /// Is told what an entry is; reads it if it may be another.
    fn put(&mut self, path: &[u8], class: Class, told: Option<Stat>, read: bool, fs: &Fs) {
        let known = self.entries.entry(path.to_vec()).or_insert(Known {
            class,
            told,
            content: None,
            exact: false,
        });
        (known.class, known.told) = (class, told);
        if read || !known.exact {
            known.read(path, fs);
        }
    }

    /// Reads again what was another file, or being written, when it was read.
    pub(super) fn catch_up(&mut self, fs: &Fs) {
        for (path, known) in &mut self.entries {
            let Some((told, node)) = known.told.zip(node_at(fs, path)) else { continue };
            let now = shown(fs.stat(node));
            // Of a file that has several names, or had, nobody tells all ctimes; nor of names that
            // came and went unseen, which changed nothing else.
            let several = now.nlink > 1 || told.nlink > 1;
            let names_only = fs.is_unchanged_since(node, told.ctime_ns);
            let Stat { ctime_ns, nlink, .. } = if several || names_only { now } else { told };
            let told = Stat { ctime_ns, nlink, ..told };
            if !known.exact && told == now {
                known.read(path, fs);
            }
        }
    }

    /// What does not agree with a tree.
    pub(super) fn difference(&self, tree: &Tree) -> Option<String> {
        let tree: BTreeMap<Vec<u8>, Class> =
            paths(tree).into_iter().map(|(path, class, _)| (path, class)).collect();
        let mine = self.entries.iter().map(|(path, known)| (path.clone(), known.class));
        let mine: BTreeMap<Vec<u8>, Class> = mine.collect();
        let of = |path: &Vec<u8>| (mine.get(path).copied(), tree.get(path).copied());
        let path = mine.keys().chain(tree.keys()).find(|path| of(path).0 != of(path).1)?;
        let (mine, tree) = of(path);
        let path = String::from_utf8_lossy(path);
        Some(format!("{path}: replica {mine:?}, tree {tree:?}"))
    }
}

fn is_within(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

impl Known {
    fn read(&mut self, path: &[u8], fs: &Fs) {
        let node = node_at(fs, path);
        self.content = node.and_then(|node| Some(fs.get(node)?.content.clone()));
        let now = node.map(|node| shown(fs.stat(node)));
        self.exact = self.told.is_none() || self.told == now;
    }
}

/// All that a tree holds.
pub(super) fn paths(tree: &Tree) -> Vec<(Vec<u8>, Class, Stat)> {
    let view = tree.view(None);
    let mut found = Vec::new();
    let mut dirs: Vec<(DirId, Vec<u8>)> = vec![(DirId::ROOT, Vec::new())];
    while let Some((dir, above)) = dirs.pop() {
        for row in view.entries(dir) {
            let slash: &[u8] = if above.is_empty() { b"" } else { b"/" };
            let path = [&above, slash, row.name].concat();
            dirs.extend(row.child.map(|child| (child, path.clone())));
            found.push((path, row.class(), row.stat));
        }
    }
    found
}

pub(super) fn node_at(fs: &Fs, path: &[u8]) -> Option<Node> {
    path.split(|byte| *byte == b'/').try_fold(ROOT, |dir, name| fs.child(dir, name))
}

fn stat_at(fs: &Fs, path: &[u8]) -> Option<Stat> {
    Some(shown(fs.stat(node_at(fs, path)?)))
}

/// A stat as trees keep it.
pub(super) fn shown(stat: Stat) -> Stat {
    if stat.kind == Kind::Directory { Stat { nlink: 1, ..stat } } else { stat }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{FeedProfile, Kernel, Rung};
    use super::*;
    use crate::rng::{Chance, Rng};

    /// A file system with a file, and one who was told of it while it was elsewhere.
    fn told_of_elsewhere() -> (Fs, Replica) {
        let profile = FeedProfile {
            rung: Rung::Inodes,
            shards: 1,
            merge: false,
            queue_max: usize::MAX,
            torn: Chance::NEVER,
            names_lost: true,
        };
        let mut fs = Fs::new(Kernel::new(profile, Rng::new(1)), 0, false);
        fs.create(spot("moved"), 0o644, b"text".to_vec());
        while fs.write(0, 8) {}
        fs.close(0);
        let told = stat_at(&fs, b"moved");
        let mut replica = Replica::default();
        replica.put(b"file", Class::File, told, true, &fs);
        fs.rename(spot("moved"), spot("file"));
        (fs, replica)
    }

    fn spot(name: &str) -> super::super::fs::Spot {
        (ROOT, name.as_bytes().into())
    }

    fn content(replica: &Replica) -> Option<&[u8]> {
        replica.entries[&b"file"[..]].content.as_deref()
    }

    #[test]
    fn what_had_another_name_unseen_is_read_again() {
        let (mut fs, mut replica) = told_of_elsewhere();
        let node = node_at(&fs, b"file").expect("it is there");
        fs.link(node, spot("other"));
        fs.remove(spot("other"));
        assert_eq!(content(&replica), None);
        replica.catch_up(&fs);
        assert_eq!(content(&replica), Some(&b"text"[..]));
    }

    #[test]
    fn what_was_written_since_it_was_told_is_not_read_again() {
        let (mut fs, mut replica) = told_of_elsewhere();
        let node = node_at(&fs, b"file").expect("it is there");
        let mtime_ns = fs.stat(node).mtime_ns;
        fs.open(spot("file"), false, Vec::new());
        fs.overwrite(0, b"TEXT".to_vec());
        fs.close(0);
        fs.set_mtime(spot("file"), mtime_ns);
        replica.catch_up(&fs);
        assert_eq!(content(&replica), None);
    }
}
