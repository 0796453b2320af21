//! Digests of a file's blocks, and one of the file that follows changes.

use std::ffi::c_void;

use treenail_hash::blocks::{Blocks as CoreBlocks, BlocksError, digests_for};
use treenail_hash::{Blake3, Hash, Sha256, Xxh3, Xxh128};

use super::{Algorithm, put};
use crate::boundary::{boundary, boundary_or};
use crate::memory::{Slice, bytes, bytes_out, filled, free, give, out, shared, slice_out, unique};
use crate::status::Status;

/// The length of every block but a file's last, which may be shorter.
pub const TN_BLOCK_BYTES: u64 = 4096;
const _: () = assert!(TN_BLOCK_BYTES == treenail_hash::blocks::BLOCK_BYTES);

/// The digests of a file's blocks, in the caller's memory.
pub struct Blocks(Of);

enum Of {
    Xxh3(CoreBlocks<'static, Xxh3>),
    Xxh128(CoreBlocks<'static, Xxh128>),
    Blake3(CoreBlocks<'static, Blake3>),
    Sha256(CoreBlocks<'static, Sha256>),
}

/// Evaluates `$body` with `$blocks` bound, whatever the algorithm.
macro_rules! with {
    ($of:expr, $blocks:ident => $body:expr) => {
        match $of {
            Of::Xxh3($blocks) => $body,
            Of::Xxh128($blocks) => $body,
            Of::Blake3($blocks) => $body,
            Of::Sha256($blocks) => $body,
        }
    };
}

/// Called with the number of a block that is new or has another digest than before.
pub type BlockChanged = Option<unsafe extern "C" fn(context: *mut c_void, block: usize)>;

/// How many bytes of memory the blocks of a file of up to `size_bytes` take; 0 for an algorithm
/// that blocks cannot be hashed with, or when no memory is as large.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_blocks_memory_bytes(algorithm: u32, size_bytes: u64) -> usize {
    let size = Algorithm::new(algorithm).ok().filter(|one| is_for_blocks(*one));
    let size = size.map_or(0, Algorithm::digest_bytes);
    digests_for(size_bytes).checked_mul(size).unwrap_or(0)
}

/// Begins an empty file in `memory`, or, when `size_bytes` is not 0, goes on with what another
/// handle of the same algorithm left there for a file of that length, the memory being just as
/// long (which is not checked).
///
/// `algorithm` is `TN_XXH3_64`, `TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`, `TN_ERROR_ARGUMENT`
/// otherwise. `TN_ERROR_SHORT` when the memory is too short for a file of `size_bytes`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_blocks_free`; the
/// memory stays the caller's too, and nobody else may touch it until the handle is freed.
///
/// # Safety
/// `memory` points to as many bytes as is said (set to some value, if `size_bytes` is not 0),
/// `blocks` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_new(
    algorithm: u32,
    memory: *mut u8,
    memory_bytes: usize,
    size_bytes: u64,
    blocks: *mut *mut Blocks,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let blocks = unsafe { out(blocks) }?;
        let algorithm = Algorithm::new(algorithm)?;
        // SAFETY: the caller's promise.
        let of = unsafe {
            match algorithm {
                Algorithm::TnXxh3_64 => Of::Xxh3(begin(memory, memory_bytes, size_bytes)?),
                Algorithm::TnXxh3_128 => Of::Xxh128(begin(memory, memory_bytes, size_bytes)?),
                Algorithm::TnBlake3 => Of::Blake3(begin(memory, memory_bytes, size_bytes)?),
                Algorithm::TnSha256 => Of::Sha256(begin(memory, memory_bytes, size_bytes)?),
                _ => return Err(Status::TnErrorArgument),
            }
        };
        give(Blocks(of), blocks);
        Ok(())
    })
}

/// The file is now `size_bytes` long, and from `offset` on it holds `data`. Calls `changed`, unless
/// it is null, with `context` and the number of each block there that is new or has another digest
/// than before, in ascending order.
///
/// To follow a write, pass what `tn_blocks_covering` says; to find out what changed, pass all of
/// the file. A long file can be passed in pieces, `size_bytes` being the end of each piece until
/// the last.
///
/// Nothing is changed when it fails: `TN_ERROR_SHORT` when there is no memory for so long a file,
/// `TN_ERROR_ARGUMENT` when `data` do not begin at a block, or neither end at one nor with the
/// file, `TN_ERROR_MISSING` when they lack a block that is new or has another length.
///
/// Threads: one at a time for each handle. Nothing is allocated. `changed` runs on this thread,
/// must not use the handle, and returns: it does not throw, nor jump out.
///
/// # Safety
/// `blocks` is a handle, `data` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_update(
    blocks: *mut Blocks,
    size_bytes: u64,
    offset: u64,
    data: *const c_void,
    data_bytes: usize,
    changed: BlockChanged,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (blocks, data) = unsafe { (unique(blocks)?, bytes(data, data_bytes)?) };
        let report = |block| {
            if let Some(changed) = changed {
                // SAFETY: the caller gave a function to be called so.
                unsafe { changed(context, block) }
            }
        };
        with!(&mut blocks.0, of => of.update(size_bytes, offset, data, report)).map_err(status)
    })
}

/// Writes the digest of the whole file, which depends on its bytes alone.
///
/// `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: any, while none updates the handle. Nothing is allocated.
///
/// # Safety
/// `blocks` is a handle, `digest` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_root(
    blocks: *const Blocks,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let blocks = unsafe { shared(blocks) }?;
        with!(&blocks.0, of => {
            let root = of.root();
            // SAFETY: the caller's promise.
            put(&root, unsafe { bytes_out(digest, digest_capacity, root.len()) }?);
        });
        Ok(())
    })
}

/// Writes where the digests of the blocks are: one behind the other, each the plain hash of the
/// block's bytes. They lie in the memory that the handle was made with, and hold until the next
/// update.
///
/// Threads: any, while none updates the handle. Nothing is allocated.
///
/// # Safety
/// `blocks` is a handle, `digests` points to a `tn_slice`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_digests(blocks: *const Blocks, digests: *mut Slice) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (blocks, digests) = unsafe { (shared(blocks)?, out(digests)?) };
        digests.write(with!(&blocks.0, of => Slice::lend(of.blocks().as_flattened())));
        Ok(())
    })
}

/// Widens the range of bytes from `*start` to before `*end`, where the file was written, to the
/// least that `tn_blocks_update` takes: to whole blocks, cut off at the file's end.
///
/// Threads: any, while none updates the handle. Nothing is allocated.
///
/// # Safety
/// `blocks` is a handle, `start` and `end` point to a `uint64_t` each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_covering(
    blocks: *const Blocks,
    start: *mut u64,
    end: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (blocks, start, end) = unsafe { (shared(blocks)?, unique(start)?, unique(end)?) };
        let covering = with!(&blocks.0, of => of.covering(*start..*end));
        (*start, *end) = (covering.start, covering.end);
        Ok(())
    })
}

/// The file's length; 0 for null.
///
/// Threads: any, while none updates the handle. Nothing is allocated.
///
/// # Safety
/// `blocks` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_size_bytes(blocks: *const Blocks) -> u64 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(blocks) }.map_or(0, |blocks| with!(&blocks.0, of => of.size_bytes()))
    })
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `blocks` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_blocks_free(blocks: *mut Blocks) {
    // SAFETY: the caller's promise.
    unsafe { free(blocks) }
}

/// # Safety
/// `memory` points to as many bytes as is said, which nobody else uses until the result is dropped.
unsafe fn begin<H: Hash<Digest = [u8; N]>, const N: usize>(
    memory: *mut u8,
    memory_bytes: usize,
    size_bytes: u64,
) -> Result<CoreBlocks<'static, H>, Status> {
    // SAFETY: the caller's promise; an array of bytes is aligned anywhere.
    let memory = unsafe { slice_out(memory.cast::<[u8; N]>(), memory_bytes / N) }?;
    if size_bytes == 0 {
        return Ok(CoreBlocks::new(filled(memory, || [0; N])));
    }
    // SAFETY: the caller has set the bytes to some value, and every one is valid.
    let memory = unsafe { memory.assume_init_mut() };
    CoreBlocks::resume(memory, size_bytes).map_err(status)
}

fn is_for_blocks(algorithm: Algorithm) -> bool {
    use Algorithm::{TnBlake3, TnSha256, TnXxh3_64, TnXxh3_128};
    matches!(algorithm, TnXxh3_64 | TnXxh3_128 | TnBlake3 | TnSha256)
}

fn status(error: BlocksError) -> Status {
    match error {
        BlocksError::Full { .. } => Status::TnErrorShort,
        BlocksError::Missing { .. } => Status::TnErrorMissing,
        _ => Status::TnErrorArgument,
    }
}
