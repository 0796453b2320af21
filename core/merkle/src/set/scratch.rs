//! The digest of items that are at hand in a slice.

use core::cmp::Ordering;

use treenail_hash::{Digest, Hash};

use super::encode::{self, LEAF_MAX};
use super::prefix::{nibbles_max, split};
use super::{Item, Value};

/// The digest of the set of `items`, which it puts in ascending order.
///
/// Needs no memory besides the slice. Equal keys are allowed: the items are then a multiset.
///
/// # Panics
/// In builds with debug assertions, if two values differ in length.
#[must_use]
pub fn digest<H: Hash, V: Value>(items: &mut [Item<H::Digest, V>]) -> H::Digest {
    items.sort_unstable_by(ascending);
    if items.len() <= LEAF_MAX {
        return leaf_digest::<H, V>(items);
    }
    subtree::<H, V>(items, 0, &leaf_digest::<H, V>(&[]))
}

/// The digest of a leaf of these items, which ascend by key and value.
///
/// For structures that keep the nodes of a set in their own way: a node is a leaf when it has at
/// most [`LEAF_MAX`] items or its prefix is a whole key, or else a [branch](super::branch_digest)
/// over what [`split`](super::split) makes of its items.
///
/// # Panics
/// In builds with debug assertions, if two values differ in length or the items do not ascend.
#[must_use]
pub fn leaf_digest<H: Hash, V: Value>(items: &[Item<H::Digest, V>]) -> H::Digest {
    debug_assert!(items.is_sorted_by(|a, b| ascending(a, b).is_le()), "the items ascend");
    let value_bytes = items.first().map_or(0, |item| item.value.as_ref().len());
    encode::leaf::<H, V>(items.len(), items.iter(), value_bytes)
}

/// The digest of ascending `items` whose first `depth` nibbles are alike; `empty` is that of none.
fn subtree<H: Hash, V: Value>(
    items: &[Item<H::Digest, V>],
    depth: usize,
    empty: &H::Digest,
) -> H::Digest {
    if items.is_empty() {
        return *empty;
    }
    if items.len() <= LEAF_MAX || depth == nibbles_max::<H::Digest>() {
        return leaf_digest::<H, V>(items);
    }
    let children = split(items, depth, |item| &item.key);
    let digests = children.map(|own| subtree::<H, V>(own, depth + 1, empty));
    encode::branch_digest::<H>(items.len(), &digests)
}

/// The order of key and value as bytes.
///
/// Keys that are digests nearly always differ in their first eight bytes, and comparing those as
/// one number is several times faster than comparing strings.
#[inline]
fn ascending<D: Digest, V: Value>(a: &Item<D, V>, b: &Item<D, V>) -> Ordering {
    if let (Some(a), Some(b)) = (a.key.as_ref().first_chunk(), b.key.as_ref().first_chunk()) {
        let (a, b) = (u64::from_be_bytes(*a), u64::from_be_bytes(*b));
        if a != b {
            return a.cmp(&b);
        }
    }
    a.key.cmp(&b.key).then_with(|| a.value.as_ref().cmp(b.value.as_ref()))
}
