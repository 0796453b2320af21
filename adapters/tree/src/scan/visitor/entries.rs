//! The entries of one directory: asked for their stats, identified, and read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use treenail_os::{Directory, Handle, Kind, Reader};

use super::super::content::{self, Found, Wanted};
use super::super::fresh::{FRESH_NS, Fresh};
use super::super::gather::{Kept, Reading};
use super::super::previous::Previous;
use super::super::rules::{Inherited, Prepared};
use super::part::Part;
use super::{State, Visitor, now_ns, path_of};
use crate::ids::ContentId;
use crate::pages::DirId;
use crate::tree::Listing;
use crate::view::Class;

/// More files, or more bytes where the sizes are known, are shared out, so that one directory keeps
/// all threads busy.
const BATCH_FILES_MAX: usize = 128;
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// A larger file is a batch of its own. To open it twice costs a hundredth of reading it.
const SHARED_SIZE_BYTES_MAX: u64 = 512 << 10;

/// Of which entries a listing's stats are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    AllButFiles,
    Directories,
}

impl<C: ContentId> Visitor<'_, C> {
    /// Stats the entries that are asked for, and gives child directories their numbers.
    pub(super) fn keep(
        &self,
        kept: &mut Vec<Kept<C::Id>>,
        part: &mut Part<C>,
        dir: &Directory<'_>,
        rules: Option<&Inherited>,
        asked: Asked,
    ) -> Listing {
        let rules = rules.map(Inherited::prepare);
        let rules = rules.as_ref();
        let mut listing = Listing::Complete;
        // Paths are only made where somebody asks for them.
        let above = self.exclude.map(|_| dir.handle().path());
        let is_excluded = |name: &[u8]| match (self.exclude, &above) {
            (Some(exclude), Some(above)) if above.is_empty() => exclude.excludes(name),
            (Some(exclude), Some(above)) => exclude.excludes(&[above, &b"/"[..], name].concat()),
            _ => false,
        };
        for (listed, entry) in dir.entries().enumerate() {
            let is_dir = entry.kind == Kind::Directory;
            if rules.is_some_and(|rules: &Prepared<'_>| rules.leaves_out(entry.name, is_dir))
                || (is_dir && is_excluded(entry.name))
            {
                continue;
            }
            let name = u32::try_from(listed).expect("a listing is shorter than 4 GiB");
            let is_asked = match asked {
                Asked::All => true,
                Asked::AllButFiles => entry.kind != Kind::File,
                Asked::Directories => is_dir,
            };
            if !is_asked {
                kept.push(Kept { name, stat: None, child: None, id: None });
                continue;
            }
            let stat = match dir.stat_entry(listed) {
                Ok(stat) => stat,
                // It went after the listing was made: a listing made now would not have it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    listing = Listing::Partial;
                    part.fail(|| path_of(dir.handle(), entry.name), error);
                    continue;
                }
            };
            let child = (stat.kind == Kind::Directory).then(|| self.number());
            kept.push(Kept { name, stat: Some(stat), child, id: None });
        }
        if let Some(progress) = self.progress {
            progress.entries.fetch_add(kept.len() as u64, Ordering::Relaxed);
        }
        listing
    }

    fn number(&self) -> DirId {
        let index = self.next_dir.fetch_add(1, Ordering::Relaxed);
        assert!(index < u32::MAX, "a tree holds fewer than 2^32 directories");
        DirId { index, generation: 0 }
    }

    /// Fills in the ids that need no reading, and returns the files to be read, in batches of which
    /// all but the last are full.
    pub(super) fn identify(
        &self,
        part: &mut Part<C>,
        dir: &Directory<'_>,
        state: &State,
        kept: &mut [Kept<C::Id>],
    ) -> Vec<Vec<u32>> {
        let mut previous = Previous::new(self.previous, state.previous);
        let (mut batches, mut batch, mut batch_bytes) = (Vec::new(), Vec::new(), 0);
        let mut found_bytes = 0;
        let mut target = Vec::new();
        for (entry, kept) in (0..).zip(kept) {
            let name = dir.entry(kept.name as usize).name;
            match kept.stat.as_ref().map_or(Class::File, Class::of) {
                Class::Symlink => match dir.handle().read_link(name, &mut target) {
                    Ok(()) => kept.id = Some(link_id::<C>(&target)),
                    Err(error) => part.fail(|| path_of(dir.handle(), name), error),
                },
                Class::File | Class::Executable => {
                    let known = kept.stat.as_ref().and_then(|stat| previous.id(name, stat));
                    if let Some(known) = known {
                        kept.id.get_or_insert_default().as_mut().copy_from_slice(known);
                        part.files_reused += 1;
                        continue;
                    }
                    let size_bytes = kept.stat.map_or(0, |stat| stat.size_bytes);
                    found_bytes += size_bytes;
                    batch_bytes += size_bytes;
                    batch.push(entry);
                    if batch.len() == BATCH_FILES_MAX || batch_bytes >= BATCH_BYTES_MAX {
                        batches.push(std::mem::take(&mut batch));
                        batch_bytes = 0;
                    }
                }
                _ => {}
            }
        }
        if let Some(progress) = self.progress {
            progress.bytes_found.fetch_add(found_bytes, Ordering::Relaxed);
        }
        batches.push(batch);
        batches
    }

    /// Reads files and notes the failures.
    pub(super) fn read(
        &self,
        reader: &mut Reader,
        part: &mut Part<C>,
        handle: &Arc<Handle>,
        dir: DirId,
        wanted: &[Wanted<'_>],
        mut done: impl FnMut(u32, Reading<C::Id>),
    ) {
        if wanted.is_empty() {
            return;
        }
        let size_bytes_max = if wanted.len() == 1 { u64::MAX } else { SHARED_SIZE_BYTES_MAX };
        let settled_ns = now_ns().saturating_sub(FRESH_NS);
        content::read::<C>(
            reader,
            handle,
            wanted,
            size_bytes_max,
            self.progress,
            |wanted, found| {
                let reading = match found {
                    Found::Id(id, stat) => {
                        part.files_read += 1;
                        part.bytes_read += stat.size_bytes;
                        let settled = stat.ctime_ns < settled_ns;
                        if !settled {
                            part.fresh.push(Fresh::new(handle, dir, wanted.name, stat));
                        }
                        Reading::File(stat, settled.then_some(id))
                    }
                    Found::Failed(error) => part.unread(handle, wanted, error),
                    Found::Larger => Reading::Larger,
                };
                done(wanted.entry, reading);
            },
        );
    }
}

fn link_id<C: ContentId>(target: &[u8]) -> C::Id {
    let mut ids = Vec::with_capacity(1);
    C::many(&[target], &mut ids);
    ids.remove(0).unwrap_or_default()
}
