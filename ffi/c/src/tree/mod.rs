//! `treenail-tree`: a directory scanned, or a snapshot opened.

pub mod diff;
pub mod entries;

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_os::bytes_of;
use treenail_tree::{Counts as CoreCounts, Error, ErrorKind, IdKind, Scan, Snapshot, View};

use crate::boundary::{boundary, boundary_or, failure};
use crate::hash::put;
use crate::memory::{Slice, bytes_out, free, give, out, path, shared};
use crate::status::Status;

/// What stands for the content of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Ids {
    /// Nothing: files are not read.
    TnIdsNone = 0,
    /// XXH3-128 of the content: the fastest; not for content made by an adversary.
    TnIdsXxh3 = 1,
    /// BLAKE3 of the content: safe against adversaries.
    TnIdsBlake3 = 2,
    /// Git's blob id; directories are digested with BLAKE3.
    TnIdsGit = 3,
    /// XXH3-128 of the content, and of its blocks where a file is over 1 MiB.
    TnIdsBlocks = 4,
}

impl Ids {
    const ALL: [(Self, Option<IdKind>); 5] = [
        (Self::TnIdsNone, None),
        (Self::TnIdsXxh3, Some(IdKind::XXH3)),
        (Self::TnIdsBlake3, Some(IdKind::BLAKE3)),
        (Self::TnIdsGit, Some(IdKind::GIT)),
        (Self::TnIdsBlocks, Some(IdKind::BLOCKS)),
    ];
}

/// A directory as it was: scanned, or opened from a snapshot file. Never changes.
pub struct Tree {
    /// Shared with the iterators over its entries, so that these may be freed in any order.
    held: Arc<Held>,
}

struct Held {
    source: Source,
    /// What failures name.
    path: PathBuf,
    report: ScanReport,
    failures: Vec<KeptFailure>,
}

enum Source {
    Scanned(Box<treenail_tree::Tree>, Option<IdKind>),
    Opened(Box<Snapshot>),
}

struct KeptFailure {
    path: Vec<u8>,
    message: CString,
    os: i32,
}

/// Evaluates `$body` with `$view` bound to what can be read of the tree.
macro_rules! with_view {
    ($held:expr, $view:ident => $body:expr) => {
        match &$held.source {
            crate::tree::Source::Scanned(tree, ids) => {
                let $view = &tree.view(*ids);
                $body
            }
            crate::tree::Source::Opened(snapshot) => {
                let $view = &**snapshot;
                $body
            }
        }
    };
}
use with_view;

/// How to scan. Set everything that is not wanted to zero.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ScanOptions {
    /// A `tn_ids`.
    pub ids: u32,
    /// How many threads may work; 0 for as many as the machine runs at once.
    pub threads: u32,
    /// Whether to leave out what Git ignores, and `.git` itself.
    pub gitignore: bool,
    /// Whether to stay on the file system of the root.
    pub same_file_system: bool,
    /// Null, or a tree that `tn_tree_open` gave: the ids of files whose stat is still the same are
    /// taken from there without reading them. It is used during the scan alone.
    pub previous: *const Tree,
}

/// What a scan did; all zero for a tree from a snapshot.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct ScanReport {
    /// Files whose content was read.
    pub files_read: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Files whose id was taken from the previous snapshot.
    pub files_reused: u64,
    /// What could not be listed or read. While it is not 0, the tree has no digest (with ids).
    pub failures_total: u64,
    /// How many of these `tn_tree_failure` can tell about: all of them, unless they are very many.
    pub failures_kept: u64,
}

/// One thing that could not be listed or read during a scan.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Failure {
    /// The path, with the root as it was given.
    pub path: Slice,
    /// What was refused, in English.
    pub message: *const c_char,
    /// The number that the operating system gave, or 0.
    pub os: i32,
}

/// What a tree holds.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Directories, the root not counted.
    pub dirs: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Pipes, sockets and devices.
    pub others: u64,
    /// The sum of the regular files' sizes.
    pub size_bytes: u64,
}

/// Scans the directory `root` into a new tree, reading its files where ids are asked for. What
/// cannot be read below the root does not end the scan: `tn_tree_scan_report` says how much it was.
///
/// `options` may be null: then there are no ids, all threads, all files. `TN_ERROR_IO` when `root`
/// is no directory or cannot be listed; `TN_ERROR_ARGUMENT` for unknown ids, or a previous tree
/// that is not from a snapshot.
///
/// Threads: any; it starts threads of its own, which have ended when it returns. Ownership: the
/// handle is the caller's, to be freed with `tn_tree_free`.
///
/// # Safety
/// `root` is a string that ends with a zero byte, `options` is null or points to such, and `tree`
/// points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_scan(
    root: *const c_char,
    options: *const ScanOptions,
    tree: *mut *mut Tree,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (root, tree) = unsafe { (path(root)?, out(tree)?) };
        let mut scan = Scan::new();
        let mut ids = None;
        let previous;
        if !options.is_null() {
            // SAFETY: the caller's promise.
            let options = unsafe { shared(options) }?;
            let known = Ids::ALL.into_iter().find(|(known, _)| *known as u32 == options.ids);
            ids = known.ok_or(Status::TnErrorArgument)?.1;
            scan = scan
                .threads(options.threads as usize)
                .gitignore(options.gitignore)
                .same_file_system(options.same_file_system);
            if !options.previous.is_null() {
                // SAFETY: the caller's promise.
                previous = Arc::clone(&unsafe { shared(options.previous) }?.held);
                let Source::Opened(snapshot) = &previous.source else {
                    return Err(Status::TnErrorArgument);
                };
                scan = scan.previous(Some(snapshot));
            }
        }
        let scanned = scan.run(&root, ids).map_err(|error| status(&error))?;
        let report = ScanReport {
            files_read: scanned.files_read,
            bytes_read: scanned.bytes_read,
            files_reused: scanned.files_reused,
            failures_total: scanned.failures_total,
            failures_kept: scanned.failures.len() as u64,
        };
        let mut failures: Vec<KeptFailure> = scanned.failures.into_iter().map(keep).collect();
        failures.sort_by(|a, b| a.path.cmp(&b.path));
        let source = Source::Scanned(Box::new(scanned.tree), ids);
        give(Tree { held: Arc::new(Held { source, path: root, report, failures }) }, tree);
        Ok(())
    })
}

/// Opens a snapshot file as a tree; with `verify`, every byte of it is checked first. Without, only
/// the header is: a file that was damaged then yields wrong entries, though never a crash.
///
/// The file is mapped into memory: nobody may truncate it while the tree is there (the system would
/// end the process); to replace it, as `tn_tree_save` does, is harmless.
///
/// `TN_ERROR_IO`, `TN_ERROR_NOT_A_SNAPSHOT`, `TN_ERROR_TRUNCATED`, `TN_ERROR_CORRUPT`,
/// `TN_ERROR_NEWER`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_tree_free`.
///
/// # Safety
/// `file` is a string that ends with a zero byte, `tree` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_open(
    file: *const c_char,
    verify: bool,
    tree: *mut *mut Tree,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (file, tree) = unsafe { (path(file)?, out(tree)?) };
        let snapshot = Snapshot::open(&file).map_err(|error| status(&error))?;
        if verify {
            snapshot.verify().map_err(|error| status(&error))?;
        }
        let source = Source::Opened(Box::new(snapshot));
        let report = ScanReport::default();
        let held = Held { source, path: file, report, failures: Vec::new() };
        give(Tree { held: Arc::new(held) }, tree);
        Ok(())
    })
}

/// Saves a scanned tree with its ids as a snapshot file, replacing what is there at once and
/// durably.
///
/// `TN_ERROR_IO` when the file cannot be written (an earlier one is then untouched);
/// `TN_ERROR_LIMIT` for more than 2^32 - 2 entries; `TN_ERROR_ARGUMENT` for a tree that was opened:
/// its file is there already.
///
/// Threads: any.
///
/// # Safety
/// `tree` is a handle, `file` a string that ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_save(tree: *const Tree, file: *const c_char) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, file) = unsafe { (shared(tree)?, path(file)?) };
        match &tree.held.source {
            Source::Scanned(tree, ids) => tree.view(*ids).save(&file).map_err(|e| status(&e)),
            Source::Opened(_) => {
                let message = "the tree was opened from a snapshot; copy that file instead";
                let file = bytes_of(tree.held.path.as_os_str());
                Err(failure(Status::TnErrorArgument, message.to_owned(), file, 0))
            }
        }
    })
}

/// The kind of ids that the tree has: a `tn_ids`, `TN_IDS_NONE` for null.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_ids(tree: *const Tree) -> u32 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        let Ok(tree) = (unsafe { shared(tree) }) else { return 0 };
        let ids = with_view!(tree.held, view => view.ids());
        let known = Ids::ALL.into_iter().find(|(_, kind)| *kind == ids);
        known.map_or(0, |(number, _)| number as u32)
    })
}

/// Writes the digest of the whole tree to `digest`, and its length (16 or 32) to `*digest_bytes`:
/// equal digests mean equal names, kinds, executable bits, link targets and contents. 32 bytes of
/// room are always enough.
///
/// `TN_NONE` when there is none: no ids were asked for, or something could not be read.
/// `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is a handle, `digest` points to as many bytes as is said, `digest_bytes` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_digest(
    tree: *const Tree,
    digest: *mut u8,
    digest_capacity: usize,
    digest_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, digest_bytes) = unsafe { (shared(tree)?, out(digest_bytes)?) };
        with_view!(tree.held, view => {
            let found = view.root_digest().ok_or(Status::TnNone)?;
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(digest, digest_capacity, found.len()) }?);
            digest_bytes.write(found.len());
        });
        Ok(())
    })
}

/// Writes what the tree holds.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is a handle, `counts` points to a `tn_counts`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_counts(tree: *const Tree, counts: *mut Counts) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, counts) = unsafe { (shared(tree)?, out(counts)?) };
        let CoreCounts { files, dirs, symlinks, others, size_bytes } = match &tree.held.source {
            Source::Scanned(tree, _) => tree.counts(),
            Source::Opened(snapshot) => snapshot.counts(),
        };
        counts.write(Counts { files, dirs, symlinks, others, size_bytes });
        Ok(())
    })
}

/// Writes what the scan did that made the tree.
///
/// Threads: any, also at once.
///
/// # Safety
/// `tree` is a handle, `report` points to a `tn_scan_report`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_scan_report(tree: *const Tree, report: *mut ScanReport) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, report) = unsafe { (shared(tree)?, out(report)?) };
        report.write(tree.held.report);
        Ok(())
    })
}

/// Writes what could not be listed or read, number `index` in the order of the paths. `TN_NONE`
/// from `failures_kept` on.
///
/// Threads: any, also at once. Ownership: path and message belong to the tree and stay as long as
/// it does.
///
/// # Safety
/// `tree` is a handle, `found` points to a `tn_failure`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_failure(
    tree: *const Tree,
    index: u64,
    found: *mut Failure,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (tree, found) = unsafe { (shared(tree)?, out(found)?) };
        let index = usize::try_from(index).map_err(|_| Status::TnNone)?;
        let kept = tree.held.failures.get(index).ok_or(Status::TnNone)?;
        let path = Slice::lend(&kept.path);
        found.write(Failure { path, message: kept.message.as_ptr(), os: kept.os });
        Ok(())
    })
}

/// Frees the handle; nothing happens with null. Iterators over its entries may live on.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `tree` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tree_free(tree: *mut Tree) {
    // SAFETY: the caller's promise.
    unsafe { free(tree) }
}

fn keep(failure: treenail_tree::Failure) -> KeptFailure {
    let message = CString::new(failure.error.to_string()).unwrap_or_default();
    let os = failure.error.raw_os_error().unwrap_or(0);
    KeptFailure { path: failure.path, message, os }
}

/// The status of an error, whose details are kept.
fn status(error: &Error) -> Status {
    let status = match error.kind() {
        ErrorKind::Io => Status::TnErrorIo,
        ErrorKind::NotASnapshot => Status::TnErrorNotASnapshot,
        ErrorKind::Truncated => Status::TnErrorTruncated,
        ErrorKind::Corrupt => Status::TnErrorCorrupt,
        ErrorKind::Newer => Status::TnErrorNewer,
        ErrorKind::IdsDiffer => Status::TnErrorMismatch,
        ErrorKind::Limit => Status::TnErrorLimit,
        // Kinds that this crate does not know yet are limits of its own.
        _ => Status::TnErrorLimit,
    };
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    let os = io.and_then(std::io::Error::raw_os_error).unwrap_or(0);
    failure(status, error.message().to_owned(), path_bytes(error.path()), os)
}

fn path_bytes(path: &Path) -> &[u8] {
    bytes_of(path.as_os_str())
}
