//! File systems in memory, which nobody else writes to.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::UnshareFlags;
use tempfile::TempDir;

/// Gives this process mounts of its own, which vanish with it; whether it may. To be called before
/// any thread is started.
pub(crate) fn own_mounts() -> bool {
    // SAFETY: only the mount table and, with it, the current directory are no longer shared, which
    // no other thread relies upon: there is none.
    let unshared = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) };
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    unshared.is_ok() && mount_change("/", private).is_ok()
}

/// A directory on a file system in memory.
pub(crate) enum Memory {
    /// A file system of its own; gone with the process.
    Mounted(PathBuf),
    /// A directory on one that everybody may write to.
    Shared(TempDir),
}

impl Memory {
    /// Makes one below `scratch` if this process has mounts of its own.
    ///
    /// # Errors
    /// If it can neither mount one nor use the system's.
    pub(crate) fn new(scratch: &Path, name: &str, may_mount: bool) -> Result<Self, String> {
        let dir = scratch.join(name);
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let options = c"size=70%,nr_inodes=4m,mode=755";
        if may_mount && mount("tmpfs", &dir, "tmpfs", MountFlags::empty(), options).is_ok() {
            return Ok(Self::Mounted(dir));
        }
        let dir = tempfile::tempdir_in("/dev/shm").map_err(|e| format!("/dev/shm: {e}"))?;
        Ok(Self::Shared(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Mounted(dir) => dir,
            Self::Shared(dir) => dir.path(),
        }
    }

    /// How undisturbed it is, for the table's note.
    pub(crate) fn note(&self) -> &'static str {
        match self {
            Self::Mounted(_) => "on a tmpfs of its own",
            Self::Shared(_) => "on the system's tmpfs, for want of the right to mount one",
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Self::Mounted(dir) = self {
            // It goes with the process at the latest; its memory may as well go now.
            let _ = rustix::mount::unmount(&*dir, rustix::mount::UnmountFlags::DETACH);
        }
    }
}
