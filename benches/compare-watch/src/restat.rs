//! A bare re-stat: what is known of each entry is compared with what its status says now, and a
//! directory whose own status is another is listed again. The least that finds changes without
//! having been there.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use crate::tree::Tree;

/// How many directories a thread takes at a time.
const CHUNK: usize = 16;

/// What is known.
pub(crate) struct Known {
    dirs: Vec<KnownDir>,
}

struct KnownDir {
    /// Below the root; empty for the root.
    name: String,
    path: CString,
    stamp: Stamp,
    entries: Vec<(CString, Stamp)>,
}

/// What of a status changes when the file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Known {
    /// Looks at everything.
    pub(crate) fn of(tree: &Tree) -> Result<Self, String> {
        let mut dirs = Vec::new();
        for name in &tree.dirs {
            let path = tree.root.join(name).into_os_string().into_encoded_bytes();
            let path = CString::new(path).map_err(|e| e.to_string())?;
            let dir = open(&path).map_err(|e| format!("{name}: {e}"))?;
            let stamp = stamp(&dir, c".").map_err(|e| format!("{name}: {e}"))?;
            let entries = names(&dir).map_err(|e| format!("{name}: {e}"))?.into_iter();
            let entries = entries.map(|entry| Ok((stamp_of(&dir, &entry)?, entry)));
            let entries: Result<Vec<_>, Errno> = entries.collect();
            let entries = entries.map_err(|e| format!("{name}: {e}"))?;
            let entries = entries.into_iter().filter_map(|(stamp, entry)| Some((entry, stamp?)));
            dirs.push(KnownDir { name: name.clone(), path, stamp, entries: entries.collect() });
        }
        Ok(Self { dirs })
    }

    /// What is different now: files and links, relative to the root.
    pub(crate) fn changes(&self, threads: usize) -> Result<Vec<String>, String> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<String>, String> {
            let mut changes = Vec::new();
            loop {
                let start = next.fetch_add(CHUNK, Ordering::Relaxed);
                let Some(dirs) = self.dirs.get(start..) else { return Ok(changes) };
                for dir in dirs.iter().take(CHUNK) {
                    dir.compare(&mut changes).map_err(|e| format!("{}: {e}", dir.name))?;
                }
            }
        };
        if threads == 1 {
            return work();
        }
        thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut all = Vec::new();
            for handle in handles {
                all.extend(handle.join().expect("no panic")?);
            }
            Ok(all)
        })
    }
}

impl KnownDir {
    fn compare(&self, changes: &mut Vec<String>) -> Result<(), Errno> {
        let dir = open(&self.path)?;
        let mut tell = |entry: &CStr| {
            let entry = entry.to_string_lossy();
            changes.push(match self.name.as_str() {
                "" => entry.into_owned(),
                dir => format!("{dir}/{entry}"),
            });
        };
        for (entry, known) in &self.entries {
            if stamp_of(&dir, entry)? != Some(*known) {
                tell(entry);
            }
        }
        if stamp(&dir, c".")? != self.stamp {
            let known: BTreeSet<&CStr> = self.entries.iter().map(|(entry, _)| &**entry).collect();
            for entry in names(&dir)? {
                // A directory that is new is known by nobody here; the jobs make none.
                if !known.contains(&*entry) && stamp_of(&dir, &entry)?.is_some() {
                    tell(&entry);
                }
            }
        }
        Ok(())
    }
}

fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn names(dir: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Nothing for a directory, which is looked at by itself, and for what is not there.
fn stamp_of(dir: &OwnedFd, entry: &CStr) -> Result<Option<Stamp>, Errno> {
    match statat(dir, entry, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if stat.st_mode & 0o170_000 == 0o040_000 => Ok(None),
        Ok(stat) => Ok(Some(of_stat(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn stamp(dir: &OwnedFd, entry: &CStr) -> Result<Stamp, Errno> {
    Ok(of_stat(&statat(dir, entry, AtFlags::SYMLINK_NOFOLLOW)?))
}

fn of_stat(stat: &Stat) -> Stamp {
    Stamp {
        inode: stat.st_ino,
        size: stat.st_size,
        modified: (stat.st_mtime, stat.st_mtime_nsec),
        changed: (stat.st_ctime, stat.st_ctime_nsec),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Known;
    use crate::tree::Tree;

    #[test]
    fn changes_are_found_by_one_and_by_two() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        for file in ["a/b/kept", "a/b/changed", "a/gone"] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        let known = Known::of(&Tree::list(dir.path()).unwrap()).unwrap();
        assert!(known.changes(1).unwrap().is_empty());
        fs::write(dir.path().join("a/b/changed"), "more than before").unwrap();
        fs::write(dir.path().join("new"), "").unwrap();
        fs::remove_file(dir.path().join("a/gone")).unwrap();
        for threads in [1, 2] {
            let mut changes = known.changes(threads).unwrap();
            changes.sort();
            assert_eq!(changes, ["a/b/changed", "a/gone", "new"]);
        }
    }
}
