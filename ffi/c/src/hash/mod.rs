//! `treenail-hash`: one message, many, and pieces of one.

pub mod blocks;
pub mod cdc;
pub mod rolling;
pub mod stream;

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

use treenail_hash::{
    Blake3, Collision, Crc32, Crc32c, Digest, GitBlob, Hash, Sha1, Sha256, Xxh3, Xxh128,
    git_blob_many, sha1_many, xxh3,
};

use crate::boundary::boundary;
use crate::memory::{Slice, bytes, bytes_out, out, slice, slice_out};
use crate::status::Status;

/// The hash algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Algorithm {
    /// XXH3 with 64 bits, in the byte order that `xxhsum -H3` prints: the fastest, against
    /// accidents only. 8 bytes.
    TnXxh3_64 = 1,
    /// XXH3 with 128 bits, in the byte order that `xxhsum -H2` prints; against accidents only. 16
    /// bytes.
    TnXxh3_128 = 2,
    /// BLAKE3, safe against adversaries. 32 bytes.
    TnBlake3 = 3,
    /// SHA-256. 32 bytes.
    TnSha256 = 4,
    /// SHA-1 with detection of the known collision attacks. 20 bytes.
    TnSha1 = 5,
    /// The id of a Git blob: SHA-1 of a header with the length, and the content. 20 bytes.
    TnGitBlob = 6,
    /// CRC-32 (zlib, PNG), big-endian. 4 bytes.
    TnCrc32 = 7,
    /// CRC-32C (iSCSI, ext4), big-endian. 4 bytes.
    TnCrc32c = 8,
}

impl Algorithm {
    const ALL: [Self; 8] = [
        Self::TnXxh3_64,
        Self::TnXxh3_128,
        Self::TnBlake3,
        Self::TnSha256,
        Self::TnSha1,
        Self::TnGitBlob,
        Self::TnCrc32,
        Self::TnCrc32c,
    ];

    pub(crate) fn new(number: u32) -> Result<Self, Status> {
        let known = Self::ALL.into_iter().find(|known| *known as u32 == number);
        known.ok_or(Status::TnErrorArgument)
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::TnXxh3_64 => 8,
            Self::TnXxh3_128 => 16,
            Self::TnBlake3 | Self::TnSha256 => 32,
            Self::TnSha1 | Self::TnGitBlob => 20,
            Self::TnCrc32 | Self::TnCrc32c => 4,
        }
    }

    fn name(self) -> &'static CStr {
        match self {
            Self::TnXxh3_64 => c"xxh3",
            Self::TnXxh3_128 => c"xxh128",
            Self::TnBlake3 => c"blake3",
            Self::TnSha256 => c"sha256",
            Self::TnSha1 => c"sha1",
            Self::TnGitBlob => c"git",
            Self::TnCrc32 => c"crc32",
            Self::TnCrc32c => c"crc32c",
        }
    }
}

/// How many bytes a digest of `algorithm` (a `tn_algorithm`) has; 0 for a number that is none.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_digest_bytes(algorithm: u32) -> usize {
    Algorithm::new(algorithm).map_or(0, Algorithm::digest_bytes)
}

/// The usual name of `algorithm` (a `tn_algorithm`), in lower case: a string that is there forever;
/// null for a number that is none.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_algorithm_name(algorithm: u32) -> *const c_char {
    Algorithm::new(algorithm).map_or(std::ptr::null(), |known| known.name().as_ptr())
}

/// Writes the digest of one message to `digest`, which has room for `digest_capacity` bytes:
/// `tn_digest_bytes(algorithm)` of them are written.
///
/// Returns `TN_ERROR_ARGUMENT` for an unknown algorithm, `TN_ERROR_SHORT` when the digest does not
/// fit, `TN_ERROR_NULL`, and for SHA-1 and Git blobs `TN_ERROR_COLLISION` when the message carries
/// a collision attack: what is written then is not its SHA-1 but a digest that stands for it in
/// this library alone.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `message` and `digest` point to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hash(
    algorithm: u32,
    message: *const c_void,
    message_bytes: usize,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        let algorithm = Algorithm::new(algorithm)?;
        // SAFETY: the caller's promise.
        let message = unsafe { bytes(message, message_bytes) }?;
        // SAFETY: the caller's promise.
        let into = unsafe { bytes_out(digest, digest_capacity, algorithm.digest_bytes()) }?;
        match algorithm {
            Algorithm::TnXxh3_64 => one::<Xxh3>(message, into),
            Algorithm::TnXxh3_128 => one::<Xxh128>(message, into),
            Algorithm::TnBlake3 => one::<Blake3>(message, into),
            Algorithm::TnSha256 => one::<Sha256>(message, into),
            Algorithm::TnCrc32 => one::<Crc32>(message, into),
            Algorithm::TnCrc32c => one::<Crc32c>(message, into),
            Algorithm::TnSha1 => return put_checked(Sha1::hash_checked(message), into),
            Algorithm::TnGitBlob => return put_checked(GitBlob::hash_checked(message), into),
        }
        Ok(())
    })
}

/// Writes the digest of each of `count` messages to `digests`, one behind the other without gaps:
/// several at a time where the processor can, which is much quicker for short ones.
///
/// `statuses` may be null; otherwise it gets `count` entries, `TN_OK` or `TN_ERROR_COLLISION` each.
/// Returns `TN_ERROR_COLLISION` when any message carries a SHA-1 collision attack (see `tn_hash`),
/// `TN_ERROR_SHORT` when `digests_capacity` is less than `count * tn_digest_bytes(algorithm)`,
/// `TN_ERROR_ARGUMENT` and `TN_ERROR_NULL`. After these but the first, the contents of `digests`
/// and `statuses` are unspecified.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `messages`, each message, `digests` and `statuses` point to as many as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hash_many(
    algorithm: u32,
    messages: *const Slice,
    count: usize,
    digests: *mut u8,
    digests_capacity: usize,
    statuses: *mut Status,
) -> Status {
    boundary(|| {
        let algorithm = Algorithm::new(algorithm)?;
        let size = algorithm.digest_bytes();
        let needed = count.checked_mul(size).ok_or(Status::TnErrorArgument)?;
        // SAFETY: the caller's promise.
        let messages = unsafe { slice(messages, count) }?;
        // SAFETY: the caller's promise.
        let digests = unsafe { bytes_out(digests, digests_capacity, needed) }?;
        let wanted = if statuses.is_null() { 0 } else { count };
        // SAFETY: the caller's promise.
        let mut statuses = unsafe { slice_out(statuses, wanted) }?.iter_mut();
        let mut attacked = false;
        for (messages, digests) in messages.chunks(BATCH).zip(digests.chunks_mut(BATCH * size)) {
            let mut batch = [&[][..]; BATCH];
            for (message, given) in batch.iter_mut().zip(messages) {
                // SAFETY: the caller's promise.
                *message = unsafe { bytes(given.data, given.len) }?;
            }
            let batch = &batch[..messages.len()];
            let mut verdict = |status| {
                attacked |= status == Status::TnErrorCollision;
                if let Some(place) = statuses.next() {
                    place.write(status);
                }
            };
            match algorithm {
                Algorithm::TnSha1 => many_checked(sha1_many, batch, digests, &mut verdict),
                Algorithm::TnGitBlob => many_checked(git_blob_many, batch, digests, &mut verdict),
                Algorithm::TnXxh3_64 => many::<Xxh3>(batch, digests, &mut verdict),
                Algorithm::TnXxh3_128 => many::<Xxh128>(batch, digests, &mut verdict),
                Algorithm::TnBlake3 => many::<Blake3>(batch, digests, &mut verdict),
                Algorithm::TnSha256 => many::<Sha256>(batch, digests, &mut verdict),
                Algorithm::TnCrc32 => many::<Crc32>(batch, digests, &mut verdict),
                Algorithm::TnCrc32c => many::<Crc32c>(batch, digests, &mut verdict),
            }
        }
        if attacked { Err(Status::TnErrorCollision) } else { Ok(()) }
    })
}

/// Writes XXH3-64 of a message with a seed to `*hash`, as a number; seed 0 is plain XXH3-64.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `message` points to as many bytes as is said, `hash` to a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_xxh3_64_with_seed(
    message: *const c_void,
    message_bytes: usize,
    seed: u64,
    hash: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (message, hash) = unsafe { (bytes(message, message_bytes)?, out(hash)?) };
        hash.write(xxh3::xxh3_64_with_seed(message, seed));
        Ok(())
    })
}

/// Writes XXH3-64 of a message with a secret to `*hash`, as a number. `TN_ERROR_ARGUMENT` when the
/// secret is shorter than 136 bytes. A secret should look random.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `message` and `secret` point to as many bytes as is said, `hash` to a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_xxh3_64_with_secret(
    message: *const c_void,
    message_bytes: usize,
    secret: *const c_void,
    secret_bytes: usize,
    hash: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (message, hash) = unsafe { (bytes(message, message_bytes)?, out(hash)?) };
        // SAFETY: the caller's promise.
        let secret = unsafe { bytes(secret, secret_bytes) }?;
        let secret = xxh3::Secret::new(secret).ok_or(Status::TnErrorArgument)?;
        hash.write(xxh3::xxh3_64_with_secret(message, secret));
        Ok(())
    })
}

/// The messages that are hashed at a time: enough to keep sixteen lanes busy, and their digests
/// fit on the stack.
const BATCH: usize = 256;

fn one<H: Hash>(message: &[u8], into: &mut [MaybeUninit<u8>]) {
    put(H::hash(message).as_ref(), into);
}

fn many<H: Hash>(
    messages: &[&[u8]],
    digests: &mut [MaybeUninit<u8>],
    verdict: &mut impl FnMut(Status),
) {
    let mut found = [H::Digest::default(); BATCH];
    H::hash_many(messages, &mut found[..messages.len()]);
    for (digest, place) in found.iter().zip(digests.chunks_mut(H::Digest::SIZE_BYTES)) {
        put(digest.as_ref(), place);
        verdict(Status::TnOk);
    }
}

type Sha1Result = Result<[u8; 20], Collision>;

fn many_checked(
    hash: fn(&[&[u8]], &mut [Sha1Result]),
    messages: &[&[u8]],
    digests: &mut [MaybeUninit<u8>],
    verdict: &mut impl FnMut(Status),
) {
    let mut found = [Ok([0; 20]); BATCH];
    hash(messages, &mut found[..messages.len()]);
    for (result, place) in found.into_iter().zip(digests.chunks_mut(20)) {
        verdict(put_checked(result, place).err().unwrap_or(Status::TnOk));
    }
}

/// Writes a digest to memory of just its length.
pub(crate) fn put(digest: &[u8], into: &mut [MaybeUninit<u8>]) {
    into.write_copy_of_slice(digest);
}

fn put_checked(result: Sha1Result, into: &mut [MaybeUninit<u8>]) -> Result<(), Status> {
    match result {
        Ok(digest) => put(&digest, into),
        Err(collision) => {
            put(&collision.mitigated(), into);
            return Err(Status::TnErrorCollision);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_names_are_those_of_the_algorithms() {
        fn check<H: Hash>(algorithm: Algorithm) {
            assert_eq!(algorithm.digest_bytes(), H::Digest::SIZE_BYTES);
            assert_eq!(algorithm.name().to_str().unwrap(), H::NAME);
        }
        check::<Xxh3>(Algorithm::TnXxh3_64);
        check::<Xxh128>(Algorithm::TnXxh3_128);
        check::<Blake3>(Algorithm::TnBlake3);
        check::<Sha256>(Algorithm::TnSha256);
        check::<Sha1>(Algorithm::TnSha1);
        check::<Crc32>(Algorithm::TnCrc32);
        check::<Crc32c>(Algorithm::TnCrc32c);
        for number in [0, 9, u32::MAX] {
            assert_eq!(tn_digest_bytes(number), 0);
            assert!(tn_algorithm_name(number).is_null());
        }
    }

    #[test]
    fn many_are_each_as_one_alone() {
        let text: Vec<u8> = (0..40_000_u32).map(|i| (i * i / 8) as u8).collect();
        let messages: Vec<&[u8]> = (0..600).map(|i| &text[i..i + i * 37 % 4999]).collect();
        let slices: Vec<Slice> = messages.iter().map(|message| Slice::lend(message)).collect();
        for algorithm in Algorithm::ALL {
            let size = algorithm.digest_bytes();
            let mut digests = vec![0; size * messages.len()];
            let mut statuses = vec![Status::TnErrorPanic; messages.len()];
            // SAFETY: all slices are there.
            let status = unsafe {
                tn_hash_many(
                    algorithm as u32,
                    slices.as_ptr(),
                    slices.len(),
                    digests.as_mut_ptr(),
                    digests.len(),
                    statuses.as_mut_ptr(),
                )
            };
            assert_eq!(status, Status::TnOk);
            assert!(statuses.iter().all(|one| *one == Status::TnOk));
            for (message, digest) in messages.iter().zip(digests.chunks(size)) {
                let mut alone = vec![0; size];
                let (data, len) = (message.as_ptr().cast(), message.len());
                // SAFETY: both slices are there.
                let status =
                    unsafe { tn_hash(algorithm as u32, data, len, alone.as_mut_ptr(), size) };
                assert_eq!((status, &alone[..]), (Status::TnOk, digest), "{algorithm:?}");
            }
        }
    }
}
