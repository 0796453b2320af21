//! Reading files for their ids.

use std::io;
use std::sync::Arc;

use treenail_os::{Handle, Reader, Request, Sink, Stat, Whole};

use super::Progress;
use crate::ids::{Attack, ContentId};
use crate::pages::DirId;

/// Files of one directory that are to be read.
pub(super) struct Batch {
    pub(super) handle: Arc<Handle>,
    pub(super) dir: DirId,
    files: Vec<Wanted>,
    names: Vec<u8>,
    bytes: u64,
}

struct Wanted {
    /// The file's place among its directory's entries.
    entry: u32,
    name_end: usize,
    stat: Stat,
}

/// A larger batch is done by whoever is free, so that one directory keeps all threads busy.
const BATCH_FILES_MAX: usize = 128;
const BATCH_BYTES_MAX: u64 = 4 << 20;

impl Batch {
    pub(super) fn new(handle: &Arc<Handle>, dir: DirId) -> Self {
        Self { handle: handle.clone(), dir, files: Vec::new(), names: Vec::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, entry: u32, name: &[u8], stat: Stat) {
        self.names.extend_from_slice(name);
        self.files.push(Wanted { entry, name_end: self.names.len(), stat });
        self.bytes += stat.size_bytes;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.files.len() >= BATCH_FILES_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn name(&self, index: usize) -> &[u8] {
        let start = match index {
            0 => 0,
            _ => self.files[index - 1].name_end,
        };
        &self.names[start..self.files[index].name_end]
    }

    /// Reads the files; `done` gets each one's entry number, its id, and its stat if that is no
    /// longer the one it was pushed with.
    pub(super) fn read<C: ContentId>(
        &self,
        reader: &mut Reader,
        progress: Option<&Progress>,
        mut done: impl FnMut(u32, &[u8], io::Result<(C::Id, Stat, bool)>),
    ) {
        let requests: Vec<Request<'_>> = (0..self.files.len())
            .map(|i| Request {
                dir: &self.handle,
                name: self.name(i),
                before: Some(self.files[i].stat),
            })
            .collect();
        let mut hashing = Hashing::<C, _> {
            stream: None,
            ids: Vec::new(),
            progress,
            done: |index: usize, result: io::Result<(Stat, C::Id)>| {
                let wanted = &self.files[index];
                let result = result.map(|(stat, id)| (id, stat, stat != wanted.stat));
                done(wanted.entry, self.name(index), result);
            },
        };
        reader.read(&requests, &mut hashing);
    }
}

/// Turns what is read into ids.
struct Hashing<'a, C: ContentId, F> {
    /// The large file that is being read.
    stream: Option<C::Stream>,
    ids: Vec<Result<C::Id, Attack>>,
    progress: Option<&'a Progress>,
    done: F,
}

impl<C: ContentId, F> Hashing<'_, C, F> {
    fn advance(&self, bytes: u64) {
        if let Some(progress) = self.progress {
            progress.bytes_done.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl<C: ContentId, F> Sink for Hashing<'_, C, F>
where
    F: FnMut(usize, io::Result<(Stat, C::Id)>),
{
    fn small(&mut self, files: &[Whole<'_>]) {
        let contents: Vec<&[u8]> = files.iter().map(|file| file.bytes).collect();
        self.ids.clear();
        C::many(&contents, &mut self.ids);
        self.advance(contents.iter().map(|content| content.len() as u64).sum());
        for (file, id) in files.iter().zip(self.ids.drain(..)) {
            (self.done)(file.index, id.map(|id| (file.stat, id)).map_err(io::Error::other));
        }
    }

    fn begin(&mut self, _: usize, stat: &Stat) {
        self.stream = Some(C::begin(stat.size_bytes));
    }

    fn chunk(&mut self, _: usize, bytes: &[u8]) {
        C::update(self.stream.as_mut().expect("begun"), bytes);
        self.advance(bytes.len() as u64);
    }

    fn end(&mut self, index: usize, stat: &Stat) {
        let id = C::finish(self.stream.take().expect("begun"));
        (self.done)(index, id.map(|id| (*stat, id)).map_err(io::Error::other));
    }

    fn restart(&mut self, _: usize) {
        self.stream = None;
    }

    fn failed(&mut self, index: usize, error: io::Error) {
        self.stream = None;
        (self.done)(index, Err(error));
    }
}
