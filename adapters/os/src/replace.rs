//! Replacing a file's content so that no one ever sees half of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::Error;

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
    let (mut file, mut temporary) =
        Temporary::create(dir, old.is_some()).map_err(failed("create a temporary file beside"))?;
    write(&mut file).map_err(failed("write the new content of"))?;
    if let Some(old) = &old {
        keep_attributes(&file, old).map_err(failed("keep the permissions of"))?;
    }
    if durability == Durability::Synced {
        file.sync_all().map_err(failed("sync the new content of"))?;
    }
    // Windows renames no open file.
    drop(file);
    fs::rename(&temporary.path, path).map_err(failed("replace"))?;
    temporary.renamed = true;
    if durability == Durability::Synced {
        sync_directory(dir).map_err(failed("sync the directory of"))?;
    }
    Ok(())
}

/// A file that is removed unless it is renamed.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Creates a file under a name that nothing had, readable by its owner alone if `private`.
    fn create(dir: &Path, private: bool) -> io::Result<(File, Self)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut options = OpenOptions::new();
        options.write(true).read(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(if private { 0o600 } else { 0o666 });
        }
        #[cfg(not(unix))]
        let _ = private;
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for _ in 0..NAMES_MAX {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".treenail-{}-{:x}-{count}.tmp", process::id(), clock.as_nanos());
            let path = dir.join(name);
            match options.open(&path) {
                Ok(file) => return Ok((file, Self { path, renamed: false })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Already failing: nothing better can be done about a second failure.
            _ = fs::remove_file(&self.path);
        }
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
