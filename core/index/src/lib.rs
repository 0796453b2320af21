//! Looking things up in memory that the caller owns, shared between threads or processes; `no_std`,
//! no alloc.
//!
//! [`Map`] is a concurrent map of fixed capacity: reads are wait-free, a write locks one slot,
//! and a full map says so. [`fuse`] is a filter of about nine bits a key that says "surely not"
//! or "probably", built in the caller's memory and read from bytes as they are.
//!
//! ```
//! use core::sync::atomic::AtomicU64;
//! use treenail_index::Map;
//!
//! let words = [const { AtomicU64::new(0) }; 256];
//! let map = Map::<u64>::create(&words, 0x5eed)?;
//! std::thread::scope(|scope| {
//!     scope.spawn(|| map.insert(1, 100));
//!     scope.spawn(|| map.insert(2, 200));
//! });
//! assert_eq!(map.get(1).zip(map.get(2)), Some((100, 200)));
//! # Ok::<(), treenail_index::TooSmall>(())
//! ```
//!
//! Neither allocates, ever. The map needs a target with 64-bit atomics; the filter is for all.
#![no_std]
#![forbid(unsafe_code)]

pub mod fuse;
#[cfg(target_has_atomic = "64")]
mod map;
#[cfg(target_has_atomic = "64")]
mod primitive;

#[cfg(target_has_atomic = "64")]
use primitive::atomic::AtomicU64;

#[cfg(target_has_atomic = "64")]
pub use self::map::{AttachError, Busy, InsertError, Iter, Key, Map, PATIENCE, TooSmall, Usage};

/// The part of `words` that begins at a multiple of 128 bytes.
///
/// There a bucket of a [`Map`] is two neighbouring cache lines, where it would touch three
/// elsewhere. Take fifteen words more than the map needs.
#[cfg(target_has_atomic = "64")]
#[must_use]
pub fn aligned(words: &[AtomicU64]) -> &[AtomicU64] {
    let skip = words.as_ptr().align_offset(128);
    words.get(skip..).unwrap_or_default()
}

/// The README's example, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
