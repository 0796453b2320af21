//! One question, while it is answered.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;
use std::sync::Arc;

use memchr::memmem;
use treenail_os::{Kind, Stat};
use treenail_pattern::glob::{DirShape, State};

use super::answer::{Query, Top};
use super::index::{Index, Numbered};
use super::names::{DirNo, EntryNo, HIDDEN_PATH, ROOT, kind_of};
use super::plan::{Lookup, Source};
use super::postings::extension;
use super::signature;
use super::verdicts::{Asked, Column};
use crate::error::Error;
use crate::find::look::is_executable;

/// Among so many entries a text is looked for in all names at once: what chance lets pass by their
/// signatures lies so far apart that each name looked at costs a cache miss.
const LARGE: usize = if cfg!(test) { 300 } else { 1 << 17 };

/// So many bits are what few names have by chance: they lead to a text faster than looking for it
/// in all names.
const SELECTIVE: u32 = if cfg!(test) { 64 } else { 5 };

/// Entries that are looked at together.
#[derive(Default)]
struct Together {
    entries: [EntryNo; 32],
    len: usize,
}

impl Together {
    fn push(&mut self, entry: EntryNo) {
        self.entries[self.len] = entry;
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        self.len == self.entries.len()
    }

    /// All of them; there are none afterwards.
    fn take(&mut self) -> &[EntryNo] {
        let len = std::mem::take(&mut self.len);
        &self.entries[..len]
    }
}

/// What a directory hands to those below it.
struct DirState {
    excludes: Option<State>,
    /// Of its entries.
    depth: usize,
}

/// One question below one root.
pub(super) struct Asking<'a> {
    index: &'a Index,
    view: Numbered<'a>,
    query: &'a Query,
    top: DirNo,
    states: HashMap<DirNo, Option<Rc<DirState>>, ByNumber>,
    /// Whether anything hangs on where an entry is, patterns aside.
    asks_state: bool,
    column: Option<Arc<Column>>,
    /// Whether the columns say what is hidden below the root.
    flags_hold: bool,
    has_changed: bool,
    /// Which flags an entry may have, where nothing else says whether it is shown.
    flags: [bool; 32],
    /// Whether flags decide all that is asked besides patterns.
    flags_decide: bool,
    /// The path of a directory, with what stands before it.
    path: Vec<u8>,
    path_of: DirNo,
    absolute_len: usize,
    /// Where the last look at attributes left off, if all of them are asked for.
    stats: Option<Stats<'a>>,
    /// How many are wanted, if they may end anywhere.
    pub(super) left: usize,
    numbers: Vec<usize>,
    pub(super) found: Vec<EntryNo>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        index: &'a Index,
        query: &'a Query,
        top: &Top,
        dir: DirNo,
        errors: &mut Vec<Error>,
    ) -> Self {
        let (find, view) = (query.find(), index.view());
        let excludes = query.plan.excludes.as_ref().map(|excludes| excludes.start());
        let start = DirState { excludes, depth: 1 };
        let asked = Asked { ignores: find.ignores.clone(), hidden: find.hidden, top: dir };
        let column = index.verdicts(&asked, errors);
        let flags_hold = view
            .entry_of(dir)
            .is_none_or(|entry| view.is_settled(dir) && view.flags(entry) & HIDDEN_PATH == 0);
        let mut asking = Self {
            index,
            view,
            query,
            top: dir,
            states: HashMap::default(),
            asks_state: find.depth_min > 1
                || find.depth_max != usize::MAX
                || query.plan.excludes.is_some()
                || !find.skip_holding.is_empty()
                || find.prune
                || find.one_file_system,
            column,
            flags_hold,
            has_changed: !view.overlay.is_empty(),
            flags: [false; 32],
            flags_decide: false,
            path: top.absolute.clone(),
            path_of: dir,
            absolute_len: top.absolute.len(),
            stats: None,
            left: usize::MAX,
            numbers: Vec::new(),
            found: Vec::new(),
        };
        for (flags, allowed) in (0..).zip(&mut asking.flags) {
            let is_shown = find.hidden || flags & HIDDEN_PATH == 0;
            *allowed = is_shown && find.filter.types.contains(kind_of(flags));
        }
        let filter = &find.filter;
        asking.flags_decide = asking.column.is_none()
            && (asking.flags_hold || find.hidden)
            && !asking.has_changed
            && !asking.asks_state
            && filter.extensions.is_empty()
            && !(filter.needs_stat() || filter.executable || filter.empty);
        if !find.sort {
            asking.left = usize::try_from(find.results_max).unwrap_or(usize::MAX);
        }
        let start = (!asking.is_skipped(dir)).then(|| Rc::new(start));
        asking.states.insert(dir, start);
        asking
    }

    /// Finds what is in one place.
    pub(super) fn look(&mut self, lookup: &Lookup) {
        let view = self.view;
        match &lookup.dir {
            DirShape::In(path) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                if (dir as usize) < view.names.dirs() {
                    self.look_through(view.names.entries(dir), lookup, |_, _| true);
                }
                for entry in view.overlay.entries(dir) {
                    if self.has_source(entry, lookup) {
                        self.consider(entry, lookup);
                    }
                }
            }
            DirShape::Below(path) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                self.look_below(dir, lookup);
            }
        }
    }

    fn look_below(&mut self, dir: DirNo, lookup: &Lookup) {
        let view = self.view;
        if view.is_settled(dir) {
            let is_there = |view: Numbered<'_>, entry: EntryNo| {
                !view.overlay.is_relocated(view.names.dir[entry as usize])
            };
            self.look_through(view.names.entries_below(dir), lookup, is_there);
        }
        if !self.has_changed {
            return;
        }
        // What moved or came may be anywhere.
        let mut below = Below { top: dir, known: HashMap::default() };
        for island in &view.overlay.islands {
            for dir in island.clone() {
                if below.contains(view, dir) {
                    self.look_through(view.names.entries(dir), lookup, |_, _| true);
                }
            }
        }
        let wanted = match &lookup.source {
            Source::Bits(bits) | Source::Extension(_, bits) => *bits,
            Source::Named(name) => signature::of_part(name),
            Source::Text(text) => signature::of_part(text),
            Source::All => 0,
        };
        let first = view.names.len() as u32;
        for (entry, added) in (first..).zip(&view.overlay.added) {
            if wanted & !added.signature == 0
                && added.is_live
                && below.contains(view, added.dir)
                && self.has_source(entry, lookup)
            {
                self.consider(entry, lookup);
            }
        }
    }

    /// Whether the name of an entry that was not looked up is what is looked for.
    fn has_source(&self, entry: EntryNo, lookup: &Lookup) -> bool {
        let name = self.view.name(entry);
        match &lookup.source {
            Source::Named(wanted) if self.query.fold => name.eq_ignore_ascii_case(wanted),
            Source::Named(wanted) => name == &**wanted,
            Source::Extension(wanted, _) => {
                let found = extension(name);
                found.is_some_and(|found| match self.query.fold || self.extension_folds(lookup) {
                    true => found.eq_ignore_ascii_case(wanted),
                    false => found == &**wanted,
                })
            }
            Source::Text(text) => memmem::find(name, text).is_some(),
            Source::Bits(_) | Source::All => true,
        }
    }

    /// Finds what is in a range of the columns.
    fn look_through(
        &mut self,
        range: Range<EntryNo>,
        lookup: &Lookup,
        is_there: impl Fn(Numbered<'_>, EntryNo) -> bool,
    ) {
        let view = self.view;
        let has_changed = self.has_changed;
        let alive = |entry: EntryNo| {
            !has_changed || (!view.overlay.is_dead(entry) && is_there(view, entry))
        };
        let (names, postings) = (view.names, &view.names.postings);
        let scan = |this: &mut Self, bits: u64| {
            let part = range.start as usize..range.end as usize;
            let mut some = Together::default();
            let all = signature::scan(&postings.signatures[part], bits, |at| {
                some.push(range.start + at as u32);
                match some.is_full() {
                    true => this.consider_some(some.take(), lookup, &alive),
                    false => ControlFlow::Continue(()),
                }
            });
            if all.is_continue() {
                _ = this.consider_some(some.take(), lookup, &alive);
            }
        };
        let decides =
            self.flags_decide && lookup.is_whole && self.query.alone && lookup.name.is_none();
        match &lookup.source {
            Source::All if decides => self.take_all(range),
            Source::All => {
                self.begin_stats();
                for entry in range.filter(|entry| alive(*entry)) {
                    if self.is_enough() {
                        break;
                    }
                    self.consider(entry, lookup);
                }
                self.stats = None;
            }
            Source::Bits(bits) => match &lookup.text {
                Some(text) if range.len() >= LARGE && bits.count_ones() < SELECTIVE => {
                    self.look_for_text(range.clone(), text.needle(), lookup, alive);
                }
                _ => scan(self, *bits),
            },
            Source::Named(name) => {
                let named = postings.named(names, name, self.query.fold, range);
                if decides {
                    return self.take_all(named);
                }
                self.consider_all(named, lookup, &alive);
            }
            Source::Extension(text, bits) => {
                let fold = self.query.fold || self.extension_folds(lookup);
                let runs = || postings.with_extension(names, text, fold, &range);
                // Looking names up costs more each than looking their signatures through.
                let count: usize = runs().map(<[_]>::len).sum();
                if lookup.name.is_some() && count * 8 > range.len() {
                    return scan(self, *bits);
                }
                if decides {
                    return runs().for_each(|run| self.take_all(run.iter().copied()));
                }
                self.consider_all(runs().flatten().copied(), lookup, &alive);
            }
            Source::Text(text) => self.look_for_text(range.clone(), text, lookup, alive),
        }
    }

    /// Takes all entries whose flags are as they are to be.
    fn take_all(&mut self, entries: impl Iterator<Item = EntryNo>) {
        let (names, flags) = (self.view.names, self.flags);
        let left = self.left.saturating_sub(self.found.len());
        let has_flags = |entry: &EntryNo| flags[usize::from(names.flags[*entry as usize] & 31)];
        self.found.extend(entries.filter(has_flags).take(left));
    }

    /// Whether a lookup is for an extension that was asked for as such, in any case.
    fn extension_folds(&self, lookup: &Lookup) -> bool {
        !lookup.is_whole && lookup.name.is_none() && !self.query.find().filter.extensions.is_empty()
    }

    /// Finds the names of a range that a text stands in, all at once.
    fn look_for_text(
        &mut self,
        range: Range<EntryNo>,
        text: &[u8],
        lookup: &Lookup,
        alive: impl Fn(EntryNo) -> bool,
    ) {
        let names = self.view.names;
        let start = |entry: EntryNo| match entry {
            0 => 0,
            entry => names.name_end[entry as usize - 1] as usize,
        };
        let mut at = start(range.start);
        let end = start(range.end);
        let finder = memmem::Finder::new(text);
        let mut first = range.start;
        while let Some(found) = finder.find(&names.names[at..end]) {
            let found = at + found;
            let rest = &names.name_end[first as usize..range.end as usize];
            let entry = first + rest.partition_point(|end| (*end as usize) <= found) as u32;
            let name_end = names.name_end[entry as usize] as usize;
            if found + text.len() > name_end {
                // It lies over the end of a name.
                at = found + 1;
                first = entry;
                continue;
            }
            if self.is_enough() {
                return;
            }
            if alive(entry) {
                self.consider(entry, lookup);
            }
            (at, first) = (name_end, entry + 1);
        }
    }

    /// Looks at entries of the columns that have the source of the lookup.
    fn consider_all(
        &mut self,
        entries: impl Iterator<Item = EntryNo>,
        lookup: &Lookup,
        alive: &impl Fn(EntryNo) -> bool,
    ) {
        let mut some = Together::default();
        for entry in entries {
            some.push(entry);
            if some.is_full() && self.consider_some(some.take(), lookup, alive).is_break() {
                return;
            }
        }
        _ = self.consider_some(some.take(), lookup, alive);
    }

    /// Looks at some entries of the columns. What each look needs is fetched for all of them
    /// first, so that they wait for memory together and not one after another.
    fn consider_some(
        &mut self,
        entries: &[EntryNo],
        lookup: &Lookup,
        alive: &impl Fn(EntryNo) -> bool,
    ) -> ControlFlow<()> {
        let names = self.view.names;
        let mut fetched = 0;
        for &entry in entries {
            let start = (entry as usize).checked_sub(1).map_or(0, |at| names.name_end[at]);
            let byte = names.names.get(start as usize).copied().unwrap_or_default();
            fetched |= byte ^ names.flags[entry as usize];
        }
        std::hint::black_box(fetched);
        for &entry in entries {
            if self.is_enough() {
                return ControlFlow::Break(());
            }
            if alive(entry) && self.has_source(entry, lookup) {
                self.consider(entry, lookup);
            }
        }
        ControlFlow::Continue(())
    }

    fn consider(&mut self, entry: EntryNo, lookup: &Lookup) {
        if (lookup.name.is_none() || lookup.accepts(self.view.name(entry), self.query.fold))
            && self.accepts(entry, lookup.is_whole && self.query.alone)
        {
            self.found.push(entry);
        }
    }

    /// Whether as many were found as are wanted, each perhaps in several places.
    fn is_enough(&self) -> bool {
        self.found.len() >= self.left
    }

    /// Whether an entry is what is looked for; with `is_decided` its path is.
    fn accepts(&mut self, entry: EntryNo, is_decided: bool) -> bool {
        let (find, view) = (self.query.find(), self.view);
        let flags = view.flags(entry);
        let kind = kind_of(flags);
        if !find.filter.types.contains(kind) || !self.is_shown(entry, flags) {
            return false;
        }
        let name = view.name(entry);
        if !find.filter.extensions.is_empty() && !find.filter.accepts_name(name, kind) {
            return false;
        }
        (is_decided && !self.asks_state || self.accepts_place(entry, name, kind, is_decided))
            && self.accepts_stat(entry, name, kind)
    }

    /// Whether dots and rules leave it.
    fn is_shown(&self, entry: EntryNo, flags: u8) -> bool {
        if let Some(column) = &self.column {
            return column.shows(entry);
        }
        if self.query.find().hidden {
            return true;
        }
        if self.flags_hold && !self.has_changed {
            return flags & HIDDEN_PATH == 0;
        }
        !self.view.is_hidden(entry, self.top)
    }

    fn accepts_place(&mut self, entry: EntryNo, name: &[u8], kind: Kind, is_decided: bool) -> bool {
        let (query, view) = (self.query, self.view);
        let find = query.find();
        let dir = view.dir(entry);
        if !self.asks_state {
            return is_decided || self.accepts_path(dir, name);
        }
        let Some(state) = self.state(dir) else { return false };
        if state.depth < find.depth_min || state.depth > find.depth_max {
            return false;
        }
        if let (Some(excludes), Some(at)) = (&query.plan.excludes, &state.excludes)
            && excludes.match_entry(at, name, kind == Kind::Directory, &mut self.numbers)
        {
            return false;
        }
        if kind == Kind::Directory && self.view.child(entry).is_some_and(|dir| self.is_skipped(dir))
        {
            return false;
        }
        is_decided || self.accepts_path(dir, name)
    }

    /// Whether the patterns match a name in a directory.
    fn accepts_path(&mut self, dir: DirNo, name: &[u8]) -> bool {
        let patterns = &self.query.plan.patterns;
        if !self.query.places {
            return patterns.match_path(name, 0);
        }
        // Entries that are asked for one after another are often in one directory.
        if dir != self.path_of {
            self.path.truncate(self.absolute_len);
            self.view.dir_path_into(dir, self.top, &mut self.path);
            self.path_of = dir;
        }
        let before = self.path.len();
        self.path.extend_from_slice(name);
        let matches = patterns.match_path(&self.path, before);
        self.path.truncate(before);
        matches
    }

    fn accepts_stat(&mut self, entry: EntryNo, name: &[u8], kind: Kind) -> bool {
        let filter = &self.query.find().filter;
        if filter.needs_stat() || filter.executable || filter.empty {
            let stat = match &mut self.stats {
                Some(stats) => stats.get(self.index, entry),
                None => self.index.stat(entry),
            };
            let Some(stat) = stat else { return false };
            if !filter.accepts_stat(&stat) || filter.executable && !is_executable(name, &stat) {
                return false;
            }
            if filter.empty {
                let child = self.view.child(entry);
                return match kind {
                    Kind::File => stat.size_bytes == 0,
                    Kind::Directory => child.is_some_and(|dir| self.index.is_empty_dir(dir)),
                    _ => false,
                };
            }
        }
        true
    }

    /// Prepares for attributes that are asked for entry by entry.
    fn begin_stats(&mut self) {
        let filter = &self.query.find().filter;
        if filter.needs_stat() || filter.executable || filter.empty {
            self.stats = Some(Stats { dir: u32::MAX, rows: Box::new(std::iter::empty()) });
        }
    }

    /// What a directory's entries are asked by; nothing if a walk does not come there.
    fn state(&mut self, dir: DirNo) -> Option<Rc<DirState>> {
        let (mut way, mut at) = (Vec::new(), dir);
        let mut state = loop {
            if let Some(known) = self.states.get(&at) {
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
            self.states.insert(dir, state.clone());
        }
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
                if excludes.match_entry(at, name, true, &mut self.numbers) {
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

    fn is_skipped(&self, dir: DirNo) -> bool {
        let names = &self.query.find().skip_holding;
        names.iter().any(|name| self.view.find(dir, name).is_some())
    }
}

/// Which directories are below one.
struct Below {
    top: DirNo,
    known: HashMap<DirNo, bool, ByNumber>,
}

impl Below {
    fn contains(&mut self, view: Numbered<'_>, dir: DirNo) -> bool {
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

/// Attributes of entries in the order of their numbers, without looking each one up.
struct Stats<'a> {
    dir: DirNo,
    rows: Box<dyn Iterator<Item = (&'a [u8], Stat)> + 'a>,
}

impl<'a> Stats<'a> {
    fn get(&mut self, index: &'a Index, entry: EntryNo) -> Option<Stat> {
        let view = index.view();
        let (dir, name) = (view.dir(entry), view.name(entry));
        if dir != self.dir {
            (self.dir, self.rows) = (dir, index.stats_in(dir));
        }
        let found = self.rows.find(|(found, _)| *found >= name);
        found.filter(|(found, _)| *found == name).map(|(_, stat)| stat).or_else(|| {
            // Whoever jumps to and fro has it looked up.
            self.dir = u32::MAX;
            index.stat(entry)
        })
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
