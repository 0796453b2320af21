//! What has to hold once everything has come to rest.

use treenail_hash::{Hash, Xxh128};
use treenail_os::{Kind, Stat};
use treenail_tree::live::{Batch, Change, EventKind, dir_of, token};
use treenail_tree::{DirId, IdKind, View};

use super::driver::is_complete;
use super::fs::{Node, OUTSIDE, ROOT, Spot};
use super::invariant;
use super::profile::Op;
use super::replica::{Replica, node_at, paths, shown};
use super::world::World;
use crate::rng::Chance;
use crate::runner::Violation;

/// How many actions a change may cause, and a comparison for each directory.
const ACTIONS_PER_CHANGE: u64 = 40;

/// In so many changes at the worst moments no rename may be lost; in more, one run of 100,000 finds
/// a knot of them that is told as gone and come.
const PAIRED_STEPS_MAX: u64 = 15;

/// How often each thing is tried on a tree at rest.
const EPILOGUES: usize = 4;

impl World<'_> {
    /// Checks everything against the file system.
    pub(super) fn check(&mut self) -> Result<(), Violation> {
        self.run.trace().event(format_args!("-- check"));
        self.check_dir(ROOT, DirId::ROOT, "")?;
        self.check_watches()?;
        for at in 0..self.askers.len() {
            self.ask_as(at)?;
        }
        self.follower.catch_up(&self.fs);
        let mut excused = self.check_contents(&self.follower, "follower")?;
        for at in 0..self.askers.len() {
            self.askers[at].1.catch_up(&self.fs);
            excused += self.check_contents(&self.askers[at].1, "asker")?;
        }
        self.run.count("omissions excused", excused);
        self.check_work()
    }

    fn check_dir(&self, node: Node, dir: DirId, path: &str) -> Result<(), Violation> {
        let Some(inode) = self.fs.get(node).filter(|inode| !inode.denied) else { return Ok(()) };
        let wrong = |detail: String| Err(Violation::new(invariant::TREE, detail));
        let tree = self.live.tree();
        let view = tree.view(self.profile.ids.then_some(IdKind::XXH3));
        let elsewhere = self.live.linked_elsewhere();
        let elsewhere = elsewhere.iter().filter_map(|path| tree.lookup(path));
        let elsewhere: Vec<u64> = elsewhere.map(|row| row.stat.inode).collect();
        let text = |name: &[u8]| format!("{path}/{}", String::from_utf8_lossy(name));
        for row in view.entries(dir) {
            if !inode.entries.contains_key(row.name) {
                return wrong(format!("{}: gone, but in the tree", text(row.name)));
            }
        }
        for (name, child) in &inode.entries {
            let Some(row) = view.entry(dir, name) else {
                return wrong(format!("{}: not in the tree", text(name)));
            };
            if self.fs.unheard.contains(child) {
                continue;
            }
            let stat = shown(self.fs.stat(*child));
            // Of names that are elsewhere, or were for a moment, nobody tells.
            let elsewhere = elsewhere.contains(&row.stat.inode);
            let nlink = if elsewhere { row.stat.nlink } else { stat.nlink };
            let expected = self.compared(&Stat { nlink, ..stat });
            if self.compared(&row.stat) != expected {
                return wrong(format!("{}: {:?} is {stat:?}", text(name), row.stat));
            }
            let Some(file) = self.fs.get(*child) else { continue };
            let id = Xxh128::hash(&file.content);
            if let (None, Some(known)) = (row.child, row.id)
                && known != AsRef::<[u8]>::as_ref(&id)
            {
                return Err(Violation::new(invariant::IDS, text(name)));
            }
            if let Some(below) = row.child {
                self.check_dir(*child, below, &text(name))?;
            }
        }
        let is_watched = self.fs.kernel.watched().any(|at| at == (node, token(dir)));
        if !is_complete(&self.live, dir) || !is_watched {
            let detail = format!("{path}/: watched {is_watched}, {:?}", tree.listing(dir));
            return Err(Violation::new(invariant::WATCHED, detail));
        }
        Ok(())
    }

    fn check_watches(&self) -> Result<(), Violation> {
        for (node, token) in self.fs.kernel.watched() {
            if self.live.tree().listing(dir_of(token)).is_none() {
                let detail = format!("inode {node} is watched as {:?}", dir_of(token));
                return Err(Violation::new(invariant::WATCHED, detail));
            }
        }
        Ok(())
    }

    /// Whether somebody who read what they were told to has read every file; how many are excused.
    fn check_contents(&self, replica: &Replica, who: &str) -> Result<u64, Violation> {
        let mut excused = 0;
        for (path, known) in &replica.entries {
            let Some(node) = node_at(&self.fs, path).filter(|_| self.is_seen(path)) else {
                continue;
            };
            let inode = self.fs.get(node).expect("what has a path is there");
            if self.fs.unheard.contains(&node) {
                excused += 1;
                continue;
            }
            if inode.kind == Kind::Directory || known.content.as_ref() == Some(&inode.content) {
                continue;
            }
            // Where times are coarse, what a comparison finds with the same attributes is taken
            // for the same, unless there is an id.
            let is_same = known.told == Some(shown(self.fs.stat(node)));
            if is_same && self.profile.step_ns > 0 {
                excused += 1;
                continue;
            }
            let path = String::from_utf8_lossy(path);
            let detail = format!("{path}: {who} was told {:?}", known.told);
            return Err(Violation::new(invariant::OMISSION, detail));
        }
        Ok(excused)
    }

    /// Whether the tree may look at a path.
    fn is_seen(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        ends.map(|(at, _)| &path[..at]).all(|above| {
            let node = node_at(&self.fs, above);
            node.and_then(|node| self.fs.get(node)).is_some_and(|inode| !inode.denied)
        })
    }

    fn check_work(&mut self) -> Result<(), Violation> {
        let tally = &self.tally;
        let dirs = self.profile.dirs_max as u64 + 1;
        let entries = paths(self.live.tree()).len() as u64;
        let most = ACTIONS_PER_CHANGE * (tally.changes + 1) + tally.compared * (4 * dirs + entries);
        if tally.actions > most {
            let detail = format!("{} actions for {} changes", tally.actions, tally.changes);
            return Err(Violation::new(invariant::WORK, detail));
        }
        Ok(())
    }

    /// Whether what comes was told to be gone, although all its renames were told in pairs.
    pub(super) fn check_pairs(&mut self, batch: &Batch) -> Result<(), Violation> {
        // Comparisons do not wait for the feed; whoever hears half of it may take an old event for
        // a new one; where nobody may look what arrives is not seen; and numbers that are given
        // again prove nothing.
        let is_long = self.profile.steps > PAIRED_STEPS_MAX && self.mutant.is_none();
        let is_denied = self.profile.ops.iter().any(|(op, _)| *op == Op::Deny || *op == Op::Link);
        if self.tally.compared > 1 || !self.reads_all || is_long || is_denied || self.profile.reuse
        {
            return Ok(());
        }
        for change in &batch.changes {
            match change.kind {
                EventKind::Delete => {
                    let known = self.follower.entries.get(&*change.path);
                    let inode = known.and_then(|known| Some(known.told?.inode));
                    self.deleted.extend(inode.map(|inode| (inode, change.path.to_vec())));
                }
                EventKind::Create => {
                    let inode = change.stat.map_or(0, |stat| stat.inode);
                    let Some(from) = self.deleted.get(&inode) else { continue };
                    // What moves in a circle is told as gone and come.
                    let there = self.live.tree().lookup(from).map(|row| row.stat.inode);
                    let is_circle = there.is_some_and(|there| self.deleted.contains_key(&there));
                    if !is_circle && self.fs.is_paired(inode) {
                        let path = String::from_utf8_lossy(&change.path);
                        return Err(Violation::new(invariant::PAIRS, format!("{path}: {inode}")));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets everybody look into all directories again.
    pub(super) fn allow_all(&mut self) {
        for dir in self.fs.dirs(ROOT).into_iter().chain(self.fs.dirs(OUTSIDE)) {
            let names = self.fs.get(dir).map(|inode| inode.entries.clone()).unwrap_or_default();
            for (name, child) in names {
                if self.fs.get(child).is_some_and(|inode| inode.denied) {
                    self.fs.deny((dir, name), false);
                }
            }
        }
    }

    /// Single changes of a tree at rest, whose reports have to be exact.
    pub(super) fn epilogue(&mut self) -> Result<(), Violation> {
        self.profile.feed.torn = Chance::NEVER;
        self.fs.kernel.profile.torn = Chance::NEVER;
        self.fs.open.clear();
        for _ in 0..EPILOGUES {
            self.rewrite_the_same()?;
            self.rename_undisturbed()?;
        }
        self.check()
    }

    fn rewrite_the_same(&mut self) -> Result<(), Violation> {
        let view = self.live.tree().view(Some(IdKind::XXH3));
        let mut known = paths(self.live.tree());
        known.retain(|(path, _, stat)| {
            let has_id = view.lookup(path).is_some_and(|row| row.id.is_some());
            let is_one = stat.kind == Kind::File && stat.nlink == 1 && self.is_heard_of(path);
            // The end of one that was told of while it was open is told in any case.
            has_id && is_one && !self.opened.contains(&stat.inode)
        });
        if known.is_empty() || !self.profile.ids {
            return Ok(());
        }
        let (path, ..) = self.rng.pick(&known).clone();
        let spot = self.spot(&path);
        let node = self.fs.child(spot.0, &spot.1).expect("the tree is true");
        let content = self.fs.get(node).map(|file| file.content.clone()).unwrap_or_default();
        self.pass(10_000_000);
        let (losses, before) = (self.tally.losses, self.said.len());
        self.fs.open(spot, true, content);
        while self.fs.write(0, 8) {}
        self.fs.close(0);
        self.rest()?;
        let changes = self.said[before..].iter().flat_map(|batch| &batch.changes);
        let loud: Vec<&Change> = changes.filter(|change| !change.quiet).collect();
        if self.tally.losses == losses && !loud.is_empty() {
            return Err(Violation::new(invariant::QUIET, format!("{loud:?}")));
        }
        self.run.count("quiet rewrites", 1);
        Ok(())
    }

    fn rename_undisturbed(&mut self) -> Result<(), Violation> {
        let mut known = paths(self.live.tree());
        known.retain(|(path, _, stat)| {
            stat.kind == Kind::Directory || stat.nlink == 1 && self.is_heard_of(path)
        });
        if known.is_empty() {
            return Ok(());
        }
        let (path, _, stat) = self.rng.pick(&known).clone();
        let spot = self.spot(&path);
        let node = self.fs.child(spot.0, &spot.1).expect("the tree is true");
        let dirs = self.fs.dirs(ROOT);
        let to = (*self.rng.pick(&dirs), super::fs::Name::from(&b"new"[..]));
        let is_loop = stat.kind == Kind::Directory && self.fs.is_within(to.0, node);
        if is_loop || self.fs.child(to.0, &to.1).is_some() {
            return Ok(());
        }
        self.pass(10_000_000);
        let (losses, before) = (self.tally.losses, self.said.len());
        self.fs.rename(spot, to);
        self.rest()?;
        let changes = self.said[before..].iter().flat_map(|batch| &batch.changes);
        let changes: Vec<&Change> = changes.filter(|change| !change.quiet).collect();
        let is_one = matches!(changes[..], [Change { kind: EventKind::Rename, .. }]);
        // Over several queues its halves may be read long after one another.
        let is_sure = self.profile.feed.shards == 1;
        if self.tally.losses == losses && is_sure && !is_one {
            return Err(Violation::new(invariant::RENAME, format!("{changes:?}")));
        }
        self.run.count("undisturbed renames", u64::from(is_one));
        Ok(())
    }

    fn is_heard_of(&self, path: &[u8]) -> bool {
        node_at(&self.fs, path).is_none_or(|node| !self.fs.unheard.contains(&node))
    }

    fn spot(&self, path: &[u8]) -> Spot {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let above =
            slash.map_or(ROOT, |at| node_at(&self.fs, &path[..at]).expect("the tree is true"));
        (above, path[slash.map_or(0, |at| at + 1)..].into())
    }

    /// What of a stat has to agree: a directory's own times say when it was listed, and nobody
    /// tells of a file that it had another name for a moment.
    fn compared(&self, stat: &Stat) -> Stat {
        let links = self.profile.ops.iter().any(|(op, _)| *op == Op::Link);
        match stat.kind {
            Kind::Directory => Stat { size_bytes: 0, mtime_ns: 0, ctime_ns: 0, ..*stat },
            Kind::File if links => Stat { ctime_ns: 0, ..*stat },
            _ => *stat,
        }
    }
}
