//! The weak sum against the technical report's formulas, and the search against trying every place.

mod cdc_common;

use std::collections::HashSet;

use proptest::prelude::*;
use treenail_hash::rolling::{Candidate, MatchSet, Rolling, sum};

use cdc_common::{on_every_back_end, random_bytes};

/// The formulas, term by term.
fn naive_sum(block: &[u8]) -> u32 {
    let n = block.len() as u64;
    let a = block.iter().map(|&x| u64::from(x)).sum::<u64>() % (1 << 16);
    let b = (0..).zip(block).map(|(i, &x)| (n - i) * u64::from(x)).sum::<u64>() % (1 << 16);
    (a + (b << 16)) as u32
}

/// Every block whose sum the set may contain, among them those of a sum in `known`.
fn naive_candidates(set: &MatchSet, known: &[u32], bytes: &[u8], n: usize) -> Vec<Candidate> {
    let known: HashSet<u32> = known.iter().copied().collect();
    let sums = bytes.windows(n).map(naive_sum);
    let may_contain = |candidate: &Candidate| {
        let may = set.may_contain(candidate.sum);
        assert!(may || !known.contains(&candidate.sum), "a sum that was inserted is missed");
        may
    };
    sums.enumerate().map(|(at, sum)| Candidate { at, sum }).filter(may_contain).collect()
}

fn set<'m>(memory: &'m mut [u64], known: &[u32]) -> MatchSet<'m> {
    let mut set = MatchSet::new(memory);
    known.iter().for_each(|&sum| set.insert(sum));
    set
}

#[test]
fn the_sum_is_that_of_the_report() {
    assert_eq!(sum(b""), 0);
    assert_eq!(sum(b"a"), 0x0061_0061);
    // 97 + 98 + 99 and 3 * 97 + 2 * 98 + 99.
    assert_eq!(sum(b"abc"), 294 | (586 << 16));
    // 700 bytes of 255: 178500 and 255 * 700 * 701 / 2, each modulo 65536.
    assert_eq!(sum(&[255; 700]), (178_500 % 65_536) | ((62_564_250 % 65_536) << 16));
}

#[test]
fn every_back_end_sums_every_length_and_alignment() {
    let random = random_bytes(1, 4096 + 64);
    let high = vec![255; 4096 + 64];
    let expected: Vec<_> = (0..=4096)
        .map(|length| (length % 64, length))
        .map(|(at, length)| (naive_sum(&random[at..][..length]), naive_sum(&high[at..][..length])))
        .collect();
    on_every_back_end(|features| {
        for (length, expected) in expected.iter().enumerate() {
            let range = length % 64..length % 64 + length;
            let sums = (sum(&random[range.clone()]), sum(&high[range]));
            assert_eq!(sums, *expected, "{features:?} at length {length}");
        }
    });
}

#[test]
fn long_blocks_do_not_overflow() {
    let high = vec![255; 20 << 20];
    let expected = naive_sum(&high);
    on_every_back_end(|features| assert_eq!(sum(&high), expected, "{features:?}"));
}

#[test]
fn a_rolled_sum_is_the_sum_of_the_block_it_came_to() {
    let bytes = random_bytes(2, 70_500);
    for block_bytes in [1, 2, 700, 65_535, 65_536, 70_000] {
        let mut rolling = Rolling::new(&bytes[..block_bytes]);
        for at in 0..400 {
            assert_eq!(rolling.sum(), naive_sum(&bytes[at..][..block_bytes]), "{at}");
            rolling.roll(bytes[at], bytes[at + block_bytes]);
        }
    }
}

#[test]
fn every_back_end_finds_what_trying_every_place_finds() {
    for (length, block_bytes) in
        [(0, 1), (1, 1), (1, 2), (5, 5), (300, 1), (800, 700), (2_000, 3), (5_000, 700)]
    {
        for salt in 0..8 {
            let bytes = random_bytes(salt, length + salt as usize);
            let known: Vec<u32> = bytes.chunks(block_bytes).step_by(7).map(naive_sum).collect();
            let mut memory = vec![0; 1 << salt];
            let set = set(&mut memory, &known);
            let expected = naive_candidates(&set, &known, &bytes, block_bytes);
            on_every_back_end(|features| {
                let found: Vec<_> = set.candidates(&bytes, block_bytes).collect();
                assert_eq!(found, expected, "{features:?}, {length}, {block_bytes}");
            });
        }
    }
}

#[test]
fn a_batch_that_ends_with_the_buffer_is_searched_whole() {
    for count in 254..=515 {
        let bytes = random_bytes(3, count - 1 + 32);
        let last = naive_sum(&bytes[count - 1..]);
        let mut memory = [0; 1024];
        let set = set(&mut memory, &[last]);
        on_every_back_end(|features| {
            let found = set.candidates(&bytes, 32).last().map(|candidate| candidate.at);
            assert_eq!(found, Some(count - 1), "{features:?}");
        });
    }
}

#[test]
fn seek_goes_on_anywhere() {
    let bytes = random_bytes(4, 3000);
    let known: Vec<u32> = bytes.chunks(50).map(naive_sum).collect();
    let mut memory = [0; 1024];
    let set = set(&mut memory, &known);
    let all = naive_candidates(&set, &known, &bytes, 50);
    for at in [0, 1, 255, 256, 257, 1000, 2949, 2950, 2951, 3000, 4000, usize::MAX] {
        let mut candidates = set.candidates(&bytes, 50);
        candidates.next();
        candidates.seek(at);
        let expected: Vec<_> = all.iter().copied().filter(|one| one.at >= at).collect();
        assert_eq!(candidates.by_ref().collect::<Vec<_>>(), expected, "from {at}");
        assert_eq!(candidates.next(), None);
        candidates.seek(0);
        assert_eq!(candidates.collect::<Vec<_>>(), all, "after {at}");
    }
}

#[test]
fn a_block_longer_than_any_buffer_is_nowhere() {
    let mut memory = [0; 16];
    let set = set(&mut memory, &[sum(b"abc")]);
    let mut candidates = set.candidates(b"abc", usize::MAX);
    assert_eq!(candidates.next(), None);
    candidates.seek(usize::MAX);
    assert_eq!(candidates.next(), None);
}

#[test]
fn a_new_set_is_empty_whatever_the_memory_held() {
    let mut memory = [u64::MAX; 4];
    let set = MatchSet::new(&mut memory);
    assert!((0..1 << 16).all(|sum| !set.may_contain(sum)));
    assert_eq!(set.candidates(&[0; 1000], 10).count(), 0);
}

#[test]
#[should_panic(expected = "a block holds a byte at least")]
fn an_empty_block_is_refused() {
    let mut memory = [0; 1024];
    let _ = MatchSet::new(&mut memory).candidates(b"bytes", 0);
}

#[test]
fn a_set_keeps_most_other_sums_out() {
    let sums: Vec<u32> = random_bytes(5, 4 * 66_000)
        .chunks(4)
        .map(|four| u32::from_le_bytes(four.try_into().expect("4 bytes")))
        .collect();
    let mut memory = [0; 1024];
    let set = set(&mut memory, &sums[..1000]);
    assert!(sums[..1000].iter().all(|&sum| set.may_contain(sum)));
    let taken = sums[1000..].iter().filter(|sum| set.may_contain(**sum)).count();
    // 65,000 / 65.5 would be expected.
    assert!((900..1080).contains(&taken), "{taken} of 65,000");
}

#[test]
#[should_panic(expected = "a set takes a power of two of words")]
fn memory_that_is_no_power_of_two_is_refused() {
    MatchSet::new(&mut [0; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn candidates_are_the_blocks_with_known_tags(
        seed: u64,
        length in 0..4000_usize,
        block_bytes in 1..1500_usize,
        alphabet in 1..=256_u32,
        step in 1..50_usize,
        words_log in 0..12_u32,
    ) {
        let mut bytes = random_bytes(seed, length);
        bytes.iter_mut().for_each(|byte| *byte = (u32::from(*byte) % alphabet) as u8);
        let known: Vec<u32> = bytes.chunks(block_bytes).step_by(step).map(naive_sum).collect();
        let mut memory = vec![0; 1_usize << words_log];
        let set = set(&mut memory, &known);
        let found: Vec<_> = set.candidates(&bytes, block_bytes).collect();
        prop_assert_eq!(found, naive_candidates(&set, &known, &bytes, block_bytes));
    }
}
