//! Reading files for their ids: short ones at once, long ones in threads of their own, so that a
//! large file never delays the next event.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use treenail_os::{Handle, Kind, Stat, is_elsewhere};

use super::change::Id;
use super::content::{Hashed, Unhashed};
use crate::ids::ContentId;

/// Files up to this length are read where they are asked for.
pub(super) const INLINE_BYTES_MAX: u64 = 256 << 10;

/// How many threads read long files.
const THREADS: usize = 2;

/// How many files may wait for them; more wait with the caller.
const QUEUE_MAX: usize = 1024;

/// Each read is of so many bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// Computes the id of an open file of that many bytes.
type IdOf = fn(&File, u64) -> io::Result<Option<Id>>;

/// Reads files and computes ids of one kind.
pub(super) struct Hasher {
    id_of: IdOf,
    /// Made when the first long file comes.
    pool: Option<Pool>,
}

struct Pool {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
}

struct Job {
    ticket: u64,
    dir: Arc<Handle>,
    name: Box<[u8]>,
}

/// An answer, with the number of its question.
pub(super) type Done = (u64, Result<Hashed, Unhashed>);

impl Hasher {
    pub(super) fn new<C: ContentId>() -> Self {
        Self { id_of: id_of::<C>, pool: None }
    }

    /// Reads a file now.
    pub(super) fn hash(&self, dir: &Handle, name: &[u8]) -> Result<Hashed, Unhashed> {
        hash(dir, name, self.id_of)
    }

    /// Has a file read; `wake` is called in the thread that did once the answer is there. If too
    /// many wait already it is read now.
    pub(super) fn submit(
        &mut self,
        ticket: u64,
        dir: Arc<Handle>,
        name: Box<[u8]>,
        wake: &Arc<dyn Fn() + Send + Sync>,
    ) -> Option<Done> {
        let id_of = self.id_of;
        let pool = self.pool.get_or_insert_with(|| Pool::start(id_of, wake));
        match pool.jobs.try_send(Job { ticket, dir, name }) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                Some((job.ticket, hash(&job.dir, &job.name, id_of)))
            }
        }
    }

    /// An answer that has come since.
    pub(super) fn answer(&self) -> Option<Done> {
        self.pool.as_ref()?.done.try_recv().ok()
    }
}

impl Pool {
    fn start(id_of: IdOf, wake: &Arc<dyn Fn() + Send + Sync>) -> Self {
        let (jobs, waiting) = mpsc::sync_channel::<Job>(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let (answers, done) = mpsc::channel();
        for _ in 0..THREADS {
            let (waiting, answers, wake) = (waiting.clone(), answers.clone(), wake.clone());
            let work = move || work(&waiting, &answers, id_of, &*wake);
            // With fewer threads the files are read one after the other; with none, `submit` reads.
            drop(thread::Builder::new().name("treenail-hash".into()).spawn(work));
        }
        Self { jobs, done }
    }
}

fn work(
    waiting: &Mutex<Receiver<Job>>,
    answers: &Sender<Done>,
    id_of: IdOf,
    wake: &(dyn Fn() + Send + Sync),
) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // The live tree is gone.
        let Ok(job) = next else { return };
        if answers.send((job.ticket, hash(&job.dir, &job.name, id_of))).is_err() {
            return;
        }
        wake();
    }
}

fn hash(dir: &Handle, name: &[u8], id_of: IdOf) -> Result<Hashed, Unhashed> {
    let file = dir.open_file(name).map_err(unhashed)?;
    let before = stat_of(&file)?;
    if before.kind != Kind::File {
        return Err(Unhashed::Gone);
    }
    let id = id_of(&file, before.size_bytes).map_err(Unhashed::Refused)?;
    let after = stat_of(&file)?;
    match id {
        Some(id) if before.same_content(&after) => {
            Ok(Hashed { stat: after, id, ranges: Vec::new() })
        }
        _ => Err(Unhashed::Unstable),
    }
}

fn stat_of(file: &File) -> Result<Stat, Unhashed> {
    Ok(Stat::from_metadata(&file.metadata().map_err(Unhashed::Refused)?))
}

fn unhashed(error: io::Error) -> Unhashed {
    if is_elsewhere(&error) { Unhashed::Gone } else { Unhashed::Refused(error) }
}

/// The id of a file; none if it is not as long as it was said to be.
fn id_of<C: ContentId>(mut file: &File, size_bytes: u64) -> io::Result<Option<Id>> {
    let mut stream = C::begin(size_bytes);
    let room = usize::try_from(size_bytes + 1).unwrap_or(usize::MAX).min(CHUNK_BYTES);
    let mut buffer = vec![0; room];
    let mut left = size_bytes;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        match left.checked_sub(read as u64) {
            Some(less) => left = less,
            None => return Ok(None),
        }
        C::update(&mut stream, &buffer[..read]);
    }
    if left > 0 {
        return Ok(None);
    }
    let id = C::finish(stream).map_err(|attack| io::Error::other(attack.to_string()))?;
    Ok(Id::new(id.as_ref()))
}
