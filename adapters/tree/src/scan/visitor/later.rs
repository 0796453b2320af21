//! What a scan puts off, and what it shares out among the threads.

use std::sync::atomic::Ordering;

use treenail_os::{Handle, Next, Stat};

use super::super::content::Wanted;
use super::super::gather::{Batch, Rest};
use super::part::Worker;
use super::{State, Task, Visitor};
use crate::ids::ContentId;
use crate::recheck::CLOCK_STEP_NS_MAX;
use crate::tree::Listing;

/// Entries that may wait for all directories to be watched; it takes some 30 bytes for each.
const WAITING_MAX: usize = 1 << 16;

/// What a directory that waits to be listed counts for among them.
pub(super) const WAITING_DIRECTORY: usize = 8;

/// And an entry of a directory that is shared out.
pub(super) const WAITING_SHARED: usize = 4;

impl<C: ContentId> Visitor<'_, C> {
    /// Whether a child directory has no directories in it, and has been left alone for so long that
    /// its stat would tell if anything were moved or changed from now on.
    pub(super) fn is_leaf(
        &self,
        above: &Handle,
        state: &State,
        stat: &Stat,
        counting: &mut Option<(u64, bool)>,
    ) -> bool {
        let settled = stat.ctime_ns < self.taken_ns.saturating_sub(CLOCK_STEP_NS_MAX);
        if stat.nlink != 2 || !settled || state.device != Some(stat.device) {
            return false;
        }
        match *counting {
            Some((device, counts)) if device == stat.device => counts,
            _ => counting.insert((stat.device, above.counts_subdirectories())).1,
        }
    }

    /// Whether what is not urgent of a directory is put off. It is not once all are watched, nor if
    /// the directory was itself put off, nor if too much waits.
    pub(super) fn puts_off(&self, state: &State) -> bool {
        !self.waits_no_more(state)
            && !self.is_armed.load(Ordering::Relaxed)
            && self.waiting.load(Ordering::Relaxed) < WAITING_MAX
    }

    /// Notes that a directory was reached; whether it was put off.
    pub(super) fn waits_no_more(&self, state: &State) -> bool {
        let was_put_off = state.watched.is_some();
        if was_put_off {
            self.waiting.fetch_sub(WAITING_DIRECTORY, Ordering::Relaxed);
        }
        was_put_off
    }

    /// Asks for the stats that were put off.
    pub(super) fn look_at_rest(&self, worker: &mut Worker<C>, rest: &Rest) {
        let Worker { packer, part, kept, .. } = worker;
        let Rest { handle, spot, .. } = rest;
        let mut spot = *spot;
        rest.unpack(kept);
        let unknown = kept.iter().filter(|kept| kept.stat.is_none()).map(|kept| kept.name);
        let unknown: Vec<u32> = unknown.collect();
        let mut places = unknown.iter();
        let names = unknown.iter().map(|place| rest.name(*place));
        let opened = handle.stat_each(names, |stat| {
            let Some(place) = places.next() else { return };
            let reading = part.looked(handle, rest.name(*place), stat);
            kept[*place as usize].enter(reading, &mut spot.listing);
        });
        if let Err(error) = opened {
            spot.listing = Listing::Partial;
            part.fail(|| handle.full_path(), error);
        }
        kept.sort_unstable_by(|a, b| rest.name(a.name).cmp(rest.name(b.name)));
        packer.pack(spot, kept, |place| rest.name(place), part);
        self.waiting.fetch_sub(rest.len(), Ordering::Relaxed);
    }

    /// Reads or stats some files of a large directory.
    pub(super) fn look_at_batch(
        &self,
        worker: &mut Worker<C>,
        batch: &Batch<C::Id>,
        next: &mut Next<'_, Self>,
    ) {
        let Worker { reader, packer, part, .. } = worker;
        let Batch { gathering, entries, waits } = batch;
        self.waiting.fetch_sub(*waits, Ordering::Relaxed);
        let wanted: Vec<Wanted<'_>> = gathering.with(|kept, _| {
            let wanted = entries.iter().map(|&entry| Wanted {
                entry,
                name: gathering.name(entry),
                before: kept[entry as usize].stat,
            });
            wanted.collect()
        });
        let mut readings = Vec::with_capacity(wanted.len());
        let (handle, dir) = (&gathering.handle, gathering.dir());
        if self.with_ids {
            self.read(reader, part, handle, dir, &wanted, |entry, reading| {
                readings.push((entry, reading));
            });
        } else {
            readings.extend(
                wanted
                    .iter()
                    .map(|one| (one.entry, part.looked(handle, one.name, handle.stat(one.name)))),
            );
        }
        gathering.with(|kept, listing| {
            for (entry, reading) in readings {
                if !kept[entry as usize].enter(reading, listing) {
                    gathering.one_more();
                    let entries = vec![entry];
                    let (gathering, waits) = (gathering.clone(), 0);
                    next.task(Task::Batch(Batch { gathering, entries, waits }));
                }
            }
        });
        if let Some(spot) = gathering.one_less() {
            let mut kept = gathering.with(|kept, _| std::mem::take(kept));
            packer.pack(spot, &mut kept, |place| gathering.name(place), part);
        }
    }
}
