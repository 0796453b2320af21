//! A fanotify queue for one file system: one mark for all of it, or a mark for each directory.
//!
//! Events name directories by the file system's handles. No handle is ever opened, which would need
//! rights: each watched directory's is asked for when it is watched, and looked up.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use crate::platform::MountId;

use super::super::{Event, Loss, Rung, Token, What};
use super::fanotify_record::{FileHandle, Named, Record, Records};
use super::queue_fd::QueueFd;
use super::registry::{Holders, Registry};
use super::sink::{Sink, drain};
use super::{Subject, limits, lock};

/// What is asked of directories: nothing that reading causes.
const ENTRIES: u64 = libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_RENAME
    | libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_ONDIR;

/// What is asked of a directory that has a mark of its own. A mark on the file system sees the same
/// in the directory above.
const DIRECTORY: u64 =
    ENTRIES | libc::FAN_EVENT_ON_CHILD | libc::FAN_DELETE_SELF | libc::FAN_MOVE_SELF;

/// What is asked of a file that has a mark of its own.
const FILE: u64 = libc::FAN_MODIFY | libc::FAN_CLOSE_WRITE | libc::FAN_ATTRIB;

/// Asks for a handle that need not be good for opening, as events have it (since Linux 6.5).
const AT_HANDLE_FID: i32 = 0x200;

/// What `FIONREAD` counts for each record.
const HEAD_BYTES: u64 = 24;

/// One queue.
pub(super) struct Group {
    fd: QueueFd,
    rung: Rung,
    device: u64,
    no_fid_flag: AtomicBool,
    dirs: Mutex<Registry<Key>>,
    links: Mutex<Registry<Key>>,
}

impl Group {
    /// Opens a queue for the file system of the directory `top`. `rung` is
    /// [`Rung::FileSystem`] or [`Rung::Inodes`].
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn open(rung: Rung, top: BorrowedFd<'_>, device: u64) -> Result<Self, String> {
        let fd = init().map_err(|error| limits::explain_init(&error))?;
        let group = Self {
            fd: fd.into(),
            rung,
            device,
            no_fid_flag: AtomicBool::new(false),
            dirs: Mutex::default(),
            links: Mutex::default(),
        };
        let (flags, mask) = match rung {
            Rung::FileSystem => (libc::FAN_MARK_FILESYSTEM, ENTRIES),
            _ => (libc::FAN_MARK_ONLYDIR, DIRECTORY),
        };
        let marked = group.mark(flags, mask, top, None);
        let handle = marked.and_then(|()| group.handle_of(top, None));
        handle.map_err(|error| limits::explain_mark(rung, &error))?;
        Ok(group)
    }

    pub(super) fn rung(&self) -> Rung {
        self.rung
    }

    pub(super) fn device(&self) -> u64 {
        self.device
    }

    /// Has the events of a directory, or of a file by all its names, reported.
    pub(super) fn watch(&self, subject: &Subject<'_>) -> io::Result<()> {
        let Subject { dir, entry, is_dir, mount, token } = *subject;
        let (flags, mask, registry) = match is_dir {
            true => (libc::FAN_MARK_ONLYDIR, DIRECTORY, &self.dirs),
            false => (0, FILE, &self.links),
        };
        let flags = flags | entry.map_or(0, |_| libc::FAN_MARK_DONT_FOLLOW);
        if self.rung == Rung::Inodes {
            match self.mark(flags, mask, dir, entry) {
                // The mark of the directory above sees what may change of one that is closed to us.
                Err(error) if subject.is_closed_directory(&error) => {}
                result => result?,
            }
        }
        let key = self.handle_of(dir, entry)?;
        lock(registry).insert(key, mount, token);
        Ok(())
    }

    /// Gives a token up. A directory's own mark stays until the directory or the queue goes, since
    /// nothing open is at hand to take it away with; its events concern nobody.
    pub(super) fn unwatch(&self, token: Token) {
        lock(&self.dirs).remove(token);
        lock(&self.links).remove(token);
    }

    /// Whether something is watched under the token.
    pub(super) fn holds(&self, token: Token) -> bool {
        lock(&self.dirs).contains(token) || lock(&self.links).contains(token)
    }

    /// How many directories and files are watched.
    pub(super) fn watched(&self) -> usize {
        lock(&self.dirs).len() + lock(&self.links).len()
    }

    /// The tokens of what lies on one mount.
    pub(super) fn tokens_on(&self, mount: MountId) -> Vec<Token> {
        let mut tokens: Vec<_> = lock(&self.dirs).tokens_on(mount).collect();
        tokens.extend(lock(&self.links).tokens_on(mount));
        tokens
    }

    /// Passes on what the queue holds.
    pub(super) fn drain(&self, buffer: &mut [u8], sink: &mut Sink<'_>) -> io::Result<()> {
        drain(self.fd.as_fd(), HEAD_BYTES, buffer, sink, |bytes, sink| {
            let mut count = 0;
            for record in Records::new(bytes) {
                count += 1;
                match record {
                    Ok(record) => self.pass_on(&record, sink),
                    Err(_) => sink.lost(&self.tokens(), Loss::Malformed),
                }
            }
            count
        })
    }

    fn pass_on(&self, record: &Record<'_>, sink: &mut Sink<'_>) {
        if record.mask & libc::FAN_Q_OVERFLOW != 0 {
            sink.lost(&self.tokens(), Loss::Overflow);
            return;
        }
        let what = what_of(record.mask);
        let mut known = self.pass_on_target(record, sink);
        known |= match (&record.old, &record.new) {
            (None, None) => record.dir.is_some_and(|place| self.pass_on_entry(&place, what, sink)),
            (old, new) => self.pass_on_rename(old.as_ref(), new.as_ref(), what, sink),
        };
        known |= self.pass_on_link(record, what, sink);
        if !known {
            sink.counts.outside += 1;
        }
    }

    /// Reports that a watched directory was removed or moved, whether its parent is watched or not.
    fn pass_on_target(&self, record: &Record<'_>, sink: &mut Sink<'_>) -> bool {
        let gone = record.mask & (libc::FAN_DELETE | libc::FAN_RENAME);
        if gone == 0 || record.mask & libc::FAN_ONDIR == 0 {
            return false;
        }
        let Some(holders) = record.target.and_then(|target| self.dir(&target)) else {
            return false;
        };
        let what = what_of(gone) | What::DIRECTORY;
        for (_, dir) in holders.iter() {
            sink.event(Event::Directory { dir, what });
        }
        true
    }

    fn pass_on_entry(&self, place: &Named<'_>, what: What, sink: &mut Sink<'_>) -> bool {
        let Some(holders) = self.dir(&place.dir) else {
            return false;
        };
        let name = place.name;
        for (_, dir) in holders.iter() {
            sink.event(match name {
                b"" => Event::Directory { dir, what },
                _ => Event::Entry { dir, name, what },
            });
        }
        true
    }

    fn pass_on_rename(
        &self,
        old: Option<&Named<'_>>,
        new: Option<&Named<'_>>,
        what: What,
        sink: &mut Sink<'_>,
    ) -> bool {
        let holders_of = |place: Option<&Named<'_>>| self.dir(&place?.dir);
        let (sources, targets) = (holders_of(old), holders_of(new));
        let old_name = old.map_or(&b""[..], |place| place.name);
        let new_name = new.map_or(&b""[..], |place| place.name);
        for (mount, dir) in sources.iter().flat_map(Holders::iter) {
            let target = targets.as_ref().and_then(|targets| targets.on(mount));
            sink.event(match target {
                Some(to) => Event::Renamed {
                    from: (dir, old_name),
                    to: (to, new_name),
                    is_dir: what.has(What::DIRECTORY),
                },
                None => Event::Entry { dir, name: old_name, what: what | What::REMOVED },
            });
        }
        for (mount, dir) in targets.iter().flat_map(Holders::iter) {
            if sources.as_ref().and_then(|sources| sources.on(mount)).is_none() {
                sink.event(Event::Entry { dir, name: new_name, what: what | What::CREATED });
            }
        }
        sources.is_some() || targets.is_some()
    }

    /// Reports what happened to a file that is watched by itself, whatever the name, which may be
    /// gone when it is looked at, or to a directory itself that is watched as an entry only.
    fn pass_on_link(&self, record: &Record<'_>, what: What, sink: &mut Sink<'_>) -> bool {
        let itself = record.dir.filter(|place| place.name.is_empty()).map(|place| place.dir);
        let Some(target) = record.target.or(itself) else {
            return false;
        };
        let holders = {
            let links = lock(&self.links);
            // Most feeds have none: the key is not worth making.
            if links.len() == 0 { None } else { links.get(&Key::new(&target)).cloned() }
        };
        let what = of_link(what);
        for (_, file) in holders.iter().flat_map(Holders::iter) {
            sink.event(Event::Link { file, what });
        }
        holders.is_some()
    }

    fn dir(&self, handle: &FileHandle<'_>) -> Option<Holders> {
        lock(&self.dirs).get(&Key::new(handle)).cloned()
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<_> = lock(&self.dirs).tokens().collect();
        tokens.extend(lock(&self.links).tokens());
        tokens
    }

    /// Adds a mark to a directory, or to an entry of it.
    fn mark(
        &self,
        flags: u32,
        mask: u64,
        dir: BorrowedFd<'_>,
        name: Option<&CString>,
    ) -> io::Result<()> {
        let path = name.map_or(ptr::null(), |name| name.as_ptr());
        let flags = libc::FAN_MARK_ADD | flags;
        // SAFETY: both descriptors are open for as long as their borrows, and `path` is null, which
        // the call takes for the directory itself, or a string that lives until it returns.
        let done =
            unsafe { libc::fanotify_mark(self.fd.as_raw_fd(), flags, mask, dir.as_raw_fd(), path) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The handle of a directory, or of an entry of it, as events have it.
    fn handle_of(&self, dir: BorrowedFd<'_>, name: Option<&CString>) -> io::Result<Key> {
        if !self.no_fid_flag.load(Ordering::Relaxed) {
            match name_to_handle(dir, name, AT_HANDLE_FID) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {
                    self.no_fid_flag.store(true, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        name_to_handle(dir, name, 0)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens a queue: without limits if the process may have them.
fn init() -> io::Result<OwnedFd> {
    let flags = libc::FAN_CLASS_NOTIF
        | libc::FAN_CLOEXEC
        | libc::FAN_NONBLOCK
        | libc::FAN_REPORT_DFID_NAME_TARGET;
    let unlimited = libc::FAN_UNLIMITED_QUEUE | libc::FAN_UNLIMITED_MARKS;
    let mut refused = io::Error::from_raw_os_error(libc::EPERM);
    for flags in [flags | unlimited, flags] {
        // SAFETY: the call takes numbers alone.
        let fd = unsafe { libc::fanotify_init(flags, (libc::O_RDONLY | libc::O_CLOEXEC) as u32) };
        if fd >= 0 {
            // SAFETY: the descriptor was just opened, and nobody else has it.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        refused = io::Error::last_os_error();
        if Errno::from_io_error(&refused) != Some(Errno::PERM) {
            break;
        }
    }
    Err(refused)
}

/// A handle with room for the largest.
#[repr(C)]
struct HandleBuffer {
    head: libc::file_handle,
    bytes: [u8; libc::MAX_HANDLE_SZ as usize],
}

fn name_to_handle(dir: BorrowedFd<'_>, name: Option<&CString>, flags: i32) -> io::Result<Key> {
    let bytes = [0; libc::MAX_HANDLE_SZ as usize];
    let head = libc::file_handle {
        handle_bytes: libc::MAX_HANDLE_SZ as u32,
        handle_type: 0,
        f_handle: [],
    };
    let mut buffer = HandleBuffer { head, bytes };
    let mut mount_id = 0;
    let (path, flags) = match name {
        Some(name) => (name.as_c_str(), flags),
        None => (c"", flags | libc::AT_EMPTY_PATH),
    };
    // SAFETY: the descriptor is open for as long as its borrow, `path` ends with a zero, and the
    // kernel writes at most `handle_bytes` bytes behind the head, where `bytes` has that many: the
    // pointer is derived from the whole buffer.
    let done = unsafe {
        let handle = (&raw mut buffer).cast::<libc::file_handle>();
        libc::name_to_handle_at(dir.as_raw_fd(), path.as_ptr(), handle, &mut mount_id, flags)
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let length = buffer.head.handle_bytes as usize;
    let bytes = buffer.bytes.get(..length).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Key::new(&FileHandle { kind: buffer.head.handle_type, bytes }))
}

/// A handle as the key of a table; those of all common file systems without an allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Short { kind: i32, length: u8, bytes: [u8; Key::SHORT_MAX] },
    Long { kind: i32, bytes: Box<[u8]> },
}

impl Key {
    const SHORT_MAX: usize = 20;

    fn new(handle: &FileHandle<'_>) -> Self {
        let kind = handle.kind;
        match u8::try_from(handle.bytes.len()) {
            Ok(length) if handle.bytes.len() <= Self::SHORT_MAX => {
                let mut bytes = [0; Self::SHORT_MAX];
                bytes[..handle.bytes.len()].copy_from_slice(handle.bytes);
                Self::Short { kind, length, bytes }
            }
            _ => Self::Long { kind, bytes: handle.bytes.into() },
        }
    }
}

fn what_of(mask: u64) -> What {
    const BITS: [(u64, What); 9] = [
        (libc::FAN_CREATE, What::CREATED),
        (libc::FAN_DELETE, What::REMOVED),
        (libc::FAN_DELETE_SELF, What::REMOVED),
        (libc::FAN_MODIFY, What::MODIFIED),
        (libc::FAN_CLOSE_WRITE, What::CLOSED),
        (libc::FAN_ATTRIB, What::ATTRIBUTES),
        (libc::FAN_RENAME, What::MOVED),
        (libc::FAN_MOVE_SELF, What::MOVED),
        (libc::FAN_ONDIR, What::DIRECTORY),
    ];
    let set = BITS.iter().filter(|(bit, _)| mask & bit != 0);
    set.fold(What::default(), |all, &(_, what)| all | what)
}

/// What another name's coming and going means for a file: the number of its links.
fn of_link(what: What) -> What {
    let mut all = What::default();
    for one in [What::MODIFIED, What::CLOSED] {
        if what.has(one) {
            all |= one;
        }
    }
    if what.has(What::CREATED | What::REMOVED | What::MOVED | What::ATTRIBUTES) {
        all |= What::ATTRIBUTES;
    }
    all
}
