//! Two threads, each on its own processor, that hand work over as fast as they can.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;

/// One way to hand work over; returns a value that depends on all that came out.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) run: Box<dyn FnMut() -> u64>,
}

/// A way by two calls: one puts in as much as finds room of what is numbered from `next` on, and
/// returns how much; the other takes out what there is, adds it to the sum and returns how much.
pub(crate) fn way<P: Send + 'static, C: 'static>(
    name: &'static str,
    version: &'static str,
    total: u64,
    (mut producer, mut consumer): (P, C),
    put: impl Fn(&mut P, u64) -> u64 + Sync + 'static,
    take: impl Fn(&mut C, &mut u64) -> u64 + 'static,
) -> Way {
    let run = move || {
        let started = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                pin(1);
                started.store(true, Ordering::Release);
                let mut next = 0;
                while next < total {
                    match put(&mut producer, next) {
                        0 => spin_loop(),
                        count => next += count,
                    }
                }
            });
            pin(0);
            while !started.load(Ordering::Acquire) {
                spin_loop();
            }
            let (mut taken, mut sum) = (0, 0);
            while taken < total {
                match take(&mut consumer, &mut sum) {
                    0 => spin_loop(),
                    count => taken += count,
                }
            }
            black_box(sum)
        })
    };
    Way { name, version, run: Box::new(run) }
}

/// The case in which the ways take turns; ours comes first. `size_bytes` is what one run moves.
pub(crate) fn case(
    name: &'static str,
    size_bytes: u64,
    targets: Vec<Target>,
    ways: Vec<Way>,
) -> Case {
    Case {
        name,
        references: Vec::new(),
        contenders: ways.into_iter().map(contender).collect(),
        size_bytes: Some(size_bytes),
        targets,
        facts: Vec::new(),
    }
}

fn contender(mut way: Way) -> Contender {
    let sum = (way.run)();
    Contender {
        name: way.name,
        version: Answer::fixed(way.version),
        answers: vec![("sum", Answer::fixed(sum.to_string()))],
        work: Work::closure(move || {
            black_box((way.run)());
            Ok(())
        }),
    }
}

/// Keeps this thread on one processor, if there is such a one.
pub(crate) fn pin(processor: usize) {
    // SAFETY: the set consists of integers, for which zeros are a value; `CPU_SET` writes within
    // it, as the number is small; the call reads a set of the size given. If it fails, the thread
    // runs wherever it likes.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}
