//! The secret bytes that a message is mixed with.

use super::arith::read_u64;

/// The length of the default secret, and of one derived from a seed.
pub(super) const DEFAULT_BYTES: usize = 192;

/// What messages of up to 240 bytes use of any secret.
pub(super) type Head = [u8; Secret::SIZE_BYTES_MIN];

/// A secret that is long enough for every message length.
///
/// The digest depends on all of it for messages over 240 bytes, on its first 136 bytes for shorter
/// ones. It should look random: xxHash's `XXH3_generateSecret` makes such bytes from any. It is no
/// key: XXH3 protects against nobody who can see digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secret<'s>(&'s [u8]);

impl<'s> Secret<'s> {
    /// The least length of a secret.
    pub const SIZE_BYTES_MIN: usize = 136;

    /// The secret of the functions that take none.
    pub const DEFAULT: Secret<'static> = Secret(&DEFAULT);

    /// `bytes` as a secret; `None` if they are fewer than
    /// [`SIZE_BYTES_MIN`](Self::SIZE_BYTES_MIN).
    #[must_use]
    pub const fn new(bytes: &'s [u8]) -> Option<Self> {
        if bytes.len() < Self::SIZE_BYTES_MIN { None } else { Some(Self(bytes)) }
    }

    #[inline(always)]
    pub(super) fn bytes(self) -> &'s [u8] {
        self.0
    }

    /// The bytes, if there are as many as of the default secret.
    #[inline(always)]
    pub(super) fn usual(self) -> Option<&'s [u8; DEFAULT_BYTES]> {
        self.0.try_into().ok()
    }
}

/// What a message of up to 240 bytes is mixed with.
pub(super) trait ShortKey {
    fn seed(&self) -> u64;
    fn head(&self) -> &Head;
}

/// What a message of any length is mixed with.
pub(super) trait Key: ShortKey + Clone {
    /// For messages of more than 240 bytes.
    fn secret(&self) -> Secret<'_>;
}

/// Seed 0 and the default secret.
#[derive(Clone)]
pub(super) struct Unseeded;

impl ShortKey for Unseeded {
    #[inline(always)]
    fn seed(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn head(&self) -> &Head {
        DEFAULT_HEAD
    }
}

impl Key for Unseeded {
    #[inline(always)]
    fn secret(&self) -> Secret<'_> {
        Secret::DEFAULT
    }
}

/// A seed alone.
pub(super) struct Seed(pub(super) u64);

impl ShortKey for Seed {
    #[inline(always)]
    fn seed(&self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn head(&self) -> &Head {
        DEFAULT_HEAD
    }
}

/// A seed with the secret that it stands for.
#[derive(Clone)]
pub(super) struct Seeded {
    seed: u64,
    secret: [u8; DEFAULT_BYTES],
}

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, secret: if seed == 0 { DEFAULT } else { derive(seed) } }
    }
}

impl ShortKey for Seeded {
    #[inline(always)]
    fn seed(&self) -> u64 {
        self.seed
    }

    #[inline(always)]
    fn head(&self) -> &Head {
        DEFAULT_HEAD
    }
}

impl Key for Seeded {
    #[inline(always)]
    fn secret(&self) -> Secret<'_> {
        Secret(&self.secret)
    }
}

impl ShortKey for Secret<'_> {
    #[inline(always)]
    fn seed(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn head(&self) -> &Head {
        self.0.first_chunk().expect("as long as `new` asks for")
    }
}

impl Key for Secret<'_> {
    #[inline(always)]
    fn secret(&self) -> Secret<'_> {
        *self
    }
}

/// The default secret's first bytes.
const DEFAULT_HEAD: &Head = match DEFAULT.first_chunk() {
    Some(head) => head,
    None => unreachable!(),
};

/// The secret that stands for a seed in messages over 240 bytes.
fn derive(seed: u64) -> [u8; DEFAULT_BYTES] {
    let mut secret = DEFAULT;
    for (i, word) in secret.chunks_exact_mut(8).enumerate() {
        let default = read_u64(word, 0);
        let mixed =
            if i % 2 == 0 { default.wrapping_add(seed) } else { default.wrapping_sub(seed) };
        word.copy_from_slice(&mixed.to_le_bytes());
    }
    secret
}

#[rustfmt::skip]
pub(super) const DEFAULT: [u8; DEFAULT_BYTES] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];
