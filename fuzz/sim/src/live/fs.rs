//! A file system in memory, whose changes the simulated system reports.

use std::collections::{BTreeMap, BTreeSet};

use treenail_os::feed::What;
use treenail_os::{Kind, Stat};

use super::kernel::{Kernel, Moved};

/// A name in a directory.
pub(super) type Name = Box<[u8]>;

/// An inode for all time, whatever number it has.
pub(super) type Node = u32;

/// A name in a directory of the file system.
pub(super) type Spot = (Node, Name);

/// The directory that is watched.
pub(super) const ROOT: Node = 0;
/// A directory beside it, which nobody watches.
pub(super) const OUTSIDE: Node = 1;

/// A time before everything: 2030-01-01.
const START_NS: i64 = 1_893_456_000_000_000_000;

/// An inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    /// A file's bytes, a link's target.
    pub(super) content: Vec<u8>,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    /// The ctime of its last change but for those of its names.
    changed_ns: i64,
    pub(super) nlink: u32,
    pub(super) entries: BTreeMap<Name, Node>,
    /// Of a directory, the one that it is in.
    pub(super) parent: Node,
    /// Nobody may look into it.
    pub(super) denied: bool,
}

/// A file that somebody has open for writing.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) node: Node,
    /// The name that it was opened by, where that is now; none once it is unlinked.
    spot: Option<Spot>,
    /// What will be written yet.
    pub(super) left: Vec<u8>,
}

/// The file system, with the feed of what happens to it.
pub(super) struct Fs {
    inodes: BTreeMap<Node, Inode>,
    next: Node,
    numbers_free: Vec<u64>,
    numbers_next: u64,
    reuse: bool,
    /// How coarse times are; 0 if each change has a time of its own.
    pub(super) step_ns: i64,
    pub(super) now_ns: u64,
    last_ns: i64,
    pub(super) open: Vec<Open>,
    pub(super) kernel: Kernel,
    /// Names made by linking at which nobody has looked since, and whether the file was changed
    /// through them.
    unseen: BTreeMap<Spot, bool>,
    /// Files that were changed through such a name, which is gone. The events say that there was
    /// something, and no look can tell what: nobody can know that it was these files.
    pub(super) unheard: BTreeSet<Node>,
}

impl Fs {
    pub(super) fn new(kernel: Kernel, step_ns: i64, reuse: bool) -> Self {
        let mut fs = Self {
            inodes: BTreeMap::new(),
            next: 0,
            numbers_free: Vec::new(),
            numbers_next: 2,
            reuse,
            step_ns,
            now_ns: 0,
            last_ns: 0,
            open: Vec::new(),
            kernel,
            unseen: BTreeMap::new(),
            unheard: BTreeSet::new(),
        };
        for _ in [ROOT, OUTSIDE] {
            fs.add(Kind::Directory, 0o755);
        }
        fs
    }

    /// What the clock for files shows.
    pub(super) fn stamp(&self) -> i64 {
        let now = START_NS + self.now_ns as i64;
        if self.step_ns > 0 { now - now % self.step_ns } else { now }
    }

    /// Whether a change may still come that has this time too.
    pub(super) fn is_young(&self, ctime_ns: i64) -> bool {
        self.step_ns > 0 && ctime_ns >= self.stamp()
    }

    pub(super) fn get(&self, node: Node) -> Option<&Inode> {
        self.inodes.get(&node)
    }

    pub(super) fn child(&self, dir: Node, name: &[u8]) -> Option<Node> {
        self.get(dir)?.entries.get(name).copied()
    }

    pub(super) fn stat(&self, node: Node) -> Stat {
        let inode = &self.inodes[&node];
        Stat {
            kind: inode.kind,
            mode: inode.mode,
            size_bytes: inode.content.len() as u64,
            mtime_ns: inode.mtime_ns,
            ctime_ns: inode.ctime_ns,
            inode: inode.number,
            device: 1,
            nlink: inode.nlink,
            uid: 0,
            gid: 0,
        }
    }

    /// Whether nothing but its names has changed since it had this ctime.
    pub(super) fn is_unchanged_since(&self, node: Node, ctime_ns: i64) -> bool {
        self.get(node).is_some_and(|inode| inode.changed_ns <= ctime_ns)
    }

    /// Whether pairs have told of all renames of what has this number, and of the directories that
    /// it is in; numbers are not given again.
    pub(super) fn is_paired(&self, number: u64) -> bool {
        let node = self.inodes.iter().find(|(_, inode)| inode.number == number);
        let Some((mut node, _)) = node else { return false };
        while *node != ROOT && !self.kernel.unpaired.contains(node) {
            let above = &self.inodes[node].parent;
            if above == node {
                return false;
            }
            node = above;
        }
        *node == ROOT
    }

    /// Somebody looks at what a name leads to.
    pub(super) fn saw(&mut self, dir: Node, name: &[u8]) {
        self.unseen.remove(&(dir, name.into()));
    }

    /// All directories at or below one, each before those in it.
    pub(super) fn dirs(&self, top: Node) -> Vec<Node> {
        let mut dirs = vec![top];
        let mut next = 0;
        while let Some(dir) = dirs.get(next) {
            let below = self.inodes[dir].entries.values();
            dirs.extend(below.filter(|node| self.inodes[node].kind == Kind::Directory));
            next += 1;
        }
        dirs
    }

    /// Whether `node` is `top` or below it.
    pub(super) fn is_within(&self, node: Node, top: Node) -> bool {
        let mut at = node;
        while at != top && at != ROOT && at != OUTSIDE {
            at = self.inodes[&at].parent;
        }
        at == top
    }

    /// Whether it, or anything below, is a file of several names.
    pub(super) fn has_links(&self, node: Node) -> bool {
        let is_linked = |node: &Node| {
            let inode = &self.inodes[node];
            inode.kind == Kind::File && inode.nlink > 1
        };
        is_linked(&node)
            || self.inodes[&node].kind == Kind::Directory
                && self
                    .dirs(node)
                    .iter()
                    .any(|dir| self.inodes[dir].entries.values().any(is_linked))
    }

    pub(super) fn create(&mut self, (dir, name): Spot, mode: u32, left: Vec<u8>) {
        let node = self.add(Kind::File, mode);
        self.enter(dir, &name, node);
        self.report(dir, &name, What::CREATED);
        self.open.push(Open { node, spot: Some((dir, name)), left });
    }

    /// Opens a file to write it anew, or on.
    pub(super) fn open(&mut self, spot: Spot, truncate: bool, left: Vec<u8>) {
        let node = self.inodes[&spot.0].entries[&spot.1];
        if truncate {
            self.change(node, |inode| inode.content.clear());
            self.report_file(node, Some(&spot), What::MODIFIED);
        }
        self.open.push(Open { node, spot: Some(spot), left });
    }

    /// Writes the next piece of what an open file is to hold; false if there is nothing left.
    pub(super) fn write(&mut self, open: usize, bytes: usize) -> bool {
        let Open { node, spot, left } = &mut self.open[open];
        if left.is_empty() {
            return false;
        }
        let piece: Vec<u8> = left.drain(..bytes.min(left.len())).collect();
        let (node, spot) = (*node, spot.clone());
        self.change(node, |inode| inode.content.extend(piece));
        self.report_file(node, spot.as_ref(), What::MODIFIED);
        true
    }

    /// Overwrites the content in one call; its length stays what it was.
    pub(super) fn overwrite(&mut self, open: usize, content: Vec<u8>) {
        let Open { node, spot, .. } = self.open[open].clone();
        self.change(node, |inode| inode.content = content);
        self.report_file(node, spot.as_ref(), What::MODIFIED);
    }

    pub(super) fn close(&mut self, open: usize) {
        let Open { node, spot, .. } = self.open.swap_remove(open);
        self.report_file(node, spot.as_ref(), What::CLOSED);
        self.release(node);
    }

    pub(super) fn mkdir(&mut self, (dir, name): Spot) {
        let node = self.add(Kind::Directory, 0o755);
        self.enter(dir, &name, node);
        self.report(dir, &name, What::CREATED | What::DIRECTORY);
    }

    pub(super) fn symlink(&mut self, (dir, name): Spot, target: Vec<u8>) {
        let node = self.add(Kind::Symlink, 0o777);
        self.change(node, |inode| inode.content = target);
        self.enter(dir, &name, node);
        self.report(dir, &name, What::CREATED);
    }

    pub(super) fn link(&mut self, node: Node, (dir, name): Spot) {
        self.touch_names(node, |inode| inode.nlink += 1);
        self.kernel.report_file(node, What::ATTRIBUTES);
        self.kernel.unpaired.insert(node);
        self.enter(dir, &name, node);
        self.report(dir, &name, What::CREATED);
        self.unseen.insert((dir, name), false);
    }

    /// Removes a file or an empty directory.
    pub(super) fn remove(&mut self, (dir, name): Spot) {
        let node = self.inodes[&dir].entries[&name];
        let is_dir = self.inodes[&node].kind == Kind::Directory;
        self.leave(dir, &name);
        let what = if is_dir { What::REMOVED | What::DIRECTORY } else { What::REMOVED };
        self.unlinked(node, &(dir, name.clone()));
        self.report(dir, &name, what);
    }

    /// Renames; what stands at the destination, a file or an empty directory, is replaced.
    pub(super) fn rename(&mut self, from: Spot, to: Spot) {
        let node = self.inodes[&from.0].entries[&from.1];
        let replaced = self.child(to.0, &to.1);
        let unseen = self.unseen.remove(&from);
        self.leave(from.0, &from.1);
        if let Some(replaced) = replaced {
            self.leave(to.0, &to.1);
            self.unlinked(replaced, &to);
        }
        self.enter(to.0, &to.1, node);
        self.unseen.extend(unseen.map(|changed| (to.clone(), changed)));
        self.touch_names(node, |_| {});
        for open in self.open.iter_mut().filter(|open| open.spot.as_ref() == Some(&from)) {
            open.spot = Some(to.clone());
        }
        self.moved(node, from, to);
    }

    pub(super) fn exchange(&mut self, a: Spot, b: Spot) {
        let (at_a, at_b) = (self.inodes[&a.0].entries[&a.1], self.inodes[&b.0].entries[&b.1]);
        // What moves in a circle is told as gone and come.
        for node in [at_a, at_b] {
            let below = self.with_below(node);
            self.kernel.unpaired.extend(below);
        }
        let (unseen_a, unseen_b) = (self.unseen.remove(&a), self.unseen.remove(&b));
        self.leave(a.0, &a.1);
        self.leave(b.0, &b.1);
        self.enter(a.0, &a.1, at_b);
        self.enter(b.0, &b.1, at_a);
        self.unseen.extend(unseen_a.map(|changed| (b.clone(), changed)));
        self.unseen.extend(unseen_b.map(|changed| (a.clone(), changed)));
        self.touch_names(at_a, |_| {});
        self.touch_names(at_b, |_| {});
        for open in &mut self.open {
            if open.spot.as_ref() == Some(&a) {
                open.spot = Some(b.clone());
            } else if open.spot.as_ref() == Some(&b) {
                open.spot = Some(a.clone());
            }
        }
        self.moved(at_a, a.clone(), b.clone());
        self.moved(at_b, b, a);
    }

    pub(super) fn chmod(&mut self, (dir, name): Spot, mode: u32) {
        let node = self.inodes[&dir].entries[&name];
        self.touch(node, |inode| inode.mode = mode);
        self.report_attributes(&(dir, name), node);
    }

    /// Makes a directory one that nobody may look into, or not.
    pub(super) fn deny(&mut self, (dir, name): Spot, denied: bool) {
        let node = self.inodes[&dir].entries[&name];
        self.touch(node, |inode| {
            inode.denied = denied;
            inode.mode = if denied { 0 } else { 0o755 };
        });
        self.report_attributes(&(dir, name), node);
    }

    pub(super) fn set_mtime(&mut self, (dir, name): Spot, mtime_ns: i64) {
        let node = self.inodes[&dir].entries[&name];
        self.touch(node, |inode| inode.mtime_ns = mtime_ns);
        self.report_attributes(&(dir, name), node);
    }

    fn add(&mut self, kind: Kind, mode: u32) -> Node {
        let node = self.next;
        self.next += 1;
        let number = self.numbers_free.pop().filter(|_| self.reuse).unwrap_or_else(|| {
            self.numbers_next += 1;
            self.numbers_next
        });
        let now = self.tick();
        let inode = Inode {
            number,
            kind,
            mode,
            content: Vec::new(),
            mtime_ns: now,
            ctime_ns: now,
            changed_ns: now,
            nlink: 1,
            entries: BTreeMap::new(),
            parent: node,
            denied: false,
        };
        self.inodes.insert(node, inode);
        node
    }

    /// The time of a change that happens now.
    fn tick(&mut self) -> i64 {
        let now = self.stamp();
        self.last_ns = if self.step_ns > 0 { now } else { now.max(self.last_ns + 1) };
        self.last_ns
    }

    /// Changes nothing but the names that lead to it.
    fn touch_names(&mut self, node: Node, change: impl FnOnce(&mut Inode)) {
        let now = self.tick();
        let inode = self.inodes.get_mut(&node).expect("the inode is there");
        change(inode);
        inode.ctime_ns = now;
    }

    fn touch(&mut self, node: Node, change: impl FnOnce(&mut Inode)) {
        self.touch_names(node, change);
        let inode = self.inodes.get_mut(&node).expect("the inode is there");
        inode.changed_ns = inode.ctime_ns;
    }

    fn change(&mut self, node: Node, change: impl FnOnce(&mut Inode)) {
        self.touch(node, change);
        let inode = self.inodes.get_mut(&node).expect("the inode is there");
        inode.mtime_ns = inode.ctime_ns;
    }

    fn enter(&mut self, dir: Node, name: &Name, node: Node) {
        self.change(dir, |inode| {
            inode.entries.insert(name.clone(), node);
        });
        let inode = self.inodes.get_mut(&node).expect("the inode is there");
        if inode.kind == Kind::Directory {
            inode.parent = dir;
        }
    }

    fn leave(&mut self, dir: Node, name: &Name) {
        if self.unseen.remove(&(dir, name.clone())) == Some(true) {
            self.unheard.extend(self.child(dir, name));
        }
        self.change(dir, |inode| {
            inode.entries.remove(name);
        });
    }

    fn unlinked(&mut self, node: Node, spot: &Spot) {
        for open in self.open.iter_mut().filter(|open| open.spot.as_ref() == Some(spot)) {
            open.spot = None;
        }
        self.touch_names(node, |inode| inode.nlink -= 1);
        if self.inodes[&node].nlink > 0 {
            // What is written through a name that is gone nobody hears of at the others.
            self.open.retain(|open| open.node != node || open.spot.is_some());
        }
        if self.inodes[&node].kind == Kind::Directory {
            self.kernel.report_own(node, What::REMOVED);
            self.kernel.gone(node);
        } else {
            self.kernel.report_file(node, What::ATTRIBUTES);
        }
        self.release(node);
    }

    /// Frees an inode without a name that nobody has open.
    fn release(&mut self, node: Node) {
        let is_free = self.inodes[&node].nlink == 0;
        if is_free && self.open.iter().all(|open| open.node != node) {
            let inode = self.inodes.remove(&node).expect("the inode is there");
            self.numbers_free.push(inode.number);
        }
    }

    /// Something happens to a file through a name, if it still has that, to be told of both.
    fn report_file(&mut self, file: Node, spot: Option<&Spot>, what: What) {
        if let Some((dir, name)) = spot {
            self.report(*dir, name, what);
        }
        self.kernel.report_file(file, what);
    }

    fn report(&mut self, dir: Node, name: &Name, what: What) {
        if what.has(What::MODIFIED | What::ATTRIBUTES)
            && let Some(changed) = self.unseen.get_mut(&(dir, name.clone()))
        {
            *changed = true;
        }
        self.kernel.report(dir, name, what);
    }

    fn report_attributes(&mut self, spot: &Spot, node: Node) {
        let is_dir = self.inodes[&node].kind == Kind::Directory;
        let also = if is_dir { What::DIRECTORY } else { What::default() };
        self.report_file(node, Some(spot), What::ATTRIBUTES | also);
        if is_dir {
            self.kernel.report_own(node, What::ATTRIBUTES);
        }
    }

    /// An entry and all that is below it.
    fn with_below(&self, node: Node) -> Vec<Node> {
        let is_dir = self.inodes[&node].kind == Kind::Directory;
        let dirs = if is_dir { self.dirs(node) } else { Vec::new() };
        let below = dirs.iter().flat_map(|dir| self.inodes[dir].entries.values().copied());
        std::iter::once(node).chain(below).collect()
    }

    fn moved(&mut self, node: Node, from: Spot, to: Spot) {
        let is_dir = self.inodes[&node].kind == Kind::Directory;
        let nodes = self.with_below(node).into();
        self.kernel.report_move(from, to, Moved { is_dir, nodes });
        if is_dir {
            self.kernel.report_own(node, What::MOVED);
        }
    }
}
