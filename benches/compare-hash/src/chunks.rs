//! Content-defined chunking: how fast, and what deduplication it leaves to be found.

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_hash::cdc::{Key, Sizes, chunks};
use treenail_hash::{Hash, Xxh128};

use crate::version;

const OURS: &str = version!("TREENAIL_HASH");
/// Less than a core's share of the last cache.
const CACHED_BYTES: usize = 4 << 20;
/// Where chunks begin depends on the key, and so does how well they repeat: so many keys are tried.
const KEYS: u8 = 48;
/// As many of them as it takes to know a mean length.
const KEYS_FOR_LENGTH: u8 = 16;

/// The cases over the archives of the corpus `repeats`.
///
/// # Errors
/// If the archives cannot be read.
pub(crate) fn cases(corpus: &Path) -> Result<Vec<Case>, String> {
    let read = |name: &str| -> Result<&'static [u8], String> {
        let path = corpus.join(name);
        Ok(fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?.leak())
    };
    let (versions, upgrade) = (read("versions.tar")?, read("upgrade.tar")?);
    let cached = versions.get(..CACHED_BYTES).ok_or("versions.tar is too short")?;
    Ok(vec![
        cdc("cdc, 8 KiB, versions of a crate", versions, 8 << 10),
        cdc("cdc, 64 KiB, versions of a crate", versions, 64 << 10),
        cdc("cdc, 8 KiB, an upgrade of node_modules", upgrade, 8 << 10),
        cdc("cdc, 64 KiB, an upgrade of node_modules", upgrade, 64 << 10),
        Case { facts: Vec::new(), ..cdc("cdc, 8 KiB, in the cache", cached, 8 << 10) },
    ])
}

/// Cuts a file, and hands over each chunk.
type Cut = Box<dyn Fn(&'static [u8], &mut dyn FnMut(&'static [u8]))>;

/// A chunker.
struct Chunker {
    name: &'static str,
    version: &'static str,
    /// One that cuts at about this length, by this key.
    make: fn(u32, u8) -> Cut,
}

const FAST_CDC: &str = "fastcdc";

const CHUNKERS: [Chunker; 4] = [
    Chunker {
        name: "treenail-hash, fast key",
        version: OURS,
        make: |length, key| ours(Key::fast([key; 16]), length),
    },
    Chunker {
        name: "treenail-hash, strong key",
        version: OURS,
        make: |length, key| ours(Key::strong([key; 16]), length),
    },
    Chunker { name: FAST_CDC, version: version!("FASTCDC"), make: fast_cdc },
    Chunker { name: "mincdc, not keyed", version: version!("MINCDC"), make: min_cdc },
];

fn ours(key: Key, length: u32) -> Cut {
    let sizes = Sizes::new(length).expect("a usual length");
    Box::new(move |bytes, each| chunks(&key, sizes, bytes).for_each(each))
}

fn fast_cdc(length: u32, key: u8) -> Cut {
    use fastcdc::v2020::{FastCDC, Normalization};
    Box::new(move |bytes, each| {
        let (min, max) = (length / 2, length * 4);
        let level = Normalization::Level1;
        FastCDC::with_level_and_seed(bytes, min, length, max, level, u64::from(key))
            .for_each(|chunk| each(&bytes[chunk.offset..][..chunk.length]));
    })
}

fn min_cdc(length: u32, _key: u8) -> Cut {
    let (min, max) = (length as usize / 2, length as usize * 3 / 2);
    Box::new(move |bytes, each| {
        let mut at = 0;
        for chunk in mincdc::SliceChunker::new(bytes, min, max, mincdc::MinCdcHash4::new()) {
            each(&bytes[at..at + chunk.len()]);
            at += chunk.len();
        }
    })
}

/// Chunkers cut at different places, so what is equal is the bytes that they return.
fn cdc(name: &'static str, input: &'static [u8], target: usize) -> Case {
    let contenders = CHUNKERS.iter().map(|chunker| {
        let cut = (chunker.make)(length_for(chunker, input, target), 1);
        let mut total = 0;
        cut(input, &mut |chunk| total += chunk.len());
        Contender {
            name: chunker.name,
            version: Answer::fixed(chunker.version),
            answers: vec![("bytes", Answer::fixed(total.to_string()))],
            work: Work::closure(move || {
                let mut count = 0;
                cut(black_box(input), &mut |_| count += 1);
                black_box(count);
                Ok(())
            }),
        }
    });
    Case {
        name,
        references: vec![("bytes", Answer::fixed(input.len().to_string()))],
        contenders: contenders.collect(),
        size_bytes: Some(input.len() as u64),
        targets: vec![Target::Best(1.0)],
        facts: vec![("Deduplication", Answer::closure(move || Ok(deduplication(input, target))))],
    }
}

/// The length to ask of a chunker for chunks that have about this mean length.
fn length_for(chunker: &Chunker, input: &'static [u8], target: usize) -> u32 {
    let fast_cdc_length = target as u32 * 7 / 10;
    if chunker.name == FAST_CDC {
        return fast_cdc_length;
    }
    // It takes only powers of two as a middle, so its mean is what the others are set to.
    let goal = mean(input, |key| fast_cdc(fast_cdc_length, key));
    let (mut low, mut high) = (target as u32 / 3, target as u32 * 3);
    while high - low > target as u32 / 500 {
        let middle = low.midpoint(high);
        match mean(input, |key| (chunker.make)(middle, key)) < goal {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

fn mean(input: &'static [u8], make: impl Fn(u8) -> Cut) -> usize {
    let mut count = 0;
    for key in 1..=KEYS_FOR_LENGTH {
        make(key)(input, &mut |_| count += 1);
    }
    input.len() * usize::from(KEYS_FOR_LENGTH) / count
}

/// For each chunker the share of the bytes that is left when each chunk is kept once.
fn deduplication(input: &'static [u8], target: usize) -> String {
    let kept = CHUNKERS.iter().map(|chunker| {
        let length = length_for(chunker, input, target);
        let mut count = 0;
        let shares: Vec<f64> = (1..=KEYS)
            .map(|key| {
                let (mut seen, mut unique) = (HashSet::new(), 0);
                (chunker.make)(length, key)(input, &mut |chunk| {
                    count += 1;
                    if seen.insert(Xxh128::hash(chunk)) {
                        unique += chunk.len();
                    }
                });
                unique as f64 / input.len() as f64
            })
            .collect();
        let average = shares.iter().sum::<f64>() / f64::from(KEYS);
        let variance = shares.iter().map(|share| (share - average).powi(2)).sum::<f64>();
        let deviation = (variance / f64::from(KEYS)).sqrt();
        let mean = input.len() * usize::from(KEYS) / count;
        format!("{} {average:.4} (sd {deviation:.4}, mean {mean} B)", chunker.name)
    });
    let kept = kept.collect::<Vec<_>>().join("; ");
    format!("kept of the bytes, averages of {KEYS} keys: {kept}")
}
