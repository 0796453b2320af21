//! The compression function with the SHA instructions.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_loadu_si128, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha1msg1_epu32, _mm_sha1msg2_epu32, _mm_sha1nexte_epu32, _mm_sha1rnds4_epu32,
    _mm_shuffle_epi8, _mm_storeu_si128, _mm_xor_si128,
};

use super::exact::State;
use crate::sha_lanes::BLOCK_BYTES;

/// A chaining value as the instructions want it: `a` uppermost.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub(super) abcd: __m128i,
    e: __m128i,
}

#[inline]
#[target_feature(enable = "sha,avx2")]
pub(super) fn pack([a, b, c, d, e]: State) -> Chain {
    let [a, b, c, d, e] = [a, b, c, d, e].map(u32::cast_signed);
    Chain { abcd: _mm_set_epi32(a, b, c, d), e: _mm_set_epi32(e, 0, 0, 0) }
}

#[inline]
#[target_feature(enable = "sha,avx2")]
pub(super) fn unpack(chain: Chain) -> State {
    let mut words = [0; 4];
    // SAFETY: `words` are the 16 bytes that are written, which need no alignment.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), chain.abcd) };
    let [d, c, b, a] = words;
    [a, b, c, d, _mm_extract_epi32::<3>(chain.e).cast_unsigned()]
}

/// Takes one block.
#[inline]
#[target_feature(enable = "sha,avx2")]
pub(super) fn take(chain: Chain, block: &[u8; BLOCK_BYTES]) -> Chain {
    let reversed = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
    let mut w = [chain.e; 4];
    for (words, bytes) in w.iter_mut().zip(block.as_chunks::<16>().0) {
        // SAFETY: `bytes` are the 16 bytes that are read, which need no alignment.
        let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        *words = _mm_shuffle_epi8(bytes, reversed);
    }
    let mut abcd = chain.abcd;
    // What `e` is made of: `a` as it was four steps ago.
    let mut earlier = chain.abcd;
    macro_rules! four_steps {
        ($f:literal, $($t:literal)*) => {$(
            let now = $t % 4;
            if $t > 3 {
                w[now] = _mm_sha1msg2_epu32(
                    _mm_xor_si128(
                        _mm_sha1msg1_epu32(w[now], w[(now + 1) % 4]),
                        w[(now + 2) % 4],
                    ),
                    w[(now + 3) % 4],
                );
            }
            let sum = if $t == 0 {
                _mm_add_epi32(chain.e, w[now])
            } else {
                _mm_sha1nexte_epu32(earlier, w[now])
            };
            earlier = abcd;
            abcd = _mm_sha1rnds4_epu32::<$f>(abcd, sum);
        )*};
    }
    four_steps!(0, 0 1 2 3 4);
    four_steps!(1, 5 6 7 8 9);
    four_steps!(2, 10 11 12 13 14);
    four_steps!(3, 15 16 17 18 19);
    Chain { abcd: _mm_add_epi32(abcd, chain.abcd), e: _mm_sha1nexte_epu32(earlier, chain.e) }
}
