//! Results as they travel: many paths in one buffer.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use treenail_os::{Handle, Kind, Stat, os_str_of};

/// A batch with more room for text than this is not kept to be filled again.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Matches of one thread, packed: the paths stand one after another in one buffer, each followed
/// by the terminator that was chosen with [`Find::terminator`](super::Find::terminator).
#[derive(Default)]
pub struct Batch {
    text: Vec<u8>,
    records: Vec<Record>,
    groups: Vec<Group>,
    /// Beside the records, where attributes were asked for.
    stats: Vec<Stat>,
}

#[derive(Clone, Copy)]
struct Record {
    start: u32,
    /// Without the mark of a directory and the terminator.
    len: u32,
    kind: Kind,
    /// Whether it is what a symbolic link leads to.
    followed: bool,
}

/// The matches of one directory.
#[derive(Clone)]
pub(super) struct Group {
    /// The first of its records.
    pub(super) first: usize,
    pub(super) root: u32,
    pub(super) depth: u32,
    /// How much of each path stands before the name.
    pub(super) dir_len: usize,
    pub(super) handle: Arc<Handle>,
}

/// What is pushed.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) dir: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) kind: Kind,
    pub(super) followed: bool,
}

impl Batch {
    /// How many matches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All paths, each with its mark if it is a directory and marks were asked for, and with its
    /// terminator: what a program that lists paths writes.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// One match.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, index: usize) -> MatchRef<'_> {
        let group = self.groups.partition_point(|group| group.first <= index) - 1;
        MatchRef { batch: self, index, group: &self.groups[group] }
    }

    /// All matches.
    pub fn iter(&self) -> impl Iterator<Item = MatchRef<'_>> {
        let ends = self.groups.iter().skip(1).map(|group| group.first).chain([self.len()]);
        self.groups.iter().zip(ends).flat_map(move |(group, end)| {
            (group.first..end).map(move |index| MatchRef { batch: self, index, group })
        })
    }

    /// Keeps the first matches alone.
    pub(super) fn truncate(&mut self, len: usize) {
        if let Some(record) = self.records.get(len) {
            self.text.truncate(record.start as usize);
            self.records.truncate(len);
            self.stats.truncate(len);
            self.groups.retain(|group| group.first < len);
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.records.clear();
        self.stats.clear();
        self.groups.clear();
    }

    /// Whether its memory is something, and not much.
    pub(super) fn is_worth_keeping(&self) -> bool {
        (1..=KEPT_BYTES_MAX).contains(&self.text.capacity())
    }

    /// Says where the matches to come lie; `group.first` is set here.
    pub(super) fn begin(&mut self, group: Group) {
        self.groups.push(Group { first: self.len(), ..group });
    }

    /// Adds a match to the group that was begun last.
    #[inline]
    pub(super) fn push(&mut self, found: Found<'_>, mark: bool, terminator: u8) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(found.dir);
        self.text.extend_from_slice(found.name);
        let len = self.text.len() as u32 - start;
        if mark && found.kind == Kind::Directory {
            self.text.push(b'/');
        }
        self.text.push(terminator);
        self.records.push(Record { start, len, kind: found.kind, followed: found.followed });
    }

    /// Adds the attributes of the match that was pushed last.
    pub(super) fn push_stat(&mut self, stat: Stat) {
        self.stats.push(stat);
    }

    /// Adds matches from a range of another batch, which holds names of one group, with what stands
    /// before them, until there are so many bytes. How many were added.
    pub(super) fn append(
        &mut self,
        from: &Self,
        range: Range<usize>,
        prefix: &[u8],
        bytes_max: usize,
    ) -> usize {
        let Range { start, end } = range;
        let records = &from.records[start..end];
        let text_end = from.records.get(end).map_or(from.text.len() as u32, |next| next.start);
        let Some(first) = records.first() else { return 0 };
        self.begin(from.get(start).group.clone());
        // At once for all, of which mostly all fit.
        let bytes = (text_end - first.start) as usize + records.len() * prefix.len();
        self.text.reserve(bytes.min(bytes_max));
        self.records.reserve(records.len());
        let ends = records[1..].iter().map(|next| next.start).chain([text_end]);
        let mut added = 0;
        for (record, end) in records.iter().zip(ends) {
            if added > 0 && self.text.len() >= bytes_max {
                break;
            }
            let start = self.text.len() as u32;
            self.text.extend_from_slice(prefix);
            self.text.extend_from_slice(&from.text[record.start as usize..end as usize]);
            let len = record.len + prefix.len() as u32;
            self.records.push(Record { start, len, ..*record });
            added += 1;
        }
        if !from.stats.is_empty() {
            self.stats.extend_from_slice(&from.stats[start..start + added]);
        }
        added
    }

    /// How many bytes the paths take.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// One match in its batch.
#[derive(Clone, Copy)]
pub struct MatchRef<'b> {
    batch: &'b Batch,
    index: usize,
    group: &'b Group,
}

impl<'b> MatchRef<'b> {
    /// The path: the root as it was given (or as it is shown, see
    /// [`Find::root_shown`](super::Find::root_shown)), and what follows below it.
    #[must_use]
    pub fn path(&self) -> &'b [u8] {
        let record = self.record();
        &self.batch.text[record.start as usize..(record.start + record.len) as usize]
    }

    /// The last component of the path.
    #[must_use]
    pub fn name(&self) -> &'b [u8] {
        &self.path()[self.group.dir_len..]
    }

    /// What stands before the name in the path: with its slash, or empty.
    #[must_use]
    pub fn dir(&self) -> &'b [u8] {
        &self.path()[..self.group.dir_len]
    }

    /// What sort of thing it is; of a link that is followed, what it leads to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.record().kind
    }

    /// Whether it is what a symbolic link leads to.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.record().followed
    }

    /// How far below its root it lies: 1 for what stands in the root, 0 for a root that is no
    /// directory.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.group.depth as usize
    }

    /// Which root it lies below, counted from 0 in the order in which they were given.
    #[must_use]
    pub fn root(&self) -> usize {
        self.group.root as usize
    }

    /// The directory that it lies in.
    #[must_use]
    pub fn handle(&self) -> &'b Arc<Handle> {
        &self.group.handle
    }

    /// The attributes, if a filter or [`Find::stat`](super::Find::stat) had them asked for.
    #[must_use]
    pub fn known_stat(&self) -> Option<&'b Stat> {
        self.batch.stats.get(self.index)
    }

    /// The attributes; of a link itself, unless links are followed.
    ///
    /// # Errors
    /// It is gone, or the system cannot tell.
    pub fn stat(&self) -> io::Result<Stat> {
        match self.known_stat() {
            Some(stat) => Ok(*stat),
            None if self.is_followed() => followed_stat(self.group.handle.as_ref(), self.name()),
            None => self.group.handle.stat(self.name()),
        }
    }

    /// Opens the file to read, relative to its directory, so that no link can have taken the place
    /// of a directory above it; the last component is followed only where links are.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> io::Result<File> {
        if self.is_followed() {
            return File::open(os_str_of(&joined(self.group.handle.as_ref(), self.name()))?);
        }
        self.group.handle.open_file(self.name())
    }

    fn record(&self) -> &'b Record {
        &self.batch.records[self.index]
    }
}

/// One match that keeps its batch in memory.
#[derive(Clone)]
pub struct Match {
    pub(super) batch: Arc<Batch>,
    pub(super) index: usize,
}

impl Match {
    /// The same in its batch, with all that can be asked of it.
    #[must_use]
    pub fn get(&self) -> MatchRef<'_> {
        self.batch.get(self.index)
    }

    /// See [`MatchRef::path`].
    #[must_use]
    pub fn path(&self) -> &[u8] {
        let record = &self.batch.records[self.index];
        &self.batch.text[record.start as usize..(record.start + record.len) as usize]
    }

    /// See [`MatchRef::name`].
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.get().name()
    }

    /// See [`MatchRef::kind`].
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.batch.records[self.index].kind
    }

    /// See [`MatchRef::depth`].
    #[must_use]
    pub fn depth(&self) -> usize {
        self.get().depth()
    }

    /// See [`MatchRef::root`].
    #[must_use]
    pub fn root(&self) -> usize {
        self.get().root()
    }

    /// See [`MatchRef::stat`].
    ///
    /// # Errors
    /// It is gone, or the system cannot tell.
    pub fn stat(&self) -> io::Result<Stat> {
        self.get().stat()
    }
}

impl std::fmt::Debug for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Match({:?}, {:?})", String::from_utf8_lossy(self.path()), self.kind())
    }
}

/// The path of an entry as the system is asked for it.
pub(super) fn joined(dir: &Handle, name: &[u8]) -> Vec<u8> {
    let mut path = dir.full_path();
    if path.last().is_some_and(|&byte| byte != b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The attributes of what a symbolic link leads to.
pub(super) fn followed_stat(dir: &Handle, name: &[u8]) -> io::Result<Stat> {
    Ok(Stat::from_metadata(&fs::metadata(os_str_of(&joined(dir, name))?)?))
}
