//! The history-independent set: a digest that is a function of the items alone, in O(log n) hashes
//! a change.
//!
//! # Definition
//! Let `H` be a [`Hash`] algorithm whose digests have `s` bytes. An item is a key, which is a
//! digest of `H` (usually of what identifies the item), and a value, a string of bytes that has the
//! same length for every item of the set. A key is read as `2s` nibbles, the high nibble of a byte
//! first. The digest of the items whose keys begin with a prefix of `d` nibbles is:
//!
//! - of a *leaf*, when there are at most [`LEAF_MAX`] of them or `d = 2s`:
//!   `H(0x00 || count || key || value || key || value ...)`, in ascending order of `key || value`;
//! - of a *branch* otherwise: `H(0x01 || count || digest 0 || ... || digest 15)`, where `digest i`
//!   is the digest of the items whose keys begin with the prefix followed by nibble `i`, be there
//!   any or not.
//!
//! `count` is the number of items as 8 bytes, little-endian. The digest of the set is that of the
//! empty prefix. The first byte keeps leaves and branches apart: no leaf's message is a branch's.
//!
//! The number of levels follows the keys. Keys that are digests of a cryptographic hash keep it at
//! `log16(n / 64)` whoever chooses the items; with XXH3 someone may craft names whose keys share a
//! long prefix, which costs up to `2s` levels and never a wrong digest.
//!
//! # What is here
//! - [`digest`] computes the digest of a slice of items, once.
//! - [`Set`] keeps items in the caller's memory and updates its digest after changes.
//! - [`diff`] visits what differs between two sets; [`Set::summary`] and [`Set::items`] are what
//!   two machines exchange to do the same at a distance.
//! - [`leaf_digest`], [`branch_digest`] and [`split`] are the definition's parts, for structures
//!   that keep the nodes in their own way, for instance shared between versions.

mod arena;
mod diff;
mod encode;
mod node;
mod prefix;
mod range;
mod scratch;
mod table;

pub use self::diff::{Touched, diff};
pub use self::encode::{FANOUT, LEAF_MAX, branch_digest};
pub use self::node::{Full, Node, Slot, Summary, nodes_for};
pub use self::prefix::{Prefix, split};
pub use self::range::Items;
pub use self::scratch::{digest, leaf_digest};
pub use self::table::Set;

#[cfg(doc)]
use treenail_hash::Hash;

/// One item of a set: `value` under `key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<D, V> {
    /// What the item is filed under, usually the digest of its name.
    pub key: D,
    /// What the set says about the key.
    pub value: V,
}

/// What can be a value: plain bytes, as many for every item of a set.
pub trait Value: Copy + AsRef<[u8]> {}

impl<V: Copy + AsRef<[u8]>> Value for V {}
