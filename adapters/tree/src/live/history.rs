//! What has changed lately, so that `since` costs what changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::change::{Batch, EventKind, Gap};
use super::clock::Clock;
use crate::view::Class;

/// What an entry of the history takes besides its paths: itself and two allocations' heads.
const EVENT_BYTES: usize = size_of::<Event>() + 32;

/// The changes of a live tree, the oldest dropped when they take too much memory.
#[derive(Clone, Debug)]
pub struct History {
    clock: Clock,
    /// Clocks of this tick and later are answered.
    floor: u64,
    /// The last tick of each incarnation before the present one that clocks may still be of.
    ended: Vec<(u32, u64)>,
    events: VecDeque<(u64, Event)>,
    gaps: VecDeque<(u64, Gap)>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Event {
    kind: EventKind,
    class: Class,
    quiet: bool,
    replaced: bool,
    path: Box<[u8]>,
    from: Option<Box<[u8]>>,
}

/// An answer to "what changed since?".
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Since {
    /// What leads from the tree at the clock to the tree now: renames in their order, and the new
    /// directories that they lead into; then one change for each other path. A change may be
    /// reported that the asker knows already; none is left out.
    Net {
        /// The changes, without stats and ids.
        changes: Vec<Net>,
        /// What was lost in between; the changes make up for it.
        gaps: Vec<Gap>,
    },
    /// The clock says nothing here: everything that the tree holds may be new.
    Fresh(Fresh),
}

/// A path that is not as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Net {
    /// What makes the difference.
    pub kind: EventKind,
    /// What the entry is, or was if it is gone.
    pub class: Class,
    /// Where it is.
    pub path: Box<[u8]>,
    /// Where a renamed entry was.
    pub from: Option<Box<[u8]>>,
    /// Nobody needs to act on it.
    pub quiet: bool,
}

/// Why a clock cannot be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fresh {
    /// It is of another root, or of one whose state was removed.
    OtherRoot,
    /// It is older than what is kept.
    TooOld,
    /// It is later than this tree has ever been.
    Unknown,
}

impl fmt::Display for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherRoot => "the clock is of another root, or of one whose state is gone",
            Self::TooOld => "the clock is older than the history that is kept",
            Self::Unknown => "the clock is later than anything that this tree remembers",
        })
    }
}

impl History {
    /// A history that begins at `clock` and keeps about so many bytes.
    #[must_use]
    pub fn new(clock: Clock, bytes_max: usize) -> Self {
        Self {
            clock,
            floor: clock.tick,
            ended: Vec::new(),
            events: VecDeque::new(),
            gaps: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// The present moment.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The earliest tick that [`since`](Self::since) answers.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// Adds what happened; the batch's tick is the present from now on.
    pub fn push(&mut self, batch: &Batch) {
        self.clock.tick = batch.tick;
        for gap in &batch.gaps {
            self.gaps.push_back((batch.tick, gap.clone()));
        }
        for change in &batch.changes {
            let event = Event {
                kind: change.kind,
                class: change.class,
                quiet: change.quiet,
                replaced: change.replaced,
                path: change.path.clone(),
                from: change.from.clone(),
            };
            self.bytes += event.bytes();
            self.events.push_back((batch.tick, event));
        }
        self.forget();
    }

    /// Begins another incarnation, the end of this one's history being uncertain: clocks of this
    /// one that are later than the present are no longer answered.
    pub fn begin_incarnation(&mut self) {
        self.begin_incarnation_of(self.clock.incarnation + 1);
    }

    /// Begins that incarnation.
    pub(crate) fn begin_incarnation_of(&mut self, number: u32) {
        self.ended.push((self.clock.incarnation, self.clock.tick));
        self.clock.incarnation = number;
    }

    /// The incarnations before this one, each with its last tick.
    #[must_use]
    pub fn ended(&self) -> &[(u32, u64)] {
        &self.ended
    }

    /// Takes over what [`ended`](Self::ended) said.
    pub fn set_ended(&mut self, ended: Vec<(u32, u64)>) {
        self.ended = ended;
    }

    /// What changed after `clock`.
    #[must_use]
    pub fn since(&self, clock: Clock) -> Since {
        let tick = match self.tick_of(clock) {
            Ok(tick) => tick,
            Err(fresh) => return Since::Fresh(fresh),
        };
        let first = self.events.partition_point(|(at, _)| *at <= tick);
        let mut netting = Netting::default();
        for (_, event) in self.events.range(first..) {
            netting.add(event);
        }
        let gaps = self.gaps.iter().filter(|(at, _)| *at > tick).map(|(_, gap)| gap.clone());
        Since::Net { changes: netting.finish(), gaps: gaps.collect() }
    }

    /// The tick that a clock means here.
    fn tick_of(&self, clock: Clock) -> Result<u64, Fresh> {
        if clock.root != self.clock.root {
            return Err(Fresh::OtherRoot);
        }
        let tick = if clock.incarnation == self.clock.incarnation {
            if clock.tick > self.clock.tick {
                return Err(Fresh::Unknown);
            }
            clock.tick
        } else {
            let ended =
                self.ended.iter().find(|(incarnation, _)| *incarnation == clock.incarnation);
            // What happened after its end as we know it is lost: something may have come then that
            // has gone since, and no change here would say so.
            match ended {
                Some((_, last)) if clock.tick <= *last => clock.tick,
                _ => return Err(Fresh::Unknown),
            }
        };
        if tick < self.floor { Err(Fresh::TooOld) } else { Ok(tick) }
    }

    /// Drops whole ticks from the beginning until the rest is small enough.
    fn forget(&mut self) {
        while self.bytes > self.bytes_max
            && let Some((tick, event)) = self.events.pop_front()
        {
            self.bytes -= event.bytes();
            self.floor = tick;
            while let Some((_, event)) = self.events.pop_front_if(|(at, _)| *at == tick) {
                self.bytes -= event.bytes();
            }
        }
        let floor = self.floor;
        while self.gaps.pop_front_if(|(at, _)| *at <= floor).is_some() {}
    }
}

impl Event {
    fn bytes(&self) -> usize {
        EVENT_BYTES + self.path.len() + self.from.as_ref().map_or(0, |from| from.len())
    }
}

/// Joins the changes of each path. Paths are those of now: a directory that is renamed takes what
/// is known of the paths below with it.
#[derive(Default)]
struct Netting {
    /// Renames, and the new directories that they lead into.
    steps: Vec<Net>,
    paths: BTreeMap<Box<[u8]>, State>,
}

#[derive(Clone, Copy)]
struct State {
    /// Whether something was there at the clock.
    was: Option<Class>,
    is: Option<Class>,
    quiet: bool,
    /// What was there at the clock was replaced, and may have been of another class.
    replaced: bool,
}

impl Netting {
    fn add(&mut self, event: &Event) {
        match event.kind {
            EventKind::Create => self.set(&event.path, None, Some(event.class), event.quiet),
            EventKind::Modify => {
                self.set(&event.path, Some(event.class), Some(event.class), event.quiet);
            }
            EventKind::Delete => self.set(&event.path, Some(event.class), None, false),
            EventKind::Rename => self.rename(event),
        }
    }

    /// Joins what a path becomes with what is known of it; `was` counts if nothing is.
    fn set(&mut self, path: &[u8], was: Option<Class>, is: Option<Class>, quiet: bool) {
        match self.paths.get_mut(path) {
            Some(state) => (state.is, state.quiet) = (is, state.quiet && quiet),
            None => {
                let replaced = false;
                self.paths.insert(path.into(), State { was, is, quiet, replaced });
            }
        }
    }

    fn rename(&mut self, event: &Event) {
        let Some(from) = &event.from else { return };
        let to = &event.path;
        let moved = self.paths.remove(from);
        let below = self.take_below(from);
        let was = match moved {
            // It was not there at the clock: whoever asks sees it appear.
            Some(State { was: None, .. }) => {
                self.drop_between(to, from);
                let replaced = event.replaced.then_some(event.class);
                self.set(to, replaced, Some(event.class), false);
                if let Some(state) = self.paths.get_mut(to) {
                    state.replaced |= event.replaced;
                }
                None
            }
            moved => {
                self.announce_above(to);
                self.clear(to, from);
                self.steps.push(Net {
                    kind: EventKind::Rename,
                    class: event.class,
                    path: to.clone(),
                    from: Some(from.clone()),
                    quiet: false,
                });
                if let Some(state) = moved {
                    self.paths.insert(to.clone(), State { was: Some(event.class), ..state });
                }
                Some(())
            }
        };
        for (rest, state) in below {
            let path = joined(to, &rest);
            match was {
                Some(()) => _ = self.paths.insert(path, state),
                None => self.set(&path, None, state.is, state.quiet),
            }
        }
    }

    /// Reports what the asker knows at a path and below as gone, before something is renamed to it:
    /// what stands there itself may be replaced, and what leads to `from` goes with it.
    fn clear(&mut self, path: &[u8], from: &[u8]) {
        let below = self.take_below(path).into_iter().rev();
        let below = below.map(|(rest, state)| (joined(path, &rest), state));
        let below: Vec<(Box<[u8]>, State)> =
            below.filter(|(gone, _)| !is_below(from, gone)).collect();
        let own = self.paths.remove(path).filter(|state| state.is.is_none());
        for (path, state) in below.into_iter().chain(own.map(|state| (path.into(), state))) {
            if let Some(class) = state.was {
                let (kind, from) = (EventKind::Delete, None);
                self.steps.push(Net { kind, class, path, from, quiet: false });
            }
        }
    }

    /// Of a directory that was replaced by what was below it, those in between are gone too.
    fn drop_between(&mut self, top: &[u8], below: &[u8]) {
        let Some(rest) = below.strip_prefix(top).filter(|rest| rest.starts_with(b"/")) else {
            return;
        };
        let slashes = (1..rest.len()).filter(|at| rest[*at] == b'/');
        for between in slashes.map(|at| &below[..top.len() + at]) {
            self.set(between, Some(Class::Directory), None, false);
        }
    }

    /// Reports the new directories above a path, which a rename is about to lead into.
    fn announce_above(&mut self, path: &[u8]) {
        let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
        for above in slashes.map(|at| &path[..at]) {
            if let Some(state) = self.paths.get_mut(above)
                && let State { was, is: Some(class), .. } = *state
                && (was != Some(class) || state.replaced)
            {
                state.was = Some(class);
                (state.quiet, state.replaced) = (true, false);
                self.steps.push(Net {
                    kind: EventKind::Create,
                    class,
                    path: above.into(),
                    from: None,
                    quiet: false,
                });
            }
        }
    }

    /// Takes out what is known of the paths below a directory, each without the directory's.
    fn take_below(&mut self, dir: &[u8]) -> Vec<(Box<[u8]>, State)> {
        let start: Box<[u8]> = joined(dir, b"");
        let keys: Vec<Box<[u8]>> = self
            .paths
            .range(start.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&start))
            .cloned()
            .collect();
        let take = |path: Box<[u8]>| {
            let state = self.paths.remove(&path)?;
            Some((path[start.len()..].into(), state))
        };
        keys.into_iter().filter_map(take).collect()
    }

    /// What is gone with something that was in it.
    fn emptied(&self) -> BTreeSet<Box<[u8]>> {
        let is_gone = |state: &State| state.was.is_some() && state.is.is_none();
        let gone = self.paths.iter().filter(|(_, state)| is_gone(state)).map(|(path, _)| path);
        gone.filter(|path| self.holds_something(path)).cloned().collect()
    }

    /// Whether anything is known of what is below a path.
    fn holds_something(&self, path: &[u8]) -> bool {
        let start: Box<[u8]> = joined(path, b"");
        let next = self.paths.range(start.clone()..).next();
        next.is_some_and(|(next, _)| next.starts_with(&start))
    }

    fn finish(self) -> Vec<Net> {
        let emptied = self.emptied();
        let mut changes = self.steps;
        // What goes once all that was in it has gone.
        let mut last: Vec<Net> = Vec::new();
        for (path, State { was, is, quiet, .. }) in self.paths {
            while let Some(dir) = last.pop_if(|dir| is_past(&path, &dir.path)) {
                changes.push(dir);
            }
            let (kind, class) = match (was, is) {
                (None, None) => continue,
                (None, Some(class)) => (EventKind::Create, class),
                (Some(_), Some(class)) => (EventKind::Modify, class),
                (Some(class), None) => (EventKind::Delete, class),
            };
            let quiet = quiet && kind == EventKind::Modify;
            let is_emptied = emptied.contains(&path);
            let net = Net { kind, class, path, from: None, quiet };
            match is_emptied {
                true => last.push(net),
                false => changes.push(net),
            }
        }
        changes.extend(last.into_iter().rev());
        changes
    }
}

/// Whether a path comes after everything in a directory that comes before it.
fn is_past(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_none_or(|rest| rest.first().is_some_and(|byte| *byte > b'/'))
}

/// Whether a path is in a directory or anywhere below.
fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"))
}

fn joined(dir: &[u8], rest: &[u8]) -> Box<[u8]> {
    [dir, b"/", rest].concat().into()
}
