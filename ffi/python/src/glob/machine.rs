//! The expansion of a pattern, as a machine that can be stopped between any two listings. One that
//! runs to its end keeps a few directories open, to open those in them without a long path.
//!
//! It does what the standard library's nested generators do, in the same order, with one
//! difference: for `**/x*` the library lists each directory twice, once to descend and once to
//! match; here one listing serves both.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::parallel::Pool;
use super::plan::{Plan, Segment};
use super::results::{Results, TaskId};
use super::system::{self, Buffer, Entry, Kind};

/// How far to go.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// To the end.
    End,
    /// To the next call of the system once there is a result.
    Result,
    /// Until so many directories were listed.
    Listings(usize),
}

/// Why the machine stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// All was found.
    Finished,
    /// What was asked for is reached.
    Paused,
    /// The pulse said to stop.
    Cancelled,
}

/// Asked now and then while the machine runs, whether it is to go on.
pub(super) type Pulse<'a> = &'a mut dyn FnMut() -> bool;

/// How many steps the machine takes, and how many entries of a directory it looks at, from one
/// pulse to the next: some tens of microseconds unless the file system is slow.
const STEPS_A_PULSE: usize = 16;
const ENTRIES_A_PULSE: usize = 1024;

/// How many directories a machine keeps open: those that it looked into last.
const OPEN_MAX: usize = 8;

pub(super) struct Machine {
    plan: Arc<Plan>,
    /// The plan's root and behind it the path of the result that is being made.
    path: Vec<u8>,
    frames: Vec<Frame>,
    is_started: bool,
    steps: usize,
    /// How many directories were listed.
    listings: usize,
    buffer: Buffer,
    /// Listings to be filled again.
    spare: Vec<Listing>,
    /// Parts of the tree that were handed to other threads; what is found in each comes before
    /// what is found in the one before it, and all of it after what this machine finds.
    tails: Vec<TaskId>,
}

/// A directory that is being worked on.
pub(super) struct Frame {
    place: Place,
    /// Absent until its turn comes.
    listing: Option<Listing>,
    /// How many of the names are done.
    done: usize,
    /// Whether it is a real directory among the entries of the one whose frame is below.
    is_plain: bool,
    /// Open while those in it are listed, unless many are.
    dir: Option<OwnedFd>,
}

/// A directory, and what is wanted of it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    role: Role,
    /// The segment that the role belongs to.
    segment: usize,
    /// Length of the directory's path, the root included.
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The names that match the segment.
    Match,
    /// Everything below it, for `**`.
    Walk,
    /// Both: everything below for `**`, and what in it matches the segment behind.
    WalkAndMatch,
}

/// The names that something is still to be done with.
#[derive(Default)]
struct Listing {
    names: Vec<u8>,
    /// Where each name ends, and what it is the name of.
    entries: Vec<(usize, Kind)>,
}

impl Machine {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let path = [&*plan.root, &*plan.base].concat();
        Self::standing(plan, path)
    }

    /// The machine for a part of the tree that another one handed over.
    pub(super) fn resume(plan: Arc<Plan>, path: Vec<u8>, frame: Frame) -> Self {
        let mut machine = Self::standing(plan, path);
        machine.is_started = true;
        machine.frames.push(frame);
        machine
    }

    fn standing(plan: Arc<Plan>, path: Vec<u8>) -> Self {
        Self {
            plan,
            path,
            frames: Vec::new(),
            is_started: false,
            steps: 0,
            listings: 0,
            buffer: Buffer::new(),
            spare: Vec::new(),
            tails: Vec::new(),
        }
    }

    /// Runs on, and adds what is found to `results`. Parts of the tree are handed to the pool when
    /// it has a thread that waits for work.
    pub(super) fn run(
        &mut self,
        results: &mut Results,
        until: Until,
        pool: Option<&Pool>,
        pulse: Pulse<'_>,
    ) -> Halt {
        if !self.is_started {
            self.is_started = true;
            self.apply(0, results);
        }
        while let Some(top) = self.frames.last() {
            let is_reached = match until {
                Until::End => false,
                Until::Result => !results.is_empty(),
                Until::Listings(count) => self.listings >= count,
            };
            if is_reached {
                return Halt::Paused;
            }
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS_A_PULSE) && !pulse() {
                return Halt::Cancelled;
            }
            if top.listing.is_some() {
                self.advance(results);
                continue;
            }
            let (place, stays_open) = (top.place, !matches!(until, Until::Result));
            if let Some(pool) = pool.filter(|pool| pool.wants_work()) {
                self.hand_over(pool);
            }
            if !self.list(place, stays_open, results, pulse) {
                return Halt::Cancelled;
            }
        }
        self.tails.drain(..).rev().for_each(|task| results.splice(task));
        Halt::Finished
    }

    /// Gives half of what this machine would do last to a thread that waits, if that is worth it.
    fn hand_over(&mut self, pool: &Pool) {
        let above = self.frames.len() - 1;
        for (index, frame) in self.frames[..above].iter_mut().enumerate() {
            let place = frame.place;
            let part = match &mut frame.listing {
                None => Frame { is_plain: false, ..self.frames.remove(index) },
                Some(listing) => {
                    let left = listing.entries.len() - frame.done;
                    if left == 0 {
                        continue;
                    }
                    let listing = Some(listing.split_off(frame.done + left / 2));
                    Frame { place, listing, done: 0, is_plain: false, dir: None }
                }
            };
            self.tails.push(pool.add(self.path[..place.length].to_vec(), part));
            return;
        }
    }

    /// Finds what the segments from `segment` on find at the present path.
    fn apply(&mut self, mut segment: usize, results: &mut Results) {
        let plan = self.plan.clone();
        loop {
            match plan.segments.get(segment) {
                None if segment > 0 => return results.push(self.found(), b""),
                None => return self.without_wildcard(results),
                Some(Segment::Name(name)) => {
                    self.join(name);
                    if !system::exists(&plan, &self.path) {
                        return;
                    }
                }
                Some(Segment::Directory) => {
                    if system::is_directory(&plan, &self.path) {
                        self.join(b"");
                        results.push(self.found(), b"");
                    }
                    return;
                }
                Some(Segment::Wild { .. }) => return self.push(Role::Match, segment),
                Some(Segment::Recursive) => {
                    if let Some(Segment::Wild { .. }) = plan.segments.get(segment + 1) {
                        return self.push(Role::WalkAndMatch, segment);
                    }
                    self.push(Role::Walk, segment);
                    let is_checked = plan.checks_directory && !self.path.is_empty();
                    if is_checked && !system::is_directory(&plan, &self.path) {
                        return;
                    }
                    self.join(b"");
                }
            }
            segment += 1;
        }
    }

    /// A pattern without wildcards is found as it stands, if it is there.
    fn without_wildcard(&mut self, results: &mut Results) {
        let base = &self.plan.base;
        let is_there = if base.is_empty() || base.ends_with(b"/") {
            system::is_directory(&self.plan, &self.path)
        } else {
            system::exists(&self.plan, &self.path)
        };
        if is_there {
            results.push(base, b"");
        }
    }

    /// Goes on with the next name of the uppermost directory.
    fn advance(&mut self, results: &mut Results) {
        let frame = self.frames.last_mut().expect("there is a frame to advance");
        let listing = frame.listing.as_ref().expect("it was listed");
        let Some((name, kind)) = listing.get(frame.done) else {
            let frame = self.frames.pop().expect("it was just looked at");
            self.spare.extend(frame.listing);
            return;
        };
        frame.done += 1;
        let Place { role, segment, length } = frame.place;
        self.path.truncate(length);
        join(&mut self.path, self.plan.root.len(), name);
        match role {
            Role::Match => self.apply(segment + 1, results),
            Role::WalkAndMatch => self.push_plain(role, segment, kind),
            Role::Walk => {
                // Its own results come before those from below it.
                if kind != Kind::Other {
                    self.push_plain(role, segment, kind);
                }
                self.apply(segment + 1, results);
            }
        }
    }

    /// Lists a directory, and keeps the names that something is to be done with.
    fn list(
        &mut self,
        place: Place,
        stays_open: bool,
        results: &mut Results,
        pulse: Pulse<'_>,
    ) -> bool {
        self.listings += 1;
        self.path.truncate(place.length);
        let plan = self.plan.clone();
        let opened = self.open(place);
        let mut dir = std::mem::take(&mut self.path);
        let mut buffer = std::mem::replace(&mut self.buffer, Buffer::none());
        join(&mut dir, plan.root.len(), b"");
        let mut keep = Keep {
            below: self.spare.pop().unwrap_or_default(),
            matched: Listing::default(),
            results,
            plan: &plan,
            dir: &dir,
            place,
        };
        keep.below.clear();
        let (mut seen, mut goes_on) = (0_usize, true);
        if let Some(opened) = &opened {
            system::list(&plan, opened, &mut buffer, |entry| {
                keep.entry(&entry);
                seen += 1;
                goes_on = !seen.is_multiple_of(ENTRIES_A_PULSE) || pulse();
                goes_on
            });
        }
        let Keep { below, matched, .. } = keep;
        self.path = dir;
        self.buffer = buffer;
        let frame = self.frames.last_mut().expect("it is being listed");
        let leads_on = stays_open && below.entries.iter().any(|(_, kind)| *kind == Kind::Directory);
        frame.dir = opened.and_then(system::Dir::into_fd).filter(|_| leads_on);
        frame.listing = Some(below);
        if !matched.entries.is_empty() {
            let place = Place { role: Role::Match, segment: place.segment + 1, ..place };
            let listing = Some(matched);
            self.frames.push(Frame { place, listing, done: 0, is_plain: false, dir: None });
        }
        goes_on
    }

    /// Opens the directory of the uppermost frame, whose path is the machine's.
    fn open(&mut self, place: Place) -> Option<system::Dir> {
        let top = self.frames.len() - 1;
        if let Some(many) = top.checked_sub(OPEN_MAX) {
            self.frames[many].dir = None;
        }
        let parent = top.checked_sub(1).map(|parent| &self.frames[parent]);
        let path = &self.path[..place.length];
        // A path that the system would not take does not become shorter by this.
        if let Some(Frame { dir: Some(dir), place: Place { length, .. }, .. }) = parent
            && self.frames[top].is_plain
            && path.len() < system::PATH_MAX
        {
            let name = path[*length..].strip_prefix(b"/").unwrap_or(&path[*length..]);
            if let Ok(dir) = system::open_in(dir, name) {
                return Some(dir);
            }
            // It may be that too many are open.
            self.frames.iter_mut().for_each(|frame| frame.dir = None);
        }
        // An error is a directory that holds nothing, here as in the standard library.
        system::open(&self.plan, &self.path[..place.length]).ok()
    }

    fn push(&mut self, role: Role, segment: usize) {
        self.push_plain(role, segment, Kind::Unclear);
    }

    /// Adds the frame of what is among the entries of the uppermost frame.
    fn push_plain(&mut self, role: Role, segment: usize, kind: Kind) {
        let place = Place { role, segment, length: self.path.len() };
        let is_plain = kind == Kind::Directory;
        self.frames.push(Frame { place, listing: None, done: 0, is_plain, dir: None });
    }

    fn join(&mut self, name: &[u8]) {
        join(&mut self.path, self.plan.root.len(), name);
    }

    /// The path as the result that it would be.
    fn found(&self) -> &[u8] {
        &self.path[self.plan.root.len()..]
    }
}

/// Puts a name behind a path whose first `root` bytes are not part of the result.
fn join(path: &mut Vec<u8>, root: usize, name: &[u8]) {
    if path.len() > root && path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// What becomes of the entries of one directory.
struct Keep<'a> {
    /// What the role goes on with.
    below: Listing,
    /// For [`Role::WalkAndMatch`]: what the segment behind `**` goes on with, before.
    matched: Listing,
    results: &'a mut Results,
    plan: &'a Plan,
    /// The directory's path with a slash at its end.
    dir: &'a [u8],
    place: Place,
}

impl Keep<'_> {
    fn entry(&mut self, entry: &Entry<'_>) {
        let segment = self.place.segment;
        match self.place.role {
            Role::Match => {
                if self.matches(segment, entry) {
                    if self.plan.is_last(segment) {
                        self.found(entry);
                    } else if entry.is_directory(self.plan, self.dir) {
                        self.below.push(entry.name, entry.kind);
                    }
                }
            }
            Role::Walk => {
                let leads_on =
                    || self.plan.is_last(segment) || entry.is_directory(self.plan, self.dir);
                if self.is_shown(entry) && leads_on() {
                    self.below.push(entry.name, entry.kind);
                }
            }
            Role::WalkAndMatch => {
                let matches = self.matches(segment + 1, entry);
                let is_last = self.plan.is_last(segment + 1);
                if matches && is_last {
                    self.found(entry);
                }
                let goes_below = self.is_shown(entry);
                if (goes_below || matches && !is_last) && entry.is_directory(self.plan, self.dir) {
                    if goes_below {
                        self.below.push(entry.name, entry.kind);
                    }
                    if matches && !is_last {
                        self.matched.push(entry.name, entry.kind);
                    }
                }
            }
        }
    }

    fn found(&mut self, entry: &Entry<'_>) {
        self.results.push(&self.dir[self.plan.root.len()..], entry.name);
    }

    fn matches(&self, segment: usize, entry: &Entry<'_>) -> bool {
        match &self.plan.segments[segment] {
            Segment::Wild { matcher, is_hidden } => {
                (*is_hidden || self.is_shown(entry)) && matcher.matches(entry.name)
            }
            _ => unreachable!("only wildcards are matched with names"),
        }
    }

    /// Whether wildcards see the entry at all.
    fn is_shown(&self, entry: &Entry<'_>) -> bool {
        self.plan.include_hidden || entry.name[0] != b'.'
    }
}

impl Listing {
    fn push(&mut self, name: &[u8], kind: Kind) {
        self.names.extend_from_slice(name);
        self.entries.push((self.names.len(), kind));
    }

    fn get(&self, index: usize) -> Option<(&[u8], Kind)> {
        let &(end, kind) = self.entries.get(index)?;
        Some((&self.names[self.start(index)..end], kind))
    }

    /// Where a name begins.
    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.entries[index - 1].0 }
    }

    /// Takes away the names from `index` on.
    fn split_off(&mut self, index: usize) -> Self {
        let start = self.start(index);
        let mut entries = self.entries.split_off(index);
        entries.iter_mut().for_each(|(end, _)| *end -= start);
        Self { names: self.names.split_off(start), entries }
    }

    fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
    }
}
