//! A segment: files, and which of them have which three bytes in a row. It never changes.
//!
//! `docs/format/trigram.md` has the tables. Nothing of a segment is believed unseen: header and
//! tables are checked when it is opened, a block of postings when it is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use treenail_hash::xxh3::xxh3_64;
use treenail_os::{FileId, Stat};

use super::rice;

pub(super) const MAGIC: [u8; 8] = *b"\x89TNTRIG\n";
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 64;
const FILE_BYTES: usize = 48;
const LEAD_BYTES: usize = 16;

/// How many files a segment may have. A block's postings are then far below 4 GiB.
pub(super) const FILES_MAX: usize = 1 << 24;

/// Three bytes, the first in the highest place.
pub(super) type Trigram = u32;

/// The file's text is not its bytes, as after a byte order mark: it has no postings.
pub(super) const OPAQUE: u32 = 1;
/// The file has a NUL byte: it has the postings of what comes before.
pub(super) const BINARY: u32 = 2;
/// The file begins as compressed ones do.
pub(super) const PACKED: u32 = 4;

/// A file as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileEntry {
    pub(super) id: FileId,
    pub(super) size_bytes: u64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    pub(super) flags: u32,
}

impl FileEntry {
    pub(super) fn new(stat: &Stat, flags: u32) -> Self {
        let Stat { size_bytes, mtime_ns, ctime_ns, .. } = *stat;
        Self { id: stat.id(), size_bytes, mtime_ns, ctime_ns, flags }
    }

    /// Whether the file has not changed since.
    pub(super) fn is_of(&self, stat: &Stat) -> bool {
        *self == Self::new(stat, self.flags)
    }

    fn encode(&self) -> [u8; FILE_BYTES] {
        let mut bytes = [0; FILE_BYTES];
        bytes[..8].copy_from_slice(&self.id.device.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.inode.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.size_bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.mtime_ns.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.ctime_ns.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.flags.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; FILE_BYTES]) -> Self {
        Self {
            id: FileId { device: u64_at(bytes, 0), inode: u64_at(bytes, 8) },
            size_bytes: u64_at(bytes, 16),
            mtime_ns: u64_at(bytes, 24) as i64,
            ctime_ns: u64_at(bytes, 32) as i64,
            flags: u32_at(bytes, 40),
        }
    }
}

/// All trigrams that begin with the same two bytes, and where their postings are.
#[derive(Clone, Debug)]
pub(super) struct Lead {
    pub(super) bytes: u16,
    place: Range<u64>,
    checksum: u64,
}

/// A segment that is read.
#[derive(Debug)]
pub(super) struct Segment {
    source: Mutex<Source>,
    files: Vec<FileEntry>,
    leads: Vec<Lead>,
}

#[derive(Debug)]
enum Source {
    File(File),
    Bytes(io::Cursor<Vec<u8>>),
}

impl Source {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(bytes)
            }
            Self::Bytes(held) => {
                held.set_position(offset);
                held.read_exact(bytes)
            }
        }
    }
}

/// The postings of one lead.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    lists: Vec<List>,
    bound: u32,
}

#[derive(Clone, Debug)]
struct List {
    third: u8,
    count: u32,
    place: Range<usize>,
}

impl Segment {
    /// Opens a segment, and reads and checks all but the postings.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Self::new(Source::File(file), len)
    }

    /// A segment in memory.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> io::Result<Self> {
        let len = bytes.len() as u64;
        Self::new(Source::Bytes(io::Cursor::new(bytes)), len)
    }

    fn new(mut source: Source, len: u64) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        source.read_at(0, &mut header).map_err(|_| damaged("it is shorter than a header"))?;
        if header[..8] != MAGIC {
            return Err(damaged("it does not begin as one"));
        }
        if u32_at(&header, 8) != VERSION {
            return Err(damaged("it is of another version"));
        }
        if u64_at(&header, 56) != xxh3_64(&header[..56]) {
            return Err(damaged("the header's checksum is wrong"));
        }
        let (files, leads) = (u32_at(&header, 24) as usize, u32_at(&header, 28) as usize);
        let tables = u64_at(&header, 32);
        let tables_len = files * FILE_BYTES + leads * LEAD_BYTES;
        let ends = tables.checked_add(tables_len as u64);
        if u64_at(&header, 16) != len || ends != Some(len) || tables < HEADER_BYTES as u64 {
            return Err(damaged("its length is another"));
        }
        if files > FILES_MAX {
            return Err(damaged("it has too many files"));
        }
        let mut bytes = vec![0; tables_len];
        source.read_at(tables, &mut bytes)?;
        if xxh3_64(&bytes) != u64_at(&header, 48) {
            return Err(damaged("the tables' checksum is wrong"));
        }
        let (file_rows, lead_rows) = bytes.split_at(files * FILE_BYTES);
        let files: Vec<_> = file_rows.as_chunks().0.iter().map(FileEntry::decode).collect();
        if !files.is_sorted_by(|a, b| a.id < b.id) {
            return Err(damaged("its files are out of order"));
        }
        let leads = read_leads(lead_rows.as_chunks().0, tables)?;
        Ok(Self { source: Mutex::new(source), files, leads })
    }

    /// The files, in order of their identities.
    pub(super) fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The number of a file.
    pub(super) fn find(&self, id: FileId) -> Option<usize> {
        self.files.binary_search_by_key(&id, |file| file.id).ok()
    }

    /// The leads, in order.
    pub(super) fn leads(&self) -> &[Lead] {
        &self.leads
    }

    /// The lead of these two bytes.
    pub(super) fn lead(&self, bytes: u16) -> Option<&Lead> {
        let at = self.leads.binary_search_by_key(&bytes, |lead| lead.bytes).ok()?;
        Some(&self.leads[at])
    }

    /// Reads the postings of a lead.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub(super) fn block(&self, lead: &Lead) -> io::Result<Block> {
        let mut bytes = vec![0; (lead.place.end - lead.place.start) as usize];
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.read_at(lead.place.start, &mut bytes)?;
        drop(source);
        if xxh3_64(&bytes) != lead.checksum {
            return Err(damaged("a checksum of postings is wrong"));
        }
        Block::new(bytes, self.files.len() as u32).ok_or_else(|| damaged("postings are malformed"))
    }

    /// Reads everything.
    ///
    /// # Errors
    /// Something is damaged.
    pub(super) fn verify(&self) -> io::Result<()> {
        for lead in &self.leads {
            let block = self.block(lead)?;
            for third in 0..=u8::MAX {
                block.each(third, |_| ())?;
            }
        }
        Ok(())
    }
}

fn read_leads(rows: &[[u8; LEAD_BYTES]], end: u64) -> io::Result<Vec<Lead>> {
    let mut at = HEADER_BYTES as u64;
    let mut leads: Vec<Lead> = Vec::with_capacity(rows.len());
    for row in rows {
        let len = u64::from(u32_at(row, 4));
        let lead = u16::from_le_bytes([row[0], row[1]]);
        let place = at..at + len;
        at = place.end;
        if at > end || leads.last().is_some_and(|last| last.bytes >= lead) {
            return Err(damaged("its leads are out of order"));
        }
        leads.push(Lead { bytes: lead, place, checksum: u64_at(row, 8) });
    }
    if at != end {
        return Err(damaged("there are bytes of no lead"));
    }
    Ok(leads)
}

impl Block {
    fn new(bytes: Vec<u8>, bound: u32) -> Option<Self> {
        let (&last, mut rest) = bytes.split_first()?;
        let mut lists: Vec<List> = Vec::with_capacity(usize::from(last) + 1);
        let mut end = 0_usize;
        for _ in 0..=last {
            let (&third, after) = rest.split_first()?;
            rest = after;
            let (count, len) = (take_number(&mut rest)?, take_number(&mut rest)?);
            let place = end..end.checked_add(len as usize)?;
            end = place.end;
            let is_next = lists.last().is_none_or(|list| list.third < third);
            if !is_next || count == 0 || count > bound {
                return None;
            }
            lists.push(List { third, count, place });
        }
        let start = bytes.len() - rest.len();
        if end != rest.len() {
            return None;
        }
        for list in &mut lists {
            list.place = list.place.start + start..list.place.end + start;
        }
        Some(Self { bytes, lists, bound })
    }

    /// Hands over the numbers of the files with the trigram that ends so.
    ///
    /// # Errors
    /// The postings are malformed.
    pub(super) fn each(&self, third: u8, each: impl FnMut(u32)) -> io::Result<()> {
        let Ok(at) = self.lists.binary_search_by_key(&third, |list| list.third) else {
            return Ok(());
        };
        let List { count, place, .. } = &self.lists[at];
        let numbers = rice::decode(&self.bytes[place.clone()], *count, self.bound, each);
        numbers.ok_or_else(|| damaged("postings are malformed"))
    }

    /// The last bytes of the trigrams that there are.
    pub(super) fn thirds(&self) -> impl Iterator<Item = u8> {
        self.lists.iter().map(|list| list.third)
    }
}

/// Writes a segment, whose postings come in order of the trigrams.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: W,
    files: u32,
    at: u64,
    leads: Vec<Lead>,
    /// The block that is being made.
    lead: u16,
    heads: Vec<u8>,
    lists: Vec<u8>,
    count: usize,
}

impl<W: Write + Seek> Writer<W> {
    /// A writer of a segment of so many files, which says in the end what they are.
    pub(super) fn new(mut out: W, files: usize) -> io::Result<Self> {
        out.write_all(&[0; HEADER_BYTES])?;
        Ok(Self {
            out,
            files: files as u32,
            at: HEADER_BYTES as u64,
            leads: Vec::new(),
            lead: 0,
            heads: Vec::new(),
            lists: Vec::new(),
            count: 0,
        })
    }

    /// Writes that these files, in order, have the trigram.
    pub(super) fn push(&mut self, trigram: Trigram, numbers: &[u32]) -> io::Result<()> {
        let lead = (trigram >> 8) as u16;
        if lead != self.lead {
            self.end_block()?;
            self.lead = lead;
        }
        let before = self.lists.len();
        rice::encode(numbers, self.files, &mut self.lists);
        self.heads.push(trigram as u8);
        put_number(&mut self.heads, numbers.len() as u32);
        put_number(&mut self.heads, (self.lists.len() - before) as u32);
        self.count += 1;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut block = Vec::with_capacity(1 + self.heads.len() + self.lists.len());
        block.push((self.count - 1) as u8);
        block.append(&mut self.heads);
        block.append(&mut self.lists);
        self.out.write_all(&block)?;
        let place = self.at..self.at + block.len() as u64;
        self.at = place.end;
        self.leads.push(Lead { bytes: self.lead, place, checksum: xxh3_64(&block) });
        self.count = 0;
        Ok(())
    }

    /// Writes the tables and the header.
    pub(super) fn finish(mut self, files: &[FileEntry]) -> io::Result<()> {
        assert_eq!(files.len(), self.files as usize, "as many files as were announced");
        self.end_block()?;
        let mut tables = Vec::with_capacity(files.len() * FILE_BYTES);
        files.iter().for_each(|file| tables.extend_from_slice(&file.encode()));
        for lead in &self.leads {
            tables.extend_from_slice(&lead.bytes.to_le_bytes());
            tables.extend_from_slice(&[0; 2]);
            let len = (lead.place.end - lead.place.start) as u32;
            tables.extend_from_slice(&len.to_le_bytes());
            tables.extend_from_slice(&lead.checksum.to_le_bytes());
        }
        self.out.write_all(&tables)?;
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        header[16..24].copy_from_slice(&(self.at + tables.len() as u64).to_le_bytes());
        header[24..28].copy_from_slice(&self.files.to_le_bytes());
        header[28..32].copy_from_slice(&(self.leads.len() as u32).to_le_bytes());
        header[32..40].copy_from_slice(&self.at.to_le_bytes());
        header[48..56].copy_from_slice(&xxh3_64(&tables).to_le_bytes());
        let checksum = xxh3_64(&header[..56]);
        header[56..].copy_from_slice(&checksum.to_le_bytes());
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header)?;
        self.out.flush()
    }
}

/// Appends a number, seven bits a byte, the lowest first.
fn put_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u32::from(byte & 0x7f);
        let placed = part << shift;
        if placed >> shift != part {
            return None;
        }
        number |= placed;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn damaged(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is no whole segment: {how}"))
}
