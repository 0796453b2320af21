//! The binary fuse filter: a set of 64-bit keys in about nine bits each (or 18), asked whether a
//! key is in it. "No" is certain; "yes" is wrong for one in 256 (or 65,536) of the keys that are
//! not.
//!
//! Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022,
//! arXiv:2201.01174; the form with three places a key. The bytes are described in
//! `docs/format/fuse.md`.
//!
//! ```
//! use treenail_index::fuse::{FuseRef, build, bytes_for, scratch_words_for};
//!
//! let keys = [3, 1, 4, 1, 5, 9, 2, 6];
//! let mut scratch = vec![0; scratch_words_for(keys.len()).unwrap()];
//! let mut bytes = vec![0; bytes_for::<u8>(keys.len()).unwrap()];
//! build::<u8>(&keys, 0, &mut scratch, &mut bytes)?;
//!
//! // Later, from a file that is mapped:
//! let filter = FuseRef::<u8>::new_checked(&bytes)?;
//! assert_eq!(filter.len(), 7);
//! assert!(keys.iter().all(|key| filter.contains(*key)));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Keys are hashed within the filter, so they may be numbers of any kind, or the first eight
//! bytes of digests. The seed makes the result reproducible and is in the filter: who sees the
//! filter can find keys that it takes for its own.

mod build;
mod error;
mod filter;
mod header;
mod layout;

#[cfg(all(test, not(loom)))]
mod tests;

pub use self::build::build;
pub use self::error::{BuildError, FuseError};
pub use self::filter::{Fingerprint, FuseRef};
pub use self::layout::{KEYS_MAX, bytes_for, scratch_words_for};
