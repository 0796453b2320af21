//! What the walk calls: lists and stats each directory, and has its files read.

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use treenail_os::{Directory, Handle, Kind, Next, Place, Reader, Stat, Visit};

use super::assemble::Late;
use super::content::{self, Found, Wanted};
use super::fresh::{self, FRESH_NS, Fresh};
use super::gather::{Batch, Gathering, Kept, Listed, Packer, Reading, Rest, Spot};
use super::previous::Previous;
use super::rules::{Inherited, Prepared, Rules};
use super::{Arm, FAILURES_KEPT_MAX, Failure, Progress, Scan, Scanned};
use crate::error::Error;
use crate::ids::ContentId;
use crate::live::Exclude;
use crate::pages::DirId;
use crate::recheck::CLOCK_STEP_NS_MAX;
use crate::snapshot::Snapshot;
use crate::tree::Listing;
use crate::view::{Class, Counts, View};

/// More files, or more bytes where the sizes are known, are shared out, so that one directory keeps
/// all threads busy.
const BATCH_FILES_MAX: usize = 128;
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// Where contents are not read, a directory of twice as many files is shared out by so many.
const BATCH_STATS: usize = 1024;

/// Entries that may wait for all directories to be watched; it takes some 30 bytes for each.
const WAITING_MAX: usize = 1 << 16;

/// What a directory that waits to be listed counts for among them.
const WAITING_DIRECTORY: usize = 8;

/// And an entry of a directory that is shared out.
const WAITING_SHARED: usize = 4;

/// A larger file is a batch of its own. To open it twice costs a hundredth of reading it.
const SHARED_SIZE_BYTES_MAX: u64 = 512 << 10;

pub(super) struct Visitor<'a, C: ContentId> {
    with_ids: bool,
    /// Whether files are asked for their stat before they are read. Otherwise the reading brings
    /// it, from the open file, which is several times cheaper than by name.
    stat_first: bool,
    previous: Option<&'a Snapshot>,
    progress: Option<&'a Progress>,
    arm: Option<&'a dyn Arm>,
    /// Whether directories come first.
    is_urgent: bool,
    /// Whether all directories are watched.
    is_armed: AtomicBool,
    /// Entries that wait for that, a directory for as many as take its memory.
    waiting: AtomicUsize,
    exclude: Option<&'a Exclude>,
    rules: Option<Rules>,
    taken_ns: i64,
    /// The first directory number not yet given.
    next_dir: AtomicU32,
    parts: Arc<Mutex<Vec<Part<C>>>>,
    kind: PhantomData<C>,
}

/// What one thread has found.
pub(super) struct Part<C: ContentId> {
    pub(super) dirs: Vec<Listed<C>>,
    pub(super) late: Vec<Late<C::Id>>,
    /// Files that had changed just before they were read.
    pub(super) fresh: Vec<Fresh>,
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
    /// The same directory in the previous snapshot.
    previous: Option<u32>,
    rules: Option<Inherited>,
    /// Its device, if that is known.
    device: Option<u64>,
    /// If it was watched before it was opened: its stat before that.
    watched: Option<Stat>,
}

/// What is to do with what was put off, or shared out.
pub(super) enum Task<I> {
    Batch(Batch<I>),
    Rest(Rest),
}

/// Of which entries a listing's stats are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    All,
    AllButFiles,
    Directories,
}

/// One thread's memory; what it found is handed in when it ends.
pub(super) struct Worker<C: ContentId> {
    reader: Reader,
    packer: Packer<C>,
    /// The entries of a directory; kept for its memory.
    kept: Vec<Kept<C::Id>>,
    part: Part<C>,
    parts: Arc<Mutex<Vec<Part<C>>>>,
    /// Whether the number of links tells how many directories are in one, on the last device.
    counting: Option<(u64, bool)>,
}

impl<C: ContentId> Drop for Worker<C> {
    fn drop(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }
}

impl<C: ContentId> Default for Part<C> {
    fn default() -> Self {
        Self {
            dirs: Vec::new(),
            late: Vec::new(),
            fresh: Vec::new(),
            counts: Counts::default(),
            root_stat: None,
            failures: Vec::new(),
            failures_total: 0,
            files_read: 0,
            bytes_read: 0,
            files_reused: 0,
        }
    }
}

impl<C: ContentId> Part<C> {
    pub(super) fn fail(&mut self, path: impl FnOnce() -> Vec<u8>, error: io::Error) {
        self.failures_total += 1;
        if self.failures.len() < FAILURES_KEPT_MAX {
            self.failures.push(Failure { path: path(), error });
        }
    }
}

impl<'a, C: ContentId> Visitor<'a, C> {
    pub(super) fn new(scan: &Scan<'a>, root: &Path, with_ids: bool) -> Result<Self, Error> {
        let rules = if scan.gitignore { Some(Rules::open(root)?) } else { None };
        let previous = scan.previous.filter(|old| with_ids && old.ids() == Some(C::KIND));
        Ok(Self {
            with_ids,
            stat_first: !with_ids || previous.is_some() || scan.progress.is_some(),
            previous,
            progress: scan.progress,
            arm: scan.arm,
            is_urgent: !with_ids && scan.arm.is_some_and(Arm::is_urgent),
            is_armed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            exclude: scan.exclude,
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
            previous: self.previous.map(View::root),
            rules: self.rules.as_ref().map(Rules::root),
            device: None,
            watched: None,
        }
    }

    pub(super) fn into_scanned(self) -> Scanned {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = std::mem::take(&mut *parts);
        let fresh = parts.iter_mut().flat_map(|part| part.fresh.drain(..)).collect();
        parts.push(fresh::read_again(fresh));
        let gitignore = self.rules.is_some();
        super::assemble::assemble::<C>(parts, self.with_ids, self.taken_ns, gitignore)
    }

    /// Stats the entries that are asked for, and gives child directories their numbers.
    fn keep(
        &self,
        kept: &mut Vec<Kept<C::Id>>,
        part: &mut Part<C>,
        dir: &Directory<'_>,
        rules: Option<&Inherited>,
        asked: Asked,
    ) -> Listing {
        let rules = rules.map(Inherited::prepare);
        let rules = rules.as_ref();
        let mut listing = Listing::Complete;
        // Paths are only made where somebody asks for them.
        let above = self.exclude.map(|_| dir.handle().path());
        let is_excluded = |name: &[u8]| match (self.exclude, &above) {
            (Some(exclude), Some(above)) if above.is_empty() => exclude.excludes(name),
            (Some(exclude), Some(above)) => exclude.excludes(&[above, &b"/"[..], name].concat()),
            _ => false,
        };
        for (listed, entry) in dir.entries().enumerate() {
            let is_dir = entry.kind == Kind::Directory;
            if rules.is_some_and(|rules: &Prepared<'_>| rules.leaves_out(entry.name, is_dir))
                || (is_dir && is_excluded(entry.name))
            {
                continue;
            }
            let name = u32::try_from(listed).expect("a listing is shorter than 4 GiB");
            let is_asked = match asked {
                Asked::All => true,
                Asked::AllButFiles => entry.kind != Kind::File,
                Asked::Directories => is_dir,
            };
            if !is_asked {
                kept.push(Kept { name, stat: None, child: None, id: None });
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
            let child = (stat.kind == Kind::Directory).then(|| self.number());
            kept.push(Kept { name, stat: Some(stat), child, id: None });
        }
        if let Some(progress) = self.progress {
            progress.entries.fetch_add(kept.len() as u64, Ordering::Relaxed);
        }
        listing
    }

    fn number(&self) -> DirId {
        let index = self.next_dir.fetch_add(1, Ordering::Relaxed);
        assert!(index < u32::MAX, "a tree holds fewer than 2^32 directories");
        DirId { index, generation: 0 }
    }

    /// Fills in the ids that need no reading, and returns the files to be read, in batches of which
    /// all but the last are full.
    fn identify(
        &self,
        part: &mut Part<C>,
        dir: &Directory<'_>,
        state: &State,
        kept: &mut [Kept<C::Id>],
    ) -> Vec<Vec<u32>> {
        let mut previous = Previous::new(self.previous, state.previous);
        let (mut batches, mut batch, mut batch_bytes) = (Vec::new(), Vec::new(), 0);
        let mut found_bytes = 0;
        let mut target = Vec::new();
        for (entry, kept) in (0..).zip(kept) {
            let name = dir.entry(kept.name as usize).name;
            match kept.stat.as_ref().map_or(Class::File, Class::of) {
                Class::Symlink => match dir.handle().read_link(name, &mut target) {
                    Ok(()) => kept.id = Some(link_id::<C>(&target)),
                    Err(error) => part.fail(|| path_of(dir.handle(), name), error),
                },
                Class::File | Class::Executable => {
                    let known = kept.stat.as_ref().and_then(|stat| previous.id(name, stat));
                    if let Some(known) = known {
                        kept.id.get_or_insert_default().as_mut().copy_from_slice(known);
                        part.files_reused += 1;
                        continue;
                    }
                    let size_bytes = kept.stat.map_or(0, |stat| stat.size_bytes);
                    found_bytes += size_bytes;
                    batch_bytes += size_bytes;
                    batch.push(entry);
                    if batch.len() == BATCH_FILES_MAX || batch_bytes >= BATCH_BYTES_MAX {
                        batches.push(std::mem::take(&mut batch));
                        batch_bytes = 0;
                    }
                }
                _ => {}
            }
        }
        if let Some(progress) = self.progress {
            progress.bytes_found.fetch_add(found_bytes, Ordering::Relaxed);
        }
        batches.push(batch);
        batches
    }

    /// Reads files and notes the failures.
    fn read(
        &self,
        reader: &mut Reader,
        part: &mut Part<C>,
        handle: &Arc<Handle>,
        dir: DirId,
        wanted: &[Wanted<'_>],
        mut done: impl FnMut(u32, Reading<C::Id>),
    ) {
        if wanted.is_empty() {
            return;
        }
        let size_bytes_max = if wanted.len() == 1 { u64::MAX } else { SHARED_SIZE_BYTES_MAX };
        let settled_ns = now_ns().saturating_sub(FRESH_NS);
        content::read::<C>(
            reader,
            handle,
            wanted,
            size_bytes_max,
            self.progress,
            |wanted, found| {
                let reading = match found {
                    Found::Id(id, stat) => {
                        part.files_read += 1;
                        part.bytes_read += stat.size_bytes;
                        let settled = stat.ctime_ns < settled_ns;
                        if !settled {
                            part.fresh.push(Fresh::new(handle, dir, wanted.name, stat));
                        }
                        Reading::File(stat, settled.then_some(id))
                    }
                    Found::Failed(error) => part.unread(handle, wanted, error),
                    Found::Larger => Reading::Larger,
                };
                done(wanted.entry, reading);
            },
        );
    }

    /// Puts forward the child directories with what they inherit. With `counting`, those that can
    /// be watched without being opened are put off.
    fn descend(
        &self,
        dir: &Directory<'_>,
        state: &State,
        rules: Option<&Inherited>,
        kept: &[Kept<C::Id>],
        mut counting: Option<&mut Option<(u64, bool)>>,
        next: &mut Next<'_, Self>,
    ) {
        let mut previous = Previous::new(self.previous, state.previous);
        for kept in kept {
            let Some(child) = kept.child else { continue };
            let listed = kept.name as usize;
            let name = dir.entry(listed).name;
            let below = State {
                dir: child,
                parent: state.dir,
                previous: previous.find(name).and_then(|entry| entry.child),
                rules: rules.map(|rules| rules.below(name)),
                device: kept.stat.map(|stat| stat.device),
                watched: kept.stat.filter(|stat| {
                    counting.as_mut().is_some_and(|counting| {
                        self.is_leaf(dir.handle(), state, stat, counting)
                            && self.arm.is_some_and(|arm| arm.child(dir.handle(), name, child))
                    })
                }),
            };
            if below.watched.is_some() {
                self.waiting.fetch_add(WAITING_DIRECTORY, Ordering::Relaxed);
                next.descend_later(dir, listed, below);
            } else {
                next.descend(dir, listed, below);
            }
        }
    }
}

impl<C: ContentId> Visitor<'_, C> {
    /// Whether a child directory has no directories in it, and has been left alone for so long that
    /// its stat would tell if anything were moved or changed from now on.
    fn is_leaf(
        &self,
        above: &Handle,
        state: &State,
        stat: &Stat,
        counting: &mut Option<(u64, bool)>,
    ) -> bool {
        let settled = stat.ctime_ns < self.taken_ns.saturating_sub(CLOCK_STEP_NS_MAX);
        if stat.nlink != 2 || !settled || state.device != Some(stat.device) {
            return false;
        }
        match *counting {
            Some((device, counts)) if device == stat.device => counts,
            _ => counting.insert((stat.device, above.counts_subdirectories())).1,
        }
    }

    /// Whether what is not urgent of a directory is put off. It is not once all are watched, nor if
    /// the directory was itself put off, nor if too much waits.
    fn puts_off(&self, state: &State) -> bool {
        !self.waits_no_more(state)
            && !self.is_armed.load(Ordering::Relaxed)
            && self.waiting.load(Ordering::Relaxed) < WAITING_MAX
    }

    /// Notes that a directory was reached; whether it was put off.
    fn waits_no_more(&self, state: &State) -> bool {
        let was_put_off = state.watched.is_some();
        if was_put_off {
            self.waiting.fetch_sub(WAITING_DIRECTORY, Ordering::Relaxed);
        }
        was_put_off
    }

    /// Asks for the stats that were put off.
    fn look_at_rest(&self, worker: &mut Worker<C>, rest: &Rest) {
        let Worker { packer, part, kept, .. } = worker;
        let Rest { handle, spot, .. } = rest;
        let mut spot = *spot;
        rest.unpack(kept);
        let unknown = kept.iter().filter(|kept| kept.stat.is_none()).map(|kept| kept.name);
        let unknown: Vec<u32> = unknown.collect();
        let mut places = unknown.iter();
        let names = unknown.iter().map(|place| rest.name(*place));
        let opened = handle.stat_each(names, |stat| {
            let Some(place) = places.next() else { return };
            let reading = part.looked(handle, rest.name(*place), stat);
            kept[*place as usize].enter(reading, &mut spot.listing);
        });
        if let Err(error) = opened {
            spot.listing = Listing::Partial;
            part.fail(|| handle.full_path(), error);
        }
        kept.sort_unstable_by(|a, b| rest.name(a.name).cmp(rest.name(b.name)));
        packer.pack(spot, kept, |place| rest.name(place), part);
        self.waiting.fetch_sub(rest.len(), Ordering::Relaxed);
    }

    /// Reads or stats some files of a large directory.
    fn look_at_batch(
        &self,
        worker: &mut Worker<C>,
        batch: &Batch<C::Id>,
        next: &mut Next<'_, Self>,
    ) {
        let Worker { reader, packer, part, .. } = worker;
        let Batch { gathering, entries, waits } = batch;
        self.waiting.fetch_sub(*waits, Ordering::Relaxed);
        let wanted: Vec<Wanted<'_>> = gathering.with(|kept, _| {
            let wanted = entries.iter().map(|&entry| Wanted {
                entry,
                name: gathering.name(entry),
                before: kept[entry as usize].stat,
            });
            wanted.collect()
        });
        let mut readings = Vec::with_capacity(wanted.len());
        let (handle, dir) = (&gathering.handle, gathering.dir());
        if self.with_ids {
            self.read(reader, part, handle, dir, &wanted, |entry, reading| {
                readings.push((entry, reading));
            });
        } else {
            readings.extend(
                wanted
                    .iter()
                    .map(|one| (one.entry, part.looked(handle, one.name, handle.stat(one.name)))),
            );
        }
        gathering.with(|kept, listing| {
            for (entry, reading) in readings {
                if !kept[entry as usize].enter(reading, listing) {
                    gathering.one_more();
                    let entries = vec![entry];
                    let (gathering, waits) = (gathering.clone(), 0);
                    next.task(Task::Batch(Batch { gathering, entries, waits }));
                }
            }
        });
        if let Some(spot) = gathering.one_less() {
            let mut kept = gathering.with(|kept, _| std::mem::take(kept));
            packer.pack(spot, &mut kept, |place| gathering.name(place), part);
        }
    }
}

impl<C: ContentId> Part<C> {
    /// Takes in the stat of a file that was listed as one.
    fn looked(&mut self, dir: &Handle, name: &[u8], stat: io::Result<Stat>) -> Reading<C::Id> {
        let error = match stat {
            Ok(stat) if stat.kind != Kind::Directory => return Reading::File(stat, None),
            Ok(_) => io::ErrorKind::IsADirectory.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
            Err(error) => error,
        };
        self.fail(|| path_of(dir, name), error);
        Reading::Lost
    }

    /// What a failed reading leaves of an entry.
    fn unread(&mut self, dir: &Handle, wanted: &Wanted<'_>, error: io::Error) -> Reading<C::Id> {
        let now = wanted.before.map_or_else(|| dir.stat(wanted.name), Ok);
        let reading = match now {
            Ok(stat) if stat.kind == Kind::File => Reading::File(stat, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
            _ => Reading::Lost,
        };
        self.fail(|| path_of(dir, wanted.name), error);
        reading
    }
}

impl<C: ContentId> Visit for Visitor<'_, C> {
    type State = State;
    type Task = Task<C::Id>;
    type Worker = Worker<C>;

    fn worker(&self) -> Worker<C> {
        Worker {
            reader: Reader::new(),
            packer: Packer::new(self.with_ids),
            kept: Vec::new(),
            part: Part::default(),
            parts: self.parts.clone(),
            counting: None,
        }
    }

    fn opened(&self, _: &mut Worker<C>, dir: &Arc<Handle>, state: &State) {
        let Some(arm) = self.arm else { return };
        // A directory that was moved away and back while it was watched would have another ctime.
        let is_watched = state.watched.is_some_and(|before| {
            dir.shares_mount() && dir.stat_self().is_ok_and(|now| now == before)
        });
        if !is_watched {
            arm.open(dir, state.dir);
        }
    }

    fn entered(&self) {
        self.is_armed.store(true, Ordering::Relaxed);
        if let Some(arm) = self.arm {
            arm.armed();
        }
    }

    fn directory(
        &self,
        worker: &mut Worker<C>,
        dir: &mut Directory<'_>,
        mut state: State,
        next: &mut Next<'_, Self>,
    ) {
        let shared = !self.with_ids && dir.len() >= 2 * BATCH_STATS;
        let put_off = self.is_urgent && self.puts_off(&state);
        // What is put off is sorted when its turn comes.
        let is_sorted = !put_off || shared || self.rules.is_some();
        if is_sorted {
            dir.sort_by_name();
        }
        let dir = &*dir;
        let Worker { reader, packer, kept: own_kept, part, counting, .. } = worker;
        if state.dir == DirId::ROOT {
            part.root_stat = dir.stat().ok();
            state.device = part.root_stat.map(|stat| stat.device);
        }
        let rules = self.rules.as_ref().zip(state.rules.take()).map(|(rules, inherited)| {
            let (inherited, error) = rules.enter(inherited, dir);
            if let Some(error) = error {
                part.fail(|| path_of(dir.handle(), b".gitignore"), error);
            }
            inherited
        });
        let mut kept = std::mem::take(own_kept);
        kept.clear();
        let asked = match put_off {
            true => Asked::Directories,
            false if self.stat_first && !shared => Asked::All,
            false => Asked::AllButFiles,
        };
        let mut listing = self.keep(&mut kept, part, dir, rules.as_ref(), asked);
        let counting = put_off.then_some(counting);
        self.descend(dir, &state, rules.as_ref(), &kept, counting, next);
        let name_of = |name: u32| dir.entry(name as usize).name;
        let mut batches = Vec::new();
        if self.with_ids {
            batches = self.identify(part, dir, &state, &mut kept);
            let wanted: Vec<Wanted<'_>> = batches
                .pop()
                .unwrap_or_default()
                .into_iter()
                .map(|entry| {
                    let kept = &kept[entry as usize];
                    Wanted { entry, name: name_of(kept.name), before: kept.stat }
                })
                .collect();
            self.read(reader, part, dir.handle(), state.dir, &wanted, |entry, reading| {
                if !kept[entry as usize].enter(reading, &mut listing) {
                    batches.push(vec![entry]);
                }
            });
        } else if shared {
            let unknown = (0..).zip(&kept).filter(|(_, kept)| kept.stat.is_none());
            let unknown: Vec<u32> = unknown.map(|(entry, _)| entry).collect();
            batches = unknown.chunks(BATCH_STATS).map(<[u32]>::to_vec).collect();
        }
        let spot = Spot { dir: state.dir, parent: state.parent, listing };
        if put_off && !shared && kept.iter().any(|kept| kept.stat.is_none()) {
            self.waiting.fetch_add(kept.len(), Ordering::Relaxed);
            next.task_later(Task::Rest(Rest::new(dir.handle(), spot, &kept, name_of)));
            *own_kept = kept;
            return;
        }
        if !is_sorted {
            kept.sort_unstable_by(|a, b| name_of(a.name).cmp(name_of(b.name)));
        }
        if batches.is_empty() {
            packer.pack(spot, &mut kept, name_of, part);
            *own_kept = kept;
            return;
        }
        let gathering = Gathering::new(dir.handle(), spot, kept, name_of, batches.len());
        let gathering = Arc::new(gathering);
        for entries in batches {
            let waits = if put_off { entries.len() * WAITING_SHARED } else { 0 };
            self.waiting.fetch_add(waits, Ordering::Relaxed);
            let task = Task::Batch(Batch { gathering: gathering.clone(), entries, waits });
            if put_off { next.task_later(task) } else { next.task(task) }
        }
    }

    fn task(&self, worker: &mut Worker<C>, task: Task<C::Id>, next: &mut Next<'_, Self>) {
        match task {
            Task::Batch(batch) => self.look_at_batch(worker, &batch, next),
            Task::Rest(rest) => self.look_at_rest(worker, &rest),
        }
    }

    fn failed(&self, worker: &mut Worker<C>, place: Place<'_>, error: io::Error, state: State) {
        let Worker { packer, part, .. } = worker;
        // A mount point that the scan was told not to enter is an empty directory, not a failure.
        let listing = match error.kind() {
            io::ErrorKind::CrossesDevices => Listing::Complete,
            _ => Listing::Unlisted,
        };
        if listing == Listing::Unlisted {
            part.fail(|| place.full_path(), error);
        }
        self.waits_no_more(&state);
        let spot = Spot { dir: state.dir, parent: state.parent, listing };
        packer.pack(spot, &mut Vec::new(), |_| b"", part);
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

pub(super) fn path_of(dir: &Handle, name: &[u8]) -> Vec<u8> {
    let mut path = dir.full_path();
    if path.last().is_some_and(|last| *last != b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
