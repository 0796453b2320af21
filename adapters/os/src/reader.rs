//! Bulk reads that keep hashing fed: small files whole and many at a time, large ones in chunks.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::platform::{self, Handle, Held};
use crate::stat::{Kind, Stat};

/// Files up to this length are delivered whole.
pub const SMALL_BYTES_MAX: usize = 64 << 10;

/// How many bytes of small files are delivered at once, and the length of a large file's chunk:
/// what a core's second cache holds, so that the hasher finds the bytes there. 1 GiB in memory took
/// 132 ms in chunks of 64 KiB, 120 at this length, 110 at 4 MiB and 122 mapped
/// (docs/measure-reader.md).
const BATCH_BYTES: usize = 512 << 10;

/// How many small files are delivered at once, at most.
const BATCH_FILES: usize = 512;

/// How many small files are fetched side by side, each open meanwhile. Cold, 100,000 files took
/// 4.0 s one after the other and 1.2 s with 32 under way (docs/measure-reader.md).
const WAITING_FILES: usize = 64;

/// How often a file that keeps changing is read before it is given up.
const ATTEMPTS: usize = 3;

/// What the system has of a file in memory.
#[cfg_attr(
    any(not(target_os = "linux"), feature = "portable"),
    expect(dead_code, reason = "only Linux can tell")
)]
pub(crate) enum Cached {
    /// So many bytes from its start, now in the buffer.
    Bytes(usize),
    /// Not enough to say.
    Absent,
    /// It cannot tell.
    Unsupported,
}

/// A file to read.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The directory that it is in.
    pub dir: &'a Handle,
    /// Its name there.
    pub name: &'a [u8],
    /// What was known of it before, which saves asking again. It need not be true any more.
    pub before: Option<Stat>,
}

/// A small file, read completely.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    /// Which of the requests.
    pub index: usize,
    /// All its bytes.
    pub bytes: &'a [u8],
    /// Its attributes, the same before and after the reading.
    pub stat: Stat,
}

/// Takes what a [`Reader`] reads. For each request there is in the end exactly one of: its place
/// in a [`small`](Self::small), an [`end`](Self::end), a [`failed`](Self::failed), a
/// [`begin`](Self::begin) that declined.
pub trait Sink {
    /// Takes some small files, each completely and unchanged while it was read.
    fn small(&mut self, files: &[Whole<'_>]);

    /// A large file follows, in chunks, until its end; nothing of another one comes in between.
    /// Returns whether to read it: who asked for many files may want to share out the large ones.
    fn begin(&mut self, index: usize, stat: &Stat) -> bool;

    /// The next bytes of the large file.
    fn chunk(&mut self, index: usize, bytes: &[u8]);

    /// The large file is complete and was unchanged while it was read.
    fn end(&mut self, index: usize, stat: &Stat);

    /// The large file changed while it was read: what came of it is void, and it begins again or
    /// fails.
    fn restart(&mut self, index: usize);

    /// The file cannot be read; what came of it is void. The error can hold a [`Changed`].
    fn failed(&mut self, index: usize, error: io::Error);
}

/// A file changed each time that it was read; found inside the [`io::Error`] given to
/// [`Sink::failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file changed each of the {ATTEMPTS} times that it was read")
    }
}

impl std::error::Error for Changed {}

/// Reads files with buffers that are used again. Each thread has its own.
pub struct Reader {
    buffer: Vec<u8>,
    /// How much of the buffer the files in `ready` take up.
    filled: usize,
    ready: Vec<Ready>,
    waiting: Vec<Waiting>,
    /// Whether the file system of this directory can read without waiting.
    asks_cache: bool,
}

/// A small file in the buffer.
struct Ready {
    index: usize,
    bytes: Range<usize>,
    stat: Stat,
}

/// A small file that the system is fetching.
struct Waiting {
    index: usize,
    file: File,
    before: Stat,
}

/// How one reading of a file went.
enum Outcome {
    /// It was put where it belongs: the buffer, the files that are waited for, the sink.
    Done,
    Changed,
    Failed(io::Error),
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader with its buffers.
    pub fn new() -> Self {
        Self {
            buffer: vec![0; BATCH_BYTES + SMALL_BYTES_MAX + 1],
            filled: 0,
            ready: Vec::with_capacity(BATCH_FILES),
            waiting: Vec::with_capacity(WAITING_FILES),
            asks_cache: true,
        }
    }

    /// Reads all that is asked for and hands it to the sink, not always in the order of the
    /// requests. Requests of one directory stand best side by side, and many in one call: small
    /// files that are not in memory are fetched side by side.
    ///
    /// Regular files only: anything else is a failure, never a wait. A file's bytes count only if
    /// its attributes were the same before and after the reading and its length is the number of
    /// bytes read; else it is read again. Files that claim to be empty are read to their end, since
    /// some systems (procfs) claim it of all.
    pub fn read(&mut self, requests: &[Request<'_>], sink: &mut impl Sink) {
        let mut first = 0;
        for run in requests.chunk_by(|a, b| std::ptr::eq(a.dir, b.dir)) {
            self.asks_cache = true;
            match run[0].dir.hold() {
                Ok(dir) => {
                    for (index, request) in (first..).zip(run) {
                        self.read_one(&dir, index, request.name, request.before, ATTEMPTS, sink);
                        if self.waiting.len() == WAITING_FILES {
                            self.await_all(requests, sink);
                        }
                    }
                }
                Err(error) => {
                    for index in first..first + run.len() {
                        sink.failed(index, again(&error));
                    }
                }
            }
            first += run.len();
        }
        self.await_all(requests, sink);
        self.deliver(sink);
    }

    fn read_one(
        &mut self,
        dir: &Held<'_>,
        index: usize,
        name: &[u8],
        mut before: Option<Stat>,
        attempts: usize,
        sink: &mut impl Sink,
    ) {
        for _ in 0..attempts {
            match self.attempt(dir, index, name, before, sink) {
                Outcome::Done => return,
                Outcome::Changed => before = None,
                Outcome::Failed(error) => return sink.failed(index, error),
            }
        }
        sink.failed(index, io::Error::other(Changed));
    }

    fn attempt(
        &mut self,
        dir: &Held<'_>,
        index: usize,
        name: &[u8],
        before: Option<Stat>,
        sink: &mut impl Sink,
    ) -> Outcome {
        let file = match dir.open_file(name) {
            Ok(file) => file,
            Err(error) => return Outcome::Failed(error),
        };
        let before = match before.map_or_else(|| platform::stat_file(&file), Ok) {
            Ok(stat) => stat,
            Err(error) => return Outcome::Failed(error),
        };
        if before.kind != Kind::File {
            return Outcome::Failed(not_a_file());
        }
        let length = usize::try_from(before.size_bytes).unwrap_or(usize::MAX);
        if length > SMALL_BYTES_MAX {
            return self.large(&file, index, &before, sink);
        }
        let start = self.make_room(length + 1, sink);
        if self.asks_cache && length > 0 {
            match platform::read_cached(&file, &mut self.buffer[start..=start + length]) {
                Cached::Bytes(read) if read >= length => {
                    return self.finish(&file, index, &before, read);
                }
                Cached::Bytes(_) | Cached::Absent => {
                    platform::fetch(&file, before.size_bytes);
                    self.waiting.push(Waiting { index, file, before });
                    return Outcome::Done;
                }
                Cached::Unsupported => self.asks_cache = false,
            }
        }
        self.small(&file, index, &before, length, sink)
    }

    /// Reads the files that the system was told to fetch.
    fn await_all(&mut self, requests: &[Request<'_>], sink: &mut impl Sink) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for Waiting { index, file, before } in waiting.drain(..) {
            let length = usize::try_from(before.size_bytes).unwrap_or(usize::MAX);
            match self.small(&file, index, &before, length, sink) {
                Outcome::Done => {}
                Outcome::Failed(error) => sink.failed(index, error),
                Outcome::Changed => {
                    // From now on waiting for it: it was fetched once already.
                    self.asks_cache = false;
                    let request = &requests[index];
                    match request.dir.hold() {
                        Ok(dir) => {
                            self.read_one(&dir, index, request.name, None, ATTEMPTS - 1, sink);
                        }
                        Err(error) => sink.failed(index, error),
                    }
                }
            }
        }
        self.waiting = waiting;
    }

    /// Reads a file that is said to be small into the buffer.
    fn small(
        &mut self,
        mut file: &File,
        index: usize,
        before: &Stat,
        length: usize,
        sink: &mut impl Sink,
    ) -> Outcome {
        // One byte more than expected shows that the file grew; a file that claims to be empty may
        // hold anything.
        let room = if length == 0 { SMALL_BYTES_MAX + 1 } else { length + 1 };
        let start = self.make_room(room, sink);
        let mut read = 0;
        let at_end = loop {
            match file.read(&mut self.buffer[start + read..start + room]) {
                Ok(0) => break true,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Outcome::Failed(reading_failed(file, error)),
            }
            // With the length that the file should have, another call would only say that it ends.
            if read == room || read == length {
                break false;
            }
        };
        if length == 0 && !at_end {
            return self.large(file, index, before, sink);
        }
        self.finish(file, index, before, read)
    }

    /// Counts in the `read` bytes after the filled part of the buffer, if they are the file's.
    fn finish(&mut self, file: &File, index: usize, before: &Stat, read: usize) -> Outcome {
        match verify(file, before, read as u64) {
            Ok(stat) => {
                let end = self.filled + read;
                self.ready.push(Ready { index, bytes: self.filled..end, stat });
                self.filled = end;
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    }

    /// Sees to it that the buffer has `room` free bytes, and returns where they begin.
    fn make_room(&mut self, room: usize, sink: &mut impl Sink) -> usize {
        if self.filled + room > self.buffer.len() || self.ready.len() == BATCH_FILES {
            self.deliver(sink);
        }
        self.filled
    }

    /// Reads a file from where it stands, which is its start unless the system denied its length.
    fn large(
        &mut self,
        mut file: &File,
        index: usize,
        before: &Stat,
        sink: &mut impl Sink,
    ) -> Outcome {
        self.deliver(sink);
        if let Err(error) = io::Seek::rewind(&mut file) {
            return Outcome::Failed(reading_failed(file, error));
        }
        if !sink.begin(index, before) {
            return Outcome::Done;
        }
        platform::will_read_all(file);
        let mut total = 0;
        loop {
            match file.read(&mut self.buffer[..BATCH_BYTES]) {
                Ok(0) => break,
                Ok(read) => {
                    total += read as u64;
                    // A file that grows as fast as it is read would never end.
                    if before.size_bytes > 0 && total > before.size_bytes {
                        break;
                    }
                    sink.chunk(index, &self.buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Outcome::Failed(reading_failed(file, error)),
            }
        }
        match verify(file, before, total) {
            Ok(stat) => {
                sink.end(index, &stat);
                Outcome::Done
            }
            Err(Outcome::Changed) => {
                sink.restart(index);
                Outcome::Changed
            }
            Err(outcome) => outcome,
        }
    }

    /// Hands over the small files in the buffer.
    fn deliver(&mut self, sink: &mut impl Sink) {
        if !self.ready.is_empty() {
            let whole = |ready: &Ready| Whole {
                index: ready.index,
                bytes: &self.buffer[ready.bytes.clone()],
                stat: ready.stat,
            };
            let files: Vec<Whole<'_>> = self.ready.iter().map(whole).collect();
            sink.small(&files);
        }
        self.ready.clear();
        self.filled = 0;
    }
}

/// The attributes after the reading, if they say that what was read is what the file holds.
fn verify(file: &File, before: &Stat, read: u64) -> Result<Stat, Outcome> {
    let after = platform::stat_file(file).map_err(Outcome::Failed)?;
    if after.kind != Kind::File {
        return Err(Outcome::Failed(not_a_file()));
    }
    // A file that is truncated again and again is empty before and after, too.
    let whole = read == after.size_bytes || (after.size_bytes == 0 && platform::is_virtual(file));
    if whole && after.same_content(before) { Ok(after) } else { Err(Outcome::Changed) }
}

/// Says plainly when something else stands where a file was.
fn reading_failed(file: &File, error: io::Error) -> io::Error {
    match platform::stat_file(file) {
        Ok(stat) if stat.kind != Kind::File => not_a_file(),
        _ => error,
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file; only such are read")
}

/// The same error for another file.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
