//! Frames of bytes, written and read in place.

use bbqueue::nicknames::YakiNiku;
use bbqueue::traits::storage::BoxedSlice;
use treenail_compare::case::{Case, Target};
use treenail_ring::bytes::{Control, Ring};

use crate::job::{case, way};
use crate::version;

const CAPACITY_BYTES: usize = 64 << 10;
const OURS: &str = version!("TREENAIL_RING");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        frames::<64>("frames of 64 bytes, ring of 64 KiB", 2 << 20),
        frames::<4096>("frames of 4 KiB, ring of 64 KiB", 100 << 10),
    ]
}

fn frames<const BYTES: usize>(name: &'static str, total: u64) -> Case {
    let control = Box::leak(Box::new(Control::new()));
    let memory = vec![0; CAPACITY_BYTES].leak();
    let queue = Box::leak(Box::new(YakiNiku::new_with_storage(BoxedSlice::new(CAPACITY_BYTES))));
    let ways = vec![
        way(
            "treenail-ring",
            OURS,
            total,
            Ring::new(control, memory).expect("it is large enough").split(),
            |producer, n| match producer.grant(BYTES) {
                Ok(mut grant) => {
                    fill(&mut grant, n);
                    grant.commit(BYTES);
                    1
                }
                Err(_) => 0,
            },
            |consumer, sum| match consumer.read() {
                Some(frame) => {
                    add(&frame, sum);
                    frame.release();
                    1
                }
                None => 0,
            },
        ),
        way(
            "bbqueue, framed",
            version!("BBQUEUE"),
            total,
            (queue.framed_producer(), queue.framed_consumer()),
            |producer, n| match producer.grant(BYTES as u16) {
                Ok(mut grant) => {
                    fill(&mut grant, n);
                    grant.commit(BYTES as u16);
                    1
                }
                Err(_) => 0,
            },
            |consumer, sum| match consumer.read() {
                Ok(frame) => {
                    add(&frame, sum);
                    frame.release();
                    1
                }
                Err(_) => 0,
            },
        ),
    ];
    let targets = vec![Target::Ratio { rival: "bbqueue, framed", max: 1.0 }];
    case(name, total * BYTES as u64, targets, ways)
}

fn fill(bytes: &mut [u8], n: u64) {
    bytes.fill(n as u8);
}

fn add(bytes: &[u8], sum: &mut u64) {
    let bytes = bytes.iter().fold(0_u64, |sum, byte| sum + u64::from(*byte));
    *sum = sum.wrapping_mul(31).wrapping_add(bytes);
}
