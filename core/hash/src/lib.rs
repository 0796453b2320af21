//! Content hashing for file tools: XXH3, BLAKE3, SHA-256, SHA-1 with collision detection and CRCs
//! behind one small trait; `no_std`, no alloc.
//!
//! Every algorithm is a type that implements [`Hash`] and a Cargo feature that brings it in; only
//! `xxh3` is on by default. Code that digests something is written once, over `H: Hash`.
//!
//! ```
//! # #[cfg(feature = "xxh3")] {
//! use treenail_hash::{Hash, Xxh3};
//!
//! let mut state = Xxh3::default();
//! state.update(b"tree");
//! state.update(b"nail");
//! assert_eq!(state.finish(), Xxh3::hash(b"treenail"));
//! # }
//! ```
//!
//! | module | feature | types |
//! |---|---|---|
//! | `xxh3` | `xxh3` | `Xxh3`, `Xxh128`; seeds, secrets, many messages at once |
//! | `blake3` | `blake3` | `Blake3` |
//! | `sha256` | `sha256` | `Sha256`, `sha256_many` |
//! | `sha1` | `sha1` | `Sha1`, `GitBlob`, `sha1_many`, `git_blob_many`, `Collision` |
//! | `crc32` | `crc32` | `Crc32`, `Crc32c` |
//! | `blocks` | `blocks` | `Blocks`, `RootStream`, `BlocksError` |
//! | `cdc` | `cdc` | `Chunker`, `Chunks`, `Key`, `Sizes` |
//! | `rolling` | `rolling` | `Rolling`, `MatchSet`, `Candidates` |
//!
//! Many messages at a time: [`Hash::hash_many`], and for their own kinds of result `sha1_many` and
//! `git_blob_many`.
#![no_std]

use core::fmt;

#[cfg(feature = "blake3")]
mod blake3;
#[cfg(feature = "blocks")]
pub mod blocks;
#[cfg(feature = "cdc")]
pub mod cdc;
#[allow(dead_code, reason = "not every set of features and target has a back end that asks")]
mod cpu;
#[cfg(feature = "crc32")]
mod crc32;
#[cfg(feature = "rolling")]
pub mod rolling;
#[cfg(feature = "sha1")]
mod sha1;
#[cfg(feature = "sha256")]
mod sha256;
#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    any(feature = "sha1", feature = "sha256")
))]
mod sha_lanes;
#[cfg(feature = "xxh3")]
pub mod xxh3;

#[cfg(feature = "blake3")]
pub use self::blake3::Blake3;
#[cfg(feature = "crc32")]
pub use self::crc32::{Crc32, Crc32c};
#[cfg(feature = "sha1")]
pub use self::sha1::{Collision, GitBlob, GitBlobError, Sha1, git_blob_many, sha1_many};
#[cfg(feature = "sha256")]
pub use self::sha256::{Sha256, sha256_many};
#[cfg(feature = "xxh3")]
pub use self::xxh3::{Xxh3, Xxh128};

/// For this crate's tests and measurements; nothing here is part of the interface.
#[doc(hidden)]
pub mod __internal {
    pub use crate::cpu::{Features, limit};
}

/// The README's examples, compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "xxh3", feature = "sha1"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// A hash algorithm; a value of the type is the state of one message being hashed.
///
/// The digest depends on the message alone: not on how it was cut into [`update`](Hash::update)
/// calls, nor on the processor, nor on the crate's features. Use [`hash`](Hash::hash) for a message
/// in memory: for short ones it is several times cheaper than a state.
pub trait Hash: Clone + Default {
    /// What the algorithm yields.
    type Digest: Digest;

    /// The algorithm's usual name, in lower case: `xxh3`, `blake3`.
    const NAME: &'static str;

    /// Adds `bytes` to the message.
    fn update(&mut self, bytes: &[u8]);

    /// The digest of everything added so far.
    fn finish(self) -> Self::Digest;

    /// The digest of one message held in memory.
    #[must_use]
    fn hash(message: &[u8]) -> Self::Digest {
        let mut state = Self::default();
        state.update(message);
        state.finish()
    }

    /// The digest of each message, `digests[i]` of `messages[i]`.
    ///
    /// # Panics
    /// If the two slices differ in length.
    fn hash_many(messages: &[&[u8]], digests: &mut [Self::Digest]) {
        assert_eq!(messages.len(), digests.len(), "one digest for each message");
        for (message, digest) in messages.iter().zip(digests) {
            *digest = Self::hash(message);
        }
    }
}

/// The bytes that a [`Hash`] yields: an array in the algorithm's canonical byte order.
///
/// Digests order as their bytes do, first byte first.
pub trait Digest:
    Copy + Ord + Default + AsRef<[u8]> + AsMut<[u8]> + fmt::Debug + core::hash::Hash + Send + Sync
{
    /// The digest's length; `as_ref` yields exactly as many bytes.
    const SIZE_BYTES: usize;
}

macro_rules! digest_arrays {
    ($($size:literal)*) => {$(
        impl Digest for [u8; $size] {
            const SIZE_BYTES: usize = $size;
        }
    )*};
}
digest_arrays!(4 8 16 20 32);
