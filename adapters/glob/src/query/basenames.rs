//! The distinct names of a tree: each is kept once, however many entries have it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::{ControlFlow, RangeInclusive};

use memchr::memmem::Finder;

use super::names::{NONE, TooLarge};

/// The number of a name, in the order in which they first came.
pub(super) type NameNo = u32;

/// See the module's text.
#[derive(Default)]
pub(super) struct Basenames {
    bytes: Vec<u8>,
    /// Where each name ends.
    end: Vec<u32>,
    /// A hash table with linear probing.
    slots: Vec<NameNo>,
    seed: u64,
}

impl Basenames {
    pub(super) fn len(&self) -> usize {
        self.end.len()
    }

    pub(super) fn get(&self, name: NameNo) -> &[u8] {
        let at = name as usize;
        &self.bytes[self.start(at)..self.end[at] as usize]
    }

    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.end[at - 1] as usize }
    }

    /// The number of a name.
    pub(super) fn find(&self, name: &[u8]) -> Option<NameNo> {
        self.chain(name).find(|found| self.get(*found) == name)
    }

    /// The numbers of the names that are this one whatever the case of ASCII letters.
    pub(super) fn find_folded<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = NameNo> + 'a {
        self.chain(name).filter(|found| self.get(*found).eq_ignore_ascii_case(name))
    }

    /// All names that a name may be; those that are the same but for case among them.
    fn chain(&self, name: &[u8]) -> impl Iterator<Item = NameNo> + '_ {
        let slots = &self.slots;
        let first = if slots.is_empty() { 0 } else { slot(hash(self.seed, name), slots.len()) };
        let chain = slots[first..].iter().chain(&slots[..first]).copied();
        chain.take_while(|found| *found != NONE)
    }

    /// Calls `hit` with each name of some lengths, in order, until that says that it is enough.
    pub(super) fn with_len(
        &self,
        lens: &RangeInclusive<usize>,
        mut hit: impl FnMut(NameNo) -> ControlFlow<()>,
    ) {
        let mut start = 0;
        for (name, end) in (0..).zip(&self.end) {
            let len = (end - start) as usize;
            start = *end;
            if lens.contains(&len) && hit(name).is_break() {
                return;
            }
        }
    }

    /// Calls `hit` with each name that a text stands in, in order, until that says that it is
    /// enough.
    pub(super) fn containing(&self, text: &[u8], mut hit: impl FnMut(NameNo) -> ControlFlow<()>) {
        let finder = Finder::new(text);
        let (mut at, mut first) = (0, 0);
        while let Some(found) = finder.find(&self.bytes[at..]) {
            let found = at + found;
            // Names are looked through one after another: the next one is mostly near.
            let name = first + gallop(&self.end[first..], |end| end as usize <= found);
            let end = self.end[name] as usize;
            if found + text.len() > end {
                // It lies over the end of a name.
                (at, first) = (found + 1, name);
                continue;
            }
            if hit(name as NameNo).is_break() {
                return;
            }
            (at, first) = (end, name + 1);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + 4 * (self.end.capacity() + self.slots.capacity())
    }
}

/// The number of items at the beginning that are before something, in time that grows with its
/// logarithm.
fn gallop(sorted: &[u32], before: impl Fn(u32) -> bool) -> usize {
    let mut step = 1;
    while step < sorted.len() && before(sorted[step]) {
        step *= 2;
    }
    let (from, to) = (step / 2, sorted.len().min(step + 1));
    from + sorted[from..to].partition_point(|item| before(*item))
}

/// Names as they come in.
pub(super) struct Interner {
    names: Basenames,
    /// Of each name, so that the table can grow.
    hashes: Vec<u32>,
}

impl Default for Interner {
    fn default() -> Self {
        // Whoever makes up names does not know which ones meet in the table.
        let seed = RandomState::new().build_hasher().finish();
        Self { names: Basenames { seed, ..Basenames::default() }, hashes: Vec::new() }
    }
}

impl Interner {
    /// The number of a name, which is new or known.
    pub(super) fn add(&mut self, name: &[u8]) -> Result<NameNo, TooLarge> {
        if self.names.slots.len() <= self.hashes.len() * 2 {
            self.resize((self.hashes.len() * 4).max(64));
        }
        let hash = hash(self.names.seed, name);
        let slots = self.names.slots.len();
        let mut at = slot(hash, slots);
        loop {
            let found = self.names.slots[at];
            if found == NONE {
                break;
            }
            if self.hashes[found as usize] == hash && self.names.get(found) == name {
                return Ok(found);
            }
            at = if at + 1 == slots { 0 } else { at + 1 };
        }
        let number = self.hashes.len() as NameNo;
        self.names.bytes.extend_from_slice(name);
        self.names.end.push(u32::try_from(self.names.bytes.len()).map_err(|_| TooLarge)?);
        self.names.slots[at] = number;
        self.hashes.push(hash);
        Ok(number)
    }

    pub(super) fn finish(mut self) -> Basenames {
        self.resize(self.hashes.len() * 3 / 2 + 1);
        self.names.bytes.shrink_to_fit();
        self.names.end.shrink_to_fit();
        self.names
    }

    fn resize(&mut self, slots: usize) {
        self.names.slots = vec![NONE; slots];
        for (number, hash) in (0..).zip(&self.hashes) {
            let mut at = slot(*hash, slots);
            while self.names.slots[at] != NONE {
                at = if at + 1 == slots { 0 } else { at + 1 };
            }
            self.names.slots[at] = number;
        }
    }
}

/// The slot of a hash, of so many.
fn slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

/// The hash of a name, the same whatever the case of ASCII letters.
fn hash(seed: u64, name: &[u8]) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ (word | 0x2020_2020_2020_2020)) * u128::from(K);
        wide as u64 ^ (wide >> 64) as u64
    };
    let (words, rest) = name.as_chunks::<8>();
    let hash = words
        .iter()
        .fold(seed ^ name.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    (mix(hash, u64::from_le_bytes(last)).wrapping_mul(K) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn basenames(all: &[&str]) -> Basenames {
        let mut interner = Interner::default();
        all.iter().for_each(|name| _ = interner.add(name.as_bytes()).unwrap());
        interner.finish()
    }

    #[test]
    fn names_are_found_in_any_case_or_in_one() {
        let names = basenames(&["README", "Readme", "readme", "readme.md", "README"]);
        assert_eq!(names.len(), 4);
        assert_eq!(names.find(b"readme"), Some(2));
        assert_eq!(names.find(b"reAdme"), None);
        let mut folded: Vec<_> = names.find_folded(b"reAdme").collect();
        folded.sort_unstable();
        assert_eq!(folded, [0, 1, 2]);
        let mut long = Vec::new();
        names.with_len(&(7..=9), |name| {
            long.push(name);
            ControlFlow::Continue(())
        });
        assert_eq!(long, [3]);
    }

    #[test]
    fn among_no_names_none_is_found() {
        let names = basenames(&[]);
        assert_eq!(names.find(b"a"), None);
        names.containing(b"a", |_| panic!("there is none"));
    }

    proptest! {
        #[test]
        fn each_name_has_one_number_and_texts_are_found_within_names_only(
            all in prop::collection::vec("[abA]{1,4}", 0..200),
            text in "[ab]{1,3}",
        ) {
            let names = basenames(&all.iter().map(String::as_str).collect::<Vec<_>>());
            for name in &all {
                let number = names.find(name.as_bytes()).expect("it was added");
                prop_assert_eq!(names.get(number), name.as_bytes());
            }
            let mut found = Vec::new();
            names.containing(text.as_bytes(), |name| {
                found.push(name);
                ControlFlow::Continue(())
            });
            let has = |name: &NameNo| {
                memchr::memmem::find(names.get(*name), text.as_bytes()).is_some()
            };
            let each: Vec<_> = (0..names.len() as NameNo).filter(has).collect();
            prop_assert_eq!(found, each);
        }
    }
}
