//! Content-defined chunking against the rule as `docs/format/cdc.md` states it, on every back end.

mod cdc_common;

use std::collections::HashSet;

use proptest::prelude::*;
use treenail_hash::cdc::{Chunker, Key, Sizes, chunks};

use cdc_common::{on_every_back_end, random_bytes};

/// The rule, word for word: a chunk at a time, a length at a time.
fn naive_lengths(value: impl Fn(&[u8]) -> u32, target: usize, mut bytes: &[u8]) -> Vec<usize> {
    let threshold = (5_u64 << 32) / target as u64;
    let mut lengths = Vec::new();
    while !bytes.is_empty() {
        let ends = |length: usize| {
            let value = u64::from(value(&bytes[length - 16..length]));
            length == target * 3 || value < threshold
        };
        let longest = bytes.len().min(target * 3);
        let length = (target * 3 / 4..=longest).find(|&length| ends(length)).unwrap_or(longest);
        lengths.push(length);
        bytes = &bytes[length..];
    }
    lengths
}

fn lengths(key: &Key, target: usize, bytes: &[u8]) -> Vec<usize> {
    let sizes = Sizes::new(target as u32).expect("within the limits");
    chunks(key, sizes, bytes).map(<[u8]>::len).collect()
}

/// The lengths that a stream in pieces yields.
fn streamed<'a>(
    key: &Key,
    target: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<usize> {
    let mut chunker = Chunker::new(key.clone(), Sizes::new(target as u32).expect("in range"));
    let mut lengths = Vec::new();
    for mut piece in pieces {
        loop {
            let before = chunker.chunk_bytes();
            let Some(at) = chunker.next_cut(piece) else { break };
            assert!((1..=piece.len()).contains(&at));
            lengths.push(before + at);
            piece = &piece[at..];
        }
    }
    lengths.extend((chunker.chunk_bytes() > 0).then(|| chunker.chunk_bytes()));
    lengths
}

#[test]
fn every_back_end_cuts_as_the_rule_says() {
    let bytes = random_bytes(1, 50_000);
    for target in [64, 65, 100, 1000, 3000] {
        for (key, model) in [
            (Key::fast(*b"a 16 byte secret"), model::fast(*b"a 16 byte secret")),
            (Key::strong(*b"a 16 byte secret"), model::strong(*b"a 16 byte secret")),
            (Key::local(), model::fast(*b"treenail cdc key")),
        ] {
            let expected = naive_lengths(|window| model.value(window), target, &bytes);
            assert!(expected.len() > 10);
            on_every_back_end(|features| {
                assert_eq!(lengths(&key, target, &bytes), expected, "{features:?}, {target}");
            });
        }
    }
}

#[test]
fn every_length_and_alignment_is_cut_alike() {
    let bytes = random_bytes(2, 4096 + 64);
    for key in [Key::local(), Key::strong([1; 16])] {
        for length in 0..=4096 {
            let alignment = length % 64;
            let bytes = &bytes[alignment..][..length];
            let mut first = None;
            on_every_back_end(|features| {
                let lengths = lengths(&key, 64, bytes);
                assert_eq!(lengths.iter().sum::<usize>(), length);
                assert_eq!(
                    first.get_or_insert_with(|| lengths.clone()),
                    &lengths,
                    "{features:?} differs at length {length}"
                );
            });
        }
    }
}

#[test]
fn every_split_of_a_stream_is_cut_alike() {
    let bytes = random_bytes(3, 700);
    let key = Key::local();
    let expected = lengths(&key, 80, &bytes);
    on_every_back_end(|features| {
        for split in 0..=bytes.len() {
            let (left, right) = bytes.split_at(split);
            assert_eq!(streamed(&key, 80, [left, right]), expected, "{features:?} at {split}");
        }
        for piece in 1..100 {
            assert_eq!(streamed(&key, 80, bytes.chunks(piece)), expected, "{features:?}");
        }
    });
}

#[test]
fn a_run_of_equal_bytes_is_cut_by_length_alone() {
    let lengths = lengths(&Key::local(), 256, &[0; 10_000]);
    let (last, rest) = lengths.split_last().expect("chunks");
    assert!(rest.iter().all(|&length| length == rest[0]));
    assert!(*last <= 768);
}

#[test]
fn an_insertion_moves_the_cuts_near_it_only() {
    let target = 1024;
    let bytes = random_bytes(4, 1 << 20);
    let key = Key::local();
    let known: HashSet<&[u8]> = chunks(&key, sizes(target), &bytes).collect();
    for (at, length) in [(0, 1), (400_000, 1), (500_000, 3_000), (900_000, 100_000)] {
        let mut edited = bytes.clone();
        edited.splice(at..at, random_bytes(5, length));
        let new: usize = chunks(&key, sizes(target), &edited)
            .filter(|chunk| !known.contains(chunk))
            .map(<[u8]>::len)
            .sum();
        let around = new - length.min(new);
        assert!(around < 20 * target, "{around} bytes beside the {length} at {at}");
    }
}

#[test]
fn lengths_keep_within_the_limits_and_near_the_target() {
    let bytes = random_bytes(6, 8 << 20);
    for target in [1024, 8192] {
        let lengths = lengths(&Key::local(), target, &bytes);
        let (_, whole) = lengths.split_last().expect("chunks");
        let limits = sizes(target).min_bytes()..=sizes(target).max_bytes();
        assert!(whole.iter().all(|length| limits.contains(length)));
        let mean = whole.iter().sum::<usize>() / whole.len();
        assert!((target * 92 / 100..target * 98 / 100).contains(&mean), "{mean} for {target}");
        let near = whole.iter().filter(|length| **length < target * 3 / 2).count();
        assert!(near * 100 > whole.len() * 92, "{near} of {} are near the target", whole.len());
    }
}

#[test]
fn another_key_cuts_elsewhere() {
    let bytes = random_bytes(7, 1 << 20);
    let cuts = |key: &Key| -> HashSet<usize> {
        lengths(key, 1024, &bytes)
            .iter()
            .scan(0, |at, length| {
                *at += length;
                Some(*at)
            })
            .collect()
    };
    let secret = *b"a 16 byte secret";
    let mut near = secret;
    near[15] ^= 1;
    let keys = [Key::local(), Key::fast(secret), Key::fast(near), Key::strong(secret)];
    for (index, key) in keys.iter().enumerate() {
        for other in &keys[..index] {
            let (a, b) = (cuts(key), cuts(other));
            let shared = a.intersection(&b).count();
            assert!(shared * 50 < a.len(), "{shared} of {} cuts are shared", a.len());
        }
    }
}

#[test]
fn a_debug_print_does_not_show_the_secret() {
    let chunker = Chunker::new(Key::fast([0xab; 16]), sizes(64));
    let printed = format!("{chunker:?}");
    assert!(printed.contains("Key::fast(..)") && !printed.contains("171"), "{printed}");
}

#[test]
fn targets_beyond_the_limits_are_refused() {
    for target in [0, 63, (1 << 30) + 1, u32::MAX] {
        let error = Sizes::new(target).expect_err("out of range");
        assert!(error.to_string().contains("choose 64 to 1073741824"), "{error}");
    }
    assert_eq!(Sizes::new(64).map(Sizes::min_bytes), Ok(48));
    assert_eq!(Sizes::new(1 << 30).map(Sizes::max_bytes), Ok(3 << 30));
}

/// The golden value of `docs/format/cdc.md`.
#[test]
fn golden_cuts() {
    let bytes: Vec<u8> = (0..4096_u32).flat_map(|i| (i * i).to_le_bytes()).collect();
    let secret = *b"0123456789abcdef";
    assert_eq!(lengths(&Key::local(), 1024, &bytes)[..6], GOLDEN[0]);
    assert_eq!(lengths(&Key::fast(secret), 1024, &bytes)[..6], GOLDEN[1]);
    assert_eq!(lengths(&Key::strong(secret), 1024, &bytes)[..6], GOLDEN[2]);
}

const GOLDEN: [[usize; 6]; 3] = [
    [1180, 836, 1293, 917, 832, 793],
    [882, 879, 1016, 971, 839, 782],
    [980, 811, 1397, 898, 866, 995],
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn cuts_depend_neither_on_pieces_nor_on_the_back_end(
        seed: u64,
        length in 0..6_000_usize,
        alphabet in 1..=256_u32,
        target in 64..2000_usize,
        secret: [u8; 16],
        strong: bool,
        pieces in prop::collection::vec(0..3000_usize, 0..20),
    ) {
        let mut bytes = random_bytes(seed, length);
        bytes.iter_mut().for_each(|byte| *byte = (u32::from(*byte) % alphabet) as u8);
        let (key, model) = if strong {
            (Key::strong(secret), model::strong(secret))
        } else {
            (Key::fast(secret), model::fast(secret))
        };
        let expected = naive_lengths(|window| model.value(window), target, &bytes);
        prop_assert_eq!(&lengths(&key, target, &bytes), &expected);
        let mut rest = &bytes[..];
        let mut parts = Vec::new();
        for piece in pieces {
            let (part, after) = rest.split_at(piece.min(rest.len()));
            parts.push(part);
            rest = after;
        }
        parts.push(rest);
        prop_assert_eq!(&streamed(&key, target, parts), &expected);
    }
}

fn sizes(target: usize) -> Sizes {
    Sizes::new(target as u32).expect("within the limits")
}

/// The value of a window by AES as FIPS 197 describes it, a byte at a time.
mod model {
    use std::sync::LazyLock;

    pub(crate) struct Model {
        round_keys: Vec<[u8; 16]>,
        last_is_short: bool,
    }

    pub(crate) fn strong(secret: [u8; 16]) -> Model {
        let derived = encrypt(&expand(secret), true, *b"treenail cdc 10r");
        Model { round_keys: expand(derived), last_is_short: true }
    }

    pub(crate) fn fast(secret: [u8; 16]) -> Model {
        let key = |index| {
            let mut block = *b"treenail cdc 4r0";
            block[15] = index;
            encrypt(&expand(secret), true, block)
        };
        Model { round_keys: (0..5).map(key).collect(), last_is_short: false }
    }

    impl Model {
        pub(crate) fn value(&self, window: &[u8]) -> u32 {
            let window = window.try_into().expect("16 bytes");
            let block = encrypt(&self.round_keys, self.last_is_short, window);
            u32::from_le_bytes(block[..4].try_into().expect("4 bytes"))
        }
    }

    fn encrypt(round_keys: &[[u8; 16]], last_is_short: bool, mut block: [u8; 16]) -> [u8; 16] {
        add(&mut block, &round_keys[0]);
        for (index, key) in round_keys.iter().enumerate().skip(1) {
            let old = block.map(substitute);
            block = std::array::from_fn(|at| old[(at + 4 * (at % 4)) % 16]);
            if index < round_keys.len() - 1 || !last_is_short {
                for column in block.chunks_exact_mut(4) {
                    let old: [u8; 4] = (&*column).try_into().expect("4 bytes");
                    for row in 0..4 {
                        let at = |offset: usize| old[(row + offset) % 4];
                        column[row] = double(at(0)) ^ double(at(1)) ^ at(1) ^ at(2) ^ at(3);
                    }
                }
            }
            add(&mut block, key);
        }
        block
    }

    fn add(block: &mut [u8; 16], key: &[u8; 16]) {
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }

    fn expand(key: [u8; 16]) -> Vec<[u8; 16]> {
        let mut words: Vec<[u8; 4]> =
            key.chunks(4).map(|word| word.try_into().expect("4 bytes")).collect();
        let mut constant = 1;
        for index in 4..44 {
            let mut word = words[index - 1];
            if index % 4 == 0 {
                word.rotate_left(1);
                word = word.map(substitute);
                word[0] ^= constant;
                constant = double(constant);
            }
            let before = words[index - 4];
            words.push(std::array::from_fn(|at| before[at] ^ word[at]));
        }
        words.chunks(4).map(|key| key.concat().try_into().expect("16 bytes")).collect()
    }

    fn substitute(byte: u8) -> u8 {
        static TABLE: LazyLock<[u8; 256]> = LazyLock::new(|| {
            std::array::from_fn(|byte| {
                // The inverse is the 254th power.
                let inverse = (0..254).fold(1, |power, _| times(power, byte as u8));
                (0..5).fold(0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
            })
        });
        TABLE[usize::from(byte)]
    }

    fn times(a: u8, b: u8) -> u8 {
        (0..8).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ doubled(a, bit))
    }

    fn doubled(byte: u8, times: u32) -> u8 {
        (0..times).fold(byte, |byte, _| double(byte))
    }

    fn double(byte: u8) -> u8 {
        byte << 1 ^ if byte & 0x80 != 0 { 0x1b } else { 0 }
    }
}
