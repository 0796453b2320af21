//! What a seed makes of the file system, its feed, and those who use the tree.

use super::kernel::{FeedProfile, Rung};
use crate::rng::{Chance, Rng};
use crate::runner::Plan;

/// Classes of trouble.
pub(super) const CLASSES: &[&str] = &[
    "renames", "exchange", "links", "symlinks", "modes", "times", "deny", "outside", "reuse",
    "coarse", "merge", "torn", "overflow", "shards", "restart", "crash", "ids", "open",
];

/// What a seed chooses once.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) feed: FeedProfile,
    /// Changes to the file system in the whole run.
    pub(super) steps: u64,
    /// Changes before the tree is first compared.
    pub(super) steps_before: u64,
    /// Names in a directory.
    pub(super) names: u64,
    pub(super) dirs_max: usize,
    /// A change happens between two parts of an action.
    pub(super) breath: Chance,
    /// Nanoseconds between two things that happen.
    pub(super) pace_ns: u64,
    pub(super) step_ns: i64,
    pub(super) open_max_ns: u64,
    pub(super) history_bytes_max: usize,
    pub(super) ids: bool,
    pub(super) reuse: bool,
    /// The driver keeps directories open.
    pub(super) cached: bool,
    /// How likely each is, against the others.
    pub(super) feed_weight: u64,
    pub(super) mutate_weight: u64,
    pub(super) driver_weight: u64,
    /// Chance of each kind of change.
    pub(super) ops: Vec<(Op, u64)>,
    pub(super) restart: Chance,
    /// The process ends while files are taken for the same of which more may be told.
    pub(super) restart_unheard: Chance,
    pub(super) crash: bool,
}

/// A kind of change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Create,
    Rewrite,
    Save,
    Continue,
    Mkdir,
    Remove,
    RemoveAll,
    Rename,
    RenameDir,
    Back,
    Exchange,
    Link,
    Symlink,
    Chmod,
    Times,
    Deny,
    Out,
    In,
}

impl Profile {
    pub(super) fn draw(rng: &mut Rng, plan: &Plan) -> Self {
        let without = |class: &str| plan.without.iter().any(|without| without == class);
        let mut has = |class: &str, percent: u32| {
            let has = rng.happens(Chance::percent(percent));
            has && !without(class)
        };
        let (renames, exchange, links) =
            (has("renames", 85), has("exchange", 35), has("links", 35));
        let deny = has("deny", 20);
        // What is written through a name in a directory that is closed, its other names do not
        // tell.
        let links = links && !deny;
        let (symlinks, modes, times) = (has("symlinks", 40), has("modes", 50), has("times", 40));
        let (outside, reuse) = (has("outside", 50), has("reuse", 60));
        let (coarse, merge, torn) = (has("coarse", 50), has("merge", 40), has("torn", 30));
        let (overflow, shards) = (has("overflow", 30), has("shards", 30));
        let (restart, crash) = (has("restart", 25), has("crash", 40));
        let (ids, open) = (has("ids", 60), has("open", 70));
        let rung = *rng.pick(&[Rung::Inotify, Rung::Inotify, Rung::Inodes, Rung::FileSystem]);
        let feed = FeedProfile {
            rung,
            shards: if shards && rung != Rung::FileSystem { 3 } else { 1 },
            merge,
            queue_max: if overflow { *rng.pick(&[3, 8, 30]) } else { usize::MAX },
            torn: if torn {
                *rng.pick(&[Chance::percent(5), Chance::percent(40)])
            } else {
                Chance::NEVER
            },
            names_lost: rng.coin(),
        };
        let kinds = [
            (Op::Create, 20, true),
            (Op::Rewrite, 15, true),
            (Op::Save, 8, renames),
            (Op::Continue, 30, true),
            (Op::Mkdir, 12, true),
            (Op::Remove, 14, true),
            (Op::RemoveAll, 4, true),
            (Op::Rename, 20, renames),
            (Op::RenameDir, 12, renames),
            (Op::Back, 8, renames),
            (Op::Exchange, 8, exchange),
            (Op::Link, 8, links),
            (Op::Symlink, 6, symlinks),
            (Op::Chmod, 8, modes),
            (Op::Times, 8, times),
            (Op::Deny, 5, deny),
            (Op::Out, 8, outside),
            (Op::In, 8, outside),
        ];
        let ops = kinds.into_iter().filter(|(.., on)| *on).map(|(op, weight, _)| {
            // Some runs do mostly one thing.
            (op, weight * *rng.pick(&[1, 1, 1, 4]))
        });
        let ops = ops.collect();
        Self {
            feed,
            steps: *rng.pick(&[15, 60, 200]),
            steps_before: *rng.pick(&[0, 10, 40]),
            names: *rng.pick(&[2, 3, 5]),
            dirs_max: *rng.pick(&[3, 6, 12]),
            breath: *rng.pick(&[Chance::NEVER, Chance::percent(5), Chance::percent(30)]),
            pace_ns: *rng.pick(&[1_000, 100_000, 1_000_000]),
            step_ns: if coarse { 4_000_000 } else { 0 },
            open_max_ns: if open { *rng.pick(&[100_000, 5_000_000]) } else { 250_000_000 },
            history_bytes_max: *rng.pick(&[1_000, 8_000, 8 << 20]),
            ids,
            reuse,
            cached: rng.coin(),
            feed_weight: *rng.pick(&[1, 10, 40]),
            mutate_weight: *rng.pick(&[3, 20]),
            driver_weight: *rng.pick(&[5, 40]),
            ops,
            restart: if restart { Chance::percent(1) } else { Chance::NEVER },
            restart_unheard: if restart { Chance::percent(50) } else { Chance::NEVER },
            crash,
        }
    }
}
