//! Which of the kernels takes many messages, and how they are fed.

use super::lanes::{avx2, avx512};
use super::sha_ni;
use crate::cpu::{self, Features};
use crate::sha_lanes::{self, BLOCK_BYTES, Batch, Blocks, Kernel};

const WORDS: usize = 8;

/// Hashes all messages unless the processor has no lanes.
///
/// On Zen 4 (64 messages of 4 KiB) the SHA instructions take 18.0 ns a block with four messages at
/// a time, AVX-512 lanes 20 ns, AVX2 lanes and one message at a time 36 ns. The SHA instructions
/// need the fewest messages to be worth it, too, and go first.
#[inline(never)]
pub(super) fn hash(messages: &[&[u8]], digests: &mut [[u8; 32]]) -> bool {
    let mut many = Many { messages, digests, next: 0 };
    if let Some(mut kernel) = ShaNi::new() {
        sha_lanes::run(INITIAL, &mut kernel, &mut many);
        true
    } else if let Some(mut kernel) = Avx512::new() {
        sha_lanes::run(INITIAL, &mut kernel, &mut many);
        true
    } else if let Some(mut kernel) = Avx2::new() {
        sha_lanes::run(INITIAL, &mut kernel, &mut many);
        true
    } else {
        false
    }
}

/// Defines a kernel whose value proves that the processor has `$features`.
macro_rules! kernel {
    ($kernel:ident, $features:expr, $module:ident, $lanes_worth:expr) => {
        struct $kernel(());

        impl $kernel {
            fn new() -> Option<Self> {
                cpu::has($features).then_some(Self(()))
            }
        }

        impl Kernel<{ $module::LANES }, WORDS> for $kernel {
            fn lanes_worth(&self) -> usize {
                $lanes_worth
            }

            #[inline]
            fn compress(
                &mut self,
                state: &mut [[u32; $module::LANES]; WORDS],
                runs: &[&[u8]; $module::LANES],
                blocks: usize,
            ) {
                // SAFETY: the kernel was made where the processor has these instructions.
                unsafe { $module::compress(state, runs, blocks) }
            }
        }
    };
}

// Two messages alone with the SHA instructions take no longer than side by side.
kernel!(ShaNi, Features::SHA_NI.with(Features::AVX2), sha_ni, 3);
// Portable code takes 168 ns for a block, the lanes 320 and 290 for as many as there are lanes.
kernel!(Avx512, Features::AVX512, avx512, 2);
kernel!(Avx2, Features::AVX2, avx2, 2);

struct Many<'a, 'd> {
    messages: &'a [&'a [u8]],
    digests: &'d mut [[u8; 32]],
    next: usize,
}

impl<'a, K> Batch<'a, K, WORDS> for Many<'a, '_> {
    #[inline]
    fn next(&mut self, blocks: &mut Blocks<'a>) -> Option<usize> {
        let number = self.next;
        blocks.begin(&[], self.messages.get(number)?);
        self.next += 1;
        Some(number)
    }

    #[inline]
    fn end(&mut self, message: usize, words: [u32; WORDS], _: &K, _: usize) {
        let digest = &mut self.digests[message];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
    }

    fn rest(
        &mut self,
        message: usize,
        mut words: [u32; WORDS],
        blocks: &mut Blocks<'a>,
        kernel: &K,
        lane: usize,
    ) {
        while !blocks.run().is_empty() {
            let run = blocks.run().as_chunks::<BLOCK_BYTES>().0;
            let count = run.len();
            sha2::block_api::compress256(&mut words, run);
            blocks.take(count);
        }
        self.end(message, words, kernel, lane);
    }
}

/// The first 32 bits of the fractional parts of the square roots of the first eight primes.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
