//! C xxHash, compiled by the build script.

use std::ffi::c_void;

unsafe extern "C" {
    fn compare_xxh3_64(message: *const c_void, size: usize) -> u64;
    fn compare_xxh3_128_low(message: *const c_void, size: usize) -> u64;
}

/// XXH3 with 64 bits.
pub(crate) fn xxh3_64(message: &[u8]) -> u64 {
    // SAFETY: the function reads `size` bytes from `message` and keeps nothing.
    unsafe { compare_xxh3_64(message.as_ptr().cast(), message.len()) }
}

/// The lower half of XXH3 with 128 bits.
pub(crate) fn xxh3_128_low(message: &[u8]) -> u64 {
    // SAFETY: as above.
    unsafe { compare_xxh3_128_low(message.as_ptr().cast(), message.len()) }
}
