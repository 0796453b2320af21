//! Mounts that come and go below the root, of which no directory tells: what is mounted over one
//! hides it, and is not watched.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::name::bytes_of;

const TABLE: &str = "/proc/self/mountinfo";

/// The system's table of mounts.
pub(super) struct MountTable {
    /// Becomes ready when the table changes, for who waits; asking takes the readiness away.
    bell: File,
    /// The same, asked only here.
    table: File,
    /// Path of the root, as the table has it.
    root: Vec<u8>,
    below: BTreeSet<(u64, Vec<u8>)>,
}

impl MountTable {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = bytes_of(std::fs::canonicalize(root)?.as_os_str()).to_vec();
        let (bell, table) = (File::open(TABLE)?, File::open(TABLE)?);
        let mut opened = Self { bell, table, root, below: BTreeSet::new() };
        opened.has_changed()?;
        opened.below = opened.look()?;
        Ok(opened)
    }

    /// Whether mounts at or below the root came or went since the last call.
    pub(super) fn have_changed(&mut self) -> io::Result<bool> {
        if !self.has_changed()? {
            return Ok(false);
        }
        let now = self.look()?;
        let changed = now != self.below;
        self.below = now;
        Ok(changed)
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Whether anything in the table is different, here or elsewhere.
    fn has_changed(&self) -> io::Result<bool> {
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut files = [PollFd::new(&self.table, PollFlags::PRI)];
        match poll(&mut files, Some(&none)) {
            // Next time.
            Err(Errno::INTR) => Ok(false),
            ready => Ok(ready? > 0),
        }
    }

    fn look(&mut self) -> io::Result<BTreeSet<(u64, Vec<u8>)>> {
        let mut text = Vec::new();
        self.table.rewind()?;
        self.table.read_to_end(&mut text)?;
        Ok(mounts_below(&text, &self.root))
    }
}

/// Number and path of each mount in the table that lies at or below `root`.
fn mounts_below(table: &[u8], root: &[u8]) -> BTreeSet<(u64, Vec<u8>)> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let mount = |line: &[u8]| {
        let mut fields = line.split(|&b| b == b' ');
        let number = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let path = unescape(fields.nth(3)?);
        let rest = path.strip_prefix(root)?;
        rest.first().is_none_or(|&b| b == b'/').then_some((number, path))
    };
    table.split(|&b| b == b'\n').filter_map(mount).collect()
}

/// Undoes `\ooo`, as which the table has blanks and backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk().filter(|_| *first == b'\\');
        match digits {
            Some([a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7']) => {
                path.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = &after[3..];
            }
            _ => {
                path.push(*first);
                rest = after;
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"21 1 0:5 / / rw - ext4 /dev/a rw\n\
        30 21 0:6 / /a\\040b rw,nosuid shared:3 - tmpfs x rw\n\
        31 30 0:7 /sub /a\\040b/c\\134 rw - tmpfs y rw\n\
        32 21 0:8 / /a\\040bc rw - tmpfs z rw\n\
        not a line\n";

    fn numbers(root: &[u8]) -> Vec<u64> {
        mounts_below(TABLE, root).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn mounts_at_and_below_a_root_are_found_by_whole_names() {
        assert_eq!(numbers(b"/a b"), [30, 31]);
        assert_eq!(numbers(b"/"), [21, 30, 31, 32]);
        assert_eq!(numbers(b"/a"), [0_u64; 0]);
        let c = mounts_below(TABLE, b"/a b/c\\");
        assert_eq!(c.into_iter().collect::<Vec<_>>(), [(31, b"/a b/c\\".to_vec())]);
    }
}
