//! Files that had just changed when they were read: they are read once more, after a pause.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use treenail_os::{Changed, Handle, Reader, Stat};

use super::assemble::Late;
use super::content::{self, Found, Wanted};
use super::visitor::{Part, path_of};
use crate::ids::ContentId;
use crate::pages::DirId;

/// A file that changed this shortly before it was read is read again after as long a pause. One
/// call that writes can begin before the first stat and end after the second, and leave the same
/// ctime in both, so equal stats alone do not prove that what came between is whole; no such call
/// of a program that is not stopped takes this long.
pub(super) const FRESH_NS: i64 = 50_000_000;

/// How often a file is found changed again before it is given up.
const ROUNDS_MAX: usize = 3;

/// A file to be read again.
pub(super) struct Fresh {
    handle: Arc<Handle>,
    dir: DirId,
    name: Box<[u8]>,
    stat: Stat,
}

impl Fresh {
    pub(super) fn new(handle: &Arc<Handle>, dir: DirId, name: &[u8], stat: Stat) -> Self {
        Self { handle: handle.clone(), dir, name: name.into(), stat }
    }
}

/// Reads the files after a while in which nothing may happen to them.
pub(super) fn read_again<C: ContentId>(mut fresh: Vec<Fresh>) -> Part<C> {
    let mut part = Part::default();
    let mut reader = None;
    for round in 1..=ROUNDS_MAX {
        if fresh.is_empty() {
            break;
        }
        thread::sleep(Duration::from_nanos(FRESH_NS.unsigned_abs()));
        let reader = reader.get_or_insert_with(Reader::new);
        for run in std::mem::take(&mut fresh).chunk_by(|a, b| Arc::ptr_eq(&a.handle, &b.handle)) {
            let (handle, dir) = (&run[0].handle, run[0].dir);
            let wanted: Vec<Wanted<'_>> = (0..)
                .zip(run)
                .map(|(entry, file)| Wanted { entry, name: &file.name, before: Some(file.stat) })
                .collect();
            content::read::<C>(reader, handle, &wanted, u64::MAX, None, |wanted, found| {
                let fail = |part: &mut Part<C>, error| {
                    part.fail(|| path_of(handle, wanted.name), error);
                };
                match found {
                    // Equal stats, some time apart: nothing was written in between.
                    Found::Id(id, stat) if wanted.before == Some(stat) => {
                        part.late.push(Late { dir, name: wanted.name.into(), id, stat });
                    }
                    Found::Id(_, stat) if round < ROUNDS_MAX => {
                        fresh.push(Fresh::new(handle, dir, wanted.name, stat));
                    }
                    Found::Id(..) => fail(&mut part, io::Error::other(Changed)),
                    Found::Failed(error) => fail(&mut part, error),
                    Found::Larger => unreachable!("any size is taken"),
                }
            });
        }
    }
    part
}
