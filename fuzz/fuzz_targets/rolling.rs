//! The weak sum and the search for it, against the formulas.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::__internal::{Features, limit};
use treenail_hash::rolling::{Candidate, MatchSet, sum};

fuzz_target!(|input: (u8, u16, u16, u16, &[u8])| {
    let (words, block_bytes, step, seek, bytes) = input;
    let block_bytes = 1 + usize::from(block_bytes) % 1000;
    let mut memory = vec![0; 1 << (words % 11)];
    let mut set = MatchSet::new(&mut memory);
    for block in bytes.chunks(block_bytes).step_by(1 + usize::from(step)) {
        set.insert(naive(block));
    }
    let expected: Vec<Candidate> = bytes
        .windows(block_bytes)
        .enumerate()
        .map(|(at, block)| Candidate { at, sum: naive(block) })
        .filter(|candidate| set.may_contain(candidate.sum))
        .collect();
    for features in [Features::NONE, Features::ALL] {
        limit(features);
        assert_eq!(sum(bytes), naive(bytes));
        let mut candidates = set.candidates(bytes, block_bytes);
        assert!(candidates.by_ref().eq(expected.iter().copied()));
        candidates.seek(usize::from(seek));
        let behind = expected.iter().filter(|one| one.at >= usize::from(seek));
        assert!(candidates.eq(behind.copied()));
    }
});

fn naive(block: &[u8]) -> u32 {
    let weighted = (1..).zip(block.iter().rev()).map(|(n, &x): (u64, _)| n * u64::from(x));
    let a = block.iter().map(|&x| u64::from(x)).sum::<u64>() as u16;
    let b = weighted.sum::<u64>() as u16;
    u32::from(a) | u32::from(b) << 16
}
