//! An inotify queue: a watch for each directory.

use std::ffi::CString;
use std::io;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::super::{Event, Loss, Token, What};
use super::inotify_record::{Record, Records};
use super::queue_fd::QueueFd;
use super::registry::Registry;
use super::roaming;
use super::sink::{Half, Sink, drain};
use super::{Subject, lock};

/// What is asked of a directory: nothing that reading causes.
const DIRECTORY: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// What is asked of a file.
const FILE: WatchFlags =
    WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE).union(WatchFlags::ATTRIB);

/// What `FIONREAD` counts for each record, at least.
const HEAD_BYTES: u64 = 16;

/// One queue.
pub(super) struct Queue {
    fd: QueueFd,
    /// Held for writing while a watch is taken away: else one that is added to the same inode
    /// meanwhile, and so is the same watch, would go with it.
    gate: RwLock<()>,
    dirs: Mutex<Registry<i32>>,
    links: Mutex<Registry<i32>>,
}

impl Queue {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            fd: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?.into(),
            gate: RwLock::new(()),
            dirs: Mutex::default(),
            links: Mutex::default(),
        })
    }

    /// Has the events of a directory, or of a file by all its names, reported.
    pub(super) fn watch(&self, subject: &Subject<'_>) -> io::Result<()> {
        let Subject { dir, entry, is_dir, mount, token } = *subject;
        let (flags, registry) = match is_dir {
            true => (DIRECTORY, &self.dirs),
            false => (FILE, &self.links),
        };
        let _adding = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let watch = match add_watch(self.fd.as_fd(), dir, entry, flags) {
            // The watch of the directory above sees what may change of one that is closed to us.
            Err(error) if subject.is_closed_directory(&error) => return Ok(()),
            result => result?,
        };
        lock(registry).insert(watch, mount, token);
        Ok(())
    }

    /// Gives a token up, and the watch with its last one.
    pub(super) fn unwatch(&self, token: Token) {
        for registry in [&self.dirs, &self.links] {
            if lock(registry).contains(token) {
                let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(watch) = lock(registry).remove(token) {
                    // Refused if the inode has gone meanwhile, and the watch with it.
                    _ = inotify::remove_watch(&self.fd, watch);
                }
            }
        }
    }

    /// Whether something is watched under the token.
    pub(super) fn holds(&self, token: Token) -> bool {
        lock(&self.dirs).contains(token) || lock(&self.links).contains(token)
    }

    /// How many directories and files are watched.
    pub(super) fn watched(&self) -> usize {
        lock(&self.dirs).len() + lock(&self.links).len()
    }

    /// Passes on what the queue holds.
    pub(super) fn drain(&self, buffer: &mut [u8], sink: &mut Sink<'_>) -> io::Result<()> {
        let since = Instant::now();
        drain(self.fd.as_fd(), HEAD_BYTES, buffer, sink, |bytes, sink| {
            let mut count = 0;
            for record in Records::new(bytes) {
                count += 1;
                match record {
                    Ok(record) => self.pass_on(&record, since, sink),
                    Err(_) => sink.lost(&self.tokens(), Loss::Malformed),
                }
            }
            count
        })
    }

    fn pass_on(&self, record: &Record<'_>, since: Instant, sink: &mut Sink<'_>) {
        if record.mask & libc::IN_Q_OVERFLOW != 0 {
            sink.lost(&self.tokens(), Loss::Overflow);
            return;
        }
        if record.mask & libc::IN_IGNORED != 0 {
            lock(&self.dirs).forget(&record.watch);
            lock(&self.links).forget(&record.watch);
            return;
        }
        let what = what_of(record.mask);
        let dirs = lock(&self.dirs).get(&record.watch).cloned();
        let links = match dirs {
            Some(_) => None,
            None => lock(&self.links).get(&record.watch).cloned(),
        };
        if record.mask & libc::IN_UNMOUNT != 0 {
            let holders = dirs.iter().chain(&links).flat_map(|held| held.iter());
            sink.lost(&holders.map(|(_, token)| token).collect::<Vec<_>>(), Loss::Unmounted);
            return;
        }
        for (_, file) in links.iter().flat_map(|held| held.iter()) {
            sink.event(Event::Link { file, what });
        }
        let moved = record.mask & (libc::IN_MOVED_FROM | libc::IN_MOVED_TO) != 0;
        for (mount, dir) in dirs.iter().flat_map(|held| held.iter()) {
            match record.name {
                b"" => sink.event(Event::Directory { dir, what: what | What::DIRECTORY }),
                name if moved => sink.half(Half {
                    cookie: record.cookie,
                    mount,
                    dir,
                    name: name.into(),
                    is_dir: what.has(What::DIRECTORY),
                    is_source: record.mask & libc::IN_MOVED_FROM != 0,
                    since,
                }),
                name => sink.event(Event::Entry { dir, name, what }),
            }
        }
        if dirs.is_none() && links.is_none() {
            sink.counts.outside += 1;
        }
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<_> = lock(&self.dirs).tokens().collect();
        tokens.extend(lock(&self.links).tokens());
        tokens
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Adds a watch for an open directory, or for an entry of it, not followed. The call takes nothing
/// but a path, and one of names could lead elsewhere by now: so it goes from the working directory,
/// where the thread may have one of its own, and else by way of the name that `/proc` gives the
/// descriptor, which costs half as much again.
pub(super) fn add_watch(
    queue: BorrowedFd<'_>,
    dir: BorrowedFd<'_>,
    entry: Option<&CString>,
    flags: WatchFlags,
) -> io::Result<i32> {
    let flags = flags | entry.map_or(WatchFlags::empty(), |_| WatchFlags::DONT_FOLLOW);
    if roaming::enter(dir) {
        return Ok(inotify::add_watch(queue, entry.map_or(c".", |entry| entry), flags)?);
    }
    let mut path = Vec::with_capacity(32 + entry.map_or(0, |entry| entry.count_bytes()));
    write!(path, "/proc/self/fd/{}", dir.as_raw_fd())?;
    if let Some(entry) = entry {
        path.push(b'/');
        path.extend_from_slice(entry.as_bytes());
    }
    Ok(inotify::add_watch(queue, &path[..], flags)?)
}

fn what_of(mask: u32) -> What {
    const BITS: [(u32, What); 10] = [
        (libc::IN_CREATE, What::CREATED),
        (libc::IN_DELETE, What::REMOVED),
        (libc::IN_DELETE_SELF, What::REMOVED),
        (libc::IN_MODIFY, What::MODIFIED),
        (libc::IN_CLOSE_WRITE, What::CLOSED),
        (libc::IN_ATTRIB, What::ATTRIBUTES),
        (libc::IN_MOVED_FROM, What::MOVED),
        (libc::IN_MOVED_TO, What::MOVED),
        (libc::IN_MOVE_SELF, What::MOVED),
        (libc::IN_ISDIR, What::DIRECTORY),
    ];
    let set = BITS.iter().filter(|(bit, _)| mask & bit != 0);
    set.fold(What::default(), |all, &(_, what)| all | what)
}
