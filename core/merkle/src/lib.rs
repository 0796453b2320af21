//! Merkle structures over memory that the caller owns; `no_std`, no alloc, no unsafe code.
//!
//! | module | holds | a change costs |
//! |---|---|---|
//! | [`mod@log`] | a sequence that only grows, as RFC 9162 has it | 1 hash on average |
//! | [`mod@array`] | leaves at fixed positions | log2 n hashes, side by side |
//! | [`mod@set`] | items under hashed keys | log16 n hashes |
//!
//! A log proves that a leaf is in it and that it only grew, an array that a leaf is at its
//! position. Both proofs are verified without trusting a byte of them.
//!
//! The digest of a `log` and of an `array` is a function of the leaves in order, and the same for
//! both; that of a `set` is a function of its items alone, however they came in. Arrays and sets
//! have a diff that touches only what differs.
//!
//! ```
//! use treenail_hash::Sha256;
//! use treenail_merkle::leaf_digest;
//! use treenail_merkle::log::CompactRange;
//!
//! let mut log = CompactRange::<Sha256>::new();
//! for entry in [&b"first"[..], b"second", b"third"] {
//!     log.push(leaf_digest::<Sha256>(entry))?;
//! }
//! assert_eq!(log.size().0, 3);
//! assert_eq!(log.root()[..4], [0xc3, 0x65, 0x1e, 0x54]);
//! # Ok::<(), treenail_merkle::log::RangeError>(())
//! ```
//!
//! # Memory and stack
//! What grows with the number of leaves is in slices that the caller passes. On the stack, a call
//! of `log` or `array` takes up to 24 KiB with SHA-256 when it is optimised, 40 KiB when it is not;
//! `set` recurses, about 1 KiB for each level of its trie, of which a million items have four.
#![no_std]
#![forbid(unsafe_code)]

pub mod array;
mod hashing;
pub mod log;
pub mod set;

pub use self::hashing::{empty_digest, leaf_digest, leaf_digests, node_digest};

/// The README's examples, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
