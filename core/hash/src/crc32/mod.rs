//! The two 32-bit CRCs in use: checksums against accidents, not against anyone's intent.
//!
//! 256 bytes and more go through AVX-512 with VPCLMULQDQ, and less of CRC-32C through the
//! instruction of SSE4.2, where there is such a processor, found with or without `std`. The rest is
//! for libraries: CRC-32 for `crc32fast` (PCLMULQDQ or the ARMv8 instruction, found with `std`),
//! CRC-32C for `crc32c` with `std` (the SSE4.2 or ARMv8 instruction), and without for SSE4.2 or the
//! tables of `crc`.

// Without SSE2 it is a kernel's target: the compiler has no vectors, and `cpu` finds nothing.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod fold;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse42;

use crate::Hash;

/// CRC-32 (ISO-HDLC: zlib, gzip, PNG, zip); the digest is the value's big-endian bytes.
#[derive(Clone, Debug, Default)]
pub struct Crc32(u32);

impl Hash for Crc32 {
    type Digest = [u8; 4];
    const NAME: &'static str = "crc32";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0 = append::<Ieee>(self.0, bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// CRC-32C (Castagnoli: iSCSI, ext4, Btrfs); the digest is the value's big-endian bytes.
#[derive(Clone, Debug, Default)]
pub struct Crc32c(u32);

impl Hash for Crc32c {
    type Digest = [u8; 4];
    const NAME: &'static str = "crc32c";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0 = append::<Castagnoli>(self.0, bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// A CRC with 32 bits, mirrored, which begins and ends with an inversion.
trait Crc {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    const FOLDING: fold::Folding;

    /// The CRC of a message whose CRC was `crc` before `bytes` were appended.
    fn append_few(crc: u32, bytes: &[u8]) -> u32;
}

struct Ieee;

impl Crc for Ieee {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    const FOLDING: fold::Folding = fold::Folding::new(0xedb8_8320);

    fn append_few(crc: u32, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(crc);
        hasher.update(bytes);
        hasher.finalize()
    }
}

struct Castagnoli;

impl Crc for Castagnoli {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    const FOLDING: fold::Folding = fold::Folding::new(0x82f6_3b78);

    #[inline]
    fn append_few(crc: u32, bytes: &[u8]) -> u32 {
        // The library has three steps under way at a time where there are many; for few, its frame
        // costs more than they do.
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        if (bytes.len() < fold::STEP_BYTES || cfg!(not(feature = "std")))
            && crate::cpu::has(crate::cpu::Features::SSE42)
        {
            // SAFETY: the processor was asked.
            return unsafe { sse42::append(crc, bytes) };
        }
        castagnoli(crc, bytes)
    }
}

#[inline]
fn append<C: Crc>(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if bytes.len() >= fold::STEP_BYTES && crate::cpu::has(crate::cpu::Features::VPCLMULQDQ) {
        return append_folded::<C>(crc, bytes);
    }
    C::append_few(crc, bytes)
}

/// Needs one step of bytes at least, and the processor to have VPCLMULQDQ.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
fn append_folded<C: Crc>(crc: u32, bytes: &[u8]) -> u32 {
    // SAFETY: the caller has asked the processor.
    let (register, rest) = unsafe { C::FOLDING.fold(!crc, bytes) };
    if rest.is_empty() { !register } else { C::append_few(!register, rest) }
}

#[cfg(feature = "std")]
fn castagnoli(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

#[cfg(not(feature = "std"))]
fn castagnoli(crc: u32, bytes: &[u8]) -> u32 {
    castagnoli_tables(crc, bytes)
}

/// CRC-32C by the tables of `crc`.
#[cfg(any(test, not(feature = "std")))]
fn castagnoli_tables(crc: u32, bytes: &[u8]) -> u32 {
    static CASTAGNOLI: crc::Crc<u32, crc::Table<16>> =
        crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    // The crate starts from a reflected register, whereas a finished CRC is the inverted one.
    let mut digest = CASTAGNOLI.digest_with_initial((!crc).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::{Castagnoli, Crc, Crc32c, Ieee, append, castagnoli_tables};
    use crate::Hash;

    #[test]
    fn tables_continue_a_finished_crc() {
        let message: [u8; 300] = core::array::from_fn(|i| (i * 7) as u8);
        for length in 0..message.len() {
            let message = &message[..length];
            let (head, tail) = message.split_at(length / 3);
            let crc = castagnoli_tables(castagnoli_tables(0, head), tail);
            assert_eq!(crc.to_be_bytes(), Crc32c::hash(message), "length {length}");
        }
        assert_eq!(castagnoli_tables(0, b"123456789"), 0xE306_9283);
    }

    #[test]
    fn few_bytes_give_what_tables_give() {
        let message: [u8; 600] = core::array::from_fn(|i| (i * 7) as u8);
        for length in 0..message.len() {
            let message = &message[..length];
            for crc in [0, !0, 0x1234_5678] {
                let expected = castagnoli_tables(crc, message);
                assert_eq!(Castagnoli::append_few(crc, message), expected, "length {length}");
                assert_eq!(super::castagnoli(crc, message), expected, "length {length}");
                #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
                if crate::cpu::has(crate::cpu::Features::SSE42) {
                    // SAFETY: the processor was asked.
                    let got = unsafe { super::sse42::append(crc, message) };
                    assert_eq!(got, expected, "length {length}");
                }
            }
        }
    }

    #[test]
    fn folding_gives_what_the_libraries_give() {
        fn check<C: Crc>(bytes: &[u8]) {
            for crc in [0, !0, 0x1234_5678] {
                let expected = C::append_few(crc, bytes);
                assert_eq!(append::<C>(crc, bytes), expected, "length {}", bytes.len());
            }
        }
        let bytes: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(i) >> 5) as u8).collect();
        for length in 0..1200 {
            check::<Ieee>(&bytes[length % 67..][..length]);
            check::<Castagnoli>(&bytes[length % 67..][..length]);
        }
        check::<Ieee>(&bytes);
        check::<Castagnoli>(&bytes);
    }
}
