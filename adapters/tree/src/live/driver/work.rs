//! What a live tree does when it is called: it reads the feed, and performs the actions of the
//! state machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use treenail_os::Handle;
use treenail_os::feed::{Event, Feed, Rung, Watched};

use super::super::begin::Watching;
use super::super::begin::{random, without};
use super::super::change::Batch;
use super::super::dirt::At;
use super::super::hasher::{CLOCK_STEP, Hasher, INLINE_BYTES_MAX};
use super::super::places::{RootNow, is_refusal, top_of};
use super::super::state::State;
use super::super::{Action, Listed, Live, NoLook, Unhashed, token};
use super::{LiveTree, lock};
use crate::error::Error;
use crate::pages::DirId;
use crate::recheck::Recheck;

/// Directories are closed when nothing has happened for so long.
pub(super) const HELD_OPEN_FOR: Duration = Duration::from_millis(250);

/// How long work goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Until there is something to tell, or somebody wakes it. More may be in the queues.
    News,
    /// Until there is nothing to do.
    Rest,
}

/// A file whose id was asked for, and that changed so lately that reading it proves nothing.
pub(super) struct Young {
    ticket: u64,
    at: At,
    size_bytes: u64,
    urgent: bool,
}

impl LiveTree {
    /// Reads what the feed has, and does what follows from it; whether nothing is left to do. After
    /// `late` it does not begin a second round.
    pub(super) fn work(&mut self, until: Until, late: Option<Instant>) -> Result<bool, Error> {
        if self.feed.is_noisy() {
            self.step_down()?;
        }
        let now = Instant::now();
        if self.poll_at.is_some_and(|at| at <= now) {
            self.live.recheck(self.revisited());
            self.poll_at = Some(now + self.options.poll_every);
        }
        self.store(|state, _| state.end_checkpoint(false))?;
        loop {
            let now_ns = self.now_ns();
            let (live, mut root_event) = (&mut self.live, false);
            let read = self.feed.read(|event| {
                root_event |= concerns_root(&event);
                live.event(now_ns, event);
            });
            let read = read.map_err(|error| self.failed("cannot read what changed", error))?;
            if root_event {
                self.look_at_root();
            }
            self.live.read(now_ns);
            if self.feed.held_until().is_none() {
                self.live.heard(now_ns);
            }
            let mut did = read;
            while let Some((ticket, found)) = self.hasher.as_ref().and_then(Hasher::answer) {
                self.live.hashed(now_ns, ticket, found);
                did += 1;
            }
            did += self.read_grown();
            while let Some(action) = self.live.next_action(self.now_ns()) {
                self.perform(action)?;
                did += 1;
            }
            if did == 0 {
                self.note_heard()?;
                self.plan_visit(now);
                self.close_when_idle();
                return Ok(true);
            }
            self.close_at = Some(now + HELD_OPEN_FOR);
            let is_wanted = self.live.has_batch() || self.woken.load(Ordering::Acquire);
            let is_late = late.is_some_and(|late| late <= Instant::now());
            if is_late || until == Until::News && is_wanted {
                return Ok(false);
            }
        }
    }

    /// Notes that the feed has nothing more to tell.
    fn note_heard(&mut self) -> Result<(), Error> {
        self.live.heard_all(self.now_ns());
        self.store(|state, live| match state.has_unheard() && live.unheard().is_empty() {
            true => state.heard_all(),
            false => Ok(()),
        })
    }

    /// Stores what was not given out yet, as the end is near, and finds out whether the feed has
    /// more to tell.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.take_batch()?;
        let now_ns = self.now_ns();
        let live = &mut self.live;
        // Where it cannot be read, it may have.
        if self.feed.read(|event| live.event(now_ns, event)).is_ok_and(|read| read == 0) {
            self.note_heard()?;
        }
        Ok(())
    }

    /// Changes over to a feed that is not woken by what happens outside the root.
    fn step_down(&mut self) -> Result<(), Error> {
        let rungs = Rung::ALL.iter().copied().filter(|rung| *rung != Rung::FileSystem);
        let options = self.options.feed.clone().rungs(&rungs.collect::<Vec<_>>());
        let feed =
            Feed::open(&self.root, &options).map_err(|error| self.failed("cannot watch", error))?;
        self.options.feed = options;
        // The old feed is heard until the comparison has armed the new one everywhere.
        let old = std::mem::replace(&mut self.feed, Arc::new(feed));
        *lock(&self.current) = self.feed.clone();
        self.live.recheck(Vec::new());
        while let Some(action) = self.live.next_action(self.now_ns()) {
            self.perform(action)?;
        }
        let now_ns = self.now_ns();
        let live = &mut self.live;
        let read = old.read(|event| live.event(now_ns, event));
        read.map_err(|error| self.failed("cannot read what changed", error))?;
        self.counted.add_counts(&old.statistics());
        Ok(())
    }

    fn perform(&mut self, action: Action) -> Result<(), Error> {
        match action {
            Action::Look { dir, names } => {
                let found = self.places.look(self.live.tree(), dir, &names);
                if let Err(NoLook::Refused(_)) = &found {
                    self.look_at_root();
                }
                self.live.looked(dir, names, found);
            }
            Action::List { dir } => {
                let found = self.watch_and_list(dir);
                if let Err(NoLook::Refused(_)) = &found {
                    self.look_at_root();
                }
                self.live.listed(dir, found);
            }
            Action::Hash { ticket, dir, name, size_bytes, urgent } => {
                self.hash(ticket, dir, name, size_bytes, urgent);
            }
            Action::Recheck { dirs } => self.compare(&dirs)?,
            Action::WatchLink { dir, name, token } => {
                // Where it cannot be, the file is among those that have names elsewhere.
                if let Ok(handle) = self.places.handle(self.live.tree(), dir) {
                    self.feed.watch_link(&handle, &name, token);
                }
                let found = self.places.look(self.live.tree(), dir, &[name]).ok();
                let found = found.and_then(|found| found.first().copied().flatten());
                self.live.link_watched(token, found.map(|stat| stat.id()));
            }
            Action::UnwatchLink { token } => self.feed.unwatch(token),
            Action::Unwatch { dir } => {
                self.feed.unwatch(token(dir));
                self.places.forget(dir);
                self.polled.remove(&dir);
            }
        }
        Ok(())
    }

    fn watch_and_list(&mut self, dir: DirId) -> Result<Vec<Listed>, NoLook> {
        let handle = self.places.handle(self.live.tree(), dir)?;
        match self.feed.watch(&handle, token(dir), top_of(&handle)) {
            Watched::By(_) => _ = self.polled.remove(&dir),
            Watched::Polled { reason } => {
                self.polled.insert(dir, reason);
                self.poll_at.get_or_insert_with(|| Instant::now() + self.options.poll_every);
            }
        }
        self.places.list(self.live.tree(), dir)
    }

    fn hash(&mut self, ticket: u64, dir: DirId, name: Box<[u8]>, size_bytes: u64, urgent: bool) {
        let Some(hasher) = &mut self.hasher else { return };
        let now_ns = self.started.elapsed().as_nanos() as u64;
        if size_bytes <= INLINE_BYTES_MAX && !urgent {
            return self.learning.push_back((ticket, dir, name));
        }
        let answer = match self.places.handle(self.live.tree(), dir) {
            Err(_) => Some((ticket, Err(Unhashed::Gone))),
            Ok(handle) if size_bytes <= INLINE_BYTES_MAX => {
                let at = (dir, name);
                if hasher.is_young(&handle, &at) {
                    let young = Young { ticket, at, size_bytes, urgent };
                    return self.young.push_back((Instant::now() + CLOCK_STEP, young));
                }
                Some((ticket, hasher.hash(&handle, &at)))
            }
            Ok(handle) => {
                let feed = Arc::downgrade(&self.feed);
                let wake = move || _ = feed.upgrade().map(|feed| feed.wake());
                let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
                hasher.submit(ticket, handle, (dir, name), &wake)
            }
        };
        if let Some((ticket, found)) = answer {
            self.live.hashed(now_ns, ticket, found);
        }
    }

    /// Reads one of the files whose ids may be worth to be known; whether there was one.
    pub(super) fn learn_one(&mut self) -> bool {
        let Some((ticket, dir, name)) = self.learning.pop_front() else { return false };
        let at = (dir, name);
        let found = match (&self.hasher, self.places.handle(self.live.tree(), dir)) {
            (Some(hasher), Ok(handle)) if hasher.is_young(&handle, &at) => {
                let young = Young { ticket, at, size_bytes: 0, urgent: false };
                self.young.push_back((Instant::now() + CLOCK_STEP, young));
                return true;
            }
            (Some(hasher), Ok(handle)) => hasher.hash(&handle, &at),
            _ => Err(Unhashed::Gone),
        };
        self.live.hashed(self.now_ns(), ticket, found);
        true
    }

    /// Asks again for the ids of files that were too young; how many those are.
    fn read_grown(&mut self) -> usize {
        let now = Instant::now();
        let mut count = 0;
        while let Some((_, young)) = self.young.pop_front_if(|(at, _)| *at <= now) {
            let Young { ticket, at: (dir, name), size_bytes, urgent } = young;
            self.hash(ticket, dir, name, size_bytes, urgent);
            count += 1;
        }
        count
    }

    /// Compares directories with the tree, or everything if there are none.
    fn compare(&mut self, dirs: &[DirId]) -> Result<(), Error> {
        let watching = Watching::new(&self.feed);
        let on_open = |dir: &Arc<Handle>, id: DirId| watching.watch(dir, id);
        let tree = self.live.tree();
        let dirs = (!dirs.is_empty()).then_some(dirs);
        let recheck = Recheck::new(tree).threads(self.options.threads).on_open(&on_open).dirs(dirs);
        let found = match recheck.run(&self.root) {
            // Where nothing reports that the root is replaced, this is how it is noticed.
            Ok(found) if found.root_stat.is_none_or(|stat| self.places.is_root(&stat)) => found,
            Err(error) if !matches!(self.places.root_now(), RootNow::Gone) => {
                return self.not_compared(dirs, error);
            }
            Ok(_) | Err(_) => {
                self.note_root_gone();
                self.live.rechecked(Vec::new(), Vec::new());
                return Ok(());
            }
        };
        let polled = watching.into_polled();
        if dirs.is_none() {
            self.polled = polled;
        } else {
            self.polled.extend(polled);
        }
        if self.polled.is_empty() {
            self.poll_at = None;
        } else {
            self.poll_at.get_or_insert_with(|| Instant::now() + self.options.poll_every);
        }
        if let Some(stat) = found.root_stat {
            self.live.set_root_stat(stat);
        }
        let failures = found.failures.iter().map(|(dir, error)| (*dir, error.to_string()));
        self.live.compared(dirs, failures.collect());
        self.live.rechecked(found.differences, found.suspects);
        Ok(())
    }

    /// Keeps what is known of directories, or of all if there are none, if the root could not be
    /// opened for a reason that may pass.
    fn not_compared(&mut self, dirs: Option<&[DirId]>, error: Error) -> Result<(), Error> {
        let Some(refusal) = error.source_io().filter(|source| is_refusal(source)) else {
            return Err(error);
        };
        self.live.compared(dirs, vec![(DirId::ROOT, refusal.to_string())]);
        self.live.refused(DirId::ROOT, refusal);
        self.live.rechecked(Vec::new(), Vec::new());
        Ok(())
    }

    pub(super) fn take_batch(&mut self) -> Result<Option<Batch>, Error> {
        let Some(batch) = self.live.take_batch() else { return Ok(None) };
        if self.state.as_ref().is_some_and(State::is_of_other_exclusion) {
            // Before the first batch that comes of it, which would be replayed by other rules.
            self.save(true)?;
        }
        self.store(|state, live| state.append(&batch, live.unheard()))?;
        if self.state.as_ref().is_some_and(State::wants_checkpoint) {
            self.save(false)?;
        }
        Ok(Some(batch))
    }

    /// Has the tree saved; with `wait` it is when this returns.
    pub(super) fn save(&mut self, wait: bool) -> Result<(), Error> {
        let (feed, ids) = (Arc::downgrade(&self.feed), self.options.ids);
        let done = move || {
            if !wait {
                _ = feed.upgrade().map(|feed| feed.wake());
            }
        };
        self.store(|state, live| {
            state.begin_checkpoint(live.tree(), ids, live.history(), done)?;
            if wait { state.end_checkpoint(true) } else { Ok(()) }
        })
    }

    /// Does something with the state, if there is one. If it may fail, the tree goes on without.
    fn store(
        &mut self,
        work: impl FnOnce(&mut State, &Live) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let Err(error) = work(state, &self.live) else { return Ok(()) };
        if !self.options.state_may_fail {
            return Err(error);
        }
        self.state.take().into_iter().for_each(State::give_up);
        self.stateless = Some(without(&error));
        // Another process may go on from what was stored: to it, clocks from here on mean nothing.
        self.live.begin_incarnation_of(random() as u32 | 1 << 31);
        Ok(())
    }

    /// When there is something to do although nothing happens.
    pub(super) fn wakes_at(&mut self) -> Option<Instant> {
        let deadline = self.live.deadline_ns().map(|ns| self.started + Duration::from_nanos(ns));
        let grown = self.young.front().map(|(at, _)| *at);
        let times = [deadline, grown, self.poll_at, self.close_at, self.feed.held_until()];
        times.into_iter().flatten().min()
    }

    /// The directories that are looked at again and again: those that nothing reports of, and those
    /// that could not be opened, where a mark on the one above does not tell that they can be now.
    /// Of the root nothing may tell: what is in the way may be above it.
    pub(super) fn revisited(&self) -> Vec<DirId> {
        let has_marks = self.feed.rung() == Rung::Inodes;
        let is_closed = self.live.unlisted().any(|(dir, _)| dir == DirId::ROOT);
        let refused = self.live.unlisted().map(|(dir, _)| dir);
        let refused = refused.filter(|_| has_marks || is_closed);
        self.polled.keys().copied().chain(refused).collect()
    }

    fn plan_visit(&mut self, now: Instant) {
        match self.revisited().is_empty() {
            true => self.poll_at = None,
            false => _ = self.poll_at.get_or_insert(now + self.options.poll_every),
        }
    }

    fn close_when_idle(&mut self) {
        if self.close_at.is_some_and(|at| at <= Instant::now()) {
            self.close_at = None;
            self.places.close();
        }
    }
}

fn concerns_root(event: &Event<'_>) -> bool {
    match event {
        Event::Directory { dir, .. } => *dir == token(DirId::ROOT),
        Event::Lost { .. } => true,
        _ => false,
    }
}
