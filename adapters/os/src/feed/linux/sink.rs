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

    /// Reports the halves that nothing can complete any more.
    pub(super) fn release(&mut self, now: Instant) {
        let hold = self.pairs.hold;
        let mut at = 0;
        while at < self.pairs.halves.len() {
            let half = &self.pairs.halves[at];
            // The source always enters its queue first, so a target that is left over after all
            // queues were read has none.
            if half.is_source && now.saturating_duration_since(half.since) < hold {
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
