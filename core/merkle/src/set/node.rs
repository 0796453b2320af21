//! What the caller's memory is made of, and what the set says about itself.

use core::fmt;

use treenail_hash::Digest;

use super::Item;
use super::arena::{Cell, NONE};
use super::encode::{FANOUT, LEAF_MAX};

/// Memory for one branch of a [`Set`](super::Set).
#[derive(Clone, Copy, Debug)]
pub struct Node<D> {
    pub(super) children: [Child<D>; FANOUT],
}

impl<D: Digest> Default for Node<D> {
    fn default() -> Self {
        Self { children: [Child::empty(D::default()); FANOUT] }
    }
}

impl<D> Cell for Node<D> {
    fn next_free(&mut self) -> &mut u32 {
        &mut self.children[0].link
    }
}

/// Memory for one item of a [`Set`](super::Set).
#[derive(Clone, Copy, Debug)]
pub struct Slot<D, V> {
    pub(super) item: Option<Item<D, V>>,
    /// The slot of the next item of the leaf, or of the next free slot.
    pub(super) next: u32,
}

impl<D, V> Default for Slot<D, V> {
    fn default() -> Self {
        Self { item: None, next: NONE }
    }
}

impl<D, V> Cell for Slot<D, V> {
    fn next_free(&mut self) -> &mut u32 {
        &mut self.next
    }
}

/// A leaf or a branch, as its parent knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child<D> {
    /// Meaningful unless stale.
    pub(super) digest: D,
    pub(super) count: u32,
    /// The node of a branch; the first slot of a leaf, or none.
    pub(super) link: u32,
    /// Whether an item below changed since the digest was computed.
    pub(super) stale: bool,
}

impl<D> Child<D> {
    /// A leaf without items, of which `digest` is the digest.
    pub(super) fn empty(digest: D) -> Self {
        Self { digest, count: 0, link: NONE, stale: false }
    }

    /// Keys are distinct, so that a leaf at the last nibble has one item, and the count alone says
    /// what a node is.
    pub(super) fn is_branch(&self) -> bool {
        self.count as usize > LEAF_MAX
    }
}

/// The digest and number of the items below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary<D> {
    /// The digest of the items, as the module defines it.
    pub digest: D,
    /// How many they are.
    pub count: usize,
}

/// The memory of a [`Set`](super::Set) does not suffice for another item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Every slot holds an item.
    Slots,
    /// The branches that the item calls for exceed the free nodes.
    Nodes,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slots => "the set is full: every slot holds an item; build it with more slots",
            Self::Nodes => {
                "the set is full: too few nodes for keys so alike; build it with more nodes"
            }
        })
    }
}

impl core::error::Error for Full {}

/// A generous number of nodes for a set of `items` items whose keys are digests of a hash.
///
/// Keys that someone chose to share long prefixes may need more: [`Full::Nodes`] tells.
#[must_use]
pub const fn nodes_for(items: usize) -> usize {
    // Just where the leaves of a level overflow, there is a branch for every 85 items or so.
    if items <= LEAF_MAX { 0 } else { items / 64 + 16 }
}
