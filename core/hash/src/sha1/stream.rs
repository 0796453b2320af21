//! One message with the SHA and AVX-512 instructions: the SHA instructions take block after block,
//! and the conditions of sixteen blocks at a time are checked beside them, since the expanded
//! message does not depend on the chaining value.

use core::arch::asm;

use super::Collision;
use super::conditions::{Candidates, LOOKUP_COUNT, LOOKUPS};
use super::exact::{self, INITIAL, State};
use super::lanes::avx512;
use super::sha_ni::{self, Chain, unpack};
use super::suspects::avx512::Suspects;
use crate::cpu::{self, Features};
use crate::sha_lanes::avx512::{
    LANES, Rows, and, load_blocks, lookup_16, rotate_left, rotate_left_by, splat, store, transpose,
    xor, xor3,
};
use crate::sha_lanes::{BLOCK_BYTES, PADDING_BYTES_MIN};

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

/// As many blocks as have their conditions checked together.
type Group = [[u8; BLOCK_BYTES]; LANES];

#[target_feature(enable = "sha,avx512f,avx512bw")]
fn compress(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) -> bool {
    let mut attacked = false;
    for blocks in blocks.chunks(BLOCKS_MAX) {
        let before = *state;
        if compress_part(state, blocks) {
            attacked = true;
            *state = before;
            for block in blocks {
                exact::compress(state, block);
            }
        }
    }
    attacked
}

/// Takes `blocks` as if none carried an attack; whether one does.
#[target_feature(enable = "sha,avx512f,avx512bw")]
fn compress_part(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) -> bool {
    let mut suspects = Suspects::new();
    let mut attacked = false;
    let mut suspect = |blocks: &[[u8; BLOCK_BYTES]], chains: &[Chain], all: &[Candidates]| {
        for (lane, block) in blocks.iter().enumerate() {
            let mut candidates = all[lane];
            while candidates != 0 {
                let states = [unpack(chains[lane]), unpack(chains[lane + 1])];
                candidates = suspects.add(0, block, states.each_ref(), candidates);
                if candidates != 0 {
                    suspects.test(|_| attacked = true);
                }
            }
        }
    };
    let mut chain = sha_ni::pack(*state);
    let (groups, rest) = blocks.as_chunks::<LANES>();
    if let Some(first) = groups.first() {
        let mut candidates = candidates_of(first);
        for (number, group) in groups.iter().enumerate() {
            // The last group has no next one; checking it again costs less than a case of its own.
            let next = groups.get(number + 1).unwrap_or(group);
            let (chains, candidates_of_next) = take_beside(chain, group, next);
            if candidates != [0; LANES] {
                suspect(group, &chains, &candidates);
            }
            chain = chains[LANES];
            candidates = candidates_of_next;
        }
    }
    if let Some(first) = rest.first() {
        let mut group = [*first; LANES];
        group[..rest.len()].copy_from_slice(rest);
        let candidates = candidates_of(&group);
        let mut chains = [chain; LANES + 1];
        for (lane, block) in rest.iter().enumerate() {
            chain = sha_ni::take(chain, block);
            chains[lane + 1] = chain;
        }
        suspect(rest, &chains, &candidates);
    }
    suspects.test(|_| attacked = true);
    *state = unpack(chain);
    attacked
}

#[target_feature(enable = "avx512f,avx512bw")]
fn candidates_of(group: &Group) -> [Candidates; LANES] {
    let mut w = avx512::nothing();
    avx512::expand(&load_group(group), &mut w);
    avx512::candidates(&w)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_group(group: &Group) -> Rows {
    let mut runs: [&[u8]; LANES] = [&[]; LANES];
    for (run, block) in runs.iter_mut().zip(group) {
        *run = block;
    }
    load_blocks(&runs, 0)
}

/// Takes the blocks of `group`, of which all chaining values are returned, and finds the candidates
/// of `next`. One block's steps wait for each other, and the other work, cut into as many pieces as
/// there are blocks, fills the gaps.
#[target_feature(enable = "sha,avx512f,avx512bw")]
fn take_beside(
    chain: Chain,
    group: &Group,
    next: &Group,
) -> ([Chain; LANES + 1], [Candidates; LANES]) {
    let mut chains = [chain; LANES + 1];
    let mut w = avx512::nothing();
    let mut left = splat(!0);
    // The compiler would put all blocks first and all other work last, too far apart for the
    // processor to see both: an empty instruction between the pieces needs the results of either.
    macro_rules! take {
        ($lane:literal, $($piece:expr),*) => {
            let mut next = sha_ni::take(chains[$lane], &group[$lane]);
            $(
                // SAFETY: there are no instructions.
                unsafe {
                    asm!(
                        "/* {} {} */",
                        inout(xmm_reg) next.abcd,
                        inout(zmm_reg) $piece,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
            )*
            chains[$lane + 1] = next;
        };
    }
    let rows = load_group(next);
    take!(0, left);
    let mut recent = transpose(&rows);
    let (sixteens, _) = w.as_chunks_mut::<16>();
    let [first, second, third, fourth, fifth] = sixteens else { unreachable!("eighty words") };
    *first = recent;
    take!(1, recent[0], recent[15]);
    expand_words!(second, recent, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    take!(2, recent[13], recent[14], recent[15]);
    expand_words!(third, recent, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    take!(3, recent[13], recent[14], recent[15]);
    expand_words!(fourth, recent, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    take!(4, recent[13], recent[14], recent[15]);
    expand_words!(fifth, recent, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    take!(5, left);
    narrow_tens!(w, left, 0);
    take!(6, left);
    narrow_tens!(w, left, 10);
    take!(7, left);
    narrow_tens!(w, left, 20);
    take!(8, left);
    narrow_tens!(w, left, 30);
    take!(9, left);
    narrow_tens!(w, left, 40);
    take!(10, left);
    narrow_tens!(w, left, 50);
    take!(11, left);
    narrow_tens!(w, left, 60);
    take!(12, left);
    narrow_tens!(w, left, 70);
    take!(13, left);
    narrow_tens!(w, left, 80);
    take!(14, left);
    narrow_tens!(w, left, 90);
    take!(15, left);
    narrow_tens!(w, left, 100);
    narrow!(w, left, 110 111 112);
    const { assert!(LOOKUP_COUNT == 113) }
    let mut candidates = [0; LANES];
    store(left, &mut candidates);
    (chains, candidates)
}

/// The state of one message.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    instructions: Instructions,
    state: State,
    message_bytes: u64,
    /// The end of the message that is not compressed yet: less than a group, so that short
    /// updates too have their conditions checked together.
    buffer: Group,
    buffered_bytes: usize,
    attacked: bool,
}

impl Stream {
    #[inline]
    pub(super) fn new(instructions: Instructions) -> Self {
        Self {
            instructions,
            state: INITIAL,
            message_bytes: 0,
            buffer: [[0; BLOCK_BYTES]; LANES],
            buffered_bytes: 0,
            attacked: false,
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.message_bytes = self.message_bytes.wrapping_add(bytes.len() as u64);
        if self.buffered_bytes > 0 {
            let room = &mut self.buffer.as_flattened_mut()[self.buffered_bytes..];
            let (head, rest) = bytes.split_at(bytes.len().min(room.len()));
            room[..head.len()].copy_from_slice(head);
            self.buffered_bytes += head.len();
            if head.len() < room.len() {
                return;
            }
            self.attacked |= self.instructions.compress(&mut self.state, &self.buffer);
            self.buffered_bytes = 0;
            bytes = rest;
        }
        let (groups, rest) = bytes.as_chunks::<{ LANES * BLOCK_BYTES }>();
        if !groups.is_empty() {
            let (blocks, _) = groups.as_flattened().as_chunks();
            self.attacked |= self.instructions.compress(&mut self.state, blocks);
        }
        self.buffer.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        self.buffered_bytes = rest.len();
    }

    /// The whole message, if nothing of it was compressed yet.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        let buffered = &self.buffer.as_flattened()[..self.buffered_bytes];
        (self.message_bytes == buffered.len() as u64).then_some(buffered)
    }

    pub(super) fn finish(mut self) -> Result<[u8; 20], Collision> {
        // The padding may begin a block of its own.
        let mut last = [[0; BLOCK_BYTES]; LANES + 1];
        let buffered = self.buffered_bytes;
        let bytes = last.as_flattened_mut();
        bytes[..buffered].copy_from_slice(&self.buffer.as_flattened()[..buffered]);
        bytes[buffered] = 0x80;
        let count = (buffered + PADDING_BYTES_MIN).div_ceil(BLOCK_BYTES);
        let length = (self.message_bytes << 3).to_be_bytes();
        last[count - 1][BLOCK_BYTES - length.len()..].copy_from_slice(&length);
        self.attacked |= self.instructions.compress(&mut self.state, &last[..count]);
        Collision::or_digest(exact::digest(self.state), self.attacked)
    }
}
