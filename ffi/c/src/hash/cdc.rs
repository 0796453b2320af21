//! Content-defined chunking.

use std::ffi::c_void;

use treenail_hash::cdc::{Chunker as CoreChunker, Key, Sizes};

use crate::boundary::{boundary, boundary_or};
use crate::memory::{bytes, free, give, out, shared, unique};
use crate::status::Status;

/// What the cuts of chunks tell those who see the chunks' lengths alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum CdcKey {
    /// Everything: the key is public. Takes no secret.
    TnCdcLocal = 0,
    /// Nothing that is known, though nothing is proved: four rounds of AES. Takes 16 secret bytes.
    TnCdcFast = 1,
    /// Nothing that equal content does not tell: AES-128. About half as quick. Takes 16 secret
    /// bytes.
    TnCdcStrong = 2,
}

/// Finds where the content of a stream says to cut it.
pub struct Chunker(CoreChunker);

/// Begins a stream that is cut into chunks of about `target_bytes`: three quarters of that at least
/// (but for the last), three times that at most.
///
/// `key` is a `tn_cdc_key`; `secret` points to 16 random bytes that are copied, or is null for
/// `TN_CDC_LOCAL`. Equal streams are cut alike under equal keys and targets. `TN_ERROR_ARGUMENT`
/// when `target_bytes` is not within 64 and 2^30 or `key` is unknown, `TN_ERROR_NULL` when a secret
/// is lacking.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_chunker_free`.
///
/// # Safety
/// `secret` is null or points to 16 bytes, `chunker` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_chunker_new(
    key: u32,
    secret: *const u8,
    target_bytes: u32,
    chunker: *mut *mut Chunker,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let chunker = unsafe { out(chunker) }?;
        // SAFETY: the caller's promise.
        let secret = || unsafe { shared(secret.cast::<[u8; 16]>()) }.copied();
        let key = match key {
            key if key == CdcKey::TnCdcLocal as u32 => Key::local(),
            key if key == CdcKey::TnCdcFast as u32 => Key::fast(secret()?),
            key if key == CdcKey::TnCdcStrong as u32 => Key::strong(secret()?),
            _ => return Err(Status::TnErrorArgument),
        };
        let sizes = Sizes::new(target_bytes).map_err(|_| Status::TnErrorArgument)?;
        give(Chunker(CoreChunker::new(key, sizes)), chunker);
        Ok(())
    })
}

/// Goes on with the stream's next bytes. `TN_OK`: the chunk ends after the first `*taken` of them,
/// at least one; call again with the rest. `TN_NONE`: all of them belong to the chunk, which goes
/// on (`*taken` is then their number). When the stream has ended, what was not cut off is its last
/// chunk.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `chunker` is a handle, `data` points to as many bytes as is said, `taken` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_chunker_next_cut(
    chunker: *mut Chunker,
    data: *const c_void,
    data_bytes: usize,
    taken: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (chunker, taken) = unsafe { (unique(chunker)?, out(taken)?) };
        // SAFETY: the caller's promise.
        let data = unsafe { bytes(data, data_bytes) }?;
        let cut = chunker.0.next_cut(data);
        taken.write(cut.unwrap_or(data.len()));
        cut.map(|_| ()).ok_or(Status::TnNone)
    })
}

/// The length so far of the chunk that has not ended; 0 for null.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `chunker` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_chunker_chunk_bytes(chunker: *const Chunker) -> usize {
    // SAFETY: the caller's promise.
    boundary_or(0, || unsafe { shared(chunker) }.map_or(0, |it| it.0.chunk_bytes()))
}

/// Begins another stream.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `chunker` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_chunker_reset(chunker: *mut Chunker) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(chunker) }?.0.reset();
        Ok(())
    })
}

/// Frees the handle; nothing happens with null. The key is not wiped from memory.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `chunker` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_chunker_free(chunker: *mut Chunker) {
    // SAFETY: the caller's promise.
    unsafe { free(chunker) }
}
