//! The digest of items that are at hand in a slice.

use core::cmp::Ordering;

use treenail_hash::{Digest, Hash};

use super::encode::{self, FANOUT, LEAF_MAX};
use super::prefix::{nibble, nibbles_max};
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
        return leaf::<H, V>(items);
    }
    subtree::<H, V>(items, 0, &leaf::<H, V>(&[]))
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
        return leaf::<H, V>(items);
    }
    let mut rest = items;
    let children: [H::Digest; FANOUT] = core::array::from_fn(|at| {
        let own;
        (own, rest) = rest.split_at(rest.partition_point(|item| nibble(&item.key, depth) <= at));
        subtree::<H, V>(own, depth + 1, empty)
    });
    encode::branch::<H>(items.len(), children.iter())
}

fn leaf<H: Hash, V: Value>(items: &[Item<H::Digest, V>]) -> H::Digest {
    let value_bytes = items.first().map_or(0, |item| item.value.as_ref().len());
    encode::leaf::<H, V>(items.len(), items.iter(), value_bytes)
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
