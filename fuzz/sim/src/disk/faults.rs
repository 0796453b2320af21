//! What may go wrong with a disk, and how often.

use std::ops::Range;

use crate::rng::{Chance, Rng};

/// What may go wrong with a disk: how likely each call is to fail, and in which ways a crash may
/// leave things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFaults {
    /// A read fails, this once.
    pub read_error: Chance,
    /// A write fails, with a part of it done.
    pub write_error: Chance,
    /// A sync of a file or directory fails; see [`DiskFaults::forget`]. The next one reports
    /// success.
    pub sync_error: Chance,
    /// After a failed sync the unsynced sectors count as clean although the disk does not have
    /// them, as Linux does. Otherwise they stay unsynced.
    pub forget: Chance,
    /// The same for the names of a directory, until another name in it changes. Linux does so
    /// where there is no journal (ext2, FAT); a file system that has one refuses all writing after
    /// such an error.
    pub forget_names: Chance,
    /// What was forgotten is also gone from the cache, so that reads find the old bytes.
    pub evict: Chance,
    /// Any call about names fails, with nothing done.
    pub name_error: Chance,
    /// A sync reports success and does nothing.
    pub lie: Chance,
    /// Beside whole sectors, a crash may leave one half old and half new.
    pub tear: Chance,
    /// A crash may leave old bytes of removed files, or rubbish, where a file grew and its new
    /// sectors were not written.
    pub stale: Chance,
    /// A sector decays while the machine is off: see [`Decay`].
    pub rot: Chance,
}

impl DiskFaults {
    /// A disk without faults. A crash still loses what was not synced, and reorders.
    pub const NONE: Self = Self {
        read_error: Chance::NEVER,
        write_error: Chance::NEVER,
        sync_error: Chance::NEVER,
        forget: Chance::NEVER,
        forget_names: Chance::NEVER,
        evict: Chance::NEVER,
        name_error: Chance::NEVER,
        lie: Chance::NEVER,
        tear: Chance::NEVER,
        stale: Chance::NEVER,
        rot: Chance::NEVER,
    };

    /// The classes of faults, as [`DiskFaults::without`] and [`DiskFaults::swarm`] take them.
    pub const CLASSES: &[&str] =
        &["read", "write", "sync", "forget-names", "names", "lie", "tear", "stale", "rot"];

    /// A profile in which each class of faults is there or not, as chance wants: a run with few
    /// kinds of faults gets further into what those can do than one that has them all (Groce et
    /// al., "Swarm Testing", 2012).
    pub fn swarm(rng: &mut Rng) -> Self {
        let mut faults = Self {
            read_error: *rng.pick(&RATES),
            write_error: *rng.pick(&RATES),
            sync_error: *rng.pick(&RATES),
            forget: *rng.pick(&[Chance::NEVER, Chance::percent(50), Chance::ALWAYS]),
            evict: *rng.pick(&[Chance::NEVER, Chance::percent(50), Chance::ALWAYS]),
            forget_names: Chance::percent(50),
            name_error: *rng.pick(&RATES),
            lie: *rng.pick(&[Chance::percent(5), Chance::percent(50), Chance::ALWAYS]),
            tear: *rng.pick(&[Chance::percent(10), Chance::percent(50)]),
            stale: *rng.pick(&[Chance::percent(10), Chance::percent(50), Chance::ALWAYS]),
            rot: *rng.pick(&[Chance::percent(20), Chance::percent(60)]),
        };
        for class in Self::CLASSES {
            // A lie or a rotten sector excuses a loss, so most runs must be without.
            let odds = if matches!(*class, "lie" | "rot") { 85 } else { 60 };
            if rng.happens(Chance::percent(odds)) {
                faults = faults.without(class);
            }
        }
        faults
    }

    /// The profile without one class of faults; unchanged if there is no class of that name.
    #[must_use]
    pub fn without(mut self, class: &str) -> Self {
        match class {
            "read" => self.read_error = Chance::NEVER,
            "write" => self.write_error = Chance::NEVER,
            "sync" => self.sync_error = Chance::NEVER,
            "forget-names" => self.forget_names = Chance::NEVER,
            "names" => self.name_error = Chance::NEVER,
            "lie" => self.lie = Chance::NEVER,
            "tear" => self.tear = Chance::NEVER,
            "stale" => self.stale = Chance::NEVER,
            "rot" => self.rot = Chance::NEVER,
            _ => {}
        }
        self
    }

    /// The classes that this profile has.
    pub fn classes(&self) -> Vec<&'static str> {
        let has = |class: &&&str| self.clone().without(class) != *self;
        Self::CLASSES.iter().filter(has).copied().collect()
    }
}

const RATES: [Chance; 3] =
    [Chance::per_million(2_000), Chance::per_million(10_000), Chance::per_million(50_000)];

/// How a sector decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// One to three bits changed.
    Bits,
    /// All bytes are zero.
    Zeroed,
    /// All bytes are rubbish.
    Rubbish,
    /// Reading it fails, each time, until it is written anew.
    Unreadable,
}

impl Decay {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::Bits, Self::Zeroed, Self::Rubbish, Self::Unreadable];
}

/// What a disk is like, faults apart.
#[derive(Clone, Debug)]
pub struct DiskSettings {
    /// The unit that a crash keeps or loses: 512 or 4096 bytes on disks there are.
    pub sector_bytes: usize,
    /// How much fits on it; writes beyond fail with "no space".
    pub capacity_bytes: u64,
    /// Nanoseconds that a call takes, syncs apart.
    pub call_ns: Range<u64>,
    /// Nanoseconds that a sync takes.
    pub sync_ns: Range<u64>,
    /// How likely a call stalls.
    pub stall: Chance,
    /// Nanoseconds that a stall adds.
    pub stall_ns: Range<u64>,
}

impl Default for DiskSettings {
    /// Sectors of 512 bytes, a gigabyte of them, and the times of a middling solid-state disk.
    fn default() -> Self {
        Self {
            sector_bytes: 512,
            capacity_bytes: 1 << 30,
            call_ns: 1_000..20_000,
            sync_ns: 100_000..2_000_000,
            stall: Chance::per_million(1_000),
            stall_ns: 1_000_000..200_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DiskFaults;
    use crate::rng::Rng;

    #[test]
    fn a_swarm_has_every_class_in_some_run_and_not_in_others() {
        let profiles: Vec<_> =
            (0..200).map(|seed| DiskFaults::swarm(&mut Rng::new(seed)).classes()).collect();
        for class in DiskFaults::CLASSES {
            let with = profiles.iter().filter(|classes| classes.contains(class)).count();
            assert!((10..150).contains(&with), "{class}: {with} of 200");
        }
        assert_eq!(DiskFaults::NONE.classes(), Vec::<&str>::new());
    }
}
