//! The records of a live tree's journal, as `docs/format/live.md` describes them.

use treenail_os::{Kind, Stat};

use super::change::{Batch, Change, EventKind, Gap, Id};
use crate::block::{kind_and_mode, mode_bits};
use crate::view::Class;

/// The process that keeps the tree was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Session {
    /// Which run of the machine it is; zeros where the system does not say.
    pub(super) boot: [u8; 16],
    pub(super) incarnation: u32,
}

/// What a checkpoint says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) root: u64,
    pub(super) incarnation: u32,
    /// The tick of the snapshot.
    pub(super) tick: u64,
    /// The journal's records are those after this tick.
    pub(super) floor: u64,
    /// A time before which the tree was not looked at.
    pub(super) taken_ns: i64,
    /// What stands for the exclusion of the tree; 0 for none.
    pub(super) exclusion: u64,
    pub(super) ended: Vec<(u32, u64)>,
}

/// A batch, or a part of one that is too long for a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    pub(super) batch: Batch,
    /// When it was written, in nanoseconds since 1970.
    pub(super) at_ns: i64,
    /// Whether the batch ends with it.
    pub(super) last: bool,
}

/// Files that were [`unheard`](super::Live::unheard), or some of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unheard {
    pub(super) paths: Vec<Box<[u8]>>,
    /// Whether those of earlier records count as well.
    pub(super) more: bool,
}

const VERSION: u8 = 1;

const HEAD_VERSION: u8 = 2;

const LAST: u8 = 1;

const MORE: u8 = 1;

const QUIET: u8 = 1;
const OPEN: u8 = 1 << 1;
const REPLACED: u8 = 1 << 2;
const HAS_FROM: u8 = 1 << 3;
const HAS_STAT: u8 = 1 << 4;
const HAS_ID: u8 = 1 << 5;

impl Session {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&[VERSION][..], &self.boot, &self.incarnation.to_le_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        input.version()?;
        let session = Self { boot: *input.array()?, incarnation: input.u32()? };
        input.is_empty().then_some(session)
    }
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![HEAD_VERSION];
        bytes.extend(self.root.to_le_bytes());
        bytes.extend(self.incarnation.to_le_bytes());
        bytes.extend(self.tick.to_le_bytes());
        bytes.extend(self.floor.to_le_bytes());
        bytes.extend(self.taken_ns.to_le_bytes());
        bytes.extend(self.exclusion.to_le_bytes());
        bytes.extend((self.ended.len() as u32).to_le_bytes());
        for (incarnation, tick) in &self.ended {
            bytes.extend(incarnation.to_le_bytes());
            bytes.extend(tick.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        (input.u8()? == HEAD_VERSION).then_some(())?;
        let mut head = Self {
            root: input.u64()?,
            incarnation: input.u32()?,
            tick: input.u64()?,
            floor: input.u64()?,
            taken_ns: input.u64()? as i64,
            exclusion: input.u64()?,
            ended: Vec::new(),
        };
        for _ in 0..input.u32()? {
            head.ended.push((input.u32()?, input.u64()?));
        }
        input.is_empty().then_some(head)
    }
}

impl Unheard {
    /// The records that say that these files are unheard and no others, none longer than
    /// `bytes_max`, if one path is not.
    pub(super) fn encode_all(paths: &[Box<[u8]>], bytes_max: usize) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let mut record = vec![VERSION, 0];
        for path in paths {
            if record.len() > 2 && record.len() + 4 + path.len() > bytes_max {
                records.push(std::mem::replace(&mut record, vec![VERSION, MORE]));
            }
            put_bytes(&mut record, path);
        }
        records.push(record);
        records
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        input.version()?;
        let more = match input.u8()? {
            0 => false,
            MORE => true,
            _ => return None,
        };
        let mut paths = Vec::new();
        while !input.is_empty() {
            paths.push(Some(input.path()?).filter(|path| !path.is_empty())?);
        }
        Some(Self { paths, more })
    }
}

impl Part {
    /// The records of a batch, none longer than `bytes_max`, if one change is not.
    pub(super) fn encode_all(batch: &Batch, at_ns: i64, bytes_max: usize) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let mut record = begin(batch.tick, at_ns);
        put_u32(&mut record, batch.gaps.len());
        for gap in &batch.gaps {
            put_bytes(&mut record, &gap.path);
            put_bytes(&mut record, gap.reason.as_bytes());
        }
        let mut one = Vec::new();
        let mut is_empty = true;
        for change in &batch.changes {
            one.clear();
            encode_change(change, &mut one);
            if !is_empty && record.len() + one.len() > bytes_max {
                records.push(std::mem::replace(&mut record, begin(batch.tick, at_ns)));
                put_u32(&mut record, 0);
            }
            record.append(&mut one);
            is_empty = false;
        }
        record[1] = LAST;
        records.push(record);
        records
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        input.version()?;
        let last = match input.u8()? {
            0 => false,
            LAST => true,
            _ => return None,
        };
        let mut batch = Batch { tick: input.u64()?, ..Batch::default() };
        let at_ns = input.u64()? as i64;
        for _ in 0..input.u32()? {
            let path = input.path()?;
            let reason = String::from_utf8(input.bytes()?.to_vec()).ok()?;
            batch.gaps.push(Gap { path, reason });
        }
        while !input.is_empty() {
            batch.changes.push(decode_change(&mut input)?);
        }
        Some(Self { batch, at_ns, last })
    }
}

fn begin(tick: u64, at_ns: i64) -> Vec<u8> {
    [&[VERSION, 0][..], &tick.to_le_bytes(), &at_ns.to_le_bytes()].concat()
}

fn put_u32(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend((number as u32).to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_u32(bytes, content.len());
    bytes.extend(content);
}

fn encode_change(change: &Change, bytes: &mut Vec<u8>) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = flag(change.quiet, QUIET)
        | flag(change.open_for_write, OPEN)
        | flag(change.replaced, REPLACED)
        | flag(change.from.is_some(), HAS_FROM)
        | flag(change.stat.is_some(), HAS_STAT)
        | flag(change.id.is_some(), HAS_ID);
    bytes.extend([change.kind as u8, change.class as u8, flags]);
    put_bytes(bytes, &change.path);
    if let Some(from) = &change.from {
        put_bytes(bytes, from);
    }
    if let Some(stat) = &change.stat {
        encode_stat(stat, bytes);
    }
    if let Some(id) = &change.id {
        bytes.push(id.as_bytes().len() as u8);
        bytes.extend(id.as_bytes());
    }
    put_u32(bytes, change.ranges.len());
    for range in &change.ranges {
        bytes.extend(range.start.to_le_bytes());
        bytes.extend(range.end.to_le_bytes());
    }
}

fn decode_change(input: &mut Input<'_>) -> Option<Change> {
    let kind = match input.u8()? {
        1 => EventKind::Create,
        2 => EventKind::Modify,
        3 => EventKind::Delete,
        4 => EventKind::Rename,
        _ => return None,
    };
    let class = Class::from_byte(input.u8()?)?;
    let flags = input.u8()?;
    let has = |flag: u8| flags & flag != 0;
    if flags >= HAS_ID << 1 || has(HAS_FROM) != (kind == EventKind::Rename) {
        return None;
    }
    let entry = |path: Box<[u8]>| (!path.is_empty()).then_some(path);
    let path = entry(input.path()?)?;
    let from = if has(HAS_FROM) { Some(entry(input.path()?)?) } else { None };
    let stat = if has(HAS_STAT) { Some(decode_stat(input)?) } else { None };
    if stat.is_some_and(|stat| Class::of(&stat) != class) {
        return None;
    }
    let id = if has(HAS_ID) {
        let len = usize::from(input.u8()?);
        Some(Id::new(input.take(len)?)?)
    } else {
        None
    };
    let mut ranges = Vec::new();
    for _ in 0..input.u32()? {
        let (start, end) = (input.u64()?, input.u64()?);
        ranges.push((start < end).then_some(start..end)?);
    }
    Some(Change {
        kind,
        class,
        path,
        from,
        replaced: has(REPLACED),
        stat,
        id,
        quiet: has(QUIET),
        open_for_write: has(OPEN),
        ranges,
    })
}

fn encode_stat(stat: &Stat, bytes: &mut Vec<u8>) {
    bytes.extend(mode_bits(stat).to_le_bytes());
    bytes.extend(stat.size_bytes.to_le_bytes());
    bytes.extend(stat.mtime_ns.to_le_bytes());
    bytes.extend(stat.ctime_ns.to_le_bytes());
    bytes.extend(stat.inode.to_le_bytes());
    bytes.extend(stat.device.to_le_bytes());
    bytes.extend(stat.nlink.to_le_bytes());
    bytes.extend(stat.uid.to_le_bytes());
    bytes.extend(stat.gid.to_le_bytes());
}

fn decode_stat(input: &mut Input<'_>) -> Option<Stat> {
    let bits = u16::from_le_bytes(*input.array()?);
    let (kind, mode) = kind_and_mode(bits);
    if bits >> 12 > Kind::Unknown as u16 {
        return None;
    }
    Some(Stat {
        kind,
        mode,
        size_bytes: input.u64()?,
        mtime_ns: input.u64()? as i64,
        ctime_ns: input.u64()? as i64,
        inode: input.u64()?,
        device: input.u64()?,
        nlink: input.u32()?,
        uid: input.u32()?,
        gid: input.u32()?,
    })
}

impl Change {
    /// Appends the change as the journal's format has it, for other formats to hold changes too.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        encode_change(self, bytes);
    }

    /// Takes what [`encode`](Self::encode) wrote off the start of `bytes`; nothing if it is no
    /// change.
    #[must_use]
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let change = decode_change(&mut input)?;
        *bytes = input.0;
        Some(change)
    }
}

/// Appends a stat as the journal's format has it.
pub fn put_stat(stat: &Stat, bytes: &mut Vec<u8>) {
    encode_stat(stat, bytes);
}

/// Takes what [`put_stat`] wrote off the start of `bytes`; nothing if it is no stat.
#[must_use]
pub fn take_stat(bytes: &mut &[u8]) -> Option<Stat> {
    let mut input = Input(bytes);
    let stat = decode_stat(&mut input)?;
    *bytes = input.0;
    Some(stat)
}

/// What is left to be read of a record.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn version(&mut self) -> Option<()> {
        (self.u8()? == VERSION).then_some(())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|byte| byte[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    /// Names with `/` between them, or nothing for the root.
    fn path(&mut self) -> Option<Box<[u8]>> {
        let path = self.bytes()?;
        let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
        let valid = path.is_empty() || path.split(|byte| *byte == b'/').all(is_name);
        valid.then(|| path.into())
    }
}

/// Decodes a record of any kind and says whether it was one; for fuzzing.
#[doc(hidden)]
#[must_use]
pub fn decodes(bytes: &[u8]) -> bool {
    let part = Part::decode(bytes);
    if let Some(part) = &part
        && part.last
    {
        let again = Part::encode_all(&part.batch, part.at_ns, usize::MAX);
        assert_eq!(again, [bytes], "what is decoded is encoded to the same bytes");
    }
    let is_other = Head::decode(bytes).is_some() || Session::decode(bytes).is_some();
    part.is_some() || is_other || Unheard::decode(bytes).is_some()
}

#[cfg(test)]
mod tests;
