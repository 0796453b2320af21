//! What a seed makes of the machine and of those who use the log.

use treenail_store::Options;

use crate::disk::{DiskFaults, DiskSettings};
use crate::rng::{Chance, Rng};
use crate::runner::Plan;

/// Classes of trouble beside the disk's faults: the machine stops, the disk is full.
pub(super) const CLASSES: &[&str] = &["crash", "full"];

/// What a seed chooses once.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) disk: DiskSettings,
    pub(super) faults: DiskFaults,
    pub(super) options: Options,
    /// Appends and the like in the whole run.
    pub(super) steps: u64,
    pub(super) writers: u64,
    /// Nanoseconds between two appends of a writer.
    pub(super) pause_ns: u64,
    /// Nanoseconds for which commits are held back, for more to join.
    pub(super) linger_ns: u64,
    /// Most payloads are shorter.
    pub(super) payload_bytes: u64,
    /// A payload is as long as may be.
    pub(super) huge: Chance,
    pub(super) checkpoint: Chance,
    /// Somebody reads the log that is being written.
    pub(super) look: Chance,
    pub(super) close: Chance,
    /// What is appended is flushed rather than committed.
    pub(super) flush: Chance,
    /// The calls after which the machine stops, at most; none if it does not.
    pub(super) calls_max: Option<u64>,
    /// A crash is one of the process only.
    pub(super) kill: Chance,
}

impl Profile {
    pub(super) fn draw(rng: &mut Rng, plan: &Plan) -> Self {
        let mut faults = DiskFaults::swarm(rng);
        for class in &plan.without {
            faults = faults.without(class);
        }
        let without = |class: &str| plan.without.iter().any(|without| without == class);
        let segment_bytes = *rng.pick(&[64 << 10, 64 << 10, 128 << 10]);
        let segments = *rng.pick(&[3, 4, 6]);
        let full = rng.happens(Chance::percent(20)) && !without("full");
        let capacity_bytes = if full { (128 << 10) + segments * segment_bytes } else { 1 << 30 };
        let calls_max = *rng.pick(&[40, 200, 1_000]);
        Self {
            disk: DiskSettings {
                sector_bytes: *rng.pick(&[512, 512, 4096]),
                capacity_bytes,
                sync_ns: 50_000..*rng.pick(&[100_000, 4_000_000, 50_000_000]),
                ..DiskSettings::default()
            },
            faults,
            options: Options {
                segment_bytes,
                pending_bytes_max: *rng.pick(&[2_000, 100_000, 1 << 20]),
                background: false,
                log_id: rng.number(),
            },
            steps: *rng.pick(&[50, 200, 400]),
            writers: 1 + rng.below(8),
            pause_ns: *rng.pick(&[10_000, 1_000_000, 10_000_000]),
            linger_ns: *rng.pick(&[0, 0, 100_000, 3_000_000]),
            payload_bytes: *rng.pick(&[40, 600, 6_000]),
            huge: *rng.pick(&[Chance::NEVER, Chance::percent(1), Chance::percent(5)]),
            checkpoint: *rng.pick(&[Chance::NEVER, Chance::percent(2), Chance::percent(10)]),
            look: *rng.pick(&[Chance::NEVER, Chance::percent(2)]),
            close: *rng.pick(&[Chance::NEVER, Chance::percent(1)]),
            flush: *rng.pick(&[Chance::NEVER, Chance::percent(30), Chance::percent(95)]),
            calls_max: (!without("crash")).then_some(calls_max),
            kill: *rng.pick(&[Chance::NEVER, Chance::percent(30), Chance::ALWAYS]),
        }
    }
}
