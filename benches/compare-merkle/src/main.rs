//! `cargo xtask compare merkle`: building, changing, comparing and proving, with a million leaves.

mod build;
mod change;
mod differ;
mod prove;
mod rivals;

use std::process::ExitCode;

use treenail_compare::answer::Answer;
use treenail_compare::case::Contender;
use treenail_compare::work::Work;

/// The locked version of a package.
macro_rules! version {
    ($package:literal) => {
        env!(concat!("VERSION_", $package))
    };
}
pub(crate) use version;

/// Our name in the tables.
pub(crate) const OURS: &str = "treenail-merkle";

/// As many leaves as the cases work on.
pub(crate) const LEAVES: usize = 1 << 20;

fn main() -> ExitCode {
    treenail_compare::main(|_| {
        let mut cases = build::cases();
        cases.extend(change::cases());
        cases.extend(differ::cases());
        cases.extend(prove::cases());
        Ok(cases)
    })
}

/// One leaf's bytes: 32, as a digest of something has.
pub(crate) fn leaf(i: u64) -> [u8; 32] {
    let mut leaf = [0; 32];
    for (at, word) in leaf.as_chunks_mut().0.iter_mut().enumerate() {
        // splitmix64 (Steele, Lea, Flood, 2014)
        let mut state = (i * 4 + at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        *word = (state ^ state >> 31).to_le_bytes();
    }
    leaf
}

/// All leaves, for as long as the process lives.
pub(crate) fn leaves() -> &'static [[u8; 32]] {
    static LEAVES_MADE: std::sync::OnceLock<Vec<[u8; 32]>> = std::sync::OnceLock::new();
    LEAVES_MADE.get_or_init(|| (0..LEAVES as u64).map(leaf).collect())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who does the job in `work` with that result; the value is made when it is asked for.
pub(crate) fn contender(
    name: &'static str,
    version: &'static str,
    answer: (&'static str, Answer),
    mut work: impl FnMut() + 'static,
) -> Contender {
    Contender {
        name,
        version: Answer::fixed(version),
        answers: vec![answer],
        work: Work::closure(move || {
            work();
            Ok(())
        }),
    }
}
