//! The checksums of a segment's records.

use treenail_hash::{Crc32c, Hash};

/// CRC-32C as it stands after the segment's salt, one for headers and one for bodies.
///
/// After four bytes a CRC's register is a bijection of them, and it stays one whatever follows. So
/// one and the same record never passes under two salts: not even with a counter for a salt.
#[derive(Clone, Debug)]
pub(crate) struct Checksums {
    header: Crc32c,
    body: Crc32c,
}

impl Checksums {
    pub(crate) fn new(salt: u64) -> Self {
        let after = |half: u32| {
            let mut crc = Crc32c::default();
            crc.update(&half.to_le_bytes());
            crc
        };
        Self { header: after(salt as u32), body: after((salt >> 32) as u32) }
    }

    /// Of a record's header up to this checksum.
    pub(crate) fn header(&self, bytes: &[u8]) -> u32 {
        finish(&self.header, bytes)
    }

    /// Of a record's payload with its padding.
    pub(crate) fn body(&self, bytes: &[u8]) -> u32 {
        finish(&self.body, bytes)
    }
}

/// Without a salt, for what gives the salt.
pub(crate) fn unsalted(bytes: &[u8]) -> u32 {
    finish(&Crc32c::default(), bytes)
}

fn finish(state: &Crc32c, bytes: &[u8]) -> u32 {
    let mut crc = state.clone();
    crc.update(bytes);
    u32::from_be_bytes(crc.finish())
}
