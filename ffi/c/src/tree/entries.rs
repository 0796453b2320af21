//! The entries of a tree's directories.

use std::ffi::c_char;
use std::sync::Arc;

use treenail_tree::{Class, DirId, Entry as CoreEntry, TreeView, View};

use super::{Held, Source, Tree};
use crate::boundary::boundary;
use crate::memory::{Slice, c_bytes, free, give, out, shared, unique};
use crate::status::Status;

/// Names no directory.
pub const TN_DIR_NONE: u64 = u64::MAX;
/// The root directory of every tree.
pub const TN_DIR_ROOT: u64 = 0;

/// What an entry is. The numbers are ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Kind {
    /// A regular file.
    TnKindFile = 'f' as u32,
    /// A regular file that its owner may execute.
    TnKindExecutable = 'x' as u32,
    /// A directory.
    TnKindDirectory = 'd' as u32,
    /// A symbolic link.
    TnKindSymlink = 'l' as u32,
    /// A named pipe.
    TnKindFifo = 'p' as u32,
    /// A socket.
    TnKindSocket = 's' as u32,
    /// A character device.
    TnKindCharDevice = 'c' as u32,
    /// A block device.
    TnKindBlockDevice = 'b' as u32,
    /// Something that the system would not name.
    TnKindOther = '?' as u32,
}

impl From<Class> for Kind {
    fn from(class: Class) -> Self {
        match class {
            Class::File => Self::TnKindFile,
            Class::Executable => Self::TnKindExecutable,
            Class::Directory => Self::TnKindDirectory,
            Class::Symlink => Self::TnKindSymlink,
            Class::Fifo => Self::TnKindFifo,
            Class::Socket => Self::TnKindSocket,
            Class::CharDevice => Self::TnKindCharDevice,
            Class::BlockDevice => Self::TnKindBlockDevice,
            Class::Other => Self::TnKindOther,
        }
    }
}

/// One name in a directory, and what the system said of it. Name and id belong to the tree.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Entry {
    /// The name's bytes, as the system gave them; no zero follows.
    pub name: Slice,
    /// A file's content id, a link's id, a directory's digest; empty where there is none.
    pub id: Slice,
    /// The directory below this entry, or `TN_DIR_NONE`.
    pub dir: u64,
    /// What it is.
    pub kind: Kind,
    /// Permission bits and the three special bits.
    pub mode: u32,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or attributes, in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Number of the inode; 0 on Windows.
    pub inode: u64,
    /// Number of the device; 0 on Windows.
    pub device: u64,
    /// How many names the file has; 1 for a directory.
    pub nlink: u32,
    /// Owner; 0 on Windows.
    pub uid: u32,
    /// Group; 0 on Windows.
    pub gid: u32,
}

/// An iterator over the entries of one directory.
pub struct Entries {
    /// Borrows from the view and the tree below; dropped before them, as fields are in their order.
    iter: Box<dyn Iterator<Item = Entry> + Send>,
    _view: Option<Arc<TreeView<'static>>>,
    _held: Arc<Held>,
}

/// Begins to go through the entries of a directory in the order of their names' bytes. `dir` is
/// `TN_DIR_ROOT`, or what an entry of this tree says. A directory that could not be listed has no
/// entries; one that the tree does not hold neither.
///
/// Threads: any, also at once; what it gives is for one thread at a time. Ownership: the handle is
/// the caller's, to be freed with `tn_entries_free`. It keeps what it needs of the tree, which may
/// be freed before it.
///
/// # Safety
/// `tree` is a handle, `entries` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_entries(
    tree: *const Tree,
    dir: u64,
    entries: *mut *mut Entries,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, entries) = unsafe { (shared(tree)?, out(entries)?) };
        give(Entries::new(Arc::clone(&tree.held), dir), entries);
        Ok(())
    })
}

/// Writes the next entry; `TN_NONE` after the last. Its name and id stay as long as the tree or
/// this iterator does.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `entries` is a handle, `entry` points to a `tn_entry`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_entries_next(entries: *mut Entries, entry: *mut Entry) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (entries, entry) = unsafe { (unique(entries)?, out(entry)?) };
        entry.write(entries.iter.next().ok_or(Status::TnNone)?);
        Ok(())
    })
}

/// Frees the iterator; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `entries` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_entries_free(entries: *mut Entries) {
    // SAFETY: the caller's promise.
    unsafe { free(entries) }
}

/// Writes the entry at a path: names with `/` between them, relative to the root. `TN_NONE` when
/// there is none; the root itself, the empty path, is no entry. Its name and id stay as long as the
/// tree does.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is a handle, `path` a string that ends with a zero byte, `entry` points to a `tn_entry`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_lookup(
    tree: *const Tree,
    path: *const c_char,
    entry: *mut Entry,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, path, entry) = unsafe { (shared(tree)?, c_bytes(path)?, out(entry)?) };
        let found = match &tree.held.source {
            Source::Scanned(tree, ids) => {
                tree.view(*ids).lookup(path).map(|entry| lend(&entry, number))
            }
            Source::Opened(snapshot) => {
                lookup(&**snapshot, path).map(|entry| lend(&entry, u64::from))
            }
        };
        entry.write(found.ok_or(Status::TnNone)?);
        Ok(())
    })
}

/// Whether a directory was listed: one that could not be opened has no entries to show.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_is_listed(tree: *const Tree, dir: u64) -> bool {
    crate::boundary::boundary_or(false, || {
        // SAFETY: the caller's promise.
        let Ok(tree) = (unsafe { shared(tree) }) else { return false };
        match &tree.held.source {
            Source::Scanned(tree, ids) => tree.view(*ids).is_listed(dir_id(dir)),
            Source::Opened(snapshot) => u32::try_from(dir).is_ok_and(|it| snapshot.is_listed(it)),
        }
    })
}

impl Entries {
    fn new(held: Arc<Held>, dir: u64) -> Self {
        // SAFETY: the value lies behind the counted reference that is kept beside what borrows from
        // it, and is neither moved nor changed. What borrows is dropped before the reference, and
        // nothing with the longer lifetime leaves this type but raw pointers.
        let lasting: &'static Held = unsafe { &*Arc::as_ptr(&held) };
        match &lasting.source {
            Source::Scanned(tree, ids) => {
                let view = Arc::new(tree.view(*ids));
                // SAFETY: as above, with the view in place of the tree.
                let lasting: &'static TreeView<'static> = unsafe { &*Arc::as_ptr(&view) };
                let iter = lasting.entries(dir_id(dir)).map(|entry| lend(&entry, number));
                Self { iter: Box::new(iter), _view: Some(view), _held: held }
            }
            Source::Opened(snapshot) => {
                let dirs = u32::try_from(dir).ok().into_iter();
                let iter = dirs.flat_map(|dir| snapshot.entries(dir));
                let iter = iter.map(|entry| lend(&entry, u64::from));
                Self { iter: Box::new(iter), _view: None, _held: held }
            }
        }
    }
}

/// A scanned tree's directory as a number: the root is 0, and none is all ones, for which there
/// would have to be 2^32 directories.
fn number(dir: DirId) -> u64 {
    u64::from(dir.generation) << 32 | u64::from(dir.index)
}

fn dir_id(number: u64) -> DirId {
    DirId { index: number as u32, generation: (number >> 32) as u32 }
}

/// The entry for C, whose pointers lead into the tree.
fn lend<D: Copy>(entry: &CoreEntry<'_, D>, number: impl Fn(D) -> u64) -> Entry {
    let stat = &entry.stat;
    Entry {
        name: Slice::lend(entry.name),
        id: entry.id.map_or(Slice::EMPTY, Slice::lend),
        dir: entry.child.map_or(TN_DIR_NONE, number),
        kind: entry.class().into(),
        mode: stat.mode,
        size_bytes: stat.size_bytes,
        mtime_ns: stat.mtime_ns,
        ctime_ns: stat.ctime_ns,
        inode: stat.inode,
        device: stat.device,
        nlink: stat.nlink,
        uid: stat.uid,
        gid: stat.gid,
    }
}

/// The entry at a path of a view that has no look-up of its own.
fn lookup<'a, V: View>(view: &'a V, path: &[u8]) -> Option<CoreEntry<'a, V::Dir>> {
    let mut dir = Some(view.root());
    let mut found = None;
    for name in path.split(|byte| *byte == b'/') {
        let entry = view.entries(dir?).find(|entry| entry.name == name)?;
        dir = entry.child;
        found = Some(entry);
    }
    found
}
