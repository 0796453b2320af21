//! Answers that may be longer than a message, made part by part.

use std::io;

use treenail_tree::live::{Change, Clock, Gap, Net};

use super::answer::{Entry, ReportHead, RootStatus, begin, begin_at, begin_report, kind};
use super::item::{CoverageItem, Item, put_gap, put_item};

/// The place of the flag that says whether a part is the last one.
const LAST_AT: usize = 1;

/// Where the parts of an answer go.
pub(crate) type Send<'s> = &'s mut dyn FnMut(&[u8]) -> io::Result<()>;

/// Which answer is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    /// [`Answer::Batch`](super::Answer::Batch).
    Batch(Clock),
    /// [`Answer::Net`](super::Answer::Net).
    Net(Clock),
    /// [`Answer::Report`](super::Answer::Report).
    Report(ReportHead),
    /// [`Answer::Page`](super::Answer::Page).
    Page(Clock),
    /// [`Answer::Coverage`](super::Answer::Coverage).
    Coverage,
    /// [`Answer::Roots`](super::Answer::Roots).
    Roots,
}

/// An answer on its way: items are added to a part until it is full, and parts are sent.
pub(crate) struct Parts<'s> {
    bytes: Vec<u8>,
    head: usize,
    bytes_max: usize,
    send: Send<'s>,
}

impl<'s> Parts<'s> {
    /// An answer without items yet, its parts no longer than `bytes_max`.
    pub(crate) fn new(message: Message, bytes_max: usize, send: Send<'s>) -> Self {
        let mut bytes = Vec::new();
        match message {
            Message::Batch(clock) => begin_at(&mut bytes, kind::BATCH, false, clock),
            Message::Net(clock) => begin_at(&mut bytes, kind::NET, false, clock),
            Message::Report(head) => begin_report(&mut bytes, false, &head),
            Message::Page(clock) => begin_at(&mut bytes, kind::PAGE, false, clock),
            Message::Coverage => begin(&mut bytes, kind::COVERAGE, false),
            Message::Roots => begin(&mut bytes, kind::ROOTS, false),
        }
        Self { head: bytes.len(), bytes, bytes_max, send }
    }

    /// Adds an entry of a page.
    ///
    /// # Errors
    /// Those of the sending, here as below.
    pub(crate) fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        // One that does not fit cannot be asked for either.
        self.add(|bytes| entry.put(bytes)).map(drop)
    }

    /// Adds a part of a coverage.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub(crate) fn coverage(&mut self, item: &CoverageItem) -> io::Result<()> {
        self.add(|bytes| item.put(bytes)).map(drop)
    }

    /// Adds a root.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub(crate) fn root(&mut self, root: &RootStatus) -> io::Result<()> {
        self.add(|bytes| root.put(bytes)).map(drop)
    }

    /// Sends the last part.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.bytes[LAST_AT] = 1;
        (self.send)(&self.bytes)
    }

    /// Adds something; whether it fits into a part at all.
    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<bool> {
        let before = self.bytes.len();
        put(&mut self.bytes);
        if self.bytes.len() <= self.bytes_max {
            return Ok(true);
        }
        let added = self.bytes.split_off(before);
        if self.head + added.len() > self.bytes_max {
            return Ok(false);
        }
        (self.send)(&self.bytes)?;
        self.bytes.truncate(self.head);
        self.bytes.extend(added);
        Ok(true)
    }

    fn gap(&mut self, gap: &Gap) -> io::Result<()> {
        if !self.add(|bytes| put_gap(gap, bytes))? {
            let reason = "a loss at a path that is too long to be told".to_owned();
            self.add(|bytes| put_gap(&Gap { path: Box::default(), reason }, bytes))?;
        }
        Ok(())
    }
}

/// Sends what changed, as a batch or a report.
///
/// # Errors
/// Those of the sending.
pub(crate) fn send_changes(
    message: Message,
    (changes, gaps): (&[Change], &[Gap]),
    bytes_max: usize,
    send: Send<'_>,
) -> io::Result<()> {
    let too_long = changes.iter().any(|change| !fits(change, bytes_max));
    let mut parts = Parts::new(message, bytes_max, send);
    gaps.iter().try_for_each(|gap| parts.gap(gap))?;
    if too_long {
        parts.gap(&untold())?;
    }
    for change in changes {
        if !parts.add(|bytes| put_item(change, bytes))? && !change.ranges.is_empty() {
            // Which bytes differ is not known, then.
            let change = Change { ranges: Vec::new(), ..change.clone() };
            parts.add(|bytes| put_item(&change, bytes))?;
        }
    }
    parts.finish()
}

/// Sends what changed in sum.
///
/// # Errors
/// Those of the sending.
pub(crate) fn send_net(
    (changes, gaps): (&[Net], &[Gap]),
    clock: Clock,
    bytes_max: usize,
    send: Send<'_>,
) -> io::Result<()> {
    let len = |net: &Net| net.path.len() + net.from.as_ref().map_or(0, |from| from.len());
    let too_long = changes.iter().any(|net| len(net) + ITEM_ROOM > bytes_max);
    let mut parts = Parts::new(Message::Net(clock), bytes_max, send);
    gaps.iter().try_for_each(|gap| parts.gap(gap))?;
    if too_long {
        parts.gap(&untold())?;
    }
    for net in changes {
        parts.add(|bytes| put_item(net, bytes))?;
    }
    parts.finish()
}

/// More than a change takes besides its paths and ranges, with a message's head.
const ITEM_ROOM: usize = 256;

/// Whether a change can be told, without its ranges at least.
fn fits(change: &Change, bytes_max: usize) -> bool {
    let from = change.from.as_ref().map_or(0, |from| from.len());
    change.path.len() + from + ITEM_ROOM <= bytes_max
}

/// Stands for changes that do not fit into a message.
fn untold() -> Gap {
    let reason = "a change at a path that is too long to be told; look at the directory".to_owned();
    Gap { path: Box::default(), reason }
}
