//! A simulated disk's topmost directory as `treenail-store` wants it.

use std::io;
use std::path::Path;

use treenail_store::disk::{Access, Disk, DiskFile};

use crate::disk;

/// The topmost directory of a simulated disk.
#[derive(Clone, Debug)]
pub struct Dir {
    disk: disk::Disk,
}

impl Dir {
    /// The directory of this disk.
    pub fn new(disk: disk::Disk) -> Self {
        Self { disk }
    }
}

impl Disk for Dir {
    type File = disk::File;
    type Lock = disk::Lock;

    fn open(&self, name: &str, access: Access) -> io::Result<disk::File> {
        let access = match access {
            Access::Read => disk::Access::Read,
            Access::Write => disk::Access::Write,
        };
        Ok(self.disk.open(name, access)?)
    }

    fn create(&self, name: &str) -> io::Result<disk::File> {
        Ok(self.disk.create(name)?)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.disk.list("")?.into_iter();
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(self.disk.rename(from, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(self.disk.remove(name)?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(self.disk.sync_dir("")?)
    }

    fn lock(&self, name: &str) -> io::Result<Option<disk::Lock>> {
        Ok(self.disk.lock(name)?)
    }

    fn path(&self) -> &Path {
        Path::new("log")
    }
}

impl DiskFile for disk::File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(Self::read_at(self, bytes, offset)?)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        Ok(Self::write_at(self, bytes, offset)?)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        Ok(Self::allocate(self, len)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(Self::set_len(self, len)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(Self::sync(self)?)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(Self::len(self)?)
    }
}
