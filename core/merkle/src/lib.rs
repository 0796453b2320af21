//! Merkle structures over memory that the caller owns; `no_std`, no alloc.
//!
//! [`set`] is a set whose digest is a function of its items alone, however they came in, with a
//! diff that touches only what differs. Two machines that hold such sets find out in a few
//! exchanges which items they do not share.
//!
//! ```
//! use treenail_hash::{Hash, Xxh128};
//! use treenail_merkle::set::{self, Item};
//!
//! let item = |name: &str, value| Item { key: Xxh128::hash(name.as_bytes()), value };
//! let mut items = [item("a", *b"one"), item("b", *b"two")];
//! let mut reversed = [items[1], items[0]];
//! assert_eq!(set::digest::<Xxh128, _>(&mut items), set::digest::<Xxh128, _>(&mut reversed));
//! ```
#![no_std]
#![forbid(unsafe_code)]

pub mod array;
mod hashing;
pub mod log;
pub mod set;

pub use self::hashing::{empty_digest, leaf_digest, leaf_digests, node_digest};

/// The README's example, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
