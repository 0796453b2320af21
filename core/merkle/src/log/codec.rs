//! Proofs as bytes, and digests as bytes; `docs/format/merkle-log.md` has the tables.

use core::fmt;

use treenail_hash::Digest;

use super::shape::{LeafIndex, TreeSize};
use super::verify::{ConsistencyProof, InclusionProof, VerifyError};

/// What an encoded inclusion proof begins with: a name and the version.
const INCLUSION: [u8; 4] = *b"TMI\x01";
/// What an encoded consistency proof begins with.
const CONSISTENCY: [u8; 4] = *b"TMC\x01";

/// The kind and the two numbers.
const HEADER_BYTES: usize = 4 + 8 + 8;

impl<'p, D: Digest> InclusionProof<'p, D> {
    /// How many bytes [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        HEADER_BYTES + self.path.len() * D::SIZE_BYTES
    }

    /// Writes the proof to the beginning of `bytes` and returns how many it took.
    ///
    /// # Errors
    /// [`Short`] when there is no room for them.
    pub fn encode(&self, bytes: &mut [u8]) -> Result<usize, Short> {
        put(INCLUSION, [self.index.0, self.size.0], self.path, bytes)
    }

    /// Reads a proof, which is all of `bytes`; its digests go to the beginning of `path`. The proof
    /// has as many digests as one for its numbers, and is else of no worth until it is
    /// [verified](Self::verify).
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: &[u8], path: &'p mut [D]) -> Result<Self, DecodeError> {
        let ([index, size], digests) = header(INCLUSION, bytes)?;
        let (index, size) = (LeafIndex(index), TreeSize(size));
        let count = Self::path_len(index, size).map_err(DecodeError::Numbers)?;
        Ok(Self { index, size, path: decode_path(digests, count, path)? })
    }
}

impl<'p, D: Digest> ConsistencyProof<'p, D> {
    /// How many bytes [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        HEADER_BYTES + self.path.len() * D::SIZE_BYTES
    }

    /// Writes the proof to the beginning of `bytes` and returns how many it took.
    ///
    /// # Errors
    /// [`Short`] when there is no room for them.
    pub fn encode(&self, bytes: &mut [u8]) -> Result<usize, Short> {
        put(CONSISTENCY, [self.old.0, self.new.0], self.path, bytes)
    }

    /// Reads a proof, which is all of `bytes`; its digests go to the beginning of `path`. The proof
    /// has as many digests as one for its numbers, and is else of no worth until it is
    /// [verified](Self::verify).
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: &[u8], path: &'p mut [D]) -> Result<Self, DecodeError> {
        let ([old, new], digests) = header(CONSISTENCY, bytes)?;
        let (old, new) = (TreeSize(old), TreeSize(new));
        let count = Self::path_len(old, new).map_err(DecodeError::Numbers)?;
        Ok(Self { old, new, path: decode_path(digests, count, path)? })
    }
}

/// Writes digests one behind the other and returns how many bytes they take.
pub(super) fn encode_digests<D: Digest>(digests: &[D], bytes: &mut [u8]) -> Result<usize, Short> {
    let needed = digests.len() * D::SIZE_BYTES;
    let given = bytes.len();
    let bytes = bytes.get_mut(..needed).ok_or(Short { needed, given })?;
    for (room, digest) in bytes.chunks_exact_mut(D::SIZE_BYTES).zip(digests) {
        room.copy_from_slice(digest.as_ref());
    }
    Ok(needed)
}

/// Reads as many digests as there is room for, which `bytes` hold one behind the other.
pub(super) fn decode_digests<D: Digest>(
    bytes: &[u8],
    digests: &mut [D],
) -> Result<(), DecodeError> {
    let expected = digests.len() * D::SIZE_BYTES;
    if bytes.len() != expected {
        return Err(DecodeError::Length { expected, given: bytes.len() });
    }
    for (digest, bytes) in digests.iter_mut().zip(bytes.chunks_exact(D::SIZE_BYTES)) {
        digest.as_mut().copy_from_slice(bytes);
    }
    Ok(())
}

fn put<D: Digest>(
    kind: [u8; 4],
    numbers: [u64; 2],
    path: &[D],
    bytes: &mut [u8],
) -> Result<usize, Short> {
    let needed = HEADER_BYTES + path.len() * D::SIZE_BYTES;
    let given = bytes.len();
    let bytes = bytes.get_mut(..needed).ok_or(Short { needed, given })?;
    let (header, digests) = bytes.split_at_mut(HEADER_BYTES);
    header[..4].copy_from_slice(&kind);
    header[4..12].copy_from_slice(&numbers[0].to_le_bytes());
    header[12..].copy_from_slice(&numbers[1].to_le_bytes());
    encode_digests(path, digests)?;
    Ok(needed)
}

fn header(kind: [u8; 4], bytes: &[u8]) -> Result<([u64; 2], &[u8]), DecodeError> {
    let cut_off = DecodeError::Length { expected: HEADER_BYTES, given: bytes.len() };
    let (found, rest) = bytes.split_first_chunk::<4>().ok_or(cut_off)?;
    if *found != kind {
        return Err(DecodeError::Kind { expected: kind, found: *found });
    }
    let (first, rest) = rest.split_first_chunk().ok_or(cut_off)?;
    let (second, rest) = rest.split_first_chunk().ok_or(cut_off)?;
    Ok(([u64::from_le_bytes(*first), u64::from_le_bytes(*second)], rest))
}

fn decode_path<'p, D: Digest>(
    bytes: &[u8],
    count: usize,
    path: &'p mut [D],
) -> Result<&'p [D], DecodeError> {
    let given = path.len();
    let path = path.get_mut(..count).ok_or(DecodeError::Short(Short { needed: count, given }))?;
    decode_digests(bytes, path).map_err(|error| match error {
        DecodeError::Length { expected, given } => {
            DecodeError::Length { expected: HEADER_BYTES + expected, given: HEADER_BYTES + given }
        }
        other => other,
    })?;
    Ok(path)
}

/// The caller's memory is too short for what is to be written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// The bytes or digests that it takes.
    pub needed: usize,
    /// Those that there is memory for.
    pub given: usize,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is memory for {}, and {} are needed; pass more", self.given, self.needed)
    }
}

impl core::error::Error for Short {}

/// Why bytes are no proof, or not those of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// They begin otherwise: it is another kind of proof, or another version.
    Kind {
        /// What they should begin with.
        expected: [u8; 4],
        /// What they begin with.
        found: [u8; 4],
    },
    /// There are more or fewer of them than there should be.
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// No proof has those numbers.
    Numbers(VerifyError),
    /// There is no memory for all digests.
    Short(Short),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { expected, found } => write!(
                f,
                "it begins with {found:02x?} where a proof of this kind has {expected:02x?}"
            ),
            Self::Length { expected, given } => {
                write!(f, "it has {given} bytes where {expected} are due")
            }
            Self::Numbers(error) => error.fmt(f),
            Self::Short(short) => short.fmt(f),
        }
    }
}

impl core::error::Error for DecodeError {}
