//! The first bytes of a filter.

use super::error::FuseError;
use super::layout::{Layout, SEGMENT_LOG2_MAX};

pub(crate) const HEADER_BYTES: usize = 48;

const MAGIC: [u8; 8] = *b"\x89TNFUSE\n";
const VERSION: u32 = 1;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) fingerprint_bits: u32,
    pub(crate) keys: u64,
    pub(crate) seed: u64,
    pub(crate) layout: Layout,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.fingerprint_bits.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.keys.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.seed.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.layout.segment_log2.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.layout.segments.to_le_bytes());
        bytes
    }

    /// Reads a header, and checks it against itself and against the number of bytes behind it.
    pub(crate) fn read(bytes: &[u8], fingerprint_bits: u32) -> Result<Self, FuseError> {
        let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err(FuseError::Length { expected: HEADER_BYTES as u64, given: bytes.len() });
        };
        if header[..8] != MAGIC {
            return Err(FuseError::Magic);
        }
        let u32_at = |at: usize| u64_from(&header[at..at + 4]) as u32;
        let u64_at = |at: usize| u64_from(&header[at..at + 8]);
        if u32_at(8) != VERSION {
            return Err(FuseError::Version { found: u32_at(8) });
        }
        let found = u32_at(12);
        if found != fingerprint_bits {
            return Err(FuseError::Bits { found, expected: fingerprint_bits });
        }
        let layout = Layout { segment_log2: u32_at(32), segments: u32_at(36) };
        let (keys, reserved) = (u64_at(16), u64_at(40));
        let empty = Layout { segment_log2: 0, segments: 0 };
        let sound = layout.segment_log2 <= SEGMENT_LOG2_MAX
            && layout.places() <= u64::from(u32::MAX)
            && keys <= layout.places()
            && (keys == 0) == (layout.segments == 0)
            && (keys != 0 || layout == empty)
            && reserved == 0;
        if !sound {
            return Err(FuseError::Header);
        }
        let expected = layout.places() * u64::from(fingerprint_bits / 8);
        if rest.len() as u64 != expected {
            let expected = expected + HEADER_BYTES as u64;
            return Err(FuseError::Length { expected, given: bytes.len() });
        }
        Ok(Self { fingerprint_bits, keys, seed: u64_at(24), layout })
    }
}

/// The little-endian number of at most eight bytes.
fn u64_from(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
