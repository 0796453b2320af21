//! The trigrams of one file after the other, and the run that they become.

use std::io::{self, Read};

use super::segment::{BINARY, FileEntry, OPAQUE, PACKED, Trigram, Writer};

/// How many postings a run may have before it is written: 32 MiB, and as much again to sort them.
const POSTINGS_MAX: usize = 4 << 20;
/// How many of the bytes of a trigram one pass of the sort goes by.
const DIGIT_BITS: u32 = 12;

/// Files in order of their identities, and their trigrams.
pub(super) struct Run {
    files: Vec<FileEntry>,
    /// The trigram in the upper half, the file's number in the lower.
    postings: Vec<u64>,
    spare: Vec<u64>,
    seen: Seen,
}

/// Which trigrams the file at hand has.
struct Seen {
    /// A bit for each that there can be.
    bits: Vec<u64>,
    found: Vec<Trigram>,
}

/// What a file is, once it has been read.
pub(super) struct WasRead {
    flags: u32,
}

impl Run {
    pub(super) fn new() -> Self {
        let seen = Seen { bits: vec![0; (1 << 24) / 64], found: Vec::new() };
        Self { files: Vec::new(), postings: Vec::new(), spare: Vec::new(), seen }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether it is to be written before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.postings.len() >= POSTINGS_MAX
    }

    /// Reads a file. It counts only once it is [added](Self::add).
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&mut self, mut file: impl Read, buffer: &mut [u8]) -> io::Result<WasRead> {
        self.seen.clear();
        let (mut flags, mut recent, mut in_line, mut is_first) = (0, 0, 0_usize, true);
        loop {
            let read = match file.read(buffer) {
                Ok(0) => return Ok(WasRead { flags }),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = &buffer[..read];
            if std::mem::take(&mut is_first) {
                flags = flags_of(bytes);
            }
            let end = memchr::memchr(0, bytes);
            for &byte in &bytes[..end.unwrap_or(read)] {
                recent = (recent << 8 | Trigram::from(byte)) & 0xff_ffff;
                in_line = if byte == b'\n' { 0 } else { in_line + 1 };
                if in_line >= 3 {
                    self.seen.add(recent);
                }
            }
            if flags & OPAQUE != 0 {
                self.seen.clear();
                return Ok(WasRead { flags });
            }
            if end.is_some() {
                return Ok(WasRead { flags: flags | BINARY });
            }
        }
    }

    /// Adds the file that was read last, which comes behind all others.
    pub(super) fn add(&mut self, read: &WasRead, entry: impl FnOnce(u32) -> FileEntry) {
        let number = self.files.len() as u64;
        self.files.push(entry(read.flags));
        let posting = |trigram: &Trigram| u64::from(*trigram) << 32 | number;
        self.postings.extend(self.seen.found.iter().map(posting));
    }

    /// Writes it as a segment, and begins another.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&mut self, out: impl io::Write + io::Seek) -> io::Result<()> {
        self.sort();
        let mut writer = Writer::new(out, self.files.len())?;
        let mut numbers: Vec<u32> = Vec::new();
        for list in self.postings.chunk_by(|a, b| a >> 32 == b >> 32) {
            numbers.clear();
            numbers.extend(list.iter().map(|posting| *posting as u32));
            writer.push((list[0] >> 32) as Trigram, &numbers)?;
        }
        writer.finish(&self.files)?;
        self.files.clear();
        self.postings.clear();
        Ok(())
    }

    /// Sorts by trigram; files come in order already, and stay so.
    fn sort(&mut self) {
        self.spare.resize(self.postings.len(), 0);
        for pass in 0..2 {
            let shift = 32 + pass * DIGIT_BITS;
            let digit = |posting: u64| (posting >> shift) as usize & ((1 << DIGIT_BITS) - 1);
            let mut starts = vec![0_usize; 1 << DIGIT_BITS];
            self.postings.iter().for_each(|posting| starts[digit(*posting)] += 1);
            let mut sum = 0;
            for start in &mut starts {
                sum += std::mem::replace(start, sum);
            }
            for &posting in &self.postings {
                let at = &mut starts[digit(posting)];
                self.spare[*at] = posting;
                *at += 1;
            }
            std::mem::swap(&mut self.postings, &mut self.spare);
        }
    }
}

impl Seen {
    fn clear(&mut self) {
        for trigram in self.found.drain(..) {
            self.bits[trigram as usize / 64] = 0;
        }
    }

    fn add(&mut self, trigram: Trigram) {
        let (word, bit) = (&mut self.bits[trigram as usize / 64], 1 << (trigram % 64));
        if *word & bit == 0 {
            *word |= bit;
            self.found.push(trigram);
        }
    }
}

/// What the beginning of a file says of it.
fn flags_of(head: &[u8]) -> u32 {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let packed: [&[u8]; 7] = [
        b"\x1f\x8b",
        b"\x1f\x9d",
        b"BZh",
        b"\xfd7zXZ\0",
        b"\x04\x22\x4d\x18",
        b"\x28\xb5\x2f\xfd",
        b"\x5d\0\0",
    ];
    let begins = |with: &[&[u8]]| with.iter().any(|with| head.starts_with(with));
    let opaque = if begins(&marks) { OPAQUE } else { 0 };
    opaque | if begins(&packed) { PACKED } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigrams(text: &[u8]) -> (Vec<Trigram>, u32) {
        let mut run = Run::new();
        let read = run.read(text, &mut [0; 7]).unwrap();
        let mut found = run.seen.found.clone();
        found.sort_unstable();
        (found, read.flags)
    }

    fn of(texts: &[&[u8; 3]]) -> Vec<Trigram> {
        let trigram = |text: &&[u8; 3]| Trigram::from_be_bytes([0, text[0], text[1], text[2]]);
        let mut trigrams: Vec<_> = texts.iter().map(trigram).collect();
        trigrams.sort_unstable();
        trigrams
    }

    #[test]
    fn trigrams_lie_within_lines_and_before_the_first_nul() {
        assert_eq!(trigrams(b"abcd\nabc\nxy\nz"), (of(&[b"abc", b"bcd"]), 0));
        assert_eq!(trigrams(b"abcdefghij\0klm").1, BINARY);
        assert_eq!(trigrams(b"abc\0klm").0, of(&[b"abc"]));
        let long = b"0123456789".repeat(100);
        assert_eq!(trigrams(&long).0.len(), 10);
        assert_eq!(trigrams(b""), (Vec::new(), 0));
    }

    #[test]
    fn text_that_is_encoded_has_no_trigrams() {
        assert_eq!(trigrams(b"\xff\xfea\0b\0c\0"), (Vec::new(), OPAQUE));
        assert_eq!(trigrams(b"\xef\xbb\xbfabc"), (Vec::new(), OPAQUE));
        assert_eq!(trigrams(b"\x1f\x8babc").1, PACKED);
    }

    #[cfg(feature = "compressed")]
    #[test]
    fn whatever_the_search_would_unpack_is_known_as_packed() {
        let heads: [&[u8]; 7] = [
            b"\x1f\x8b\x08",
            b"\x1f\x9d\x90",
            b"BZh91AY&SY",
            b"\xfd7zXZ\0\0",
            b"\x04\x22\x4d\x18x",
            b"\x28\xb5\x2f\xfdx",
            b"\x5d\0\0\x80\0",
        ];
        for head in heads {
            assert_eq!(flags_of(head) & PACKED, PACKED, "{head:?}");
        }
        // Any other beginning that the search knows would be missed here.
        for first in 0..=u16::MAX {
            let head = [first.to_be_bytes().as_slice(), b"\x08\0\0\0\0\0\0\0"].concat();
            let is_known = crate::search::unpack::Format::of(&head, b"x.lzma").is_some();
            assert!(!is_known || flags_of(&head) & PACKED != 0, "{head:?}");
        }
    }
}
