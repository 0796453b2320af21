//! A file of the real directory.

use std::fs::{File, TryLockError};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;

use super::{DiskFile, fill};

/// A file of an [`OsDisk`](super::OsDisk).
#[derive(Debug)]
pub struct OsFile {
    file: File,
}

/// A lock of an [`OsDisk`](super::OsDisk).
#[derive(Debug)]
pub struct OsLock(File);

impl Drop for OsLock {
    fn drop(&mut self) {
        // To close it is not enough: a process that was begun just now may still have it too, until
        // its program runs.
        _ = self.0.unlock();
    }
}

impl OsFile {
    pub(super) fn new(file: File) -> Self {
        Self { file }
    }

    /// The file as a lock, if nobody else holds it.
    pub(super) fn into_lock(self) -> io::Result<Option<OsLock>> {
        match self.file.try_lock() {
            Ok(()) => Ok(Some(OsLock(self.file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn read_part(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return self.file.read_at(bytes, offset);
        #[cfg(windows)]
        return self.file.seek_read(bytes, offset);
    }

    fn write_part(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return self.file.write_at(bytes, offset);
        #[cfg(windows)]
        return self.file.seek_write(bytes, offset);
    }
}

impl DiskFile for OsFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_part(&mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.write_part(&bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            use rustix::io::Errno;
            if len == 0 {
                return Ok(());
            }
            loop {
                match fallocate(&self.file, FallocateFlags::empty(), 0, len) {
                    Ok(()) => return Ok(()),
                    Err(Errno::INTR) => {}
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        fill(self, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// fdatasync(2); on macOS the fcntl that also empties the drive's cache.
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
