//! Asking the filter.

use core::fmt;

use super::error::FuseError;
use super::header::{HEADER_BYTES, Header};
use super::layout::Places;

/// What a filter keeps of each key: `u8` (1 in 256 foreign keys passes) or `u16` (1 in 65,536).
pub trait Fingerprint: Sealed + Copy + Eq {
    /// Its length in the filter.
    const BYTES: usize;
}

/// What only this crate's fingerprints have.
pub trait Sealed: Sized {
    /// The fingerprint's bytes, little-endian.
    #[doc(hidden)]
    type Raw: Copy;
    #[doc(hidden)]
    fn of_hash(hash: u64) -> Self;
    #[doc(hidden)]
    fn raws(bytes: &[u8]) -> &[Self::Raw];
    #[doc(hidden)]
    fn raws_mut(bytes: &mut [u8]) -> &mut [Self::Raw];
    #[doc(hidden)]
    fn from_raw(raw: Self::Raw) -> Self;
    #[doc(hidden)]
    fn to_raw(self) -> Self::Raw;
    #[doc(hidden)]
    fn xor(self, other: Self) -> Self;
}

macro_rules! fingerprints {
    ($($fingerprint:ident)*) => {$(
        impl Fingerprint for $fingerprint {
            const BYTES: usize = size_of::<$fingerprint>();
        }

        impl Sealed for $fingerprint {
            type Raw = [u8; size_of::<$fingerprint>()];

            #[inline]
            fn of_hash(hash: u64) -> Self {
                (hash ^ hash >> 32) as $fingerprint
            }

            #[inline]
            fn raws(bytes: &[u8]) -> &[Self::Raw] {
                bytes.as_chunks().0
            }

            #[inline]
            fn raws_mut(bytes: &mut [u8]) -> &mut [Self::Raw] {
                bytes.as_chunks_mut().0
            }

            #[inline]
            fn from_raw(raw: Self::Raw) -> Self {
                $fingerprint::from_le_bytes(raw)
            }

            #[inline]
            fn to_raw(self) -> Self::Raw {
                self.to_le_bytes()
            }

            #[inline]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
        }
    )*};
}
fingerprints!(u8 u16);

/// A filter read from bytes as they are; they need no alignment.
#[derive(Clone, Copy)]
pub struct FuseRef<'a, F: Fingerprint = u8> {
    fingerprints: &'a [F::Raw],
    seed: u64,
    places: Places,
    keys: u64,
}

impl<'a, F: Fingerprint> FuseRef<'a, F> {
    /// The filter that `bytes` hold, all of them and nothing more.
    ///
    /// The header is checked here, against itself and against the number of bytes; O(1). Damage
    /// to the fingerprints is not noticed, and makes answers wrong.
    ///
    /// # Errors
    /// [`FuseError`] says what is not as it should be.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, FuseError> {
        let Header { keys, seed, layout, .. } = Header::read(bytes, 8 * F::BYTES as u32)?;
        let fingerprints = F::raws(bytes.get(HEADER_BYTES..).unwrap_or_default());
        Ok(Self { fingerprints, seed, places: layout.to_places(), keys })
    }

    /// Whether `key` is in the set: false is certain, true is likely.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: u64) -> bool {
        let hash = mix(key, self.seed);
        let [a, b, c] = self.places.of(hash);
        // Places are within the fingerprints but for the empty filter, which holds no key.
        match (self.at(a), self.at(b), self.at(c)) {
            (Some(a), Some(b), Some(c)) => a.xor(b).xor(c) == F::of_hash(hash),
            _ => false,
        }
    }

    /// How many distinct keys the set has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.keys
    }

    /// Whether the set has no keys; it then contains none for certain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    #[inline]
    fn at(&self, place: u32) -> Option<F> {
        self.fingerprints.get(place as usize).map(|raw| F::from_raw(*raw))
    }
}

impl<F: Fingerprint> fmt::Debug for FuseRef<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuseRef")
            .field("keys", &self.keys)
            .field("fingerprint_bytes", &F::BYTES)
            .field("places", &self.fingerprints.len())
            .finish_non_exhaustive()
    }
}

/// The hash of a key: for each seed a permutation, so that distinct keys have distinct hashes.
/// MurmurHash3's finaliser (Appleby, 2011).
#[inline]
pub(crate) fn mix(key: u64, seed: u64) -> u64 {
    let hash = key.wrapping_add(seed);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}
