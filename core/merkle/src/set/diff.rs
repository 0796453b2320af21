//! What differs between two sets.

use core::cmp::Ordering;
use core::ops::RangeInclusive;

use treenail_hash::Hash;

use super::encode::FANOUT;
use super::node::Child;
use super::prefix::Prefix;
use super::table::Set;
use super::{Item, Value};

/// Visits every key within `keys` that only one of the sets has or whose values differ, in
/// ascending order, with its value in `old` and in `new`; [`Prefix::keys`] of the root are all
/// keys.
///
/// Brings both digests up to date first. Then it descends only where digests differ, so its work
/// grows with the differences and not with the sets: one differing item touches 16 pairs of
/// subtrees a level.
pub fn diff<H: Hash, V: Value>(
    old: &mut Set<'_, H, V>,
    new: &mut Set<'_, H, V>,
    keys: RangeInclusive<H::Digest>,
    visit: impl FnMut(&H::Digest, Option<&V>, Option<&V>),
) -> Touched {
    old.digest();
    new.digest();
    let (old, new) = (&*old, &*new);
    let (first, last) = keys.into_inner();
    let mut walk = Walk { old, new, first, last, visit, touched: Touched::default() };
    walk.subtrees(old.root(), new.root(), Prefix::root());
    walk.touched
}

/// How much of two sets a [`diff`] looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Pairs of subtrees whose digests were compared.
    pub subtrees: usize,
    /// Items read, of both sets together.
    pub items: usize,
}

struct Walk<'a, 'o, 'n, H: Hash, V, F> {
    old: &'a Set<'o, H, V>,
    new: &'a Set<'n, H, V>,
    first: H::Digest,
    last: H::Digest,
    visit: F,
    touched: Touched,
}

impl<H: Hash, V: Value, F: FnMut(&H::Digest, Option<&V>, Option<&V>)> Walk<'_, '_, '_, H, V, F> {
    fn subtrees(
        &mut self,
        old: &Child<H::Digest>,
        new: &Child<H::Digest>,
        prefix: Prefix<H::Digest>,
    ) {
        let (first, last) = prefix.keys().into_inner();
        let (first, last) = (first.max(self.first), last.min(self.last));
        if first > last {
            return;
        }
        self.touched.subtrees += 1;
        if old.digest == new.digest && old.count == new.count {
            return;
        }
        if !(old.is_branch() && new.is_branch()) {
            self.merge(first..=last);
            return;
        }
        for nibble in 0..FANOUT {
            let (old, new) = (self.old.child(old, nibble), self.new.child(new, nibble));
            let prefix = prefix.child(nibble as u8).expect("a branch is above the last nibble");
            self.subtrees(old, new, prefix);
        }
    }

    /// Compares item by item, where at least one side is a leaf.
    fn merge(&mut self, keys: RangeInclusive<H::Digest>) {
        let mut old = self.old.range(keys.clone()).peekable();
        let mut new = self.new.range(keys).peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key.cmp(&new.key),
            };
            let was = old.next_if(|_| order.is_le());
            let is = new.next_if(|_| order.is_ge());
            self.item(was, is);
        }
    }

    fn item(&mut self, old: Option<&Item<H::Digest, V>>, new: Option<&Item<H::Digest, V>>) {
        self.touched.items += usize::from(old.is_some()) + usize::from(new.is_some());
        let bytes = |item: Option<&Item<H::Digest, V>>| item.map(|item| item.value);
        let equal = match (bytes(old), bytes(new)) {
            (Some(old), Some(new)) => old.as_ref() == new.as_ref(),
            _ => false,
        };
        if let Some(Item { key, .. }) = old.or(new).filter(|_| !equal) {
            (self.visit)(key, old.map(|item| &item.value), new.map(|item| &item.value));
        }
    }
}
