//! The real directory, on systems that open files relative to one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};

use super::{Access, Disk, OsFile, OsLock, check_name};

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
        Ok(OsFile::new(fd.into()))
    }
}

impl Disk for OsDisk {
    type File = OsFile;
    type Lock = OsLock;

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

    fn lock(&self, name: &str) -> io::Result<Option<OsLock>> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE)?.into_lock()
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
