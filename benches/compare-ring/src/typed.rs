//! Numbers of 8 bytes, one by one and in batches.

use std::mem::MaybeUninit;

use crossbeam_queue::ArrayQueue;
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Producer as _, Split as _};
use std::sync::Arc;
use treenail_compare::case::{Case, Target};
use treenail_ring::spsc::{Consumer, Control, Producer, Ring};

use crate::job::{Way, case, way};
use crate::version;

/// Few, so that most samples on a machine with other work see both threads run at once.
const ITEMS: u64 = 1 << 20;
const OURS: &str = version!("TREENAIL_RING");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        single::<65>("single items, capacity 64", 64),
        single::<4097>("single items, capacity 4096", 4096),
        batched::<16>("batches of 16, capacity 64", 64),
        batched::<256>("batches of 256, capacity 4096", 4096),
    ]
}

fn targets(rtrb: &'static str) -> Vec<Target> {
    vec![
        Target::Ratio { rival: rtrb, max: 1.0 },
        Target::Ratio { rival: "crossbeam ArrayQueue", max: 1.0 / 1.2 },
    ]
}

fn ours(capacity: usize) -> (Producer<'static, u64>, Consumer<'static, u64>) {
    let slots = vec![MaybeUninit::uninit(); capacity].leak();
    Ring::new(Box::leak(Box::new(Control::new())), slots).split()
}

fn single<const SLOTS: usize>(name: &'static str, capacity: usize) -> Case {
    let ways = vec![
        way(
            "treenail-ring",
            OURS,
            ITEMS,
            ours(capacity),
            |producer, n| u64::from(producer.push(n).is_ok()),
            |consumer, sum| count_one(consumer.pop(), sum),
        ),
        way(
            "rtrb",
            version!("RTRB"),
            ITEMS,
            rtrb::RingBuffer::new(capacity),
            |producer, n| u64::from(producer.push(n).is_ok()),
            |consumer, sum| count_one(consumer.pop().ok(), sum),
        ),
        crossbeam(capacity),
        way(
            "ringbuf",
            version!("RINGBUF"),
            ITEMS,
            HeapRb::new(capacity).split(),
            |producer, n| u64::from(producer.try_push(n).is_ok()),
            |consumer, sum| count_one(consumer.try_pop(), sum),
        ),
        heapless::<SLOTS>(),
    ];
    case(name, ITEMS * 8, targets("rtrb"), ways)
}

fn batched<const BATCH: usize>(name: &'static str, capacity: usize) -> Case {
    let ways = vec![
        way(
            "treenail-ring, slices",
            OURS,
            ITEMS,
            ours(capacity),
            |producer, next| producer.push_slice(left(&batch::<BATCH>(next), next)) as u64,
            |consumer, sum| {
                let mut items = [0; BATCH];
                let count = consumer.pop_slice(&mut items);
                count_all(&items[..count], sum)
            },
        ),
        way(
            "treenail-ring, chunks",
            OURS,
            ITEMS,
            ours(capacity),
            |producer, next| match producer.write_chunk(BATCH) {
                Ok(chunk) => chunk.fill(next..next + BATCH as u64) as u64,
                Err(_) => 0,
            },
            |consumer, sum| {
                let Ok(chunk) = consumer.read_chunk(BATCH) else { return 0 };
                let (first, second) = chunk.as_slices();
                let count = count_all(first, sum) + count_all(second, sum);
                chunk.commit(BATCH);
                count
            },
        ),
        way(
            "rtrb, slices",
            version!("RTRB"),
            ITEMS,
            rtrb::RingBuffer::new(capacity),
            |producer, next| {
                producer.push_partial_slice(left(&batch::<BATCH>(next), next)).0.len() as u64
            },
            |consumer, sum| {
                let mut items = [0; BATCH];
                count_all(consumer.pop_partial_slice(&mut items).0, sum)
            },
        ),
        way(
            "rtrb, chunks",
            version!("RTRB"),
            ITEMS,
            rtrb::RingBuffer::new(capacity),
            |producer, next| match producer.write_chunk_uninit(BATCH) {
                Ok(chunk) => chunk.fill_from_iter(next..next + BATCH as u64) as u64,
                Err(_) => 0,
            },
            |consumer, sum| {
                let Ok(chunk) = consumer.read_chunk(BATCH) else { return 0 };
                let (first, second) = chunk.as_slices();
                let count = count_all(first, sum) + count_all(second, sum);
                chunk.commit_all();
                count
            },
        ),
        crossbeam(capacity),
        way(
            "ringbuf, slices",
            version!("RINGBUF"),
            ITEMS,
            HeapRb::new(capacity).split(),
            |producer, next| producer.push_slice(left(&batch::<BATCH>(next), next)) as u64,
            |consumer, sum| {
                let mut items = [0; BATCH];
                let count = consumer.pop_slice(&mut items);
                count_all(&items[..count], sum)
            },
        ),
    ];
    let mut targets = targets("rtrb, slices");
    targets.push(Target::Ratio { rival: "rtrb, chunks", max: 1.0 });
    case(name, ITEMS * 8, targets, ways)
}

fn crossbeam(capacity: usize) -> Way {
    let queue = Arc::new(ArrayQueue::new(capacity));
    way(
        "crossbeam ArrayQueue",
        version!("CROSSBEAM_QUEUE"),
        ITEMS,
        (queue.clone(), queue),
        |queue, n| u64::from(queue.push(n).is_ok()),
        |queue, sum| count_one(queue.pop(), sum),
    )
}

fn heapless<const SLOTS: usize>() -> Way {
    let queue = Box::leak(Box::new(heapless::spsc::Queue::<u64, SLOTS>::new()));
    way(
        "heapless",
        version!("HEAPLESS"),
        ITEMS,
        queue.split(),
        |producer, n| u64::from(producer.enqueue(n).is_ok()),
        |consumer, sum| count_one(consumer.dequeue(), sum),
    )
}

/// The numbers from `next` on.
fn batch<const BATCH: usize>(next: u64) -> [u64; BATCH] {
    std::array::from_fn(|at| next + at as u64)
}

/// A batch without what is beyond the last item: a slice that found less room than it has moves
/// those behind it.
fn left(batch: &[u64], next: u64) -> &[u64] {
    &batch[..batch.len().min((ITEMS - next) as usize)]
}

fn count_one(item: Option<u64>, sum: &mut u64) -> u64 {
    let Some(item) = item else { return 0 };
    *sum = sum.wrapping_mul(31).wrapping_add(item);
    1
}

fn count_all(items: &[u64], sum: &mut u64) -> u64 {
    items.iter().for_each(|item| *sum = sum.wrapping_mul(31).wrapping_add(*item));
    items.len() as u64
}
