//! The filter that says "surely not" or "probably".

use std::ffi::c_void;

use treenail_index::fuse::{BuildError, FuseError, FuseRef, build, bytes_for, scratch_words_for};

use crate::boundary::{boundary, boundary_or, failure};
use crate::memory::{
    bytes, bytes_mut, carve, carved_bytes, free, give, out, shared, slice, slice_out,
};
use crate::status::Status;

/// A filter that is read from bytes as they are.
pub struct Fuse(Of);

enum Of {
    Bits8(FuseRef<'static, u8>),
    Bits16(FuseRef<'static, u16>),
}

/// How many bytes a filter of `keys` keys takes with `bits` bits of each, 8 or 16: about 1.13 or
/// 2.26 for each of many keys. 0 for other bits, and for more keys than a filter takes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_fuse_bytes(bits: u32, keys: usize) -> usize {
    let bytes = match bits {
        8 => bytes_for::<u8>(keys),
        16 => bytes_for::<u16>(keys),
        _ => None,
    };
    bytes.unwrap_or(0)
}

/// How many bytes of working memory it takes to build a filter of `keys` keys; 0 for more than a
/// filter takes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_fuse_scratch_bytes(keys: usize) -> usize {
    scratch_words_for(keys).and_then(carved_bytes::<u64>).unwrap_or(0)
}

/// Builds the filter of `count` keys, which may repeat, and writes it to `filter` and its length to
/// `*filter_bytes`. Of keys that are not in it, one in 2^`bits` passes; `bits` is 8 or 16. Where
/// keys come from strangers, take a seed that these cannot know.
///
/// `TN_ERROR_SHORT` when `scratch` (which need not be aligned) or `filter` is too short,
/// `TN_ERROR_LIMIT` for too many keys, `TN_ERROR_ARGUMENT` for other bits, or keys that were chosen
/// against the seed: take another.
///
/// Threads: any. Nothing is allocated unless it fails; the memory can go afterwards.
///
/// # Safety
/// `keys` points to as many as is said, `scratch` and `filter` to as many bytes, `filter_bytes` to
/// a `size_t`; they do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_fuse_build(
    bits: u32,
    keys: *const u64,
    count: usize,
    seed: u64,
    scratch: *mut c_void,
    scratch_bytes: usize,
    filter: *mut u8,
    filter_capacity: usize,
    filter_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (keys, filter_bytes) = unsafe { (slice(keys, count)?, out(filter_bytes)?) };
        // SAFETY: the caller's promise.
        let scratch = unsafe { slice_out(scratch.cast::<u8>(), scratch_bytes) }?;
        // SAFETY: the caller's promise.
        let filter = unsafe { bytes_mut(filter, filter_capacity) }?;
        let words = scratch_words_for(count).ok_or(Status::TnErrorLimit)?;
        let (words, _) = carve(scratch, words, || 0_u64)?;
        let built = match bits {
            8 => build::<u8>(keys, seed, words, filter).map(drop),
            16 => build::<u16>(keys, seed, words, filter).map(drop),
            _ => return Err(Status::TnErrorArgument),
        };
        built.map_err(|error| match error {
            BuildError::TooManyKeys => Status::TnErrorLimit,
            BuildError::Scratch { .. } | BuildError::Output { .. } => Status::TnErrorShort,
            _ => failure(Status::TnErrorArgument, error.to_string(), b"", 0),
        })?;
        filter_bytes.write(tn_fuse_bytes(bits, count));
        Ok(())
    })
}

/// Reads the filter that `data` are, all of them, with `bits` bits of each key. The header is
/// checked; damage behind it makes answers wrong, never a crash. `TN_ERROR_CORRUPT`,
/// `TN_ERROR_TRUNCATED` when there are not as many bytes as the header says, `TN_ERROR_NEWER`,
/// `TN_ERROR_MISMATCH` for another number of bits.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_fuse_free`; it reads
/// the bytes, which must stay as they are until then and need not be aligned.
///
/// # Safety
/// `data` points to as many bytes as is said, until the handle is freed; `fuse` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_fuse_open(
    bits: u32,
    data: *const c_void,
    data_bytes: usize,
    fuse: *mut *mut Fuse,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (data, fuse) = unsafe { (bytes(data, data_bytes)?, out(fuse)?) };
        let of = match bits {
            8 => Of::Bits8(FuseRef::new_checked(data).map_err(status)?),
            16 => Of::Bits16(FuseRef::new_checked(data).map_err(status)?),
            _ => return Err(Status::TnErrorArgument),
        };
        give(Fuse(of), fuse);
        Ok(())
    })
}

/// Whether a key is in the set: false is certain, true is likely. True for null.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `fuse` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_fuse_contains(fuse: *const Fuse, key: u64) -> bool {
    boundary_or(true, || {
        // SAFETY: the caller's promise.
        unsafe { shared(fuse) }.map_or(true, |fuse| match &fuse.0 {
            Of::Bits8(of) => of.contains(key),
            Of::Bits16(of) => of.contains(key),
        })
    })
}

/// How many distinct keys the set has; 0 for null.
///
/// Threads: any, also at once.
///
/// # Safety
/// `fuse` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_fuse_len(fuse: *const Fuse) -> u64 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(fuse) }.map_or(0, |fuse| match &fuse.0 {
            Of::Bits8(of) => of.len(),
            Of::Bits16(of) => of.len(),
        })
    })
}

/// Frees the handle, not the bytes; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `fuse` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_fuse_free(fuse: *mut Fuse) {
    // SAFETY: the caller's promise.
    unsafe { free(fuse) }
}

fn status(error: FuseError) -> Status {
    let status = match error {
        FuseError::Version { .. } => Status::TnErrorNewer,
        FuseError::Bits { .. } => Status::TnErrorMismatch,
        FuseError::Length { .. } => Status::TnErrorTruncated,
        _ => Status::TnErrorCorrupt,
    };
    failure(status, error.to_string(), b"", 0)
}
