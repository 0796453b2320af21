//! Which of the kernels takes many messages, and how they are fed.

use super::Collision;
use super::conditions::Candidates;
use super::exact::{self, INITIAL, State};
use super::lanes::{avx2, avx512};
use super::stream::Instructions;
use super::suspects;
use crate::cpu::{self, Features};
use crate::sha_lanes::{self, BLOCK_BYTES, Batch, Blocks, Kernel};

const WORDS: usize = 5;

type Checked = Result<[u8; 20], Collision>;

/// Whether so many messages may be quicker side by side.
pub(super) fn is_worth(count: usize) -> bool {
    count >= MESSAGES_WORTH
}

/// Hashes `count` messages and gives each result to `put`; nothing is done and false returned if
/// the processor has no lanes. `begin` begins a message by its number, or hashes it at once if it
/// is not fit for the lanes; it does the same each time.
///
/// Not inlined, since its frame is large and few messages need none of it.
#[inline(never)]
pub(super) fn hash<'a>(
    count: usize,
    begin: impl FnMut(usize, &mut Blocks<'a>) -> Result<(), Checked>,
    put: impl FnMut(usize, Checked),
) -> bool {
    let mut many = Many { count, begin, put, next: 0 };
    if let Some(mut kernel) = Avx512::new() {
        sha_lanes::run(INITIAL, &mut kernel, &mut many);
        true
    } else if let Some(mut kernel) = Avx2::new() {
        sha_lanes::run(INITIAL, &mut kernel, &mut many);
        true
    } else {
        false
    }
}

/// With fewer busy lanes the messages are finished one by one, if the SHA instructions are there
/// for it. Sixteen lanes of AVX-512 take 20 ns a block when all are busy, one message alone 37 ns.
const LANES_WORTH: usize = 8;

/// 16 messages of 300 bytes take 0.7 of the time that they take one by one, 8 take 1.3.
const MESSAGES_WORTH: usize = 12;

/// Defines a kernel whose value proves that the processor has `$features`.
macro_rules! kernel {
    ($kernel:ident, $features:expr, $isa:ident) => {
        struct $kernel {
            /// The message of each lane.
            messages: [Option<usize>; $isa::LANES],
            /// The lanes whose message carries an attack.
            attacked: [bool; $isa::LANES],
            suspects: suspects::$isa::Suspects,
            convicts: Convicts,
            single: Option<Instructions>,
        }

        impl $kernel {
            fn new() -> Option<Self> {
                cpu::has($features).then(|| Self {
                    messages: [None; $isa::LANES],
                    attacked: [false; $isa::LANES],
                    suspects: suspects::$isa::Suspects::new(),
                    convicts: Convicts { count: 0, messages: [0; CONVICTS_MAX] },
                    single: Instructions::find(),
                })
            }

            #[inline(never)]
            fn suspect(
                &mut self,
                message: usize,
                block: &[u8; BLOCK_BYTES],
                states: [&State; 2],
                mut candidates: Candidates,
            ) {
                loop {
                    candidates = self.suspects.add(message, block, states, candidates);
                    if candidates == 0 {
                        return;
                    }
                    self.test();
                }
            }

            fn test(&mut self) {
                let Self { messages, attacked, suspects, convicts, .. } = self;
                let convict =
                    |message| match messages.iter().position(|&lane| lane == Some(message)) {
                        Some(lane) => attacked[lane] = true,
                        None => convicts.add(message),
                    };
                // SAFETY: the kernel was made where the processor has these instructions.
                unsafe { suspects.test(convict) }
            }
        }

        impl Kernel<{ $isa::LANES }, WORDS> for $kernel {
            fn lanes_worth(&self) -> usize {
                if self.single.is_some() { LANES_WORTH } else { 1 }
            }

            fn begin(&mut self, lane: usize, message: Option<usize>) {
                self.messages[lane] = message;
                self.attacked[lane] = false;
            }

            fn compress(
                &mut self,
                state: &mut [[u32; $isa::LANES]; WORDS],
                runs: &[&[u8]; $isa::LANES],
                blocks: usize,
            ) {
                // SAFETY: the kernel was made where the processor has these instructions.
                let mut w = unsafe { $isa::nothing() };
                for block in 0..blocks {
                    let offset = block * BLOCK_BYTES;
                    let before = *state;
                    // SAFETY: the kernel was made where the processor has these instructions.
                    let candidates = unsafe { $isa::compress(state, runs, offset, &mut w) };
                    for lane in 0..$isa::LANES {
                        if candidates[lane] != 0
                            && let Some(message) = self.messages[lane]
                        {
                            let block = runs[lane][offset..].first_chunk().expect("a block");
                            let states = [&before, &*state].map(|s| s.map(|word| word[lane]));
                            self.suspect(message, block, states.each_ref(), candidates[lane]);
                        }
                    }
                }
            }

            fn end(&mut self) {
                self.messages.fill(None);
                self.test();
            }
        }

        impl Detecting for $kernel {
            fn attacked(&self, lane: usize) -> bool {
                self.attacked[lane]
            }

            fn single(&self) -> Option<Instructions> {
                self.single
            }

            fn convicts(&mut self) -> &mut Convicts {
                &mut self.convicts
            }
        }
    };
}

kernel!(Avx512, Features::AVX512, avx512);
kernel!(Avx2, Features::AVX2, avx2);

trait Detecting {
    /// Whether the lane's message is known to carry an attack.
    fn attacked(&self, lane: usize) -> bool;

    /// What takes a message that is alone.
    fn single(&self) -> Option<Instructions>;

    /// The messages that turned out to carry an attack after they had left their lane.
    fn convicts(&mut self) -> &mut Convicts;
}

/// At most as many as are tested at a time: they are taken away after each call of the kernel.
const CONVICTS_MAX: usize = avx512::LANES;

struct Convicts {
    count: usize,
    messages: [usize; CONVICTS_MAX],
}

impl Convicts {
    fn add(&mut self, message: usize) {
        self.messages[self.count] = message;
        self.count += 1;
    }
}

struct Many<B, P> {
    count: usize,
    begin: B,
    put: P,
    next: usize,
}

impl<'a, B, P> Many<B, P>
where
    B: FnMut(usize, &mut Blocks<'a>) -> Result<(), Checked>,
    P: FnMut(usize, Checked),
{
    fn put(&mut self, message: usize, words: State, attacked: bool) {
        (self.put)(message, Collision::or_digest(exact::digest(words), attacked));
    }

    /// Hashes a message that carries an attack anew, so that each block with an attack counts.
    #[cold]
    fn put_attacked(&mut self, message: usize) {
        let mut blocks = Blocks::NONE;
        if let Err(result) = (self.begin)(message, &mut blocks) {
            return (self.put)(message, result);
        }
        let mut words = INITIAL;
        let attacked = compress_rest(&mut words, &mut blocks);
        self.put(message, words, attacked);
    }
}

impl<'a, K, B, P> Batch<'a, K, WORDS> for Many<B, P>
where
    K: Detecting,
    B: FnMut(usize, &mut Blocks<'a>) -> Result<(), Checked>,
    P: FnMut(usize, Checked),
{
    #[inline]
    fn next(&mut self, blocks: &mut Blocks<'a>) -> Option<usize> {
        while self.next < self.count {
            let number = self.next;
            self.next += 1;
            match (self.begin)(number, blocks) {
                Ok(()) => return Some(number),
                Err(result) => (self.put)(number, result),
            }
        }
        None
    }

    #[inline]
    fn end(&mut self, message: usize, words: State, kernel: &K, lane: usize) {
        if kernel.attacked(lane) {
            self.put_attacked(message);
        } else {
            self.put(message, words, false);
        }
    }

    fn rest(
        &mut self,
        message: usize,
        mut words: State,
        blocks: &mut Blocks<'a>,
        kernel: &K,
        lane: usize,
    ) {
        if kernel.attacked(lane) {
            return self.put_attacked(message);
        }
        let mut attacked = false;
        match kernel.single() {
            Some(single) => {
                while !blocks.run().is_empty() {
                    let run = blocks.run().as_chunks::<BLOCK_BYTES>().0;
                    let count = run.len();
                    attacked |= single.compress(&mut words, run);
                    blocks.take(count);
                }
            }
            None => attacked = compress_rest(&mut words, blocks),
        }
        self.put(message, words, attacked);
    }

    #[inline]
    fn settle(&mut self, kernel: &mut K) {
        let convicts = kernel.convicts();
        let count = core::mem::take(&mut convicts.count);
        if count > 0 {
            let messages = convicts.messages;
            messages[..count].iter().for_each(|&message| self.put_attacked(message));
        }
    }
}

/// Takes all blocks that are left, with detection; whether any carries an attack.
fn compress_rest(state: &mut State, blocks: &mut Blocks<'_>) -> bool {
    let mut attacked = false;
    while let Some(block) = blocks.run().first_chunk() {
        attacked |= exact::compress(state, block);
        blocks.take(1);
    }
    attacked
}
