//! What the walk calls: lists and stats each directory, and has its files read.

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use treenail_os::{Changed, Directory, Handle, Kind, Next, Place, Reader, Stat, Visit};

use super::assemble::{Late, Listed};
use super::content::Batch;
use super::rules::{Inherited, Prepared, Rules};
use super::{FAILURES_KEPT_MAX, Failure, Progress, Scan, Scanned};
use crate::block::{self, Row};
use crate::column::IdBuffer;
use crate::error::Error;
use crate::ids::ContentId;
use crate::pages::DirId;
use crate::snapshot::Snapshot;
use crate::tree::Listing;
use crate::view::{Class, Counts, Entry, View};

/// A file whose ctime is at least this much older than a snapshot cannot have changed after it was
/// read and kept that ctime: no file system in use counts time in coarser steps (FAT: 2 s).
const CLOCK_STEP_NS_MAX: i64 = 2_000_000_000;

/// A file that changed this shortly before it was read is read again after as long a pause. One
/// call that writes can begin before the first stat and end after the second, and leave the same
/// ctime in both, so equal stats alone do not prove that what came between is whole; no such call
/// of a program that is not stopped takes this long.
const FRESH_NS: i64 = 50_000_000;

/// How often a file is found changed again before it is given up.
const FRESH_ROUNDS_MAX: usize = 3;

pub(super) struct Visitor<'a, C: ContentId> {
    with_ids: bool,
    previous: Option<&'a Snapshot>,
    progress: Option<&'a Progress>,
    rules: Option<Rules>,
    taken_ns: i64,
    /// The first directory number not yet given.
    next_dir: AtomicU32,
    parts: Arc<Mutex<Vec<Part>>>,
    kind: PhantomData<C>,
}

/// What one thread has found.
#[derive(Default)]
pub(super) struct Part {
    pub(super) dirs: Vec<Listed>,
    pub(super) late: Vec<Late>,
    /// Files that had changed just before they were read.
    fresh: Vec<Batch>,
    pub(super) counts: Counts,
    pub(super) root_stat: Option<Stat>,
    pub(super) failures: Vec<Failure>,
    pub(super) failures_total: u64,
    pub(super) files_read: u64,
    pub(super) bytes_read: u64,
    pub(super) files_reused: u64,
}

/// What a directory gets from the one above it.
pub(super) struct State {
    dir: DirId,
    parent: DirId,
    /// Its place among the parent's entries.
    parent_entry: u32,
    /// The same directory in the previous snapshot.
    previous: Option<u32>,
    rules: Option<Inherited>,
}

/// One thread's memory; what it found is handed in when it ends.
pub(super) struct Worker {
    reader: Reader,
    part: Part,
    parts: Arc<Mutex<Vec<Part>>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

impl Part {
    fn fail(&mut self, path: impl FnOnce() -> Vec<u8>, error: io::Error) {
        self.failures_total += 1;
        if self.failures.len() < FAILURES_KEPT_MAX {
            self.failures.push(Failure { path: path(), error });
        }
    }
}

/// The entries of a directory that stay in the tree.
struct Kept {
    /// The entry's place in the listing.
    listed: usize,
    stat: Stat,
    child: Option<DirId>,
}

impl<'a, C: ContentId> Visitor<'a, C> {
    pub(super) fn new(scan: &Scan<'a>, root: &Path, with_ids: bool) -> Result<Self, Error> {
        let rules = if scan.gitignore { Some(Rules::open(root)?) } else { None };
        Ok(Self {
            with_ids,
            previous: scan.previous.filter(|old| with_ids && old.ids() == Some(C::KIND)),
            progress: scan.progress,
            rules,
            taken_ns: now_ns(),
            next_dir: AtomicU32::new(DirId::ROOT.index + 1),
            parts: Arc::default(),
            kind: PhantomData,
        })
    }

    pub(super) fn root_state(&self) -> State {
        State {
            dir: DirId::ROOT,
            parent: DirId::ROOT,
            parent_entry: 0,
            previous: self.previous.map(View::root),
            rules: self.rules.as_ref().map(Rules::root),
        }
    }

    pub(super) fn into_scanned(self) -> Scanned {
        let fresh = self.read_fresh();
        let mut parts =
            std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        parts.push(fresh);
        let gitignore = self.rules.is_some();
        super::assemble::assemble::<C>(parts, self.with_ids, self.taken_ns, gitignore)
    }

    /// Stats the entries and gives child directories their numbers.
    fn keep(
        &self,
        part: &mut Part,
        dir: &Directory<'_>,
        rules: Option<&Inherited>,
    ) -> (Vec<Kept>, Listing) {
        let rules = rules.map(Inherited::prepare);
        let rules = rules.as_ref();
        let mut kept = Vec::with_capacity(dir.len());
        let mut listing = Listing::Complete;
        for (listed, entry) in dir.entries().enumerate() {
            let is_dir = entry.kind == Kind::Directory;
            if rules.is_some_and(|rules: &Prepared<'_>| rules.leaves_out(entry.name, is_dir)) {
                continue;
            }
            let stat = match dir.stat_entry(listed) {
                Ok(stat) => stat,
                // It went after the listing was made: a listing made now would not have it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    listing = Listing::Partial;
                    part.fail(|| path_of(dir.handle(), entry.name), error);
                    continue;
                }
            };
            part.counts.add(&stat);
            let child = (stat.kind == Kind::Directory).then(|| self.number());
            kept.push(Kept { listed, stat, child });
        }
        if let Some(progress) = self.progress {
            progress.entries.fetch_add(kept.len() as u64, Ordering::Relaxed);
        }
        (kept, listing)
    }

    fn number(&self) -> DirId {
        let index = self.next_dir.fetch_add(1, Ordering::Relaxed);
        assert!(index < u32::MAX, "a tree holds fewer than 2^32 directories");
        DirId { index, generation: 0 }
    }

    /// Fills in the ids that need no reading and batches the rest.
    fn identify(
        &self,
        worker: &mut Worker,
        dir: &Directory<'_>,
        state: &State,
        kept: &mut [Kept],
        next: &mut Next<'_, Self>,
    ) -> IdBuffer {
        let mut ids = IdBuffer::new(kept.len(), C::KIND.slot_bytes());
        let mut previous = Previous::new(self.previous, state.previous);
        let mut batch = Batch::new(dir.handle(), state.dir);
        let mut found_bytes = 0;
        let mut target = Vec::new();
        for (entry, kept) in kept.iter().enumerate() {
            let name = dir.entry(kept.listed).name;
            match Class::of(&kept.stat) {
                Class::Symlink => match dir.handle().read_link(name, &mut target) {
                    Ok(()) => ids.set(entry, link_id::<C>(&target).as_ref()),
                    Err(error) => worker.part.fail(|| path_of(dir.handle(), name), error),
                },
                Class::File | Class::Executable => match previous.id(name, &kept.stat) {
                    Some(id) => {
                        ids.set(entry, id);
                        worker.part.files_reused += 1;
                    }
                    None => {
                        found_bytes += kept.stat.size_bytes;
                        batch.push(entry as u32, name, kept.stat);
                    }
                },
                _ => {}
            }
            if batch.is_full() {
                next.task(std::mem::replace(&mut batch, Batch::new(dir.handle(), state.dir)));
            }
        }
        if let Some(progress) = self.progress {
            progress.bytes_found.fetch_add(found_bytes, Ordering::Relaxed);
        }
        self.read(worker, &batch, |entry, id, changed| {
            let kept = &mut kept[entry as usize];
            kept.stat = changed.unwrap_or(kept.stat);
            ids.set(entry as usize, id.as_ref());
        });
        ids
    }

    fn read(
        &self,
        worker: &mut Worker,
        batch: &Batch,
        mut done: impl FnMut(u32, C::Id, Option<Stat>),
    ) {
        if batch.is_empty() {
            return;
        }
        let settled_ns = now_ns().saturating_sub(FRESH_NS);
        let part = &mut worker.part;
        batch.read::<C>(&mut worker.reader, self.progress, |entry, name, result| match result {
            Ok((id, stat, changed)) => {
                part.files_read += 1;
                part.bytes_read += stat.size_bytes;
                if stat.ctime_ns < settled_ns {
                    return done(entry, id, changed.then_some(stat));
                }
                let mut again = Batch::new(&batch.handle, batch.dir);
                again.push(entry, name, stat);
                part.fresh.push(again);
            }
            Err(error) => part.fail(|| path_of(&batch.handle, name), error),
        });
    }

    /// Reads files that had just changed once more, after a while in which nothing may happen.
    fn read_fresh(&self) -> Part {
        let mut part = Part::default();
        let mut reader = None;
        for round in 0..FRESH_ROUNDS_MAX {
            let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let mut fresh = std::mem::take(&mut part.fresh);
            parts.iter_mut().for_each(|part| fresh.append(&mut part.fresh));
            drop(parts);
            if fresh.is_empty() {
                break;
            }
            thread::sleep(Duration::from_nanos(FRESH_NS.unsigned_abs()));
            let reader = reader.get_or_insert_with(Reader::new);
            for batch in fresh {
                batch.read::<C>(reader, None, |entry, name, result| match result {
                    // Equal stats, some time apart: nothing was written in between.
                    Ok((id, stat, false)) => {
                        part.late.push(Late::new(batch.dir, entry, id.as_ref(), Some(stat)));
                    }
                    Ok((_, stat, true)) if round + 1 < FRESH_ROUNDS_MAX => {
                        let mut again = Batch::new(&batch.handle, batch.dir);
                        again.push(entry, name, stat);
                        part.fresh.push(again);
                    }
                    Ok(_) => {
                        let error = io::Error::other(Changed);
                        part.fail(|| path_of(&batch.handle, name), error);
                    }
                    Err(error) => part.fail(|| path_of(&batch.handle, name), error),
                });
            }
        }
        part
    }

    /// Puts forward the child directories with what they inherit.
    fn descend(
        &self,
        dir: &Directory<'_>,
        state: &State,
        rules: Option<&Inherited>,
        kept: &[Kept],
        next: &mut Next<'_, Self>,
    ) {
        let mut previous = Previous::new(self.previous, state.previous);
        for (entry, kept) in kept.iter().enumerate() {
            let Some(child) = kept.child else { continue };
            let name = dir.entry(kept.listed).name;
            let below = State {
                dir: child,
                parent: state.dir,
                parent_entry: entry as u32,
                previous: previous.find(name).and_then(|entry| entry.child),
                rules: rules.map(|rules| rules.below(name)),
            };
            next.descend(dir, kept.listed, below);
        }
    }
}

impl<C: ContentId> Visit for Visitor<'_, C> {
    type State = State;
    type Task = Batch;
    type Worker = Worker;

    fn worker(&self) -> Worker {
        Worker { reader: Reader::new(), part: Part::default(), parts: self.parts.clone() }
    }

    fn directory(
        &self,
        worker: &mut Worker,
        dir: &mut Directory<'_>,
        mut state: State,
        next: &mut Next<'_, Self>,
    ) {
        dir.sort_by_name();
        if state.dir == DirId::ROOT {
            worker.part.root_stat = dir.stat().ok();
        }
        let rules = self.rules.as_ref().zip(state.rules.take()).map(|(rules, inherited)| {
            let (inherited, error) = rules.enter(inherited, dir);
            if let Some(error) = error {
                worker.part.fail(|| path_of(dir.handle(), b".gitignore"), error);
            }
            inherited
        });
        let (mut kept, listing) = self.keep(&mut worker.part, dir, rules.as_ref());
        self.descend(dir, &state, rules.as_ref(), &kept, next);
        let ids = self.with_ids.then(|| self.identify(worker, dir, &state, &mut kept, next));
        let rows: Vec<Row<'_>> = kept
            .iter()
            .map(|kept| {
                let name = dir.entry(kept.listed).name;
                Row { name, stat: kept.stat, child: kept.child }
            })
            .collect();
        worker.part.dirs.push(Listed {
            dir: state.dir,
            parent: state.parent,
            parent_entry: state.parent_entry,
            leaves: block::pack(&rows),
            ids,
            listing,
        });
    }

    fn task(&self, worker: &mut Worker, batch: Batch, _: &mut Next<'_, Self>) {
        let mut late = std::mem::take(&mut worker.part.late);
        self.read(worker, &batch, |entry, id, changed| {
            late.push(Late::new(batch.dir, entry, id.as_ref(), changed));
        });
        worker.part.late = late;
    }

    fn failed(&self, worker: &mut Worker, place: Place<'_>, error: io::Error, state: State) {
        // A mount point that the scan was told not to enter is an empty directory, not a failure.
        let listing = match error.kind() {
            io::ErrorKind::CrossesDevices => Listing::Complete,
            _ => Listing::Unlisted,
        };
        if listing == Listing::Unlisted {
            worker.part.fail(|| place.full_path(), error);
        }
        worker.part.dirs.push(Listed {
            dir: state.dir,
            parent: state.parent,
            parent_entry: state.parent_entry,
            leaves: block::pack(&[]),
            ids: self.with_ids.then(|| IdBuffer::new(0, C::KIND.slot_bytes())),
            listing,
        });
    }
}

/// One directory of the previous snapshot, asked for names in ascending order.
struct Previous<'a> {
    snapshot: Option<&'a Snapshot>,
    entries: std::iter::Peekable<Box<dyn Iterator<Item = Entry<'a, u32>> + 'a>>,
}

impl<'a> Previous<'a> {
    fn new(snapshot: Option<&'a Snapshot>, dir: Option<u32>) -> Self {
        let entries: Box<dyn Iterator<Item = _>> = match (snapshot, dir) {
            (Some(snapshot), Some(dir)) => Box::new(snapshot.entries(dir)),
            _ => Box::new(std::iter::empty()),
        };
        Self { snapshot, entries: entries.peekable() }
    }

    fn find(&mut self, name: &[u8]) -> Option<Entry<'a, u32>> {
        while self.entries.next_if(|entry| entry.name < name).is_some() {}
        self.entries.next_if(|entry| entry.name == name)
    }

    /// The id of a file whose stat says that it is still what it was.
    fn id(&mut self, name: &[u8], stat: &Stat) -> Option<&'a [u8]> {
        let entry = self.find(name)?;
        let settled = self.snapshot?.taken_ns().saturating_sub(CLOCK_STEP_NS_MAX);
        // Where the system does not number files (Windows), stat proves too little.
        let same = entry.stat.same_content(stat) && stat.inode != 0;
        let old = entry.stat.ctime_ns < settled && entry.stat.mtime_ns < settled;
        if same && old { entry.id } else { None }
    }
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn link_id<C: ContentId>(target: &[u8]) -> C::Id {
    let mut ids = Vec::with_capacity(1);
    C::many(&[target], &mut ids);
    ids.remove(0).unwrap_or_default()
}

fn path_of(dir: &Handle, name: &[u8]) -> Vec<u8> {
    let mut path = dir.full_path();
    if path.last().is_some_and(|last| *last != b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
