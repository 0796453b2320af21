//! Maps: reads with some writes, reads alone, with one thread and with two.

use std::hash::Hash;
use std::hint::black_box;
use std::sync::Arc;

use foldhash::fast::FixedState;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_index::Key;

use crate::tables::{Ours, Session, Table};
use crate::versions::version;

/// Operations of each thread in a sample.
const OPERATIONS: u64 = 1 << 21;
/// A guard that is never renewed keeps all that was replaced from being freed.
const OPERATIONS_PER_SESSION: u64 = 1 << 10;

/// What the threads do.
#[derive(Clone, Copy)]
struct Load {
    keys: u64,
    threads: u64,
    /// How many of 1,000 operations overwrite a value.
    writes_per_mille: u64,
    /// How many keys are asked for, for each that is there.
    asked_per_key: u64,
}

const MIXED: Load = Load { keys: 100_000, threads: 2, writes_per_mille: 50, asked_per_key: 1 };

pub(crate) fn cases() -> Vec<Case> {
    let goal = || vec![Target::Best(1.0 / 1.3)];
    let reads = Load { writes_per_mille: 0, ..MIXED };
    vec![
        case::<u64>("95/5, 2 threads, 64-bit keys", MIXED, goal()),
        case::<u64>("95/5, 2 threads, 64-bit keys, 1M", Load { keys: 1_000_000, ..MIXED }, goal()),
        case::<[u8; 16]>("95/5, 2 threads, 128-bit keys", MIXED, goal()),
        case::<[u8; 32]>("95/5, 2 threads, 256-bit keys", MIXED, goal()),
        case::<u64>(
            "50/50, 2 threads, 64-bit keys",
            Load { writes_per_mille: 500, ..MIXED },
            vec![],
        ),
        case::<u64>("reads, 2 threads, 64-bit keys", reads, vec![]),
        case::<u64>(
            "reads, half of them misses, 2 threads, 64-bit keys",
            Load { asked_per_key: 2, ..reads },
            vec![],
        ),
        case::<[u8; 32]>("reads, 2 threads, 256-bit keys", reads, vec![]),
        case::<u64>("95/5, 1 thread, 64-bit keys", Load { threads: 1, ..MIXED }, vec![]),
    ]
}

/// Keys from numbers.
trait FromNumber: Copy {
    fn from_number(number: u64) -> Self;
}

/// Spread over all 64 bits, one to one.
fn spread(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

impl FromNumber for u64 {
    #[inline]
    fn from_number(number: u64) -> Self {
        spread(number)
    }
}

impl<const SIZE: usize> FromNumber for [u8; SIZE] {
    #[inline]
    fn from_number(number: u64) -> Self {
        let mut digest = [0; SIZE];
        for (at, bytes) in (0_u64..).zip(digest.as_chunks_mut::<8>().0) {
            *bytes = spread(number ^ at << 60).to_le_bytes();
        }
        digest
    }
}

fn case<K: Key + Hash + FromNumber + Send + Sync + 'static>(
    name: &'static str,
    load: Load,
    targets: Vec<Target>,
) -> Case {
    Case {
        name,
        references: Vec::new(),
        contenders: vec![
            contender::<K, Ours<K>>("treenail-index", load),
            contender::<K, papaya::HashMap<K, u64, FixedState>>("papaya", load),
            contender::<K, scc::HashMap<K, u64, FixedState>>("scc", load),
            contender::<K, dashmap::DashMap<K, u64, FixedState>>("dashmap", load),
        ],
        size_bytes: None,
        targets,
        facts: Vec::new(),
    }
}

/// The value of a key depends on the key alone, so that writing changes no answer.
fn contender<K: FromNumber + Copy + 'static, T: Table<K>>(
    name: &'static str,
    load: Load,
) -> Contender {
    let table = Arc::new(T::with_room(load.keys as usize));
    for number in 0..load.keys {
        table.session().put(K::from_number(number), number);
    }
    let asked = table.clone();
    Contender {
        name,
        version: Answer::fixed(version(name)),
        answers: vec![("sum", Answer::closure(move || Ok(run::<K, T>(&asked, load).to_string())))],
        work: Work::closure(move || {
            black_box(run::<K, T>(&table, load));
            Ok(())
        }),
    }
}

/// All threads at work; what they read, added up.
fn run<K: FromNumber, T: Table<K>>(table: &T, load: Load) -> u64 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..load.threads)
            .map(|thread| scope.spawn(move || work::<K, T>(table, load, thread)))
            .collect();
        let sums = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        sums.fold(0, u64::wrapping_add)
    })
}

fn work<K: FromNumber, T: Table<K>>(table: &T, load: Load, thread: u64) -> u64 {
    let mut state = spread(thread + 1);
    let mut sum = 0_u64;
    for _ in 0..OPERATIONS / OPERATIONS_PER_SESSION {
        let session = table.session();
        for _ in 0..OPERATIONS_PER_SESSION {
            // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let below = |range: u64| ((u128::from(state) * u128::from(range)) >> 64) as u64;
            if state & 1023 < load.writes_per_mille * 1024 / 1000 {
                let number = below(load.keys);
                session.put(K::from_number(number), number);
            } else {
                let number = below(load.keys * load.asked_per_key);
                sum = sum.wrapping_add(session.get(K::from_number(number)).unwrap_or(1));
            }
        }
    }
    sum
}
