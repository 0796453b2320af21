//! Items in the order of their keys.

use core::ops::RangeInclusive;

use treenail_hash::Hash;

use super::arena::NONE;
use super::prefix::Prefix;
use super::table::Set;
use super::{Item, Value};

/// The items of a [`Set`] within a range of keys, in ascending order.
///
/// Finds each next leaf from the root, so that it needs no memory for the way back.
pub struct Items<'a, 'm, H: Hash, V> {
    set: &'a Set<'m, H, V>,
    last: H::Digest,
    /// The leaf that is being read; nothing after the last.
    leaf: Option<Prefix<H::Digest>>,
    /// The next item of that leaf.
    slot: u32,
}

impl<'a, 'm, H: Hash, V: Value> Items<'a, 'm, H, V> {
    pub(super) fn new(set: &'a Set<'m, H, V>, keys: RangeInclusive<H::Digest>) -> Self {
        let (first, last) = keys.into_inner();
        let mut items = Self { set, last, leaf: None, slot: NONE };
        if first <= last {
            items.enter(&first);
            while items.slot != NONE && set.item(items.slot).key < first {
                items.slot = set.next(items.slot);
            }
        }
        items
    }

    fn enter(&mut self, key: &H::Digest) {
        let (depth, leaf) = self.set.leaf_of(key);
        self.leaf = Prefix::new(key, depth);
        self.slot = leaf.link;
    }
}

impl<'a, H: Hash, V: Value> Iterator for Items<'a, '_, H, V> {
    type Item = &'a Item<H::Digest, V>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.slot == NONE {
            let next = self.leaf?.successor().filter(|leaf| *leaf.first() <= self.last);
            match next {
                Some(leaf) => self.enter(leaf.first()),
                None => self.leaf = None,
            }
        }
        let item = self.set.item(self.slot);
        if item.key > self.last {
            (self.leaf, self.slot) = (None, NONE);
            return None;
        }
        self.slot = self.set.next(self.slot);
        Some(item)
    }
}

impl<H: Hash, V: Value> core::iter::FusedIterator for Items<'_, '_, H, V> {}
