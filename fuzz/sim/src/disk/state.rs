//! The disk's inside: calls are let through, refused or cut short here.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use super::calls::edit;
use super::error::Error;
use super::fate::Fate;
use super::faults::{Decay, DiskFaults, DiskSettings};
use super::file::{File, Wreck};
use super::names::{Change, Edit, Inode, Names, ROOT};
use super::{Access, Crash, Damage, Injected};
use crate::rng::{Chance, Rng};
use crate::time::{Time, draw};
use crate::trace::Trace;

/// Sectors of removed files that are remembered.
const GRAVEYARD_MAX: usize = 64;

/// The largest file, lest a wild offset take the memory of the machine that simulates.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 32;

#[derive(Debug)]
pub(super) struct State {
    settings: DiskSettings,
    pub(super) faults: DiskFaults,
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    pub(super) names: Names,
    pub(super) files: BTreeMap<Inode, Node>,
    pub(super) handles: BTreeMap<u64, Handle>,
    pub(super) locks: BTreeSet<Inode>,
    graveyard: Vec<Box<[u8]>>,
    inodes: Inode,
    handle_count: u64,
    /// Numbers changes in the order in which they were made.
    order: u64,
    calls: u64,
    stop_at: Option<u64>,
    stopped: bool,
    pub(super) boot: u64,
    pub(super) used_sectors: u64,
    elapsed: Duration,
    pub(super) injected: Injected,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) file: File,
    pub(super) modified: Time,
}

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) inode: Inode,
    pub(super) access: Access,
    pub(super) path: OsString,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does its work.
    Go,
    /// It does a part of it and fails so.
    Cut(Error),
}

impl State {
    pub(super) fn new(settings: DiskSettings, faults: DiskFaults, rng: Rng, trace: Trace) -> Self {
        Self {
            settings,
            faults,
            rng,
            trace,
            names: Names::new(),
            files: BTreeMap::new(),
            handles: BTreeMap::new(),
            locks: BTreeSet::new(),
            graveyard: Vec::new(),
            inodes: ROOT,
            handle_count: 0,
            order: 0,
            calls: 0,
            stop_at: None,
            stopped: false,
            boot: 0,
            used_sectors: 0,
            elapsed: Duration::ZERO,
            injected: Injected::default(),
        }
    }

    pub(super) fn restart(&mut self, crash: Crash) {
        if crash == Crash::Power {
            self.lose_power();
            self.rot();
        }
        self.handles.clear();
        self.locks.clear();
        self.stopped = false;
        self.stop_at = None;
        self.boot += 1;
        self.bury();
        let kept = self.files.iter().filter(|(inode, _)| self.names.is_linked(**inode));
        self.used_sectors = kept.map(|(_, node)| node.file.taken() as u64).sum();
    }

    fn lose_power(&mut self) {
        let files = self.files.values().flat_map(|node| node.file.unsynced());
        let first = files.chain(self.names.unsynced()).min().unwrap_or(self.order);
        let fate = Fate::draw(&mut self.rng, first, self.order);
        self.trace.event(format_args!("disk: power lost, left: {fate:?} of {first}.."));
        let wreck = Wreck {
            fate: &fate,
            tear: self.faults.tear,
            stale: self.faults.stale,
            graveyard: &self.graveyard,
        };
        for node in self.files.values_mut() {
            node.file.crash(&mut self.rng, &wreck);
        }
        self.names.crash(&mut self.rng, &fate);
    }

    fn rot(&mut self) {
        if !self.rng.happens(self.faults.rot) {
            return;
        }
        for _ in 0..=self.rng.below(3) {
            let files = self.names.walk();
            let files: Vec<_> =
                files.iter().filter(|(_, inode)| self.files.contains_key(inode)).collect();
            if files.is_empty() {
                return;
            }
            let (path, inode) = self.rng.pick(&files);
            let decay = *self.rng.pick(&Decay::ALL);
            let Some(node) = self.files.get_mut(inode) else { continue };
            if let Some(offset) = node.file.rot(&mut self.rng, decay) {
                let damage = Damage { path: path.clone(), offset: offset as u64, decay };
                self.trace.event(format_args!("disk: rot {damage:?}"));
                self.injected.damage.push(damage);
            }
        }
    }

    pub(super) fn snapshot(&self) -> Vec<(OsString, Vec<u8>)> {
        let files = self.names.walk().into_iter();
        let content = |inode| self.files.get(&inode).map(|node| node.file.content().to_vec());
        files.filter_map(|(path, inode)| Some((path, content(inode)?))).collect()
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn stop_after(&mut self, calls: Option<u64>) {
        self.stop_at = calls.map(|calls| self.calls.saturating_add(calls).saturating_add(1));
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn boot(&self) -> u64 {
        self.boot
    }

    pub(super) fn set_faults(&mut self, faults: DiskFaults) {
        self.faults = faults;
    }

    pub(super) fn set_capacity(&mut self, bytes: u64) {
        self.settings.capacity_bytes = bytes;
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_sectors * self.settings.sector_bytes as u64
    }

    pub(super) fn injected(&self) -> &Injected {
        &self.injected
    }

    pub(super) fn take_elapsed(&mut self) -> Duration {
        std::mem::take(&mut self.elapsed)
    }

    /// Counts a call and decides what becomes of it.
    pub(super) fn enter(&mut self, fails: Chance) -> Result<Verdict, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        self.calls += 1;
        self.elapsed += draw(&mut self.rng, &self.settings.call_ns);
        if self.rng.happens(self.settings.stall) {
            self.elapsed += draw(&mut self.rng, &self.settings.stall_ns);
        }
        if self.stop_at == Some(self.calls) {
            self.stopped = true;
            self.trace.event(format_args!("disk: stopped within call {}", self.calls));
            return Ok(Verdict::Cut(Error::Stopped));
        }
        if self.rng.happens(fails) {
            self.injected.errors += 1;
            return Ok(Verdict::Cut(Error::Io));
        }
        Ok(Verdict::Go)
    }

    /// As [`State::enter`], for calls that cannot be done in part.
    pub(super) fn enter_whole(&mut self, fails: Chance) -> Result<(), Error> {
        let verdict = self.enter(fails)?;
        self.finish(verdict)
    }

    pub(super) fn enter_sync(&mut self) -> Result<Verdict, Error> {
        let verdict = self.enter(self.faults.sync_error)?;
        self.elapsed += draw(&mut self.rng, &self.settings.sync_ns);
        Ok(verdict)
    }

    /// Ends a call about names that is cut short: an error means nothing was done, and a machine
    /// that stops may have done it.
    pub(super) fn may_happen(&mut self, verdict: Verdict) -> Result<(), Error> {
        match verdict {
            Verdict::Cut(Error::Stopped) if self.rng.coin() => Ok(()),
            verdict => self.finish(verdict),
        }
    }

    pub(super) fn finish(&self, verdict: Verdict) -> Result<(), Error> {
        match verdict {
            Verdict::Go => Ok(()),
            Verdict::Cut(error) => Err(error),
        }
    }

    pub(super) fn add_file(&mut self, dir: Inode, name: &OsStr) -> Inode {
        let inode = self.next_inode();
        let file = File::new(self.settings.sector_bytes);
        self.files.insert(inode, Node { file, modified: self.trace.now() });
        self.change(vec![inode], vec![edit(dir, name, Some(inode))]);
        inode
    }

    pub(super) fn change(&mut self, inodes: Vec<Inode>, edits: Vec<Edit>) {
        let order = self.next_order();
        let shown: Vec<Inode> = inodes.clone();
        self.names.change(Change { order, inodes, edits });
        for inode in shown {
            self.release(inode);
        }
    }

    /// Gives back the space of a file that has neither name nor handle. A crash may still bring
    /// it back, so its content stays until none can.
    pub(super) fn release(&mut self, inode: Inode) {
        let open = self.handles.values().any(|handle| handle.inode == inode);
        if open || self.names.is_linked(inode) {
            return;
        }
        if let Some(node) = self.files.get(&inode) {
            self.used_sectors = self.used_sectors.saturating_sub(node.file.taken() as u64);
        }
    }

    /// Forgets files that nobody can reach any more; their sectors may turn up in others.
    fn bury(&mut self) {
        let reachable = self.names.reachable();
        let graveyard = &mut self.graveyard;
        self.files.retain(|inode, node| {
            let keep = reachable.contains(inode);
            if !keep {
                let wanted = GRAVEYARD_MAX.saturating_sub(graveyard.len());
                graveyard.extend(node.file.remains().take(wanted));
            }
            keep
        });
    }

    pub(super) fn handle(&mut self, inode: Inode, access: Access, path: &Path) -> u64 {
        self.handle_count += 1;
        let path = path.as_os_str().to_owned();
        self.handles.insert(self.handle_count, Handle { inode, access, path });
        self.handle_count
    }

    pub(super) fn free_sectors(&self) -> u64 {
        let all = self.settings.capacity_bytes / self.settings.sector_bytes as u64;
        all.saturating_sub(self.used_sectors)
    }

    pub(super) fn next_inode(&mut self) -> Inode {
        self.inodes += 1;
        self.inodes
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }
}
