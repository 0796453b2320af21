//! Watching directories in the course of a scan.

use std::sync::Arc;

use treenail_os::Handle;

use crate::pages::DirId;

/// Has directories watched that a scan comes across. The scan's threads call it, several at once,
/// with the number that a directory has in the tree to come.
pub trait Arm: Sync {
    /// Has a directory watched that was just opened, and is listed next.
    fn open(&self, dir: &Arc<Handle>, id: DirId);

    /// Whether to go for directories first and for files when all are watched, as far as memory
    /// allows. Only a scan without ids does.
    fn is_urgent(&self) -> bool {
        false
    }

    /// Has the directory `name` in `dir` watched without opening it: there are no others in it, so
    /// it may wait to be listed. Returns whether that was done; if not, and if something else turns
    /// out to have the name when it is opened, [`open`](Self::open) is called for it. Only called
    /// where directories come first.
    fn child(&self, dir: &Handle, name: &[u8], id: DirId) -> bool {
        let _ = (dir, name, id);
        false
    }

    /// Called once all directories are watched, though not all need be listed yet.
    fn armed(&self) {}
}
