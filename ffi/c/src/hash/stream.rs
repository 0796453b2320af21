//! A message that comes in pieces.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use treenail_hash::{
    Blake3, Crc32, Crc32c, GitBlob, GitBlobError, Hash, Sha1, Sha256, Xxh3, Xxh128,
};

use super::{Algorithm, put, put_checked};
use crate::boundary::boundary;
use crate::memory::{bytes, bytes_out, free, give, out, shared, unique};
use crate::status::Status;

/// A message that is being hashed.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    seed: u64,
    /// What a Git blob is declared to have.
    size_bytes: u64,
    state: State,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a hasher is always in a box")]
enum State {
    Xxh3(Xxh3),
    Xxh128(Xxh128),
    Blake3(Blake3),
    Sha256(Sha256),
    Sha1(Sha1),
    GitBlob(GitBlob),
    Crc32(Crc32),
    Crc32c(Crc32c),
}

impl Hasher {
    fn new(algorithm: Algorithm, seed: u64, size_bytes: u64) -> Self {
        Self { algorithm, seed, size_bytes, state: State::new(algorithm, seed, size_bytes) }
    }
}

impl State {
    fn new(algorithm: Algorithm, seed: u64, size_bytes: u64) -> Self {
        match algorithm {
            Algorithm::TnXxh3_64 => Self::Xxh3(Xxh3::with_seed(seed)),
            Algorithm::TnXxh3_128 => Self::Xxh128(Xxh128::with_seed(seed)),
            Algorithm::TnBlake3 => Self::Blake3(Blake3::default()),
            Algorithm::TnSha256 => Self::Sha256(Sha256::default()),
            Algorithm::TnSha1 => Self::Sha1(Sha1::default()),
            Algorithm::TnGitBlob => Self::GitBlob(GitBlob::new(size_bytes)),
            Algorithm::TnCrc32 => Self::Crc32(Crc32::default()),
            Algorithm::TnCrc32c => Self::Crc32c(Crc32c::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Xxh3(state) => state.update(bytes),
            Self::Xxh128(state) => state.update(bytes),
            Self::Blake3(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::GitBlob(state) => state.update(bytes),
            Self::Crc32(state) => state.update(bytes),
            Self::Crc32c(state) => state.update(bytes),
        }
    }

    fn digest(&self, into: &mut [MaybeUninit<u8>]) -> Result<(), Status> {
        match self {
            Self::Xxh3(state) => put(&state.digest().to_be_bytes(), into),
            Self::Xxh128(state) => put(&state.digest().to_be_bytes(), into),
            Self::Blake3(state) => put(&state.clone().finish(), into),
            Self::Sha256(state) => put(&state.clone().finish(), into),
            Self::Crc32(state) => put(&state.clone().finish(), into),
            Self::Crc32c(state) => put(&state.clone().finish(), into),
            Self::Sha1(state) => return put_checked(state.clone().finish_checked(), into),
            Self::GitBlob(state) => match state.clone().finish_checked() {
                Ok(digest) => put(&digest, into),
                Err(GitBlobError::Collision(attack)) => return put_checked(Err(attack), into),
                Err(GitBlobError::Length { .. }) => return Err(Status::TnErrorLength),
            },
        }
        Ok(())
    }
}

/// Begins a message: `*hasher` gets a new handle. `algorithm` is a `tn_algorithm`; for Git blobs
/// there is `tn_hasher_new_git_blob`, here they are a `TN_ERROR_ARGUMENT`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
///
/// # Safety
/// `hasher` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_new(algorithm: u32, hasher: *mut *mut Hasher) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let hasher = unsafe { out(hasher) }?;
        match Algorithm::new(algorithm)? {
            Algorithm::TnGitBlob => return Err(Status::TnErrorArgument),
            algorithm => give(Hasher::new(algorithm, 0, 0), hasher),
        }
        Ok(())
    })
}

/// As `tn_hasher_new`, with a seed: for `TN_XXH3_64` and `TN_XXH3_128` alone, `TN_ERROR_ARGUMENT`
/// for the others.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
///
/// # Safety
/// `hasher` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_new_with_seed(
    algorithm: u32,
    seed: u64,
    hasher: *mut *mut Hasher,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let hasher = unsafe { out(hasher) }?;
        let algorithm = Algorithm::new(algorithm)?;
        if !matches!(algorithm, Algorithm::TnXxh3_64 | Algorithm::TnXxh3_128) {
            return Err(Status::TnErrorArgument);
        }
        give(Hasher::new(algorithm, seed, 0), hasher);
        Ok(())
    })
}

/// Begins a Git blob whose content has `size_bytes` bytes.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
///
/// # Safety
/// `hasher` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_new_git_blob(
    size_bytes: u64,
    hasher: *mut *mut Hasher,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let hasher = unsafe { out(hasher) }?;
        give(Hasher::new(Algorithm::TnGitBlob, 0, size_bytes), hasher);
        Ok(())
    })
}

/// Adds bytes to the message.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `hasher` is a handle, `message` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_update(
    hasher: *mut Hasher,
    message: *const c_void,
    message_bytes: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (hasher, bytes) = unsafe { (unique(hasher)?, bytes(message, message_bytes)?) };
        hasher.state.update(bytes);
        Ok(())
    })
}

/// Writes the digest of everything added so far; more can follow. Returns as `tn_hash`, and
/// `TN_ERROR_LENGTH` for a Git blob whose content is not as long as was declared.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `hasher` is a handle, `digest` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_digest(
    hasher: *const Hasher,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let hasher = unsafe { shared(hasher) }?;
        let size = hasher.algorithm.digest_bytes();
        // SAFETY: the caller's promise.
        hasher.state.digest(unsafe { bytes_out(digest, digest_capacity, size) }?)
    })
}

/// Begins the message again, with the algorithm, seed or declared length that the handle was made
/// with.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `hasher` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_reset(hasher: *mut Hasher) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let hasher = unsafe { unique(hasher) }?;
        hasher.state = State::new(hasher.algorithm, hasher.seed, hasher.size_bytes);
        Ok(())
    })
}

/// Makes `*copy` another handle with the same message so far.
///
/// Threads: one at a time for each handle. Ownership: both handles are the caller's, to be freed
/// with `tn_hasher_free`.
///
/// # Safety
/// `hasher` is a handle, `copy` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_clone(hasher: *const Hasher, copy: *mut *mut Hasher) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (hasher, copy) = unsafe { (shared(hasher)?, out(copy)?) };
        give(hasher.clone(), copy);
        Ok(())
    })
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `hasher` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_hasher_free(hasher: *mut Hasher) {
    // SAFETY: the caller's promise.
    unsafe { free(hasher) }
}
