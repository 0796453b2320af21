//! Reading files for their ids: short ones at once, long ones in threads of their own, so that a
//! large file never delays the next event.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use treenail_os::{Changed, Handle, Kind, Stat, is_elsewhere};

use super::change::Id;
use super::content::{Hashed, Unhashed};
use super::dirt::At;
use crate::ids::{Blake3Ids, BlockIds, ContentId, GitIds, IdKind, WHOLE_BYTES_MAX, Xxh3Ids};
use crate::large::{Identified, LargeFiles};

/// Files up to this length are read where they are asked for.
pub(super) const INLINE_BYTES_MAX: u64 = 256 << 10;

/// How many threads read long files.
const THREADS: usize = 2;

/// How many files may wait for them; more wait with the caller.
const QUEUE_MAX: usize = 1024;

/// Each read is of so many bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// How much memory the block digests of large files may take: those of 8 GiB of files.
const LARGE_BYTES_MAX: usize = 32 << 20;

/// How many threads may be in [`LargeFiles`] at once; calls for one file have the same number.
const LANES: usize = 16;

/// How coarse the kernel's clock for files is at most, where it is not fine: a tick at 100 Hz.
/// What was read of a file sooner after its last change may be older than another change that left
/// the same times.
pub(super) const CLOCK_STEP: Duration = Duration::from_millis(10);

/// Computes the id of an open file of that many bytes.
type IdOf = fn(&File, u64) -> io::Result<Option<Id>>;

/// Reads files and computes ids of one kind.
pub(super) struct Hasher {
    means: Arc<Means>,
    /// Made when the first long file comes.
    pool: Option<Pool>,
}

/// How ids are computed.
struct Means {
    id_of: IdOf,
    /// The blocks of large files, where the ids are made of them.
    large: Option<LargeFiles<At>>,
    lanes: [Mutex<()>; LANES],
    /// Each change of a file that was looked at has a time of its own.
    fine_times: bool,
}

struct Pool {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
}

struct Job {
    ticket: u64,
    dir: Arc<Handle>,
    at: At,
}

/// An answer, with the number of its question.
pub(super) type Done = (u64, Result<Hashed, Unhashed>);

impl Hasher {
    /// Nothing for a kind that is not built in.
    pub(super) fn new(ids: IdKind, fine_times: bool) -> Option<Self> {
        let id_of: IdOf = match ids {
            IdKind::XXH3 => id_of::<Xxh3Ids>,
            IdKind::BLAKE3 => id_of::<Blake3Ids>,
            IdKind::GIT => id_of::<GitIds>,
            IdKind::BLOCKS => id_of::<BlockIds>,
            _ => return None,
        };
        let large = (ids == IdKind::BLOCKS).then(|| LargeFiles::new(LARGE_BYTES_MAX));
        let means = Means { id_of, large, lanes: Default::default(), fine_times };
        Some(Self { means: Arc::new(means), pool: None })
    }

    /// Whether a file changed so lately that reading it proves nothing.
    pub(super) fn is_young(&self, dir: &Handle, at: &At) -> bool {
        let stat = || stat_of(&dir.open_file(&at.1).ok()?).ok();
        !self.means.fine_times && stat().is_some_and(|stat| is_young(&stat, now_ns()))
    }

    /// Reads a file now.
    pub(super) fn hash(&self, dir: &Handle, at: &At) -> Result<Hashed, Unhashed> {
        self.means.hash(dir, at)
    }

    /// Has a file read; `wake` is called in the thread that did once the answer is there. If too
    /// many wait already it is read now.
    pub(super) fn submit(
        &mut self,
        ticket: u64,
        dir: Arc<Handle>,
        at: At,
        wake: &Arc<dyn Fn() + Send + Sync>,
    ) -> Option<Done> {
        let pool = self.pool.get_or_insert_with(|| Pool::start(&self.means, wake));
        match pool.jobs.try_send(Job { ticket, dir, at }) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                Some((job.ticket, self.means.hash(&job.dir, &job.at)))
            }
        }
    }

    /// An answer that has come since.
    pub(super) fn answer(&self) -> Option<Done> {
        self.pool.as_ref()?.done.try_recv().ok()
    }

    /// Reads of a file only what was written, which the caller vouches for, if the rest is known.
    pub(super) fn update(
        &self,
        dir: &Handle,
        at: &At,
        written: Range<u64>,
    ) -> Result<Hashed, Unhashed> {
        let file = dir.open_file(&at.1).map_err(unhashed)?;
        let stat = stat_of(&file)?;
        match &self.means.large {
            Some(large) if stat.size_bytes > WHOLE_BYTES_MAX && large.knows(at) => {
                let _lane = self.means.lane(at);
                hashed(large.update_range(&file, at.clone(), written))
            }
            _ => self.means.hash(dir, at),
        }
    }
}

impl Pool {
    fn start(means: &Arc<Means>, wake: &Arc<dyn Fn() + Send + Sync>) -> Self {
        let (jobs, waiting) = mpsc::sync_channel::<Job>(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let (answers, done) = mpsc::channel();
        for _ in 0..THREADS {
            let (means, waiting) = (means.clone(), waiting.clone());
            let (answers, wake) = (answers.clone(), wake.clone());
            let work = move || work(&means, &waiting, &answers, &*wake);
            // With fewer threads the files are read one after the other; with none, `submit` reads.
            drop(thread::Builder::new().name("treenail-hash".into()).spawn(work));
        }
        Self { jobs, done }
    }
}

fn work(
    means: &Means,
    waiting: &Mutex<Receiver<Job>>,
    answers: &Sender<Done>,
    wake: &(dyn Fn() + Send + Sync),
) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // The live tree is gone.
        let Ok(job) = next else { return };
        means.wait_while_young(&job);
        if answers.send((job.ticket, means.hash(&job.dir, &job.at))).is_err() {
            return;
        }
        wake();
    }
}

impl Means {
    fn hash(&self, dir: &Handle, at: &At) -> Result<Hashed, Unhashed> {
        let file = dir.open_file(&at.1).map_err(unhashed)?;
        let before = stat_of(&file)?;
        if before.kind != Kind::File {
            return Err(Unhashed::Gone);
        }
        if !self.fine_times && is_young(&before, now_ns()) {
            return Err(Unhashed::Unstable);
        }
        if let Some(large) = self.large.as_ref().filter(|_| before.size_bytes > WHOLE_BYTES_MAX) {
            let _lane = self.lane(at);
            return hashed(large.identify(&file, at.clone()));
        }
        let id = (self.id_of)(&file, before.size_bytes).map_err(Unhashed::Refused)?;
        let after = stat_of(&file)?;
        match id {
            Some(id) if before.same_content(&after) => {
                Ok(Hashed { stat: after, id, ranges: Vec::new() })
            }
            _ => Err(Unhashed::Unstable),
        }
    }

    /// Lets a file grow old enough to be read, in a thread that has the time.
    fn wait_while_young(&self, job: &Job) {
        let stat = job.dir.open_file(&job.at.1).ok().and_then(|file| stat_of(&file).ok());
        if !self.fine_times && stat.is_some_and(|stat| is_young(&stat, now_ns())) {
            thread::sleep(CLOCK_STEP);
        }
    }

    fn lane(&self, at: &At) -> MutexGuard<'_, ()> {
        let sum = at.1.iter().fold(at.0.index as usize, |sum, byte| sum + usize::from(*byte));
        self.lanes[sum % LANES].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hashed(found: io::Result<Identified>) -> Result<Hashed, Unhashed> {
    match found {
        Ok(Identified { id, stat, changed, .. }) => {
            let id = Id::new(&id).expect("an id has 16 bytes");
            Ok(Hashed { stat, id, ranges: changed.unwrap_or_default() })
        }
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Changed>()) => {
            Err(Unhashed::Unstable)
        }
        Err(error) => Err(Unhashed::Refused(error)),
    }
}

/// Whether another change at `now_ns`, since 1970, may have the same times as the last.
fn is_young(stat: &Stat, now_ns: i64) -> bool {
    let step = CLOCK_STEP.as_nanos() as i64;
    // The clock may have been set back: a change then has another time in any case.
    (now_ns - step..=now_ns).contains(&stat.ctime_ns)
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::pages::DirId;

    fn written(fine_times: bool) -> (tempfile::TempDir, Hasher, Arc<Handle>, At) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "text").unwrap();
        let handle = Handle::open(dir.path()).unwrap();
        let hasher = Hasher::new(IdKind::XXH3, fine_times).unwrap();
        (dir, hasher, handle, (DirId::ROOT, b"file"[..].into()))
    }

    #[test]
    fn a_file_is_young_for_a_step_of_the_clock_and_no_longer() {
        let step = CLOCK_STEP.as_nanos() as i64;
        let (_dir, _, handle, at) = written(true);
        let stat = handle.stat(&at.1).unwrap();
        assert!(is_young(&stat, stat.ctime_ns));
        assert!(is_young(&stat, stat.ctime_ns + step));
        assert!(!is_young(&stat, stat.ctime_ns + step + 1));
        assert!(!is_young(&stat, stat.ctime_ns - 1));
    }

    #[test]
    fn a_file_is_read_once_it_is_no_longer_young() {
        let (dir, hasher, handle, at) = written(false);
        let found = loop {
            let begun = Instant::now();
            fs::write(dir.path().join("file"), "other").unwrap();
            let found = hasher.hash(&handle, &at);
            // Else the machine stood still, and the file has become old.
            if begun.elapsed() < CLOCK_STEP / 2 {
                break found;
            }
        };
        assert!(matches!(found, Err(Unhashed::Unstable)));
        thread::sleep(2 * CLOCK_STEP);
        assert!(!hasher.is_young(&handle, &at));
        assert!(hasher.hash(&handle, &at).is_ok());
    }

    #[test]
    fn a_young_file_is_read_at_once_where_times_are_fine() {
        let (_dir, hasher, handle, at) = written(true);
        assert!(hasher.hash(&handle, &at).is_ok());
    }
}
