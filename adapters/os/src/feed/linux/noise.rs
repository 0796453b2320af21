//! How much comes in that concerns nobody.

use std::time::{Duration, Instant};

/// The span that a mean is taken over.
const SPAN: Duration = Duration::from_secs(10);

/// Measures the events from outside.
pub(super) struct Noise {
    max_per_s: u64,
    since: Instant,
    outside: u64,
    over: bool,
}

impl Noise {
    pub(super) fn new(max_per_s: u64, now: Instant) -> Self {
        Self { max_per_s, since: now, outside: 0, over: false }
    }

    /// Counts further events from outside, and says whether the last whole span had too many.
    pub(super) fn is_over(&mut self, outside: u64, now: Instant) -> bool {
        self.outside += outside;
        let span = now.saturating_duration_since(self.since);
        if span >= SPAN {
            let allowed = u128::from(self.max_per_s) * span.as_millis() / 1000;
            self.over = u128::from(self.outside) > allowed;
            self.since = now;
            self.outside = 0;
        }
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_borne_and_a_steady_stream_is_not() {
        let start = Instant::now();
        let mut noise = Noise::new(100, start);
        assert!(!noise.is_over(900, start + Duration::from_secs(1)));
        assert!(!noise.is_over(0, start + Duration::from_secs(10)), "90 a second");
        assert!(!noise.is_over(1_100, start + Duration::from_secs(19)));
        assert!(noise.is_over(0, start + Duration::from_secs(20)), "110 a second");
        assert!(!noise.is_over(10, start + Duration::from_secs(30)), "it is quiet again");
    }
}
