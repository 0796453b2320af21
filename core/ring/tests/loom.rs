//! Models of the rings: loom tries every order in which two threads can meet.
//! `RUSTFLAGS="--cfg loom" cargo test --release -p treenail-ring --test loom`
#![cfg(loom)]

use std::mem::MaybeUninit;

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::thread;
use treenail_ring::{bytes, shared, spsc};

/// Runs the model with memory that both threads can borrow; it is freed after each run.
fn model<M: 'static, F>(make: fn() -> M, run: F)
where
    F: Fn(&'static mut M) + Sync + Send + 'static,
{
    let builder = Builder::new();
    builder.check(move || {
        let memory = Box::into_raw(Box::new(make()));
        // SAFETY: the memory is freed below only, when both threads have ended.
        run(unsafe { &mut *memory });
        // SAFETY: it came from a box, and whoever borrowed it has ended.
        drop(unsafe { Box::from_raw(memory) });
    });
}

fn typed<const N: usize, T>() -> (spsc::Control, [MaybeUninit<T>; N]) {
    (spsc::Control::new(), [const { MaybeUninit::uninit() }; N])
}

#[test]
fn items_pass_in_order() {
    model(typed::<2, u32>, |(control, slots)| {
        let (mut producer, mut consumer) = spsc::Ring::new(control, slots).split();
        let pushing = thread::spawn(move || {
            let mut pushed = 0;
            for _ in 0..4 {
                match producer.push(pushed) {
                    Ok(()) => pushed += 1,
                    Err(_) => thread::yield_now(),
                }
            }
            pushed
        });
        let mut next = 0;
        for _ in 0..3 {
            match consumer.pop() {
                Some(item) => {
                    assert_eq!(item, next);
                    next += 1;
                }
                None => thread::yield_now(),
            }
        }
        let pushed = pushing.join().unwrap();
        while let Some(item) = consumer.pop() {
            assert_eq!(item, next);
            next += 1;
        }
        assert_eq!(next, pushed);
    });
}

#[test]
fn chunks_pass_in_order_around_the_end() {
    model(typed::<3, u32>, |(control, slots)| {
        let (mut producer, mut consumer) = spsc::Ring::new(control, slots).split();
        let pushing = thread::spawn(move || {
            let mut pushed = producer.push_slice(&[0, 1]) as u32;
            pushed += producer.push_slice(&[pushed, pushed + 1]) as u32;
            producer.write_chunk(1).map_or(pushed, |chunk| pushed + chunk.fill([pushed]) as u32)
        });
        let mut next = 0;
        let mut items = [0; 2];
        for _ in 0..2 {
            let count = consumer.pop_slice(&mut items);
            items[..count].iter().for_each(|item| {
                assert_eq!(*item, next);
                next += 1;
            });
        }
        let pushed = pushing.join().unwrap();
        let chunk = consumer.read_chunk((pushed - next) as usize).unwrap();
        assert!(chunk.into_iter().eq(next..pushed));
    });
}

#[test]
fn what_is_left_is_dropped_once() {
    model(typed::<2, Arc<()>>, |(control, slots)| {
        let (mut producer, mut consumer) = spsc::Ring::new(control, slots).split();
        let counted = Arc::new(());
        let item = counted.clone();
        let pushing = thread::spawn(move || {
            producer.push(item.clone()).unwrap();
            producer.push(item).unwrap();
        });
        drop(consumer.pop());
        let ended = consumer.is_abandoned();
        assert!(!ended || consumer.len() > 0);
        drop(consumer);
        pushing.join().unwrap();
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

fn framed() -> (bytes::Control, [u8; 24]) {
    (bytes::Control::new(), [0; 24])
}

/// With 24 bytes, each frame but the first begins at another place, and some need a skip.
#[test]
fn frames_pass_whole_around_the_end() {
    model(framed, |(control, memory)| {
        let ring = bytes::Ring::new(control, memory).unwrap();
        let (mut producer, mut consumer) = ring.split();
        let pushing = thread::spawn(move || {
            let mut pushed = 0;
            for _ in 0..4 {
                match producer.push(&[pushed; 5][..1 + 4 * usize::from(pushed % 2)]) {
                    Ok(()) => pushed += 1,
                    Err(_) => thread::yield_now(),
                }
            }
            pushed
        });
        let mut next = 0;
        let mut read = |consumer: &mut bytes::Consumer<'_>| {
            let Some(frame) = consumer.read() else { return false };
            assert_eq!(&*frame, &[next; 5][..1 + 4 * usize::from(next % 2)]);
            frame.release();
            next += 1;
            true
        };
        for _ in 0..3 {
            if !read(&mut consumer) {
                thread::yield_now();
            }
        }
        let pushed = pushing.join().unwrap();
        while read(&mut consumer) {}
        assert_eq!(next, pushed);
    });
}

/// The second frame is too long for the place behind the first: the skip has to be published.
#[test]
fn a_long_frame_waits_for_the_consumer_to_come_round() {
    model(framed, |(control, memory)| {
        let ring = bytes::Ring::new(control, memory).unwrap();
        let (mut producer, mut consumer) = ring.split();
        producer.push(&[1; 4]).unwrap();
        let pushing = thread::spawn(move || {
            (0..3).any(|_| {
                let pushed = producer.push(&[2; 16]).is_ok();
                thread::yield_now();
                pushed
            })
        });
        let mut lengths = Vec::new();
        let mut read = |consumer: &mut bytes::Consumer<'_>| {
            let Some(frame) = consumer.read() else { return };
            lengths.push(frame.len());
            frame.release();
        };
        read(&mut consumer);
        read(&mut consumer);
        let pushed = pushing.join().unwrap();
        read(&mut consumer);
        assert_eq!(lengths, if pushed { vec![4, 16] } else { vec![4] });
    });
}

fn words() -> Vec<AtomicU64> {
    let words: Vec<_> = (0..shared::words_for(24)).map(|_| AtomicU64::new(0)).collect();
    shared::create(&words).unwrap();
    words
}

#[test]
fn shared_frames_pass_whole() {
    model(words, |words| {
        let words = &*words;
        let mut producer = shared::Producer::attach(words).unwrap();
        let mut consumer = shared::Consumer::attach(words).unwrap();
        let pushing = thread::spawn(move || {
            let mut pushed = 0;
            for _ in 0..3 {
                match producer.push(&[pushed; 9][..1 + 8 * usize::from(pushed % 2)]) {
                    Ok(()) => pushed += 1,
                    Err(error) => assert_eq!(error, shared::Error::Full),
                }
            }
            pushed
        });
        let mut next = 0;
        let mut copy = [0; 16];
        let mut pop = |consumer: &mut shared::Consumer<'_>| {
            let Some(len) = consumer.pop(&mut copy).unwrap() else { return false };
            assert_eq!(copy[..len], [next; 9][..1 + 8 * usize::from(next % 2)]);
            next += 1;
            true
        };
        pop(&mut consumer);
        pop(&mut consumer);
        let pushed = pushing.join().unwrap();
        while pop(&mut consumer) {}
        assert_eq!(next, pushed);
    });
}

/// A consumer that was taken for dead and is not gets whole frames of its own generation, or an
/// error; never what the next generation wrote over them.
#[test]
fn a_renewal_is_never_read_as_a_frame_of_before() {
    model(words, |words| {
        let words = &*words;
        let mut producer = shared::Producer::attach(words).unwrap();
        let mut consumer = shared::Consumer::attach(words).unwrap();
        producer.push(&[1; 16]).unwrap();
        let renewing = thread::spawn(move || {
            producer.renew();
            producer.push(&[2; 16]).unwrap();
        });
        let mut copy = [0; 16];
        match consumer.pop(&mut copy) {
            Ok(Some(len)) => assert_eq!(copy[..len], [1; 16]),
            Ok(None) => panic!("a frame is there"),
            Err(error) => assert_eq!(error, shared::Error::Stale),
        }
        renewing.join().unwrap();
    });
}
