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
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            *self = Self::default();
        }
    }

    /// Makes room for so many bytes in all. Only a huge directory takes a huge buffer, which there
    /// may not be: that is the directory's error, and not the process's end.
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    pub(crate) fn reserve(&mut self, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.bytes.len());
        Ok(self.bytes.try_reserve_exact(more).map_err(|_| io::ErrorKind::OutOfMemory)?)
    }

    pub(crate) fn entry(&self, index: usize) -> Entry<'_> {
        let record = self.records[index];
        Entry { name: self.name(record), kind: record.kind, inode: record.inode }
    }

    /// Puts the entries in the order of their names' bytes.
    pub fn sort_by_name(&mut self) {
        let (bytes, records) = (&self.bytes, &self.records);
        let keys = records.iter().zip(0..).map(|(record, number)| key(bytes, *record, number));
        let mut keys: Vec<u128> = keys.collect();
        keys.sort_unstable();
        let record = |key: u128| records[(key as u32) as usize];
        for run in keys.chunk_by_mut(|a, b| a >> u32::BITS == b >> u32::BITS) {
            if run.len() > 1 {
                let rest = |key: u128| name_in(bytes, record(key)).get(HEAD_BYTES..);
                run.sort_unstable_by(|a, b| rest(*a).cmp(&rest(*b)));
            }
        }
        self.records = keys.iter().map(|key| record(*key)).collect();
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

/// How many bytes of a name are in its key.
const HEAD_BYTES: usize = 12;

/// A number in the order of the names: the first bytes of one, which mostly decide, zeros where it
/// is shorter, and the number of its record.
fn key(bytes: &[u8], record: Record, number: u32) -> u128 {
    const WIDTH: usize = size_of::<u128>();
    let start = record.offset as usize;
    let head = match bytes.get(start..start + WIDTH) {
        Some(head) => u128::from_be_bytes(head.try_into().expect("of that width")),
        None => {
            let mut head = [0; WIDTH];
            let rest = &bytes[start..];
            head[..rest.len()].copy_from_slice(rest);
            u128::from_be_bytes(head)
        }
    };
    let foreign = u128::MAX >> (8 * HEAD_BYTES.min(record.length as usize));
    head & !foreign | u128::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_their_bytes_however_alike_they_begin() {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for stem in
            ["", "a", "ab", "twelve-bytes", "twelve-bytes-and-more", "\u{ff}", "~~~~~~~~~~~"]
        {
            for end in
                [&b""[..], b"1", b"2", b"\x01", b"\xff", b"\xfe\xff", b"-and-four-more", b"10"]
            {
                names.push([stem.as_bytes(), end].concat());
            }
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        let mut listing = Listing::new();
        for (number, name) in (0..).zip(&names) {
            listing.records.push(Record {
                inode: number,
                offset: listing.bytes.len() as u32,
                length: name.len() as u16,
                kind: Kind::File,
            });
            listing.bytes.extend_from_slice(name);
        }
        listing.sort_by_name();
        for entry in listing.entries() {
            assert_eq!(entry.name, names[entry.inode as usize], "a record keeps its name");
        }
        names.sort();
        assert!(listing.entries().map(|entry| entry.name).eq(names.iter().map(|name| &name[..])));
    }
}
