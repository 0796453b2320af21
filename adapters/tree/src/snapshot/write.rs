//! Writing a tree as a snapshot file: section after section, out of the columns of its blocks, so
//! that next to nothing is held in memory besides the tree.

use std::collections::HashMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use treenail_hash::{Hash, Xxh128};
use treenail_os::{Durability, replace};

use super::layout::{
    DIR_LISTED, DIR_PARTIAL, HEADER_BYTES, HEADER_CHECKSUM_AT, Header, Layout, NONE, NUMBERS_MAX,
    OWNER_BYTES,
};
use crate::block::{Block, ENTRIES_MAX, Owner};
use crate::column::IdBlock;
use crate::error::{Error, ErrorKind};
use crate::pages::DirId;
use crate::tree::{Listing, TreeView};
use crate::view::View;

/// So much is written at a time.
const BUFFER_BYTES: usize = 256 << 10;

impl TreeView<'_> {
    /// Saves the tree, with the ids that the view shows, replacing the file at once and durably.
    ///
    /// # Errors
    /// If the file cannot be written (an earlier one is then untouched), or the tree has more than
    /// 2^32 - 2 entries or 2^32 - 1 bytes of names.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let plan = Plan::new(self).map_err(|why| Error::new(ErrorKind::Limit, path, why))?;
        replace(path, |file| plan.write(self, file), Durability::Synced)
            .map_err(|error| Error::io(path, "cannot save the snapshot", error.into_source()))
    }

    /// The snapshot file's bytes.
    #[cfg(test)]
    pub(crate) fn to_snapshot(self) -> Result<Vec<u8>, String> {
        let mut file = io::Cursor::new(Vec::new());
        Plan::new(&self)?.write(&self, &mut file).map_err(|error| error.to_string())?;
        Ok(file.into_inner())
    }
}

/// The directories in pre-order, each one's entries numbered behind those of the one before.
struct Plan {
    dirs: Vec<DirId>,
    dir_first: Vec<u32>,
    dir_parent: Vec<u32>,
    dir_entry: Vec<u32>,
    dir_end: Vec<u32>,
    dir_flags: Vec<u8>,
    owners: Vec<Owner>,
    owner_numbers: HashMap<Owner, u32>,
    header: Header,
    layout: Layout,
}

/// A directory still to be numbered, or one whose subtree is complete.
enum Step {
    Enter { dir: DirId, parent: u32, entry: u32 },
    Leave { number: u32 },
}

/// How much of a directory is in the tree. One that counts as not listed and has entries all the
/// same (it was listed once) is one of which some may lack.
fn flags(view: &TreeView<'_>, dir: DirId) -> u8 {
    match view.tree().listing(dir) {
        Some(Listing::Complete) => DIR_LISTED,
        Some(Listing::Partial) => DIR_LISTED | DIR_PARTIAL,
        _ if view.entries(dir).next().is_some() => DIR_LISTED | DIR_PARTIAL,
        _ => 0,
    }
}

/// The blocks of a directory.
fn blocks<'a>(view: &TreeView<'a>, dir: DirId) -> &'a [Block] {
    view.tree.dirs.get(dir).map_or(&[], |node| node.leaves.as_slice())
}

impl Plan {
    fn new(view: &TreeView<'_>) -> Result<Self, String> {
        let limit = |what: &str, count: u64| {
            if count > NUMBERS_MAX {
                return Err(format!("a snapshot holds at most {NUMBERS_MAX} {what}"));
            }
            Ok(count as u32)
        };
        let tree = view.tree();
        // What the numbers below are cut to.
        limit("entries", tree.counts().entries())?;
        let header = Header {
            file_bytes: 0,
            gitignore: tree.gitignore,
            ids: view.ids(),
            taken_ns: view.taken_ns(),
            dirs: 0,
            entries: 0,
            names_bytes: 0,
            owners: 0,
            counts: tree.counts(),
            root_stat: tree.root_stat(),
            root_digest: view.root_digest().map(|digest| {
                let mut padded = [0; 32];
                padded[..digest.len()].copy_from_slice(digest);
                padded
            }),
            body_checksum: [0; 16],
        };
        let layout = Layout::new(&header).expect("an empty file is addressable");
        let mut plan = Self {
            dirs: Vec::new(),
            dir_first: Vec::new(),
            dir_parent: Vec::new(),
            dir_entry: Vec::new(),
            dir_end: Vec::new(),
            dir_flags: Vec::new(),
            owners: Vec::new(),
            owner_numbers: HashMap::new(),
            header,
            layout,
        };
        let (entries, names_bytes) = plan.number(view);
        plan.header.dirs = limit("directories", plan.dirs.len() as u64)?;
        plan.header.entries = limit("entries", entries)?;
        plan.header.names_bytes = limit("bytes of names", names_bytes)?;
        plan.header.owners = limit("owners", plan.owners.len() as u64)?;
        let layout = Layout::new(&plan.header);
        plan.layout = layout.ok_or("too large for this machine's memory")?;
        plan.header.file_bytes = plan.layout.end as u64;
        Ok(plan)
    }

    /// Numbers the directories, their entries and their owners; returns how many entries there are
    /// and how long their names.
    fn number(&mut self, view: &TreeView<'_>) -> (u64, u64) {
        let (mut entries, mut names_bytes) = (0, 0);
        let mut steps = vec![Step::Enter { dir: view.root(), parent: NONE, entry: NONE }];
        while let Some(step) = steps.pop() {
            let (dir, parent, entry) = match step {
                Step::Enter { dir, parent, entry } => (dir, parent, entry),
                Step::Leave { number } => {
                    self.dir_end[number as usize] = self.dirs.len() as u32;
                    continue;
                }
            };
            let number = self.dirs.len() as u32;
            self.dirs.push(dir);
            self.dir_first.push(entries as u32);
            self.dir_parent.push(parent);
            self.dir_entry.push(entry);
            self.dir_end.push(0);
            self.dir_flags.push(flags(view, dir));
            steps.push(Step::Leave { number });
            let before = steps.len();
            for block in blocks(view, dir) {
                steps.extend(block.children().map(|(row, dir)| {
                    let entry = (entries + row as u64) as u32;
                    Step::Enter { dir, parent: number, entry }
                }));
                entries += block.len() as u64;
                names_bytes += block.names_bytes() as u64;
                self.add_owners(block);
            }
            steps[before..].reverse();
        }
        self.dir_first.push(entries as u32);
        (entries, names_bytes)
    }

    fn add_owners(&mut self, block: &Block) {
        let rows = if block.common_owner().is_some() { block.len().min(1) } else { block.len() };
        for row in 0..rows {
            let owner = block.owner(row);
            self.owner_numbers.entry(owner).or_insert_with(|| {
                self.owners.push(owner);
                self.owners.len() as u32 - 1
            });
        }
    }

    /// Writes the file; its header, which holds the checksum of the rest, in the end.
    fn write(&self, view: &TreeView<'_>, file: &mut (impl Write + Seek)) -> io::Result<()> {
        let layout = &self.layout;
        let mut out = Sections::new(file)?;
        for (start, column) in [
            (layout.dir_first, &self.dir_first),
            (layout.dir_parent, &self.dir_parent),
            (layout.dir_entry, &self.dir_entry),
            (layout.dir_end, &self.dir_end),
        ] {
            out.begin(start)?;
            for part in column.chunks(ENTRIES_MAX) {
                out.put(part.iter().map(|number| number.to_le_bytes()))?;
            }
        }
        out.begin(layout.dir_flags)?;
        out.put_bytes(&self.dir_flags)?;
        for (column, start) in
            [layout.size, layout.mtime, layout.ctime, layout.inode].into_iter().enumerate()
        {
            out.begin(start)?;
            for block in self.blocks(view) {
                out.put(block.words(column).iter().map(|word| word.to_le_bytes()))?;
            }
        }
        self.write_children(&mut out)?;
        out.begin(layout.owner)?;
        for block in self.blocks(view) {
            let common = block.common_owner().and_then(|owner| self.owner_numbers.get(&owner));
            let number = |row| match common {
                Some(number) => number.to_le_bytes(),
                None => self.owner_numbers[&block.owner(row)].to_le_bytes(),
            };
            out.put((0..block.len()).map(number))?;
        }
        out.begin(layout.nlink)?;
        for block in self.blocks(view) {
            match block.nlinks() {
                Some(nlinks) => out.put(nlinks.iter().map(|nlink| nlink.to_le_bytes()))?,
                None => out.put((0..block.len()).map(|_| 1_u32.to_le_bytes()))?,
            }
        }
        out.begin(layout.name_end)?;
        let mut before = 0_u32;
        for block in self.blocks(view) {
            let ends = block.name_ends().iter();
            out.put(ends.map(|end| (before + u32::from(*end)).to_le_bytes()))?;
            before += block.names_bytes() as u32;
        }
        out.begin(layout.mode)?;
        for block in self.blocks(view) {
            out.put(block.modes().iter().map(|mode| mode.to_le_bytes()))?;
        }
        self.write_ids(view, &mut out)?;
        out.begin(layout.owners)?;
        // Owners are few.
        out.put(self.owners.iter().map(|(device, uid, gid)| {
            let mut row = [0; OWNER_BYTES];
            row[..8].copy_from_slice(&device.to_le_bytes());
            row[8..12].copy_from_slice(&uid.to_le_bytes());
            row[12..].copy_from_slice(&gid.to_le_bytes());
            row
        }))?;
        out.begin(layout.names)?;
        for block in self.blocks(view) {
            out.put_bytes(block.names())?;
        }
        out.begin(layout.end)?;
        out.end(self.header.clone())
    }

    /// The number of the directory that each entry is.
    fn write_children<W: Write + Seek>(&self, out: &mut Sections<'_, W>) -> io::Result<()> {
        out.begin(self.layout.child)?;
        let mut children: Vec<(u32, u32)> = self.dir_entry.iter().copied().zip(0..).collect();
        children.sort_unstable();
        let mut children = children.into_iter().peekable();
        for range in self.dir_first.windows(2) {
            let (first, end) = (range[0], range[1]);
            out.put((first..end).map(|entry| {
                let child = children.next_if(|(at, _)| *at == entry);
                child.map_or(NONE, |(_, number)| number).to_le_bytes()
            }))?;
        }
        Ok(())
    }

    fn write_ids<W: Write + Seek>(
        &self,
        view: &TreeView<'_>,
        out: &mut Sections<'_, W>,
    ) -> io::Result<()> {
        let Some(column) = view.column else { return Ok(()) };
        let slot_bytes = column.kind.slot_bytes();
        let ids =
            |dir: DirId| -> &[IdBlock] { column.dirs.get(dir).map_or(&[], |ids| ids.0.as_slice()) };
        let mut known = Bits::default();
        out.begin(self.layout.ids)?;
        for (at, dir) in self.dirs.iter().enumerate() {
            let blocks = ids(*dir);
            for block in blocks {
                out.put_bytes(block.slots())?;
                (0..block.len()).for_each(|row| known.push(block.get(row).is_some()));
            }
            if blocks.is_empty() {
                for _ in self.dir_first[at]..self.dir_first[at + 1] {
                    out.put((0..slot_bytes).map(|_| [0]))?;
                    known.push(false);
                }
            }
        }
        out.begin(self.layout.ids_known)?;
        out.put_bytes(&known.bytes)
    }

    /// The blocks of all directories, in the order of their entries' numbers.
    fn blocks<'a>(&self, view: &TreeView<'a>) -> impl Iterator<Item = &'a Block> {
        let view = *view;
        self.dirs.iter().flat_map(move |dir| blocks(&view, *dir))
    }
}

/// Bits, the first the lowest of the first byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.len % 8);
        }
        self.len += 1;
    }
}

/// What is written of a file, with the checksum of all after the header.
struct Sections<'a, W> {
    file: &'a mut W,
    buffer: Vec<u8>,
    checksum: Xxh128,
    /// What was written, or taken out of the buffer, so far.
    written: usize,
}

impl<'a, W: Write + Seek> Sections<'a, W> {
    /// Leaves room for the header.
    fn new(file: &'a mut W) -> io::Result<Self> {
        file.write_all(&[0; HEADER_BYTES])?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { file, buffer, checksum: Xxh128::default(), written: HEADER_BYTES })
    }

    /// Fills up with zeros to where a section begins.
    fn begin(&mut self, start: usize) -> io::Result<()> {
        let at = self.written + self.buffer.len();
        let gap = start.checked_sub(at).expect("sections are written in their order");
        self.put((0..gap).map(|_| [0]))
    }

    /// Adds the items of a block, or about as many.
    fn put<const N: usize>(&mut self, items: impl Iterator<Item = [u8; N]>) -> io::Result<()> {
        items.for_each(|item| self.buffer.extend_from_slice(&item));
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.written += self.buffer.len();
        self.buffer.clear();
        Ok(())
    }

    /// Ends the file with the header at its begin.
    fn end(mut self, mut header: Header) -> io::Result<()> {
        self.flush()?;
        header.body_checksum = self.checksum.finish();
        let mut bytes = header.encode();
        let checksum = Xxh128::hash(&bytes[..HEADER_CHECKSUM_AT]);
        bytes[HEADER_CHECKSUM_AT..].copy_from_slice(&checksum);
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)
    }
}
