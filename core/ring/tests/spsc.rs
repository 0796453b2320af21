//! The ring of typed items: what it holds, what it drops, and that threads agree on it.
#![cfg(not(loom))]

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem::{self, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use proptest::prelude::*;
use treenail_ring::spsc::{Control, Full, Ring, Short};

/// Emulated machines are some twenty times slower.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 300 } else { 20 };
const ITEMS: u64 = if cfg!(target_arch = "x86_64") { 200_000 } else { 5_000 };

fn slots<T>(count: usize) -> Vec<MaybeUninit<T>> {
    (0..count).map(|_| MaybeUninit::uninit()).collect()
}

#[test]
fn every_slot_holds_an_item() {
    for capacity in [1, 2, 3, 7, 64, 100] {
        let (mut control, mut slots) = (Control::new(), slots(capacity));
        let ring = Ring::new(&mut control, &mut slots);
        assert_eq!(ring.capacity(), capacity);
        let (mut producer, mut consumer) = ring.split();
        for lap in 0..5 {
            for n in 0..capacity {
                assert_eq!((producer.len(), consumer.len()), (n, n));
                assert_eq!(producer.push(lap * capacity + n), Ok(()));
            }
            assert!(producer.is_full() && consumer.is_full());
            assert_eq!(producer.push(7), Err(Full(7)));
            for n in 0..capacity {
                assert_eq!(consumer.peek(), Some(&(lap * capacity + n)));
                assert_eq!(consumer.pop(), Some(lap * capacity + n));
            }
            assert!(producer.is_empty() && consumer.is_empty());
            assert_eq!((consumer.pop(), consumer.peek()), (None, None));
        }
    }
}

#[test]
fn a_ring_without_slots_is_full_and_empty() {
    let mut control = Control::new();
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut []).split();
    assert_eq!(producer.push(1), Err(Full(1)));
    assert_eq!(producer.push_slice(&[1, 2]), 0);
    assert_eq!(producer.write_chunk(1).map(|_| ()), Err(Short { available: 0 }));
    let mut chunk = producer.write_chunk(0).unwrap();
    assert_eq!(chunk.as_mut_slices().0.len() + chunk.as_mut_slices().1.len(), 0);
    assert_eq!(chunk.fill([3]), 0);
    assert_eq!((consumer.pop(), consumer.peek()), (None, None));
    assert_eq!(consumer.pop_slice(&mut [0; 2]), 0);
    let chunk = consumer.read_chunk(0).unwrap();
    assert_eq!(chunk.as_slices(), (&[][..], &[][..]));
    chunk.commit(0);
    assert_eq!(consumer.read_chunk(0).unwrap().into_iter().next(), None);
    assert!(producer.is_full() && producer.is_empty());
}

#[test]
fn items_of_no_size_are_counted() {
    let mut control = Control::new();
    let mut slots = [MaybeUninit::<()>::uninit(); usize::MAX];
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    assert_eq!(producer.push_slice(&[(); usize::MAX]), usize::MAX);
    assert_eq!(producer.push(()), Err(Full(())));
    assert_eq!(consumer.pop_slice(&mut [(); 10]), 10);
    assert_eq!(producer.push_slice(&[(); 11]), 10);
    consumer.read_chunk(usize::MAX).unwrap().commit(usize::MAX - 1);
    assert_eq!((consumer.len(), consumer.pop(), consumer.pop()), (1, Some(()), None));
}

/// Counts how often its kind was dropped.
#[derive(Debug)]
struct Counted(Rc<Cell<u32>>, u32);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert_ne!(self.1, u32::MAX, "this one panics");
    }
}

#[test]
fn what_is_left_is_dropped_once_whoever_ends_last() {
    for producer_first in [true, false] {
        let drops = Rc::new(Cell::new(0));
        let (mut control, mut slots) = (Control::new(), slots(5));
        let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
        for n in 0..4 {
            producer.push(Counted(drops.clone(), n)).unwrap();
        }
        drop((consumer.pop(), consumer.pop(), consumer.pop()));
        for n in 0..4 {
            producer.push(Counted(drops.clone(), n)).unwrap();
        }
        assert_eq!(drops.get(), 3);
        assert!(!producer.is_abandoned() && !consumer.is_abandoned());
        if producer_first {
            drop(producer);
            assert!(consumer.is_abandoned());
            assert_eq!((consumer.len(), drops.get()), (5, 3));
            drop(consumer);
        } else {
            drop(consumer);
            assert!(producer.is_abandoned());
            assert_eq!(drops.get(), 3);
            drop(producer);
        }
        assert_eq!((drops.get(), Rc::strong_count(&drops)), (8, 1));
    }
}

#[test]
fn an_unsplit_ring_and_a_second_ring_start_empty() {
    let drops = Rc::new(Cell::new(0));
    let (mut control, mut slots) = (Control::new(), slots(2));
    assert_eq!(Ring::<Counted>::new(&mut control, &mut slots).capacity(), 2);
    let (mut producer, _) = Ring::new(&mut control, &mut slots).split();
    producer.push(Counted(drops.clone(), 0)).unwrap();
    drop(producer);
    let (producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    assert!(consumer.pop().is_none() && !producer.is_abandoned());
    assert_eq!(drops.get(), 1);
}

#[test]
fn chunks_are_two_slices_around_the_end() {
    let (mut control, mut slots) = (Control::new(), slots(5));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    assert_eq!(producer.push_slice(&[0, 1, 2]), 3);
    assert_eq!(consumer.pop_slice(&mut [0; 3]), 3);

    let mut chunk = producer.write_chunk(4).unwrap();
    let (before, behind) = chunk.as_mut_slices();
    assert_eq!((before.len(), behind.len()), (2, 2));
    before[0].write(10);
    before[1].write(11);
    behind[0].write(12);
    // SAFETY: the first three slots were written above.
    unsafe { chunk.commit(3) };
    assert_eq!(producer.write_chunk(3).map(|_| ()), Err(Short { available: 2 }));
    assert_eq!(producer.write_chunk(2).unwrap().fill(13..), 2);

    assert_eq!(consumer.read_chunk(6).map(|_| ()), Err(Short { available: 5 }));
    let mut chunk = consumer.read_chunk(5).unwrap();
    chunk.as_mut_slices().1[2] = 77;
    assert_eq!(chunk.as_slices(), (&[10, 11][..], &[12, 13, 77][..]));
    chunk.commit(1);
    let mut drain = consumer.read_chunk(4).unwrap().into_iter();
    assert_eq!((drain.len(), drain.next(), drain.next()), (4, Some(11), Some(12)));
    drop(drain);
    assert_eq!(producer.len(), 2);
    assert_eq!(consumer.read_chunk(2).unwrap().into_iter().collect::<Vec<_>>(), [13, 77]);
}

#[test]
fn chunks_that_are_dropped_change_nothing() {
    let (mut control, mut slots) = (Control::new(), slots(3));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    assert_eq!(producer.write_chunk(3).map(|chunk| chunk.len()), Ok(3));
    assert!(producer.is_empty());
    assert_eq!(producer.write_chunk(2).unwrap().fill([1]), 1);
    assert_eq!(consumer.read_chunk(1).map(|chunk| chunk.len()), Ok(1));
    assert_eq!((consumer.len(), consumer.pop()), (1, Some(1)));
}

#[test]
fn a_leaked_drain_gives_no_item_twice() {
    let drops = Rc::new(Cell::new(0));
    let (mut control, mut slots) = (Control::new(), slots(4));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    for n in 0..3 {
        producer.push(Counted(drops.clone(), n)).unwrap();
    }
    let mut drain = consumer.read_chunk(3).unwrap().into_iter();
    let taken = (drain.next(), drain.next());
    mem::forget(drain);
    drop((producer, consumer));
    assert_eq!(drops.get(), 1);
    drop(taken);
    assert_eq!(drops.get(), 3);
}

#[test]
fn a_panic_while_dropping_drops_nothing_twice() {
    let drops = Rc::new(Cell::new(0));
    let (mut control, mut slots) = (Control::new(), slots(4));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    for n in [1, u32::MAX, 3, 4] {
        producer.push(Counted(drops.clone(), n)).unwrap();
    }
    let chunk = consumer.read_chunk(3).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| chunk.commit(3))).is_err());
    assert_eq!((drops.get(), consumer.len(), producer.len()), (3, 1, 1));
    drop((producer, consumer));
    assert_eq!(drops.get(), 4);
}

#[test]
fn a_panic_while_filling_keeps_what_was_filled() {
    let (mut control, mut slots) = (Control::new(), slots(4));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    let chunk = producer.write_chunk(4).unwrap();
    let items = (0..4).map(|n| if n < 2 { n.to_string() } else { panic!("no more") });
    assert!(catch_unwind(AssertUnwindSafe(|| chunk.fill(items))).is_err());
    assert_eq!(consumer.pop().as_deref(), Some("0"));
    assert_eq!(consumer.len(), 1);
}

#[test]
fn commits_beyond_the_chunk_are_refused() {
    let (mut control, mut slots) = (Control::new(), slots(4));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    assert_eq!(producer.push_slice(&[1, 2]), 2);
    let chunk = consumer.read_chunk(1).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| chunk.commit(2))).is_err());
    let chunk = producer.write_chunk(1).unwrap();
    // SAFETY: more than the chunk has is refused before anything happens.
    assert!(catch_unwind(AssertUnwindSafe(|| unsafe { chunk.commit(2) })).is_err());
    assert_eq!(consumer.pop_slice(&mut [0; 3]), 2);
}

#[test]
fn sides_are_sent_and_never_shared() {
    fn is_send<T: Send>(_: &T) {}
    let (mut control, mut slots) = (Control::new(), slots::<Cell<u8>>(1));
    let ring = Ring::new(&mut control, &mut slots);
    is_send(&ring);
    let sides = ring.split();
    is_send(&sides);
}

#[test]
fn threads_hand_every_item_over_in_order() {
    for capacity in [1, 2, 3, 64] {
        let (mut control, mut slots) = (Control::new(), slots(capacity));
        let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..ITEMS {
                    let mut item = Box::new(n);
                    while let Err(Full(back)) = producer.push(item) {
                        item = back;
                        thread::yield_now();
                    }
                }
            });
            let mut next = 0;
            while !(consumer.is_abandoned() && consumer.is_empty()) {
                match consumer.pop() {
                    Some(item) => next += u64::from(*item == next),
                    None => thread::yield_now(),
                }
            }
            assert_eq!(next, ITEMS);
        });
    }
}

#[test]
fn threads_hand_chunks_over_in_order() {
    let (mut control, mut slots) = (Control::new(), slots(100));
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut next = 0;
            while next < ITEMS {
                let batch: Vec<u64> = (next..ITEMS.min(next + 1 + next % 37)).collect();
                next += match next % 2 {
                    0 => producer.push_slice(&batch),
                    _ => producer.write_chunk(batch.len()).map_or(0, |chunk| chunk.fill(batch)),
                } as u64;
                thread::yield_now();
            }
        });
        let mut next = 0;
        let mut check = |item: u64| {
            assert_eq!(item, next);
            next += 1;
        };
        while !(consumer.is_abandoned() && consumer.is_empty()) {
            let mut batch = [0; 23];
            let count = consumer.pop_slice(&mut batch);
            batch[..count].iter().for_each(|item| check(*item));
            if let Ok(chunk) = consumer.read_chunk(9) {
                let (before, behind) = chunk.as_slices();
                before.iter().chain(behind).for_each(|item| check(*item));
                chunk.commit(9);
            }
            thread::yield_now();
        }
        assert_eq!(next, ITEMS);
    });
}

#[derive(Debug, Clone)]
enum Operation {
    Push(u16),
    Pop,
    Peek,
    PushSlice(Vec<u16>),
    PopSlice(usize),
    Write(Vec<u16>, usize),
    Read(usize, usize),
    Drain(usize, usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let items = || prop::collection::vec(any::<u16>(), 0..12);
    prop_oneof![
        any::<u16>().prop_map(Operation::Push),
        Just(Operation::Pop),
        Just(Operation::Peek),
        items().prop_map(Operation::PushSlice),
        (0_usize..12).prop_map(Operation::PopSlice),
        (items(), 0_usize..12).prop_map(|(items, count)| Operation::Write(items, count)),
        (0_usize..12, 0_usize..12).prop_map(|(len, count)| Operation::Read(len, count)),
        (0_usize..12, 0_usize..12).prop_map(|(len, count)| Operation::Drain(len, count)),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_ring_is_a_bounded_queue(
        capacity in 0_usize..10,
        operations in prop::collection::vec(operation(), 0..80),
    ) {
        let (mut control, mut slots) = (Control::new(), slots(capacity));
        let (mut producer, mut consumer) = Ring::new(&mut control, &mut slots).split();
        let mut model = VecDeque::new();
        for operation in operations {
            let free = capacity - model.len();
            match operation {
                Operation::Push(item) => {
                    let pushed = producer.push(item).is_ok();
                    prop_assert_eq!(pushed, free > 0);
                    model.extend(pushed.then_some(item));
                }
                Operation::Pop => prop_assert_eq!(consumer.pop(), model.pop_front()),
                Operation::Peek => prop_assert_eq!(consumer.peek(), model.front()),
                Operation::PushSlice(items) => {
                    let count = producer.push_slice(&items);
                    prop_assert_eq!(count, free.min(items.len()));
                    model.extend(&items[..count]);
                }
                Operation::PopSlice(len) => {
                    let mut items = vec![0; len];
                    let count = consumer.pop_slice(&mut items);
                    prop_assert_eq!(count, model.len().min(len));
                    prop_assert!(model.drain(..count).eq(items[..count].iter().copied()));
                }
                Operation::Write(items, len) => match producer.write_chunk(len) {
                    Ok(chunk) => {
                        prop_assert!(len <= free && chunk.len() == len);
                        let count = chunk.fill(items.iter().copied());
                        prop_assert_eq!(count, len.min(items.len()));
                        model.extend(&items[..count]);
                    }
                    Err(short) => prop_assert!(short.available == free && free < len),
                },
                Operation::Read(len, count) => match consumer.read_chunk(len) {
                    Ok(chunk) => {
                        let (before, behind) = chunk.as_slices();
                        prop_assert!(model.iter().take(len).eq(before.iter().chain(behind)));
                        chunk.commit(count.min(len));
                        model.drain(..count.min(len));
                    }
                    Err(short) => prop_assert!(short.available == model.len() && model.len() < len),
                },
                Operation::Drain(len, count) => if let Ok(chunk) = consumer.read_chunk(len) {
                    let items: Vec<u16> = chunk.into_iter().take(count).collect();
                    prop_assert!(model.drain(..count.min(len)).eq(items));
                }
            }
            prop_assert_eq!((producer.len(), consumer.len()), (model.len(), model.len()));
            prop_assert_eq!(producer.is_full(), model.len() == capacity);
        }
    }
}
