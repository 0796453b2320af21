//! What outlives the process: a snapshot of the tree, and a journal of the changes since.

mod replay;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use treenail_store::disk::OsDisk;
use treenail_store::{ErrorKind as LogErrorKind, Kind, Log, Lsn, Options, Reader, Tail};

use super::begin::random;
use super::change::Batch;
use super::exclude::{Exclude, key_of};
use super::history::History;
use super::journal::{Head, Part, Session, Unheard};
use crate::error::{Error, ErrorKind};
use crate::ids::IdKind;
use crate::tree::Tree;
use replay::read;

/// The log's directory within the state's.
const JOURNAL: &str = "journal";
/// Where a journal that could not be read is put aside.
const DAMAGED: &str = "journal.damaged";
/// How a snapshot's file begins; its tick follows.
const SNAPSHOT: &str = "tree-";

/// Segments are made in advance and take their space at once, so they are not large.
const SEGMENT_BYTES: u64 = 1 << 20;

/// How often a state that cannot be read is read again.
const PEEKS_MAX: usize = 5;

/// A snapshot is saved when the journal has grown by so much since the last.
const JOURNAL_BYTES_MAX: usize = 8 << 20;

/// What another process, which keeps a tree live, has stored of it.
pub struct Peeked {
    /// The tree as it was at the history's clock.
    pub tree: Tree,
    /// What had changed until then.
    pub history: History,
}

/// Reads the [state](super::Options::state) of a tree without disturbing the process that keeps it.
/// What that process has reported is all there.
///
/// # Errors
/// If there is no state, it cannot be read, or it was kept with other ids or another exclusion.
pub fn peek(state: &Path, ids: Option<IdKind>, exclude: Option<&Exclude>) -> Result<Peeked, Error> {
    let history_bytes_max = super::Settings::default().history_bytes_max;
    let kept = Kept { ids, exclusion: key_of(exclude), history_bytes_max };
    let mut tries = PEEKS_MAX;
    loop {
        match State::peek(state, kept) {
            Ok(Remembered { tree, history, .. }) => return Ok(Peeked { tree, history }),
            Err(error) if tries == 0 => return Err(error),
            // The process may just be replacing one snapshot by the next.
            Err(_) => tries -= 1,
        }
    }
}

/// The state of one live tree, held by one process.
pub(super) struct State {
    dir: PathBuf,
    log: Log,
    root: u64,
    /// Where the records of each batch that the history still holds begin.
    starts: VecDeque<(u64, Lsn)>,
    /// What was written since the last checkpoint.
    bytes: usize,
    /// A snapshot that is being saved, and what the checkpoint that names it will say.
    saving: Option<Saving>,
    /// Whether there is a checkpoint that names a snapshot.
    is_named: bool,
    /// What the tree leaves out.
    exclude: Option<Exclude>,
    /// What stood for it in the last checkpoint.
    exclusion: u64,
    /// The files that the journal says are [`unheard`](super::Live::unheard).
    unheard: Vec<Box<[u8]>>,
}

struct Saving {
    thread: JoinHandle<Result<(), Error>>,
    head: Head,
    lsn: Lsn,
}

/// How a tree is kept, as far as its state has to agree with it.
#[derive(Clone, Copy)]
struct Kept {
    ids: Option<IdKind>,
    exclusion: u64,
    history_bytes_max: usize,
}

/// What a state remembers.
pub(super) struct Remembered {
    pub(super) tree: Tree,
    pub(super) history: History,
    /// The files that were [`unheard`](super::Live::unheard).
    pub(super) unheard: Vec<Box<[u8]>>,
}

/// A state that was opened.
pub(super) struct Opened {
    pub(super) state: State,
    /// Nothing if there was no state before, or none that can be used.
    pub(super) remembered: Option<Remembered>,
    /// Why an earlier state could not be used.
    pub(super) lost: Option<String>,
}

fn session_kind() -> Kind {
    Kind::new(1).expect("1 is a kind")
}

fn batch_kind() -> Kind {
    Kind::new(2).expect("2 is a kind")
}

fn close_kind() -> Kind {
    Kind::new(3).expect("3 is a kind")
}

fn unheard_kind() -> Kind {
    Kind::new(4).expect("4 is a kind")
}

impl State {
    /// Opens the state in a directory, or makes one. What cannot be read is put aside: a tree can
    /// be scanned again.
    ///
    /// # Errors
    /// If another process has it open ([`ErrorKind::Locked`]), or the system refuses.
    pub(super) fn open(dir: &Path, settings: &super::Options) -> Result<Opened, Error> {
        let kept = Kept {
            ids: settings.ids,
            exclusion: key_of(settings.exclude.as_ref()),
            history_bytes_max: settings.history_bytes_max,
        };
        fs::create_dir_all(dir).map_err(|error| Error::io(dir, "cannot make the state", error))?;
        let path = dir.join(JOURNAL);
        let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
        let mut lost = None;
        let was_new = Self::is_new(dir);
        let (log, recovery) = match Log::open(&path, &options) {
            Err(error) if error.kind() == LogErrorKind::Corrupt => {
                lost = Some(error.to_string());
                put_aside(dir, &path)?;
                Log::open(&path, &options)
            }
            opened => opened,
        }
        .map_err(|error| from_log(&path, &error))?;
        let mut remembered = None;
        let mut starts = VecDeque::new();
        let mut is_begun = false;
        let torn = matches!(recovery.tail, Tail::Torn { .. });
        if !recovery.checkpoint.content.is_empty() && lost.is_none() {
            let reader = log.read_from(recovery.checkpoint.lsn);
            let read = reader.map_err(|error| error.to_string()).and_then(|reader| {
                let content = &recovery.checkpoint.content;
                read(dir, content, reader, kept, &mut starts)
            });
            match read {
                Ok((mut tree, session)) => {
                    if torn || session.is_some_and(|session| !is_same_boot(&session.boot)) {
                        tree.history.begin_incarnation();
                        is_begun = true;
                    }
                    remembered = Some(tree);
                }
                Err(why) => {
                    lost = Some(why);
                    starts.clear();
                }
            }
        }
        if !was_new && remembered.is_none() {
            lost.get_or_insert_with(|| "no checkpoint names a snapshot of the tree".to_owned());
        }
        let root =
            remembered.as_ref().map_or_else(random, |remembered| remembered.history.clock().root);
        let state = Self {
            dir: dir.to_owned(),
            log,
            root,
            starts,
            bytes: 0,
            saving: None,
            is_named: remembered.is_some(),
            exclude: settings.exclude.clone(),
            exclusion: kept.exclusion,
            unheard: remembered.as_ref().map_or_else(Vec::new, |known| known.unheard.clone()),
        };
        let incarnation =
            remembered.as_ref().map_or(1, |remembered| remembered.history.clock().incarnation);
        state.write(session_kind(), &Session { boot: boot_id(), incarnation }.encode())?;
        if is_begun {
            // If power were lost again and this with it, the next incarnation would have the same
            // number, and clocks of this one would mean something there.
            state.log.commit(state.log.end()).map_err(|error| state.failed(&error))?;
        }
        Ok(Opened { state, remembered, lost })
    }

    /// Whether nothing is remembered in a directory.
    pub(super) fn is_new(dir: &Path) -> bool {
        !dir.join(JOURNAL).exists()
    }

    /// Reads what another process keeps, without disturbing it.
    ///
    /// # Errors
    /// If there is no state, or it cannot be read.
    fn peek(dir: &Path, kept: Kept) -> Result<Remembered, Error> {
        let path = dir.join(JOURNAL);
        let damaged = |why: String| Error::new(ErrorKind::Corrupt, dir, why);
        let disk = OsDisk::open(&path).map_err(|error| Error::io(&path, "cannot open", error))?;
        let (reader, checkpoint) = Reader::open(disk).map_err(|error| from_log(&path, &error))?;
        let mut starts = VecDeque::new();
        let read = read(dir, &checkpoint.content, reader, kept, &mut starts);
        Ok(read.map_err(damaged)?.0)
    }

    /// The number of the tree in its clocks.
    pub(super) fn root(&self) -> u64 {
        self.root
    }

    /// Adds a batch, with the files that are unheard after it. It is there when the state is opened
    /// again, unless the machine loses power.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn append(&mut self, batch: &Batch, unheard: Vec<Box<[u8]>>) -> Result<(), Error> {
        // Without a snapshot that it starts from, a journal says nothing.
        self.end_checkpoint(!self.is_named)?;
        let start = self.log.end();
        // Before the batch, which may be the last that is written.
        if unheard != self.unheard {
            self.unheard = unheard;
            self.append_unheard()?;
        }
        let records = Part::encode_all(batch, now_ns(), self.log.payload_bytes_max());
        for record in &records {
            self.bytes += record.len();
            self.log.append(batch_kind(), record).map_err(|error| self.failed(&error))?;
        }
        self.starts.push_back((batch.tick, start));
        self.log.flush(self.log.end()).map_err(|error| self.failed(&error))
    }

    /// Whether the journal says that files are unheard.
    pub(super) fn has_unheard(&self) -> bool {
        !self.unheard.is_empty()
    }

    /// Says that no file is unheard any more.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn heard_all(&mut self) -> Result<(), Error> {
        self.unheard.clear();
        self.append_unheard()?;
        self.log.flush(self.log.end()).map_err(|error| self.failed(&error))
    }

    fn append_unheard(&mut self) -> Result<(), Error> {
        for record in Unheard::encode_all(&self.unheard, self.log.payload_bytes_max()) {
            self.bytes += record.len();
            self.log.append(unheard_kind(), &record).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Whether the journal has grown so that a checkpoint is worth its cost.
    pub(super) fn wants_checkpoint(&self) -> bool {
        self.bytes > JOURNAL_BYTES_MAX && self.saving.is_none()
    }

    /// Whether the last checkpoint is of a tree that left out something else.
    pub(super) fn is_of_other_exclusion(&self) -> bool {
        self.exclusion != key_of(self.exclude.as_ref())
    }

    /// Has the tree saved in a thread of its own, so that the journal needs not go further back
    /// than the history; `done` is called in it at the end.
    ///
    /// # Errors
    /// If the system refuses; what was saved before still counts.
    pub(super) fn begin_checkpoint(
        &mut self,
        tree: &Tree,
        ids: Option<IdKind>,
        history: &History,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        let (head, lsn) = self.head(history)?;
        let path = self.dir.join(head.snapshot());
        let tree = tree.clone();
        let save = move || {
            let saved = tree.view(ids).save(&path);
            done();
            saved
        };
        let thread = thread::Builder::new().name("treenail-save".into()).spawn(save);
        let thread = thread.map_err(|error| Error::io(&self.dir, "cannot save the tree", error))?;
        self.bytes = 0;
        self.saving = Some(Saving { thread, head, lsn });
        Ok(())
    }

    /// Ends what [`begin_checkpoint`](Self::begin_checkpoint) began, if the tree is saved by now,
    /// or with `wait` in any case.
    ///
    /// # Errors
    /// As there.
    pub(super) fn end_checkpoint(&mut self, wait: bool) -> Result<(), Error> {
        let saved = |saving: &mut Saving| wait || saving.thread.is_finished();
        let Some(Saving { thread, head, lsn }) = self.saving.take_if(saved) else { return Ok(()) };
        let lost = |_| Error::new(ErrorKind::Io, &self.dir, "the thread that saves has panicked");
        thread.join().map_err(lost)??;
        self.name_snapshot(&head, lsn)
    }

    /// Gives it up as it stands, since it cannot be stored.
    pub(super) fn give_up(mut self) {
        if let Some(Saving { thread, .. }) = self.saving.take() {
            // Whoever holds the state next must find nobody else at it.
            drop(thread.join());
        }
    }

    /// Leaves everything as it stands, once there is a snapshot.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn leave(mut self) -> Result<(), Error> {
        self.end_checkpoint(!self.is_named)
    }

    /// Saves everything durably, so that the next opening knows that nothing is missing.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn close(
        mut self,
        tree: &Tree,
        ids: Option<IdKind>,
        history: &History,
    ) -> Result<(), Error> {
        self.end_checkpoint(true)?;
        let (head, lsn) = self.head(history)?;
        tree.view(ids).save(&self.dir.join(head.snapshot()))?;
        self.name_snapshot(&head, lsn)?;
        self.write(close_kind(), &[])?;
        let path = self.dir.join(JOURNAL);
        self.log.close().map_err(|error| from_log(&path, &error))
    }

    /// What a checkpoint says at this moment, and where the records begin that it needs.
    fn head(&mut self, history: &History) -> Result<(Head, Lsn), Error> {
        while self.starts.pop_front_if(|(tick, _)| *tick <= history.floor()).is_some() {}
        let clock = history.clock();
        let head = Head {
            root: clock.root,
            incarnation: clock.incarnation,
            tick: clock.tick,
            floor: history.floor(),
            taken_ns: now_ns(),
            exclusion: key_of(self.exclude.as_ref()),
            ended: history.ended().to_vec(),
        };
        let lsn = self.starts.front().map_or_else(|| self.log.end(), |(_, lsn)| *lsn);
        if !self.unheard.is_empty() {
            // The records that said so may lie before the first that is needed.
            self.append_unheard()?;
        }
        Ok((head, lsn))
    }

    /// Writes a checkpoint that names a snapshot, and removes the others.
    fn name_snapshot(&mut self, head: &Head, lsn: Lsn) -> Result<(), Error> {
        self.log.commit(self.log.end()).map_err(|error| self.failed(&error))?;
        self.log.checkpoint(lsn, &head.encode()).map_err(|error| self.failed(&error))?;
        self.is_named = true;
        self.exclusion = head.exclusion;
        self.remove_snapshots_but(&head.snapshot());
        Ok(())
    }

    fn write(&self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        let end = self.log.append(kind, payload).map_err(|error| self.failed(&error))?;
        self.log.flush(end).map_err(|error| self.failed(&error))
    }

    fn remove_snapshots_but(&self, kept: &str) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_old =
                name.to_str().is_some_and(|name| name.starts_with(SNAPSHOT) && name != kept);
            if is_old {
                // One that stays is removed next time.
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    fn failed(&self, error: &treenail_store::Error) -> Error {
        from_log(&self.dir.join(JOURNAL), error)
    }
}

impl Head {
    /// The file that the snapshot is in.
    fn snapshot(&self) -> String {
        format!("{SNAPSHOT}{}-{}", self.incarnation, self.tick)
    }
}

fn put_aside(dir: &Path, journal: &Path) -> Result<(), Error> {
    let aside = dir.join(DAMAGED);
    // Of several that were damaged the last is kept.
    drop(fs::remove_dir_all(&aside));
    fs::rename(journal, &aside)
        .map_err(|error| Error::io(journal, "cannot put the damaged journal aside", error))
}

fn from_log(path: &Path, error: &treenail_store::Error) -> Error {
    let kind = match error.kind() {
        // How to read a log that another writes is no help to who wants to watch.
        LogErrorKind::Locked => {
            return Error::new(ErrorKind::Locked, path, "another process keeps this state");
        }
        LogErrorKind::Corrupt => ErrorKind::Corrupt,
        _ => ErrorKind::Io,
    };
    Error::new(kind, path, error.to_string())
}

/// Which run of the machine this is.
fn boot_id() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut id = [0; 16];
    let digits: Vec<u8> =
        text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|d| d as u8).collect();
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    id
}

/// Whether the machine has run since; where it does not say, it counts as started anew.
fn is_same_boot(boot: &[u8; 16]) -> bool {
    *boot == boot_id() && *boot != [0; 16]
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
