//! What works on pieces of a file: chunking, the rolling sum, digests of blocks.

use std::collections::HashSet;
use std::hint::black_box;
use std::path::Path;
use std::{env, fs};

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_hash::blocks::{Blocks, digests_for};
use treenail_hash::cdc::{Key, Sizes, chunks};
use treenail_hash::rolling::{MatchSet, Rolling, sum};
use treenail_hash::{Hash, Xxh128};

use crate::job::{head, messages};
use crate::version;

const OURS: &str = version!("TREENAIL_HASH");
const INPUT_BYTES: usize = 32 << 20;
/// Less than a core's share of the last cache.
const CACHED_BYTES: usize = 4 << 20;
const BLOCK_BYTES: usize = 4096;

pub(crate) fn cases() -> Vec<Case> {
    let input: &'static [u8] = real_bytes().leak();
    let cached = &input[..CACHED_BYTES.min(input.len())];
    vec![
        cdc("cdc, 8 KiB", input, 8 << 10),
        cdc("cdc, 64 KiB", input, 64 << 10),
        cdc("cdc, 8 KiB, in the cache", cached, 8 << 10),
        rolling(),
        blocks(),
    ]
}

/// What the files of the registry's packages hold, one behind the other: real sources, and always
/// there where Rust is built.
fn real_bytes() -> Vec<u8> {
    let home = env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", env::var("HOME").unwrap_or_default()));
    let mut bytes = Vec::with_capacity(INPUT_BYTES);
    append(Path::new(&home).join("registry/src").as_path(), &mut bytes);
    bytes.truncate(INPUT_BYTES);
    bytes
}

fn append(dir: &Path, bytes: &mut Vec<u8>) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if bytes.len() >= INPUT_BYTES {
            return;
        }
        match path.is_dir() {
            true => append(&path, bytes),
            false => bytes.extend(fs::read(&path).unwrap_or_default()),
        }
    }
}

/// Cuts a file, and hands over each chunk.
type Cut = Box<dyn Fn(&'static [u8], &mut dyn FnMut(&'static [u8]))>;

/// The chunkers, with lengths chosen so that their chunks are about as long on average.
fn chunkers(target: usize) -> Vec<(&'static str, &'static str, Cut)> {
    let sizes = Sizes::new(target as u32).expect("a usual target");
    let ours = |key: Key| -> Cut {
        Box::new(move |bytes, each| chunks(&key, sizes, bytes).for_each(each))
    };
    let fast_cdc: Cut = Box::new(move |bytes, each| {
        let average = target as u32 * 7 / 10;
        fastcdc::v2020::FastCDC::new(bytes, average / 2, average, average * 4)
            .for_each(|chunk| each(&bytes[chunk.offset..][..chunk.length]));
    });
    let min_cdc: Cut = Box::new(move |bytes, each| {
        let hash = mincdc::MinCdcHash4::new();
        let mut at = 0;
        for chunk in mincdc::SliceChunker::new(bytes, target / 2, target * 5 / 3, hash) {
            each(&bytes[at..at + chunk.len()]);
            at += chunk.len();
        }
    });
    vec![
        ("treenail-hash, fast key", OURS, ours(Key::fast([7; 16]))),
        ("treenail-hash, strong key", OURS, ours(Key::strong([7; 16]))),
        ("fastcdc, not keyed", version!("FASTCDC"), fast_cdc),
        ("mincdc, not keyed", version!("MINCDC"), min_cdc),
    ]
}

/// Chunkers cut at different places, so what is equal is the bytes that they return.
fn cdc(name: &'static str, input: &'static [u8], target: usize) -> Case {
    let contenders = chunkers(target).into_iter().map(|(name, version, cut)| {
        let mut total = 0;
        cut(input, &mut |chunk| total += chunk.len());
        Contender {
            name,
            version: Answer::fixed(version),
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
        facts: vec![("What the chunks are", Answer::closure(move || Ok(shape(input, target))))],
    }
}

/// The mean length of each chunker's chunks, and the share of the bytes that deduplication keeps.
fn shape(input: &'static [u8], target: usize) -> String {
    let shapes = chunkers(target).into_iter().map(|(name, _, cut)| {
        let (mut seen, mut count, mut unique) = (HashSet::new(), 0, 0);
        cut(input, &mut |chunk| {
            count += 1;
            if seen.insert(Xxh128::hash(chunk)) {
                unique += chunk.len();
            }
        });
        let mean = input.len() / count.max(1);
        format!("{name}: mean {mean} B, {:.4} unique", unique as f64 / input.len() as f64)
    });
    shapes.collect::<Vec<_>>().join("; ")
}

/// The search for known blocks at every position, of which there are none.
fn rolling() -> Case {
    let bytes = messages(1, 4 << 20)[0];
    let memory: &'static mut [u64] = vec![0; 1 << 12].leak();
    let mut set = MatchSet::new(memory);
    for block in messages(1000, BLOCK_BYTES + 1) {
        set.insert(sum(&block[..BLOCK_BYTES]));
    }
    let set: &'static MatchSet<'static> = Box::leak(Box::new(set));
    let scan = move || set.candidates(bytes, BLOCK_BYTES).count();
    let roll = move || {
        let mut rolling = Rolling::new(&bytes[..BLOCK_BYTES]);
        let mut found = usize::from(set.may_contain(rolling.sum()));
        for (leaves, enters) in bytes.iter().zip(&bytes[BLOCK_BYTES..]) {
            rolling.roll(*leaves, *enters);
            found += usize::from(set.may_contain(rolling.sum()));
        }
        found
    };
    let contender = |name, found: usize, mut run: Box<dyn FnMut() -> usize>| Contender {
        name,
        version: Answer::fixed(OURS),
        answers: vec![("candidates", Answer::fixed(found.to_string()))],
        work: Work::closure(move || {
            black_box(run());
            Ok(())
        }),
    };
    Case {
        name: "rolling, 4 MiB in blocks of 4 KiB",
        references: Vec::new(),
        contenders: vec![
            contender("treenail-hash, candidates", scan(), Box::new(scan)),
            contender("treenail-hash, byte by byte", roll(), Box::new(roll)),
        ],
        size_bytes: Some(bytes.len() as u64),
        targets: Vec::new(),
        facts: Vec::new(),
    }
}

/// One block of 100 MB is written again and again.
fn blocks() -> Case {
    const FILE_BYTES: usize = 100_000_000;
    let file = messages(1, FILE_BYTES)[0];
    let memory = || vec![[0; 16]; digests_for(FILE_BYTES as u64)].leak();
    let mut kept = Blocks::<Xxh128>::build(memory(), file).expect("there is room");
    let at = 12_345 * BLOCK_BYTES as u64;
    let mut block = file[at as usize..][..BLOCK_BYTES].to_vec();
    block[7] ^= 1;
    kept.update(FILE_BYTES as u64, at, &block, |_| ()).expect("a block of the file");
    let updated = head(&kept.root());
    let mut other = file.to_vec();
    other[at as usize + 7] ^= 1;
    let rebuilt = Blocks::<Xxh128>::build(memory(), &other).expect("there is room");
    let rebuilt = head(&rebuilt.root());
    let again = memory();
    Case {
        name: "blocks, one of 100 MB",
        references: Vec::new(),
        contenders: vec![
            Contender {
                name: "treenail-hash, update",
                version: Answer::fixed(OURS),
                answers: vec![("root", Answer::fixed(format!("{updated:016x}")))],
                work: Work::closure(move || {
                    block[8] ^= 1;
                    kept.update(FILE_BYTES as u64, at, black_box(&block), |_| ())
                        .map_err(|error| format!("{error:?}"))?;
                    black_box(kept.root());
                    Ok(())
                }),
            },
            Contender {
                name: "treenail-hash, build",
                version: Answer::fixed(OURS),
                answers: vec![("root", Answer::fixed(format!("{rebuilt:016x}")))],
                work: Work::closure(move || {
                    let built = Blocks::<Xxh128>::build(again, black_box(&other));
                    black_box(built.map_err(|error| format!("{error:?}"))?.root());
                    Ok(())
                }),
            },
        ],
        size_bytes: None,
        targets: vec![Target::WallMs(0.010)],
        facts: Vec::new(),
    }
}
