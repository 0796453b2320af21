//! XXH3, the fast non-cryptographic hash of the xxHash family, in its 64-bit and 128-bit forms.
//!
//! Anyone can make two messages with the same XXH3 digest, so it tells changes apart from
//! accidents only, never from an attacker's work.
//!
//! ```
//! use treenail_hash::xxh3::{xxh3_64, xxh3_64_many};
//!
//! let messages: [&[u8]; 2] = [b"tree", b"nail"];
//! let mut digests = [0; 2];
//! xxh3_64_many(&messages, &mut digests);
//! assert_eq!(digests, messages.map(xxh3_64));
//! ```
//!
//! # Which instructions are used
//!
//! All digests equal those of xxHash 0.8, and are the same on every processor.
//!
//! | message | instructions |
//! |---|---|
//! | up to 240 bytes | scalar; the processor is not asked |
//! | longer, and streams | AVX-512 (F, BW, DQ, VL), else AVX2, else SSE2; NEON; else portable |
//! | many, XXH3-64 of 65 to 240 bytes | AVX-512, eight messages at once; else one by one |
//! | many, longer | AVX-512, two messages at once; else one by one |
//!
//! The choice is made at run time, without the standard library on x86-64. Where vector
//! instructions are not for everyone (a target without SSE2, a big-endian AArch64) the portable
//! code is all there is.
//!
//! The `many` functions allocate nothing and take messages in any order and of any lengths. They
//! gain most where lengths cannot be predicted, and nothing for messages of up to 64 bytes.

mod arith;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx2;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx512;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx512_eight;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx512_many;
mod dispatch;
mod long;
mod many;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod pairs;
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable;
mod secret;
mod short;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;
mod stream;
#[cfg(test)]
mod tests;

pub use self::secret::Secret;

use self::secret::{Key, Seed, Seeded, ShortKey, Unseeded};
use self::short::SHORT_BYTES_MAX;
use self::stream::Stream;
use crate::Hash;

/// XXH3 with 64 bits of `message`, as xxHash's `XXH3_64bits`.
#[inline]
#[must_use]
pub fn xxh3_64(message: &[u8]) -> u64 {
    if message.len() <= SHORT_BYTES_MAX {
        hash_64_short(message, &Unseeded)
    } else {
        hash_64_long(message, &Unseeded)
    }
}

/// XXH3 with 64 bits of `message` and a seed, as xxHash's `XXH3_64bits_withSeed`.
#[inline]
#[must_use]
pub fn xxh3_64_with_seed(message: &[u8], seed: u64) -> u64 {
    if seed == 0 {
        xxh3_64(message)
    } else if message.len() <= SHORT_BYTES_MAX {
        hash_64_short(message, &Seed(seed))
    } else {
        hash_64_long(message, &Seeded::new(seed))
    }
}

/// XXH3 with 64 bits of `message` and a secret, as xxHash's `XXH3_64bits_withSecret`.
#[inline]
#[must_use]
pub fn xxh3_64_with_secret(message: &[u8], secret: Secret<'_>) -> u64 {
    if message.len() <= SHORT_BYTES_MAX {
        hash_64_short(message, &secret)
    } else {
        hash_64_long(message, &secret)
    }
}

/// XXH3 with 128 bits of `message`, as xxHash's `XXH3_128bits`.
#[inline]
#[must_use]
pub fn xxh3_128(message: &[u8]) -> u128 {
    if message.len() <= SHORT_BYTES_MAX {
        hash_128_short(message, &Unseeded)
    } else {
        hash_128_long(message, &Unseeded)
    }
}

/// XXH3 with 128 bits of `message` and a seed, as xxHash's `XXH3_128bits_withSeed`.
#[inline]
#[must_use]
pub fn xxh3_128_with_seed(message: &[u8], seed: u64) -> u128 {
    if seed == 0 {
        xxh3_128(message)
    } else if message.len() <= SHORT_BYTES_MAX {
        hash_128_short(message, &Seed(seed))
    } else {
        hash_128_long(message, &Seeded::new(seed))
    }
}

/// XXH3 with 128 bits of `message` and a secret, as xxHash's `XXH3_128bits_withSecret`.
#[inline]
#[must_use]
pub fn xxh3_128_with_secret(message: &[u8], secret: Secret<'_>) -> u128 {
    if message.len() <= SHORT_BYTES_MAX {
        hash_128_short(message, &secret)
    } else {
        hash_128_long(message, &secret)
    }
}

/// [`xxh3_64`] of each message: `digests[i]` of `messages[i]`.
///
/// # Panics
/// If the two slices differ in length.
pub fn xxh3_64_many(messages: &[&[u8]], digests: &mut [u64]) {
    many::hash_64(messages, digests, |digest| digest);
}

/// [`xxh3_128`] of each message: `digests[i]` of `messages[i]`.
///
/// # Panics
/// If the two slices differ in length.
pub fn xxh3_128_many(messages: &[&[u8]], digests: &mut [u128]) {
    many::hash_128(messages, digests, |digest| digest);
}

/// XXH3-64 of a message of at most 240 bytes.
#[inline(always)]
fn hash_64_short<K: ShortKey>(message: &[u8], key: &K) -> u64 {
    match message.len() {
        0..=16 => short::hash_64_to_16(message, key),
        17..=128 => short::hash_64_to_128(message, key),
        _ => short::hash_64_to_240(message, key),
    }
}

/// XXH3-128 of a message of at most 240 bytes.
#[inline(always)]
fn hash_128_short<K: ShortKey>(message: &[u8], key: &K) -> u128 {
    match message.len() {
        0..=16 => short::hash_128_to_16(message, key),
        17..=128 => short::hash_128_to_128(message, key),
        _ => short::hash_128_to_240(message, key),
    }
}

/// XXH3-64 of a message of more than 240 bytes.
#[inline(never)]
fn hash_64_long<K: Key>(message: &[u8], key: &K) -> u64 {
    dispatch::hash_64(message, key.secret())
}

/// XXH3-128 of a message of more than 240 bytes.
#[inline(never)]
fn hash_128_long<K: Key>(message: &[u8], key: &K) -> u128 {
    dispatch::hash_128(message, key.secret())
}

/// Implements a stream's methods, and [`Hash`] for the seeded one.
macro_rules! state {
    ($seeded:ident, $with_secret:ident, $digest:ident, $output:ty, $name:literal,
     $one:ident, $many:ident) => {
        impl $seeded {
            /// The state for a seed; that of 0 is the default.
            #[must_use]
            pub fn with_seed(seed: u64) -> Self {
                Self(Stream::new(Seeded::new(seed)))
            }

            /// The digest of everything added so far; more can follow.
            #[must_use]
            pub fn digest(&self) -> $output {
                self.0.$digest()
            }
        }

        impl Default for $seeded {
            fn default() -> Self {
                Self::with_seed(0)
            }
        }

        impl Hash for $seeded {
            type Digest = [u8; size_of::<$output>()];
            const NAME: &'static str = $name;

            fn update(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }

            fn finish(self) -> Self::Digest {
                self.digest().to_be_bytes()
            }

            // A stream's state is over 500 bytes; a short message takes less time than its set-up.
            #[inline]
            fn hash(message: &[u8]) -> Self::Digest {
                $one(message).to_be_bytes()
            }

            fn hash_many(messages: &[&[u8]], digests: &mut [Self::Digest]) {
                many::$many(messages, digests, <$output>::to_be_bytes);
            }
        }

        impl<'s> $with_secret<'s> {
            /// The state for `secret`.
            #[must_use]
            pub fn new(secret: Secret<'s>) -> Self {
                Self(Stream::new(secret))
            }

            /// Adds `bytes` to the message.
            pub fn update(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }

            /// The digest of everything added so far; more can follow.
            #[must_use]
            pub fn digest(&self) -> $output {
                self.0.$digest()
            }
        }
    };
}

/// XXH3 with 64 bits of a message in pieces; the digest of [`Hash`] is in the canonical
/// (big-endian) order that `xxhsum -H3` prints.
#[derive(Clone)]
pub struct Xxh3(Stream<Seeded>);

/// XXH3 with 64 bits of a message in pieces, with a secret.
#[derive(Clone)]
pub struct Xxh3WithSecret<'s>(Stream<Secret<'s>>);

state!(Xxh3, Xxh3WithSecret, digest_64, u64, "xxh3", xxh3_64, hash_64);

/// XXH3 with 128 bits of a message in pieces; the digest of [`Hash`] is in the canonical
/// (big-endian) order that `xxhsum -H2` prints.
#[derive(Clone)]
pub struct Xxh128(Stream<Seeded>);

/// XXH3 with 128 bits of a message in pieces, with a secret.
#[derive(Clone)]
pub struct Xxh128WithSecret<'s>(Stream<Secret<'s>>);

state!(Xxh128, Xxh128WithSecret, digest_128, u128, "xxh128", xxh3_128, hash_128);
