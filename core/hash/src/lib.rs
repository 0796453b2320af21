//! Content hashing for file tools: XXH3, BLAKE3, SHA-256, SHA-1 with collision detection and CRCs
//! behind one small trait; `no_std`, no alloc.
#![no_std]

/// A hash algorithm; a value of the type is the state of one message being hashed.
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
pub trait Digest:
    Copy + Ord + Default + AsRef<[u8]> + AsMut<[u8]> + core::fmt::Debug + core::hash::Hash + Send + Sync
{
    /// The digest's length.
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
