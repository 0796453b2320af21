//! From a known tree to what differs from it on the disk: one parallel pass that lists only where
//! names may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use treenail_os::{Directory, Handle, Kind, Next, Place, Stat, Visit, Walk};

use crate::block::{self, Block};
use crate::error::Error;
use crate::pages::DirId;
use crate::tree::{DirNode, Listing, Tree};
use crate::view::Class;

/// What has a ctime at least this much older than a tree cannot have changed after it was looked at
/// and kept that ctime: no file system in use counts time in coarser steps (FAT: 2 s).
pub(crate) const CLOCK_STEP_NS_MAX: i64 = 2_000_000_000;

/// A directory with twice as many blocks is shared out among the threads by so many.
const BATCH_BLOCKS: usize = 4;

/// Called with each directory when it is open and before it is looked at.
pub type OnOpen<'a> = &'a (dyn Fn(&Arc<Handle>, DirId) + Sync);

/// How to compare a known tree with the disk.
///
/// Every directory is opened and asked for its own stat. Where that is what the tree says, and was
/// so two seconds before the tree was taken, the names are the same and the known entries alone are
/// asked for theirs; elsewhere it is listed too. Nothing is read and the tree is not changed.
#[derive(Clone, Copy)]
pub struct Recheck<'a> {
    tree: &'a Tree,
    threads: usize,
    same_file_system: bool,
    dirs: Option<&'a [DirId]>,
    on_open: Option<OnOpen<'a>>,
}

/// What differs from the tree, and what could not be found out.
#[derive(Debug, Default)]
pub struct Rechecked {
    /// The entries that differ, by directory and name.
    pub differences: Vec<Difference>,
    /// The root's own stat, if it differs.
    pub root_stat: Option<Stat>,
    /// Entries with an id that may be wrong although nothing speaks against it: they changed so
    /// shortly before the tree was taken that a later change may have left the same stat. Those
    /// that differ are not among them.
    pub suspects: Vec<(DirId, Box<[u8]>)>,
    /// Directories of which not all could be checked; nothing is known of the rest.
    pub failures: Vec<(DirId, io::Error)>,
    /// Directories that were looked at.
    pub dirs: u64,
    /// Those of them that were listed.
    pub dirs_listed: u64,
}

/// An entry that is not what the tree says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The directory that it is in.
    pub dir: DirId,
    /// Its name.
    pub name: Box<[u8]>,
    /// What it is now; nothing if it is gone. A directory that the tree does not know is not
    /// entered.
    pub now: Option<Stat>,
}

impl<'a> Recheck<'a> {
    /// A pass over all of a tree, with all of the machine's threads.
    ///
    /// Of a tree that leaves out what git ignores, ignored names are differences where a directory
    /// has to be listed.
    #[must_use]
    pub fn new(tree: &'a Tree) -> Self {
        Self { tree, threads: 0, same_file_system: false, dirs: None, on_open: None }
    }

    /// How many threads may work; 0 means as many as the machine runs at once.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Stays on the file system of the root; of a mount point only its own stat is looked at.
    #[must_use]
    pub fn same_file_system(self, same_file_system: bool) -> Self {
        Self { same_file_system, ..self }
    }

    /// Checks the entries of these directories and not what is below them. Those that the tree does
    /// not hold are passed over; one that is gone, or whose parents are, is a difference.
    #[must_use]
    pub fn dirs(self, dirs: Option<&'a [DirId]>) -> Self {
        Self { dirs, ..self }
    }

    /// What to call with each directory to be checked, when it is open and before it is looked at:
    /// a watch that is set there sees all that the pass does not. Several threads call it at once.
    #[must_use]
    pub fn on_open(self, on_open: OnOpen<'a>) -> Self {
        Self { on_open: Some(on_open), ..self }
    }

    /// Compares the tree with the directory `root`.
    ///
    /// # Errors
    /// If `root` is no directory, or cannot be opened, or has to be listed and cannot. All else is
    /// in [`Rechecked::failures`].
    ///
    /// # Panics
    /// If the hook does.
    pub fn run(self, root: &Path) -> Result<Rechecked, Error> {
        let visitor = Visitor {
            recheck: self,
            wanted: self.dirs.map(|dirs| wanted(self.tree, dirs)),
            settled_ns: self.tree.taken_ns.saturating_sub(CLOCK_STEP_NS_MAX),
            parts: Arc::default(),
        };
        let walk = Walk::new().threads(self.threads).same_file_system(self.same_file_system);
        let state = State { dir: DirId::ROOT, known: None, is_listed: false, is_told: false };
        walk.run(root, &visitor, state)
            .map_err(|error| Error::io(root, "cannot check the directory", error.into_source()))?;
        let mut parts = visitor.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = parts.drain(..).fold(Rechecked::default(), Rechecked::join);
        whole.differences.sort_by(|a, b| (a.dir, &a.name).cmp(&(b.dir, &b.name)));
        whole.suspects.sort_unstable();
        whole.failures.sort_by_key(|(dir, _)| *dir);
        Ok(whole)
    }
}

impl Rechecked {
    fn join(mut self, mut other: Self) -> Self {
        self.differences.append(&mut other.differences);
        self.suspects.append(&mut other.suspects);
        self.failures.append(&mut other.failures);
        self.root_stat = self.root_stat.or(other.root_stat);
        self.dirs += other.dirs;
        self.dirs_listed += other.dirs_listed;
        self
    }

    fn differs(&mut self, dir: DirId, name: &[u8], now: Option<Stat>) {
        self.differences.push(Difference { dir, name: name.into(), now });
    }
}

/// A directory of a pass that is not over the whole tree.
#[derive(Default)]
struct Wanted {
    /// Whether its entries are to be checked, or only the way is through it.
    is_checked: bool,
    /// The directories in it that are wanted.
    children: BTreeSet<DirId>,
}

/// The directories to be checked, and those above them.
fn wanted(tree: &Tree, dirs: &[DirId]) -> BTreeMap<DirId, Wanted> {
    let mut wanted = BTreeMap::<DirId, Wanted>::new();
    for &dir in dirs.iter().filter(|dir| tree.dirs.get(**dir).is_some()) {
        wanted.entry(dir).or_default().is_checked = true;
        let mut below = dir;
        while let Some(parent) = tree.parent(below)
            && wanted.entry(parent).or_default().children.insert(below)
        {
            below = parent;
        }
    }
    wanted
}

struct Visitor<'a> {
    recheck: Recheck<'a>,
    /// Nothing if all is.
    wanted: Option<BTreeMap<DirId, Wanted>>,
    /// What changed last before this cannot have changed again unseen.
    settled_ns: i64,
    parts: Arc<Mutex<Vec<Rechecked>>>,
}

/// What a directory is known as.
struct State {
    dir: DirId,
    /// The directory that it is in, and its stat there; nothing for the root.
    known: Option<(DirId, Stat)>,
    is_listed: bool,
    /// Whether its own stat was compared.
    is_told: bool,
}

/// Some blocks of a large directory.
struct Batch {
    handle: Arc<Handle>,
    dir: DirId,
    leaves: Range<usize>,
}

/// What one thread has found; handed in when it ends.
struct Worker {
    part: Rechecked,
    parts: Arc<Mutex<Vec<Rechecked>>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

impl<'a> Visitor<'a> {
    fn node(&self, dir: DirId) -> Option<&'a DirNode> {
        self.recheck.tree.dirs.get(dir)
    }

    fn blocks(&self, dir: DirId) -> &'a [Block] {
        self.node(dir).map_or(&[], |node| node.leaves.as_slice())
    }

    fn wanted(&self, dir: DirId) -> Option<&Wanted> {
        self.wanted.as_ref()?.get(&dir)
    }

    fn is_checked(&self, dir: DirId) -> bool {
        self.wanted.is_none() || self.wanted(dir).is_some_and(|wanted| wanted.is_checked)
    }

    fn is_entered(&self, dir: DirId) -> bool {
        self.wanted.is_none() || self.wanted(dir).is_some()
    }

    /// Compares a directory's own stat with what is known, and says whether its names may differ.
    fn look(&self, part: &mut Rechecked, state: &State, name: &[u8], stat: &Stat) -> bool {
        let tree = self.recheck.tree;
        let known = match &state.known {
            Some((parent, known)) => {
                let stat = Stat { nlink: known.nlink, ..*stat };
                if stat != *known {
                    part.differs(*parent, name, Some(stat));
                }
                *known
            }
            None => {
                part.root_stat = (*stat != tree.root_stat).then_some(*stat);
                tree.root_stat
            }
        };
        let same = (known.id(), known.mtime_ns, known.ctime_ns)
            == (stat.id(), stat.mtime_ns, stat.ctime_ns);
        // Where the system does not number files (Windows), stat proves too little.
        let settled = same && stat.inode != 0 && stat.ctime_ns < self.settled_ns;
        let complete = self.node(state.dir).is_some_and(|n| n.listing == Listing::Complete);
        !(settled && complete)
    }

    /// Tells of the names that a listing has and the tree has not.
    fn find_new(&self, part: &mut Rechecked, dir: &mut Directory<'_>, id: DirId) {
        dir.sort_by_name();
        let mut known = self.blocks(id).iter().flat_map(Block::rows).map(|row| row.name).peekable();
        for (listed, entry) in dir.entries().enumerate() {
            while known.next_if(|name| *name < entry.name).is_some() {}
            if known.next_if(|name| *name == entry.name).is_some() {
                continue;
            }
            match dir.stat_entry(listed) {
                Ok(stat) => part.differs(id, entry.name, Some(stat)),
                // It went after the listing was made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => part.failures.push((id, error)),
            }
        }
    }

    /// Compares the known entries in some blocks of a directory, and has its directories entered.
    fn compare(
        &self,
        part: &mut Rechecked,
        id: DirId,
        leaves: Range<usize>,
        handle: &Arc<Handle>,
        next: &mut Next<'_, Self>,
        stat_of: impl Fn(&[u8]) -> io::Result<Stat>,
    ) {
        let mut has_failed = false;
        for (leaf, block) in leaves.clone().zip(&self.blocks(id)[leaves]) {
            for (at, row) in block.rows().enumerate() {
                if let Some(child) = row.child.filter(|child| self.is_entered(*child)) {
                    let state = State::new(child, id, row.stat);
                    next.enter(handle, row.name, row.stat.inode, state);
                    continue;
                }
                match stat_of(row.name) {
                    Ok(stat) => {
                        let is_dir = stat.kind == Kind::Directory;
                        let nlink = if is_dir { 1 } else { stat.nlink };
                        let stat = Stat { nlink, ..stat };
                        if stat != row.stat {
                            part.differs(id, row.name, Some(stat));
                        } else if self.is_suspect(id, leaf, at, &stat) {
                            part.suspects.push((id, row.name.into()));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        part.differs(id, row.name, None);
                    }
                    // One tells of all: it is the directory that may not be searched.
                    Err(_) if has_failed => {}
                    Err(error) => {
                        has_failed = true;
                        part.failures.push((id, error));
                    }
                }
            }
        }
    }

    /// Whether an entry has an id that its unchanged stat does not prove.
    fn is_suspect(&self, dir: DirId, leaf: usize, row: usize, stat: &Stat) -> bool {
        let young = stat.ctime_ns >= self.settled_ns || stat.mtime_ns >= self.settled_ns;
        (young || stat.inode == 0)
            && Class::of(stat).has_content()
            && self.recheck.tree.columns.iter().any(|column| {
                let ids = column.dirs.get(dir).and_then(|ids| ids.0.as_slice().get(leaf));
                ids.is_some_and(|ids| ids.get(row).is_some())
            })
    }

    /// Has the directories entered that the way to wanted ones goes through.
    fn pass(&self, dir: DirId, wanted: &Wanted, handle: &Arc<Handle>, next: &mut Next<'_, Self>) {
        let blocks = self.blocks(dir);
        for &child in &wanted.children {
            let near = self.node(child).map_or(0, |node| node.near as usize);
            let Some((leaf, row)) = block::find_child(blocks, child, near) else { continue };
            let row = blocks[leaf].row(row);
            let state = State::new(child, dir, row.stat);
            next.enter(handle, row.name, row.stat.inode, state);
        }
    }
}

impl State {
    fn new(dir: DirId, parent: DirId, known: Stat) -> Self {
        Self { dir, known: Some((parent, known)), is_listed: false, is_told: false }
    }
}

impl Visit for Visitor<'_> {
    type State = State;
    type Task = Batch;
    type Worker = Worker;

    fn worker(&self) -> Worker {
        Worker { part: Rechecked::default(), parts: self.parts.clone() }
    }

    fn opened(&self, _: &mut Worker, dir: &Arc<Handle>, state: &State) {
        if let Some(on_open) = self.recheck.on_open
            && self.is_checked(state.dir)
        {
            on_open(dir, state.dir);
        }
    }

    fn lists(&self, worker: &mut Worker, dir: &Arc<Handle>, state: &mut State) -> bool {
        let may_differ = match dir.stat_self() {
            Ok(stat) => {
                state.is_told = true;
                self.look(&mut worker.part, state, dir.name(), &stat)
            }
            Err(_) => true,
        };
        state.is_listed = may_differ && self.is_checked(state.dir);
        state.is_listed
    }

    fn directory(
        &self,
        worker: &mut Worker,
        dir: &mut Directory<'_>,
        state: State,
        next: &mut Next<'_, Self>,
    ) {
        let (id, part) = (state.dir, &mut worker.part);
        if let Some(wanted) = self.wanted(id).filter(|wanted| !wanted.is_checked) {
            return self.pass(id, wanted, dir.handle(), next);
        }
        if !self.is_checked(id) {
            return;
        }
        part.dirs += 1;
        if state.is_listed {
            part.dirs_listed += 1;
            self.find_new(part, dir, id);
        }
        let count = self.blocks(id).len();
        if count < 2 * BATCH_BLOCKS {
            let handle = dir.handle();
            return self.compare(part, id, 0..count, handle, next, |name| dir.stat_name(name));
        }
        for start in (0..count).step_by(BATCH_BLOCKS) {
            let leaves = start..count.min(start + BATCH_BLOCKS);
            next.task(Batch { handle: dir.handle().clone(), dir: id, leaves });
        }
    }

    fn task(&self, worker: &mut Worker, batch: Batch, next: &mut Next<'_, Self>) {
        let Batch { handle, dir, leaves } = batch;
        let stat_of = |name: &[u8]| handle.stat(name);
        self.compare(&mut worker.part, dir, leaves, &handle, next, stat_of);
    }

    fn failed(&self, worker: &mut Worker, place: Place<'_>, error: io::Error, state: State) {
        let part = &mut worker.part;
        let Some((parent, known)) = state.known else { return };
        match place.parent().stat(place.name()) {
            Ok(stat) => {
                let is_dir = stat.kind == Kind::Directory;
                let stat = Stat { nlink: if is_dir { 1 } else { stat.nlink }, ..stat };
                if stat != known && !(state.is_told && is_dir) {
                    part.differs(parent, place.name(), Some(stat));
                }
                let is_border =
                    self.recheck.same_file_system && error.kind() == io::ErrorKind::CrossesDevices;
                if is_dir && !is_border {
                    part.failures.push((state.dir, error));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                part.differs(parent, place.name(), None);
            }
            Err(_) => part.failures.push((state.dir, error)),
        }
    }
}
