//! The calls of a disk, each let through, refused or cut short.

use std::ffi::{OsStr, OsString};
use std::fmt::Arguments;
use std::path::Path;

use super::error::Error;
use super::file::FailedSync;
use super::names::{Edit, Inode};
use super::state::{FILE_BYTES_MAX, State, Verdict};
use super::{Access, Stat};
use crate::rng::Chance;
use crate::time::Time;

/// What a write puts into a file.
pub(super) enum Content<'a> {
    Bytes(&'a [u8]),
    /// Zeros up to the offset, for which space is taken.
    Space,
}

impl State {
    pub(super) fn open(&mut self, path: &Path, access: Access) -> Result<u64, Error> {
        let result = self.try_open(path, access);
        self.note(format_args!("open {}", path.display()), &result);
        result
    }

    fn try_open(&mut self, path: &Path, access: Access) -> Result<u64, Error> {
        self.enter_whole(self.faults.name_error)?;
        let inode = self.names.find(path)?;
        if self.names.is_dir(inode) {
            return Err(Error::IsADirectory);
        }
        Ok(self.handle(inode, access, path))
    }

    pub(super) fn create(&mut self, path: &Path) -> Result<u64, Error> {
        let result = self.try_create(path);
        self.note(format_args!("create {}", path.display()), &result);
        result
    }

    fn try_create(&mut self, path: &Path) -> Result<u64, Error> {
        let verdict = self.enter(self.faults.name_error)?;
        let (dir, name) = self.free_name(path)?;
        self.may_happen(verdict)?;
        let inode = self.add_file(dir, name);
        self.finish(verdict)?;
        Ok(self.handle(inode, Access::Write, path))
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> Result<(), Error> {
        let result = self.try_create_dir(path);
        self.note(format_args!("create_dir {}", path.display()), &result);
        result
    }

    fn try_create_dir(&mut self, path: &Path) -> Result<(), Error> {
        let verdict = self.enter(self.faults.name_error)?;
        let (dir, name) = self.free_name(path)?;
        self.may_happen(verdict)?;
        let inode = self.next_inode();
        self.names.add_dir(inode);
        self.change(vec![inode], vec![edit(dir, name, Some(inode))]);
        self.finish(verdict)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let result = self.try_rename(from, to);
        self.note(format_args!("rename {} {}", from.display(), to.display()), &result);
        result
    }

    fn try_rename(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let verdict = self.enter(self.faults.name_error)?;
        let moved = self.names.find(from)?;
        let (from_dir, from_name) = self.names.parent(from)?;
        let (to_dir, to_name) = self.names.parent(to)?;
        if self.names.is_dir(moved) && to.starts_with(from) && to != from {
            return Err(Error::Refused);
        }
        let mut inodes = vec![moved];
        if let Ok(replaced) = self.names.find(to) {
            self.may_replace(moved, replaced)?;
            if replaced == moved {
                return self.finish(verdict);
            }
            inodes.push(replaced);
        }
        if self.names.is_dir(moved) && from_dir != to_dir {
            inodes.extend([from_dir, to_dir]);
        }
        self.may_happen(verdict)?;
        let edits = vec![edit(from_dir, from_name, None), edit(to_dir, to_name, Some(moved))];
        self.change(inodes, edits);
        self.finish(verdict)
    }

    pub(super) fn exchange(&mut self, one: &Path, other: &Path) -> Result<(), Error> {
        let result = self.try_exchange(one, other);
        self.note(format_args!("exchange {} {}", one.display(), other.display()), &result);
        result
    }

    fn try_exchange(&mut self, one: &Path, other: &Path) -> Result<(), Error> {
        let verdict = self.enter(self.faults.name_error)?;
        let inodes = [self.names.find(one)?, self.names.find(other)?];
        let (dir, name) = self.names.parent(one)?;
        let (other_dir, other_name) = self.names.parent(other)?;
        let nested = one.starts_with(other) || other.starts_with(one);
        if nested && inodes[0] != inodes[1] {
            return Err(Error::Refused);
        }
        self.may_happen(verdict)?;
        let edits =
            vec![edit(dir, name, Some(inodes[1])), edit(other_dir, other_name, Some(inodes[0]))];
        self.change(inodes.to_vec(), edits);
        self.finish(verdict)
    }

    pub(super) fn remove(&mut self, path: &Path) -> Result<(), Error> {
        let result = self.try_remove(path);
        self.note(format_args!("remove {}", path.display()), &result);
        result
    }

    fn try_remove(&mut self, path: &Path) -> Result<(), Error> {
        let verdict = self.enter(self.faults.name_error)?;
        let inode = self.names.find(path)?;
        let (dir, name) = self.names.parent(path)?;
        if self.names.has_entries(inode) {
            return Err(Error::NotEmpty);
        }
        self.may_happen(verdict)?;
        self.change(vec![inode], vec![edit(dir, name, None)]);
        self.finish(verdict)
    }

    pub(super) fn list(&mut self, path: &Path) -> Result<Vec<OsString>, Error> {
        self.enter_whole(self.faults.read_error)?;
        let dir = self.names.find(path)?;
        let names = self.names.list(dir).ok_or(Error::NotADirectory)?;
        let mut names: Vec<OsString> = names.cloned().collect();
        self.rng.shuffle(&mut names);
        Ok(names)
    }

    pub(super) fn stat(&mut self, path: &Path) -> Result<Stat, Error> {
        self.enter_whole(self.faults.read_error)?;
        let inode = self.names.find(path)?;
        let node = self.files.get(&inode);
        Ok(Stat {
            inode,
            is_dir: node.is_none(),
            len_bytes: node.map_or(0, |node| node.file.len() as u64),
            modified: node.map_or(Time::ZERO, |node| node.modified),
        })
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> Result<(), Error> {
        let result = self.try_sync_dir(path);
        self.note(format_args!("sync_dir {}", path.display()), &result);
        result
    }

    fn try_sync_dir(&mut self, path: &Path) -> Result<(), Error> {
        let verdict = self.enter_sync()?;
        let dir = self.names.find(path)?;
        if !self.names.is_dir(dir) {
            return Err(Error::NotADirectory);
        }
        match verdict {
            Verdict::Go if self.lies() => {}
            Verdict::Go => self.names.sync(dir),
            Verdict::Cut(Error::Stopped) => {
                if self.rng.coin() {
                    self.names.sync(dir);
                }
            }
            Verdict::Cut(_) => {
                let forget = self.rng.happens(self.faults.forget_names);
                self.injected.forgotten += u64::from(forget);
                self.names.sync_badly(dir, forget);
            }
        }
        self.finish(verdict)
    }

    pub(super) fn lock(&mut self, path: &Path) -> Result<Option<Inode>, Error> {
        let result = self.try_lock(path);
        self.note(format_args!("lock {}", path.display()), &result);
        result
    }

    fn try_lock(&mut self, path: &Path) -> Result<Option<Inode>, Error> {
        self.enter_whole(self.faults.name_error)?;
        let inode = match self.names.find(path) {
            Ok(inode) if self.names.is_dir(inode) => return Err(Error::IsADirectory),
            Ok(inode) => inode,
            Err(_) => {
                let (dir, name) = self.free_name(path)?;
                self.add_file(dir, name)
            }
        };
        Ok(self.locks.insert(inode).then_some(inode))
    }

    pub(super) fn read(
        &mut self,
        handle: u64,
        bytes: &mut [u8],
        offset: u64,
    ) -> Result<usize, Error> {
        let result = self.try_read(handle, bytes, offset);
        let path = self.path_of(handle);
        self.note(format_args!("read {} {offset}+{}", path.display(), bytes.len()), &result);
        result
    }

    fn try_read(&mut self, handle: u64, bytes: &mut [u8], offset: u64) -> Result<usize, Error> {
        self.enter_whole(self.faults.read_error)?;
        let inode = self.handles.get(&handle).ok_or(Error::Stopped)?.inode;
        let Some(node) = self.files.get(&inode) else { return Err(Error::Io) };
        // Beyond the end there is nothing, however far.
        let offset = offset.min(FILE_BYTES_MAX) as usize;
        node.file.read(bytes, offset).ok_or(Error::Io)
    }

    pub(super) fn write(
        &mut self,
        handle: u64,
        content: Content<'_>,
        offset: u64,
    ) -> Result<(), Error> {
        let result = self.try_write(handle, &content, offset);
        let path = self.path_of(handle);
        match content {
            Content::Bytes(bytes) => self
                .note(format_args!("write {} {offset}+{}", path.display(), bytes.len()), &result),
            Content::Space => {
                self.note(format_args!("allocate {} {offset}", path.display()), &result);
            }
        }
        result
    }

    fn try_write(&mut self, handle: u64, content: &Content<'_>, offset: u64) -> Result<(), Error> {
        let mut verdict = self.enter(self.faults.write_error)?;
        let inode = self.writable(handle)?;
        let (start, len) = match content {
            Content::Bytes(bytes) => (offset, bytes.len() as u64),
            Content::Space => (0, offset),
        };
        let end = start.checked_add(len).filter(|&end| end <= FILE_BYTES_MAX);
        end.ok_or(Error::NoSpace)?;
        let (start, mut len) = (start as usize, len as usize);
        if verdict != Verdict::Go {
            len = self.rng.index(len + 1);
        }
        let free = self.free_sectors();
        let order = self.next_order();
        let Some(node) = self.files.get_mut(&inode) else { return Err(Error::Io) };
        if node.file.wanted(start, len) as u64 > free {
            self.injected.full += 1;
            verdict = Verdict::Cut(Error::NoSpace);
            let fits = node.file.fitting(start, len, free as usize);
            len = self.rng.index(fits + 1);
        }
        let before = node.file.taken();
        match content {
            Content::Bytes(bytes) => node.file.write(&bytes[..len], start, order),
            Content::Space if verdict == Verdict::Go => node.file.allocate(len, order),
            Content::Space => {}
        }
        node.modified = self.trace.now();
        self.used_sectors += (node.file.taken() - before) as u64;
        self.finish(verdict)
    }

    pub(super) fn set_len(&mut self, handle: u64, len: u64) -> Result<(), Error> {
        let result = self.try_set_len(handle, len);
        let path = self.path_of(handle);
        self.note(format_args!("set_len {} {len}", path.display()), &result);
        result
    }

    fn try_set_len(&mut self, handle: u64, len: u64) -> Result<(), Error> {
        let verdict = self.enter(self.faults.write_error)?;
        let inode = self.writable(handle)?;
        if len > FILE_BYTES_MAX {
            return Err(Error::NoSpace);
        }
        self.may_happen(verdict)?;
        let order = self.next_order();
        let Some(node) = self.files.get_mut(&inode) else { return Err(Error::Io) };
        let before = node.file.taken();
        node.file.set_len(len as usize, order);
        node.modified = self.trace.now();
        self.used_sectors -= (before - node.file.taken()) as u64;
        self.finish(verdict)
    }

    pub(super) fn sync(&mut self, handle: u64) -> Result<(), Error> {
        let result = self.try_sync(handle);
        let path = self.path_of(handle);
        self.note(format_args!("sync {}", path.display()), &result);
        result
    }

    fn try_sync(&mut self, handle: u64) -> Result<(), Error> {
        let verdict = self.enter_sync()?;
        let inode = self.handles.get(&handle).ok_or(Error::Stopped)?.inode;
        let failed = match verdict {
            Verdict::Go if self.lies() => return Ok(()),
            Verdict::Go => None,
            Verdict::Cut(Error::Stopped) => Some(FailedSync { forget: false, evict: false }),
            Verdict::Cut(_) => Some(self.failed_sync()),
        };
        let Some(node) = self.files.get_mut(&inode) else { return Err(Error::Io) };
        match failed {
            None => node.file.sync(),
            Some(failed) => node.file.sync_badly(&mut self.rng, failed),
        }
        self.finish(verdict)
    }

    pub(super) fn len(&mut self, handle: u64) -> Result<u64, Error> {
        self.enter_whole(Chance::NEVER)?;
        let inode = self.handles.get(&handle).ok_or(Error::Stopped)?.inode;
        self.files.get(&inode).map(|node| node.file.len() as u64).ok_or(Error::Io)
    }

    pub(super) fn close(&mut self, handle: u64) {
        if let Some(handle) = self.handles.remove(&handle) {
            self.release(handle.inode);
        }
    }

    pub(super) fn unlock(&mut self, inode: Inode, boot: u64) {
        if boot == self.boot {
            self.locks.remove(&inode);
        }
    }

    fn lies(&mut self) -> bool {
        let lies = self.rng.happens(self.faults.lie);
        self.injected.lies += u64::from(lies);
        lies
    }

    fn failed_sync(&mut self) -> FailedSync {
        let forget = self.rng.happens(self.faults.forget);
        self.injected.forgotten += u64::from(forget);
        FailedSync { forget, evict: self.rng.happens(self.faults.evict) }
    }

    fn free_name<'a>(&self, path: &'a Path) -> Result<(Inode, &'a OsStr), Error> {
        let parent = self.names.parent(path)?;
        match self.names.find(path) {
            Ok(_) => Err(Error::AlreadyExists),
            Err(Error::NotFound) => Ok(parent),
            Err(error) => Err(error),
        }
    }

    fn may_replace(&self, moved: Inode, replaced: Inode) -> Result<(), Error> {
        match (self.names.is_dir(moved), self.names.is_dir(replaced)) {
            (true, false) => Err(Error::NotADirectory),
            (false, true) => Err(Error::IsADirectory),
            _ if moved != replaced && self.names.has_entries(replaced) => Err(Error::NotEmpty),
            _ => Ok(()),
        }
    }

    fn writable(&self, handle: u64) -> Result<Inode, Error> {
        let handle = self.handles.get(&handle).ok_or(Error::Stopped)?;
        if handle.access == Access::Write { Ok(handle.inode) } else { Err(Error::Refused) }
    }

    fn path_of(&self, handle: u64) -> OsString {
        self.handles.get(&handle).map(|handle| handle.path.clone()).unwrap_or_default()
    }

    fn note<T>(&self, call: Arguments<'_>, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.trace.event(format_args!("disk: {call}")),
            Err(error) => self.trace.event(format_args!("disk: {call}: {error}")),
        }
    }
}

pub(super) fn edit(dir: Inode, name: &OsStr, to: Option<Inode>) -> Edit {
    Edit { dir, name: name.to_owned(), to }
}
