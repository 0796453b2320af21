//! What works on blocks of a file: the rolling sum, and digests with a root.

use std::hint::black_box;

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_hash::Xxh128;
use treenail_hash::blocks::{Blocks, digests_for};
use treenail_hash::rolling::{MatchSet, Rolling, sum};

use crate::job::{head, messages};
use crate::version;

const OURS: &str = version!("TREENAIL_HASH");
const BLOCK_BYTES: usize = 4096;

pub(crate) fn cases() -> Vec<Case> {
    vec![rolling(), blocks()]
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
