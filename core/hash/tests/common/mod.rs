//! What the tests of several back ends share.

use std::sync::{Mutex, PoisonError};

use treenail_hash::__internal::{Features, limit};

/// One test at a time may say what the processor has.
static PROCESSOR: Mutex<()> = Mutex::new(());

const BACK_ENDS: [Features; 5] = [
    Features::ALL,
    Features::SHA_NI.with(Features::AVX2),
    Features::AVX512,
    Features::AVX2,
    Features::NONE,
];

/// Runs `test` with each back end; what a machine lacks falls back to the next one.
pub(crate) fn with_each_back_end(test: impl Fn()) {
    /// Takes the limit away, whatever became of the test.
    struct Unlimited;
    impl Drop for Unlimited {
        fn drop(&mut self) {
            limit(Features::ALL);
        }
    }
    let _alone = PROCESSOR.lock().unwrap_or_else(PoisonError::into_inner);
    let _unlimited = Unlimited;
    for features in BACK_ENDS {
        limit(features);
        test();
    }
}

/// Xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}
