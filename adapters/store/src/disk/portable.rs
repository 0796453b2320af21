//! The real directory, with the standard library's calls alone.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Access, Disk, OsFile, OsLock, check_name};

/// A directory of the file system.
#[derive(Debug)]
pub struct OsDisk {
    path: PathBuf,
}

impl OsDisk {
    /// Opens a directory that exists.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Opens a directory, making it first if there is none; its parent must exist.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> io::Result<Self> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    fn open_file(&self, name: &str, options: &mut OpenOptions) -> io::Result<OsFile> {
        check_name(name)?;
        let path = self.path.join(name);
        // Links are not followed: nothing in this directory may lead to a file outside.
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link"));
        }
        Ok(OsFile::new(options.read(true).open(path)?))
    }
}

impl Disk for OsDisk {
    type File = OsFile;
    type Lock = OsLock;

    fn open(&self, name: &str, access: Access) -> io::Result<OsFile> {
        self.open_file(name, OpenOptions::new().write(access == Access::Write))
    }

    fn create(&self, name: &str) -> io::Result<OsFile> {
        self.open_file(name, OpenOptions::new().write(true).create_new(true))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_name(from)?;
        check_name(to)?;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_name(name)?;
        fs::remove_file(self.path.join(name))
    }

    /// Windows has no such call; its file systems journal the names.
    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Option<OsLock>> {
        self.open_file(name, OpenOptions::new().write(true).create(true).truncate(false))?
            .into_lock()
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
