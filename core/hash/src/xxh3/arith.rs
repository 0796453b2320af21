//! The constants and the scalar steps that all lengths and both widths share.

pub(super) const PRIME32_1: u64 = 0x9E37_79B1;
pub(super) const PRIME32_2: u64 = 0x85EB_CA77;
pub(super) const PRIME32_3: u64 = 0xC2B2_AE3D;
pub(super) const PRIME64_1: u64 = 0x9E37_79B1_85EB_CA87;
pub(super) const PRIME64_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
pub(super) const PRIME64_3: u64 = 0x1656_67B1_9E37_79F9;
pub(super) const PRIME64_4: u64 = 0x85EB_CA77_C2B2_AE63;
pub(super) const PRIME64_5: u64 = 0x27D4_EB2F_1656_67C5;
pub(super) const PRIME_MX1: u64 = 0x1656_6791_9E37_79F9;
pub(super) const PRIME_MX2: u64 = 0x9FB2_1C65_1E98_DF25;

/// The little-endian number at `at`; with lengths that the compiler knows, no check remains.
#[inline(always)]
pub(super) fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..].first_chunk().expect("four bytes");
    u32::from_le_bytes(*bytes)
}

/// The little-endian number at `at`; with lengths that the compiler knows, no check remains.
#[inline(always)]
pub(super) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes[at..].first_chunk().expect("eight bytes");
    u64::from_le_bytes(*bytes)
}

/// The product, in halves: low, high.
#[inline(always)]
pub(super) fn multiply_wide(a: u64, b: u64) -> (u64, u64) {
    let product = u128::from(a) * u128::from(b);
    (product as u64, (product >> 64) as u64)
}

/// The product's halves, one XORed onto the other.
#[inline(always)]
pub(super) fn multiply_fold(a: u64, b: u64) -> u64 {
    let (low, high) = multiply_wide(a, b);
    low ^ high
}

#[inline(always)]
pub(super) fn avalanche(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 37).wrapping_mul(PRIME_MX1);
    hash ^ hash >> 32
}

/// The avalanche of the older XXH64, which XXH3 uses for the shortest messages.
#[inline(always)]
pub(super) fn avalanche_xxh64(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(PRIME64_2);
    let hash = (hash ^ hash >> 29).wrapping_mul(PRIME64_3);
    hash ^ hash >> 32
}

#[inline(always)]
pub(super) fn join(low: u64, high: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// `value`, in a way that the compiler cannot look through.
///
/// It would move numbers on their way to a multiplication into vector registers and back, which
/// costs a quarter of the time of a message of 256 bytes.
#[inline(always)]
pub(super) fn opaque(value: u64) -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut value = value;
        // SAFETY: no instruction is executed.
        unsafe {
            use core::arch::asm;
            asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    value
}
