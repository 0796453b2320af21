//! The append-only log in the memory of 64 digests.

use std::ffi::c_void;

use treenail_hash::{Blake3, Hash, Sha256, Xxh128};
use treenail_merkle::log::{CompactRange, NodeId, TreeSize};

use super::{digest_at, digests_at, with};
use crate::boundary::{boundary, boundary_or};
use crate::hash::{Algorithm, put};
use crate::memory::{Slice, bytes_out, free, give, out, shared, unique};
use crate::status::Status;

/// All that a log needs to append and to know its root.
pub struct Log(Of);

enum Of {
    Xxh128(CompactRange<Xxh128>),
    Blake3(CompactRange<Blake3>),
    Sha256(CompactRange<Sha256>),
}

/// Called with each perfect subtree that a leaf completes, the leaf first: the one over the
/// `1 << level` leaves from `index << level` on.
pub type NodeMade =
    Option<unsafe extern "C" fn(context: *mut c_void, level: u8, index: u64, digest: *const u8)>;

/// Begins a log: empty if `size` is 0, otherwise where another one ended, whose `tn_log_size` and
/// `tn_log_digests` these are. That they belong together is not checked: compare the root with one
/// that is known. `TN_ERROR_LENGTH` when a log of that size has another number of digests.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_log_free`; the digests
/// are copied.
///
/// # Safety
/// `digests` points to as many digests as is said, `log` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_new(
    algorithm: u32,
    size: u64,
    digests: *const u8,
    count: usize,
    log: *mut *mut Log,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let log = unsafe { out(log) }?;
        // SAFETY: the caller's promise.
        let of = unsafe {
            match Algorithm::new(algorithm)? {
                Algorithm::TnXxh3_128 => Of::Xxh128(begin(size, digests, count)?),
                Algorithm::TnBlake3 => Of::Blake3(begin(size, digests, count)?),
                Algorithm::TnSha256 => Of::Sha256(begin(size, digests, count)?),
                _ => return Err(Status::TnErrorArgument),
            }
        };
        give(Log(of), log);
        Ok(())
    })
}

/// Appends `count` leaves, given their digests (`tn_merkle_leaves`) one behind the other; the nodes
/// above are hashed side by side. `TN_ERROR_LIMIT` when there would be more than 2^64 - 1 leaves;
/// then none is appended.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `log` is a handle, `leaves` points to as many digests as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_append(log: *mut Log, leaves: *const u8, count: usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let log = unsafe { unique(log) }?;
        with!(&mut log.0, of => {
            // SAFETY: the caller's promise.
            of.extend(unsafe { digests_at(leaves, count) }?).map_err(|_| Status::TnErrorLimit)
        })
    })
}

/// Appends one leaf, given its digest, and calls `made` with each perfect subtree that it
/// completes: who keeps these can make proofs of them.
///
/// Threads: one at a time for each handle. Nothing is allocated. `made` runs on this thread and
/// returns: it does not throw, nor jump out, nor use the log.
///
/// # Safety
/// `log` is a handle, `leaf` points to a digest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_push(
    log: *mut Log,
    leaf: *const u8,
    made: NodeMade,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let log = unsafe { unique(log) }?;
        let made = made.ok_or(Status::TnErrorNull)?;
        with!(&mut log.0, of => {
            // SAFETY: the caller's promise.
            let leaf = unsafe { digest_at(leaf) }?;
            push(of, &leaf, |id, digest| {
                // SAFETY: the caller gave a function to be called so.
                unsafe { made(context, id.level, id.index, digest) }
            })
        })
    })
}

/// How many leaves the log has; 0 for null.
///
/// Threads: any, while none appends. Nothing is allocated.
///
/// # Safety
/// `log` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_size(log: *const Log) -> u64 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(log) }.map_or(0, |log| with!(&log.0, of => of.size().0))
    })
}

/// Writes the log's root, that of RFC 9162. `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: any, while none appends. Nothing is allocated.
///
/// # Safety
/// `log` is a handle, `root` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_root(
    log: *const Log,
    root: *mut u8,
    root_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let log = unsafe { shared(log) }?;
        with!(&log.0, of => {
            let found = of.root();
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(root, root_capacity, found.len()) }?);
        });
        Ok(())
    })
}

/// Writes where the digests are that have to be kept, besides the size, to go on another day. They
/// lie in the handle and hold until it is changed or freed.
///
/// Threads: any, while none appends. Nothing is allocated.
///
/// # Safety
/// `log` is a handle, `digests` points to a `tn_slice`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_digests(log: *const Log, digests: *mut Slice) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (log, digests) = unsafe { (shared(log)?, out(digests)?) };
        digests.write(with!(&log.0, of => Slice::lend(of.digests().as_flattened())));
        Ok(())
    })
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `log` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_log_free(log: *mut Log) {
    // SAFETY: the caller's promise.
    unsafe { free(log) }
}

fn push<H: Hash<Digest = [u8; N]>, const N: usize>(
    log: &mut CompactRange<H>,
    leaf: &[u8; N],
    mut made: impl FnMut(NodeId, *const u8),
) -> Result<(), Status> {
    let pushed = log.push_visiting(*leaf, |id, digest| made(id, digest.as_ptr()));
    pushed.map(drop).map_err(|_| Status::TnErrorLimit)
}

/// # Safety
/// `digests` points to as many digests as is said.
unsafe fn begin<H: Hash<Digest = [u8; N]>, const N: usize>(
    size: u64,
    digests: *const u8,
    count: usize,
) -> Result<CompactRange<H>, Status> {
    // SAFETY: the caller's promise.
    let digests = unsafe { digests_at(digests, count) }?;
    CompactRange::resume(TreeSize(size), digests).map_err(|_| Status::TnErrorLength)
}
