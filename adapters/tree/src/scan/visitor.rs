//! What the walk calls: lists and stats each directory, and has its files read.

mod entries;
mod later;
mod part;

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use treenail_os::{Directory, Handle, Next, Place, Reader, Stat, Visit};

use super::content::Wanted;
use super::fresh;
use super::gather::{Batch, Gathering, Kept, Packer, Rest, Spot};
use super::previous::Previous;
use super::rules::{Inherited, Rules};
use super::{Arm, Progress, Scan, Scanned};
use crate::error::Error;
use crate::ids::ContentId;
use crate::live::Exclude;
use crate::pages::DirId;
use crate::snapshot::Snapshot;
use crate::tree::Listing;
use crate::view::View;
use entries::Asked;
use later::{WAITING_DIRECTORY, WAITING_SHARED};
use part::Worker;

pub(super) use part::Part;

/// Where contents are not read, a directory of twice as many files is shared out by so many.
const BATCH_STATS: usize = 1024;

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

    /// The rules that hold in a directory; notes what the system says of the root.
    fn enter_rules(
        &self,
        part: &mut Part<C>,
        dir: &Directory<'_>,
        state: &mut State,
    ) -> Option<Inherited> {
        if state.dir == DirId::ROOT {
            part.root_stat = dir.stat().ok();
            state.device = part.root_stat.map(|stat| stat.device);
        }
        let (rules, inherited) = self.rules.as_ref().zip(state.rules.take())?;
        let (inherited, error) = rules.enter(inherited, dir);
        if let Some(error) = error {
            part.fail(|| path_of(dir.handle(), b".gitignore"), error);
        }
        Some(inherited)
    }

    /// Reads the files of a directory that are not many; gives back the others, in batches.
    fn read_own(
        &self,
        worker: &mut Worker<C>,
        dir: &Directory<'_>,
        state: &State,
        kept: &mut [Kept<C::Id>],
        listing: &mut Listing,
    ) -> Vec<Vec<u32>> {
        let Worker { reader, part, .. } = worker;
        let mut batches = self.identify(part, dir, state, kept);
        let own = batches.pop().unwrap_or_default().into_iter().map(|entry| {
            let kept = &kept[entry as usize];
            let name = dir.entry(kept.name as usize).name;
            Wanted { entry, name, before: kept.stat }
        });
        let own: Vec<Wanted<'_>> = own.collect();
        self.read(reader, part, dir.handle(), state.dir, &own, |entry, reading| {
            if !kept[entry as usize].enter(reading, listing) {
                batches.push(vec![entry]);
            }
        });
        batches
    }

    /// Has whoever is free look at a directory's entries, batch by batch.
    fn share_out(
        &self,
        gathering: Gathering<C::Id>,
        batches: Vec<Vec<u32>>,
        put_off: bool,
        next: &mut Next<'_, Self>,
    ) {
        let gathering = Arc::new(gathering);
        for entries in batches {
            let waits = if put_off { entries.len() * WAITING_SHARED } else { 0 };
            self.waiting.fetch_add(waits, Ordering::Relaxed);
            let task = Task::Batch(Batch { gathering: gathering.clone(), entries, waits });
            if put_off { next.task_later(task) } else { next.task(task) }
        }
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
        let rules = self.enter_rules(&mut worker.part, dir, &mut state);
        let mut kept = std::mem::take(&mut worker.kept);
        kept.clear();
        let asked = match put_off {
            true => Asked::Directories,
            false if self.stat_first && !shared => Asked::All,
            false => Asked::AllButFiles,
        };
        let mut listing = self.keep(&mut kept, &mut worker.part, dir, rules.as_ref(), asked);
        let counting = put_off.then_some(&mut worker.counting);
        self.descend(dir, &state, rules.as_ref(), &kept, counting, next);
        let batches = if self.with_ids {
            self.read_own(worker, dir, &state, &mut kept, &mut listing)
        } else if shared {
            let unknown = (0..).zip(&kept).filter(|(_, kept)| kept.stat.is_none());
            let unknown: Vec<u32> = unknown.map(|(entry, _)| entry).collect();
            unknown.chunks(BATCH_STATS).map(<[u32]>::to_vec).collect()
        } else {
            Vec::new()
        };
        let spot = Spot { dir: state.dir, parent: state.parent, listing };
        let name_of = |name: u32| dir.entry(name as usize).name;
        if put_off && !shared && kept.iter().any(|kept| kept.stat.is_none()) {
            self.waiting.fetch_add(kept.len(), Ordering::Relaxed);
            next.task_later(Task::Rest(Rest::new(dir.handle(), spot, &kept, name_of)));
            worker.kept = kept;
            return;
        }
        if !is_sorted {
            kept.sort_unstable_by(|a, b| name_of(a.name).cmp(name_of(b.name)));
        }
        if batches.is_empty() {
            worker.packer.pack(spot, &mut kept, name_of, &mut worker.part);
            worker.kept = kept;
        } else {
            let gathering = Gathering::new(dir.handle(), spot, kept, name_of, batches.len());
            self.share_out(gathering, batches, put_off, next);
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

pub(super) fn path_of(dir: &Handle, name: &[u8]) -> Vec<u8> {
    let mut path = dir.full_path();
    if path.last().is_some_and(|last| *last != b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
