//! Ids of large files that follow a change: the digests of their blocks stay in memory.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::Hash;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use treenail_hash::Xxh128;
use treenail_hash::blocks::{BLOCK_BYTES, Blocks, BlocksError, digests_for};
use treenail_os::{Changed, FileId, Kind, Stat};

use crate::ids::{BlockIds, ContentId, WHOLE_BYTES_MAX};

type Digest = [u8; 16];

/// How much of a file is read at a time: a whole number of blocks.
const PIECE_BYTES: u64 = 256 << 10;

/// Room is made for files to grow to the next multiple of this.
const ROOM_BYTES: u64 = 4 << 20;

/// What a kept file takes beside its digests.
const KEPT_BYTES: usize = 128;

/// The block digests of files of more than [`WHOLE_BYTES_MAX`] bytes, by which an id of kind
/// [`IdKind::BLOCKS`](crate::IdKind::BLOCKS) is brought up to date without reading what did not
/// change, and which say what did.
///
/// They take a 256th of the files' length, up to a limit; beyond it, the files that were not asked
/// for the longest are forgotten, and the next change of one costs a whole reading. `K` is what the
/// caller knows a file by.
///
/// Threads may ask for different files at once; calls for one file must not overlap.
///
/// ```
/// use treenail_tree::LargeFiles;
///
/// let mut content = vec![7; 3_000_000];
/// let path = tempfile::NamedTempFile::new()?;
/// std::fs::write(&path, &content)?;
/// let files = LargeFiles::new(16 << 20);
/// let first = files.identify(path.as_file(), "name")?;
/// assert_eq!(first.changed, None); // nothing was known of it
///
/// content[1_000_000] = 8;
/// std::fs::write(&path, &content)?;
/// let second = files.identify(path.as_file(), "name")?;
/// assert_eq!(second.changed, Some(vec![999_424..1_003_520]));
/// assert_ne!(second.id, first.id);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LargeFiles<K = FileId> {
    bytes_max: usize,
    files: Mutex<Files<K>>,
}

/// A file's id, and what it took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identified {
    /// The id of kind [`IdKind::BLOCKS`](crate::IdKind::BLOCKS), whatever the length.
    pub id: [u8; 16],
    /// The file's stat, the same before and after it was read.
    pub stat: Stat,
    /// The blocks that are not what they were when the file was asked for the last time, as ranges
    /// of bytes in ascending order with a gap between any two; what the file lost at its end is not
    /// among them. Nothing if the blocks were not known, or are too few to be kept.
    pub changed: Option<Vec<Range<u64>>>,
    /// How long the file was then.
    pub was_bytes: Option<u64>,
}

#[derive(Debug)]
struct Files<K> {
    kept: HashMap<K, Kept>,
    /// The keys by when they were used; the first one is the next to go.
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
}

/// What is kept of a file.
#[derive(Debug, Default)]
struct Kept {
    memory: Vec<Digest>,
    size_bytes: u64,
    used: u64,
}

impl<K: Hash + Eq + Clone> LargeFiles<K> {
    /// Keeps at most so many bytes of digests.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let files = Files { kept: HashMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0 };
        Self { bytes_max, files: Mutex::new(files) }
    }

    /// Reads a file from beginning to end.
    ///
    /// # Errors
    /// [`Changed`] if the file's stat is another one afterwards or its length not what it says,
    /// [`io::ErrorKind::InvalidInput`] if it is no regular file, otherwise the system's. Nothing is
    /// known of the file then.
    pub fn identify(&self, file: &File, key: K) -> io::Result<Identified> {
        let kept = self.lock().take(&key);
        self.bring(file, key, kept, &(0..u64::MAX))
    }

    /// Reads the blocks of a file that hold `written`, and those that its new length needs; the
    /// caller vouches that nothing else was written since the file was asked for the last time.
    /// All of it is read if nothing is known of it.
    ///
    /// # Errors
    /// As for [`identify`](Self::identify).
    pub fn update_range(&self, file: &File, key: K, written: Range<u64>) -> io::Result<Identified> {
        let kept = self.lock().take(&key);
        let written = if kept.is_some() { written } else { 0..u64::MAX };
        self.bring(file, key, kept, &written)
    }

    /// Forgets a file, if anything is known of it: it is gone, or what was read of it is in doubt.
    pub fn forget(&self, key: &K) {
        self.lock().take(key);
    }

    /// Whether something is known of a file.
    #[must_use]
    pub fn knows(&self, key: &K) -> bool {
        self.lock().kept.contains_key(key)
    }

    /// The memory that is in use, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.lock().bytes
    }

    fn bring(
        &self,
        file: &File,
        key: K,
        kept: Option<Kept>,
        written: &Range<u64>,
    ) -> io::Result<Identified> {
        let stat = Stat::from_metadata(&file.metadata()?);
        let size_bytes = stat.size_bytes;
        let was_bytes = kept.as_ref().map(|kept| kept.size_bytes);
        if stat.kind != Kind::File {
            let message = "only a regular file has an id; ask the directory what it holds";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let needed_bytes = room(size_bytes).saturating_mul(size_of::<Digest>());
        let is_kept = needed_bytes.saturating_add(KEPT_BYTES) <= self.bytes_max;
        let mut changed = None;
        let mut next = None;
        let id = if size_bytes <= WHOLE_BYTES_MAX || !is_kept {
            stream(file, size_bytes)?
        } else {
            let is_known = kept.is_some();
            let mut kept = kept.unwrap_or_default();
            let mut ranges = Vec::new();
            let id = kept.follow(file, size_bytes, written, &mut ranges)?;
            changed = is_known.then(|| merge(ranges, size_bytes));
            next = Some(kept);
            id
        };
        let after = Stat::from_metadata(&file.metadata()?);
        if !after.same_content(&stat) {
            return Err(io::Error::other(Changed));
        }
        if let Some(kept) = next {
            self.lock().put(key, kept, self.bytes_max);
        }
        Ok(Identified { id, stat, changed, was_bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Files<K>> {
        // No step leaves it half changed.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Files<K> {
    fn take(&mut self, key: &K) -> Option<Kept> {
        let kept = self.kept.remove(key)?;
        self.by_use.remove(&kept.used);
        self.bytes -= kept.memory_bytes();
        Some(kept)
    }

    fn put(&mut self, key: K, mut kept: Kept, bytes_max: usize) {
        self.take(&key);
        self.uses += 1;
        kept.used = self.uses;
        self.bytes += kept.memory_bytes();
        self.by_use.insert(kept.used, key.clone());
        self.kept.insert(key, kept);
        while self.bytes > bytes_max
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            let oldest = oldest.clone();
            self.take(&oldest);
        }
    }
}

impl Kept {
    fn memory_bytes(&self) -> usize {
        self.memory.len() * size_of::<Digest>() + KEPT_BYTES
    }

    /// Brings the digests up to date with a file of that size, of which `written` is to be read.
    /// Adds the numbers of the blocks that differ to `changed`, in runs.
    fn follow(
        &mut self,
        file: &File,
        size_bytes: u64,
        written: &Range<u64>,
        changed: &mut Vec<Range<u64>>,
    ) -> io::Result<Digest> {
        self.make_room(size_bytes)?;
        let known = self.size_bytes;
        let mut blocks = Blocks::<Xxh128>::resume(&mut self.memory, known).map_err(impossible)?;
        let mut buffer = Vec::new();
        let mut update = |blocks: &mut Blocks<'_, Xxh128>, size_bytes, range: Range<u64>| {
            let length = (range.end - range.start) as usize;
            if buffer.len() < length {
                buffer.resize(length, 0);
            }
            let piece = &mut buffer[..length];
            read_exact_at(file, piece, range.start)?;
            let note = |block| note(changed, block as u64);
            blocks.update(size_bytes, range.start, piece, note).map_err(impossible)
        };
        // The blocks that are new, or that the old or the new end lies in.
        let edge = known.min(size_bytes) / BLOCK_BYTES * BLOCK_BYTES;
        if size_bytes < known {
            update(&mut blocks, size_bytes, edge..size_bytes)?;
        } else if size_bytes > known {
            for piece in pieces(edge..size_bytes) {
                update(&mut blocks, piece.end, piece)?;
            }
        }
        let read_from = if size_bytes == known { size_bytes } else { edge };
        let rest = written.start..written.end.min(read_from);
        for piece in pieces(blocks.covering(rest)) {
            update(&mut blocks, size_bytes, piece)?;
        }
        let root = blocks.root();
        self.size_bytes = size_bytes;
        Ok(root)
    }

    /// Sees to it that there is memory for a file of that size, and not much more.
    fn make_room(&mut self, size_bytes: u64) -> io::Result<()> {
        let larger = size_bytes.max(self.size_bytes);
        let fitting = digests_for(larger)..=room(larger.saturating_mul(2));
        if fitting.contains(&self.memory.len()) {
            return Ok(());
        }
        let mut memory = vec![Digest::default(); room(larger)];
        if self.size_bytes > 0 {
            let old = Blocks::<Xxh128>::resume(&mut self.memory, self.size_bytes);
            old.and_then(|old| old.moved(&mut memory).map(drop)).map_err(impossible)?;
        }
        self.memory = memory;
        Ok(())
    }
}

/// The digests for a file of that size, and for one that has grown a little.
fn room(size_bytes: u64) -> usize {
    digests_for(size_bytes.checked_next_multiple_of(ROOM_BYTES).unwrap_or(size_bytes))
}

/// A range that begins at a block, in pieces that do so too.
fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let piece = start..range.end.min(start + PIECE_BYTES);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Adds a block to ranges of blocks, most often to the last one.
fn note(ranges: &mut Vec<Range<u64>>, block: u64) {
    match ranges.last_mut() {
        Some(last) if last.end == block => last.end += 1,
        _ => ranges.push(block..block + 1),
    }
}

/// Ranges of blocks as ranges of bytes: in order, without overlaps, and within the file.
fn merge(mut ranges: Vec<Range<u64>>, size_bytes: u64) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for Range { start, end } in ranges {
        let (start, end) = (start * BLOCK_BYTES, (end * BLOCK_BYTES).min(size_bytes));
        match merged.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => merged.push(start..end),
        }
    }
    merged
}

/// The id of a file of which nothing is kept.
fn stream(file: &File, size_bytes: u64) -> io::Result<Digest> {
    let mut stream = BlockIds::begin(size_bytes);
    let mut buffer = vec![0; size_bytes.min(PIECE_BYTES) as usize];
    for piece in pieces(0..size_bytes) {
        let bytes = &mut buffer[..(piece.end - piece.start) as usize];
        read_exact_at(file, bytes, piece.start)?;
        BlockIds::update(&mut stream, bytes);
    }
    // Files that the system makes up as they are read say nothing true of their length.
    if read_at(file, &mut [0], size_bytes)? > 0 {
        return Err(io::Error::other(Changed));
    }
    BlockIds::finish(stream).map_err(io::Error::other)
}

/// Reads all that is asked for; a file that ends before has changed.
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match read_at(file, bytes, offset) {
            Ok(0) => return Err(io::Error::other(Changed)),
            Ok(read) => {
                bytes = &mut bytes[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

/// The memory suffices and the ranges are whole blocks; were it otherwise, it would be an error and
/// not a wrong id.
fn impossible(error: BlocksError) -> io::Error {
    io::Error::other(error)
}
