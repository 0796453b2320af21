//! Where everything stands in a snapshot file; `docs/format/snapshot.md` is the table.

use treenail_os::{Kind, Stat};

use crate::block::{kind_and_mode, mode_bits};
use crate::ids::IdKind;
use crate::view::Counts;

pub(crate) const MAGIC: [u8; 8] = *b"\x89TNSNAP\n";
pub(crate) const VERSION: u32 = 1;
pub(crate) const HEADER_BYTES: usize = 256;
/// The header's own checksum covers what stands before it.
pub(crate) const HEADER_CHECKSUM_AT: usize = 240;
/// A parent or entry number that says "none".
pub(crate) const NONE: u32 = u32::MAX;
/// The most directories, and the most entries, that a snapshot holds.
pub(crate) const NUMBERS_MAX: u64 = u32::MAX as u64 - 1;

pub(crate) const FLAG_IDS: u64 = 1;
pub(crate) const FLAG_GITIGNORE: u64 = 2;
pub(crate) const FLAG_ROOT_DIGEST: u64 = 4;

/// A directory's flag: its entries could be listed.
pub(crate) const DIR_LISTED: u8 = 1;
/// A directory's flag: some of its entries may lack.
pub(crate) const DIR_PARTIAL: u8 = 2;

/// The header's fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) file_bytes: u64,
    pub(crate) gitignore: bool,
    pub(crate) ids: Option<IdKind>,
    pub(crate) taken_ns: i64,
    pub(crate) dirs: u32,
    pub(crate) entries: u32,
    pub(crate) names_bytes: u32,
    pub(crate) owners: u32,
    pub(crate) counts: Counts,
    pub(crate) root_stat: Stat,
    pub(crate) root_digest: Option<[u8; 32]>,
    pub(crate) body_checksum: [u8; 16],
}

/// A field of the header that holds what this version does not know.
#[derive(Debug, PartialEq)]
pub(crate) struct UnknownIds(pub(crate) String);

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        let mut flags = 0;
        if self.gitignore {
            flags |= FLAG_GITIGNORE;
        }
        if let Some(kind) = self.ids {
            flags |= FLAG_IDS;
            put(32, kind.name.as_bytes());
            put(48, &u32::from(kind.id_bytes).to_le_bytes());
            put(52, &u32::from(kind.digest_bytes).to_le_bytes());
        }
        if let Some(digest) = &self.root_digest {
            flags |= FLAG_ROOT_DIGEST;
            put(176, digest);
        }
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(12, &(HEADER_BYTES as u32).to_le_bytes());
        put(16, &self.file_bytes.to_le_bytes());
        put(24, &flags.to_le_bytes());
        put(56, &self.taken_ns.to_le_bytes());
        put(64, &self.dirs.to_le_bytes());
        put(68, &self.entries.to_le_bytes());
        put(72, &self.names_bytes.to_le_bytes());
        put(76, &self.owners.to_le_bytes());
        let counts = &self.counts;
        let counts = [counts.files, counts.dirs, counts.symlinks, counts.others, counts.size_bytes];
        for (i, count) in counts.into_iter().enumerate() {
            put(80 + 8 * i, &count.to_le_bytes());
        }
        let stat = &self.root_stat;
        put(120, &u32::from(mode_bits(stat)).to_le_bytes());
        put(124, &stat.nlink.to_le_bytes());
        put(128, &stat.size_bytes.to_le_bytes());
        put(136, &stat.mtime_ns.to_le_bytes());
        put(144, &stat.ctime_ns.to_le_bytes());
        put(152, &stat.inode.to_le_bytes());
        put(160, &stat.device.to_le_bytes());
        put(168, &stat.uid.to_le_bytes());
        put(172, &stat.gid.to_le_bytes());
        put(208, &self.body_checksum);
        bytes
    }

    /// Reads a header whose magic, version and checksum are right.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, UnknownIds> {
        let field = |at: usize| Field(&bytes[at..]);
        let flags = field(24).u64();
        let ids = if flags & FLAG_IDS == 0 { None } else { Some(decode_ids(bytes)?) };
        let (kind, mode) = kind_and_mode(field(120).u32() as u16);
        let count = |i: usize| field(80 + 8 * i).u64();
        Ok(Self {
            file_bytes: field(16).u64(),
            gitignore: flags & FLAG_GITIGNORE != 0,
            ids,
            taken_ns: field(56).u64() as i64,
            dirs: field(64).u32(),
            entries: field(68).u32(),
            names_bytes: field(72).u32(),
            owners: field(76).u32(),
            counts: Counts {
                files: count(0),
                dirs: count(1),
                symlinks: count(2),
                others: count(3),
                size_bytes: count(4),
            },
            root_stat: Stat {
                kind,
                mode,
                nlink: field(124).u32(),
                size_bytes: field(128).u64(),
                mtime_ns: field(136).u64() as i64,
                ctime_ns: field(144).u64() as i64,
                inode: field(152).u64(),
                device: field(160).u64(),
                uid: field(168).u32(),
                gid: field(172).u32(),
            },
            root_digest: (flags & FLAG_ROOT_DIGEST != 0)
                .then(|| bytes[176..208].try_into().expect("32 bytes")),
            body_checksum: bytes[208..224].try_into().expect("16 bytes"),
        })
    }
}

fn decode_ids(bytes: &[u8; HEADER_BYTES]) -> Result<IdKind, UnknownIds> {
    let name = bytes[32..48].split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let lengths = (Field(&bytes[48..]).u32(), Field(&bytes[52..]).u32());
    let expected = |kind: &IdKind| (u32::from(kind.id_bytes), u32::from(kind.digest_bytes));
    let known = IdKind::named(&name).filter(|kind| expected(kind) == lengths);
    known.ok_or_else(|| UnknownIds(name.into_owned()))
}

/// A little-endian number at the beginning of some bytes.
struct Field<'a>(&'a [u8]);

impl Field<'_> {
    fn u64(&self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("8 bytes"))
    }

    fn u32(&self) -> u32 {
        u32::from_le_bytes(self.0[..4].try_into().expect("4 bytes"))
    }
}

/// The offset of each section from the beginning of the file; each is a multiple of eight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) dir_first: usize,
    pub(crate) dir_parent: usize,
    pub(crate) dir_entry: usize,
    pub(crate) dir_end: usize,
    pub(crate) dir_flags: usize,
    pub(crate) size: usize,
    pub(crate) mtime: usize,
    pub(crate) ctime: usize,
    pub(crate) inode: usize,
    pub(crate) child: usize,
    pub(crate) owner: usize,
    pub(crate) nlink: usize,
    pub(crate) name_end: usize,
    pub(crate) mode: usize,
    pub(crate) ids: usize,
    pub(crate) ids_known: usize,
    pub(crate) owners: usize,
    pub(crate) names: usize,
    pub(crate) end: usize,
}

/// Bytes of one row of the owner table: device, uid, gid.
pub(crate) const OWNER_BYTES: usize = 16;

impl Layout {
    /// The layout for these counts, or `None` if it exceeds what this machine can address.
    pub(crate) fn new(header: &Header) -> Option<Self> {
        let dirs = header.dirs as usize;
        let entries = header.entries as usize;
        let slot = header.ids.map_or(0, |kind| kind.slot_bytes());
        let known = if slot == 0 { 0 } else { entries.div_ceil(8) };
        let mut at = HEADER_BYTES;
        let mut section = |count: usize, width: usize| -> Option<usize> {
            let start = at;
            at = at.checked_add(count.checked_mul(width)?)?.checked_next_multiple_of(8)?;
            Some(start)
        };
        let mut layout = Self {
            dir_first: section(dirs.checked_add(1)?, 4)?,
            dir_parent: section(dirs, 4)?,
            dir_entry: section(dirs, 4)?,
            dir_end: section(dirs, 4)?,
            dir_flags: section(dirs, 1)?,
            size: section(entries, 8)?,
            mtime: section(entries, 8)?,
            ctime: section(entries, 8)?,
            inode: section(entries, 8)?,
            child: section(entries, 4)?,
            owner: section(entries, 4)?,
            nlink: section(entries, 4)?,
            name_end: section(entries, 4)?,
            mode: section(entries, 2)?,
            ids: section(entries, slot)?,
            ids_known: section(known, 1)?,
            owners: section(header.owners as usize, OWNER_BYTES)?,
            names: section(header.names_bytes as usize, 1)?,
            end: 0,
        };
        layout.end = at;
        Some(layout)
    }
}

/// The stat of an entry out of a snapshot's columns.
pub(crate) struct StatFields {
    pub(crate) mode: u16,
    pub(crate) size_bytes: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
    pub(crate) inode: u64,
    pub(crate) nlink: u32,
    pub(crate) device: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl From<StatFields> for Stat {
    fn from(fields: StatFields) -> Self {
        let (kind, mode): (Kind, u32) = kind_and_mode(fields.mode);
        Self {
            kind,
            mode,
            size_bytes: fields.size_bytes,
            mtime_ns: fields.mtime_ns,
            ctime_ns: fields.ctime_ns,
            inode: fields.inode,
            device: fields.device,
            nlink: fields.nlink,
            uid: fields.uid,
            gid: fields.gid,
        }
    }
}
