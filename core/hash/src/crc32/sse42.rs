//! CRC-32C by the instruction of SSE4.2, for what is too short to fold.

use core::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u32, _mm_crc32_u64};

/// The CRC of a message whose CRC was `crc` before `bytes` were appended.
///
/// One step waits for the one before: three cycles for eight bytes.
#[target_feature(enable = "sse4.2")]
pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut register = u64::from(!crc);
    for word in words {
        register = _mm_crc32_u64(register, u64::from_le_bytes(*word));
    }
    // The instruction leaves the upper half zero.
    let mut register = register as u32;
    let rest = match rest.split_first_chunk() {
        Some((word, rest)) => {
            register = _mm_crc32_u32(register, u32::from_le_bytes(*word));
            rest
        }
        None => rest,
    };
    for byte in rest {
        register = _mm_crc32_u8(register, *byte);
    }
    !register
}
