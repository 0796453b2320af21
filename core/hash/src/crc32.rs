//! The two 32-bit CRCs in use: checksums against accidents, not against anyone's intent.

use crate::Hash;

/// CRC-32 (ISO-HDLC: zlib, gzip, PNG, zip); the digest is the value's big-endian bytes.
#[derive(Clone, Debug, Default)]
pub struct Crc32(crc32fast::Hasher);

impl Hash for Crc32 {
    type Digest = [u8; 4];
    const NAME: &'static str = "crc32";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 4] {
        self.0.finalize().to_be_bytes()
    }

    #[inline]
    fn hash(message: &[u8]) -> [u8; 4] {
        crc32fast::hash(message).to_be_bytes()
    }
}

/// CRC-32C (Castagnoli: iSCSI, ext4, Btrfs); the digest is the value's big-endian bytes.
///
/// With the feature `std` it uses the processor's CRC-32C instruction where there is one; without,
/// tables of 16 KiB.
#[derive(Clone, Debug, Default)]
pub struct Crc32c(u32);

impl Hash for Crc32c {
    type Digest = [u8; 4];
    const NAME: &'static str = "crc32c";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0 = castagnoli_append(self.0, bytes);
    }

    #[inline]
    fn finish(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

#[cfg(feature = "std")]
use crc32c::crc32c_append as castagnoli_append;

/// The CRC of a message whose CRC was `crc` before `bytes` were appended.
#[cfg(any(test, not(feature = "std")))]
fn castagnoli_tables(crc: u32, bytes: &[u8]) -> u32 {
    static CASTAGNOLI: crc::Crc<u32, crc::Table<16>> =
        crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    // The crate starts from a reflected register, whereas a finished CRC is the inverted one.
    let mut digest = CASTAGNOLI.digest_with_initial((!crc).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(not(feature = "std"))]
use castagnoli_tables as castagnoli_append;

#[cfg(test)]
mod tests {
    use super::{Crc32c, castagnoli_tables};
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
}
