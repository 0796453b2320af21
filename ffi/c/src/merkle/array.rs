//! The Merkle tree over fixed positions.

use std::ffi::c_void;

use treenail_hash::{Blake3, Hash, Sha256, Xxh128};
use treenail_merkle::array::{Array as CoreArray, ArrayError, diff, digests_for, dirty_words_for};
use treenail_merkle::log::LeafIndex;

use super::{by_algorithm, digest_at, digests_at, with};
use crate::boundary::{boundary, boundary_or};
use crate::hash::{Algorithm, put};
use crate::memory::{
    Region, Slice, bytes_out, carve, carved_bytes, filled, free, give, out, shared, slice_out,
    unique,
};
use crate::status::Status;

/// A Merkle tree over positions that can be set one by one, in the caller's memory.
pub struct Array(Of);

enum Of {
    Xxh128(CoreArray<'static, Xxh128>),
    Blake3(CoreArray<'static, Blake3>),
    Sha256(CoreArray<'static, Sha256>),
}

/// Called with a position and its leaf on either side; a leaf is null where its array has no such
/// position.
pub type ArrayDifference = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        index: u64,
        old_leaf: *const u8,
        new_leaf: *const u8,
    ),
>;

/// How many bytes of memory an array of up to `capacity` leaves takes; 0 for an algorithm that is
/// none of Merkle structures, or when no memory is as large.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_array_memory_bytes(algorithm: u32, capacity: usize) -> usize {
    let bytes = || {
        by_algorithm!(algorithm, H => {
            let digest_bytes = size_of::<<H as Hash>::Digest>();
            memory_bytes(digest_bytes, capacity).ok_or(Status::TnErrorArgument)
        })
    };
    bytes().unwrap_or(0)
}

/// Makes an array with room for `capacity` leaves in `memory`: without leaves if `len` is 0,
/// otherwise with those that another array of the same algorithm and capacity left there, which had
/// `len` leaves and was brought up to date. `TN_ERROR_SHORT` when the memory has fewer bytes than
/// `tn_array_memory_bytes` says. The memory need not be aligned.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_array_free`; the
/// memory stays the caller's too, and nobody else may touch it until the handle is freed.
///
/// # Safety
/// `memory` points to as many bytes as is said (set to some value, if `len` is not 0), `array` to a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_new(
    algorithm: u32,
    capacity: usize,
    memory: *mut c_void,
    memory_bytes: usize,
    len: usize,
    array: *mut *mut Array,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { out(array) }?;
        // SAFETY: the caller's promise.
        let memory = unsafe { slice_out(memory.cast::<u8>(), memory_bytes) }?;
        // SAFETY: the caller's promise.
        let of = unsafe {
            match Algorithm::new(algorithm)? {
                Algorithm::TnXxh3_128 => Of::Xxh128(begin(memory, capacity, len)?),
                Algorithm::TnBlake3 => Of::Blake3(begin(memory, capacity, len)?),
                Algorithm::TnSha256 => Of::Sha256(begin(memory, capacity, len)?),
                _ => return Err(Status::TnErrorArgument),
            }
        };
        give(Array(of), array);
        Ok(())
    })
}

/// How many leaves there are; 0 for null.
///
/// Threads: any, while none changes the array. Nothing is allocated.
///
/// # Safety
/// `array` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_len(array: *const Array) -> usize {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(array) }.map_or(0, |array| with!(&array.0, of => of.len()))
    })
}

/// Puts a leaf at a position, given its digest (`tn_merkle_leaf`). `TN_NONE` when there is no such
/// position.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `leaf` points to a digest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_set(array: *mut Array, index: u64, leaf: *const u8) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { unique(array) }?;
        with!(&mut array.0, of => {
            // SAFETY: the caller's promise.
            of.set(LeafIndex(index), unsafe { digest_at(leaf) }?).map_err(status)?;
        });
        Ok(())
    })
}

/// Adds `count` leaves at the end, given their digests one behind the other. `TN_FULL` when there
/// is no room for all; then none is added.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `leaves` points to as many digests as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_extend(
    array: *mut Array,
    leaves: *const u8,
    count: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { unique(array) }?;
        with!(&mut array.0, of => {
            // SAFETY: the caller's promise.
            of.extend(unsafe { digests_at(leaves, count) }?).map_err(status)
        })
    })
}

/// Makes it `len` leaves: adds positions at the end that hold the digest of the empty leaf, or
/// drops the last ones. `TN_FULL` when there is no room for so many; then nothing changes.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_resize(array: *mut Array, len: usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { unique(array) }?;
        with!(&mut array.0, of => of.resize(len).map_err(status))
    })
}

/// Hashes what is above the positions that changed, and writes how many nodes that were to
/// `*hashed`, unless it is null.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `hashed` is null or points to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_update(array: *mut Array, hashed: *mut usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { unique(array) }?;
        let nodes = with!(&mut array.0, of => of.update());
        if !hashed.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out(hashed) }?.write(nodes);
        }
        Ok(())
    })
}

/// Writes the root, which is that of a log of the same leaves, after an update. `TN_ERROR_SHORT`
/// when it does not fit.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `root` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_root(
    array: *mut Array,
    root: *mut u8,
    root_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { unique(array) }?;
        with!(&mut array.0, of => {
            let found = of.root();
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(root, root_capacity, found.len()) }?);
        });
        Ok(())
    })
}

/// Writes where the digests of all leaves are, one behind the other. They lie in the memory that
/// the handle was made with, and hold until the array is changed.
///
/// Threads: any, while none changes the array. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `leaves` points to a `tn_slice`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_leaves(array: *const Array, leaves: *mut Slice) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (array, leaves) = unsafe { (shared(array)?, out(leaves)?) };
        leaves.write(with!(&array.0, of => Slice::lend(of.leaves().as_flattened())));
        Ok(())
    })
}

/// Writes the proof of a position's leaf to `path`, after an update, and its length in bytes to
/// `*path_bytes`; `tn_merkle_verify_inclusion` takes it, the size being the array's length.
/// `TN_NONE` when there is no such position, `TN_ERROR_SHORT` when the proof does not fit.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `array` is a handle, `path` points to as many bytes as is said, `path_bytes` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_prove(
    array: *mut Array,
    index: u64,
    path: *mut u8,
    path_capacity: usize,
    path_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (array, path_bytes) = unsafe { (unique(array)?, out(path_bytes)?) };
        with!(&mut array.0, of => {
            let mut found = [Default::default(); 64];
            let found = of.proof(LeafIndex(index), &mut found).map_err(status)?.as_flattened();
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(path, path_capacity, found.len()) }?);
            path_bytes.write(found.len());
        });
        Ok(())
    })
}

/// Calls `visit` with each position whose leaf differs, or which only one of the arrays has, in
/// ascending order, after an update of both; what both have in common is not looked at.
/// `TN_ERROR_MISMATCH` for different algorithms.
///
/// Threads: one at a time for each handle. Nothing is allocated. `visit` runs on this thread and
/// returns: it does not throw, nor jump out, nor use the arrays; the leaves hold until then.
///
/// # Safety
/// `old_array` and `new_array` are handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_diff(
    old_array: *mut Array,
    new_array: *mut Array,
    visit: ArrayDifference,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        let visit = visit.ok_or(Status::TnErrorNull)?;
        if old_array == new_array {
            // An array does not differ from itself, and must not be borrowed twice.
            // SAFETY: the caller's promise.
            unsafe { shared(old_array) }?;
            return Ok(());
        }
        // SAFETY: the caller's promise, and the two are not one.
        let (old, new) = unsafe { (unique(old_array)?, unique(new_array)?) };
        match (&mut old.0, &mut new.0) {
            (Of::Xxh128(old), Of::Xxh128(new)) => compare(old, new, visit, context),
            (Of::Blake3(old), Of::Blake3(new)) => compare(old, new, visit, context),
            (Of::Sha256(old), Of::Sha256(new)) => compare(old, new, visit, context),
            _ => return Err(Status::TnErrorMismatch),
        }
        Ok(())
    })
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `array` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_array_free(array: *mut Array) {
    // SAFETY: the caller's promise.
    unsafe { free(array) }
}

fn memory_bytes(digest_bytes: usize, capacity: usize) -> Option<usize> {
    let digests = digests_for(capacity).checked_mul(digest_bytes)?;
    digests.checked_add(carved_bytes::<u64>(dirty_words_for(capacity))?)
}

/// The digests come first, at the memory's beginning, so that they are found again wherever it is.
///
/// # Safety
/// If `len` is not 0, the memory is set to some value.
unsafe fn begin<H: Hash<Digest = [u8; N]>, const N: usize>(
    memory: Region,
    capacity: usize,
    len: usize,
) -> Result<CoreArray<'static, H>, Status> {
    if memory.len() < memory_bytes(N, capacity).ok_or(Status::TnErrorShort)? {
        return Err(Status::TnErrorShort);
    }
    let (digests, rest) = memory.split_at_mut(digests_for(capacity) * N);
    let (dirty, _) = carve(rest, dirty_words_for(capacity), || 0)?;
    if len == 0 {
        return Ok(CoreArray::new(filled(digests, || 0).as_chunks_mut().0, dirty));
    }
    // SAFETY: the caller's promise, and every byte is valid.
    let digests = unsafe { digests.assume_init_mut() };
    CoreArray::resume(digests.as_chunks_mut().0, dirty, len).map_err(|_| Status::TnErrorShort)
}

fn compare<H: Hash<Digest = [u8; N]>, const N: usize>(
    old: &mut CoreArray<'_, H>,
    new: &mut CoreArray<'_, H>,
    visit: unsafe extern "C" fn(*mut c_void, u64, *const u8, *const u8),
    context: *mut c_void,
) {
    let pointer = |leaf: Option<&[u8; N]>| leaf.map_or(std::ptr::null(), |leaf| leaf.as_ptr());
    diff(old, new, |index, was, is| {
        // SAFETY: the caller of the diff gave a function to be called so.
        unsafe { visit(context, index.0, pointer(was), pointer(is)) }
    });
}

fn status(error: ArrayError) -> Status {
    match error {
        ArrayError::Full { .. } => Status::TnFull,
        ArrayError::Beyond { .. } => Status::TnNone,
        _ => Status::TnErrorShort,
    }
}
