//! The files of a directory of segments.
//!
//! A segment is named after the range of numbers that it stands for. One that was put together
//! from others has their whole range, so whoever lists the directory knows what is outdone,
//! whenever the process ended that did it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use treenail_os::{Durability, bytes_of, replace};

use crate::error::Error;

const ENDING: &str = ".trigrams";
const LOCK: &str = "lock";

/// The name of a segment: the first and the last number that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        let (first, last) = name.strip_suffix(ENDING)?.split_once('-')?;
        let number = |digits: &str| u32::from_str_radix(digits, 16).ok();
        let parsed = Self { first: number(first)?, last: number(last)? };
        (parsed.file_name() == name && parsed.first <= parsed.last).then_some(parsed)
    }

    fn file_name(self) -> String {
        format!("{:08x}-{:08x}{ENDING}", self.first, self.last)
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.file_name())
    }

    fn covers(self, other: Self) -> bool {
        self != other && self.first <= other.first && self.last >= other.last
    }
}

/// The segments of a directory, the older before the newer; none if there is no directory.
pub(super) fn list(dir: &Path) -> Result<Vec<Name>, Error> {
    let all = names(dir)?;
    Ok(all.iter().filter(|name| !all.iter().any(|other| other.covers(**name))).copied().collect())
}

fn names(dir: &Path) -> Result<Vec<Name>, Error> {
    let failed = |error| Error::io_at("list the index of contents", dir, error);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        names.extend(name.to_str().and_then(Name::parse));
    }
    names.sort_unstable();
    Ok(names)
}

/// The right to change a directory, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    dir: PathBuf,
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close it is not enough: a process that was begun just now may still have it too.
        _ = self.file.unlock();
    }
}

impl Lock {
    /// Makes the directory if need be, which is the user's own, and locks it.
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io_at("make the index of contents", dir, error);
        make(dir).map_err(failed)?;
        let path = dir.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), file }),
            Err(TryLockError::WouldBlock) => {
                let busy = io::Error::new(io::ErrorKind::ResourceBusy, "another process does so");
                Err(Error::io("refresh the index of contents", bytes_of(dir.as_os_str()), busy))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The name of a segment that is newer than all others.
    pub(super) fn next(&self) -> Result<Name, Error> {
        let last = names(&self.dir)?.iter().map(|name| name.last).max();
        let number = last.map_or(0, |last| last.saturating_add(1));
        Ok(Name { first: number, last: number })
    }

    /// Writes a segment, all at once.
    pub(super) fn write(
        &self,
        name: Name,
        write: impl FnOnce(&mut io::BufWriter<&mut File>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let write = |file: &mut File| {
            let mut out = io::BufWriter::with_capacity(256 << 10, file);
            write(&mut out)
        };
        let written = replace(&name.path(&self.dir), write, Durability::Unsynced);
        written.map_err(|error| {
            let path = bytes_of(error.path().as_os_str()).to_vec();
            Error::io("write the index of contents", path, error.into_source())
        })
    }

    /// Removes what others outdo, and `damaged`.
    pub(super) fn clean(&self, damaged: &[Name]) -> Result<(), Error> {
        let all = names(&self.dir)?;
        for &name in &all {
            // What is damaged outdoes nothing.
            let mut whole = all.iter().filter(|other| !damaged.contains(other));
            let is_outdone = whole.any(|other| other.covers(name));
            if is_outdone || damaged.contains(&name) {
                let path = name.path(&self.dir);
                fs::remove_file(&path)
                    .map_err(|error| Error::io_at("remove the old index", &path, error))?;
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn make(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_segment_stands_for_is_outdone_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["00000000-00000000", "00000001-00000001", "00000000-00000001", "2-2", "x"] {
            fs::write(dir.path().join(format!("{name}{ENDING}")), "").unwrap();
        }
        let all = Name { first: 0, last: 1 };
        assert_eq!(list(dir.path()).unwrap(), [all]);
        let lock = Lock::take(dir.path()).unwrap();
        assert_eq!(lock.next().unwrap(), Name { first: 2, last: 2 });
        lock.clean(&[]).unwrap();
        assert_eq!(names(dir.path()).unwrap(), [all]);
        let busy = Lock::take(dir.path()).unwrap_err();
        assert!(busy.to_string().contains("another process"), "{busy}");
    }
}
