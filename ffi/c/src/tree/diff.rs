//! What differs between two trees.

use treenail_tree::{ChangeKind as CoreChangeKind, Diff as CoreDiff, diff};

use super::entries::Kind;
use super::{Tree, status, with_view};
use crate::boundary::{boundary, boundary_or};
use crate::memory::{Slice, free, give, out, shared};
use crate::status::Status;

/// What happened to a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum ChangeKind {
    /// It is only in the new tree.
    TnChangeAdded = 'A' as u32,
    /// Its content differs.
    TnChangeModified = 'M' as u32,
    /// It is only in the old tree.
    TnChangeDeleted = 'D' as u32,
    /// It became another kind of thing, or executable, or no longer executable.
    TnChangeType = 'T' as u32,
    /// It had another path, `from`.
    TnChangeRenamed = 'R' as u32,
}

impl From<CoreChangeKind> for ChangeKind {
    fn from(kind: CoreChangeKind) -> Self {
        match kind {
            CoreChangeKind::Added => Self::TnChangeAdded,
            CoreChangeKind::Modified => Self::TnChangeModified,
            CoreChangeKind::Deleted => Self::TnChangeDeleted,
            CoreChangeKind::Type => Self::TnChangeType,
            CoreChangeKind::Renamed => Self::TnChangeRenamed,
        }
    }
}

/// All differences between two trees.
pub struct Diff(CoreDiff);

/// One difference. The paths belong to the diff.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Change {
    /// What happened.
    pub change: ChangeKind,
    /// What it is now, or for a deletion was.
    pub kind: Kind,
    /// The path in the new tree, or for a deletion in the old one; relative to the root, with `/`
    /// between names. No zero follows.
    pub path: Slice,
    /// The old path of something renamed; empty otherwise.
    pub from: Slice,
}

/// Compares two trees. With ids on both sides, equal directories are not entered and moved content
/// is a rename; without, files are compared by size and time.
///
/// `TN_ERROR_MISMATCH` when the two have ids of different kinds.
///
/// Threads: any, also at once. Ownership: the handle is the caller's, to be freed with
/// `tn_diff_free`; it does not need the trees any more.
///
/// # Safety
/// `old_tree` and `new_tree` are handles, `found` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_diff(
    old_tree: *const Tree,
    new_tree: *const Tree,
    found: *mut *mut Diff,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (old, new) = unsafe { (shared(old_tree)?, shared(new_tree)?) };
        // SAFETY: the caller's promise.
        let found = unsafe { out(found) }?;
        let path = &new.held.path;
        let differences = with_view!(old.held, old => with_view!(new.held, new => {
            diff(old, new, path)
        }));
        give(Diff(differences.map_err(|error| status(&error))?), found);
        Ok(())
    })
}

/// How many differences there are; 0 for null.
///
/// Threads: any, also at once.
///
/// # Safety
/// `diff` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_diff_len(diff: *const Diff) -> usize {
    // SAFETY: the caller's promise.
    boundary_or(0, || unsafe { shared(diff) }.map_or(0, |diff| diff.0.changes.len()))
}

/// Writes difference number `index`, in the order of the paths' bytes. `TN_NONE` from `tn_diff_len`
/// on. The paths stay as long as the diff does.
///
/// Threads: any, also at once.
///
/// # Safety
/// `diff` is a handle, `change` points to a `tn_change`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_diff_get(
    diff: *const Diff,
    index: usize,
    change: *mut Change,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (diff, change) = unsafe { (shared(diff)?, out(change)?) };
        let found = diff.0.changes.get(index).ok_or(Status::TnNone)?;
        change.write(Change {
            change: found.kind.into(),
            kind: found.class.into(),
            path: Slice::lend(&found.path),
            from: found.from.as_deref().map_or(Slice::EMPTY, Slice::lend),
        });
        Ok(())
    })
}

/// How many entries are on both sides but could not be compared, because the content of one could
/// not be read; 0 for null.
///
/// Threads: any, also at once.
///
/// # Safety
/// `diff` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_diff_unknown(diff: *const Diff) -> u64 {
    // SAFETY: the caller's promise.
    boundary_or(0, || unsafe { shared(diff) }.map_or(0, |diff| diff.0.unknown))
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `diff` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_diff_free(diff: *mut Diff) {
    // SAFETY: the caller's promise.
    unsafe { free(diff) }
}
