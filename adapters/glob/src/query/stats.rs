//! Attributes of entries, asked for one after another.

use treenail_os::Stat;

use super::index::Index;
use super::names::{DirNo, EntryNo, NONE};

/// Attributes of entries in the order of their numbers, without looking each one up.
pub(super) struct Stats<'a> {
    dir: DirNo,
    rows: Box<dyn Iterator<Item = (&'a [u8], Stat)> + 'a>,
}

impl Default for Stats<'_> {
    fn default() -> Self {
        Self { dir: NONE, rows: Box::new(std::iter::empty()) }
    }
}

impl<'a> Stats<'a> {
    pub(super) fn get(&mut self, index: &'a Index, entry: EntryNo) -> Option<Stat> {
        let view = index.view();
        let (dir, name) = (view.dir(entry), view.name(entry));
        if dir != self.dir {
            (self.dir, self.rows) = (dir, index.stats_in(dir));
        }
        let found = self.rows.find(|(found, _)| *found >= name);
        found.filter(|(found, _)| *found == name).map(|(_, stat)| stat).or_else(|| {
            // Whoever jumps to and fro has it looked up.
            self.dir = NONE;
            index.stat(entry)
        })
    }
}
