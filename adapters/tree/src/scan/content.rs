//! Reading files for their ids.

use std::io;
use std::sync::atomic::Ordering;

use treenail_os::{Handle, Reader, Request, Sink, Stat, Whole};

use super::Progress;
use crate::ids::{Attack, ContentId};

/// A file to be read.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The file's place among its directory's entries.
    pub(super) entry: u32,
    pub(super) name: &'a [u8],
    /// Its stat, if it was asked for.
    pub(super) before: Option<Stat>,
}

/// What came of a file.
pub(super) enum Found<I> {
    /// Its id, and the stat that it had before and after it was read.
    Id(I, Stat),
    Failed(io::Error),
    /// It is larger than this reading takes.
    Larger,
}

/// Reads files of one directory, those of more than `size_bytes_max` excepted.
pub(super) fn read<C: ContentId>(
    reader: &mut Reader,
    dir: &Handle,
    wanted: &[Wanted<'_>],
    size_bytes_max: u64,
    progress: Option<&Progress>,
    mut done: impl FnMut(&Wanted<'_>, Found<C::Id>),
) {
    let requests: Vec<Request<'_>> = wanted
        .iter()
        .map(|wanted| Request { dir, name: wanted.name, before: wanted.before })
        .collect();
    let mut hashing = Hashing::<C, _> {
        stream: None,
        ids: Vec::new(),
        size_bytes_max,
        progress,
        done: |index: usize, found| done(&wanted[index], found),
    };
    reader.read(&requests, &mut hashing);
}

/// Turns what is read into ids.
struct Hashing<'a, C: ContentId, F> {
    /// The large file that is being read.
    stream: Option<C::Stream>,
    ids: Vec<Result<C::Id, Attack>>,
    size_bytes_max: u64,
    progress: Option<&'a Progress>,
    done: F,
}

impl<C: ContentId, F> Hashing<'_, C, F> {
    fn advance(&self, bytes: u64) {
        if let Some(progress) = self.progress {
            progress.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

fn found<I>(id: Result<I, Attack>, stat: Stat) -> Found<I> {
    match id {
        Ok(id) => Found::Id(id, stat),
        Err(attack) => Found::Failed(io::Error::other(attack)),
    }
}

impl<C: ContentId, F> Sink for Hashing<'_, C, F>
where
    F: FnMut(usize, Found<C::Id>),
{
    fn small(&mut self, files: &[Whole<'_>]) {
        let contents: Vec<&[u8]> = files.iter().map(|file| file.bytes).collect();
        self.ids.clear();
        C::many(&contents, &mut self.ids);
        self.advance(contents.iter().map(|content| content.len() as u64).sum());
        for (file, id) in files.iter().zip(self.ids.drain(..)) {
            (self.done)(file.index, found(id, file.stat));
        }
    }

    fn begin(&mut self, index: usize, stat: &Stat) -> bool {
        if stat.size_bytes > self.size_bytes_max {
            (self.done)(index, Found::Larger);
            return false;
        }
        self.stream = Some(C::begin(stat.size_bytes));
        true
    }

    fn chunk(&mut self, _: usize, bytes: &[u8]) {
        C::update(self.stream.as_mut().expect("begun"), bytes);
        self.advance(bytes.len() as u64);
    }

    fn end(&mut self, index: usize, stat: &Stat) {
        let id = C::finish(self.stream.take().expect("begun"));
        (self.done)(index, found(id, *stat));
    }

    fn restart(&mut self, _: usize) {
        self.stream = None;
    }

    fn failed(&mut self, index: usize, error: io::Error) {
        self.stream = None;
        (self.done)(index, Found::Failed(error));
    }
}
