//! The expansion of a pattern, as a machine that can be stopped between any two listings and holds
//! nothing open meanwhile.
//!
//! It does what the standard library's nested generators do, in the same order, with one
//! difference: for `**/x*` the library lists each directory twice, once to descend and once to
//! match; here one listing serves both.

use std::sync::Arc;

use super::parallel::Pool;
use super::plan::{Plan, Segment};
use super::results::Results;
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
}

/// A directory that is being worked on.
struct Frame {
    place: Place,
    /// Absent until its turn comes.
    listing: Option<Listing>,
    /// How many of the names are done.
    done: usize,
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
    /// Where each name ends, and whether it may be a directory.
    entries: Vec<(usize, bool)>,
}

impl Machine {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let path = [&*plan.root, &*plan.base].concat();
        Self::standing(plan, path)
    }

    /// The machine for a part of the tree that another one handed over.
    pub(super) fn resume(plan: Arc<Plan>, path: Vec<u8>, place: Place) -> Self {
        let mut machine = Self::standing(plan, path);
        machine.is_started = true;
        machine.frames.push(Frame { place, listing: None, done: 0 });
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
            let place = top.place;
            if let Some(pool) = pool.filter(|pool| self.frames.len() > 1 && pool.wants_work()) {
                self.frames.pop();
                results.splice(pool.add(self.path[..place.length].to_vec(), place));
            } else if !self.list(place, results, pulse) {
                return Halt::Cancelled;
            }
        }
        Halt::Finished
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
        let Some((name, may_be_directory)) = listing.get(frame.done) else {
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
            Role::WalkAndMatch => self.push(role, segment),
            Role::Walk => {
                // Its own results come before those from below it.
                if may_be_directory {
                    self.push(role, segment);
                }
                self.apply(segment + 1, results);
            }
        }
    }

    /// Lists a directory, and keeps the names that something is to be done with.
    fn list(&mut self, place: Place, results: &mut Results, pulse: Pulse<'_>) -> bool {
        self.listings += 1;
        self.path.truncate(place.length);
        let plan = self.plan.clone();
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
        system::list(&plan, &dir[..place.length], &mut buffer, |entry| {
            keep.entry(&entry);
            seen += 1;
            goes_on = !seen.is_multiple_of(ENTRIES_A_PULSE) || pulse();
            goes_on
        });
        let Keep { below, matched, .. } = keep;
        self.path = dir;
        self.buffer = buffer;
        self.frames.last_mut().expect("it is being listed").listing = Some(below);
        if !matched.entries.is_empty() {
            let place = Place { role: Role::Match, segment: place.segment + 1, ..place };
            self.frames.push(Frame { place, listing: Some(matched), done: 0 });
        }
        goes_on
    }

    fn push(&mut self, role: Role, segment: usize) {
        let place = Place { role, segment, length: self.path.len() };
        self.frames.push(Frame { place, listing: None, done: 0 });
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
                        self.below.push(entry.name, true);
                    }
                }
            }
            Role::Walk => {
                if self.is_shown(entry) {
                    if self.plan.is_last(segment) {
                        self.below.push(entry.name, entry.kind != Kind::Other);
                    } else if entry.is_directory(self.plan, self.dir) {
                        self.below.push(entry.name, true);
                    }
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
                        self.below.push(entry.name, true);
                    }
                    if matches && !is_last {
                        self.matched.push(entry.name, true);
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
    fn push(&mut self, name: &[u8], may_be_directory: bool) {
        self.names.extend_from_slice(name);
        self.entries.push((self.names.len(), may_be_directory));
    }

    fn get(&self, index: usize) -> Option<(&[u8], bool)> {
        let &(end, may_be_directory) = self.entries.get(index)?;
        let start = if index == 0 { 0 } else { self.entries[index - 1].0 };
        Some((&self.names[start..end], may_be_directory))
    }

    fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
    }
}
