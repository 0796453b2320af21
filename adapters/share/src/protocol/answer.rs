//! What a daemon says.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use treenail_os::feed::{self, Rung};
use treenail_os::{Stat, bytes_of};
use treenail_tree::Counts;
use treenail_tree::live::{Change, Clock, Fresh, Gap, Id, Net, Ready};

use super::item::{
    CoverageItem, Item, number_of, put_all, put_counts, put_gap, put_item, take_all, take_counts,
    take_gaps, take_rung, take_system_path,
};
use super::wire::{
    Input, put_bool, put_bytes, put_clock, put_duration, put_option, put_u32, put_u64,
};
use super::{Malformed, VERSION};
use crate::problem::Problem;

/// The kinds, by number.
pub(super) mod kind {
    pub(in super::super) const WELCOME: u8 = 128;
    pub(in super::super) const PROBLEM: u8 = 129;
    pub(in super::super) const WATCHING: u8 = 130;
    pub(in super::super) const BATCH: u8 = 131;
    pub(in super::super) const NET: u8 = 132;
    pub(in super::super) const FRESH: u8 = 133;
    pub(in super::super) const CLOCK: u8 = 134;
    pub(in super::super) const ENTRY: u8 = 135;
    pub(in super::super) const PAGE: u8 = 136;
    pub(in super::super) const COVERAGE: u8 = 137;
    pub(in super::super) const STATISTICS: u8 = 138;
    pub(in super::super) const ROOTS: u8 = 139;
    pub(in super::super) const DONE: u8 = 140;
    pub(in super::super) const WAKE: u8 = 141;
    pub(in super::super) const FULL: u8 = 142;
    pub(in super::super) const REPORT: u8 = 143;
}

/// What a daemon says. What has many items comes in parts, of which the last says so.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The daemon serves this client.
    Welcome(Welcome),
    /// It could not be done. Where the client broke the protocol, the connection ends with it.
    Problem(Problem),
    /// Changes will follow; before them, if there is a ring, the descriptor of its memory.
    Watching {
        /// How the tree began.
        ready: Box<Ready>,
        /// The moment from which on changes follow.
        clock: Clock,
        /// How many bytes of changes the shared memory holds; nothing if they come as messages.
        ring_bytes: Option<u64>,
    },
    /// What changed at one tick.
    Batch {
        /// The moment.
        clock: Clock,
        /// Whether this is the last part.
        last: bool,
        /// What was lost before.
        gaps: Vec<Gap>,
        /// The changes.
        changes: Vec<Change>,
    },
    /// What changed in sum.
    Net {
        /// The moment up to which.
        clock: Clock,
        /// Whether this is the last part.
        last: bool,
        /// What was lost in between.
        gaps: Vec<Gap>,
        /// The changes.
        changes: Vec<Net>,
    },
    /// The clock says nothing here.
    Fresh {
        /// The present moment.
        clock: Clock,
        /// Why.
        reason: Fresh,
    },
    /// A moment.
    Clock(Clock),
    /// What is at a path.
    Entry(Option<Entry>),
    /// Entries.
    Page {
        /// The moment at which they are there.
        clock: Clock,
        /// Whether this is the last part.
        last: bool,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// What sees the changes.
    Coverage {
        /// Whether this is the last part.
        last: bool,
        /// Of each part of the tree.
        items: Vec<CoverageItem>,
    },
    /// What was counted.
    Statistics(Statistics),
    /// The roots.
    Roots {
        /// Whether this is the last part.
        last: bool,
        /// Each.
        roots: Vec<RootStatus>,
    },
    /// It has been done.
    Done,
    /// There is something in the ring, of which the client had seen the end.
    Wake,
    /// What changed of what was selected.
    Report {
        /// Whether this is the last part.
        last: bool,
        /// What stands before the changes.
        head: ReportHead,
        /// What was lost before.
        gaps: Vec<Gap>,
        /// The changes.
        changes: Vec<Change>,
    },
    /// The ring is full; say [`Room`](super::Request::Room) when it is empty.
    Full,
}

/// What a daemon says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Welcome {
    /// Its version of the protocol.
    pub version: u32,
    /// Its process.
    pub pid: u32,
    /// For how long it has run.
    pub uptime: Duration,
    /// How many clients it serves, this one included.
    pub clients: u32,
}

/// An entry that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is, relative to what was asked.
    pub path: Vec<u8>,
    /// What the system says of it.
    pub stat: Stat,
    /// The id of its content, or a directory's digest, where it is known.
    pub id: Option<Id>,
}

/// What a report says besides its changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportHead {
    /// The moment up to which everything that is wanted has been told.
    pub clock: Clock,
    /// The clock that was to begin with says nothing here: the changes are everything that there
    /// is.
    pub fresh: Option<Fresh>,
    /// How many changes nobody needed to act on so far, and were left out.
    pub quiet: u64,
    /// How many were not wanted so far.
    pub filtered: u64,
}

/// What a root's feed has counted.
pub type Statistics = feed::Statistics;

/// How a watched root is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootStatus {
    /// The directory.
    pub root: PathBuf,
    /// The present moment.
    pub clock: Clock,
    /// What reports its changes.
    pub rung: Rung,
    /// What it holds.
    pub counts: Counts,
    /// How many clients use it.
    pub users: u32,
    /// Whether it is kept although nobody uses it, as the configuration says.
    pub stays: bool,
    /// Why its clocks end with the daemon, if they do although a state was wanted.
    pub stateless: Option<String>,
}

impl Answer {
    /// Appends the message, without its length.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Welcome(Welcome { version, pid, uptime, clients }) => {
                bytes.push(kind::WELCOME);
                put_u32(bytes, *version);
                put_u32(bytes, *pid);
                put_duration(bytes, *uptime);
                put_u32(bytes, *clients);
            }
            Self::Problem(problem) => put_problem(bytes, problem),
            Self::Watching { ready, clock, ring_bytes } => {
                bytes.push(kind::WATCHING);
                put_ready(bytes, ready);
                put_clock(bytes, *clock);
                put_option(bytes, *ring_bytes, put_u64);
            }
            Self::Batch { clock, last, gaps, changes } => {
                begin_at(bytes, kind::BATCH, *last, *clock);
                put_with_gaps(bytes, gaps, changes);
            }
            Self::Net { clock, last, gaps, changes } => {
                begin_at(bytes, kind::NET, *last, *clock);
                put_with_gaps(bytes, gaps, changes);
            }
            Self::Fresh { clock, reason } => {
                bytes.push(kind::FRESH);
                put_clock(bytes, *clock);
                bytes.push(number_of_fresh(*reason));
            }
            Self::Clock(clock) => {
                bytes.push(kind::CLOCK);
                put_clock(bytes, *clock);
            }
            Self::Entry(entry) => {
                bytes.push(kind::ENTRY);
                put_option(bytes, entry.as_ref(), |bytes, entry| entry.put(bytes));
            }
            Self::Page { clock, last, entries } => {
                begin_at(bytes, kind::PAGE, *last, *clock);
                put_all(entries, bytes);
            }
            Self::Coverage { last, items } => {
                begin(bytes, kind::COVERAGE, *last);
                put_all(items, bytes);
            }
            Self::Statistics(statistics) => {
                bytes.push(kind::STATISTICS);
                put_statistics(bytes, statistics);
            }
            Self::Roots { last, roots } => {
                begin(bytes, kind::ROOTS, *last);
                put_all(roots, bytes);
            }
            Self::Report { last, head, gaps, changes } => {
                begin_report(bytes, *last, head);
                put_with_gaps(bytes, gaps, changes);
            }
            Self::Done => bytes.push(kind::DONE),
            Self::Wake => bytes.push(kind::WAKE),
            Self::Full => bytes.push(kind::FULL),
        }
    }

    /// The message that these bytes are.
    ///
    /// # Errors
    /// If they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(bytes);
        let input = &mut input;
        let answer = match input.u8()? {
            kind::WELCOME => Self::Welcome(Welcome {
                version: input.u32()?,
                pid: input.u32()?,
                uptime: input.duration()?,
                clients: input.u32()?,
            }),
            kind::PROBLEM => Self::Problem(take_problem(input)?),
            kind::WATCHING => Self::Watching {
                ready: Box::new(take_ready(input)?),
                clock: input.clock()?,
                ring_bytes: input.option(Input::u64)?,
            },
            kind::BATCH => {
                let (last, clock) = (input.bool()?, input.clock()?);
                let (gaps, changes) = take_gaps(input)?;
                Self::Batch { clock, last, gaps, changes }
            }
            kind::NET => {
                let (last, clock) = (input.bool()?, input.clock()?);
                let (gaps, changes) = take_gaps(input)?;
                Self::Net { clock, last, gaps, changes }
            }
            kind::FRESH => Self::Fresh { clock: input.clock()?, reason: take_fresh(input)? },
            kind::CLOCK => Self::Clock(input.clock()?),
            kind::ENTRY => Self::Entry(input.option(Entry::take)?),
            kind::PAGE => {
                Self::Page { last: input.bool()?, clock: input.clock()?, entries: take_all(input)? }
            }
            kind::COVERAGE => Self::Coverage { last: input.bool()?, items: take_all(input)? },
            kind::STATISTICS => Self::Statistics(take_statistics(input)?),
            kind::ROOTS => Self::Roots { last: input.bool()?, roots: take_all(input)? },
            kind::REPORT => {
                let last = input.bool()?;
                let head = ReportHead {
                    clock: input.clock()?,
                    fresh: input.option(take_fresh)?,
                    quiet: input.u64()?,
                    filtered: input.u64()?,
                };
                let (gaps, changes) = take_gaps(input)?;
                Self::Report { last, head, gaps, changes }
            }
            kind::DONE => Self::Done,
            kind::WAKE => Self::Wake,
            kind::FULL => Self::Full,
            _ => return Err(Malformed("no answer has this kind")),
        };
        Input(input.0).end()?;
        Ok(answer)
    }
}

impl Welcome {
    /// Of this process.
    #[must_use]
    pub fn new(uptime: Duration, clients: u32) -> Self {
        Self { version: VERSION, pid: std::process::id(), uptime, clients }
    }
}

/// The start of a message that comes in parts.
pub(super) fn begin(bytes: &mut Vec<u8>, kind: u8, last: bool) {
    bytes.push(kind);
    put_bool(bytes, last);
}

pub(super) fn begin_at(bytes: &mut Vec<u8>, kind: u8, last: bool, clock: Clock) {
    begin(bytes, kind, last);
    put_clock(bytes, clock);
}

/// The start of a report.
pub(super) fn begin_report(bytes: &mut Vec<u8>, last: bool, head: &ReportHead) {
    begin_at(bytes, kind::REPORT, last, head.clock);
    put_option(bytes, head.fresh, |bytes, fresh| bytes.push(number_of_fresh(fresh)));
    put_u64(bytes, head.quiet);
    put_u64(bytes, head.filtered);
}

fn put_with_gaps<T: Item>(bytes: &mut Vec<u8>, gaps: &[Gap], items: &[T]) {
    gaps.iter().for_each(|gap| put_gap(gap, bytes));
    items.iter().for_each(|item| put_item(item, bytes));
}

fn put_problem(bytes: &mut Vec<u8>, problem: &Problem) {
    bytes.push(kind::PROBLEM);
    put_bytes(bytes, problem.kind.as_bytes());
    put_bytes(bytes, problem.message.as_bytes());
    put_option(bytes, problem.path.as_ref(), |bytes, path| {
        put_bytes(bytes, bytes_of(path.as_os_str()));
    });
    put_option(bytes, problem.remedy.as_ref(), |bytes, text| put_bytes(bytes, text.as_bytes()));
}

fn take_problem(input: &mut Input<'_>) -> Result<Problem, Malformed> {
    Ok(Problem {
        kind: Cow::Owned(input.text()?),
        message: input.text()?,
        path: input.option(take_system_path)?,
        remedy: input.option(Input::text)?.map(Cow::Owned),
    })
}

fn put_ready(bytes: &mut Vec<u8>, ready: &Ready) {
    put_clock(bytes, ready.clock);
    bytes.push(number_of(ready.rung));
    put_counts(bytes, &ready.counts);
    put_duration(bytes, ready.armed);
    put_duration(bytes, ready.elapsed);
    put_bool(bytes, ready.resumed);
    put_option(bytes, ready.lost.as_ref(), |bytes, text| put_bytes(bytes, text.as_bytes()));
}

fn take_ready(input: &mut Input<'_>) -> Result<Ready, Malformed> {
    Ok(Ready {
        clock: input.clock()?,
        rung: take_rung(input)?,
        counts: take_counts(input)?,
        armed: input.duration()?,
        elapsed: input.duration()?,
        resumed: input.bool()?,
        lost: input.option(Input::text)?,
    })
}

fn number_of_fresh(reason: Fresh) -> u8 {
    match reason {
        Fresh::OtherRoot => 1,
        Fresh::TooOld => 2,
        // Whatever else it may be some day, it is unknown here.
        _ => 3,
    }
}

fn take_fresh(input: &mut Input<'_>) -> Result<Fresh, Malformed> {
    Ok(match input.u8()? {
        1 => Fresh::OtherRoot,
        2 => Fresh::TooOld,
        3 => Fresh::Unknown,
        _ => return Err(Malformed("no such reason")),
    })
}

fn put_statistics(bytes: &mut Vec<u8>, statistics: &Statistics) {
    let Statistics { records, outside, events, bytes: read, reads, paired, unpaired, .. } =
        *statistics;
    for number in [records, outside, events, read, reads, paired, unpaired, statistics.losses] {
        put_u64(bytes, number);
    }
    put_u64(bytes, statistics.watched as u64);
}

fn take_statistics(input: &mut Input<'_>) -> Result<Statistics, Malformed> {
    Ok(Statistics {
        records: input.u64()?,
        outside: input.u64()?,
        events: input.u64()?,
        bytes: input.u64()?,
        reads: input.u64()?,
        paired: input.u64()?,
        unpaired: input.u64()?,
        losses: input.u64()?,
        watched: usize::try_from(input.u64()?).map_err(|_| Malformed("too many watches"))?,
    })
}
