//! The ring of frames: every length up to the maximum, in place, in order.
#![cfg(not(loom))]

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use proptest::prelude::*;
use treenail_ring::bytes::{Control, NoRoom, Ring, TooSmall};

/// Emulated machines are some twenty times slower.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 300 } else { 20 };
const FRAMES: usize = if cfg!(target_arch = "x86_64") { 100_000 } else { 3_000 };

/// The content of the frame of this number.
fn frame(n: usize, len_max: usize) -> impl Iterator<Item = u8> {
    let len = n.wrapping_mul(0x9e37_79b9) / 7 % (len_max + 1);
    (0..len).map(move |at| (n * 31 + at) as u8)
}

#[test]
fn memory_below_sixteen_bytes_is_refused() {
    let mut control = Control::new();
    for bytes in [0, 1, 8, 15] {
        let error = Ring::new(&mut control, &mut vec![0; bytes]).map(|_| ()).unwrap_err();
        assert_eq!(error, TooSmall { bytes });
    }
    let mut memory = [0; 23];
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
    assert_eq!(producer.frame_bytes_max(), 8);
    for _ in 0..3 {
        producer.push(b"12345678").unwrap();
        assert_eq!(producer.push(b""), Err(NoRoom::Full));
        consumer.read().unwrap().release();
        producer.push(b"").unwrap();
        producer.push(b"").unwrap();
        assert_eq!(producer.push(b""), Err(NoRoom::Full));
        for _ in 0..2 {
            let frame = consumer.read().unwrap();
            assert!(frame.is_empty());
            frame.release();
        }
        assert!(consumer.read().is_none());
    }
}

#[test]
fn frames_of_every_length_pass_from_every_place() {
    for capacity in [16, 24, 64, 72] {
        for before in 0..capacity / 8 {
            for len in 0..=capacity - 8 {
                let (mut control, mut memory) = (Control::new(), vec![0; capacity]);
                let ring = Ring::new(&mut control, &mut memory).unwrap();
                let (mut producer, mut consumer) = ring.split();
                for _ in 0..before {
                    producer.push(b"").unwrap();
                    consumer.read().unwrap().release();
                }
                let bytes: Vec<u8> = frame(len * 7, 1000).chain(0..=255).take(len).collect();
                if producer.push(&bytes).is_err() {
                    assert!(consumer.read().is_none(), "there is nothing but a skip");
                    producer.push(&bytes).unwrap();
                }
                assert_eq!(&*consumer.read().unwrap(), bytes);
                consumer.read().unwrap().release();
                assert!(consumer.read().is_none());
            }
        }
    }
}

#[test]
fn grants_and_frames_that_are_dropped_change_nothing() {
    let (mut control, mut memory) = (Control::new(), [0; 64]);
    let (mut producer, mut consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
    assert!(producer.grant(40).is_ok());
    assert!(consumer.read().is_none());
    let mut grant = producer.grant(40).unwrap();
    assert_eq!(grant.len(), 40);
    grant[..3].copy_from_slice(b"abc");
    grant.commit(3);
    assert_eq!(&*consumer.read().unwrap(), b"abc");
    assert_eq!(&*consumer.read().unwrap(), b"abc", "it was not released");
    assert!(producer.grant(40).is_ok(), "what was not used of the first is free");
    assert_eq!(producer.grant(57).map(|_| ()), Err(NoRoom::TooLong { bytes_max: 56 }));
    assert_eq!(producer.grant(usize::MAX).map(|_| ()), Err(NoRoom::TooLong { bytes_max: 56 }));
    let grant = producer.grant(4).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| grant.commit(5))).is_err());
}

#[test]
fn a_side_that_ended_is_seen_to() {
    let (mut control, mut memory) = (Control::new(), [0; 64]);
    let (mut producer, consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
    assert!(!producer.is_abandoned() && !consumer.is_abandoned());
    drop(consumer);
    assert!(producer.is_abandoned() && producer.push(b"x").is_ok());
    drop(producer);
    let (producer, mut consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
    drop(producer);
    assert!(consumer.is_abandoned() && consumer.read().is_none());
}

#[test]
fn threads_hand_every_frame_over_whole() {
    for capacity in [24, 72, 1000] {
        let (mut control, mut memory) = (Control::new(), vec![0; capacity]);
        let (mut producer, mut consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
        let len_max = producer.frame_bytes_max();
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..FRAMES {
                    let bytes: Vec<u8> = frame(n, len_max).collect();
                    loop {
                        match producer.grant(len_max.min(bytes.len() + n % 3)) {
                            Ok(mut grant) => {
                                grant[..bytes.len()].copy_from_slice(&bytes);
                                break grant.commit(bytes.len());
                            }
                            Err(_) => thread::yield_now(),
                        }
                    }
                }
            });
            let mut next = 0;
            loop {
                let ended = consumer.is_abandoned();
                match consumer.read() {
                    Some(read) => {
                        assert!(frame(next, len_max).eq(read.iter().copied()), "frame {next}");
                        read.release();
                        next += 1;
                    }
                    None if ended => break,
                    None => thread::yield_now(),
                }
            }
            assert_eq!(next, FRAMES);
        });
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Frames come out as they went in; one that finds no room finds it once the ring is drained.
    #[test]
    fn a_ring_is_a_queue_of_frames(
        capacity in 16_usize..100,
        operations in prop::collection::vec((0_u8..4, 0_usize..100, 0_usize..100), 0..100),
    ) {
        let (mut control, mut memory) = (Control::new(), vec![0; capacity]);
        let (mut producer, mut consumer) = Ring::new(&mut control, &mut memory).unwrap().split();
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        for (n, (kind, len, unused)) in operations.into_iter().enumerate() {
            match kind {
                0 | 1 => match producer.grant(len) {
                    Ok(mut grant) => {
                        prop_assert_eq!(grant.len(), len);
                        let used = if kind == 0 { len } else { len.saturating_sub(unused) };
                        let bytes: Vec<u8> = (0..used).map(|at| (n + at) as u8).collect();
                        grant[..used].copy_from_slice(&bytes);
                        grant.commit(used);
                        model.push_back(bytes);
                    }
                    Err(NoRoom::Full) => {
                        while let Some(frame) = consumer.read() {
                            prop_assert_eq!(Some(frame.to_vec()), model.pop_front());
                            frame.release();
                        }
                        // A long one may have to see the consumer come round first.
                        let now = producer.grant(len).is_ok();
                        prop_assert!(consumer.read().is_none());
                        prop_assert!(now || producer.grant(len).is_ok());
                    }
                    Err(_) => prop_assert!(len > producer.frame_bytes_max()),
                },
                _ => {
                    let frame = consumer.read();
                    prop_assert_eq!(frame.as_deref(), model.front().map(|bytes| &bytes[..]));
                    if let Some(frame) = frame.filter(|_| kind == 2) {
                        frame.release();
                        model.pop_front();
                    }
                }
            }
        }
    }
}
