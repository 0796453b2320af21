//! What the tests of chunking and of the rolling sum share.

use std::sync::{Mutex, PoisonError};

use treenail_hash::__internal::{Features, limit};

/// The features that select each back end, the least able first. Where the machine or the
/// architecture lacks one, the next lesser runs again.
const BACK_ENDS: [Features; 6] = [
    Features::NONE,
    Features::AES_NI.with(Features::SSE41),
    Features::AVX2.with(Features::BMI2),
    Features::AVX2.with(Features::AES_NI).with(Features::VAES),
    Features::NEON,
    Features::ALL,
];

/// Runs `test` with each back end, one such run at a time.
pub(crate) fn on_every_back_end(mut test: impl FnMut(Features)) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for features in BACK_ENDS {
        limit(features);
        test(features);
    }
    limit(Features::ALL);
}

/// Bytes without a pattern, the same for the same seed (splitmix64).
pub(crate) fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect();
    bytes.truncate(length);
    bytes
}
