//! One question, while it is answered: where it looks.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;
use treenail_pattern::glob::DirShape;

use super::answer::{Query, Top};
use super::found::Found;
use super::index::{Index, Numbered};
use super::names::{DirNo, EntryNo, HIDDEN_PATH, kind_of};
use super::places::{Below, Places};
use super::plan::{Lookup, Source};
use super::postings::extension;
use super::signature::Signature;
use super::stats::Stats;
use super::verdicts::{Asked, Column};
use super::way::Way;
use crate::error::Error;

/// One question below one root.
pub(super) struct Asking<'i, 'q> {
    pub(super) index: &'i Index,
    pub(super) view: Numbered<'i>,
    pub(super) query: &'q Query,
    pub(super) top: DirNo,
    pub(super) places: Places,
    /// Whether anything hangs on where an entry is, patterns aside.
    pub(super) asks_state: bool,
    pub(super) column: Option<Arc<Column>>,
    /// Whether the columns say what is hidden below the root.
    pub(super) flags_hold: bool,
    pub(super) has_changed: bool,
    /// Which flags an entry may have, where nothing else says whether it is shown.
    pub(super) flags: [bool; 32],
    /// Whether flags decide all that is asked besides patterns.
    pub(super) flags_decide: bool,
    /// The path of a directory, with what stands before it.
    pub(super) path: Vec<u8>,
    pub(super) path_of: DirNo,
    pub(super) absolute_len: usize,
    /// Where the last look at attributes left off, if all of them are asked for.
    pub(super) stats: Option<Stats<'i>>,
    /// How many are wanted, if they may end anywhere.
    pub(super) left: usize,
    pub(super) found: Found<'i>,
}

/// Entries of the columns that are looked at together.
pub(super) struct Part<'a> {
    /// In order, not overlapping.
    pub(super) ranges: &'a [Range<EntryNo>],
    /// Whether they stand where they stood, or all in directories that moved.
    pub(super) is_settled: bool,
    /// Whether all that the lookup finds there has the path that patterns ask for.
    pub(super) is_decided: bool,
}

impl<'i, 'q> Asking<'i, 'q> {
    pub(super) fn new(
        index: &'i Index,
        query: &'q Query,
        top: &Top,
        dir: DirNo,
        errors: &mut Vec<Error>,
    ) -> Self {
        let (find, view) = (query.find(), index.view());
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
            places: Places::new(query),
            asks_state: find.depth_min > 1
                || find.depth_max != usize::MAX
                || Places::ask_more_than_depth(query),
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
            found: Found::default(),
        };
        for (flags, allowed) in (0..).zip(&mut asking.flags) {
            let is_shown = find.hidden || flags & HIDDEN_PATH == 0;
            *allowed = is_shown && find.filter.types.contains(kind_of(flags));
        }
        asking.flags_decide = asking.do_flags_decide();
        if !find.sort {
            asking.left = usize::try_from(find.results_max).unwrap_or(usize::MAX);
        }
        asking.begin_places();
        asking
    }

    fn do_flags_decide(&self) -> bool {
        let find = self.query.find();
        self.column.is_none()
            && (self.flags_hold || find.hidden)
            && !self.asks_state
            && find.filter.extensions.is_empty()
            && !self.query.asks_stat()
    }

    /// The number of the verdicts that are obeyed, if any are.
    pub(super) fn rules(&self) -> Option<u64> {
        self.column.as_ref().map(|column| column.number())
    }

    /// Finds what is in one place.
    pub(super) fn look(&mut self, lookup: &Lookup) {
        let view = self.view;
        match (&lookup.way, &lookup.dir) {
            (Some(way), _) => self.look_along(way, lookup),
            (None, DirShape::In(path)) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                self.look_in(dir, lookup);
            }
            (None, DirShape::Below(path)) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                self.look_below(dir, lookup);
            }
        }
    }

    /// Finds what is in a directory itself.
    fn look_in(&mut self, dir: DirNo, lookup: &Lookup) {
        let asks_state = self.asks_state;
        if asks_state && !Places::ask_more_than_depth(self.query) {
            // All of its entries are equally deep.
            let find = self.query.find();
            let depths = find.depth_min..=find.depth_max;
            if !self.state(dir).is_some_and(|state| depths.contains(&state.depth)) {
                return;
            }
            self.asks_state = false;
            self.flags_decide = self.do_flags_decide();
        }
        let view = self.view;
        if (dir as usize) < view.names.dirs() {
            let (ranges, is_settled) = (&[view.names.entries(dir)], view.is_settled(dir));
            let is_decided = self.is_decided(lookup);
            self.look_through(&Part { ranges, is_settled, is_decided }, lookup);
        }
        for entry in view.overlay.entries(dir) {
            if self.has_source(entry, lookup) {
                self.consider(entry, lookup);
            }
        }
        self.asks_state = asks_state;
        self.flags_decide = self.do_flags_decide();
    }

    fn look_below(&mut self, dir: DirNo, lookup: &Lookup) {
        let view = self.view;
        let is_decided = self.is_decided(lookup);
        if view.is_settled(dir) {
            let ranges = &[view.names.entries_below(dir)];
            self.look_through(&Part { ranges, is_settled: true, is_decided }, lookup);
        }
        self.look_at_changes(dir, lookup, is_decided);
    }

    fn look_along(&mut self, way: &Way, lookup: &Lookup) {
        let (ranges, is_decided) = (way.entries(self.view, self.top), self.is_decided(lookup));
        if !ranges.is_empty() {
            let part = Part { ranges: &ranges, is_settled: true, is_decided };
            self.look_through(&part, lookup);
        }
        self.look_at_changes(self.top, lookup, false);
    }

    /// Finds what moved or came; that may be anywhere.
    fn look_at_changes(&mut self, dir: DirNo, lookup: &Lookup, is_decided: bool) {
        let view = self.view;
        if !self.has_changed {
            return;
        }
        let mut below = Below::new(dir);
        for island in &view.overlay.islands {
            for dir in island.clone() {
                if below.contains(view, dir) {
                    let ranges = &[view.names.entries(dir)];
                    self.look_through(&Part { ranges, is_settled: false, is_decided }, lookup);
                }
            }
        }
        let wanted = match &lookup.source {
            Source::Bits(bits) | Source::Extension(_, bits) => *bits,
            Source::Named(name) => Signature::of_part(name),
            Source::Text(text) => Signature::of_part(text),
            Source::All => Signature::default(),
        };
        let first = view.names.len() as u32;
        for (entry, added) in (first..).zip(&view.overlay.added) {
            if added.signature.has(wanted)
                && added.is_live
                && below.contains(view, added.dir)
                && self.has_source(entry, lookup)
                && lookup.accepts(view.name(entry), self.query.fold)
                && self.accepts(entry, is_decided)
            {
                self.found.push(entry);
            }
        }
    }

    /// Whether nothing more is asked of names and paths than a lookup says.
    pub(super) fn is_decided(&self, lookup: &Lookup) -> bool {
        lookup.is_whole && self.query.alone
    }

    /// Whether the name of an entry that was not looked up is what is looked for.
    pub(super) fn has_source(&self, entry: EntryNo, lookup: &Lookup) -> bool {
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

    /// Whether a lookup is for an extension that was asked for as such, in any case.
    pub(super) fn extension_folds(&self, lookup: &Lookup) -> bool {
        !lookup.is_whole && lookup.name.is_none() && !self.query.find().filter.extensions.is_empty()
    }

    /// Whether as many were found as are wanted, each perhaps in several places.
    pub(super) fn is_enough(&self) -> bool {
        self.found.len() >= self.left
    }
}
