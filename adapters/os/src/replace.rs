//! Replacing a file's content so that no one ever sees half of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::Error;
#[cfg(unix)]
use crate::signals::Hold;

/// How many names are tried for the temporary file before giving up.
const NAMES_MAX: usize = 100;

/// Whether a replaced file must outlive a power failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On return the new content is on the disk, under its name.
    Synced,
    /// Either content may be found after a power failure.
    Unsynced,
}

/// Puts new content under `path`, all at once: whoever opens the path finds the old file or the
/// complete new one. `write` fills a temporary file in the same directory, which then takes the
/// name. Permissions of an old regular file are kept, its owner where the process may; a symbolic
/// link at `path` is itself replaced.
///
/// On Linux the temporary file has no name until it is complete, so that a process that dies while
/// writing leaves nothing behind. While it has one, SIGINT, SIGTERM and SIGHUP wait (in this
/// thread; another that does not block them may get them): that is for two calls where the file
/// system knows files without a name, else until the replacement is done.
///
/// # Errors
/// If anything fails, `write` included, the old file is untouched and the temporary removed; only
/// when the directory cannot be synced at the very end the new file is in place all the same.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    durability: Durability,
) -> Result<(), Error> {
    let failed = |operation| move |error| Error::new(operation, path, error);
    let dir = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let old = match fs::symlink_metadata(path) {
        Ok(meta) => Some(meta).filter(fs::Metadata::is_file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("look up")(error)),
    };
    let mut temporary =
        Temporary::create(dir, old.is_some()).map_err(failed("create a temporary file beside"))?;
    let file = &mut temporary.file;
    write(file).map_err(failed("write the new content of"))?;
    if let Some(old) = &old {
        keep_attributes(file, old).map_err(failed("keep the permissions of"))?;
    }
    if durability == Durability::Synced {
        file.sync_all().map_err(failed("sync the new content of"))?;
    }
    temporary.rename(path, durability).map_err(failed("replace"))?;
    if durability == Durability::Synced {
        sync_directory(dir).map_err(failed("sync the directory of"))?;
    }
    Ok(())
}

/// A file that is removed unless it is renamed.
struct Temporary {
    file: File,
    name: Name,
}

enum Name {
    /// It has none, and vanishes by itself; the directory that it is in.
    #[cfg(target_os = "linux")]
    None(PathBuf),
    Given(Given),
}

/// A name that is removed unless it is renamed, and is not left behind by a signal.
struct Given {
    path: PathBuf,
    renamed: bool,
    #[cfg(unix)]
    _hold: Hold,
}

impl Temporary {
    /// Creates a file, readable by its owner alone if `private`.
    fn create(dir: &Path, private: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(if private { 0o600 } else { 0o666 });
        }
        #[cfg(not(unix))]
        let _ = private;
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(dir, &options) {
            return Ok(Self { file, name: Name::None(dir.to_owned()) });
        }
        Self::create_named(dir, &mut options)
    }

    fn create_named(dir: &Path, options: &mut OpenOptions) -> io::Result<Self> {
        options.create_new(true);
        let (given, file) = Given::new(dir, |path| options.open(path))?;
        Ok(Self { file, name: Name::Given(given) })
    }

    /// Puts the file in the place of `path`.
    fn rename(self, path: &Path, durability: Durability) -> io::Result<()> {
        let mut given = match self.name {
            #[cfg(target_os = "linux")]
            Name::None(dir) => Given::new(&dir, |path| unnamed::name(&self.file, path))?.0,
            Name::Given(given) => given,
        };
        // Windows renames no open file; Linux, which gives names so late, is asked to keep it.
        #[cfg(target_os = "linux")]
        if durability == Durability::Synced {
            self.file.sync_all()?;
        }
        let _ = durability;
        drop(self.file);
        fs::rename(&given.path, path)?;
        given.renamed = true;
        Ok(())
    }
}

impl Given {
    /// Tries names until `create` is content with one that nothing had.
    fn new<T>(dir: &Path, mut create: impl FnMut(&Path) -> io::Result<T>) -> io::Result<(Self, T)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        #[cfg(unix)]
        let hold = Hold::new();
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for _ in 0..NAMES_MAX {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".treenail-{}-{:x}-{count}.tmp", process::id(), clock.as_nanos());
            let path = dir.join(name);
            match create(&path) {
                Ok(made) => {
                    let given = Self {
                        path,
                        renamed: false,
                        #[cfg(unix)]
                        _hold: hold,
                    };
                    return Ok((given, made));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if !self.renamed {
            // Already failing: nothing better can be done about a second failure.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Files that get their name when they are complete.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, linkat};

    /// Nothing where the file system has no such files, or the process could not name them.
    pub(super) fn create(dir: &Path, options: &OpenOptions) -> Option<File> {
        let file = options.clone().custom_flags(libc::O_TMPFILE).open(dir).ok()?;
        source(&file).exists().then_some(file)
    }

    pub(super) fn name(file: &File, path: &Path) -> io::Result<()> {
        Ok(linkat(CWD, source(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }

    /// The open file as a path; to link it without one takes a privilege.
    fn source(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

#[cfg(unix)]
fn keep_attributes(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let new = file.metadata()?;
    let same_owner = (new.uid(), new.gid()) == (old.uid(), old.gid())
        || fchown(file, Some(old.uid()), Some(old.gid())).is_ok();
    // What runs with its owner's rights must not do so with another's.
    let kept = if same_owner { 0o7777 } else { 0o1777 };
    file.set_permissions(fs::Permissions::from_mode(old.mode() & kept))
}

#[cfg(not(unix))]
fn keep_attributes(file: &File, old: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Windows has no such call; its file systems journal the renaming.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Both ways to have a temporary file, whatever the file system of this machine offers.
    #[test]
    fn a_temporary_file_with_a_name_takes_the_place_and_else_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut options = OpenOptions::new();
        let create = |options: &mut OpenOptions| {
            let mut temporary =
                Temporary::create_named(dir.path(), options.write(true)).expect("a file");
            temporary.file.write_all(b"new").expect("written");
            temporary
        };
        let count = || fs::read_dir(dir.path()).expect("a listing").count();
        let dropped = create(&mut options);
        assert_eq!(count(), 1);
        drop(dropped);
        assert_eq!(count(), 0);
        let path = dir.path().join("file");
        create(&mut options).rename(&path, Durability::Unsynced).expect("renamed");
        assert_eq!(fs::read(&path).expect("the file"), b"new");
        assert_eq!(count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_name_is_not_seen_before_it_is_complete() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let mut names = None;
        let temporary = Temporary::create(dir.path(), false).expect("a file");
        if matches!(temporary.name, Name::Given(_)) {
            eprintln!("skipped: this file system has no files without a name");
            return;
        }
        let write = |_: &mut File| {
            names = Some(fs::read_dir(dir.path())?.count());
            Ok(())
        };
        replace(&path, write, Durability::Synced).expect("replaced");
        assert_eq!(names, Some(0));
        assert!(path.exists());
    }
}
