//! The ring between processes, both in this one: frames, death, renewal, and a peer that lies.
#![cfg(all(not(loom), target_has_atomic = "64"))]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;
use treenail_ring::shared::{AttachError, Consumer, Error, Poison, Producer, create, words_for};

/// Emulated machines are some twenty times slower.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 500 } else { 20 };
const FRAMES: usize = if cfg!(target_arch = "x86_64") { 100_000 } else { 3_000 };

const WORD_TAIL: usize = 16;
const WORD_HEAD: usize = 32;
const WORD_DATA: usize = 48;

fn memory(capacity: usize) -> Vec<AtomicU64> {
    let words: Vec<_> = (0..words_for(capacity)).map(|_| AtomicU64::new(0)).collect();
    create(&words).unwrap();
    words
}

fn sides(words: &[AtomicU64]) -> (Producer<'_>, Consumer<'_>) {
    (Producer::attach(words).unwrap(), Consumer::attach(words).unwrap())
}

fn scribble(words: &[AtomicU64], at: usize, value: u64) {
    words[at].store(value.to_le(), Ordering::Relaxed);
}

#[test]
fn a_ring_has_to_be_created() {
    let words: Vec<_> = (0..words_for(100)).map(|_| AtomicU64::new(0)).collect();
    assert_eq!(words.len(), 48 + 13);
    assert_eq!(Producer::attach(&words).map(|_| ()), Err(AttachError::NotARing));
    create(&words).unwrap();
    let (producer, consumer) = sides(&words);
    assert_eq!((producer.frame_bytes_max(), consumer.frame_bytes_max()), (96, 96));
    assert_eq!((producer.generation(), consumer.generation()), (1, 1));
}

#[test]
fn frames_of_every_length_pass_from_every_place() {
    for capacity in [16, 24, 64, 72] {
        for before in 0..capacity / 8 {
            for len in 0..=capacity - 8 {
                let words = memory(capacity);
                let (mut producer, mut consumer) = sides(&words);
                for _ in 0..before {
                    producer.push(b"").unwrap();
                    assert_eq!(consumer.pop(&mut []), Ok(Some(0)));
                }
                let bytes: Vec<u8> = (1..).take(len).collect();
                if producer.push(&bytes).is_err() {
                    assert_eq!(consumer.pop(&mut []), Ok(None), "there is nothing but a skip");
                    producer.push(&bytes).unwrap();
                }
                let mut copy = vec![0; len];
                assert_eq!(consumer.pop(&mut copy), Ok(Some(len)));
                assert_eq!(copy, bytes);
            }
        }
    }
}

#[test]
fn a_frame_that_has_no_place_is_refused_and_stays() {
    let words = memory(32);
    let (mut producer, mut consumer) = sides(&words);
    assert_eq!(producer.push(&[0; 25]), Err(Error::TooLong { bytes_max: 24 }));
    producer.push(&[7; 20]).unwrap();
    assert_eq!(producer.push(b""), Err(Error::Full));
    assert_eq!(consumer.pop(&mut [0; 19]), Err(Error::Short { bytes_needed: 20 }));
    assert_eq!(consumer.next_len(), Ok(Some(20)));
    let mut copy = [0; 24];
    assert_eq!(consumer.pop(&mut copy), Ok(Some(20)));
    assert_eq!(copy, [&[7; 20][..], &[0; 4]].concat()[..]);
}

#[test]
fn whoever_takes_a_dead_ones_place_goes_on() {
    let words = memory(64);
    let (mut producer, mut consumer) = sides(&words);
    producer.push(b"one").unwrap();
    producer.push(b"two").unwrap();
    assert_eq!(consumer.pop(&mut [0; 3]), Ok(Some(3)));
    std::mem::forget((producer, consumer));
    let (mut producer, mut consumer) = sides(&words);
    assert!(!producer.is_closed() && !consumer.is_closed());
    producer.push(b"three").unwrap();
    let mut copy = [0; 5];
    assert_eq!((consumer.pop(&mut copy), &copy[..3]), (Ok(Some(3)), &b"two"[..]));
    assert_eq!((consumer.pop(&mut copy), &copy), (Ok(Some(5)), b"three"));
}

#[test]
fn a_good_end_is_told() {
    let words = memory(64);
    let (mut producer, mut consumer) = sides(&words);
    producer.push(b"last").unwrap();
    drop(producer);
    assert!(consumer.is_closed());
    assert_eq!(consumer.pop(&mut [0; 4]), Ok(Some(4)));
    consumer.renew();
    assert!(!consumer.is_closed(), "another generation");
    let producer = Producer::attach(&words).unwrap();
    drop(consumer);
    assert!(producer.is_closed());
}

#[test]
fn a_renewed_ring_is_empty_and_refuses_the_former_peer() {
    let words = memory(64);
    let (mut stale, mut consumer) = sides(&words);
    stale.push(&[1; 30]).unwrap();
    consumer.renew();
    assert_eq!((consumer.generation(), consumer.pop(&mut [])), (2, Ok(None)));
    assert_eq!(stale.push(&[2; 30]), Err(Error::Stale));
    assert_eq!(stale.push(b""), Err(Error::Stale), "for good");

    let mut producer = Producer::attach(&words).unwrap();
    assert_eq!(producer.generation(), 2);
    drop(stale);
    assert!(!consumer.is_closed(), "the former producer does not speak for this one");
    producer.push(b"new").unwrap();
    producer.renew();
    producer.push(b"newer").unwrap();
    assert_eq!(consumer.pop(&mut [0; 64]), Err(Error::Stale));
    let mut consumer = Consumer::attach(&words).unwrap();
    assert_eq!(consumer.pop(&mut [0; 64]), Ok(Some(5)));
}

/// What the consumer says of a ring with one frame of 3 bytes in 64, after a change.
fn verdict(change: impl Fn(&[AtomicU64])) -> Result<Option<usize>, Error> {
    let words = memory(64);
    let (mut producer, mut consumer) = sides(&words);
    producer.push(b"abc").unwrap();
    change(&words);
    let verdict = consumer.pop(&mut [0; 64]);
    if let Err(poisoned @ Error::Poisoned(_)) = verdict {
        scribble(&words, WORD_TAIL, 16);
        assert_eq!(consumer.pop(&mut [0; 64]), Err(poisoned), "once poisoned, always so");
        consumer.renew();
        assert_eq!(consumer.pop(&mut [0; 64]), Ok(None));
    }
    verdict
}

#[test]
fn an_impossible_position_poisons_the_consumer() {
    let tail = |at: u64| verdict(|words| scribble(words, WORD_TAIL, at));
    assert_eq!(tail(16), Ok(Some(3)));
    assert_eq!(tail(12), Err(Error::Poisoned(Poison::Misaligned)));
    assert_eq!(tail(72), Err(Error::Poisoned(Poison::Distance)));
    assert_eq!(tail(u64::MAX - 7), Err(Error::Poisoned(Poison::Distance)));
    assert_eq!(tail(1 << 63), Err(Error::Poisoned(Poison::Distance)));
    assert_eq!(tail(8), Err(Error::Poisoned(Poison::Length)), "it ends within the frame");
}

#[test]
fn an_impossible_header_poisons_the_consumer() {
    let header = |word: u64| verdict(|words| scribble(words, WORD_DATA, word));
    assert_eq!(header(8), Ok(Some(8)));
    assert_eq!(header(9), Err(Error::Poisoned(Poison::Length)), "beyond the tail");
    assert_eq!(header(57), Err(Error::Poisoned(Poison::Length)), "beyond the memory");
    assert_eq!(header(0xffff_fffe), Err(Error::Poisoned(Poison::Length)));
    assert_eq!(header(0xffff_ffff), Err(Error::Poisoned(Poison::Skip)), "at the start");
    assert_eq!(header(3 | 1 << 32), Err(Error::Poisoned(Poison::Check)));
}

#[test]
fn an_impossible_position_poisons_the_producer() {
    let verdict = |at: u64| {
        let words = memory(32);
        let (mut producer, mut consumer) = sides(&words);
        producer.push(&[1; 16]).unwrap();
        consumer.pop(&mut [0; 16]).unwrap();
        producer.push(&[1; 8]).unwrap();
        assert_eq!(words[WORD_TAIL].load(Ordering::Relaxed), 48_u64.to_le());
        scribble(&words, WORD_HEAD, at);
        let verdict = producer.push(&[1; 16]);
        if let Err(poisoned @ Error::Poisoned(_)) = verdict {
            scribble(&words, WORD_HEAD, 24);
            assert_eq!(producer.push(b""), Err(poisoned), "once poisoned, always so");
        }
        verdict
    };
    assert_eq!(verdict(24), Err(Error::Full));
    assert_eq!(verdict(28), Err(Error::Poisoned(Poison::Misaligned)));
    assert_eq!(verdict(16), Err(Error::Poisoned(Poison::Distance)), "it goes back");
    assert_eq!(verdict(56), Err(Error::Poisoned(Poison::Distance)), "ahead of the tail");
    assert_eq!(verdict(u64::MAX - 7), Err(Error::Poisoned(Poison::Distance)));
}

#[test]
fn a_capacity_that_grows_in_the_header_is_not_believed() {
    let words = memory(64);
    let (mut producer, mut consumer) = sides(&words);
    scribble(&words, 2, 1 << 40);
    for n in 0..100 {
        producer.push(&[n; 40]).unwrap();
        let mut copy = [0; 40];
        assert_eq!((consumer.pop(&mut copy), copy), (Ok(Some(40)), [n; 40]));
        assert_eq!(consumer.pop(&mut copy), Ok(None));
    }
}

#[test]
fn threads_hand_every_frame_over_whole() {
    for capacity in [24, 72, 1000] {
        let words = memory(capacity);
        let (mut producer, mut consumer) = sides(&words);
        let len_max = producer.frame_bytes_max();
        let frame = |n: usize| vec![n as u8; n.wrapping_mul(0x9e37_79b9) / 7 % (len_max + 1)];
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..FRAMES {
                    while let Err(error) = producer.push(&frame(n)) {
                        assert_eq!(error, Error::Full);
                        thread::yield_now();
                    }
                }
            });
            let mut copy = vec![0; len_max];
            let mut next = 0;
            loop {
                let ended = consumer.is_closed();
                match consumer.pop(&mut copy).unwrap() {
                    Some(len) => {
                        assert_eq!(copy[..len], frame(next), "frame {next}");
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

    #[test]
    fn a_ring_is_a_queue_of_frames(
        capacity in 16_usize..100,
        operations in prop::collection::vec((0_u8..9, 0_usize..100), 0..100),
    ) {
        let words = memory(capacity);
        let (mut producer, mut consumer) = sides(&words);
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let mut copy = [0; 104];
        for (n, (kind, len)) in operations.into_iter().enumerate() {
            match kind {
                0..4 => {
                    let bytes: Vec<u8> = (0..len).map(|at| (n + at) as u8).collect();
                    match producer.push(&bytes) {
                        Ok(()) => model.push_back(bytes),
                        Err(Error::TooLong { bytes_max }) => prop_assert!(len > bytes_max),
                        Err(error) => {
                            prop_assert_eq!(error, Error::Full);
                            while let Some(len) = consumer.pop(&mut copy).unwrap() {
                                prop_assert_eq!(Some(copy[..len].to_vec()), model.pop_front());
                            }
                            // A long one may have to see the consumer come round first.
                            if producer.push(&bytes).is_err() {
                                prop_assert_eq!(consumer.pop(&mut copy), Ok(None));
                                prop_assert_eq!(producer.push(&bytes), Ok(()));
                            }
                            model.push_back(bytes);
                        }
                    }
                }
                4..8 => {
                    let popped = consumer.pop(&mut copy).unwrap().map(|len| copy[..len].to_vec());
                    prop_assert_eq!(popped, model.pop_front());
                }
                _ => {
                    std::mem::forget((producer, consumer));
                    (producer, consumer) = sides(&words);
                }
            }
        }
    }

    /// Whatever is written to the memory between operations, nothing panics, and no side hands out
    /// more than fits.
    #[test]
    fn a_hostile_peer_gets_errors(
        capacity in 16_usize..80,
        operations in prop::collection::vec((0_u8..8, any::<u16>(), 0_u64..200), 0..60),
    ) {
        let words = memory(capacity);
        let (mut producer, mut consumer) = sides(&words);
        let mut copy = [0; 100];
        for (kind, at, value) in operations {
            match kind {
                0 | 1 => _ = producer.push(&copy[..value as usize % 100]),
                2 | 3 => _ = consumer.pop(&mut copy),
                4 => scribble(&words, usize::from(at) % words.len(), value),
                5 => scribble(&words, usize::from(at) % words.len(), value.wrapping_neg()),
                6 => scribble(&words, usize::from(at) % words.len(), u64::from(at) << 32 | value),
                _ if at % 4 == 0 => producer.renew(),
                _ if at % 4 == 1 => consumer.renew(),
                _ => {
                    let sides = (Producer::attach(&words), Consumer::attach(&words));
                    if let (Ok(one), Ok(other)) = sides {
                        (producer, consumer) = (one, other);
                    }
                }
            }
        }
    }
}
