//! What a lookup finds among the entries of the columns.

use std::ops::{ControlFlow, Range};

use super::asking::{Asking, Part};
use super::basenames::NameNo;
use super::found::Found;
use super::names::EntryNo;
use super::plan::{Lookup, Source};
use super::postings::within;

/// Names that are looked at together.
#[derive(Default)]
struct Together {
    names: [NameNo; 32],
    len: usize,
}

impl Together {
    fn push(&mut self, name: NameNo) {
        self.names[self.len] = name;
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        self.len == self.names.len()
    }

    /// All of them; there are none afterwards.
    fn take(&mut self) -> &[NameNo] {
        let len = std::mem::take(&mut self.len);
        &self.names[..len]
    }
}

impl<'i> Asking<'i, '_> {
    /// Finds what is in a part of the columns.
    pub(super) fn look_through(&mut self, part: &Part<'_>, lookup: &Lookup) {
        let view = self.view;
        let (names, postings) = (view.names, &view.names.postings);
        let count: usize = part.ranges.iter().map(Range::len).sum();
        // Less than what it costs to look through the signatures.
        let is_small = count <= 16 || count < names.base.len() / 256;
        match &lookup.source {
            Source::Named(name) if self.query.fold => {
                let mut all: Vec<NameNo> = names.base.find_folded(name).collect();
                all.sort_unstable();
                all.into_iter().for_each(|name| self.take_named(name, part, part.is_decided));
            }
            Source::Named(name) => {
                let name = names.base.find(name);
                name.into_iter().for_each(|name| self.take_named(name, part, part.is_decided));
            }
            _ if is_small => self.look_at_each(part, lookup),
            Source::All if lookup.accepts_all() && (part.is_decided || self.query.places) => {
                self.look_at_each(part, lookup);
            }
            Source::All => {
                if count < names.base.len() / 2 || self.query.asks_stat() {
                    return self.look_at_each(part, lookup);
                }
                names.base.with_len(&lookup.lens, |name| self.look_at_name(name, lookup, part));
            }
            Source::Extension(text, _) if lookup.name.is_none() => {
                let fold = self.query.fold || self.extension_folds(lookup);
                for run in postings.with_extension(names, text, fold) {
                    self.take(run, part, part.is_decided);
                }
            }
            Source::Extension(_, bits) | Source::Bits(bits) => {
                let mut some = Together::default();
                let all = postings.signatures.scan(*bits, |name| {
                    some.push(name);
                    match some.is_full() {
                        true => self.look_at_names(some.take(), lookup, part),
                        false => ControlFlow::Continue(()),
                    }
                });
                if all.is_continue() {
                    _ = self.look_at_names(some.take(), lookup, part);
                }
            }
            Source::Text(text) => {
                names.base.containing(text, |name| self.look_at_name(name, lookup, part));
            }
        }
    }

    /// Looks at entries one by one.
    fn look_at_each(&mut self, part: &Part<'_>, lookup: &Lookup) {
        let decides = part.is_decided && lookup.source == Source::All && lookup.accepts_all();
        if decides && part.is_settled && self.flags_decide {
            return part.ranges.iter().for_each(|range| self.take_range(range.clone()));
        }
        self.begin_stats();
        for entry in part.ranges.iter().cloned().flatten() {
            if self.is_enough() {
                break;
            }
            if self.is_there(entry, part)
                && self.has_source(entry, lookup)
                && lookup.accepts(self.view.name(entry), self.query.fold)
                && self.accepts(entry, part.is_decided)
            {
                self.found.push(entry);
            }
        }
        self.stats = None;
    }

    /// Looks at some names. What each look needs is fetched for all of them first, so that they
    /// wait for memory together and not one after another.
    fn look_at_names(
        &mut self,
        some: &[NameNo],
        lookup: &Lookup,
        part: &Part<'_>,
    ) -> ControlFlow<()> {
        let names = self.view.names;
        let fetch = |name: NameNo| {
            let byte = names.base.get(name).first().copied().unwrap_or_default();
            let entry = names.postings.named(name).first().copied().unwrap_or_default();
            entry ^ u32::from(byte)
        };
        std::hint::black_box(some.iter().fold(0, |all, name| all ^ fetch(*name)));
        some.iter().try_for_each(|name| self.look_at_name(*name, lookup, part))
    }

    fn look_at_name(
        &mut self,
        number: NameNo,
        lookup: &Lookup,
        part: &Part<'_>,
    ) -> ControlFlow<()> {
        let name = self.view.names.base.get(number);
        if !lookup.accepts(name, self.query.fold) {
            return ControlFlow::Continue(());
        }
        let mut is_decided = part.is_decided;
        if !is_decided && !self.query.places {
            // One look at the name is enough for all that have it.
            if !self.query.plan.patterns.match_path(name, 0) {
                return ControlFlow::Continue(());
            }
            is_decided = true;
        }
        self.take_named(number, part, is_decided);
        if self.is_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn take_named(&mut self, name: NameNo, part: &Part<'_>, is_decided: bool) {
        self.take(self.view.names.postings.named(name), part, is_decided);
    }

    /// Takes those entries of a list in the index that lie in the part and are accepted.
    fn take(&mut self, run: &'i [EntryNo], part: &Part<'_>, is_decided: bool) {
        let is_in = |entry: &EntryNo| {
            let at = part.ranges.partition_point(|range| range.end <= *entry);
            part.ranges.get(at).is_some_and(|range| range.start <= *entry)
        };
        match part.ranges {
            [range] => self.take_run(within(run, range), part, is_decided),
            ranges if run.len() / 4 < ranges.len() => {
                let mut inside = run.iter().filter(|entry| is_in(entry));
                _ = inside.try_for_each(|entry| self.take_one(*entry, part, is_decided));
            }
            ranges => {
                ranges.iter().for_each(|range| {
                    self.take_run(within(run, range), part, is_decided);
                });
            }
        }
    }

    fn take_run(&mut self, run: &'i [EntryNo], part: &Part<'_>, is_decided: bool) {
        if is_decided && part.is_settled && self.takes_all() {
            let left = self.left.saturating_sub(self.found.len());
            return self.found.append(Found::Listed(&run[..run.len().min(left)]));
        }
        _ = run.iter().try_for_each(|entry| self.take_one(*entry, part, is_decided));
    }

    /// Takes all entries of a range whose flags are as they are to be.
    fn take_range(&mut self, range: Range<EntryNo>) {
        let (names, flags) = (self.view.names, self.flags);
        let left = self.left.saturating_sub(self.found.len());
        if self.takes_all() {
            let mut all = Found::Range(range);
            all.truncate(left);
            return self.found.append(all);
        }
        let (view, has_changed) = (self.view, self.has_changed);
        let is_there = |entry: EntryNo| {
            !view.overlay.is_dead(entry) && !view.overlay.is_relocated(names.dir[entry as usize])
        };
        let list = self.found.list();
        let (mut next, end) = (range.start, list.len().saturating_add(left));
        while next < range.end && list.len() < end {
            // Written whether wanted or not: nobody can guess which.
            let some = next..range.end.min(next + 256);
            let mut wanted = [0; 256];
            let mut count = 0;
            for entry in some.clone() {
                wanted[count] = entry;
                let is_wanted = flags[usize::from(names.flags[entry as usize] & 31)]
                    && (!has_changed || is_there(entry));
                count += usize::from(is_wanted);
            }
            list.extend_from_slice(&wanted[..count.min(end - list.len())]);
            next = some.end;
        }
    }

    /// Whether all entries of the columns are taken whose names are as they are to be.
    fn takes_all(&self) -> bool {
        self.flags_decide && !self.has_changed && self.flags == [true; 32]
    }

    fn take_one(&mut self, entry: EntryNo, part: &Part<'_>, is_decided: bool) -> ControlFlow<()> {
        if self.is_enough() {
            return ControlFlow::Break(());
        }
        let is_accepted = self.is_there(entry, part)
            && match is_decided && part.is_settled && self.flags_decide {
                true => self.flags[usize::from(self.view.names.flags[entry as usize] & 31)],
                false => self.accepts(entry, is_decided),
            };
        if is_accepted {
            self.found.push(entry);
        }
        ControlFlow::Continue(())
    }

    /// Whether an entry of the columns is still there, and in its place if all of the part is.
    fn is_there(&self, entry: EntryNo, part: &Part<'_>) -> bool {
        let (overlay, names) = (self.view.overlay, self.view.names);
        let has_moved = || part.is_settled && overlay.is_relocated(names.dir[entry as usize]);
        !self.has_changed || !(overlay.is_dead(entry) || has_moved())
    }
}
