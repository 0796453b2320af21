//! One file: what reads see, what is on the medium, and what lies between the two.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::faults::Decay;
use crate::rng::{Chance, Rng};

/// Unsynced versions of one sector that are remembered; beyond it the oldest are forgotten.
const VERSIONS_MAX: usize = 8;

/// A file's bytes, in the cache and on the medium.
#[derive(Debug, Default)]
pub(super) struct File {
    sector_bytes: usize,
    /// What reads see.
    cache: Vec<u8>,
    /// What is left when everything unsynced is lost.
    media: Vec<u8>,
    /// What a crash may put in place of the medium's sectors.
    dirty: BTreeMap<u64, Vec<Version>>,
    /// The lengths that the file had since the last sync.
    lens: Vec<(u64, usize)>,
    /// The sectors that take space.
    taken: BTreeSet<u64>,
    /// Sectors that cannot be read.
    unreadable: BTreeSet<u64>,
}

/// A sector as it was after one change.
#[derive(Debug)]
struct Version {
    order: u64,
    bytes: Box<[u8]>,
}

/// How a crash may leave the sectors of a file.
pub(super) struct Wreck<'a> {
    pub(super) fate: &'a Fate,
    pub(super) tear: Chance,
    pub(super) stale: Chance,
    /// Bytes of files that are gone.
    pub(super) graveyard: &'a [Box<[u8]>],
}

/// What becomes of unsynced sectors when a sync fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedSync {
    pub(super) forget: bool,
    pub(super) evict: bool,
}

impl File {
    pub(super) fn new(sector_bytes: usize) -> Self {
        Self { sector_bytes, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// How many sectors take space.
    pub(super) fn taken(&self) -> usize {
        self.taken.len()
    }

    /// How many more sectors take space once a range of bytes is written.
    pub(super) fn wanted(&self, offset: usize, len: usize) -> usize {
        self.sectors(offset, len).filter(|sector| !self.taken.contains(sector)).count()
    }

    /// How many bytes of a range can be written while it takes at most so many more sectors.
    pub(super) fn fitting(&self, offset: usize, len: usize, sectors: usize) -> usize {
        let mut wanted = self.sectors(offset, len).filter(|sector| !self.taken.contains(sector));
        let first_out = wanted.nth(sectors).map(|sector| sector as usize * self.sector_bytes);
        first_out.map_or(len, |end| end.saturating_sub(offset))
    }

    /// What reads see.
    pub(super) fn content(&self) -> &[u8] {
        &self.cache
    }

    /// Reads at an offset; nothing if a sector cannot be read.
    pub(super) fn read(&self, bytes: &mut [u8], offset: usize) -> Option<usize> {
        let end = self.cache.len().min(offset.saturating_add(bytes.len()));
        let len = end.saturating_sub(offset);
        if self.sectors(offset, len).any(|sector| self.unreadable.contains(&sector)) {
            return None;
        }
        if len > 0 {
            bytes[..len].copy_from_slice(&self.cache[offset..end]);
        }
        Some(len)
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize, order: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.cache.len() {
            self.cache.resize(end, 0);
            self.lens.push((order, end));
        }
        self.cache[offset..end].copy_from_slice(bytes);
        for sector in self.sectors(offset, bytes.len()) {
            self.remember(sector, order);
            self.taken.insert(sector);
            self.unreadable.remove(&sector);
        }
    }

    pub(super) fn allocate(&mut self, len: usize, order: u64) {
        self.taken.extend(self.sectors(0, len));
        if len > self.cache.len() {
            self.cache.resize(len, 0);
            self.lens.push((order, len));
        }
    }

    pub(super) fn set_len(&mut self, len: usize, order: u64) {
        let old = self.cache.len();
        if len == old {
            return;
        }
        self.cache.resize(len, 0);
        self.lens.push((order, len));
        for sector in self.sectors(len, old.saturating_sub(len)) {
            // What was cut reads as zeros when the file grows again, if the cut was kept.
            self.remember(sector, order);
            if sector * self.sector_bytes as u64 >= len as u64 {
                self.taken.remove(&sector);
                self.unreadable.remove(&sector);
            }
        }
    }

    /// Everything reaches the medium.
    pub(super) fn sync(&mut self) {
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            if let Some(last) = versions.last() {
                put(&mut self.media, self.sector_bytes, sector, &last.bytes);
            }
        }
        self.media.resize(self.cache.len(), 0);
        self.lens.clear();
    }

    /// A part reaches the medium; the rest stays unsynced, or is forgotten.
    pub(super) fn sync_badly(&mut self, rng: &mut Rng, failed: FailedSync) {
        let old_len = self.media.len();
        let reached = *rng.pick(&[Chance::NEVER, Chance::percent(50), Chance::percent(90)]);
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let Some(last) = versions.last() else { continue };
            if rng.happens(reached) {
                put(&mut self.media, self.sector_bytes, sector, &last.bytes);
            } else if !failed.forget {
                self.dirty.insert(sector, versions);
            } else if failed.evict {
                let old = get(&self.media, self.sector_bytes, sector);
                overlay(&mut self.cache, self.sector_bytes, sector, &old);
            }
        }
        // A sector that got ahead of the length is lost with it.
        let len = if rng.happens(reached) { self.cache.len() } else { old_len };
        self.media.resize(len, 0);
        if failed.forget {
            self.lens.clear();
        }
    }

    /// Power is lost: what remains is read from the medium from now on.
    pub(super) fn crash(&mut self, rng: &mut Rng, wreck: &Wreck<'_>) {
        let old_len = self.media.len();
        let len = self.surviving_len(rng, wreck.fate);
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let kept = versions.iter().rposition(|v| wreck.fate.keeps(rng, v.order));
            let start = sector as usize * self.sector_bytes;
            match kept {
                Some(at) => {
                    let mut bytes = versions[at].bytes.clone();
                    if rng.happens(wreck.tear) {
                        let before = match at.checked_sub(1) {
                            Some(before) => versions[before].bytes.clone(),
                            None => get(&self.media, self.sector_bytes, sector),
                        };
                        let cut = rng.index(bytes.len());
                        bytes[cut..].copy_from_slice(&before[cut..]);
                    }
                    put(&mut self.media, self.sector_bytes, sector, &bytes);
                }
                None if start >= old_len && start < len && rng.happens(wreck.stale) => {
                    let mut bytes = vec![0; self.sector_bytes].into_boxed_slice();
                    if wreck.graveyard.is_empty() || rng.below(4) == 0 {
                        rng.fill(&mut bytes);
                    } else {
                        bytes.clone_from(rng.pick(wreck.graveyard));
                    }
                    put(&mut self.media, self.sector_bytes, sector, &bytes);
                }
                None => {}
            }
        }
        self.media.resize(len, 0);
        self.lens.clear();
        self.cache.clone_from(&self.media);
        let end = self.sectors(0, len).end;
        self.taken.retain(|&sector| sector < end);
        self.unreadable.retain(|&sector| sector < end);
    }

    /// A sector that is on the medium decays; returns where. Nothing if none came to harm.
    pub(super) fn rot(&mut self, rng: &mut Rng, decay: Decay) -> Option<usize> {
        let written: Vec<u64> = self.sectors(0, self.media.len()).collect();
        let mut sector = *written.get(rng.index(written.len().max(1)))?;
        // A sector of zeros seldom matters: look twice for one that holds something.
        for _ in 0..4 {
            if get(&self.media, self.sector_bytes, sector).iter().any(|&byte| byte != 0) {
                break;
            }
            sector = *rng.pick(&written);
        }
        let start = sector as usize * self.sector_bytes;
        let old = get(&self.media, self.sector_bytes, sector);
        let mut bytes = old.clone();
        let used = bytes.len().min(self.media.len() - start);
        match decay {
            Decay::Bits => {
                for _ in 0..=rng.below(3) {
                    bytes[rng.index(used)] ^= 1 << rng.below(8);
                }
            }
            Decay::Zeroed => bytes.fill(0),
            Decay::Rubbish => rng.fill(&mut bytes),
            Decay::Unreadable => _ = self.unreadable.insert(sector),
        }
        overlay(&mut self.media, self.sector_bytes, sector, &bytes);
        if !self.dirty.contains_key(&sector) {
            overlay(&mut self.cache, self.sector_bytes, sector, &bytes);
        }
        (bytes[..used] != old[..used] || decay == Decay::Unreadable).then_some(start)
    }

    /// The sectors on the medium, for the graveyard.
    pub(super) fn remains(&self) -> impl Iterator<Item = Box<[u8]>> + '_ {
        let sectors = self.sectors(0, self.media.len());
        sectors.map(|sector| get(&self.media, self.sector_bytes, sector))
    }

    /// The unsynced changes' numbers, the first and the last.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = u64> + '_ {
        let data = self.dirty.values().flatten().map(|version| version.order);
        data.chain(self.lens.iter().map(|&(order, _)| order))
    }

    /// The length that survives: that of the last change that does.
    fn surviving_len(&self, rng: &mut Rng, fate: &Fate) -> usize {
        let kept = self.lens.iter().rev().find(|&&(order, _)| fate.keeps(rng, order));
        kept.map_or(self.media.len(), |&(_, len)| len)
    }

    /// Keeps the sector as it is in the cache now, as one that a crash may leave.
    fn remember(&mut self, sector: u64, order: u64) {
        let bytes = get(&self.cache, self.sector_bytes, sector);
        let versions = self.dirty.entry(sector).or_default();
        if versions.len() == VERSIONS_MAX {
            versions.remove(0);
        }
        versions.push(Version { order, bytes });
    }

    /// The sectors that a range of bytes touches.
    fn sectors(&self, offset: usize, len: usize) -> std::ops::Range<u64> {
        if len == 0 {
            return 0..0;
        }
        let first = offset / self.sector_bytes;
        first as u64..(offset + len).div_ceil(self.sector_bytes) as u64
    }
}

/// A whole sector, padded with zeros.
fn get(bytes: &[u8], sector_bytes: usize, sector: u64) -> Box<[u8]> {
    let start = (sector as usize * sector_bytes).min(bytes.len());
    let end = (start + sector_bytes).min(bytes.len());
    let mut whole = vec![0; sector_bytes].into_boxed_slice();
    whole[..end - start].copy_from_slice(&bytes[start..end]);
    whole
}

/// Puts a whole sector, growing the bytes as needed.
fn put(bytes: &mut Vec<u8>, sector_bytes: usize, sector: u64, whole: &[u8]) {
    let start = sector as usize * sector_bytes;
    if bytes.len() < start + sector_bytes {
        bytes.resize(start + sector_bytes, 0);
    }
    bytes[start..start + sector_bytes].copy_from_slice(whole);
}

/// Puts what of a sector lies within the bytes.
fn overlay(bytes: &mut [u8], sector_bytes: usize, sector: u64, whole: &[u8]) {
    let start = (sector as usize * sector_bytes).min(bytes.len());
    let end = (start + sector_bytes).min(bytes.len());
    bytes[start..end].copy_from_slice(&whole[..end - start]);
}
