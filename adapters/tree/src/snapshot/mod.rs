//! Snapshot files: a tree with its ids, mapped into memory and readable at once.

mod layout;
mod restore;
mod verify;
mod write;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use treenail_hash::{Hash, Xxh128};
use treenail_os::Stat;

use crate::error::{Error, ErrorKind};
use crate::ids::IdKind;
use crate::view::{Counts, Entry, View};
use layout::{
    DIR_LISTED, HEADER_BYTES, HEADER_CHECKSUM_AT, Header, Layout, MAGIC, NONE, OWNER_BYTES,
    StatFields, UnknownIds, VERSION,
};

/// A snapshot file.
///
/// [`open`](Self::open) checks the header alone, so it costs the same for any size. Whoever does
/// not know where the file has been calls [`verify`](Self::verify) once, which checks every byte;
/// reading a damaged file that was not verified yields wrong entries, never a crash.
///
/// The file is mapped: treenail itself only ever replaces snapshots, and a program that truncates
/// one in place while it is open makes the system end this process (SIGBUS).
pub struct Snapshot {
    bytes: Bytes,
    path: PathBuf,
    header: Header,
    layout: Layout,
}

enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Snapshot {
    /// Opens a snapshot, checking its header and its length.
    ///
    /// # Errors
    /// If the file cannot be read, is no snapshot, is damaged in the header, shorter or longer than
    /// it says, or made by a later version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let cannot_open = |error| Error::io(path, "cannot open the snapshot", error);
        // To open a named pipe would wait for whoever writes to it.
        if !fs::metadata(path).map_err(cannot_open)?.is_file() {
            return Err(Error::new(ErrorKind::NotASnapshot, path, "not a regular file"));
        }
        let file = File::open(path).map_err(cannot_open)?;
        // SAFETY: the map is read only, and every read copies plain bytes out of it, for which any
        // value is valid. Other processes could still write to the file: the type's text says what
        // that means, and no reference into the map outlives a call in a form that assumes more.
        let map = unsafe { Mmap::map(&file) };
        let map = map.map_err(|e| Error::io(path, "cannot map the snapshot", e))?;
        Self::new(Bytes::Mapped(map), path)
    }

    /// A snapshot from the bytes of a file, checked as [`open`](Self::open) does; `path` is for
    /// messages.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, Error> {
        Self::new(Bytes::Owned(bytes), path)
    }

    fn new(bytes: Bytes, path: &Path) -> Result<Self, Error> {
        let header = check_header(bytes.as_slice(), path)?;
        let layout = Layout::new(&header)
            .filter(|layout| layout.end as u64 == header.file_bytes)
            .ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, path, "the header contradicts itself")
        })?;
        Ok(Self { bytes, path: path.to_owned(), header, layout })
    }

    /// What the tree held.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.header.counts
    }

    /// The stat of the root directory itself.
    #[must_use]
    pub fn root_stat(&self) -> Stat {
        self.header.root_stat
    }

    /// Whether files that git ignores were left out.
    #[must_use]
    pub fn gitignore(&self) -> bool {
        self.header.gitignore
    }

    /// The file that this is, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn u32(&self, section: usize, index: u32) -> u32 {
        let at = section + 4 * index as usize;
        self.bytes
            .as_slice()
            .get(at..at + 4)
            .map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
    }

    fn u64(&self, section: usize, index: u32) -> u64 {
        let at = section + 8 * index as usize;
        self.bytes
            .as_slice()
            .get(at..at + 8)
            .map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes")))
    }

    fn u16(&self, section: usize, index: u32) -> u16 {
        let at = section + 2 * index as usize;
        self.bytes
            .as_slice()
            .get(at..at + 2)
            .map_or(0, |bytes| u16::from_le_bytes(bytes.try_into().expect("2 bytes")))
    }

    fn dir_flags(&self, dir: u32) -> u8 {
        let flags = self.bytes.as_slice().get(self.layout.dir_flags + dir as usize);
        flags.filter(|_| dir < self.header.dirs).copied().unwrap_or_default()
    }

    fn name(&self, entry: u32) -> &[u8] {
        let end = self.u32(self.layout.name_end, entry) as usize;
        let start = match entry {
            0 => 0,
            _ => self.u32(self.layout.name_end, entry - 1) as usize,
        };
        let names = self.header.names_bytes as usize;
        let names = &self.bytes.as_slice()[self.layout.names..self.layout.names + names];
        names.get(start..end).unwrap_or_default()
    }

    fn stat(&self, entry: u32) -> Stat {
        let layout = &self.layout;
        let owner = self.u32(layout.owner, entry).min(self.header.owners.saturating_sub(1));
        let owner_at = layout.owners + OWNER_BYTES * owner as usize;
        StatFields {
            mode: self.u16(layout.mode, entry),
            size_bytes: self.u64(layout.size, entry),
            mtime_ns: self.u64(layout.mtime, entry) as i64,
            ctime_ns: self.u64(layout.ctime, entry) as i64,
            inode: self.u64(layout.inode, entry),
            nlink: self.u32(layout.nlink, entry),
            device: self.u64(owner_at, 0),
            uid: self.u32(owner_at, 2),
            gid: self.u32(owner_at, 3),
        }
        .into()
    }

    fn child(&self, entry: u32) -> Option<u32> {
        let child = self.u32(self.layout.child, entry);
        (child != NONE && child < self.header.dirs).then_some(child)
    }

    fn id(&self, entry: u32) -> Option<&[u8]> {
        let kind = self.header.ids?;
        let bytes = self.bytes.as_slice();
        let known = bytes.get(self.layout.ids_known + entry as usize / 8)? >> (entry % 8) & 1;
        let at = self.layout.ids + kind.slot_bytes() * entry as usize;
        let len = match self.child(entry) {
            Some(_) => kind.digest_bytes,
            None => kind.id_bytes,
        };
        if known == 1 { bytes.get(at..at + usize::from(len)) } else { None }
    }

    fn entry(&self, entry: u32) -> Entry<'_, u32> {
        let (stat, child) = (self.stat(entry), self.child(entry));
        Entry { name: self.name(entry), stat, id: self.id(entry), child }
    }
}

impl View for Snapshot {
    type Dir = u32;

    fn ids(&self) -> Option<IdKind> {
        self.header.ids
    }

    fn root(&self) -> u32 {
        0
    }

    fn root_digest(&self) -> Option<&[u8]> {
        let digest = self.header.root_digest.as_ref()?;
        Some(&digest[..usize::from(self.header.ids?.digest_bytes)])
    }

    fn entries(&self, dir: u32) -> impl Iterator<Item = Entry<'_, u32>> {
        let range = match dir < self.header.dirs {
            true => self.u32(self.layout.dir_first, dir)..self.u32(self.layout.dir_first, dir + 1),
            false => 0..0,
        };
        (range.start..range.end.min(self.header.entries)).map(|entry| self.entry(entry))
    }

    fn is_listed(&self, dir: u32) -> bool {
        self.dir_flags(dir) & DIR_LISTED != 0
    }

    fn taken_ns(&self) -> i64 {
        self.header.taken_ns
    }
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Checks what can be checked in constant time.
fn check_header(bytes: &[u8], path: &Path) -> Result<Header, Error> {
    let error = |kind, message: &str| Err(Error::new(kind, path, message));
    if !bytes.starts_with(&MAGIC) {
        return error(ErrorKind::NotASnapshot, "not a treenail snapshot");
    }
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return error(ErrorKind::Truncated, "the snapshot ends within its header");
    };
    let version = u32::from_le_bytes(header[8..12].try_into().expect("4 bytes"));
    if version > VERSION {
        let message = format!("the snapshot has version {version}; this treenail reads {VERSION}");
        return error(ErrorKind::Newer, &message);
    }
    if Xxh128::hash(&header[..HEADER_CHECKSUM_AT]) != header[HEADER_CHECKSUM_AT..] {
        return error(ErrorKind::Corrupt, "the snapshot's header is damaged");
    }
    let header = match Header::decode(header) {
        Ok(header) => header,
        Err(UnknownIds(name)) => {
            let message = format!("the snapshot holds ids of an unknown kind, {name:?}");
            return error(ErrorKind::Newer, &message);
        }
    };
    let (says, has) = (header.file_bytes, bytes.len() as u64);
    if has < says {
        let message = format!("the snapshot is truncated: {has} of {says} bytes");
        return error(ErrorKind::Truncated, &message);
    }
    if has > says {
        let message = format!("{} bytes follow the end of the snapshot", has - says);
        return error(ErrorKind::Corrupt, &message);
    }
    Ok(header)
}
