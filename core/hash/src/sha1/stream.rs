//! One message with the SHA and AVX-512 instructions: the SHA instructions take block after block,
//! and the conditions of sixteen blocks at a time are checked beside them, since the expanded
//! message does not depend on the chaining value.

use super::exact::{self, INITIAL, State};
use super::lanes::avx512;
use super::sha_ni;
use super::suspects::avx512::Suspects;
use crate::cpu::{self, Features};
use crate::sha_lanes::BLOCK_BYTES;

/// That the processor has the instructions which this module needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instructions(());

impl Instructions {
    #[inline]
    pub(super) fn find() -> Option<Self> {
        cpu::has(Features::SHA_NI.with(Features::AVX512)).then_some(Self(()))
    }

    /// Takes `blocks` with detection; whether any of them carries an attack.
    #[inline]
    pub(super) fn compress(self, state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) -> bool {
        // SAFETY: the value was made where the processor has these instructions.
        unsafe { compress(state, blocks) }
    }
}

/// How many blocks are taken again, more slowly, when one of them carries an attack.
const BLOCKS_MAX: usize = 1024;

/// So few blocks are not worth a gathering of suspects.
const FEW_BLOCKS: usize = 8;

#[target_feature(enable = "sha,avx512f,avx512bw")]
fn compress(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) -> bool {
    if blocks.len() <= FEW_BLOCKS {
        return compress_few(state, blocks);
    }
    let mut attacked = false;
    let mut suspects = Suspects::new();
    for blocks in blocks.chunks(BLOCKS_MAX) {
        let before = *state;
        if compress_part(state, blocks, &mut suspects) {
            attacked = true;
            *state = before;
            for block in blocks {
                exact::compress(state, block);
            }
        }
    }
    attacked
}

#[target_feature(enable = "sha,avx512f,avx512bw")]
fn compress_few(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) -> bool {
    let mut attacked = false;
    if blocks.is_empty() {
        return attacked;
    }
    let candidates = avx512::candidates_of_blocks(blocks);
    for (block, candidates) in blocks.iter().zip(candidates) {
        let before = *state;
        *state = sha_ni::unpack(sha_ni::take(sha_ni::pack(before), block));
        if candidates != 0 {
            attacked |= exact::suspect(&before, state, block, candidates);
        }
    }
    attacked
}

/// Takes `blocks` as if none carried an attack; whether one does.
#[target_feature(enable = "sha,avx512f,avx512bw")]
fn compress_part(state: &mut State, blocks: &[[u8; BLOCK_BYTES]], suspects: &mut Suspects) -> bool {
    let mut attacked = false;
    let mut chain = sha_ni::pack(*state);
    for blocks in blocks.chunks(avx512::LANES) {
        let candidates = avx512::candidates_of_blocks(blocks);
        for (block, mut candidates) in blocks.iter().zip(candidates) {
            let before = chain;
            chain = sha_ni::take(chain, block);
            while candidates != 0 {
                let states = [&sha_ni::unpack(before), &sha_ni::unpack(chain)];
                candidates = suspects.add(0, block, states, candidates);
                if candidates != 0 {
                    suspects.test(|_| attacked = true);
                }
            }
        }
    }
    suspects.test(|_| attacked = true);
    *state = sha_ni::unpack(chain);
    attacked
}

/// The state of one message.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    instructions: Instructions,
    state: State,
    message_bytes: u64,
    /// The message's last, incomplete block.
    buffer: [u8; BLOCK_BYTES],
    attacked: bool,
}

impl Stream {
    #[inline]
    pub(super) fn new(instructions: Instructions) -> Self {
        Self {
            instructions,
            state: INITIAL,
            message_bytes: 0,
            buffer: [0; BLOCK_BYTES],
            attacked: false,
        }
    }

    fn buffered_bytes(&self) -> usize {
        (self.message_bytes % BLOCK_BYTES as u64) as usize
    }

    fn compress(&mut self, blocks: &[[u8; BLOCK_BYTES]]) {
        self.attacked |= self.instructions.compress(&mut self.state, blocks);
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        let buffered = self.buffered_bytes();
        self.message_bytes = self.message_bytes.wrapping_add(bytes.len() as u64);
        if buffered > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - buffered));
            self.buffer[buffered..][..head.len()].copy_from_slice(head);
            if buffered + head.len() < BLOCK_BYTES {
                return;
            }
            let block = self.buffer;
            self.compress(&[block]);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        self.compress(blocks);
        self.buffer[..rest.len()].copy_from_slice(rest);
    }

    /// The digest, and whether the message carries an attack.
    pub(super) fn finish(mut self) -> ([u8; 20], bool) {
        let mut last = [[0; BLOCK_BYTES]; 2];
        let buffered = self.buffered_bytes();
        let bytes = last.as_flattened_mut();
        bytes[..buffered].copy_from_slice(&self.buffer[..buffered]);
        bytes[buffered] = 0x80;
        let count = (buffered + 1 + 8).div_ceil(BLOCK_BYTES);
        let length = (self.message_bytes << 3).to_be_bytes();
        last[count - 1][BLOCK_BYTES - 8..].copy_from_slice(&length);
        self.compress(&last[..count]);
        (exact::digest(self.state), self.attacked)
    }
}
