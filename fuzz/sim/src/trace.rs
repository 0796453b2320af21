//! What happened in a run: a fingerprint always, the lines on demand.

use std::collections::VecDeque;
use std::fmt::{Arguments, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treenail_hash::xxh3::xxh3_64_with_seed;

use crate::time::Time;

/// Lines kept of a recorded run; the earliest go first.
pub const LINES_MAX: usize = 100_000;

/// The log of one run, shared by everything that takes part in it.
///
/// Each event enters the fingerprint, whether lines are recorded or not: two runs of one seed with
/// equal fingerprints went through the same events.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    now: Time,
    fingerprint: u64,
    events: u64,
    /// One event's text, used again for the next.
    text: String,
    lines: Option<VecDeque<String>>,
}

impl Trace {
    /// A trace that keeps the fingerprint only.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trace that keeps the lines too.
    pub fn recording() -> Self {
        let trace = Self::new();
        trace.lock().lines = Some(VecDeque::new());
        trace
    }

    /// Sets the time that stands before the events to come.
    pub fn set_now(&self, now: Time) {
        self.lock().now = now;
    }

    /// The time that stands before the events to come.
    pub fn now(&self) -> Time {
        self.lock().now
    }

    /// Notes an event: `trace.event(format_args!("write {offset}+{len}"))`.
    pub fn event(&self, event: Arguments<'_>) {
        let mut inner = self.lock();
        let mut text = std::mem::take(&mut inner.text);
        text.clear();
        // Writing to a string cannot fail; a `Display` that does gives what it had written.
        let _ = write!(text, "{} {event}", inner.now);
        inner.fingerprint = xxh3_64_with_seed(text.as_bytes(), inner.fingerprint);
        inner.events += 1;
        if let Some(lines) = &mut inner.lines {
            if lines.len() == LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(text.clone());
        }
        inner.text = text;
    }

    /// A number that two runs share if and only if (but for a collision) they share all events.
    pub fn fingerprint(&self) -> u64 {
        self.lock().fingerprint
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.lock().events
    }

    /// The recorded lines, the earliest first; none where the trace does not record.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while tracing is reported as a violation; what was traced is still wanted then.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, Trace};
    use crate::time::Time;

    #[test]
    fn recording_does_not_change_the_fingerprint() {
        let (plain, recorded) = (Trace::new(), Trace::recording());
        for trace in [&plain, &recorded] {
            trace.set_now(Time::from_nanos(1_500));
            trace.event(format_args!("write {}", 7));
        }
        assert_eq!(plain.fingerprint(), recorded.fingerprint());
        assert_eq!(plain.lines(), Vec::<String>::new());
        assert_eq!(recorded.lines(), ["0.000001500 write 7"]);
        recorded.event(format_args!("write 7"));
        assert_ne!(plain.fingerprint(), recorded.fingerprint());
    }

    #[test]
    fn the_order_of_events_is_in_the_fingerprint() {
        let of = |events: [&str; 2]| {
            let trace = Trace::new();
            events.iter().for_each(|event| trace.event(format_args!("{event}")));
            trace.fingerprint()
        };
        assert_ne!(of(["a", "b"]), of(["b", "a"]));
    }

    #[test]
    fn the_last_lines_are_kept() {
        let trace = Trace::recording();
        (0..LINES_MAX + 2).for_each(|count| trace.event(format_args!("{count}")));
        assert_eq!(trace.lines().len(), LINES_MAX);
        assert!(trace.lines()[0].ends_with(" 2"));
        assert_eq!(trace.events(), LINES_MAX as u64 + 2);
    }
}
