//! Which entries have a name, and which an extension; and the names' signatures.

use std::ops::Range;

use super::names::{EntryNo, Names, signatures};

/// What is looked up and not scanned for.
#[derive(Default)]
pub(super) struct Postings {
    pub(super) signatures: Vec<u64>,
    /// Entries by the hash of their names, all of one name together and by number; the first one
    /// of a name is marked.
    by_name: Vec<u32>,
    /// Where in `by_name` the hashes begin that have these upper bits.
    buckets: Vec<u32>,
    /// Entries by extension, and within one by number. Extensions are sorted by their bytes in
    /// lower case, then by their bytes.
    by_extension: Vec<EntryNo>,
    /// Where the entries of each extension begin, and where the last ones end.
    extensions: Vec<u32>,
}

/// Marks the first entry of a name; numbers are smaller.
const FIRST: u32 = 1 << 31;

/// What stands behind the last dot of a name.
pub(super) fn extension(name: &[u8]) -> Option<&[u8]> {
    Some(&name[memchr::memrchr(b'.', name)? + 1..])
}

/// The hash of a name, the same whatever the case of ASCII letters.
fn hash(name: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |byte: &u8| u64::from(byte.to_ascii_lowercase());
    let mixed = name.iter().fold(K, |hash, byte| (hash ^ fold(byte)).wrapping_mul(0x100_0000_01b3));
    (mixed ^ mixed >> 29).wrapping_mul(K)
}

impl Postings {
    pub(super) fn new(names: &Names) -> Self {
        let (by_name, buckets) = by_name(names);
        let (by_extension, extensions) = by_extension(names);
        Self { signatures: signatures(names), by_name, buckets, by_extension, extensions }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let lists = self.by_name.capacity() + self.buckets.capacity();
        let lists = lists + self.by_extension.capacity() + self.extensions.capacity();
        8 * self.signatures.capacity() + 4 * lists
    }

    /// The entries of that name within a range, name by name and by number; with
    /// `fold`, whatever the case of ASCII letters.
    pub(super) fn named<'a>(
        &'a self,
        names: &'a Names,
        name: &'a [u8],
        fold: bool,
        within: Range<EntryNo>,
    ) -> impl Iterator<Item = EntryNo> + 'a {
        let bucket = bucket(hash(name), self.buckets.len() - 1);
        let run = self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize;
        let mut is_wanted = false;
        self.by_name[run].iter().filter_map(move |&marked| {
            let entry = marked & !FIRST;
            if marked & FIRST != 0 {
                let found = names.name(entry);
                is_wanted = if fold { found.eq_ignore_ascii_case(name) } else { found == name };
            }
            (is_wanted && within.contains(&entry)).then_some(entry)
        })
    }

    /// The entries with that extension within a range, a slice for each way to write it: all ways
    /// with `fold`.
    pub(super) fn with_extension<'a>(
        &'a self,
        names: &'a Names,
        wanted: &'a [u8],
        fold: bool,
        within: &'a Range<EntryNo>,
    ) -> impl Iterator<Item = &'a [EntryNo]> + 'a {
        let all = self.extensions.len() - 1;
        let bytes = |number: usize| {
            let first = self.by_extension[self.extensions[number] as usize];
            extension(names.name(first)).unwrap_or_default()
        };
        let folded = wanted.to_ascii_lowercase();
        let first = partition_point(all, |number| bytes(number).to_ascii_lowercase() < folded);
        let same = (first..all).take_while(move |at| bytes(*at).eq_ignore_ascii_case(wanted));
        same.filter(move |at| fold || bytes(*at) == wanted).map(move |at| {
            let run = self.extensions[at] as usize..self.extensions[at + 1] as usize;
            let run = &self.by_extension[run];
            let from = run.partition_point(|entry| *entry < within.start);
            let to = from + run[from..].partition_point(|entry| *entry < within.end);
            &run[from..to]
        })
    }
}

fn partition_point(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// The bucket of a hash, of a power of two of them.
fn bucket(hash: u64, buckets: usize) -> usize {
    (hash >> 32) as usize & (buckets - 1)
}

/// Four names or so share a bucket.
fn by_name(names: &Names) -> (Vec<u32>, Vec<u32>) {
    let count = (names.len() / 4).max(1).next_power_of_two();
    let mut buckets = vec![0_u32; count + 1];
    let numbers = 0..names.len() as u32;
    let of = |entry: EntryNo| bucket(hash(names.name(entry)), count);
    let all: Vec<u32> = numbers.clone().map(|entry| of(entry) as u32).collect();
    for bucket in &all {
        buckets[*bucket as usize + 1] += 1;
    }
    for at in 0..count {
        buckets[at + 1] += buckets[at];
    }
    let mut next = buckets.clone();
    let mut by_name = vec![0; names.len()];
    for (entry, bucket) in numbers.zip(all) {
        let at = &mut next[bucket as usize];
        by_name[*at as usize] = entry;
        *at += 1;
    }
    for bucket in buckets.windows(2) {
        let run = &mut by_name[bucket[0] as usize..bucket[1] as usize];
        run.sort_by(|a, b| names.name(*a).cmp(names.name(*b)).then(a.cmp(b)));
        for at in (0..run.len()).rev() {
            if at == 0 || names.name(run[at - 1]) != names.name(run[at]) {
                run[at] |= FIRST;
            }
        }
    }
    (by_name, buckets)
}

fn by_extension(names: &Names) -> (Vec<EntryNo>, Vec<u32>) {
    let mut lists: std::collections::HashMap<&[u8], Vec<EntryNo>> = Default::default();
    for entry in 0..names.len() as u32 {
        if let Some(extension) = extension(names.name(entry)) {
            lists.entry(extension).or_default().push(entry);
        }
    }
    let mut lists: Vec<_> = lists
        .into_iter()
        .map(|(bytes, list)| ((bytes.to_ascii_lowercase(), bytes), list))
        .collect();
    lists.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut by_extension = Vec::with_capacity(lists.iter().map(|(_, list)| list.len()).sum());
    let mut extensions = Vec::with_capacity(lists.len() + 1);
    for (_, list) in lists {
        extensions.push(by_extension.len() as u32);
        by_extension.extend(list);
    }
    extensions.push(by_extension.len() as u32);
    (by_extension, extensions)
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
            let lists = postings.with_extension(&names, wanted.as_bytes(), fold, &within);
            let mut all: Vec<u32> = lists.flatten().copied().collect();
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
    fn names_are_found_in_any_case_or_in_one_within_a_range() {
        let names = names(&["README", "Readme", "readme", "readme.md"]);
        let postings = Postings::new(&names);
        let found = |wanted: &str, fold: bool, within: Range<u32>| -> Vec<u32> {
            postings.named(&names, wanted.as_bytes(), fold, within).collect()
        };
        assert_eq!(found("readme", false, 0..4), [2]);
        assert_eq!(found("reAdme", true, 0..4), [0, 1, 2]);
        assert_eq!(found("reAdme", true, 1..2), [1]);
        assert!(found("other", true, 0..4).is_empty());
    }

    #[test]
    fn nothing_has_postings_too() {
        let names = names(&[]);
        let postings = Postings::new(&names);
        assert_eq!(postings.named(&names, b"a", true, 0..0).count(), 0);
        assert_eq!(postings.with_extension(&names, b"a", true, &(0..0)).count(), 0);
    }
}
