//! Virtual time, and the clocks of simulated machines, which tell it more or less well.

use std::fmt;
use std::ops::{Add, Range, Sub};
use std::time::Duration;

use crate::rng::{Chance, Rng};

/// A moment of a run: nanoseconds since it began. Only the runner's queue moves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    nanos: u64,
}

impl Time {
    /// When the run began.
    pub const ZERO: Self = Self { nanos: 0 };

    /// `nanos` nanoseconds after the beginning.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Nanoseconds since the beginning.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates after 584 years.
    fn add(self, after: Duration) -> Self {
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl Sub for Time {
    type Output = Duration;

    /// The time since `earlier`; zero if that is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.nanos / 1_000_000_000, self.nanos % 1_000_000_000)
    }
}

/// How far the clocks of a run may be off.
#[derive(Clone, Debug)]
pub struct ClockFaults {
    /// The most that a wall clock is off when its machine starts, either way.
    pub skew_max: Duration,
    /// The most that a clock runs fast or slow, in millionths.
    pub drift_ppm_max: u32,
    /// How likely [`Clock::disturb`] sets the wall clock.
    pub jump: Chance,
    /// The most that such a jump moves it, either way.
    pub jump_max: Duration,
}

impl ClockFaults {
    /// Clocks that tell the time.
    pub const NONE: Self = Self {
        skew_max: Duration::ZERO,
        drift_ppm_max: 0,
        jump: Chance::NEVER,
        jump_max: Duration::ZERO,
    };

    /// Clocks as they are found in the field: minutes off, 200 ppm fast or slow, set now and then.
    pub const FIELD: Self = Self {
        skew_max: Duration::from_secs(300),
        drift_ppm_max: 200,
        jump: Chance::percent(1),
        jump_max: Duration::from_secs(3_600),
    };
}

/// The two clocks of one machine: the monotonic one, which starts at zero with the machine and
/// never goes back, and the wall clock, which is set by whoever likes to.
#[derive(Clone, Debug)]
pub struct Clock {
    faults: ClockFaults,
    rng: Rng,
    booted: Time,
    /// What the monotonic clock gains in a million nanoseconds.
    drift_ppm: i64,
    /// What has to be added to true time for the wall clock, drift apart.
    wall_offset_ns: i128,
}

/// What a perfect wall clock shows at the beginning of a run, in nanoseconds since 1970:
/// 2030-01-01.
pub const WALL_START_NS: i128 = 1_893_456_000_000_000_000;

const MILLION: i128 = 1_000_000;

impl Clock {
    /// The clocks of a machine that starts at `now`.
    pub fn new(now: Time, faults: ClockFaults, mut rng: Rng) -> Self {
        let drift_ppm = either_way(&mut rng, u64::from(faults.drift_ppm_max)) as i64;
        let skew = either_way(&mut rng, nanos(faults.skew_max));
        Self { booted: now, drift_ppm, wall_offset_ns: WALL_START_NS + skew, faults, rng }
    }

    /// Nanoseconds on the monotonic clock.
    pub fn monotonic_ns(&self, now: Time) -> u64 {
        self.drifted(now) as u64
    }

    /// Nanoseconds since 1970 on the wall clock; negative before.
    pub fn wall_ns(&self, now: Time) -> i128 {
        i128::from(self.booted.as_nanos()) + self.drifted(now) + self.wall_offset_ns
    }

    /// When the monotonic clock will show `monotonic_ns`, which is when a timer set for then goes
    /// off: never before the clock shows it.
    pub fn when(&self, monotonic_ns: u64) -> Time {
        let rate = MILLION + i128::from(self.drift_ppm);
        let elapsed = (i128::from(monotonic_ns) * MILLION + rate - 1) / rate;
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Time::from_nanos(self.booted.as_nanos().saturating_add(elapsed))
    }

    /// Sets the wall clock, if chance wants it; returns by how many nanoseconds it moved.
    pub fn disturb(&mut self) -> Option<i128> {
        if !self.rng.happens(self.faults.jump) {
            return None;
        }
        let jump = either_way(&mut self.rng, nanos(self.faults.jump_max));
        self.wall_offset_ns += jump;
        Some(jump)
    }

    /// The machine starts again: the monotonic clock begins anew, the wall clock goes on.
    pub fn reboot(&mut self, now: Time) {
        let wall = self.wall_ns(now);
        self.booted = now;
        self.wall_offset_ns = wall - i128::from(now.as_nanos());
    }

    /// True nanoseconds since the machine started, as its quartz counts them.
    fn drifted(&self, now: Time) -> i128 {
        let elapsed = i128::from(now.as_nanos().saturating_sub(self.booted.as_nanos()));
        elapsed * (MILLION + i128::from(self.drift_ppm)) / MILLION
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number between `-most` and `most`.
fn either_way(rng: &mut Rng, most: u64) -> i128 {
    let size = i128::from(rng.within(&(0..most.saturating_add(1))));
    if rng.coin() { size } else { -size }
}

/// A duration drawn from a range of nanoseconds.
pub(crate) fn draw(rng: &mut Rng, nanos: &Range<u64>) -> Duration {
    Duration::from_nanos(rng.within(nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock, ClockFaults, Time, WALL_START_NS};
    use crate::rng::{Chance, Rng};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn field(seed: u64) -> Clock {
        Clock::new(Time::ZERO, ClockFaults::FIELD, Rng::new(seed))
    }

    #[test]
    fn a_perfect_clock_tells_the_time() {
        let clock = Clock::new(Time::ZERO, ClockFaults::NONE, Rng::new(1));
        let now = Time::ZERO + HOUR;
        assert_eq!(u128::from(clock.monotonic_ns(now)), HOUR.as_nanos());
        assert_eq!(clock.wall_ns(now), WALL_START_NS + HOUR.as_nanos() as i128);
        assert_eq!(clock.when(clock.monotonic_ns(now)), now);
    }

    #[test]
    fn clocks_drift_apart_within_the_limit() {
        let now = Time::ZERO + HOUR;
        let shown: Vec<u64> = (0..20).map(|seed| field(seed).monotonic_ns(now)).collect();
        let most = HOUR.as_nanos() as u64 / 1_000_000 * 200;
        assert!(shown.iter().all(|shown| shown.abs_diff(now.as_nanos()) <= most));
        assert!(shown.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_timer_goes_off_when_the_clock_shows_it_and_not_before() {
        for seed in 0..200 {
            let clock = field(seed);
            let deadline = Rng::new(seed).below(1 << 50);
            let at = clock.when(deadline);
            assert!(clock.monotonic_ns(at) >= deadline, "seed {seed}");
            let before = Time::from_nanos(at.as_nanos().saturating_sub(2));
            assert!(clock.monotonic_ns(before) <= deadline, "seed {seed}");
        }
    }

    #[test]
    fn jumps_and_reboots_leave_the_other_clock_alone() {
        let faults = ClockFaults { jump: Chance::ALWAYS, ..ClockFaults::FIELD };
        let mut clock = Clock::new(Time::ZERO, faults, Rng::new(5));
        let now = Time::ZERO + HOUR;
        let (monotonic, wall) = (clock.monotonic_ns(now), clock.wall_ns(now));
        let jump = clock.disturb().unwrap();
        assert_eq!((clock.monotonic_ns(now), clock.wall_ns(now)), (monotonic, wall + jump));
        clock.reboot(now);
        assert_eq!((clock.monotonic_ns(now), clock.wall_ns(now)), (0, wall + jump));
    }
}
