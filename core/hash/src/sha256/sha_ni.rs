//! The compression function with the SHA instructions, on several messages at a time: one
//! message's steps wait for each other, and another's fill the gaps.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_storeu_si128, _mm_unpackhi_epi32, _mm_unpackhi_epi64,
    _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

use super::K;
use crate::sha_lanes::BLOCK_BYTES;

pub(super) const LANES: usize = 4;

/// Takes `blocks` blocks of each run.
#[target_feature(enable = "sha,avx2")]
pub(super) fn compress(state: &mut [[u32; LANES]; 8], runs: &[&[u8]; LANES], blocks: usize) {
    // The instructions want the words in this order, the last one uppermost.
    let mut abef = transpose([5, 4, 1, 0].map(|word: usize| load(&state[word])));
    let mut cdgh = transpose([7, 6, 3, 2].map(|word: usize| load(&state[word])));
    for block in 0..blocks {
        let at = block * BLOCK_BYTES;
        let runs = runs.map(|run| run[at..at + BLOCK_BYTES].try_into().expect("64 bytes"));
        compress_block(&mut abef, &mut cdgh, runs);
    }
    for (word, value) in [5, 4, 1, 0].into_iter().zip(transpose(abef)) {
        store(value, &mut state[word]);
    }
    for (word, value) in [7, 6, 3, 2].into_iter().zip(transpose(cdgh)) {
        store(value, &mut state[word]);
    }
}

#[inline]
#[target_feature(enable = "sha,avx2")]
fn compress_block(
    abef: &mut [__m128i; LANES],
    cdgh: &mut [__m128i; LANES],
    blocks: [&[u8; BLOCK_BYTES]; LANES],
) {
    let (abef_before, cdgh_before) = (*abef, *cdgh);
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    // Four words a vector, the four vectors that the next ones are made of.
    let mut w = [[_mm_setzero_si128(); LANES]; 4];
    macro_rules! steps {
        ($($from:literal)*) => {$(
            const { assert!($from % 4 == 0) }
            let now = $from / 4 % 4;
            let k = load(K[$from..].first_chunk().expect("four constants"));
            let mut sums = w[now];
            for lane in 0..LANES {
                sums[lane] = _mm_add_epi32(sums[lane], k);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sums[lane]);
            }
            for lane in 0..LANES {
                let sum = _mm_shuffle_epi32::<0b00_00_11_10>(sums[lane]);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], sum);
            }
            if $from < 48 {
                for lane in 0..LANES {
                    let [next, after, last] = [(now + 1) % 4, (now + 2) % 4, (now + 3) % 4];
                    let sum = _mm_add_epi32(
                        _mm_sha256msg1_epu32(w[now][lane], w[next][lane]),
                        _mm_alignr_epi8::<4>(w[last][lane], w[after][lane]),
                    );
                    w[now][lane] = _mm_sha256msg2_epu32(sum, w[last][lane]);
                }
            }
        )*};
    }
    for lane in 0..LANES {
        for (t, words) in blocks[lane].as_chunks::<16>().0.iter().enumerate() {
            // SAFETY: `words` are the 16 bytes that are read, which need no alignment.
            let words = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
            w[t][lane] = _mm_shuffle_epi8(words, big_endian);
        }
    }
    // A loop here costs 4 % for the moves between its turns.
    steps!(0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60);
    for lane in 0..LANES {
        abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
        cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u32; 4]) -> __m128i {
    // SAFETY: `words` are the 16 bytes that are read, which need no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: __m128i, words: &mut [u32; 4]) {
    // SAFETY: `words` are the 16 bytes that are written, which need no alignment.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), vector) }
}

/// Word `i` of vector `j` becomes word `j` of vector `i`.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [__m128i; 4]) -> [__m128i; 4] {
    let (low, low_2) = (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
    let (high, high_2) = (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
    [
        _mm_unpacklo_epi64(low, low_2),
        _mm_unpackhi_epi64(low, low_2),
        _mm_unpacklo_epi64(high, high_2),
        _mm_unpackhi_epi64(high, high_2),
    ]
}
