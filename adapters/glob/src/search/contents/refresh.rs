//! Reading what is not known yet.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use treenail_os::{Kind, Stat};

use crate::error::Error;
use crate::filter::{Types, nanoseconds};
use crate::find::{Batch, Cancel, Find, Sink};

use super::Contents;
use super::compact::compact;
use super::extract::Run;
use super::segment::FileEntry;
use super::store::{self, Lock, Name};

/// Larger files are always searched.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A file that changed this shortly before it was read may change again without another ctime, or
/// be in the middle of a change.
const FRESH_NS: i64 = 50_000_000;

/// As much on file systems that seem to count in longer steps: FAT's are two seconds.
const FRESH_COARSE_NS: i64 = 2_000_000_000;

/// How many files a thread takes at a time.
const TAKEN_FILES: usize = 64;

const BUFFER_BYTES: usize = 256 << 10;

/// How contents are read.
#[derive(Clone, Debug, Default)]
pub struct RefreshOptions {
    /// How many threads read; as many as the machine runs at once if nothing is said. Each takes
    /// some 70 MiB of memory while there is much to be read.
    pub threads: Option<NonZero<usize>>,
    /// The token that ends it; what has been read until then is kept.
    pub cancel: Cancel,
}

/// What [`Contents::refresh`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// How many files there are to be known.
    pub files: u64,
    /// How many of them were read.
    pub read: u64,
    /// How many bytes these have.
    pub read_bytes: u64,
    /// How many stay unknown, and are always searched: they could not be read, are larger than 64
    /// MiB, or were being changed.
    pub unknown: u64,
    /// How many directories could not be listed.
    pub unlisted: u64,
}

impl Contents {
    /// Reads those files of a walk whose contents are not known as they are now, and forgets files
    /// that the walk does not find. Readers in other processes are not disturbed.
    ///
    /// # Errors
    /// A pattern of the walk is malformed, another process is at it, or the index cannot be
    /// written. What was read until then is kept.
    pub fn refresh(&mut self, find: &Find, options: &RefreshOptions) -> Result<Refreshed, Error> {
        let lock = Lock::take(&self.dir)?;
        self.load()?;
        let (wanted, mut done) = self.wanted(find, options)?;
        let reading = Reading::new(&lock, &wanted.files, options);
        let threads = options.threads.or(thread::available_parallelism().ok());
        let threads = threads.map_or(1, NonZero::get).min(wanted.files.len().div_ceil(TAKEN_FILES));
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| reading.work());
            }
            reading.work();
        });
        reading.settle();
        let settled = reading.finish()?;
        done.read = settled.read;
        done.read_bytes = settled.read_bytes;
        done.unknown += settled.unknown;
        let damaged = self.damaged()?;
        // What may be where the walk did not come is kept.
        let is_complete = !options.cancel.is_cancelled() && done.unlisted == 0;
        lock.clean(&damaged)?;
        compact(&lock, |file| !is_complete || wanted.is_current(file))?;
        self.load()?;
        Ok(done)
    }

    fn damaged(&self) -> Result<Vec<Name>, Error> {
        let is_open = |path: &_| self.segments.iter().any(|(open, _)| open == path);
        let failed = |path: &_| {
            let path = treenail_os::bytes_of(std::path::Path::as_os_str(path));
            self.problems.iter().any(|problem| problem.path() == Some(path))
        };
        let names = store::list(&self.dir)?;
        let name = |name: &Name| (!is_open(&name.path(&self.dir))).then_some(*name);
        Ok(names.iter().filter_map(name).filter(|name| failed(&name.path(&self.dir))).collect())
    }

    /// What is to be read of what the walk finds, in order of identities.
    fn wanted(&self, find: &Find, options: &RefreshOptions) -> Result<(Wanted, Refreshed), Error> {
        let collect =
            Collect { contents: self, found: Mutex::default(), cancel: options.cancel.clone() };
        let find = find.clone().types(Types::FILE).stat(true).cancel(options.cancel.clone());
        find.visit(&collect)?;
        let mut wanted = collect.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        wanted.files.sort_unstable_by_key(|file| file.stat.id());
        // Several names, one file.
        wanted.files.dedup_by_key(|file| file.stat.id());
        wanted.current.sort_unstable_by_key(|file| file.id);
        wanted.current.dedup_by_key(|file| file.id);
        let done = Refreshed {
            files: wanted.current.len() as u64,
            unknown: wanted.left_out,
            unlisted: wanted.unlisted,
            ..Refreshed::default()
        };
        Ok((wanted, done))
    }
}

/// A file to be read.
struct ToRead {
    batch: Arc<Batch>,
    index: u32,
    stat: Stat,
}

#[derive(Default)]
struct Wanted {
    files: Vec<ToRead>,
    /// All files that there are.
    current: Vec<FileEntry>,
    left_out: u64,
    unlisted: u64,
}

impl Wanted {
    /// Whether a file is what the walk saw, or, if it has been read since, later than that.
    fn is_current(&self, file: &FileEntry) -> bool {
        let found = self.current.binary_search_by_key(&file.id, |file| file.id);
        found.is_ok_and(|at| self.current[at].ctime_ns <= file.ctime_ns)
    }
}

/// Takes what a walk finds.
struct Collect<'c> {
    contents: &'c Contents,
    found: Mutex<Wanted>,
    cancel: Cancel,
}

impl Sink for Collect<'_> {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        let batch = Arc::new(std::mem::take(batch));
        let mut found = Wanted::default();
        for (index, file) in (0..).zip(batch.iter()) {
            let Some(stat) = file.known_stat().filter(|stat| stat.kind == Kind::File) else {
                continue;
            };
            found.current.push(FileEntry::new(stat, 0));
            // Without a number no file is known again.
            if stat.inode == 0 || stat.size_bytes > FILE_BYTES_MAX {
                found.left_out += 1;
            } else if !self.contents.knows(stat) {
                found.files.push(ToRead { batch: batch.clone(), index, stat: *stat });
            }
        }
        let mut all = lock(&self.found);
        all.files.append(&mut found.files);
        all.current.append(&mut found.current);
        all.left_out += found.left_out;
        match self.cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// What cannot be walked cannot be searched either, and is not known.
    fn error(&self, (): &mut (), _: Error) -> ControlFlow<()> {
        lock(&self.found).unlisted += 1;
        ControlFlow::Continue(())
    }
}

/// What the threads that read share.
struct Reading<'r> {
    lock: &'r Lock,
    files: &'r [ToRead],
    cancel: &'r Cancel,
    next: AtomicUsize,
    /// Files that had just changed, to be read again.
    fresh: Mutex<Vec<usize>>,
    read: AtomicU64,
    read_bytes: AtomicU64,
    unknown: AtomicU64,
    /// The number of the next segment is found and used under it.
    writing: Mutex<Option<Error>>,
    is_failed: AtomicBool,
}

/// How the reading of a file went.
enum Outcome {
    Added,
    /// It had just changed.
    Fresh,
    Unknown,
}

impl<'r> Reading<'r> {
    fn new(lock: &'r Lock, files: &'r [ToRead], options: &'r RefreshOptions) -> Self {
        Self {
            lock,
            files,
            cancel: &options.cancel,
            next: AtomicUsize::new(0),
            fresh: Mutex::default(),
            read: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            writing: Mutex::default(),
            is_failed: AtomicBool::new(false),
        }
    }

    fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.is_failed.load(Ordering::Relaxed)
    }

    /// Reads files until there are no more.
    fn work(&self) {
        let (mut run, mut buffer) = (Run::new(), vec![0; BUFFER_BYTES]);
        loop {
            let start = self.next.fetch_add(TAKEN_FILES, Ordering::Relaxed);
            if start >= self.files.len() || self.is_over() {
                return self.write(&mut run);
            }
            for index in start..self.files.len().min(start + TAKEN_FILES) {
                match self.file(&mut run, &mut buffer, &self.files[index]) {
                    Outcome::Added => {}
                    Outcome::Fresh => lock(&self.fresh).push(index),
                    Outcome::Unknown => _ = self.unknown.fetch_add(1, Ordering::Relaxed),
                }
                if run.is_full() {
                    self.write(&mut run);
                }
                if self.is_over() {
                    break;
                }
            }
        }
    }

    /// Reads what had just changed, after a while in which nothing may happen to it.
    fn settle(&self) {
        let mut fresh = std::mem::take(&mut *lock(&self.fresh));
        if fresh.is_empty() || self.is_over() {
            self.unknown.fetch_add(fresh.len() as u64, Ordering::Relaxed);
            return;
        }
        thread::sleep(Duration::from_nanos(FRESH_NS.unsigned_abs() + 1_000_000));
        fresh.sort_unstable();
        let (mut run, mut buffer) = (Run::new(), vec![0; BUFFER_BYTES]);
        for index in fresh {
            let read = self.file(&mut run, &mut buffer, &self.files[index]);
            if !matches!(read, Outcome::Added) {
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
            if run.is_full() {
                self.write(&mut run);
            }
        }
        self.write(&mut run);
    }

    /// Reads a file, and adds it if it was one file, unchanged, all the time.
    fn file(&self, run: &mut Run, buffer: &mut [u8], file: &ToRead) -> Outcome {
        let Ok(opened) = file.batch.get(file.index as usize).open() else {
            return Outcome::Unknown;
        };
        let Ok(before) = stat_of(&opened) else { return Outcome::Unknown };
        let is_it = before.kind == Kind::File && before.id() == file.stat.id();
        if !is_it || before.size_bytes > FILE_BYTES_MAX {
            return Outcome::Unknown;
        }
        if is_fresh(&before) {
            return Outcome::Fresh;
        }
        let Ok(read) = run.read(&opened, buffer) else { return Outcome::Unknown };
        match stat_of(&opened) {
            Ok(after) if after.same_content(&before) => {}
            Ok(_) => return Outcome::Fresh,
            Err(_) => return Outcome::Unknown,
        }
        run.add(&read, |flags| FileEntry::new(&before, flags));
        self.read.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(before.size_bytes, Ordering::Relaxed);
        Outcome::Added
    }

    fn write(&self, run: &mut Run) {
        if run.is_empty() || self.is_failed.load(Ordering::Relaxed) {
            return;
        }
        let mut failed = lock(&self.writing);
        let name = self.lock.next();
        let written = name.and_then(|name| self.lock.write(name, |out| run.write(out)));
        if let Err(error) = written {
            failed.get_or_insert(error);
            self.is_failed.store(true, Ordering::Relaxed);
        }
    }

    fn finish(self) -> Result<Refreshed, Error> {
        match self.writing.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(Refreshed {
                read: self.read.into_inner(),
                read_bytes: self.read_bytes.into_inner(),
                unknown: self.unknown.into_inner(),
                ..Refreshed::default()
            }),
        }
    }
}

fn stat_of(file: &File) -> io::Result<Stat> {
    Ok(Stat::from_metadata(&file.metadata()?))
}

/// Whether a file has changed so shortly ago, or in the future, that its times do not tell the next
/// change.
fn is_fresh(stat: &Stat) -> bool {
    let is_coarse = stat.ctime_ns % 1_000_000 == 0;
    let fresh_ns = if is_coarse { FRESH_COARSE_NS } else { FRESH_NS };
    stat.ctime_ns > nanoseconds(SystemTime::now()).saturating_sub(fresh_ns)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
