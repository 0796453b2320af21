//! Where the queues' records go: to the caller, and halves of renames first to one another.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::io::{Errno, ioctl_fionread, read};

use crate::platform::MountId;

use super::super::{Event, Loss, Statistics, Token, What};

/// More than any record has: two places and a target, each a handle of at most 128 bytes, and two
/// names of at most 255.
const RECORD_BYTES_MAX: usize = 4096;

/// What one call to read works with.
pub(super) struct Sink<'a> {
    pub(super) report: &'a mut dyn FnMut(Event<'_>),
    pub(super) pairs: &'a mut Pairs,
    pub(super) counts: &'a mut Statistics,
}

impl Sink<'_> {
    pub(super) fn event(&mut self, event: Event<'_>) {
        self.counts.events += 1;
        (self.report)(event);
    }

    /// Reports the loss of what concerned these; nothing if there is nobody whom it concerns.
    pub(super) fn lost(&mut self, dirs: &[Token], reason: Loss) {
        if !dirs.is_empty() {
            self.counts.losses += 1;
            self.event(Event::Lost { dirs, reason });
        }
    }

    /// Reports the loss of everything.
    pub(super) fn lost_all(&mut self, reason: Loss) {
        self.counts.losses += 1;
        self.event(Event::Lost { dirs: &[], reason });
    }

    /// Takes half of a rename, and reports the whole if the other half was there.
    pub(super) fn half(&mut self, half: Half) {
        let other = self.pairs.halves.iter().position(|other| other.completes(&half));
        let Some(other) = other.map(|at| self.pairs.halves.swap_remove(at)) else {
            self.pairs.halves.push(half);
            return;
        };
        let (from, to) = if half.is_source { (&half, &other) } else { (&other, &half) };
        self.counts.paired += 1;
        self.event(Event::Renamed {
            from: (from.dir, &from.name),
            to: (to.dir, &to.name),
            is_dir: half.is_dir,
        });
    }

    /// Reports the halves that nothing can complete any more, now that all queues have been read to
    /// their ends from the time `read_from` on. A source always enters its queue before its target
    /// does: so a target that was known by then, and is still alone, has none; and a source has
    /// none if its target had its time by then. What the clock says now does not matter: a reader
    /// that was held up for long has not looked for the target meanwhile.
    pub(super) fn release(&mut self, read_from: Instant) {
        let hold = self.pairs.hold;
        let mut at = 0;
        while at < self.pairs.halves.len() {
            let half = &self.pairs.halves[at];
            let is_held = match half.is_source {
                true => read_from.saturating_duration_since(half.since) < hold,
                false => half.since >= read_from,
            };
            if is_held {
                at += 1;
                continue;
            }
            let half = self.pairs.halves.remove(at);
            self.counts.unpaired += 1;
            let what = if half.is_source { What::REMOVED } else { What::CREATED };
            let kind = if half.is_dir { What::DIRECTORY } else { What::default() };
            let what = what | What::MOVED | kind;
            self.event(Event::Entry { dir: half.dir, name: &half.name, what });
        }
    }
}

/// One side of a rename.
pub(super) struct Half {
    /// The same number on both sides.
    pub(super) cookie: u32,
    /// A directory that two mounts show is renamed in on both.
    pub(super) mount: MountId,
    pub(super) dir: Token,
    pub(super) name: Box<[u8]>,
    pub(super) is_dir: bool,
    pub(super) is_source: bool,
    pub(super) since: Instant,
}

impl Half {
    fn completes(&self, other: &Self) -> bool {
        self.cookie == other.cookie
            && self.mount == other.mount
            && self.is_source != other.is_source
    }
}

/// Halves of renames that wait for their other half.
pub(super) struct Pairs {
    halves: Vec<Half>,
    hold: Duration,
}

impl Pairs {
    pub(super) fn new(hold: Duration) -> Self {
        Self { halves: Vec::new(), hold }
    }

    /// Whether a target waits for its source, which may lie in a queue that was read before.
    pub(super) fn has_targets(&self) -> bool {
        self.halves.iter().any(|half| !half.is_source)
    }

    /// When the oldest half is to be given up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.halves.iter().map(|half| half.since + self.hold).min()
    }
}

/// Reads what a queue holds at the time of the call, and perhaps more. `each` takes a run of whole
/// records and says how many they were; the system counts at least `head_bytes` for each.
pub(super) fn drain(
    queue: BorrowedFd<'_>,
    head_bytes: u64,
    buffer: &mut [u8],
    sink: &mut Sink<'_>,
    mut each: impl FnMut(&[u8], &mut Sink<'_>) -> u64,
) -> io::Result<()> {
    let mut left = None;
    loop {
        let filled = match read(queue, &mut *buffer) {
            Ok(filled) => filled,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let records = each(&buffer[..filled], sink);
        sink.counts.reads += 1;
        sink.counts.bytes += filled as u64;
        sink.counts.records += records;
        // The system stops early only when the queue is empty.
        if filled + RECORD_BYTES_MAX <= buffer.len() {
            return Ok(());
        }
        // A queue that is filled as fast as it is read must not keep the caller here for ever.
        let rest = match left {
            Some(rest) => rest,
            None => ioctl_fionread(queue)? / head_bytes + records,
        };
        if rest <= records {
            return Ok(());
        }
        left = Some(rest - records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_millis(10);

    fn half(cookie: u32, dir: u64, is_source: bool, since: Instant) -> Half {
        let (mount, dir, name) = (MountId(1), Token(dir), Box::from(&b"name"[..]));
        Half { cookie, mount, dir, name, is_dir: false, is_source, since }
    }

    /// Has `act` done and returns what was reported, in short.
    fn reported(pairs: &mut Pairs, act: impl FnOnce(&mut Sink<'_>)) -> Vec<String> {
        let mut said = Vec::new();
        let report = &mut |event: Event<'_>| {
            said.push(match event {
                Event::Renamed { from, to, .. } => format!("{} to {}", from.0.0, to.0.0),
                Event::Entry { dir, what, .. } => format!("{} {what:?}", dir.0),
                other => format!("{other:?}"),
            });
        };
        act(&mut Sink { report, pairs, counts: &mut Statistics::default() });
        said
    }

    #[test]
    fn halves_meet_in_either_order() {
        let now = Instant::now();
        let mut pairs = Pairs::new(HOLD);
        let said = reported(&mut pairs, |sink| {
            sink.half(half(1, 10, true, now));
            sink.half(half(2, 20, false, now));
            sink.half(half(2, 21, true, now));
            sink.half(half(1, 11, false, now));
        });
        assert_eq!(said, ["21 to 20", "10 to 11"]);
        assert_eq!(pairs.due(), None);
    }

    #[test]
    fn a_source_has_its_time_and_a_target_that_nothing_precedes_has_none() {
        let start = Instant::now();
        let again = start + Duration::from_millis(1);
        let mut pairs = Pairs::new(HOLD);
        let said = reported(&mut pairs, |sink| {
            sink.half(half(1, 10, true, start));
            sink.half(half(2, 20, false, start));
            // Read only when all queues were read again: its source may lie in one of them.
            sink.half(half(3, 30, false, again));
            sink.release(again);
        });
        assert_eq!(said, ["20 [\"created\", \"moved\"]"]);
        assert_eq!(pairs.due(), Some(start + HOLD));
        let said = reported(&mut pairs, |sink| sink.half(half(3, 31, true, again)));
        assert_eq!(said, ["31 to 30"]);
        let said = reported(&mut pairs, |sink| sink.release(start + HOLD));
        assert_eq!(said, ["10 [\"removed\", \"moved\"]"]);
    }

    #[test]
    fn the_same_rename_on_two_mounts_is_two_renames() {
        let now = Instant::now();
        let mut pairs = Pairs::new(HOLD);
        let said = reported(&mut pairs, |sink| {
            sink.half(Half { mount: MountId(2), ..half(1, 20, true, now) });
            sink.half(half(1, 10, true, now));
            sink.half(half(1, 11, false, now));
            sink.half(Half { mount: MountId(2), ..half(1, 21, false, now) });
        });
        assert_eq!(said, ["10 to 11", "20 to 21"]);
    }
}
