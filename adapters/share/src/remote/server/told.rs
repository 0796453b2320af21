//! What the tree says, as messages; and what a client asks for, checked.

use std::time::Duration;

use treenail_os::feed::{self, Rung};
use treenail_os::{Stat, bytes_of};
use treenail_tree::Counts;
use treenail_tree::live::{Change, Fresh, Gap, Ready};

use super::super::convert::class_from;
use super::super::message;
use crate::protocol::{Entry, GLOBS_MAX, Malformed, Query, number_of, path_below};

pub(super) fn rung_to(rung: Rung) -> i32 {
    number_of(rung).into()
}

pub(super) fn counts_to(counts: &Counts) -> message::Counts {
    let Counts { files, dirs, symlinks, others, size_bytes } = *counts;
    message::Counts { files, dirs, symlinks, others, size_bytes }
}

pub(super) fn ready_to(ready: &Ready) -> message::Ready {
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    message::Ready {
        clock: ready.clock.to_string(),
        backend: rung_to(ready.rung),
        counts: Some(counts_to(&ready.counts)),
        armed_ns: ns(ready.armed),
        elapsed_ns: ns(ready.elapsed),
        resumed: ready.resumed,
        lost: ready.lost.clone(),
    }
}

pub(super) fn fresh_to(fresh: Fresh) -> i32 {
    match fresh {
        Fresh::OtherRoot => 1,
        Fresh::TooOld => 2,
        // What a later tree may know besides says as much.
        _ => 3,
    }
}

pub(super) fn gap_to(gap: &Gap) -> message::Gap {
    message::Gap { path: gap.path.to_vec(), reason: gap.reason.clone() }
}

pub(super) fn change_to(change: &Change) -> message::Change {
    message::Change {
        kind: change.kind as i32,
        class: i32::from(change.class as u8),
        path: change.path.to_vec(),
        from: change.from.as_ref().map(|from| from.to_vec()),
        replaced: change.replaced,
        stat: change.stat.as_ref().map(stat_to),
        id: change.id.as_ref().map_or(Vec::new(), |id| id.as_bytes().to_vec()),
        quiet: change.quiet,
        open_for_write: change.open_for_write,
        ranges: change
            .ranges
            .iter()
            .map(|one| message::Range { start: one.start, end: one.end })
            .collect(),
    }
}

fn stat_to(stat: &Stat) -> message::Stat {
    message::Stat {
        r#type: stat.kind as i32,
        mode: stat.mode,
        size_bytes: stat.size_bytes,
        mtime_ns: stat.mtime_ns,
        ctime_ns: stat.ctime_ns,
        inode: stat.inode,
        device: stat.device,
        nlink: stat.nlink,
        uid: stat.uid,
        gid: stat.gid,
    }
}

pub(super) fn entry_to(entry: &Entry) -> message::Entry {
    let id = entry.id.as_ref().map_or(Vec::new(), |id| id.as_bytes().to_vec());
    message::Entry { path: entry.path.clone(), stat: Some(stat_to(&entry.stat)), id }
}

pub(super) fn query_from(request: message::ListRequest) -> Result<Query, Malformed> {
    path_below(&request.below)?;
    if request.globs.len() > GLOBS_MAX {
        return Err(Malformed("a query has more than 256 globs"));
    }
    Ok(Query {
        below: request.below,
        globs: request.globs,
        case_insensitive: request.case_insensitive,
        classes: request.classes.into_iter().map(class_from).collect::<Result<_, _>>()?,
        entries_max: request.entries_max,
    })
}

pub(super) fn mount_to(mount: feed::Coverage) -> message::Mount {
    let feed::Coverage { path, rung, reasons } = mount;
    let path = bytes_of(path.as_os_str()).to_vec();
    message::Mount { path, backend: rung_to(rung), reasons }
}
