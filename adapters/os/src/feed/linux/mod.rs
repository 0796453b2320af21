//! Linux: fanotify and inotify by hand, chosen mount by mount.

mod fanotify;
pub mod fanotify_record;
mod inotify;
pub mod inotify_record;
mod limits;
mod mount_table;
mod mounts;
mod noise;
mod queue_fd;
pub mod records;
mod registry;
mod roaming;
mod sentinel;
mod sink;

use std::ffi::CString;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::name;
use crate::platform::{Handle, MountId};
use crate::stat::FileId;

use super::{Coverage, Event, Loss, Options, Rung, Statistics, Token, Watched};
use mount_table::MountTable;
use mounts::{Means, Mount, Mounts, Source};
use noise::Noise;
pub(super) use roaming::roam;
use sink::{Pairs, Sink};

/// Room for what one reading of a queue gives.
const BUFFER_BYTES: usize = 64 << 10;

/// What the descriptor that wakes a waiting thread is called among the queues.
const WAKER: u64 = u64::MAX;
/// What the table of mounts is called among them.
const MOUNT_TABLE: u64 = u64::MAX - 1;

/// After so many readings, each of which found something, the table of mounts is asked all the
/// same.
const UNASKED_MAX: u32 = 16;

/// Queues whose readiness one call asks for.
const READY_MAX: usize = 64;

/// Changes below one directory.
pub(super) struct Feed {
    options: Options,
    root: FileId,
    epoll: OwnedFd,
    /// Readable when somebody wants the thread that waits.
    waker: OwnedFd,
    mounts: Mounts,
    reader: Mutex<Reader>,
    told: Mutex<Told>,
}

/// What is to be watched: an open directory, or an entry of it.
struct Subject<'a> {
    dir: BorrowedFd<'a>,
    entry: Option<&'a CString>,
    /// Whether it is to be watched for what happens in it, and refused if it is no directory.
    is_dir: bool,
    mount: MountId,
    token: Token,
}

impl Subject<'_> {
    /// Whether it was refused because it is a directory that the process may not read.
    fn is_closed_directory(&self, refused: &io::Error) -> bool {
        let kind_of = |entry: &CString| {
            let stat = statat(self.dir, entry, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some(FileType::from_raw_mode(stat.st_mode))
        };
        refused.kind() == io::ErrorKind::PermissionDenied
            && !self.is_dir
            && self.entry.and_then(kind_of) == Some(FileType::Directory)
    }
}

/// What the one who reads works with.
struct Reader {
    buffer: Box<[u8]>,
    pairs: Pairs,
    noise: Noise,
    /// None where `/proc` is not mounted.
    mount_table: Option<MountTable>,
    /// How often the queues were read since the table of mounts was asked.
    unasked: u32,
}

/// What had something to be read.
#[derive(Default)]
struct Ready {
    queues: usize,
    mount_table: bool,
}

/// What the one who reads leaves for others to see.
#[derive(Default)]
struct Told {
    statistics: Statistics,
    held_until: Option<Instant>,
    noisy: bool,
}

impl Feed {
    pub(super) fn open(root: &Path, options: &Options) -> io::Result<Self> {
        let handle = Handle::open(root)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let number = epoll::EventData::new_u64(WAKER);
        epoll::add(&epoll, &waker, number, epoll::EventFlags::IN)?;
        let mount_table = MountTable::open(root).ok();
        if let Some(table) = &mount_table {
            let number = epoll::EventData::new_u64(MOUNT_TABLE);
            epoll::add(&epoll, table.bell(), number, epoll::EventFlags::PRI)?;
        }
        let feed = Self {
            waker,
            root: handle.id()?,
            mounts: Mounts::new(options, epoll.as_fd())?,
            epoll,
            reader: Mutex::new(Reader {
                buffer: vec![0; BUFFER_BYTES].into(),
                pairs: Pairs::new(options.rename_hold),
                noise: Noise::new(options.outside_max_per_s, Instant::now()),
                mount_table,
                unasked: 0,
            }),
            told: Mutex::default(),
            options: options.clone(),
        };
        let held = handle.hold()?;
        let (_, mount) = feed.mount_of(&handle, held.fd())?;
        // A mark on the whole file system sees the root removed in its parent.
        if mount.rung() != Rung::FileSystem {
            feed.expect_removal_of(root, held.fd());
        }
        Ok(feed)
    }

    pub(super) fn coverage(&self) -> Vec<Coverage> {
        self.mounts.coverage()
    }

    pub(super) fn watch(&self, dir: &Handle, token: Token, top: &[u8]) -> Watched {
        if let (None, Some(sentinel)) = (dir.parent(), self.mounts.sentinel())
            && dir.id().is_ok_and(|id| id == self.root)
        {
            sentinel.root_is(token);
        }
        self.arm(dir, None, true, token, top)
    }

    pub(super) fn watch_child(
        &self,
        dir: &Handle,
        name: &[u8],
        token: Token,
        top: &[u8],
    ) -> Watched {
        self.watch_entry(dir, name, true, token, top)
    }

    pub(super) fn watch_link(&self, dir: &Handle, name: &[u8], token: Token) -> Watched {
        self.watch_entry(dir, name, false, token, b"")
    }

    pub(super) fn unwatch(&self, token: Token) {
        for source in self.mounts.sources() {
            match source {
                Source::Group(group) => group.unwatch(token),
                Source::Queue(queue) => queue.unwatch(token),
                Source::Sentinel(_) => {}
            }
        }
    }

    pub(super) fn read(&self, report: &mut dyn FnMut(Event<'_>)) -> io::Result<usize> {
        let mut reader = lock(&self.reader);
        let Reader { buffer, pairs, noise, mount_table, unasked } = &mut *reader;
        let mut counts = Statistics::default();
        let mut sink = Sink { report, pairs, counts: &mut counts };
        let mut ready = Ready::default();
        let mut read_from = Instant::now();
        let mut result = self.drain(buffer, &mut sink, &mut ready);
        *unasked += 1;
        // Who waited may have heard the table's bell and nobody else.
        if ready.mount_table || ready.queues == 0 || *unasked >= UNASKED_MAX {
            *unasked = 0;
            // A table that cannot be read may have changed.
            if let Some(table) = mount_table
                && table.have_changed().unwrap_or(true)
            {
                sink.lost_all(Loss::Mounts);
            }
        }
        // The source of a rename may lie in a queue that was read before its target's.
        if result.is_ok() && sink.pairs.has_targets() {
            read_from = Instant::now();
            result = self.drain(buffer, &mut sink, &mut ready);
        }
        if result.is_ok() {
            sink.release(read_from);
        }
        let held_until = pairs.due();
        let noisy = noise.is_over(counts.outside, Instant::now());
        drop(reader);
        let mut told = lock(&self.told);
        told.held_until = held_until;
        told.noisy = noisy;
        told.statistics.add_counts(&counts);
        result?;
        Ok(usize::try_from(counts.events).unwrap_or(usize::MAX))
    }

    pub(super) fn held_until(&self) -> Option<Instant> {
        lock(&self.told).held_until
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            // A time that the system cannot hold is as good as none.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut queues = [PollFd::new(&self.epoll, PollFlags::IN)];
            match poll(&mut queues, left.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn wake(&self) {
        // It fails only if it is readable already, 2^64 times over.
        _ = rustix::io::write(&self.waker, &1u64.to_ne_bytes());
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics { watched: self.watched(), ..lock(&self.told).statistics }
    }

    pub(super) fn is_noisy(&self) -> bool {
        lock(&self.told).noisy
    }

    fn watch_entry(
        &self,
        dir: &Handle,
        name: &[u8],
        is_dir: bool,
        token: Token,
        top: &[u8],
    ) -> Watched {
        let name = name::check(name).and_then(|()| Ok(CString::new(name)?));
        match name {
            Ok(name) => self.arm(dir, Some(&name), is_dir, token, top),
            Err(error) => Watched::Polled { reason: error.to_string().into() },
        }
    }

    /// Arms a directory, or an entry of it, with the back end of its mount.
    fn arm(
        &self,
        dir: &Handle,
        entry: Option<&CString>,
        is_dir: bool,
        token: Token,
        top: &[u8],
    ) -> Watched {
        let armed = || -> Result<Rung, Arc<str>> {
            let text = |error: io::Error| Arc::from(error.to_string());
            let held = dir.hold().map_err(text)?;
            let (id, mount) = self.mount_of(dir, held.fd()).map_err(text)?;
            let subject = Subject { dir: held.fd(), entry, is_dir, mount: id, token };
            let rung = mount.rung();
            let most = self.options.watches_max;
            if rung != Rung::FileSystem && most < usize::MAX && !self.has_room(token) {
                return Err(format!("the limit of {most} watches is reached; raise it").into());
            }
            match &mount.means {
                Means::Nothing(reason) => return Err(reason.clone()),
                Means::Group(group) => match group.watch(&subject) {
                    Ok(()) => return Ok(rung),
                    // A subvolume of btrfs has marks of its own kind.
                    Err(error) if self.may_descend(&error) => {}
                    Err(error) => return Err(limits::explain_mark(rung, &error).into()),
                },
                Means::Inotify => {}
            }
            let queue = self.mounts.queue(top, self.epoll.as_fd());
            let armed = queue.and_then(|queue| queue.watch(&subject));
            armed.map_err(|error| limits::explain_inotify(&error))?;
            Ok(Rung::Inotify)
        };
        armed().map_or_else(|reason| Watched::Polled { reason }, Watched::By)
    }

    /// Whether what fanotify refused for one directory alone is for inotify to try.
    fn may_descend(&self, refused: &io::Error) -> bool {
        let alone = [Errno::XDEV, Errno::OPNOTSUPP, Errno::NODEV];
        self.options.allows(Rung::Inotify)
            && Errno::from_io_error(refused).is_some_and(|errno| alone.contains(&errno))
    }

    fn mount_of(&self, dir: &Handle, fd: BorrowedFd<'_>) -> io::Result<(MountId, Arc<Mount>)> {
        self.mounts.of(dir, fd, &self.options, self.epoll.as_fd())
    }

    /// Watches for the root's removal, which nothing else tells while somebody has it open.
    fn expect_removal_of(&self, root: &Path, fd: BorrowedFd<'_>) {
        let name = fs::canonicalize(root).ok();
        let name = name.as_ref().and_then(|path| path.file_name());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = openat(fd, c"..", flags, Mode::empty());
        if let (Some(name), Ok(parent), Some(sentinel)) = (name, parent, self.mounts.sentinel()) {
            // Without it the removal is told when the last descriptor is closed.
            _ = sentinel.expect_removal(parent.as_fd(), name::bytes_of(name));
        }
    }

    /// Reads every queue that has something.
    fn drain(&self, buffer: &mut [u8], sink: &mut Sink<'_>, found: &mut Ready) -> io::Result<()> {
        let sources = self.mounts.sources();
        // The system tells those first that it has not told for longest.
        for _ in 0..sources.len().div_ceil(READY_MAX) {
            if self.drain_ready(&sources, buffer, sink, found)? < READY_MAX {
                break;
            }
        }
        Ok(())
    }

    fn drain_ready(
        &self,
        sources: &[Source],
        buffer: &mut [u8],
        sink: &mut Sink<'_>,
        found: &mut Ready,
    ) -> io::Result<usize> {
        let mut ready = [MaybeUninit::uninit(); READY_MAX];
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let (ready, _) = loop {
            match epoll::wait(&self.epoll, &mut ready, Some(&none)) {
                Err(Errno::INTR) => {}
                result => break result?,
            }
        };
        for event in &*ready {
            let number = event.data;
            if number.u64() == WAKER {
                // Read so that it is no longer readable; it tells nothing else.
                _ = rustix::io::read(&self.waker, &mut [0; 8]);
                continue;
            }
            if number.u64() == MOUNT_TABLE {
                found.mount_table = true;
                continue;
            }
            found.queues += 1;
            let source = usize::try_from(number.u64()).ok().and_then(|at| sources.get(at));
            match source {
                Some(Source::Group(group)) => group.drain(buffer, sink)?,
                Some(Source::Queue(queue)) => queue.drain(buffer, sink)?,
                Some(Source::Sentinel(sentinel)) => sentinel.drain(buffer, sink)?,
                // A queue that was added a moment ago.
                None => {}
            }
        }
        Ok(ready.len())
    }

    /// Whether the budget of watches allows one for this token, which may have one already.
    fn has_room(&self, token: Token) -> bool {
        let holds = |source: &Source| match source {
            Source::Group(group) => group.holds(token),
            Source::Queue(queue) => queue.holds(token),
            Source::Sentinel(_) => false,
        };
        self.watched() < self.options.watches_max || self.mounts.sources().iter().any(holds)
    }

    fn watched(&self) -> usize {
        let watched = |source: &Source| match source {
            Source::Group(group) => group.watched(),
            Source::Queue(queue) => queue.watched(),
            Source::Sentinel(_) => 0,
        };
        self.mounts.sources().iter().map(watched).sum()
    }
}

impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Locks; what a panicking caller leaves behind is whole, since none runs under these locks but the
/// reader's, which keeps no half-done state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
