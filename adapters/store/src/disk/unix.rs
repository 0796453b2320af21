//! The real directory, on systems that open files relative to one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};
#[cfg(target_os = "linux")]
use rustix::io::Errno;

use super::{Access, Disk, DiskFile, check_name};

/// A directory of the file system, held open: whoever moves it elsewhere moves the log.
#[derive(Debug)]
pub struct OsDisk {
    dir: File,
    path: PathBuf,
}

impl OsDisk {
    /// Opens a directory that exists.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let dir = File::open(path)?;
        if !dir.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Opens a directory, making it first if there is none; its parent must exist.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> io::Result<Self> {
        match fs::create_dir(path) {
            // Without the name in its parent nothing inside would survive.
            Ok(()) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
                _ => File::open(".")?.sync_all()?,
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Self::open(path)
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<OsFile> {
        check_name(name)?;
        // Links are not followed: nothing in this directory may lead to a file outside.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = openat(&self.dir, name, flags, Mode::from_raw_mode(0o666))?;
        Ok(OsFile { file: fd.into() })
    }
}

impl Disk for OsDisk {
    type File = OsFile;
    type Lock = File;

    fn open(&self, name: &str, access: Access) -> io::Result<OsFile> {
        self.open_file(
            name,
            match access {
                Access::Read => OFlags::RDONLY,
                Access::Write => OFlags::RDWR,
            },
        )
    }

    fn create(&self, name: &str) -> io::Result<OsFile> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            match entry?.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_name(from)?;
        check_name(to)?;
        Ok(renameat(&self.dir, from, &self.dir, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_name(name)?;
        Ok(unlinkat(&self.dir, name, AtFlags::empty())?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.dir.sync_all()
    }

    fn lock(&self, name: &str) -> io::Result<Option<File>> {
        let OsFile { file } = self.open_file(name, OFlags::RDWR | OFlags::CREATE)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// A file of an [`OsDisk`].
#[derive(Debug)]
pub struct OsFile {
    file: File,
}

impl DiskFile for OsFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.file.read_at(&mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
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
        super::fill(self, len)
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
