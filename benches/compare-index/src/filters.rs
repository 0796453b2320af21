//! Filters: building them, and asking them.

use std::hint::black_box;

use foldhash::fast::FixedState;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_index::fuse::{FuseRef, build, bytes_for, scratch_words_for};
use xorf::Filter;

use crate::versions::version;

const KEYS: usize = 1_000_000;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        building("filter, building, 1M keys", KEYS),
        building("filter, building, 10k keys", 10_000),
        asking("filter, asking, 1M keys", KEYS),
        asking("filter, asking, 10k keys", 10_000),
    ]
}

fn keys(count: usize) -> &'static [u64] {
    let keys = (0..count as u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xa5);
    Vec::leak(keys.collect())
}

/// With the rate of wrong answers that fingerprints of eight bits have.
fn bloom(keys: &[u64]) -> fastbloom::BloomFilter<FixedState> {
    let mut filter = fastbloom::BloomFilter::with_false_pos(1.0 / 256.0)
        .hasher(FixedState::with_seed(1))
        .expected_items(keys.len());
    keys.iter().for_each(|key| _ = filter.insert(key));
    filter
}

fn building(name: &'static str, count: usize) -> Case {
    let keys = keys(count);
    let goes = (KEYS / count).max(1);
    let mut scratch = vec![0; scratch_words_for(count).expect("few keys")];
    let mut bytes = vec![0; bytes_for::<u8>(count).expect("few keys")];
    let ours = move || {
        let filter = build::<u8>(keys, 1, &mut scratch, &mut bytes).expect("the sizes are right");
        keys.iter().take(1000).filter(|key| filter.contains(**key)).count()
    };
    let xorf = move || {
        let filter = xorf::BinaryFuse8::try_from(keys).expect("the keys are distinct");
        keys.iter().take(1000).filter(|key| filter.contains(key)).count()
    };
    let bloom = move || {
        let filter = bloom(keys);
        keys.iter().take(1000).filter(|key| filter.contains(*key)).count()
    };
    Case {
        name,
        references: Vec::new(),
        contenders: vec![
            contender("treenail-index", "treenail-index", goes, ours),
            contender("xorf, BinaryFuse8", "xorf", goes, xorf),
            contender("fastbloom", "fastbloom", goes, bloom),
        ],
        size_bytes: None,
        targets: vec![Target::Ratio { rival: "xorf, BinaryFuse8", max: 1.0 }],
        facts: Vec::new(),
    }
}

/// Every key is asked for, and as many others; only the found ones that are keys are compared.
fn asking(name: &'static str, count: usize) -> Case {
    let keys = keys(count);
    let goes = (KEYS / count).max(1);
    let mut scratch = vec![0; scratch_words_for(count).expect("few keys")];
    let bytes = vec![0; bytes_for::<u8>(count).expect("few keys")].leak();
    let ours: FuseRef<'_, u8> = build(keys, 1, &mut scratch, bytes).expect("the sizes are right");
    let xorf = xorf::BinaryFuse8::try_from(keys).expect("the keys are distinct");
    let bloom = bloom(keys);
    Case {
        name,
        references: Vec::new(),
        contenders: vec![
            contender(
                "treenail-index",
                "treenail-index",
                goes,
                asker(keys, move |key| ours.contains(key)),
            ),
            contender(
                "xorf, BinaryFuse8",
                "xorf",
                goes,
                asker(keys, move |key| xorf.contains(&key)),
            ),
            contender("fastbloom", "fastbloom", goes, asker(keys, move |key| bloom.contains(&key))),
        ],
        size_bytes: None,
        targets: vec![Target::Ratio { rival: "xorf, BinaryFuse8", max: 1.0 }],
        facts: Vec::new(),
    }
}

fn asker(keys: &'static [u64], contains: impl Fn(u64) -> bool) -> impl FnMut() -> usize {
    move || {
        let foreign = keys.iter().filter(|key| contains(key.rotate_left(7))).count();
        black_box(foreign);
        keys.iter().filter(|key| contains(**key)).count()
    }
}

fn contender(
    name: &'static str,
    package: &str,
    goes: usize,
    mut count: impl FnMut() -> usize + 'static,
) -> Contender {
    let found = count();
    Contender {
        name,
        version: Answer::fixed(version(package)),
        answers: vec![("keys found", Answer::fixed(found.to_string()))],
        work: Work::closure(move || {
            (0..goes).for_each(|_| _ = black_box(count()));
            Ok(())
        }),
    }
}
