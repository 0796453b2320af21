//! The conditions, and the vector code against the portable code, on blocks made for the purpose.
extern crate std;

use std::{vec, vec::Vec};

use super::conditions::{self, DIFFERENCES, LOOKUPS, STARTING_AT_58};
use super::exact::{self, INITIAL, State};
use super::{lanes, portable, suspects};
use crate::cpu::{self, Features};
use crate::sha_lanes::BLOCK_BYTES;

type Block = [u8; BLOCK_BYTES];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) as u32
    }

    fn block(&mut self) -> Block {
        let mut block = [0; BLOCK_BYTES];
        block.as_chunks_mut().0.iter_mut().for_each(|word| *word = self.next().to_le_bytes());
        block
    }
}

/// What a lookup asks of vector `vector`: that the exclusive or of bits `.0` and `.1` be `.2`.
/// Bit `32 * t + i` is bit `i` of word `t`.
fn conditions_of(vector: usize) -> Vec<(usize, usize, bool)> {
    let mut conditions = Vec::new();
    for lookup in &LOOKUPS {
        for bit in 0..4 {
            let ruled_out = |value: usize| {
                (0..16).all(|i| i >> bit & 1 != value || lookup.left[i] >> vector & 1 == 0)
            };
            let place = |word: usize, rotate: u32| 32 * word + (bit + 32 - rotate as usize) % 32;
            for value in [0, 1] {
                if ruled_out(value) {
                    let a = place(lookup.word_a, lookup.rotate_a);
                    let b = place(lookup.word_b, lookup.rotate_b);
                    conditions.push((a, b, value == 0));
                }
            }
        }
    }
    conditions
}

/// The conditions in one form: each bit against the lowest one that it is tied to.
fn canonical(vector: usize) -> Vec<(usize, usize, bool)> {
    let mut groups: Vec<Vec<(usize, bool)>> = Vec::new();
    for (a, b, differs) in conditions_of(vector) {
        let mut find = |bit: usize| {
            groups
                .iter()
                .position(|group| group.iter().any(|member| member.0 == bit))
                .map_or_else(|| vec![(bit, false)], |place| groups.swap_remove(place))
        };
        let (mut group, other) = (find(a), find(b));
        let parity = |group: &[(usize, bool)], bit| {
            group.iter().find(|member| member.0 == bit).expect("a member").1
        };
        let turn = parity(&group, a) ^ parity(&other, b) ^ differs;
        group.extend(other.into_iter().map(|(bit, parity)| (bit, parity ^ turn)));
        groups.push(group);
    }
    let mut all = Vec::new();
    for mut group in groups {
        group.sort_unstable();
        let (root, parity) = group[0];
        all.extend(group[1..].iter().map(|&(bit, other)| (root, bit, parity ^ other)));
    }
    all.sort_unstable();
    all
}

/// Each bit of the expanded message as the exclusive or of bits of the message.
fn linear_bits() -> Vec<[u64; 8]> {
    let mut bits = vec![[0_u64; 8]; 80 * 32];
    for (bit, sum) in bits.iter_mut().enumerate().take(512) {
        sum[bit / 64] = 1 << (bit % 64);
    }
    for t in 16..80 {
        for i in 0..32 {
            let mut sum = [0; 8];
            for back in [3, 8, 14, 16] {
                let from = bits[32 * (t - back) + (i + 31) % 32];
                sum.iter_mut().zip(from).for_each(|(sum, from)| *sum ^= from);
            }
            bits[32 * t + i] = sum;
        }
    }
    bits
}

/// Makes blocks that fulfil all conditions of a vector: the conditions are linear in the message's
/// bits, and solved for some of these, the others being random.
struct Craft {
    /// A condition with the bit that is set by it; no other condition has that bit.
    rows: Vec<([u64; 8], bool, usize)>,
}

impl Craft {
    fn new(vector: usize, bits: &[[u64; 8]]) -> Self {
        let mut rows: Vec<([u64; 8], bool, usize)> = Vec::new();
        let add = |sum: &mut [u64; 8], other: &[u64; 8]| {
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum ^= other);
        };
        let has = |sum: &[u64; 8], bit: usize| sum[bit / 64] >> (bit % 64) & 1 == 1;
        for (a, b, differs) in conditions_of(vector) {
            let (mut sum, mut value) = (bits[a], differs);
            add(&mut sum, &bits[b]);
            for (row, row_value, pivot) in &rows {
                if has(&sum, *pivot) {
                    add(&mut sum, row);
                    value ^= row_value;
                }
            }
            let pivot = (0..512).find(|&bit| has(&sum, bit)).expect("independent conditions");
            for (row, row_value, _) in &mut rows {
                if has(row, pivot) {
                    add(row, &sum);
                    *row_value ^= value;
                }
            }
            rows.push((sum, value, pivot));
        }
        Self { rows }
    }

    fn block(&self, random: &mut Random) -> Block {
        let mut message: [u32; 16] = core::array::from_fn(|_| random.next());
        for (row, value, pivot) in &self.rows {
            let parity = (0..16).fold(0, |ones, word| {
                ones + (message[word] & (row[word / 2] >> (word % 2 * 32)) as u32).count_ones()
            });
            if (parity % 2 == 1) != *value {
                message[pivot / 32] ^= 1 << (pivot % 32);
            }
        }
        let mut block = [0; BLOCK_BYTES];
        for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(message) {
            *bytes = word.to_be_bytes();
        }
        block
    }
}

fn crafts() -> Vec<Craft> {
    let bits = linear_bits();
    (0..32).map(|vector| Craft::new(vector, &bits)).collect()
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[test]
fn conditions_are_those_of_the_paper() {
    let mut count = 0;
    let mut bytes = Vec::new();
    for vector in 0..32 {
        for (root, bit, differs) in canonical(vector) {
            count += 1;
            for number in [vector, root, bit, usize::from(differs)] {
                bytes.extend((number as u16).to_le_bytes());
            }
        }
    }
    // Of the 373 conditions in the reference implementation's `ubc_check`, written in this form.
    assert_eq!((count, fnv(&bytes)), (373, 0x2bf6_9d30_2732_b709));
}

#[test]
fn differences_are_messages_themselves() {
    for difference in &DIFFERENCES {
        let w: Vec<u32> = difference.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect();
        for t in 16..80 {
            assert_eq!(w[t], (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1));
        }
    }
    let bytes = DIFFERENCES.as_flattened().as_flattened();
    // The differences in the reference implementation's table, one after the other.
    assert_eq!(fnv(bytes), 0xd5db_e093_688f_f078);
}

#[test]
fn crafted_blocks_keep_their_vector() {
    let mut random = Random(11);
    for (vector, craft) in crafts().iter().enumerate() {
        for _ in 0..100 {
            let candidates = conditions::candidates(&exact::expand(&craft.block(&mut random)));
            assert_eq!(candidates >> vector & 1, 1, "vector {vector}");
        }
    }
}

/// Runs the body with each kind of vectors that the machine has, as the module `isa`.
macro_rules! with_vectors {
    ($body:ident!($($arguments:tt)*)) => {
        if cpu::has(Features::AVX512) {
            $body!(avx512 $($arguments)*);
        }
        if cpu::has(Features::AVX2) {
            $body!(avx2 $($arguments)*);
        }
    };
}

#[test]
fn lanes_find_the_candidates_of_portable_code() {
    macro_rules! check {
        ($isa:ident) => {
            const LANES: usize = lanes::$isa::LANES;
            let mut random = Random(12);
            let crafts = crafts();
            for round in 0..2000 {
                let mut blocks: [Block; LANES] = core::array::from_fn(|_| random.block());
                // One crafted block, as it is or with one bit of it flipped.
                let lane = round % LANES;
                blocks[lane] = crafts[round % 32].block(&mut random);
                if round % 3 != 0 {
                    blocks[lane][random.next() as usize % 64] ^= 1 << (random.next() % 8);
                }
                let mut state = INITIAL.map(|word| [word; LANES]);
                let runs = core::array::from_fn(|lane| &blocks[lane][..]);
                // SAFETY: the processor has these instructions.
                let found = unsafe {
                    let mut w = lanes::$isa::nothing();
                    lanes::$isa::compress(&mut state, &runs, 0, &mut w)
                };
                for lane in 0..LANES {
                    let w = exact::expand(&blocks[lane]);
                    assert_eq!(found[lane], conditions::candidates(&w), "lane {lane}");
                    let mut expected = INITIAL;
                    exact::take(&mut expected, &w);
                    assert_eq!(state.map(|word| word[lane]), expected, "lane {lane}");
                }
            }
        };
    }
    with_vectors!(check!());
}

/// A block with the chaining values before it, and after it if the block were part of a collision
/// along `vector`: the value that the other message, which differs by that vector, leads to.
fn staged(vector: usize, random: &mut Random) -> (Block, State, State) {
    let block = random.block();
    let w = exact::expand(&block);
    let before = core::array::from_fn(|_| random.next());
    let mut other = w;
    for (word, difference) in other.iter_mut().zip(&DIFFERENCES[vector]) {
        *word ^= u32::from_be_bytes(*difference);
    }
    let mut after = if STARTING_AT_58 >> vector & 1 == 1 {
        exact::backward::<58>(exact::forward::<0, 58>(before, &w), &other)
    } else {
        exact::backward::<65>(exact::forward::<0, 65>(before, &w), &other)
    };
    exact::take(&mut after, &other);
    (block, before, after)
}

#[test]
fn suspects_are_convicted_for_what_leads_to_the_same_value() {
    macro_rules! check {
        ($isa:ident) => {
            let mut random = Random(13);
            for vector in 0..32 {
                for guilty_lane in 0..lanes::$isa::LANES {
                    let mut suspects = suspects::$isa::Suspects::new();
                    for lane in 0..=guilty_lane {
                        let (block, before, mut after) = staged(vector, &mut random);
                        let w = exact::expand(&block);
                        assert!(exact::is_attacked(&before, &w, &after, 1 << vector));
                        assert!(!exact::is_attacked(&before, &w, &after, !(1 << vector)));
                        if lane != guilty_lane {
                            after[random.next() as usize % 5] ^= 1 << (random.next() % 32);
                            assert!(!exact::is_attacked(&before, &w, &after, 1 << vector));
                        }
                        let left = suspects.add(lane, &block, [&before, &after], 1 << vector);
                        assert_eq!(left, 0);
                    }
                    let mut convicted = Vec::new();
                    // SAFETY: the processor has these instructions.
                    unsafe { suspects.test(|message| convicted.push(message)) };
                    assert_eq!(convicted, [guilty_lane], "vector {vector}");
                    // SAFETY: as above.
                    unsafe { suspects.test(|_| unreachable!("all were tested")) };
                }
            }
        };
    }
    with_vectors!(check!());
}

#[test]
fn suspects_that_do_not_fit_are_handed_back() {
    macro_rules! check {
        ($isa:ident) => {
            let mut suspects = suspects::$isa::Suspects::new();
            let left = suspects.add(0, &[0; BLOCK_BYTES], [&INITIAL; 2], u32::MAX);
            assert_eq!(left.count_ones() as usize, 32 - lanes::$isa::LANES);
        };
    }
    with_vectors!(check!());
}

/// Messages of blocks of which many fulfil the conditions of a vector, through all that detects.
fn crafted_messages_equal_the_library(rounds: usize) {
    let crafts = crafts();
    let mut random = Random(14);
    for round in 0..rounds {
        let mut message: Vec<u8> = Vec::new();
        let mut starts = vec![0];
        for number in 0..600 {
            let crafted = !random.next().is_multiple_of(3);
            let block =
                if crafted { crafts[number % 32].block(&mut random) } else { random.block() };
            message.extend_from_slice(&block);
            if random.next().is_multiple_of(20) {
                starts.push(message.len());
            }
        }
        message.truncate(message.len() - round % 64);
        starts.retain(|start| *start < message.len());
        starts.push(message.len());
        let expected = sha1dc::mitigate::digest(&message).map(|digest| digest.to_bytes());
        let expected = expected.expect("nobody finds a collision by chance");
        assert_eq!(super::Sha1::hash_checked(&message), Ok(expected));
        assert_eq!(portable::hash_short(&message), Ok(expected));

        let messages: Vec<&[u8]> =
            starts.windows(2).map(|part| &message[part[0]..part[1]]).collect();
        let mut results = vec![Ok([0; 20]); messages.len()];
        super::sha1_many(&messages, &mut results);
        for (message, result) in messages.iter().zip(results) {
            let expected = sha1dc::mitigate::digest(message).expect("no collision");
            assert_eq!(result, Ok(expected.to_bytes()));
        }
    }
}

#[test]
fn crafted_messages_equal_the_library_briefly() {
    crafted_messages_equal_the_library(20);
}

/// A million blocks, two thirds of them crafted.
#[test]
#[ignore = "takes some seconds, and minutes without optimisation"]
fn crafted_messages_equal_the_library_at_length() {
    crafted_messages_equal_the_library(1700);
}

/// What `sha1dc` says of it: its SHA-1, or the digest that stands for a convicted one.
fn library(message: &[u8]) -> Result<[u8; 20], [u8; 20]> {
    let result = sha1dc::mitigate::digest(message);
    result.map(|digest| digest.to_bytes()).map_err(|attack| attack.digest().to_bytes())
}

#[test]
fn portable_stream_equals_the_library_at_every_length() {
    let bytes: Vec<u8> = (0..300_u32).map(|i| ((i * i) >> 3) as u8).collect();
    for end in 0..bytes.len() {
        let message = &bytes[..end];
        let mut hasher = portable::Hasher::default();
        let (head, tail) = message.split_at(end * 3 / 7);
        hasher.update(head);
        tail.chunks(end % 70 + 1).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish().map_err(|attack| attack.mitigated()), library(message));
    }
}

/// The two messages of "SHA-1 is a Shambles" (Leurent and Peyrin, 2020).
#[test]
fn portable_stream_reports_a_collision() {
    let texts = [
        include_str!("../../tests/data/sha-mbles-1.hex"),
        include_str!("../../tests/data/sha-mbles-2.hex"),
    ];
    for text in texts {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        let message: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let result = portable::hash_short(&message).map_err(|attack| attack.mitigated());
        assert!(result.is_err());
        assert_eq!(result, library(&message));
    }
}
