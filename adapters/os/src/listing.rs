//! The names of one directory, packed in one buffer that is used again for the next directory.

use std::io;

use crate::stat::Kind;

/// A larger buffer is given back after its directory: one huge directory does not stay in memory.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// One entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Name within the directory.
    pub name: &'a [u8],
    /// What sort of thing it is.
    pub kind: Kind,
    /// Number of the inode as the listing says, which at a mount point is the covered one
    /// (0 where listings do not say).
    pub inode: u64,
}

/// Where an entry lies in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) inode: u64,
    pub(crate) offset: u32,
    pub(crate) length: u16,
    pub(crate) kind: Kind,
}

/// A directory's whole content, in a buffer that can be filled again; see [`Handle::list`].
///
/// [`Handle::list`]: crate::Handle::list
#[derive(Default)]
pub struct Listing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Record>,
}

impl Listing {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All entries but `.` and `..`, in the order of the file system.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        (0..self.records.len()).map(|index| self.entry(index))
    }

    /// Forgets the content and keeps a moderate amount of memory.
    pub(crate) fn reset(&mut self) {
        self.records.clear();
        if self.bytes.len() > KEPT_BYTES_MAX {
            *self = Self::default();
        }
    }

    /// Makes the buffer longer, with zeros. Only a huge directory takes a huge one, which there may
    /// not be: that is the directory's error, and not the process's end.
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    pub(crate) fn grow(&mut self, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.bytes.len());
        self.bytes.try_reserve_exact(more).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.resize(length, 0);
        Ok(())
    }

    pub(crate) fn entry(&self, index: usize) -> Entry<'_> {
        let record = self.records[index];
        Entry { name: self.name(record), kind: record.kind, inode: record.inode }
    }

    /// Puts the entries in the order of their names' bytes.
    pub fn sort_by_name(&mut self) {
        let (bytes, records) = (&self.bytes, &self.records);
        // Mostly the first bytes decide, and stand in one place here.
        let keys =
            (0..).zip(records).map(|(number, record)| (head(name_in(bytes, *record)), number));
        let mut keys: Vec<(u64, u32)> = keys.collect();
        let name = |number: u32| name_in(bytes, records[number as usize]);
        keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| name(a.1).cmp(name(b.1))));
        self.records = keys.iter().map(|(_, number)| records[*number as usize]).collect();
    }

    /// Asks `resolve` for the kind of every entry whose kind the listing left open; entries that
    /// are gone are dropped.
    pub(crate) fn resolve_unknown(&mut self, resolve: impl Fn(&[u8]) -> io::Result<Kind>) {
        if self.records.iter().all(|record| record.kind != Kind::Unknown) {
            return;
        }
        let bytes = &self.bytes;
        self.records.retain_mut(|record| {
            if record.kind == Kind::Unknown {
                match resolve(name_in(bytes, *record)) {
                    Ok(kind) => record.kind = kind,
                    Err(error) => return error.kind() != io::ErrorKind::NotFound,
                }
            }
            true
        });
    }

    fn name(&self, record: Record) -> &[u8] {
        name_in(&self.bytes, record)
    }
}

fn name_in(bytes: &[u8], record: Record) -> &[u8] {
    let start = record.offset as usize;
    &bytes[start..start + record.length as usize]
}

/// The beginning of a name as a number in the order of its bytes.
fn head(name: &[u8]) -> u64 {
    let mut head = [0; 8];
    let len = name.len().min(head.len());
    head[..len].copy_from_slice(&name[..len]);
    u64::from_be_bytes(head)
}
