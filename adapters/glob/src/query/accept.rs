//! Whether an entry is what a question asks for.

use treenail_os::Kind;

use super::asking::Asking;
use super::names::{DirNo, EntryNo, HIDDEN_PATH, kind_of};
use super::plan::Lookup;
use super::stats::Stats;
use crate::find::look::is_executable;

impl Asking<'_, '_> {
    /// Takes an entry if it is what is looked for.
    pub(super) fn consider(&mut self, entry: EntryNo, lookup: &Lookup) {
        let is_decided = self.is_decided(lookup);
        if lookup.accepts(self.view.name(entry), self.query.fold) && self.accepts(entry, is_decided)
        {
            self.found.push(entry);
        }
    }

    /// Whether an entry is what is looked for; with `is_decided` its path is.
    pub(super) fn accepts(&mut self, entry: EntryNo, is_decided: bool) -> bool {
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
            && excludes.match_entry(at, name, kind == Kind::Directory, &mut self.places.numbers)
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
        if self.query.asks_stat() {
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
    pub(super) fn begin_stats(&mut self) {
        self.stats = self.query.asks_stat().then(Stats::default);
    }
}
