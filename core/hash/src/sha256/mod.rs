//! SHA-256 (FIPS 180-4), for formats that ask for it.
//!
//! One message goes through the `sha2` crate, which uses the SHA instructions of x86-64 and AArch64
//! where the processor has them. [`sha256_many`] takes several messages at a time on x86-64:
//!
//! | with | at a time |
//! |---|---|
//! | SHA and AVX2 instructions | 4 |
//! | AVX-512 | 16 |
//! | AVX2 | 8 |
//! | anything else | 1, through `sha2` |

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod lanes;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod many;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sha_ni;

use sha2::Digest as _;

use crate::Hash;

/// SHA-256, as `sha256sum` prints.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Hash for Sha256 {
    type Digest = [u8; 32];
    const NAME: &'static str = "sha256";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    #[inline]
    fn hash(message: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(message).into()
    }

    fn hash_many(messages: &[&[u8]], digests: &mut [[u8; 32]]) {
        sha256_many(messages, digests);
    }
}

/// The SHA-256 of each message, `digests[i]` of `messages[i]`, several at a time.
///
/// Messages may differ in length: one that ends makes room for the next. It is quickest when those
/// that stand near each other are about as long.
///
/// # Panics
/// If the two slices differ in length.
pub fn sha256_many(messages: &[&[u8]], digests: &mut [[u8; 32]]) {
    assert_eq!(messages.len(), digests.len(), "one digest for each message");
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if messages.len() > 1 && many::hash(messages, digests) {
        return;
    }
    for (message, digest) in messages.iter().zip(digests) {
        *digest = Sha256::hash(message);
    }
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
const K: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];
