//! A ring in shared memory that a hostile peer scribbles on between operations: errors, no panic,
//! no access outside. As long as nobody has scribbled, it is a queue.
#![no_main]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_ring::shared::{Consumer, Error, Producer, create};

#[derive(Arbitrary, Debug)]
enum Operation {
    Push(u8),
    Pop(u8),
    /// Any word becomes any number.
    Scribble(u8, u64),
    /// A bit of any word is turned over, which leaves the rest likely.
    Flip(u8, u8),
    /// A header or position that is likely: a small number at a multiple of 8.
    Place(u8, u8),
    RenewProducer,
    RenewConsumer,
    Attach,
    Create,
}

fuzz_target!(|input: (u8, Vec<u64>, Vec<Operation>)| {
    let (size, data, operations) = input;
    // From too little for a ring to some frames.
    let words: Vec<_> = (40..48 + usize::from(size) % 40)
        .map(|at| AtomicU64::new(data.get(at - 40).copied().unwrap_or_default()))
        .chain((0..40).map(|_| AtomicU64::new(0)))
        .collect();
    // As it came: refused, or a ring.
    _ = Producer::attach(&words);
    _ = Consumer::attach(&words);
    if create(&words).is_err() {
        assert!(words.len() < 50);
        return;
    }
    let mut producer = Producer::attach(&words).expect("it was created");
    let mut consumer = Consumer::attach(&words).expect("it was created");
    let mut model = Some(VecDeque::new());
    let mut copy = [0; 256];
    for (n, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Push(len) => push(&mut producer, &vec![n as u8; len.into()], &mut model),
            Operation::Pop(len) => pop(&mut consumer, &mut copy[..len.into()], &mut model),
            Operation::RenewProducer => {
                producer.renew();
                // The consumer is of the former generation until it attaches again.
                model = None;
            }
            Operation::RenewConsumer => {
                consumer.renew();
                model = None;
            }
            Operation::Attach => {
                let sides = (Producer::attach(&words), Consumer::attach(&words));
                assert!(model.is_none() || (sides.0.is_ok() && sides.1.is_ok()));
                if let (Ok(one), Ok(other)) = sides {
                    (producer, consumer) = (one, other);
                }
            }
            Operation::Create => {
                create(&words).expect("it was created before");
                producer = Producer::attach(&words).expect("it was created");
                consumer = Consumer::attach(&words).expect("it was created");
                model = Some(VecDeque::new());
            }
            Operation::Scribble(at, value) => {
                words[usize::from(at) % words.len()].store(value, Ordering::Relaxed);
                model = None;
            }
            Operation::Flip(at, bit) => {
                words[usize::from(at) % words.len()].fetch_xor(1 << (bit % 64), Ordering::Relaxed);
                model = None;
            }
            Operation::Place(at, value) => {
                let at = [16, 32, 48, 2, 3, 4, 17, 33][usize::from(at) % 8];
                words[at].store(u64::from(value) * 8, Ordering::Relaxed);
                model = None;
            }
        }
    }
});

fn push(producer: &mut Producer<'_>, frame: &[u8], model: &mut Option<VecDeque<Vec<u8>>>) {
    let pushed = producer.push(frame);
    match pushed {
        Err(Error::TooLong { bytes_max }) => {
            assert!(frame.len() > bytes_max && bytes_max == producer.frame_bytes_max());
        }
        Err(fault @ (Error::Poisoned(_) | Error::Stale)) => {
            assert!(model.is_none(), "{fault} without anybody's fault");
            assert_eq!(producer.push(frame), Err(fault), "for good");
        }
        _ => assert!(frame.len() <= producer.frame_bytes_max()),
    }
    if let (Ok(()), Some(model)) = (pushed, model) {
        model.push_back(frame.to_vec());
    }
}

fn pop(consumer: &mut Consumer<'_>, copy: &mut [u8], model: &mut Option<VecDeque<Vec<u8>>>) {
    let popped = consumer.pop(copy);
    match popped {
        Ok(Some(len)) => assert!(len <= copy.len() && len <= consumer.frame_bytes_max()),
        Err(Error::Short { bytes_needed }) => {
            assert!(bytes_needed > copy.len() && bytes_needed <= consumer.frame_bytes_max());
        }
        Err(fault) => {
            assert!(model.is_none(), "{fault} without anybody's fault");
            assert_eq!(consumer.pop(copy), Err(fault), "for good");
        }
        Ok(None) => {}
    }
    if let Some(model) = model {
        match popped {
            Ok(Some(len)) => assert_eq!(model.pop_front().as_deref(), Some(&copy[..len])),
            Ok(None) => assert!(model.is_empty()),
            _ => assert!(model.front().is_some_and(|frame| frame.len() > copy.len())),
        }
    }
}
