//! Which entries have a name, and which an extension; and the names' signatures.

use std::collections::HashMap;
use std::ops::Range;

use super::basenames::NameNo;
use super::names::{EntryNo, Names};
use super::signature::Slices;

/// What is looked up and not scanned for.
#[derive(Default)]
pub(super) struct Postings {
    pub(super) signatures: Slices,
    /// Entries by name, and those of one name by number.
    by_name: Vec<EntryNo>,
    /// Where in `by_name` the entries of each name begin, and where the last ones end.
    names: Vec<u32>,
    /// Entries by extension, and within one by number. Extensions are sorted by their bytes in
    /// lower case, then by their bytes.
    by_extension: Vec<EntryNo>,
    /// Where the entries of each extension begin, and where the last ones end.
    extensions: Vec<u32>,
}

/// What stands behind the last dot of a name.
pub(super) fn extension(name: &[u8]) -> Option<&[u8]> {
    Some(&name[memchr::memrchr(b'.', name)? + 1..])
}

impl Postings {
    pub(super) fn new(names: &Names) -> Self {
        let (by_name, starts) = group(&names.name_of, names.base.len(), Some);
        let (by_extension, extensions) = by_extension(names);
        let signatures = Slices::new(&names.base);
        Self { signatures, by_name, names: starts, by_extension, extensions }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let lists = self.by_name.capacity() + self.names.capacity();
        let lists = lists + self.by_extension.capacity() + self.extensions.capacity();
        self.signatures.memory_bytes() + 4 * lists
    }

    /// The entries of a name, by number.
    pub(super) fn named(&self, name: NameNo) -> &[EntryNo] {
        let at = name as usize;
        &self.by_name[self.names[at] as usize..self.names[at + 1] as usize]
    }

    /// The entries with that extension by number, a slice for each way to write it: all ways with
    /// `fold`.
    pub(super) fn with_extension<'a, 'b>(
        &'a self,
        names: &'a Names,
        wanted: &'b [u8],
        fold: bool,
    ) -> impl Iterator<Item = &'a [EntryNo]> + use<'a, 'b> {
        let all = self.extensions.len() - 1;
        let bytes = move |number: usize| {
            let first = self.by_extension[self.extensions[number] as usize];
            extension(names.name(first)).unwrap_or_default()
        };
        let lower = |byte: &u8| byte.to_ascii_lowercase();
        let first = partition_point(all, |number| {
            bytes(number).iter().map(lower).lt(wanted.iter().map(lower))
        });
        let same = (first..all).take_while(move |at| bytes(*at).eq_ignore_ascii_case(wanted));
        same.filter(move |at| fold || bytes(*at) == wanted).map(move |at| {
            &self.by_extension[self.extensions[at] as usize..self.extensions[at + 1] as usize]
        })
    }
}

/// What of a sorted list lies within a range.
pub(super) fn within<'a>(run: &'a [EntryNo], range: &Range<EntryNo>) -> &'a [EntryNo] {
    let from = run.partition_point(|entry| *entry < range.start);
    let to = from + run[from..].partition_point(|entry| *entry < range.end);
    &run[from..to]
}

fn partition_point(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// The entries of each of some groups, one after another, and where each group begins and the last
/// one ends.
fn group(
    name_of: &[NameNo],
    groups: usize,
    group_of: impl Fn(NameNo) -> Option<u32>,
) -> (Vec<EntryNo>, Vec<u32>) {
    let mut starts = vec![0_u32; groups + 1];
    name_of.iter().filter_map(|name| group_of(*name)).for_each(|g| starts[g as usize] += 1);
    let mut end = 0;
    for start in &mut starts {
        end += std::mem::replace(start, end);
    }
    let mut entries = vec![0; end as usize];
    for (entry, name) in (0..).zip(name_of) {
        if let Some(group) = group_of(*name) {
            let at = &mut starts[group as usize];
            entries[*at as usize] = entry;
            *at += 1;
        }
    }
    // Each start has come to where the next one was.
    starts.rotate_right(1);
    starts[0] = 0;
    (entries, starts)
}

fn by_extension(names: &Names) -> (Vec<EntryNo>, Vec<u32>) {
    let mut known: HashMap<&[u8], u32> = HashMap::new();
    let all = 0..names.base.len() as NameNo;
    let mut of_name: Vec<Option<u32>> = all
        .map(|name| {
            let next = known.len() as u32;
            Some(*known.entry(extension(names.base.get(name))?).or_insert(next))
        })
        .collect();
    let mut order: Vec<(&[u8], u32)> = known.into_iter().collect();
    order.sort_by_cached_key(|(bytes, _)| (bytes.to_ascii_lowercase(), *bytes));
    let mut place = vec![0; order.len()];
    for (at, (_, number)) in (0..).zip(&order) {
        place[*number as usize] = at;
    }
    of_name.iter_mut().flatten().for_each(|number| *number = place[*number as usize]);
    group(&names.name_of, order.len(), |name| of_name[name as usize])
}

#[cfg(test)]
mod tests {
    use treenail_os::Kind;

    use super::super::names::Builder;
    use super::*;

    fn names(all: &[&str]) -> Names {
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        let mut builder = Builder::default();
        builder.enter(None).unwrap();
        sorted.iter().for_each(|name| _ = builder.add(name.as_bytes(), Kind::File, false).unwrap());
        builder.finish()
    }

    #[test]
    fn extensions_are_found_in_any_case_or_in_one_within_a_range() {
        let names = names(&["a.js", "b.JS", "c.jsx", "d", ".js", "e.x.js", "f.", "g.Js"]);
        let postings = Postings::new(&names);
        let found = |wanted: &str, fold: bool, within: Range<u32>| -> Vec<String> {
            let lists = postings.with_extension(&names, wanted.as_bytes(), fold);
            let mut all: Vec<u32> =
                lists.flat_map(|run| super::within(run, &within)).copied().collect();
            all.sort_unstable();
            let name = |e: u32| String::from_utf8_lossy(names.name(e)).into_owned();
            all.into_iter().map(name).collect()
        };
        assert_eq!(found("js", false, 0..8), [".js", "a.js", "e.x.js"]);
        assert_eq!(found("jS", true, 0..8), [".js", "a.js", "b.JS", "e.x.js", "g.Js"]);
        assert_eq!(found("JS", false, 0..8), ["b.JS"]);
        assert_eq!(found("js", false, 1..3), ["a.js"]);
        assert_eq!(found("", false, 0..8), ["f."]);
        assert_eq!(found("rs", true, 0..8), [""; 0]);
    }

    #[test]
    fn the_entries_of_a_name_are_in_order() {
        let mut builder = Builder::default();
        builder.enter(None).unwrap();
        let child = builder.add(b"a", Kind::Directory, true).unwrap();
        builder.add(b"b", Kind::File, false).unwrap();
        builder.enter(Some(child)).unwrap();
        builder.add(b"a", Kind::File, false).unwrap();
        let names = builder.finish();
        let named = |name: &[u8]| names.postings.named(names.base.find(name).unwrap());
        assert_eq!(named(b"a"), [0, 2]);
        assert_eq!(named(b"b"), [1]);
        assert_eq!(within(named(b"a"), &(1..3)), [2]);
    }

    #[test]
    fn nothing_has_postings_too() {
        let names = names(&[]);
        assert_eq!(Postings::new(&names).with_extension(&names, b"a", true).count(), 0);
    }
}
