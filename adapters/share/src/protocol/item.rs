//! What answers hold many of.

use std::path::PathBuf;

use treenail_os::feed::{self, Rung};
use treenail_os::{bytes_of, os_str_of};
use treenail_tree::live::{Change, EventKind, Gap, Id, Net, Polled, put_stat};
use treenail_tree::{Class, Counts};

use super::Malformed;
use super::answer::{Entry, RootStatus};
use super::wire::{Input, put_bool, put_bytes, put_clock, put_option, put_u32, put_u64};

/// Something that a message can hold many of.
pub(super) trait Item: Sized {
    fn put(&self, bytes: &mut Vec<u8>);
    fn take(input: &mut Input<'_>) -> Result<Self, Malformed>;
}

/// Everything to the end of the message.
pub(super) fn take_all<T: Item>(input: &mut Input<'_>) -> Result<Vec<T>, Malformed> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(T::take(input)?);
    }
    Ok(items)
}

pub(super) fn put_all<T: Item>(items: &[T], bytes: &mut Vec<u8>) {
    items.iter().for_each(|item| item.put(bytes));
}

/// A loss or something else; losses come first.
pub(super) fn take_gaps<T: Item>(input: &mut Input<'_>) -> Result<(Vec<Gap>, Vec<T>), Malformed> {
    let (mut gaps, mut items) = (Vec::new(), Vec::new());
    while !input.is_empty() {
        match input.u8()? {
            GAP if items.is_empty() => gaps.push(Gap::take(input)?),
            ITEM => items.push(T::take(input)?),
            _ => return Err(Malformed("neither a change nor a loss, or a loss out of place")),
        }
    }
    Ok((gaps, items))
}

pub(super) fn put_gap(gap: &Gap, bytes: &mut Vec<u8>) {
    bytes.push(GAP);
    gap.put(bytes);
}

pub(super) fn put_item<T: Item>(item: &T, bytes: &mut Vec<u8>) {
    bytes.push(ITEM);
    item.put(bytes);
}

const GAP: u8 = 0;
const ITEM: u8 = 1;

impl Item for Gap {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_bytes(bytes, &self.path);
        put_bytes(bytes, self.reason.as_bytes());
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self { path: input.path()?.into(), reason: input.text()? })
    }
}

impl Item for Change {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.encode(bytes);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::decode(&mut input.0).ok_or(Malformed("a change cannot be"))
    }
}

impl Item for Net {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend([self.kind as u8, self.class as u8, self.quiet.into()]);
        put_bytes(bytes, &self.path);
        if let Some(from) = &self.from {
            put_bytes(bytes, from);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let kind = match input.u8()? {
            1 => EventKind::Create,
            2 => EventKind::Modify,
            3 => EventKind::Delete,
            4 => EventKind::Rename,
            _ => return Err(Malformed("no such kind of change")),
        };
        let class = Class::from_byte(input.u8()?).ok_or(Malformed("no such class of entry"))?;
        let quiet = input.bool()?;
        let path = input.path()?.into();
        let renamed = kind == EventKind::Rename;
        let from = if renamed { Some(input.path()?.into()) } else { None };
        Ok(Self { kind, class, path, from, quiet })
    }
}

impl Item for Entry {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_bytes(bytes, &self.path);
        put_stat(&self.stat, bytes);
        put_option(bytes, self.id.as_ref(), |bytes, id| put_bytes(bytes, id.as_bytes()));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let (path, stat) = (input.path()?.to_vec(), input.stat()?);
        let id = |input: &mut Input<'_>| Id::new(input.bytes()?).ok_or(Malformed("no such id"));
        Ok(Self { path, stat, id: input.option(id)? })
    }
}

/// What sees the changes of a part of the tree, or that nothing does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CoverageItem {
    /// What reports the changes of a mount.
    Mount(feed::Coverage),
    /// A directory that nothing reports of.
    Polled(Polled),
    /// A directory that cannot be listed, and why.
    Unlisted(Vec<u8>, String),
    /// A file that has names outside the root.
    LinkedElsewhere(Vec<u8>),
}

impl Item for CoverageItem {
    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Mount(feed::Coverage { path, rung, reasons }) => {
                bytes.push(0);
                put_bytes(bytes, bytes_of(path.as_os_str()));
                bytes.push(number_of(*rung));
                put_u32(bytes, reasons.len() as u32);
                reasons.iter().for_each(|reason| put_bytes(bytes, reason.as_bytes()));
            }
            Self::Polled(Polled { path, reason }) => {
                bytes.push(1);
                put_bytes(bytes, path);
                put_bytes(bytes, reason.as_bytes());
            }
            Self::Unlisted(path, reason) => {
                bytes.push(2);
                put_bytes(bytes, path);
                put_bytes(bytes, reason.as_bytes());
            }
            Self::LinkedElsewhere(path) => {
                bytes.push(3);
                put_bytes(bytes, path);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(match input.u8()? {
            0 => {
                let (path, rung) = (take_system_path(input)?, take_rung(input)?);
                let mut reasons = Vec::new();
                for _ in 0..input.u32()? {
                    reasons.push(input.text()?);
                }
                Self::Mount(feed::Coverage { path, rung, reasons })
            }
            1 => Self::Polled(Polled { path: input.path()?.to_vec(), reason: input.text()? }),
            2 => Self::Unlisted(input.path()?.to_vec(), input.text()?),
            3 => Self::LinkedElsewhere(input.path()?.to_vec()),
            _ => return Err(Malformed("no such part of a coverage")),
        })
    }
}

impl Item for RootStatus {
    fn put(&self, bytes: &mut Vec<u8>) {
        put_bytes(bytes, bytes_of(self.root.as_os_str()));
        put_clock(bytes, self.clock);
        bytes.push(number_of(self.rung));
        put_counts(bytes, &self.counts);
        put_u32(bytes, self.users);
        put_bool(bytes, self.stays);
        put_option(bytes, self.stateless.as_ref(), |bytes, why| put_bytes(bytes, why.as_bytes()));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            root: take_system_path(input)?,
            clock: input.clock()?,
            rung: take_rung(input)?,
            counts: take_counts(input)?,
            users: input.u32()?,
            stays: input.bool()?,
            stateless: input.option(Input::text)?,
        })
    }
}

/// A path of the system's; elsewhere than on Unix one that is no text is malformed.
pub(super) fn take_system_path(input: &mut Input<'_>) -> Result<PathBuf, Malformed> {
    let path = os_str_of(input.bytes()?).map_err(|_| Malformed("a path is none of this system"))?;
    Ok(PathBuf::from(path.into_owned()))
}

pub(super) fn put_counts(bytes: &mut Vec<u8>, counts: &Counts) {
    let Counts { files, dirs, symlinks, others, size_bytes } = *counts;
    [files, dirs, symlinks, others, size_bytes].into_iter().for_each(|n| put_u64(bytes, n));
}

pub(super) fn take_counts(input: &mut Input<'_>) -> Result<Counts, Malformed> {
    Ok(Counts {
        files: input.u64()?,
        dirs: input.u64()?,
        symlinks: input.u64()?,
        others: input.u64()?,
        size_bytes: input.u64()?,
    })
}

pub(crate) fn number_of(rung: Rung) -> u8 {
    match rung {
        Rung::FileSystem => 1,
        Rung::Inodes => 2,
        Rung::Inotify => 3,
        Rung::System => 5,
        // Whatever else it may be some day, it is nothing that is known here.
        _ => 4,
    }
}

pub(super) fn take_rung(input: &mut Input<'_>) -> Result<Rung, Malformed> {
    rung_of(input.u8()?)
}

pub(crate) fn rung_of(number: u8) -> Result<Rung, Malformed> {
    Ok(match number {
        1 => Rung::FileSystem,
        2 => Rung::Inodes,
        3 => Rung::Inotify,
        4 => Rung::Polling,
        5 => Rung::System,
        _ => return Err(Malformed("no such back end")),
    })
}
