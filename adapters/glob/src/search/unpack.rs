//! Compressed files, told by their first bytes and unpacked while they are read.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How large the dictionary of an xz or lzma file may be: twice what the highest level uses.
const DICTIONARY_BYTES_MAX: u32 = 128 << 20;

/// How much a decoder reads at a time that has no buffer of its own.
const BUFFER_BYTES: usize = 64 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Lz4,
    Zstandard,
    Brotli,
}

impl Format {
    /// The format of a file that begins so and has that name.
    pub(super) fn of(head: &[u8], name: &[u8]) -> Option<Self> {
        const BZIP2_BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";
        const BZIP2_END: &[u8] = b"\x17\x72\x45\x38\x50\x90";
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', block @ ..]
                if block.starts_with(BZIP2_BLOCK) || block.starts_with(BZIP2_END) =>
            {
                Some(Self::Bzip2)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstandard),
            // The format has no mark of its own; this is what all its writers begin with.
            [0x5d, 0, 0, ..] if name.ends_with(b".lzma") => Some(Self::Lzma),
            // That has no mark at all.
            _ if name.ends_with(b".br") => Some(Self::Brotli),
            _ => None,
        }
    }

    /// What the file holds, of which `head` is the beginning.
    ///
    /// # Errors
    /// The beginning is damaged, or asks for too much memory.
    pub(super) fn reader<'a>(
        self,
        head: &[u8],
        packed: impl Read + 'a,
    ) -> io::Result<Box<dyn Read + 'a>> {
        let packed = BufReader::new(packed);
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Xz => {
                if xz_dictionary_bytes(head).is_some_and(|bytes| bytes > DICTIONARY_BYTES_MAX) {
                    return Err(dictionary_too_large());
                }
                Box::new(lzma_rust2::XzReader::new(packed, true))
            }
            Self::Lzma => {
                // The header is a byte and then this number.
                let bytes = head.get(1..5).map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]);
                if bytes.is_some_and(|bytes| u32::from_le_bytes(bytes) > DICTIONARY_BYTES_MAX) {
                    return Err(dictionary_too_large());
                }
                Box::new(lzma_rust2::LzmaReader::new_mem_limit(packed, u32::MAX, None)?)
            }
            Self::Lz4 => Box::new(Lz4(lz4_flex::frame::FrameDecoder::new(packed))),
            Self::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, BUFFER_BYTES)),
            Self::Zstandard => {
                Box::new(Zstandard { packed, decoder: FrameDecoder::new(), in_frame: false })
            }
        })
    }
}

fn dictionary_too_large() -> io::Error {
    let message = format!(
        "decompressing it needs a dictionary larger than the limit of {DICTIONARY_BYTES_MAX} bytes"
    );
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

/// How large a dictionary the first block of an xz file asks for, which is what the reader
/// allocates without asking. (Section 3.1 of the format's specification.)
fn xz_dictionary_bytes(head: &[u8]) -> Option<u32> {
    const STREAM_HEADER_BYTES: usize = 12;
    const LZMA2: u8 = 0x21;
    let block = head.get(STREAM_HEADER_BYTES..)?;
    let header = block.get(..(usize::from(*block.first()?) + 1) * 4)?;
    let (flags, mut rest) = (*header.get(1)?, header.get(2..)?);
    let skip_number = |bytes: &mut &[u8]| {
        let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
        *bytes = &bytes[length..];
        Some(())
    };
    for _ in 0..(flags & 0xc0).count_ones() {
        skip_number(&mut rest)?;
    }
    for _ in 0..=flags & 3 {
        let is_lzma2 = *rest.first()? == LZMA2;
        skip_number(&mut rest)?;
        let length = usize::from(*rest.first()?);
        let properties = rest.get(1..1 + length)?;
        if is_lzma2 {
            let bits = u32::from(*properties.first()? & 0x3f);
            return match bits {
                0..40 => Some((2 | bits & 1) << (bits / 2 + 11)),
                40 => Some(u32::MAX),
                _ => None,
            };
        }
        rest = &rest[1 + length..];
    }
    None
}

/// The frames of an lz4 file, one after the other.
struct Lz4<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            // The decoder ends with each frame.
            if read > 0 || buffer.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(read);
            }
        }
    }
}

/// The frames of a Zstandard file, one after the other, without those to be skipped.
struct Zstandard<R> {
    packed: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstandard<R> {
    /// Goes to the next frame, and says whether there is one.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.packed).take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstandard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            self.in_frame = true;
            while self.decoder.can_collect() < buffer.len() && !self.decoder.is_finished() {
                let missing = buffer.len() - self.decoder.can_collect();
                let upto = BlockDecodingStrategy::UptoBytes(missing);
                self.decoder
                    .decode_blocks(&mut self.packed, upto)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.in_frame = false;
        }
    }
}
