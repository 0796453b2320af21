//! `treenail-merkle`: the set, the append-only log with its proofs, the array of fixed positions.
//!
//! The algorithms are those whose digests no accident makes equal: XXH3-128, BLAKE3 and SHA-256.

pub mod array;
pub mod log;
pub mod proof;
pub mod set;
pub mod tiles;

use crate::memory::{bytes, shared};
use crate::status::Status;

/// Evaluates `$body` with `$bound` bound, whichever algorithm the module's `Of` holds.
macro_rules! with {
    ($of:expr, $bound:ident => $body:expr) => {
        match $of {
            Of::Xxh128($bound) => $body,
            Of::Blake3($bound) => $body,
            Of::Sha256($bound) => $body,
        }
    };
}
use with;

/// Evaluates `$body`, a result, with `$hash` naming the algorithm of that number.
macro_rules! by_algorithm {
    ($number:expr, $hash:ident => $body:expr) => {
        match crate::hash::Algorithm::new($number)? {
            crate::hash::Algorithm::TnXxh3_128 => {
                type $hash = treenail_hash::Xxh128;
                $body
            }
            crate::hash::Algorithm::TnBlake3 => {
                type $hash = treenail_hash::Blake3;
                $body
            }
            crate::hash::Algorithm::TnSha256 => {
                type $hash = treenail_hash::Sha256;
                $body
            }
            _ => Err(Status::TnErrorArgument),
        }
    };
}
use by_algorithm;

/// The digest at a pointer.
///
/// # Safety
/// Unless the result is an error, `pointer` points to as many bytes as the digest has.
unsafe fn digest_at<const N: usize>(pointer: *const u8) -> Result<[u8; N], Status> {
    // SAFETY: the caller's promise; an array of bytes is aligned anywhere.
    unsafe { shared(pointer.cast::<[u8; N]>()) }.copied()
}

/// The digests at a pointer, one behind the other.
///
/// # Safety
/// Unless the result is an error, `pointer` points to as many digests as is said, which nobody
/// writes to during `'a`.
unsafe fn digests_at<'a, const N: usize>(
    pointer: *const u8,
    count: usize,
) -> Result<&'a [[u8; N]], Status> {
    let size = count.checked_mul(N).ok_or(Status::TnErrorArgument)?;
    // SAFETY: the caller's promise.
    Ok(unsafe { bytes(pointer.cast(), size) }?.as_chunks().0)
}
