//! What a state remembers: the tree of a snapshot, with the journal's changes made to it again.

use std::collections::VecDeque;
use std::path::Path;

use treenail_os::Stat;
use treenail_store::{Lsn, Reader};

use super::super::change::{Batch, Change, EventKind};
use super::super::clock::Clock;
use super::super::history::History;
use super::super::journal::{Head, Part, Session, Unheard};
use super::{Kept, Remembered, batch_kind, close_kind, session_kind, unheard_kind};
use crate::ids::IdKind;
use crate::lookup::split;
use crate::pages::DirId;
use crate::snapshot::Snapshot;
use crate::tree::{Listing, Tree};
use crate::update::{Edit, Ids, Outcome, Place};

/// Reads a state: the snapshot that the checkpoint names, and the batches of the journal. The
/// session is the last that was not closed.
pub(super) fn read(
    dir: &Path,
    checkpoint: &[u8],
    mut reader: Reader,
    kept: Kept,
    starts: &mut VecDeque<(u64, Lsn)>,
) -> Result<(Remembered, Option<Session>), String> {
    let Kept { ids, exclusion, history_bytes_max } = kept;
    let head = Head::decode(checkpoint).ok_or("the checkpoint is of an unknown form")?;
    if head.exclusion != exclusion {
        return Err("it was made when other directories were left out".into());
    }
    let snapshot = Snapshot::open(&dir.join(head.snapshot())).map_err(|error| error.to_string())?;
    let mut tree = snapshot.to_tree().map_err(|error| error.to_string())?;
    let start = Clock { root: head.root, incarnation: head.incarnation, tick: head.floor };
    let mut history = History::new(start, history_bytes_max);
    history.set_ended(head.ended.clone());
    let mut session = None;
    let mut taken_ns = head.taken_ns;
    let mut parts: Option<Batch> = None;
    let mut lsn = reader.position();
    let mut fresh_dirs = Vec::new();
    let mut unheard = Vec::new();
    while let Some(record) = reader.next().map_err(|error| error.to_string())? {
        let kind = record.kind;
        if kind == close_kind() {
            session = None;
        } else if kind == session_kind() {
            let opened = Session::decode(record.payload).ok_or("a session is malformed")?;
            while history.clock().incarnation < opened.incarnation {
                history.begin_incarnation();
            }
            session = Some(opened);
            parts = None;
        } else if kind == unheard_kind() {
            let Unheard { paths, more } =
                Unheard::decode(record.payload).ok_or("a list of files is malformed")?;
            if !more {
                unheard.clear();
            }
            unheard.extend(paths);
        } else if kind == batch_kind() {
            let part = Part::decode(record.payload).ok_or("a batch is malformed")?;
            if part.batch.tick > history.clock().tick {
                let Part { batch, at_ns, last } = part;
                if parts.is_none() {
                    starts.push_back((batch.tick, lsn));
                }
                let whole =
                    parts.get_or_insert_with(|| Batch { tick: batch.tick, ..Batch::default() });
                whole.changes.extend(batch.changes);
                whole.gaps.extend(batch.gaps);
                if last && let Some(batch) = parts.take() {
                    if batch.tick > head.tick {
                        taken_ns = taken_ns.max(at_ns);
                        replay(&mut tree, &batch, ids, &mut fresh_dirs);
                    }
                    history.push(&batch);
                }
            }
        }
        lsn = reader.position();
    }
    if history.clock().tick < head.tick {
        return Err("the journal lacks what the snapshot holds".into());
    }
    let lists = fresh_dirs.iter().map(|&dir| Edit::List { dir, listing: Listing::Partial });
    tree.apply(lists.collect::<Vec<_>>());
    tree.set_taken_ns(taken_ns);
    Ok((Remembered { tree, history, unheard }, session))
}

/// Makes a batch's changes to the tree. New directories are added to `fresh_dirs`: whether they
/// were listed to their end, the journal does not say.
fn replay(tree: &mut Tree, batch: &Batch, ids: Option<IdKind>, fresh_dirs: &mut Vec<DirId>) {
    // Files' changes are made together, as the digests above are computed for each call. What may
    // change where a path leads is made at once, before the next path is looked up.
    let mut waiting: Vec<Replayed<'_>> = Vec::new();
    for change in &batch.changes {
        let Some(at) = place(tree, &change.path) else { continue };
        if let Some(from) = &change.from {
            let Some(from) = place(tree, from) else { continue };
            make(tree, &mut waiting, fresh_dirs);
            tree.apply([Edit::Move { from, to: at }]);
        }
        let stat = match change.kind {
            EventKind::Delete => None,
            _ if change.stat.is_none() => continue,
            _ => change.stat,
        };
        let known = known_id(change, ids);
        let keeps_ids = change.quiet || change.from.is_some();
        waiting.push(Replayed { at, stat, known, keeps_ids });
        if !change.class.is_file() {
            make(tree, &mut waiting, fresh_dirs);
        }
    }
    make(tree, &mut waiting, fresh_dirs);
}

/// A change that waits to be made to the tree.
struct Replayed<'a> {
    at: Place<'a>,
    /// Nothing if it is gone.
    stat: Option<Stat>,
    known: Option<(IdKind, &'a [u8])>,
    keeps_ids: bool,
}

/// Makes the changes that wait.
fn make(tree: &mut Tree, waiting: &mut Vec<Replayed<'_>>, fresh_dirs: &mut Vec<DirId>) {
    let edits = waiting.iter().map(|change| match change.stat {
        None => Edit::Remove { at: change.at },
        Some(stat) => {
            let ids = match change.known.as_slice() {
                [] if change.keeps_ids => Ids::Kept,
                [] => Ids::Dropped,
                known => Ids::Known(known),
            };
            Edit::Put { at: change.at, stat, ids }
        }
    });
    let applied = tree.apply(edits);
    waiting.clear();
    for outcome in applied.outcomes {
        if let Outcome::Added(Some(dir)) = outcome {
            fresh_dirs.push(dir);
        }
    }
}

fn known_id(change: &Change, ids: Option<IdKind>) -> Option<(IdKind, &[u8])> {
    let (kind, id) = (ids?, change.id.as_ref()?);
    (id.as_bytes().len() == usize::from(kind.id_bytes)).then(|| (kind, id.as_bytes()))
}

fn place<'a>(tree: &Tree, path: &'a [u8]) -> Option<(DirId, &'a [u8])> {
    let (dir, name) = split(path);
    Some((tree.dir_at(dir)?, name))
}
