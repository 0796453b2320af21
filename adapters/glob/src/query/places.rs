//! What hangs on the directory that an entry is in: its depth, and what leaves it out.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use treenail_pattern::glob::State;

use super::answer::Query;
use super::asking::Asking;
use super::index::Numbered;
use super::names::{DirNo, NONE, ROOT};

/// What a directory hands to those below it.
pub(super) struct DirState {
    pub(super) excludes: Option<State>,
    /// Of its entries.
    pub(super) depth: usize,
}

/// The directories that were asked for.
pub(super) struct Places {
    states: HashMap<DirNo, Option<Rc<DirState>>, ByNumber>,
    /// Entries that are asked for one after another are often in one directory.
    last: (DirNo, Option<Rc<DirState>>),
    start: Option<State>,
    pub(super) numbers: Vec<usize>,
}

impl Places {
    pub(super) fn new(query: &Query) -> Self {
        let start = query.plan.excludes.as_ref().map(|excludes| excludes.start());
        Self { states: HashMap::default(), last: (NONE, None), start, numbers: Vec::new() }
    }

    /// Whether more hangs on where an entry is than how deep that is.
    pub(super) fn ask_more_than_depth(query: &Query) -> bool {
        let find = query.find();
        query.plan.excludes.is_some()
            || !find.skip_holding.is_empty()
            || find.prune
            || find.one_file_system
    }
}

impl Asking<'_, '_> {
    /// Begins with the root, if a walk comes there.
    pub(super) fn begin_places(&mut self) {
        if self.asks_state {
            let start = DirState { excludes: self.places.start.take(), depth: 1 };
            let start = (!self.is_skipped(self.top)).then(|| Rc::new(start));
            self.places.states.insert(self.top, start);
        }
    }

    /// What a directory's entries are asked by; nothing if a walk does not come there.
    pub(super) fn state(&mut self, dir: DirNo) -> Option<Rc<DirState>> {
        if dir == self.places.last.0 {
            return self.places.last.1.clone();
        }
        let (mut way, mut at) = (Vec::new(), dir);
        let mut state = loop {
            if let Some(known) = self.places.states.get(&at) {
                break known.clone();
            }
            way.push(at);
            at = match self.view.above(at) {
                Some(above) => above,
                None => break None,
            };
        };
        while let Some(dir) = way.pop() {
            state = state.and_then(|above| self.descend(&above, dir)).map(Rc::new);
            self.places.states.insert(dir, state.clone());
        }
        self.places.last = (dir, state.clone());
        state
    }

    fn descend(&mut self, above: &DirState, dir: DirNo) -> Option<DirState> {
        let (query, view) = (self.query, self.view);
        let find = query.find();
        let entry = view.entry_of(dir)?;
        let name = view.name(entry);
        if above.depth >= find.depth_max || self.is_skipped(dir) {
            return None;
        }
        let excludes = match (&query.plan.excludes, &above.excludes) {
            (Some(excludes), Some(at)) => {
                if excludes.match_entry(at, name, true, &mut self.places.numbers) {
                    return None;
                }
                at.descend(name)
            }
            _ => None,
        };
        if find.prune && above.depth >= find.depth_min && self.accepts(entry, false) {
            return None;
        }
        if find.one_file_system {
            let device = self.index.stat(entry)?.device;
            let top = view.entry_of(self.top).and_then(|top| self.index.stat(top));
            let top = top.unwrap_or_else(|| self.index.tree().root_stat());
            if device != top.device {
                return None;
            }
        }
        Some(DirState { excludes, depth: above.depth + 1 })
    }

    pub(super) fn is_skipped(&self, dir: DirNo) -> bool {
        let names = &self.query.find().skip_holding;
        names.iter().any(|name| self.view.find(dir, name).is_some())
    }
}

/// Which directories are below one.
pub(super) struct Below {
    top: DirNo,
    known: HashMap<DirNo, bool, ByNumber>,
}

impl Below {
    pub(super) fn new(top: DirNo) -> Self {
        Self { top, known: HashMap::default() }
    }

    pub(super) fn contains(&mut self, view: Numbered<'_>, dir: DirNo) -> bool {
        if self.top == ROOT {
            return true;
        }
        let (mut way, mut at) = (Vec::new(), dir);
        let is_below = loop {
            if at == self.top {
                break true;
            }
            if let Some(known) = self.known.get(&at) {
                break *known;
            }
            way.push(at);
            match view.above(at) {
                Some(above) => at = above,
                None => break false,
            }
        };
        way.into_iter().for_each(|dir| _ = self.known.insert(dir, is_below));
        is_below
    }
}

type ByNumber = BuildHasherDefault<NumberHasher>;

/// Spreads numbers that nobody chose.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }
}
