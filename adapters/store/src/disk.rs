//! The directory that a log lives in: what is asked of it, and the real one.
//!
//! Everything that this crate does to a disk goes through [`Disk`] and [`DiskFile`], so that a
//! simulator can stand in for the system and tear, lose, reorder and refuse as it likes.

mod file;
#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

use std::io;
use std::path::Path;

pub use file::{OsFile, OsLock};
#[cfg(not(unix))]
pub use portable::OsDisk;
#[cfg(unix)]
pub use unix::OsDisk;

/// One directory with files in it. Names are plain: one component, ASCII, never `.` or `..`.
///
/// What survives a crash, and what an implementation may therefore lose:
/// - bytes of a file: those written before a [`DiskFile::sync_data`] that succeeded;
/// - a name (created, renamed, removed): if [`Disk::sync_dir`] succeeded after it;
/// - anything else: in whole, in part or not at all, in any order.
pub trait Disk: Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Holds a lock until it is dropped, or the process is dead.
    type Lock: Send + Sync + 'static;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none of that name; otherwise the system's.
    fn open(&self, name: &str, access: Access) -> io::Result<Self::File>;

    /// Creates an empty file, open for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; otherwise the system's.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// The names of everything in the directory, in no order; those that are not UTF-8 left out.
    ///
    /// # Errors
    /// The system's.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Gives a file another name, at once and in the place of whatever has that name.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none of that name; otherwise the system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every name as it is now durable: those created, renamed and removed before the call.
    ///
    /// # Errors
    /// The system's. The names' durability is then unknown, and a second call proves nothing.
    fn sync_dir(&self) -> io::Result<()>;

    /// Takes an exclusive lock on a name, creating an empty file for it if needed; nothing if
    /// another holder, in this process or another, has it. It goes with its holder's process,
    /// however that dies.
    ///
    /// # Errors
    /// The system's.
    fn lock(&self, name: &str) -> io::Result<Option<Self::Lock>>;

    /// Where the directory is, for messages.
    fn path(&self) -> &Path;
}

/// An open file of a [`Disk`]. Every call may come from any thread.
pub trait DiskFile: Send + Sync + 'static {
    /// Reads at an offset in bytes; fewer bytes than asked for only at the end of the file, none
    /// beyond it.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at an offset in bytes; a gap between the end and it reads as zeros.
    ///
    /// # Errors
    /// The system's; some of the bytes may be written then.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file at least `len` bytes long and takes the space from the disk now, so that
    /// writing below `len` cannot fail for want of it. New bytes read as zeros.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] if there is not enough space; otherwise the system's.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it by zeros without taking space.
    ///
    /// # Errors
    /// The system's.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes what was written before the call durable, and the length with it.
    ///
    /// # Errors
    /// The system's. What was written since the last success may be lost *although the file still
    /// reads well*, and a second call proves nothing: the system forgets such an error.
    fn sync_data(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// The system's.
    fn len(&self) -> io::Result<u64>;

    /// Whether the length is 0.
    ///
    /// # Errors
    /// The system's.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// Refuses whatever is not the plain name of one file.
fn check_name(name: &str) -> io::Result<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if plain && !name.is_empty() && name != "." && name != ".." {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not the plain name of a file"))
}

/// Takes space by filling it, where the system has no better way.
fn fill<F: DiskFile>(file: &F, len: u64) -> io::Result<()> {
    const ZEROS: &[u8] = &[0; 64 << 10];
    let mut at = file.len()?;
    while at < len {
        let part = usize::try_from(len - at).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_at(&ZEROS[..part], at)?;
        at += part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn disk() -> (tempfile::TempDir, OsDisk) {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = OsDisk::open(dir.path()).expect("opened");
        (dir, disk)
    }

    #[test]
    fn what_is_written_is_read_and_listed() {
        let (dir, disk) = disk();
        let file = disk.create("a").expect("created");
        file.write_at(b"hello", 3).expect("written");
        file.sync_data().expect("synced");
        disk.sync_dir().expect("synced");
        assert_eq!(file.len().expect("a length"), 8);
        let mut bytes = [1; 16];
        let again = disk.open("a", Access::Read).expect("opened");
        assert_eq!(again.read_at(&mut bytes, 0).expect("read"), 8);
        assert_eq!(&bytes[..8], b"\0\0\0hello");
        assert_eq!(again.read_at(&mut bytes, 100).expect("read"), 0);
        assert!(again.write_at(b"x", 0).is_err(), "it was opened for reading");
        disk.rename("a", "b").expect("renamed");
        assert_eq!(disk.list().expect("a listing"), ["b"]);
        disk.remove("b").expect("removed");
        assert_eq!(fs::read_dir(dir.path()).expect("a listing").count(), 0);
    }

    #[test]
    fn errors_are_told_apart() {
        let (_dir, disk) = disk();
        let kind = |result: io::Result<_>| result.map(|_: OsFile| ()).expect_err("fails").kind();
        assert_eq!(kind(disk.open("a", Access::Write)), io::ErrorKind::NotFound);
        disk.create("a").expect("created");
        assert_eq!(kind(disk.create("a")), io::ErrorKind::AlreadyExists);
        for name in ["", ".", "..", "a/b", "../a", "a\0", "\u{e4}"] {
            assert_eq!(kind(disk.create(name)), io::ErrorKind::InvalidInput, "{name:?}");
        }
        let none = disk.remove("none").expect_err("fails").kind();
        assert_eq!(none, io::ErrorKind::NotFound);
    }

    #[test]
    fn allocated_space_is_zero_and_never_shortens() {
        let (_dir, disk) = disk();
        let file = disk.create("a").expect("created");
        file.write_at(b"kept", 0).expect("written");
        file.allocate(100_000).expect("allocated");
        file.allocate(10).expect("allocated");
        assert_eq!(file.len().expect("a length"), 100_000);
        let mut bytes = vec![1; 100_000];
        assert_eq!(file.read_at(&mut bytes, 0).expect("read"), 100_000);
        assert!(bytes.starts_with(b"kept") && bytes[4..].iter().all(|&byte| byte == 0));
        file.set_len(2).expect("cut");
        assert_eq!(file.len().expect("a length"), 2);
        fill(&file, 70_000).expect("filled");
        assert_eq!(file.len().expect("a length"), 70_000);
    }

    #[test]
    fn a_lock_is_held_once_until_it_is_dropped() {
        let (dir, disk) = disk();
        let held = disk.lock("lock").expect("no error").expect("free");
        let other = OsDisk::open(dir.path()).expect("opened");
        assert!(other.lock("lock").expect("no error").is_none());
        drop(held);
        assert!(other.lock("lock").expect("no error").is_some());
    }

    #[cfg(unix)]
    #[test]
    fn no_symbolic_link_leads_out_of_the_directory() {
        let (dir, disk) = disk();
        let outside = tempfile::tempdir().expect("a directory");
        let target = outside.path().join("target");
        fs::write(&target, b"precious").expect("written");
        std::os::unix::fs::symlink(&target, dir.path().join("link")).expect("linked");
        assert!(disk.open("link", Access::Write).is_err());
        assert!(disk.create("link").is_err());
        assert!(disk.lock("link").is_err());
    }

    #[test]
    fn a_directory_is_made_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        assert!(OsDisk::open(&path).is_err());
        OsDisk::create(&path).expect("created").create("a").expect("created");
        assert_eq!(OsDisk::create(&path).expect("there").list().expect("a listing"), ["a"]);
    }
}
