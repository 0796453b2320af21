//! What the tests of the live tree share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use treenail_os::Kind;
use treenail_os::feed::Rung;
use treenail_tree::live::{Batch, Clock, EventKind, LiveTree, Options, Since};
use treenail_tree::{Scan, Tree, View};

/// Path and attributes of every entry; of directories only those that do not change with their
/// content.
pub(crate) fn entries(tree: &Tree) -> BTreeMap<Vec<u8>, String> {
    let view = tree.view(None);
    let mut found = BTreeMap::new();
    let mut dirs = vec![(view.root(), Vec::new())];
    while let Some((dir, path)) = dirs.pop() {
        for entry in view.entries(dir) {
            let path = [&path[..], entry.name].concat();
            let stat = entry.stat;
            let text = match stat.kind {
                Kind::Directory => format!("dir {:o} {}", stat.mode, stat.inode),
                _ => format!("{stat:?}"),
            };
            found.insert(path.clone(), text);
            dirs.extend(entry.child.map(|child| (child, [&path[..], b"/"].concat())));
        }
    }
    found
}

pub(crate) fn assert_true(live: &LiveTree) {
    let fresh = Scan::new().run(live.root(), None).unwrap().tree;
    let (live, fresh) = (entries(live.tree()), entries(&fresh));
    let differ: Vec<_> = live
        .iter()
        .filter(|(path, text)| fresh.get(*path) != Some(*text))
        .chain(fresh.iter().filter(|(path, _)| !live.contains_key(*path)))
        .map(|(path, text)| (String::from_utf8_lossy(path).into_owned(), text))
        .take(5)
        .collect();
    assert!(differ.is_empty(), "{} and {} entries: {differ:#?}", live.len(), fresh.len());
}

/// What a consumer of the batches believes to be there.
#[derive(Default)]
pub(crate) struct Replica(pub(crate) BTreeMap<Vec<u8>, u8>);

impl Replica {
    pub(crate) fn of(tree: &Tree) -> Self {
        let view = tree.view(None);
        let mut replica = Self::default();
        let mut dirs = vec![(view.root(), Vec::new())];
        while let Some((dir, path)) = dirs.pop() {
            for entry in view.entries(dir) {
                let path = [&path[..], entry.name].concat();
                replica.0.insert(path.clone(), entry.class() as u8);
                dirs.extend(entry.child.map(|child| (child, [&path[..], b"/"].concat())));
            }
        }
        replica
    }

    fn change(&mut self, kind: EventKind, class: u8, path: &[u8], from: Option<&[u8]>) {
        match kind {
            EventKind::Create | EventKind::Modify => _ = self.0.insert(path.into(), class),
            EventKind::Delete => _ = self.0.remove(path),
            EventKind::Rename => {
                let from = from.unwrap();
                let below = [from, b"/"].concat();
                let moved: Vec<(Vec<u8>, u8)> = self
                    .0
                    .iter()
                    .filter(|(path, _)| **path == *from || path.starts_with(&below))
                    .map(|(path, class)| (path.clone(), *class))
                    .collect();
                for (old, _) in &moved {
                    self.0.remove(old);
                }
                for (old, class) in moved {
                    self.0.insert([path, &old[from.len()..]].concat(), class);
                }
            }
        }
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
        for change in &batch.changes {
            self.change(change.kind, change.class as u8, &change.path, change.from.as_deref());
        }
    }

    pub(crate) fn catch_up(&mut self, live: &LiveTree, clock: Clock) {
        match live.since(clock) {
            Since::Net { changes, .. } => {
                for net in changes {
                    self.change(net.kind, net.class as u8, &net.path, net.from.as_deref());
                }
            }
            Since::Fresh(_) => *self = Self::of(live.tree()),
        }
    }
}

pub(crate) fn rungs() -> Vec<Rung> {
    let root = is_root();
    let mut rungs = vec![Rung::Inodes, Rung::Inotify];
    if root {
        rungs.insert(0, Rung::FileSystem);
    }
    rungs
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

pub(crate) fn options(rung: Rung) -> Options {
    Options { feed: treenail_os::feed::Options::new().rungs(&[rung]), ..Options::default() }
}

pub(crate) fn changes(live: &mut LiveTree) -> Vec<(EventKind, String, Option<String>)> {
    let mut found = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while let Some(batch) = live.barrier().unwrap() {
        for change in batch.changes.iter().filter(|change| !change.quiet) {
            let from = change.from.as_deref().map(text);
            found.push((change.kind, text(&change.path), from));
        }
    }
    found
}

/// A thousand random changes.
pub(crate) fn storm(root: &Path, seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..1000 {
        let path = |random: &mut dyn FnMut(u64) -> u64| {
            let depth = random(3) + 1;
            (0..depth).fold(root.to_owned(), |path, _| path.join(format!("n{}", random(6))))
        };
        let one = path(&mut random);
        let other = path(&mut random);
        // Much of this fails, which is part of the storm.
        match random(8) {
            0 | 1 => drop(fs::create_dir_all(&one)),
            2 | 3 => drop(fs::write(&one, vec![b'x'; random(100) as usize])),
            4 => drop(fs::remove_file(&one)),
            5 => drop(fs::remove_dir_all(&one)),
            _ => drop(fs::rename(&one, &other)),
        }
    }
}
