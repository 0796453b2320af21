//! Leaves and nodes as RFC 9162 hashes them; proofs made and verified.

use std::ffi::c_void;

use treenail_hash::Hash;
use treenail_merkle::log::{
    ConsistencyProof, InclusionProof, LeafIndex, NodeId, PROOF_DIGESTS_MAX, ProveError, TreeSize,
    VerifyError, consistency_proof, inclusion_proof,
};
use treenail_merkle::{leaf_digest, leaf_digests, node_digest};

use super::{by_algorithm, digest_at};
use crate::boundary::{boundary, failure};
use crate::hash::put;
use crate::memory::{Slice, bytes, bytes_out, out, slice};
use crate::status::Status;

/// The most digests that a proof has, for a tree of any size.
pub const TN_PROOF_DIGESTS_MAX: usize = 65;
const _: () = assert!(TN_PROOF_DIGESTS_MAX == PROOF_DIGESTS_MAX);

/// Called for the digest of a perfect subtree, the one over the `1 << level` leaves from
/// `index << level` on; writes it to `digest` and returns true, or returns false if it cannot.
pub type NodeDigest = Option<
    unsafe extern "C" fn(context: *mut c_void, level: u8, index: u64, digest: *mut u8) -> bool,
>;

/// Writes the digest of a leaf: the hash of a zero byte and the leaf's bytes. `algorithm` is
/// `TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`, here and in all that follows for Merkle structures;
/// `TN_ERROR_ARGUMENT` otherwise. `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: any. Nothing is allocated.
///
/// # Safety
/// `leaf` and `digest` point to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_leaf(
    algorithm: u32,
    leaf: *const c_void,
    leaf_bytes: usize,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let leaf = unsafe { bytes(leaf, leaf_bytes) }?;
        by_algorithm!(algorithm, H => {
            let found = leaf_digest::<H>(leaf);
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(digest, digest_capacity, found.len()) }?);
            Ok(())
        })
    })
}

/// Writes the digest of each of `count` leaves to `digests`, one behind the other; short leaves are
/// hashed side by side. `TN_ERROR_SHORT` when they do not fit.
///
/// Threads: any. Nothing is allocated.
///
/// # Safety
/// `leaves`, each leaf, and `digests` point to as many as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_leaves(
    algorithm: u32,
    leaves: *const Slice,
    count: usize,
    digests: *mut u8,
    digests_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let leaves = unsafe { slice(leaves, count) }?;
        by_algorithm!(algorithm, H => {
            const BYTES: usize = <<H as Hash>::Digest as treenail_hash::Digest>::SIZE_BYTES;
            let needed = count.checked_mul(BYTES).ok_or(Status::TnErrorArgument)?;
            // SAFETY: the caller's promise.
            let digests = unsafe { bytes_out(digests, digests_capacity, needed) }?;
            for (leaves, into) in leaves.chunks(BATCH).zip(digests.chunks_mut(BATCH * BYTES)) {
                let mut batch = [&[][..]; BATCH];
                for (leaf, given) in batch.iter_mut().zip(leaves) {
                    // SAFETY: the caller's promise.
                    *leaf = unsafe { bytes(given.data, given.len) }?;
                }
                let mut found = [[0; BYTES]; BATCH];
                leaf_digests::<H>(&batch[..leaves.len()], &mut found[..leaves.len()]);
                put(found[..leaves.len()].as_flattened(), into);
            }
            Ok(())
        })
    })
}

/// Writes the digest of a node: the hash of a byte of value 1, the left digest and the right one.
///
/// Threads: any. Nothing is allocated.
///
/// # Safety
/// `left` and `right` point to a digest each, `digest` to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_node(
    algorithm: u32,
    left: *const u8,
    right: *const u8,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        by_algorithm!(algorithm, H => {
            // SAFETY: the caller's promise.
            let (left, right) = unsafe { (digest_at(left)?, digest_at(right)?) };
            let found = node_digest::<H>(&left, &right);
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(digest, digest_capacity, found.len()) }?);
            Ok(())
        })
    })
}

/// Writes the proof that leaf `index` is in the tree of `size` leaves to `path`, digests one behind
/// the other in the order of RFC 9162, and its length in bytes to `*path_bytes`. `node` is asked
/// for digests, at most 127 times.
///
/// `TN_ERROR_ARGUMENT` when the tree has no such leaf, `TN_ERROR_SHORT` when the proof does not fit
/// (`TN_PROOF_DIGESTS_MAX` digests always do), `TN_ERROR_MISSING` when `node` cannot.
///
/// Threads: any. Nothing is allocated. `node` runs on this thread and returns: it does not throw,
/// nor jump out.
///
/// # Safety
/// `path` points to as many bytes as is said, `path_bytes` to a `size_t`; `node` writes a whole
/// digest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_prove_inclusion(
    algorithm: u32,
    index: u64,
    size: u64,
    node: NodeDigest,
    context: *mut c_void,
    path: *mut u8,
    path_capacity: usize,
    path_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path_bytes = unsafe { out(path_bytes) }?;
        let node = node.ok_or(Status::TnErrorNull)?;
        by_algorithm!(algorithm, H => {
            let mut found = [<H as Hash>::Digest::default(); PROOF_DIGESTS_MAX];
            // SAFETY: the caller gave a function to be called so.
            let node = |id| unsafe { ask(node, context, id) };
            let (index, size) = (LeafIndex(index), TreeSize(size));
            let found = inclusion_proof::<H, _>(index, size, node, &mut found);
            let found = found.map_err(prove_status)?.as_flattened();
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(path, path_capacity, found.len()) }?);
            path_bytes.write(found.len());
            Ok(())
        })
    })
}

/// Writes the proof that the tree of `old_size` leaves is the beginning of that of `new_size`;
/// otherwise as `tn_merkle_prove_inclusion`. `TN_ERROR_ARGUMENT` when the older tree is the larger.
///
/// Threads: any. Nothing is allocated. `node` runs on this thread and returns: it does not throw,
/// nor jump out.
///
/// # Safety
/// As `tn_merkle_prove_inclusion`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_prove_consistency(
    algorithm: u32,
    old_size: u64,
    new_size: u64,
    node: NodeDigest,
    context: *mut c_void,
    path: *mut u8,
    path_capacity: usize,
    path_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path_bytes = unsafe { out(path_bytes) }?;
        let node = node.ok_or(Status::TnErrorNull)?;
        by_algorithm!(algorithm, H => {
            let mut found = [<H as Hash>::Digest::default(); PROOF_DIGESTS_MAX];
            // SAFETY: the caller gave a function to be called so.
            let node = |id| unsafe { ask(node, context, id) };
            let (old, new) = (TreeSize(old_size), TreeSize(new_size));
            let found = consistency_proof::<H, _>(old, new, node, &mut found);
            let found = found.map_err(prove_status)?.as_flattened();
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(path, path_capacity, found.len()) }?);
            path_bytes.write(found.len());
            Ok(())
        })
    })
}

/// Checks that the tree of `size` leaves whose root is `root` has, at `index`, the leaf with the
/// digest `leaf`. `TN_ERROR_PROOF` when the proof does not hold, whatever is wrong with it.
///
/// `root` and `size` must be from whom you trust, and `leaf` hashed by you; index and path may be
/// from anyone.
///
/// Threads: any. Nothing is allocated unless it fails.
///
/// # Safety
/// `leaf` and `root` point to a digest each, `path` to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_verify_inclusion(
    algorithm: u32,
    index: u64,
    size: u64,
    leaf: *const u8,
    root: *const u8,
    path: *const u8,
    path_bytes: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path = unsafe { bytes(path.cast(), path_bytes) }?;
        by_algorithm!(algorithm, H => {
            // SAFETY: the caller's promise.
            let (leaf, root) = unsafe { (digest_at(leaf)?, digest_at(root)?) };
            let (index, size) = (LeafIndex(index), TreeSize(size));
            let path = whole_digests(path)?;
            InclusionProof { index, size, path }.verify::<H>(&leaf, &root).map_err(verify_status)
        })
    })
}

/// Checks that the tree of `old_size` leaves whose root is `old_root` is the beginning of the one
/// of `new_size` leaves whose root is `new_root`. `TN_ERROR_PROOF` when the proof does not hold.
///
/// Threads: any. Nothing is allocated unless it fails.
///
/// # Safety
/// `old_root` and `new_root` point to a digest each, `path` to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_merkle_verify_consistency(
    algorithm: u32,
    old_size: u64,
    old_root: *const u8,
    new_size: u64,
    new_root: *const u8,
    path: *const u8,
    path_bytes: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path = unsafe { bytes(path.cast(), path_bytes) }?;
        by_algorithm!(algorithm, H => {
            // SAFETY: the caller's promise.
            let (old_root, new_root) = unsafe { (digest_at(old_root)?, digest_at(new_root)?) };
            let (old, new) = (TreeSize(old_size), TreeSize(new_size));
            let path = whole_digests(path)?;
            let proof = ConsistencyProof { old, new, path };
            proof.verify::<H>(&old_root, &new_root).map_err(verify_status)
        })
    })
}

/// The leaves that are hashed at a time.
const BATCH: usize = 128;

/// # Safety
/// `node` may be called with `context` and a place for a digest.
unsafe fn ask<const N: usize>(
    node: unsafe extern "C" fn(*mut c_void, u8, u64, *mut u8) -> bool,
    context: *mut c_void,
    id: NodeId,
) -> Result<[u8; N], Status> {
    let mut digest = [0; N];
    // SAFETY: the caller's promise.
    let found = unsafe { node(context, id.level, id.index, digest.as_mut_ptr()) };
    found.then_some(digest).ok_or(Status::TnErrorMissing)
}

/// The digests of a proof from anyone, which may end within one.
fn whole_digests<const N: usize>(path: &[u8]) -> Result<&[[u8; N]], Status> {
    let (digests, rest) = path.as_chunks();
    rest.is_empty().then_some(digests).ok_or(Status::TnErrorProof)
}

pub(super) fn prove_status(error: ProveError<Status>) -> Status {
    match error {
        ProveError::Node(status) => status,
        ProveError::Short { .. } => Status::TnErrorShort,
        _ => Status::TnErrorArgument,
    }
}

fn verify_status(error: VerifyError) -> Status {
    failure(Status::TnErrorProof, error.to_string(), b"", 0)
}
