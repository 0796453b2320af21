//! rsync's sum of a block, and the search for blocks whose sums are known.

use std::ffi::c_void;

use treenail_hash::rolling::{Candidates as CoreCandidates, MatchSet as CoreMatchSet, sum};

use crate::boundary::boundary;
use crate::memory::{bytes, filled, free, give, out, shared, slice_out, unique};
use crate::status::Status;

/// Writes rsync's weak sum of a block (by the definition of the algorithm's report: bytes count
/// from 0 to 255) to `*weak`. Blocks that differ have equal sums easily: compare a strong hash.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `block` points to as many bytes as is said, `weak` to a `uint32_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_rolling_sum(
    block: *const c_void,
    block_bytes: usize,
    weak: *mut u32,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (block, weak) = unsafe { (bytes(block, block_bytes)?, out(weak)?) };
        weak.write(sum(block));
        Ok(())
    })
}

/// A set of sums in the caller's memory, and what looks for blocks that have them.
pub struct MatchSet(CoreMatchSet<'static>);

/// Makes an empty set of sums in `memory`, which is overwritten. Of the sums that were never
/// inserted, about one in `64 * words / inserted` passes for a member. 1,024 words do for some
/// hundred blocks, 16,384 for ten thousand.
///
/// `TN_ERROR_ARGUMENT` unless `words` is a power of two, 2^26 at most; `TN_ERROR_ALIGNMENT` unless
/// `memory` is aligned to 8 bytes.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_match_set_free`; the
/// memory stays the caller's too, and nobody else may touch it until the handle is freed.
///
/// # Safety
/// `memory` points to `words` times 8 bytes, `set` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_match_set_new(
    memory: *mut u64,
    words: usize,
    set: *mut *mut MatchSet,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (memory, set) = unsafe { (slice_out(memory, words)?, out(set)?) };
        if !words.is_power_of_two() || words > CoreMatchSet::WORDS_MAX {
            return Err(Status::TnErrorArgument);
        }
        give(MatchSet(CoreMatchSet::new(filled(memory, || 0))), set);
        Ok(())
    })
}

/// Adds a sum, one that `tn_rolling_sum` gave.
///
/// Threads: one at a time for each handle, and none while candidates of the set are looked for.
///
/// # Safety
/// `set` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_match_set_insert(set: *mut MatchSet, weak: u32) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(set) }?.0.insert(weak);
        Ok(())
    })
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle, and after the candidates that use it were
/// freed. Freeing twice is an error that is not caught.
///
/// # Safety
/// `set` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_match_set_free(set: *mut MatchSet) {
    // SAFETY: the caller's promise.
    unsafe { free(set) }
}

/// A search of a buffer for blocks whose sums are in a set.
pub struct Candidates(CoreCandidates<'static>);

/// A block whose sum may be in the set.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Candidate {
    /// Where the block begins in the buffer.
    pub at: usize,
    /// Its sum.
    pub weak: u32,
}

/// Begins to look in `data` for blocks of `block_bytes` whose sums may be in `set`.
/// `TN_ERROR_ARGUMENT` when `block_bytes` is 0.
///
/// Threads: any; several searches may share a set. Ownership: the handle is the caller's, to be
/// freed with `tn_candidates_free`; it uses the set and the buffer, which must stay as they are
/// until then.
///
/// # Safety
/// `set` is a handle, `data` points to as many bytes as is said, `candidates` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_candidates_new(
    set: *const MatchSet,
    data: *const c_void,
    data_bytes: usize,
    block_bytes: usize,
    candidates: *mut *mut Candidates,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise, by which both also outlive the candidates.
        let (set, data) = unsafe { (shared(set)?, bytes(data, data_bytes)?) };
        // SAFETY: the caller's promise.
        let candidates = unsafe { out(candidates) }?;
        if block_bytes == 0 {
            return Err(Status::TnErrorArgument);
        }
        give(Candidates(set.0.candidates(data, block_bytes)), candidates);
        Ok(())
    })
}

/// Writes the next candidate, the nearest first; they may overlap. `TN_NONE` when there is none.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `candidates` is a handle, `candidate` points to a `tn_candidate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_candidates_next(
    candidates: *mut Candidates,
    candidate: *mut Candidate,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (candidates, candidate) = unsafe { (unique(candidates)?, out(candidate)?) };
        let found = candidates.0.next().ok_or(Status::TnNone)?;
        candidate.write(Candidate { at: found.at, weak: found.sum });
        Ok(())
    })
}

/// Goes on with the block that begins at `at`: for instance behind one that was found.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `candidates` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_candidates_seek(candidates: *mut Candidates, at: usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(candidates) }?.0.seek(at);
        Ok(())
    })
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `candidates` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_candidates_free(candidates: *mut Candidates) {
    // SAFETY: the caller's promise.
    unsafe { free(candidates) }
}
