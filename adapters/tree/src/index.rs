//! The digest of a large directory, kept such that a change costs O(log n) hashes.
//!
//! This is the set of `docs/format/digest.md` as a persistent trie: an update copies the nodes on
//! the way to what changed and shares the others with the indexes of earlier trees.

use std::sync::Arc;

use treenail_hash::Hash;
use treenail_merkle::set::{self, FANOUT, Item, LEAF_MAX};

use crate::block::{Block, Leaves};
use crate::column::IdBlock;
use crate::digest::{Digester, Element, Elements, Key, value};
use crate::ids::ContentId;
use crate::unshared::{Leaf, for_each_difference};

/// A directory with at least so many entries gets an index at its first change. Below, hashing all
/// names anew takes a fraction of a millisecond, and the index would take more memory than that is
/// worth. Tests use small directories.
pub(crate) const INDEXED_ENTRIES_MIN: usize = if cfg!(test) { 80 } else { 1_024 };

/// An index falls away when fewer entries are left than this.
pub(crate) const INDEXED_ENTRIES_KEPT_MIN: usize = INDEXED_ENTRIES_MIN / 2;

/// What is kept of a directory's digest.
pub(crate) trait Index: Send + Sync {
    /// The index of the same directory with those entries and ids; `None` if it has to do without.
    fn update(&self, blocks: &Leaves<Block>, ids: &Leaves<IdBlock>) -> Option<Arc<dyn Index>>;

    /// The directory's digest; `None` if an id is missing.
    fn digest(&self) -> Option<Vec<u8>>;

    /// The heap memory that it takes, shared or not.
    fn memory_bytes(&self) -> usize;
}

/// How a column makes an index; `None` if an id is missing, or two names have the same key.
pub(crate) type IndexDir = fn(&Leaves<Block>, &Leaves<IdBlock>) -> Option<Arc<dyn Index>>;

/// The [`IndexDir`] of a kind of ids.
pub(crate) fn index_dir<C: ContentId>(
    blocks: &Leaves<Block>,
    ids: &Leaves<IdBlock>,
) -> Option<Arc<dyn Index>> {
    let elements = crate::digest::elements(blocks.as_slice(), ids.as_slice());
    let mut items = Digester::<C>::new().into_items(elements)?;
    items.sort_unstable_by_key(|item| item.key);
    if items.is_sorted_by(|a, b| a.key < b.key) {
        let trie = Node::build::<C>(&items, 0);
        return Some(Arc::new(Trie::<C> {
            trie,
            missing: 0,
            blocks: blocks.clone(),
            ids: ids.clone(),
        }));
    }
    None
}

struct Trie<C: ContentId> {
    trie: Node<Key<C>, C::Value>,
    /// How many entries lack an id.
    missing: usize,
    /// What the trie was made from, by which the next one finds what changed.
    blocks: Leaves<Block>,
    ids: Leaves<IdBlock>,
}

/// A leaf holds at most [`LEAF_MAX`] items, or those whose keys are wholly alike.
#[derive(Clone)]
enum Node<D, V> {
    Leaf { digest: D, items: Arc<[Item<D, V>]> },
    Branch { digest: D, count: usize, children: Arc<[Self; FANOUT]> },
}

/// What became of an item.
struct Change<D, V> {
    key: D,
    was: bool,
    now: Option<V>,
}

impl<C: ContentId> Index for Trie<C> {
    fn update(&self, blocks: &Leaves<Block>, ids: &Leaves<IdBlock>) -> Option<Arc<dyn Index>> {
        let mut missing = self.missing;
        let mut names = Vec::new();
        let mut changes = Vec::new();
        let (old, new) = (leaves(&self.blocks, &self.ids), leaves(blocks, ids));
        for_each_difference(old, new, |was, now| {
            let values = [was, now].map(|element| element.as_ref().map(value::<C>));
            let unknown = values.map(|value| usize::from(value.is_some_and(|(_, known)| !known)));
            missing = missing + unknown[1] - unknown[0];
            names.extend(now.or(was).map(|element| element.name));
            let now = values[1].map(|(value, _)| value);
            changes.push(Change { key: Key::<C>::default(), was: was.is_some(), now });
        });
        let mut keys = vec![Key::<C>::default(); names.len()];
        C::Node::hash_many(&names, &mut keys);
        changes.iter_mut().zip(keys).for_each(|(change, key)| change.key = key);
        changes.sort_unstable_by_key(|change| change.key);
        // Two names with one key cannot be told apart here.
        if !changes.is_sorted_by(|a, b| a.key < b.key) {
            return None;
        }
        let trie = self.trie.update::<C>(&changes, 0)?;
        Some(Arc::new(Self { trie, missing, blocks: blocks.clone(), ids: ids.clone() }))
    }

    fn digest(&self) -> Option<Vec<u8>> {
        (self.missing == 0).then(|| self.trie.digest().as_ref().to_vec())
    }

    fn memory_bytes(&self) -> usize {
        self.trie.memory_bytes()
    }
}

impl<D: treenail_hash::Digest, V: set::Value> Node<D, V> {
    /// Makes a node of ascending items whose first `depth` half bytes are alike.
    fn build<C>(items: &[Item<D, V>], depth: usize) -> Self
    where
        C: ContentId<Value = V>,
        C::Node: Hash<Digest = D>,
    {
        if items.len() <= LEAF_MAX || depth == 2 * D::SIZE_BYTES {
            let digest = set::leaf_digest::<C::Node, V>(items);
            return Self::Leaf { digest, items: items.into() };
        }
        let children = set::split(items, depth, |item| &item.key);
        Self::branch::<C>(children.map(|own| Self::build::<C>(own, depth + 1)))
    }

    fn branch<C>(children: [Self; FANOUT]) -> Self
    where
        C: ContentId<Value = V>,
        C::Node: Hash<Digest = D>,
    {
        let count = children.iter().map(Self::count).sum();
        let digests = children.each_ref().map(|child| *child.digest());
        let digest = set::branch_digest::<C::Node>(count, &digests);
        Self::Branch { digest, count, children: Arc::new(children) }
    }

    /// The node after ascending changes; `None` if they do not fit what it holds.
    fn update<C>(&self, changes: &[Change<D, V>], depth: usize) -> Option<Self>
    where
        C: ContentId<Value = V>,
        C::Node: Hash<Digest = D>,
    {
        if changes.is_empty() {
            return Some(self.clone());
        }
        let children = match self {
            Self::Leaf { items, .. } => {
                return Some(Self::build::<C>(&merge(items, changes)?, depth));
            }
            Self::Branch { children, .. } => children,
        };
        let mut updated = Vec::with_capacity(FANOUT);
        let changes = set::split(changes, depth, |change| &change.key);
        for (child, own) in children.iter().zip(changes) {
            updated.push(child.update::<C>(own, depth + 1)?);
        }
        if updated.iter().map(Self::count).sum::<usize>() <= LEAF_MAX {
            let mut items = Vec::with_capacity(LEAF_MAX);
            updated.iter().for_each(|child| child.collect(&mut items));
            return Some(Self::build::<C>(&items, depth));
        }
        Some(Self::branch::<C>(updated.try_into().ok()?))
    }

    fn collect(&self, all: &mut Vec<Item<D, V>>) {
        match self {
            Self::Leaf { items, .. } => all.extend_from_slice(items),
            Self::Branch { children, .. } => children.iter().for_each(|child| child.collect(all)),
        }
    }

    fn digest(&self) -> &D {
        match self {
            Self::Leaf { digest, .. } | Self::Branch { digest, .. } => digest,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf { items, .. } => items.len(),
            Self::Branch { count, .. } => *count,
        }
    }

    fn memory_bytes(&self) -> usize {
        16 + match self {
            Self::Leaf { items, .. } => size_of_val::<[_]>(items),
            Self::Branch { children, .. } => {
                let below: usize = children.iter().map(Self::memory_bytes).sum();
                size_of_val::<[_; FANOUT]>(children) + below
            }
        }
    }
}

/// Merges changes into a leaf's items; `None` if an item is not there that was, or the reverse.
fn merge<D: treenail_hash::Digest, V: Copy>(
    items: &[Item<D, V>],
    changes: &[Change<D, V>],
) -> Option<Vec<Item<D, V>>> {
    let mut merged = Vec::with_capacity(items.len() + changes.len());
    let mut old = items.iter().copied().peekable();
    for Change { key, was, now } in changes {
        merged.extend(std::iter::from_fn(|| old.next_if(|item| item.key < *key)));
        if old.next_if(|item| item.key == *key).is_some() != *was {
            return None;
        }
        merged.extend(now.map(|value| Item { key: *key, value }));
    }
    merged.extend(old);
    Some(merged)
}

impl<'a> Leaf for (&'a Block, &'a IdBlock) {
    type Entry = Element<'a>;
    type Entries = Elements<'a>;

    fn is_shared_with(self, other: Self) -> bool {
        self.0.is_shared_with(other.0) && self.1.is_shared_with(other.1)
    }

    fn entries(self) -> Elements<'a> {
        Elements::new(self.0, self.1)
    }

    fn name<'e>(element: &'e Element<'a>) -> &'e [u8] {
        element.name
    }
}

/// The blocks of a directory, each with its ids.
fn leaves<'a>(
    blocks: &'a Leaves<Block>,
    ids: &'a Leaves<IdBlock>,
) -> impl Iterator<Item = (&'a Block, &'a IdBlock)> {
    blocks.as_slice().iter().zip(ids.as_slice())
}
