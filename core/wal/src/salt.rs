//! What ties a record to its segment: the salt, in its mark and in its checksums.

use treenail_hash::{Crc32c, Hash};

use crate::lsn::Lsn;

/// Spreads a counter over 64 bits: 2^64 divided by the golden ratio (Knuth, "The Art of Computer
/// Programming", volume 3, section 6.4). It is odd, so different salts stay different.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A segment's salt, ready for use.
///
/// The mark tells a record of this segment at its own place from everything else at a glance: at
/// one LSN, different salts have different marks.
///
/// Headers are summed behind all of the salt, bodies behind its upper half. After four bytes a
/// CRC's register is a bijection of them, and it stays one whatever follows; so the two checksums
/// together are a bijection of the salt, and one and the same record never passes under two.
#[derive(Clone, Debug)]
pub(crate) struct Salt {
    mark: u64,
    header: Crc32c,
    body: Crc32c,
}

impl Salt {
    pub(crate) fn new(salt: u64) -> Self {
        let bytes = salt.to_le_bytes();
        let after = |bytes: &[u8]| {
            let mut crc = Crc32c::default();
            crc.update(bytes);
            crc
        };
        Self { mark: salt.wrapping_mul(SPREAD), header: after(&bytes), body: after(&bytes[4..]) }
    }

    /// What the record at this place begins with.
    pub(crate) fn mark(&self, lsn: Lsn) -> u64 {
        lsn.get() ^ self.mark
    }

    /// Where the record that begins with this has its place; nothing if there is no such place.
    pub(crate) fn lsn(&self, mark: u64) -> Option<Lsn> {
        Lsn::new(mark ^ self.mark)
    }

    /// The checksum of a record's header, up to that checksum.
    #[inline]
    pub(crate) fn header(&self, bytes: &[u8]) -> u32 {
        finish(&self.header, bytes)
    }

    /// The checksum of a record's payload with its padding, cut into two anywhere.
    #[inline]
    pub(crate) fn body(&self, head: &[u8], tail: &[u8]) -> u32 {
        let mut crc = self.body.clone();
        crc.update(head);
        if !tail.is_empty() {
            crc.update(tail);
        }
        u32::from_be_bytes(crc.finish())
    }
}

/// The checksum without a salt, for what gives the salt.
pub(crate) fn unsalted(bytes: &[u8]) -> u32 {
    finish(&Crc32c::default(), bytes)
}

#[inline]
fn finish(state: &Crc32c, bytes: &[u8]) -> u32 {
    let mut crc = state.clone();
    crc.update(bytes);
    u32::from_be_bytes(crc.finish())
}
