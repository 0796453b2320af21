//! The set that is kept up to date in the caller's memory.

use core::fmt;
use core::ops::RangeInclusive;

use treenail_hash::Hash;

use super::arena::{Arena, NONE};
use super::encode::{self, FANOUT, LEAF_MAX};
use super::node::{Child, Full, Node, Slot, Summary};
use super::prefix::{Prefix, common_nibbles, nibble};
use super::range::Items;
use super::{Item, Value};

/// A history-independent set of items with distinct keys, in slices that the caller owns.
///
/// An item takes one [`Slot`]; a branch takes one [`Node`], a leaf none. Insertions, removals and
/// look-ups go through O(log n) branches and at most [`LEAF_MAX`] items of a leaf.
///
/// ```
/// use treenail_hash::{Hash, Xxh128};
/// use treenail_merkle::set::{Node, Set, Slot, nodes_for};
///
/// let mut nodes = vec![Node::default(); nodes_for(1000)];
/// let mut slots = vec![Slot::default(); 1000];
/// let mut set = Set::<Xxh128, [u8; 4]>::new(&mut nodes, &mut slots);
/// let empty = set.digest();
///
/// let key = Xxh128::hash(b"a name");
/// assert_eq!(set.insert(key, *b"size"), Ok(None));
/// assert_ne!(set.digest(), empty);
/// assert_eq!(set.remove(&key), Some(*b"size"));
/// assert_eq!(set.digest(), empty);
/// ```
pub struct Set<'m, H: Hash, V> {
    nodes: Arena<'m, Node<H::Digest>>,
    slots: Arena<'m, Slot<H::Digest, V>>,
    root: Child<H::Digest>,
    /// The digest of no items.
    empty: H::Digest,
}

impl<'m, H: Hash, V: Value> Set<'m, H, V> {
    /// An empty set with room for `slots.len()` items and `nodes.len()` branches, of which
    /// [`nodes_for`](super::nodes_for) says how many to provide. What the slices hold does not
    /// matter.
    ///
    /// Of a slice only the first 2<sup>32</sup> - 1 elements are used.
    #[must_use]
    pub fn new(nodes: &'m mut [Node<H::Digest>], slots: &'m mut [Slot<H::Digest, V>]) -> Self {
        let empty = encode::leaf::<H, V>(0, [].iter(), 0);
        let root = Child::empty(empty);
        Self { nodes: Arena::new(nodes), slots: Arena::new(slots), root, empty }
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.root.count as usize
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.count == 0
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &H::Digest) -> Option<&V> {
        let (_, leaf) = self.leaf_of(key);
        let (_, slot) = self.locate(leaf, key);
        slot.map(|slot| &self.item(slot).value)
    }

    /// Puts `value` under `key` and returns what was there before.
    ///
    /// # Errors
    /// [`Full`] when a slot or a node is lacking; the set is then as it was. Replacing a value
    /// never fails.
    pub fn insert(&mut self, key: H::Digest, value: V) -> Result<Option<V>, Full> {
        let (depth, leaf) = self.leaf_of(&key);
        let leaf = *leaf;
        let (before, found) = self.locate(&leaf, &key);
        if let Some(slot) = found {
            let old = core::mem::replace(&mut self.item_mut(slot).value, value);
            if old.as_ref() != value.as_ref() {
                self.change(&key, depth, 0);
            }
            return Ok(Some(old));
        }

        let splits = self.splits_needed(&leaf, depth, &key);
        if self.slots.available() == 0 {
            return Err(Full::Slots);
        }
        if self.nodes.available() < splits {
            return Err(Full::Nodes);
        }
        let slot = self.slots.take();
        let next = self.next_of(before, &leaf);
        self.slots[slot] = Slot { item: Some(Item { key, value }), next };
        self.link(before, &key, depth, slot);
        self.change(&key, depth, 1);
        for level in depth..depth + splits {
            // All items of the leaf have these nibbles in common, hence also with the new one.
            self.split(&key, level);
        }
        Ok(None)
    }

    /// Takes out the item under `key` and returns its value.
    pub fn remove(&mut self, key: &H::Digest) -> Option<V> {
        let (depth, leaf) = self.leaf_of(key);
        let leaf = *leaf;
        let (before, found) = self.locate(&leaf, key);
        let slot = found?;
        let value = self.item(slot).value;
        let next = self.next(slot);
        self.link(before, key, depth, next);
        self.slots.give(slot);
        self.change(key, depth, -1);
        // Upwards, so that the children of what becomes a leaf are leaves.
        for level in (0..depth).rev() {
            if self.child_at(key, level).is_branch() {
                break;
            }
            self.merge(key, level);
        }
        Some(value)
    }

    /// The digest of the set; hashes again only the nodes that changed since the last call.
    pub fn digest(&mut self) -> H::Digest {
        if self.root.stale {
            let root = self.root;
            self.root.digest = self.rehash(&root);
            self.root.stale = false;
        }
        self.root.digest
    }

    /// The digest and number of the items whose keys begin with `prefix`.
    ///
    /// Two peers compare the summaries of their root, then those of the 16 children of every prefix
    /// whose summaries differ while both count more than [`LEAF_MAX`], and exchange
    /// [`items`](Self::items) where they differ otherwise.
    pub fn summary(&mut self, prefix: &Prefix<H::Digest>) -> Summary<H::Digest> {
        self.digest();
        let mut child = &self.root;
        for depth in 0..prefix.nibbles() {
            if !child.is_branch() {
                let count = self.items(prefix).count();
                let digest = leaf_digest::<H, V>(count, self.items(prefix));
                return Summary { digest, count };
            }
            child = self.child(child, nibble(prefix.first(), depth));
        }
        Summary { digest: child.digest, count: child.count as usize }
    }

    /// The items whose keys begin with `prefix`, in ascending order; with [`Prefix::root`] all.
    #[must_use]
    pub fn items(&self, prefix: &Prefix<H::Digest>) -> Items<'_, 'm, H, V> {
        self.range(prefix.keys())
    }

    /// The items whose keys are within `keys`, in ascending order.
    #[must_use]
    pub fn range(&self, keys: RangeInclusive<H::Digest>) -> Items<'_, 'm, H, V> {
        Items::new(self, keys)
    }

    pub(super) fn root(&self) -> &Child<H::Digest> {
        &self.root
    }

    /// Child `nibble` of the branch that `parent` links to.
    pub(super) fn child(&self, parent: &Child<H::Digest>, nibble: usize) -> &Child<H::Digest> {
        &self.nodes[parent.link].children[nibble]
    }

    /// The leaf where `key` belongs, and the depth of that leaf.
    pub(super) fn leaf_of(&self, key: &H::Digest) -> (usize, &Child<H::Digest>) {
        let (mut depth, mut child) = (0, &self.root);
        while child.is_branch() {
            child = self.child(child, nibble(key, depth));
            depth += 1;
        }
        (depth, child)
    }

    pub(super) fn item(&self, slot: u32) -> &Item<H::Digest, V> {
        self.slots[slot].item.as_ref().expect("a linked slot holds an item")
    }

    pub(super) fn next(&self, slot: u32) -> u32 {
        self.slots[slot].next
    }

    fn item_mut(&mut self, slot: u32) -> &mut Item<H::Digest, V> {
        self.slots[slot].item.as_mut().expect("a linked slot holds an item")
    }

    /// The last slot of `leaf` whose key is below `key`, and the slot that holds `key`.
    fn locate(&self, leaf: &Child<H::Digest>, key: &H::Digest) -> (Option<u32>, Option<u32>) {
        let (mut before, mut slot) = (None, leaf.link);
        while slot != NONE {
            let here = &self.item(slot).key;
            if here >= key {
                return (before, (here == key).then_some(slot));
            }
            before = Some(slot);
            slot = self.next(slot);
        }
        (before, None)
    }

    /// What follows `before` in `leaf`, or its first slot.
    fn next_of(&self, before: Option<u32>, leaf: &Child<H::Digest>) -> u32 {
        before.map_or(leaf.link, |before| self.next(before))
    }

    /// Makes `slot` follow `before`, or be the first of the leaf of `key` at `depth`.
    fn link(&mut self, before: Option<u32>, key: &H::Digest, depth: usize, slot: u32) {
        match before {
            Some(before) => self.slots[before].next = slot,
            None => self.child_at(key, depth).link = slot,
        }
    }

    /// The node that is `depth` levels down the way to `key`.
    fn child_at(&mut self, key: &H::Digest, depth: usize) -> &mut Child<H::Digest> {
        let Some(parent) = depth.checked_sub(1) else { return &mut self.root };
        let mut link = self.root.link;
        for level in 0..parent {
            link = self.nodes[link].children[nibble(key, level)].link;
        }
        &mut self.nodes[link].children[nibble(key, parent)]
    }

    /// Adds `difference` to the counts on the way to `key` down to `depth`, whose digests get
    /// stale.
    fn change(&mut self, key: &H::Digest, depth: usize, difference: i32) {
        let change = |child: &mut Child<H::Digest>| {
            child.count = child.count.strict_add_signed(difference);
            child.stale = true;
            child.link
        };
        let mut link = change(&mut self.root);
        for level in 0..depth {
            link = change(&mut self.nodes[link].children[nibble(key, level)]);
        }
    }

    /// How many branches it takes to add `key` to `leaf`: as many levels as all of them have in
    /// common, and the one where they part.
    fn splits_needed(&self, leaf: &Child<H::Digest>, depth: usize, key: &H::Digest) -> usize {
        if (leaf.count as usize) < LEAF_MAX {
            return 0;
        }
        let first = &self.item(leaf.link).key;
        let mut last = leaf.link;
        while self.next(last) != NONE {
            last = self.next(last);
        }
        let last = &self.item(last).key;
        common_nibbles(first.min(key), last.max(key)) + 1 - depth
    }

    /// Turns the list of a leaf that got too long, `depth` levels down the way to `key`, into a
    /// branch over the runs of items with the same nibble.
    fn split(&mut self, key: &H::Digest, depth: usize) {
        let mut children = [Child::empty(self.empty); FANOUT];
        let mut slot = self.child_at(key, depth).link;
        let mut before: Option<(u32, usize)> = None;
        while slot != NONE {
            let at = nibble(&self.item(slot).key, depth);
            if before.is_none_or(|(_, run)| run != at) {
                children[at].link = slot;
                children[at].stale = true;
                if let Some((last, _)) = before {
                    self.slots[last].next = NONE;
                }
            }
            children[at].count += 1;
            before = Some((slot, at));
            slot = self.next(slot);
        }
        let node = self.nodes.take();
        self.nodes[node].children = children;
        self.child_at(key, depth).link = node;
    }

    /// Turns a branch of leaves, `depth` levels down the way to `key`, into a leaf.
    fn merge(&mut self, key: &H::Digest, depth: usize) {
        let node = self.child_at(key, depth).link;
        let (mut first, mut last) = (NONE, NONE);
        for at in 0..FANOUT {
            let mut slot = self.nodes[node].children[at].link;
            match last {
                NONE => first = slot,
                last => self.slots[last].next = slot,
            }
            while slot != NONE {
                last = slot;
                slot = self.next(slot);
            }
        }
        self.nodes.give(node);
        self.child_at(key, depth).link = first;
    }

    /// The digest of a stale node, after those of its stale descendants were stored.
    fn rehash(&mut self, stale: &Child<H::Digest>) -> H::Digest {
        if !stale.is_branch() {
            let held = |slot: u32| (slot != NONE).then_some(slot);
            let slots = core::iter::successors(held(stale.link), |&slot| held(self.next(slot)));
            let items = slots.map(|slot| self.item(slot));
            return leaf_digest::<H, V>(stale.count as usize, items);
        }
        for at in 0..FANOUT {
            let child = self.nodes[stale.link].children[at];
            if child.stale {
                let digest = self.rehash(&child);
                let child = &mut self.nodes[stale.link].children[at];
                (child.digest, child.stale) = (digest, false);
            }
        }
        let children = self.nodes[stale.link].children.iter().map(|child| &child.digest);
        encode::branch::<H>(stale.count as usize, children)
    }
}

impl<H: Hash, V> fmt::Debug for Set<'_, H, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").field("len", &self.root.count).finish_non_exhaustive()
    }
}

fn leaf_digest<'a, H: Hash, V: Value + 'a>(
    count: usize,
    items: impl Iterator<Item = &'a Item<H::Digest, V>>,
) -> H::Digest
where
    H::Digest: 'a,
{
    let mut items = items.peekable();
    let value_bytes = items.peek().map_or(0, |item| item.value.as_ref().len());
    encode::leaf::<H, V>(count, items, value_bytes)
}
