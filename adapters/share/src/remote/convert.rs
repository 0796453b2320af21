//! What messages say, as the types of the tree, each part checked.

use std::time::Duration;

use treenail_os::feed::{self, Rung};
use treenail_os::{Kind, Stat, os_str_of};
use treenail_tree::live::{Change, Clock, EventKind, Fresh, Gap, Id, Net, Polled, Ready};
use treenail_tree::{Class, Counts};

use super::message;
use crate::keeper::Coverage;
use crate::protocol::{Entry, Malformed, Query, path_below, rung_of};

pub(super) fn clock_from(text: &str) -> Result<Clock, Malformed> {
    text.parse().map_err(|_| Malformed("a clock is none"))
}

pub(super) fn rung_from(number: i32) -> Result<Rung, Malformed> {
    rung_of(u8::try_from(number).unwrap_or(0))
}

pub(super) fn counts_from(counts: Option<message::Counts>) -> Counts {
    let message::Counts { files, dirs, symlinks, others, size_bytes } = counts.unwrap_or_default();
    Counts { files, dirs, symlinks, others, size_bytes }
}

pub(super) fn ready_from(ready: message::Ready) -> Result<Ready, Malformed> {
    Ok(Ready {
        clock: clock_from(&ready.clock)?,
        rung: rung_from(ready.backend)?,
        counts: counts_from(ready.counts),
        armed: Duration::from_nanos(ready.armed_ns),
        elapsed: Duration::from_nanos(ready.elapsed_ns),
        resumed: ready.resumed,
        lost: ready.lost,
    })
}

/// Nothing for 0.
pub(super) fn fresh_from(number: i32) -> Result<Option<Fresh>, Malformed> {
    Ok(Some(match number {
        0 => return Ok(None),
        1 => Fresh::OtherRoot,
        2 => Fresh::TooOld,
        3 => Fresh::Unknown,
        _ => return Err(Malformed("no such reason to begin afresh")),
    }))
}

pub(super) fn gap_from(gap: message::Gap) -> Result<Gap, Malformed> {
    path_below(&gap.path)?;
    Ok(Gap { path: gap.path.into(), reason: gap.reason })
}

pub(super) fn change_from(change: message::Change) -> Result<Change, Malformed> {
    let kind = match change.kind {
        1 => EventKind::Create,
        2 => EventKind::Modify,
        3 => EventKind::Delete,
        4 => EventKind::Rename,
        _ => return Err(Malformed("no such kind of change")),
    };
    path_below(&change.path)?;
    change.from.as_deref().map(path_below).transpose()?;
    if change.ranges.iter().any(|range| range.start > range.end) {
        return Err(Malformed("a range ends before it begins"));
    }
    Ok(Change {
        kind,
        class: class_from(change.class)?,
        path: change.path.into(),
        from: change.from.map(Into::into),
        replaced: change.replaced,
        stat: change.stat.map(stat_from).transpose()?,
        id: id_from(&change.id)?,
        quiet: change.quiet,
        open_for_write: change.open_for_write,
        ranges: change.ranges.into_iter().map(|range| range.start..range.end).collect(),
    })
}

/// A change in sum says no more than this.
pub(super) fn net_from(change: message::Change) -> Result<Net, Malformed> {
    let Change { kind, class, path, from, quiet, .. } = change_from(change)?;
    if from.is_some() != (kind == EventKind::Rename) {
        return Err(Malformed("a former path of what was not renamed, or none of what was"));
    }
    Ok(Net { kind, class, path, from, quiet })
}

pub(super) fn class_from(number: i32) -> Result<Class, Malformed> {
    let class = u8::try_from(number).ok().and_then(Class::from_byte);
    class.ok_or(Malformed("no such class of entry"))
}

fn id_from(id: &[u8]) -> Result<Option<Id>, Malformed> {
    if id.is_empty() { Ok(None) } else { Id::new(id).map(Some).ok_or(Malformed("no such id")) }
}

const KINDS: [Kind; 8] = [
    Kind::File,
    Kind::Directory,
    Kind::Symlink,
    Kind::Fifo,
    Kind::Socket,
    Kind::CharDevice,
    Kind::BlockDevice,
    Kind::Unknown,
];

fn stat_from(stat: message::Stat) -> Result<Stat, Malformed> {
    let kind = usize::try_from(stat.r#type).ok().and_then(|number| KINDS.get(number));
    if stat.mode > 0o7777 {
        return Err(Malformed("a mode has bits that are none"));
    }
    Ok(Stat {
        kind: *kind.ok_or(Malformed("no such type of file"))?,
        mode: stat.mode,
        size_bytes: stat.size_bytes,
        mtime_ns: stat.mtime_ns,
        ctime_ns: stat.ctime_ns,
        inode: stat.inode,
        device: stat.device,
        nlink: stat.nlink,
        uid: stat.uid,
        gid: stat.gid,
    })
}

pub(super) fn entry_from(entry: message::Entry) -> Result<Entry, Malformed> {
    path_below(&entry.path)?;
    let stat = stat_from(entry.stat.ok_or(Malformed("an entry has no attributes"))?)?;
    Ok(Entry { path: entry.path, stat, id: id_from(&entry.id)? })
}

pub(super) fn query_to(root: &str, query: &Query) -> message::ListRequest {
    message::ListRequest {
        root: root.to_owned(),
        below: query.below.clone(),
        globs: query.globs.clone(),
        case_insensitive: query.case_insensitive,
        classes: query.classes.iter().map(|class| i32::from(*class as u8)).collect(),
        entries_max: query.entries_max,
    }
}

/// Adds a part of a coverage to the others.
pub(super) fn add_coverage(
    all: &mut Coverage,
    part: message::CoveragePart,
) -> Result<(), Malformed> {
    for message::Mount { path, backend, reasons } in part.mounts {
        // A path of another system: where it is none of this one, it is shown as far as can be.
        let path = match os_str_of(&path) {
            Ok(path) => path.into_owned().into(),
            Err(_) => String::from_utf8_lossy(&path).into_owned().into(),
        };
        all.mounts.push(feed::Coverage { path, rung: rung_from(backend)?, reasons });
    }
    for message::Unreported { path, reason } in part.polled {
        path_below(&path)?;
        all.polled.push(Polled { path, reason });
    }
    for message::Unreported { path, reason } in part.unlisted {
        path_below(&path)?;
        all.unlisted.push((path, reason));
    }
    for path in part.linked_elsewhere {
        path_below(&path)?;
        all.linked_elsewhere.push(path);
    }
    Ok(())
}
