//! Many messages side by side, one in each lane of a vector: what SHA-1 and SHA-256 share.
//!
//! Both pad a message alike (FIPS 180-4, section 5.1.1) and take it in blocks of 64 bytes. The
//! blocks are read where the caller's messages lie; only those that are not there as such, with a
//! prefix or with padding, are put together in a buffer on the stack.

use core::array;

#[cfg_attr(
    not(all(feature = "sha1", feature = "sha256")),
    allow(dead_code, reason = "an algorithm needs some")
)]
pub(crate) mod avx2;
#[cfg_attr(
    not(all(feature = "sha1", feature = "sha256")),
    allow(dead_code, reason = "an algorithm needs some")
)]
pub(crate) mod avx512;

pub(crate) const BLOCK_BYTES: usize = 64;

/// The byte after a message and its length in bits.
pub(crate) const PADDING_BYTES_MIN: usize = 1 + 8;

/// How many blocks the buffer of a lane holds: the message that fits is copied whole, so that it
/// is one run.
const BUFFER_BLOCKS: usize = 3;

const PADDING_BYTES_MAX: usize = PADDING_BYTES_MIN + BLOCK_BYTES - 1;

const BUFFER_BYTES: usize = BUFFER_BLOCKS * BLOCK_BYTES + PADDING_BYTES_MAX;

/// A padded message, taken as runs of whole blocks.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    /// Blocks that had to be put together: `buffer[at..end]`, which come before `body`.
    buffer: [u8; BUFFER_BYTES],
    at: usize,
    end: usize,
    /// Whole blocks of the message.
    body: &'a [u8],
    /// What follows `body`, and is put into the buffer with the padding then.
    tail: Option<&'a [u8]>,
    message_bytes: u64,
}

impl<'a> Blocks<'a> {
    pub(crate) const NONE: Self =
        Self { buffer: [0; BUFFER_BYTES], at: 0, end: 0, body: &[], tail: None, message_bytes: 0 };

    /// Starts over with the message `prefix` followed by `rest`. The prefix is shorter than a
    /// block.
    #[inline]
    pub(crate) fn begin(&mut self, prefix: &[u8], rest: &'a [u8]) {
        debug_assert!(prefix.len() < BLOCK_BYTES);
        self.message_bytes = prefix.len() as u64 + rest.len() as u64;
        self.buffer[..prefix.len()].copy_from_slice(prefix);
        if prefix.len() + rest.len() + PADDING_BYTES_MIN <= BUFFER_BLOCKS * BLOCK_BYTES {
            self.body = &[];
            self.pad(prefix.len(), rest);
            return;
        }
        // Longer than the buffer, so at least a block.
        let head_bytes = if prefix.is_empty() { 0 } else { BLOCK_BYTES - prefix.len() };
        let (head, rest) = rest.split_at(head_bytes);
        self.buffer[prefix.len()..][..head_bytes].copy_from_slice(head);
        (self.at, self.end) = (0, prefix.len() + head_bytes);
        let (body, tail) = rest.split_at(rest.len() / BLOCK_BYTES * BLOCK_BYTES);
        (self.body, self.tail) = (body, Some(tail));
    }

    /// Puts `tail` and the padding into the buffer behind its first `at` bytes.
    #[inline]
    fn pad(&mut self, at: usize, tail: &[u8]) {
        let message_end = at + tail.len();
        self.buffer[at..message_end].copy_from_slice(tail);
        let end = (message_end + PADDING_BYTES_MIN).next_multiple_of(BLOCK_BYTES);
        // Of a fixed length, which is quicker than no byte too much.
        self.buffer[message_end..message_end + PADDING_BYTES_MAX].fill(0);
        self.buffer[message_end] = 0x80;
        self.buffer[end - 8..end].copy_from_slice(&(self.message_bytes << 3).to_be_bytes());
        (self.at, self.end, self.tail) = (0, end, None);
    }

    /// The next blocks that lie one behind the other; none at the message's end.
    #[inline]
    pub(crate) fn run(&self) -> &[u8] {
        if self.at < self.end { &self.buffer[self.at..self.end] } else { self.body }
    }

    /// Takes `blocks` blocks off the run.
    #[inline]
    pub(crate) fn take(&mut self, blocks: usize) {
        let bytes = blocks * BLOCK_BYTES;
        if self.at < self.end {
            self.at += bytes;
        } else {
            self.body = &self.body[bytes..];
        }
        if self.at == self.end
            && self.body.is_empty()
            && let Some(tail) = self.tail
        {
            self.pad(0, tail);
        }
    }
}

/// The compression function of many messages: the blocks `runs[lane][..64 * blocks]` go into lane
/// `lane` of `state`, whose `state[w][lane]` is word `w` of that lane's chaining value.
pub(crate) trait Kernel<const LANES: usize, const WORDS: usize> {
    /// With fewer messages than these it is quicker to take them one by one.
    fn lanes_worth(&self) -> usize;

    fn compress(&mut self, state: &mut [[u32; LANES]; WORDS], runs: &[&[u8]; LANES], blocks: usize);

    /// Called when a lane is given a message, or none any more.
    fn begin(&mut self, _lane: usize, _message: Option<usize>) {}

    /// Called when no lane has a message any more.
    fn end(&mut self) {}
}

/// The next message, or what came of one.
pub(crate) trait Batch<'a, K, const WORDS: usize> {
    /// Begins the next message in `blocks` and returns its number.
    fn next(&mut self, blocks: &mut Blocks<'a>) -> Option<usize>;

    /// Takes the chaining value that lane `lane` of `kernel` ended with.
    fn end(&mut self, message: usize, words: [u32; WORDS], kernel: &K, lane: usize);

    /// Takes a message that is left over part way: `words` is its chaining value, `blocks` are to
    /// follow.
    fn rest(
        &mut self,
        message: usize,
        words: [u32; WORDS],
        blocks: &mut Blocks<'a>,
        kernel: &K,
        lane: usize,
    );

    /// Takes what `kernel` has found out late.
    #[inline]
    fn settle(&mut self, _kernel: &mut K) {}
}

/// Runs all messages of `batch` through `kernel`; a lane whose message ends takes the next one.
pub(crate) fn run<'a, const LANES: usize, const WORDS: usize, K: Kernel<LANES, WORDS>>(
    initial: [u32; WORDS],
    kernel: &mut K,
    batch: &mut impl Batch<'a, K, WORDS>,
) {
    let mut state = initial.map(|word| [word; LANES]);
    let mut blocks = [Blocks::NONE; LANES];
    let mut owners = array::from_fn::<_, LANES, _>(|lane| batch.next(&mut blocks[lane]));
    for (lane, &owner) in owners.iter().enumerate() {
        kernel.begin(lane, owner);
    }
    loop {
        let mut busy = 0;
        let mut shortest: &[u8] = &[];
        for lane in 0..LANES {
            if owners[lane].is_some() {
                let run = blocks[lane].run();
                if busy == 0 || run.len() < shortest.len() {
                    shortest = run;
                }
                busy += 1;
            }
        }
        if busy < kernel.lanes_worth().max(1) {
            break;
        }
        let count = shortest.len() / BLOCK_BYTES;
        // A lane without a message computes what nobody looks at.
        let runs = array::from_fn(|lane| match owners[lane] {
            Some(_) => blocks[lane].run(),
            None => shortest,
        });
        kernel.compress(&mut state, &runs, count);
        batch.settle(kernel);
        for lane in 0..LANES {
            let Some(message) = owners[lane] else { continue };
            blocks[lane].take(count);
            if blocks[lane].run().is_empty() {
                batch.end(message, array::from_fn(|w| state[w][lane]), kernel, lane);
                owners[lane] = batch.next(&mut blocks[lane]);
                kernel.begin(lane, owners[lane]);
                for (word, initial) in state.iter_mut().zip(initial) {
                    word[lane] = initial;
                }
            }
        }
    }
    for lane in 0..LANES {
        if let Some(message) = owners[lane] {
            let words = array::from_fn(|w| state[w][lane]);
            batch.rest(message, words, &mut blocks[lane], kernel, lane);
        }
    }
    kernel.end();
    batch.settle(kernel);
}
