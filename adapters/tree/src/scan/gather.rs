//! A directory's entries from their listing to its blocks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use treenail_hash::{Digest, Hash};
use treenail_os::{Handle, Stat};

use super::visitor::Part;
use crate::block::{self, Block, Leaves, Row};
use crate::column::IdBlock;
use crate::digest::{Digester, elements};
use crate::ids::ContentId;
use crate::pages::DirId;
use crate::tree::Listing;

/// A directory's digest.
pub(super) type DirDigest<C> = <<C as ContentId>::Node as Hash>::Digest;

/// An entry of a directory that stays in the tree.
pub(super) struct Kept<I> {
    /// The place of its name in the listing, or in a [`Gathering`].
    pub(super) name: u32,
    /// What the system said of it; a file may have to be read first. Where there is none in the
    /// end, the entry was gone before it could be looked at.
    pub(super) stat: Option<Stat>,
    pub(super) child: Option<DirId>,
    pub(super) id: Option<I>,
}

impl<I> Kept<I> {
    /// Takes in what a reading says; false if the file is still to be read.
    pub(super) fn enter(&mut self, reading: Reading<I>, listing: &mut Listing) -> bool {
        (self.stat, self.id) = match reading {
            Reading::File(stat, id) => (Some(stat), id),
            Reading::Gone => (None, None),
            Reading::Lost => {
                *listing = Listing::Partial;
                (None, None)
            }
            Reading::Larger => return false,
        };
        true
    }
}

/// What a reading says of an entry.
pub(super) enum Reading<I> {
    /// A file, and its id unless that failed or comes late.
    File(Stat, Option<I>),
    /// It is not there any more: a listing made now would not have it.
    Gone,
    /// What is there now cannot be said; that has been reported.
    Lost,
    /// It is too large to be read with others.
    Larger,
}

/// A directory and where it hangs.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) dir: DirId,
    pub(super) parent: DirId,
    pub(super) listing: Listing,
}

/// A directory as it was listed; its subdirectories' digests, and late ids, are still missing.
pub(super) struct Listed<C: ContentId> {
    pub(super) spot: Spot,
    pub(super) leaves: Leaves<Block>,
    pub(super) ids: Option<Leaves<IdBlock>>,
    /// Known already where there are no directories below.
    pub(super) digest: Option<DirDigest<C>>,
}

/// What one thread makes directories with.
pub(super) struct Packer<C: ContentId> {
    digester: Option<Digester<C>>,
}

impl<C: ContentId> Packer<C> {
    pub(super) fn new(with_ids: bool) -> Self {
        Self { digester: with_ids.then(Digester::new) }
    }

    /// Makes a directory's blocks; `name_of` gives the names that the entries refer to.
    pub(super) fn pack<'a>(
        &mut self,
        spot: Spot,
        kept: &mut Vec<Kept<C::Id>>,
        name_of: impl Fn(u32) -> &'a [u8] + Copy,
        part: &mut Part<C>,
    ) {
        kept.retain(|kept| kept.stat.is_some());
        let rows = kept.iter().filter_map(move |kept| {
            Some(Row { name: name_of(kept.name), stat: kept.stat?, child: kept.child })
        });
        rows.clone().for_each(|row| part.counts.add(&row.stat));
        let leaves = block::pack(rows);
        let mut digest = None;
        let ids = self.digester.as_mut().map(|digester| {
            let ids = id_blocks(leaves.as_slice(), kept, C::KIND.slot_bytes());
            if spot.listing == Listing::Complete && kept.iter().all(|kept| kept.child.is_none()) {
                digest = digester.digest(elements(leaves.as_slice(), ids.as_slice()));
            }
            ids
        });
        part.dirs.push(Listed { spot, leaves, ids, digest });
    }
}

/// The entries' ids, cut as the blocks are.
fn id_blocks<I: Digest>(blocks: &[Block], kept: &[Kept<I>], slot_bytes: usize) -> Leaves<IdBlock> {
    let mut kept = kept.iter();
    let ids: Vec<IdBlock> = blocks
        .iter()
        .map(|block| {
            let mut ids = IdBlock::unknown(block.len(), slot_bytes);
            for (row, kept) in kept.by_ref().take(block.len()).enumerate() {
                if let Some(id) = &kept.id {
                    ids.set(row, id.as_ref());
                }
            }
            ids
        })
        .collect();
    Leaves::from(ids)
}

/// A directory of which nothing but the directories in it was asked for yet.
pub(super) struct Rest {
    pub(super) handle: Arc<Handle>,
    pub(super) spot: Spot,
    names: Vec<u8>,
    name_ends: Vec<usize>,
    dirs: Vec<(u32, Stat, DirId)>,
}

impl Rest {
    /// Takes over a directory's entries, of which only directories have a stat.
    pub(super) fn new<'a, I>(
        handle: &Arc<Handle>,
        spot: Spot,
        kept: &[Kept<I>],
        name_of: impl Fn(u32) -> &'a [u8],
    ) -> Self {
        let mut names = Vec::with_capacity(kept.iter().map(|one| name_of(one.name).len()).sum());
        let mut name_ends = Vec::with_capacity(kept.len());
        let mut dirs = Vec::new();
        for (place, kept) in (0..).zip(kept) {
            names.extend_from_slice(name_of(kept.name));
            name_ends.push(names.len());
            dirs.extend(kept.stat.zip(kept.child).map(|(stat, child)| (place, stat, child)));
        }
        Self { handle: handle.clone(), spot, names, name_ends, dirs }
    }

    pub(super) fn len(&self) -> usize {
        self.name_ends.len()
    }

    pub(super) fn name(&self, place: u32) -> &[u8] {
        name_in(&self.names, &self.name_ends, place)
    }

    /// Puts the entries into `kept`, as they were taken over.
    pub(super) fn unpack<I>(&self, kept: &mut Vec<Kept<I>>) {
        kept.clear();
        let mut dirs = self.dirs.iter().peekable();
        kept.extend((0..).zip(&self.name_ends).map(|(name, _)| {
            let dir = dirs.next_if(|(place, ..)| *place == name);
            let (stat, child) = dir.map(|(_, stat, child)| (*stat, *child)).unzip();
            Kept { name, stat, child, id: None }
        }));
    }
}

fn name_in<'a>(names: &'a [u8], ends: &[usize], place: u32) -> &'a [u8] {
    let place = place as usize;
    let start = if place == 0 { 0 } else { ends[place - 1] };
    &names[start..ends[place]]
}

/// A directory of which some files are read by whoever is free; who comes last makes its blocks.
pub(super) struct Gathering<I> {
    pub(super) handle: Arc<Handle>,
    dir: DirId,
    parent: DirId,
    names: Vec<u8>,
    name_ends: Vec<usize>,
    state: Mutex<State<I>>,
    /// Batches that are not read yet.
    left: AtomicUsize,
}

struct State<I> {
    kept: Vec<Kept<I>>,
    listing: Listing,
}

/// Files of a directory that one thread reads at a time.
pub(super) struct Batch<I> {
    pub(super) gathering: Arc<Gathering<I>>,
    pub(super) entries: Vec<u32>,
    /// What it counts for among what waits.
    pub(super) waits: usize,
}

impl<I> Gathering<I> {
    /// Takes over a directory's entries, of which so many batches are to be read.
    pub(super) fn new<'a>(
        handle: &Arc<Handle>,
        spot: Spot,
        mut kept: Vec<Kept<I>>,
        name_of: impl Fn(u32) -> &'a [u8],
        batches: usize,
    ) -> Self {
        let (mut names, mut name_ends) = (Vec::new(), Vec::with_capacity(kept.len()));
        for (place, kept) in (0..).zip(&mut kept) {
            names.extend_from_slice(name_of(kept.name));
            name_ends.push(names.len());
            kept.name = place;
        }
        Self {
            handle: handle.clone(),
            dir: spot.dir,
            parent: spot.parent,
            names,
            name_ends,
            state: Mutex::new(State { kept, listing: spot.listing }),
            left: AtomicUsize::new(batches),
        }
    }

    pub(super) fn dir(&self) -> DirId {
        self.dir
    }

    pub(super) fn name(&self, place: u32) -> &[u8] {
        name_in(&self.names, &self.name_ends, place)
    }

    /// Looks at or changes the entries, and whether they are all.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Vec<Kept<I>>, &mut Listing) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { kept, listing } = &mut *state;
        act(kept, listing)
    }

    /// Announces another batch; one that is not yet over must be under way.
    pub(super) fn one_more(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a batch, and returns the directory's place if it was the last.
    pub(super) fn one_less(&self) -> Option<Spot> {
        let last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        last.then(|| {
            let listing = self.with(|_, listing| *listing);
            Spot { dir: self.dir, parent: self.parent, listing }
        })
    }
}
