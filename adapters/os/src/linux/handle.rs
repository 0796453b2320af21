//! Open directories, each knowing its parent.

mod held;
mod shared;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::error::{DirectoryLoop, DirectoryMoved};
use crate::listing::Listing;
use crate::name;
use crate::stat::{FileId, Stat};

use super::{list, stat};
use held::Dir;
use shared::DIRECTORY;

pub(crate) use held::{Held, Opened};
pub(crate) use shared::Shared;

/// Longest relative path given to the kernel, which takes 4,096 bytes with the closing zero.
const PATH_BYTES_MAX: usize = 4000;

/// A directory that stays usable while the handle is kept: it is open, or, where so many are open
/// that the budget of the walk is used up, opened again for each use from its nearest open ancestor
/// (and refused if something else has taken its place).
pub struct Handle {
    parent: Option<Arc<Handle>>,
    name: Box<[u8]>,
    depth: usize,
    /// Set later too, if the budget allows it by the time when the directory is opened again.
    fd: OnceLock<OwnedFd>,
    /// The descriptor of a directory over the budget, for as long as the walk is in it.
    passing: Weak<OwnedFd>,
    /// Whether it is known to lie on the same mount as its parent.
    same_mount: bool,
    mount: OnceLock<MountId>,
    id: OnceLock<FileId>,
    shared: Arc<Shared>,
}

/// Names one mount for as long as it exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct MountId(pub(crate) u64);

impl Handle {
    /// Opens a directory as a root of its own, symbolic links followed.
    ///
    /// # Errors
    /// The path is no directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Arc<Self>> {
        Ok(Self::open_root(Shared::new(path, false, None))?.handle)
    }

    /// Opens a directory in this one, a symbolic link refused.
    ///
    /// # Errors
    /// `name` is not a single name, or no directory that can be opened.
    pub fn open_directory(self: &Arc<Self>, name: &[u8]) -> io::Result<Arc<Self>> {
        name::check(name)?;
        Ok(Self::open_child(self, name, 0, None)?.handle)
    }

    /// Opens a directory below this one, in as few steps as the system allows; symbolic links
    /// anywhere on the way are refused. The empty path is the directory itself.
    ///
    /// # Errors
    /// A part of the path is not a single name, or no directory that can be opened.
    pub fn open_below(self: &Arc<Self>, path: &[u8]) -> io::Result<Arc<Self>> {
        if path.is_empty() {
            return Ok(self.clone());
        }
        path.split(|&byte| byte == b'/').try_for_each(name::check)?;
        let held = self.hold()?;
        let mut fd: Option<OwnedFd> = None;
        let mut rest = path;
        while !rest.is_empty() {
            let short = &rest[..rest.len().min(PATH_BYTES_MAX)];
            let end = match short.iter().rposition(|&byte| byte == b'/') {
                Some(slash) if short.len() < rest.len() => slash,
                _ => short.len(),
            };
            let dir = fd.as_ref().map_or(held.fd(), |fd| fd.as_fd());
            fd = Some(self.shared.open_path(dir, &rest[..end])?);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        let depth = self.depth + path.iter().filter(|&&byte| byte == b'/').count() + 1;
        // Counted although it may exceed the budget, which is for walks.
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Self {
            parent: Some(self.clone()),
            name: path.into(),
            depth,
            fd: fd.map_or_else(OnceLock::new, OnceLock::from),
            passing: Weak::new(),
            same_mount: false,
            mount: OnceLock::new(),
            id: OnceLock::new(),
            shared: self.shared.clone(),
        }))
    }

    /// Fills `listing` with everything in the directory.
    ///
    /// # Errors
    /// The directory cannot be opened again, or not be listed to its end.
    pub fn list(self: &Arc<Self>, listing: &mut Listing) -> io::Result<()> {
        self.with_fd(|fd| {
            // Where the last listing of the same descriptor has ended.
            rustix::fs::seek(fd, rustix::fs::SeekFrom::Start(0))?;
            list::list(fd, listing)
        })
    }

    /// The path relative to the root of the walk; empty for the root itself.
    pub fn path(&self) -> Vec<u8> {
        let mut names = Vec::with_capacity(self.depth);
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(&*at.name);
            at = parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The path with the root as the walk was given it.
    pub fn full_path(&self) -> Vec<u8> {
        let mut path = name::bytes_of(self.shared.root.as_os_str()).to_vec();
        let below = self.path();
        if !below.is_empty() && path.last().is_some_and(|&b| b != b'/') {
            path.push(b'/');
        }
        path.extend(below);
        path
    }

    /// The directory that this one was found in; none for the root.
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// The name in the parent; empty for the root.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many directories lie between this one and above the root: 0 for the root.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Opens a file to read. Symbolic links are refused, and a named pipe does not make it wait;
    /// whether it is a regular file is for the caller to ask of what was opened.
    ///
    /// # Errors
    /// `name` is not a single name, or the file cannot be opened.
    pub fn open_file(&self, name: &[u8]) -> io::Result<File> {
        self.hold()?.open_file(name)
    }

    /// The attributes of an entry, of a symbolic link itself.
    ///
    /// # Errors
    /// `name` is not a single name, or the system cannot tell.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        name::check(name)?;
        self.with_fd(|fd| stat::of_entry(fd, name))
    }

    /// The attributes of an entry of a directory in this one, of a symbolic link itself; the
    /// directory is not opened for it.
    ///
    /// # Errors
    /// `dir` or `name` is not a single name, or the system cannot tell.
    pub fn stat_in(&self, dir: &[u8], name: &[u8]) -> io::Result<Stat> {
        name::check(dir).and_then(|()| name::check(name))?;
        self.with_fd(|fd| stat::of_entry(fd, &[dir, b"/", name].concat()))
    }

    /// The attributes of some entries, as [`stat`](Self::stat) gives them, in their order.
    ///
    /// # Errors
    /// The directory cannot be opened again.
    pub fn stat_each<'n>(
        &self,
        names: impl IntoIterator<Item = &'n [u8]>,
        mut told: impl FnMut(io::Result<Stat>),
    ) -> io::Result<()> {
        let held = self.hold()?;
        for name in names {
            told(name::check(name).and_then(|()| stat::of_entry(held.fd(), name)));
        }
        Ok(())
    }

    /// Whether the number of links of the directories here tells how many directories are in each:
    /// that and two. False if it is not known.
    pub fn counts_subdirectories(&self) -> bool {
        /// ext2 to ext4, XFS, tmpfs, F2FS.
        const COUNTING: [u64; 4] = [0xEF53, 0x5846_5342, 0x0102_1994, 0xF2F5_2010];
        let kind = self.with_fd(|fd| Ok(rustix::fs::fstatfs(fd)?.f_type));
        #[allow(clippy::unnecessary_cast, reason = "its width differs between architectures")]
        kind.is_ok_and(|kind| COUNTING.contains(&(kind as u64)))
    }

    /// Whether the directory is known to lie on the mount of the one that it was found in.
    pub fn shares_mount(&self) -> bool {
        self.same_mount
    }

    /// The attributes of the directory itself.
    ///
    /// # Errors
    /// The directory is gone, or the system cannot tell.
    pub fn stat_self(&self) -> io::Result<Stat> {
        self.with_fd(stat::of_open)
    }

    /// Puts the target of a symbolic link into `target`, whose content is replaced.
    ///
    /// # Errors
    /// `name` is not a single name, or no symbolic link that can be read.
    pub fn read_link(&self, name: &[u8], target: &mut Vec<u8>) -> io::Result<()> {
        name::check(name)?;
        let mut buffer = std::mem::take(target);
        buffer.clear();
        let text = self.with_fd(|fd| Ok(rustix::fs::readlinkat(fd, name, buffer)?))?;
        *target = text.into_bytes();
        Ok(())
    }

    /// The identity of the directory.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn id(&self) -> io::Result<FileId> {
        if let Some(id) = self.id.get() {
            return Ok(*id);
        }
        let id = self.with_fd(stat::of_open)?.id();
        Ok(*self.id.get_or_init(|| id))
    }

    /// Runs `use_fd` on the open directory.
    fn with_fd<T>(&self, use_fd: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        use_fd(self.hold()?.fd())
    }

    /// Opens the directory for a run of calls, if it is not open anyway.
    pub(crate) fn hold(&self) -> io::Result<Held<'_>> {
        let dir = match (self.fd.get(), self.passing.upgrade()) {
            (Some(fd), _) => Dir::Borrowed(fd.as_fd()),
            (None, Some(fd)) => Dir::Shared(fd),
            (None, None) => self.keep(self.reopen(None)?),
        };
        Ok(Held { dir, shared: &self.shared })
    }

    /// Keeps the directory open from now on, if the budget allows it by now.
    fn keep(&self, fd: OwnedFd) -> Dir<'_> {
        if !self.shared.take(self.depth) {
            return Dir::Owned(fd);
        }
        match self.fd.set(fd) {
            Ok(()) => Dir::Borrowed(self.fd.get().expect("it was just set").as_fd()),
            // Another thread was faster.
            Err(fd) => {
                self.shared.open.fetch_sub(1, Ordering::Relaxed);
                Dir::Owned(fd)
            }
        }
    }

    /// The mount that the directory lies on.
    pub(crate) fn mount(&self) -> io::Result<MountId> {
        let mut top = self;
        while let (true, Some(parent)) = (top.same_mount, &top.parent) {
            top = parent;
        }
        if let Some(mount) = top.mount.get() {
            return Ok(*mount);
        }
        let mount = top.with_fd(stat::mount_of)?;
        Ok(*top.mount.get_or_init(|| mount))
    }

    /// Opens the root of a walk.
    pub(crate) fn open_root(shared: Shared) -> io::Result<Opened> {
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        let fd = openat(CWD, &shared.root, flags, Mode::empty())?;
        let id = OnceLock::new();
        if let Some(device) = &shared.one_device {
            let own = stat::of_open(fd.as_fd())?.id();
            device.get_or_init(|| own.device);
            id.get_or_init(|| own);
        }
        shared.open.fetch_add(1, Ordering::Relaxed);
        let handle = Self {
            parent: None,
            name: Box::default(),
            depth: 0,
            fd: OnceLock::from(fd),
            passing: Weak::new(),
            same_mount: false,
            mount: OnceLock::new(),
            id,
            shared: Arc::new(shared),
        };
        Ok(Opened { handle: Arc::new(handle), own: None })
    }

    /// Opens a directory in `parent`. `recent` may be any opened directory, `inode` what the
    /// listing said of it (0: unknown).
    pub(crate) fn open_child(
        parent: &Arc<Self>,
        name: &[u8],
        inode: u64,
        recent: Option<&Opened>,
    ) -> io::Result<Opened> {
        let shared = &parent.shared;
        let open = |dir: BorrowedFd<'_>| shared.open_directory(dir, name);
        let (fd, mounted) = match (parent.fd.get(), recent) {
            (Some(fd), _) => open(fd.as_fd())?,
            (None, Some(opened)) if Arc::ptr_eq(&opened.handle, parent) => open(opened.fd())?,
            (None, _) => open(parent.keep(parent.reopen(recent)?).fd())?,
        };
        let depth = parent.depth + 1;
        let kept = shared.take(depth);
        let id = OnceLock::new();
        let mut handle = Self {
            parent: Some(parent.clone()),
            name: name.into(),
            depth,
            fd: OnceLock::new(),
            passing: Weak::new(),
            same_mount: mounted == Some(false),
            mount: OnceLock::new(),
            id,
            shared: parent.shared.clone(),
        };
        // A handle without descriptor must know what it was, to be found again.
        if mounted != Some(false) || !kept || shared.one_device.is_some() {
            let own = stat::of_open(fd.as_fd())?.id();
            handle.id.get_or_init(|| own);
            if mounted == Some(true) || (mounted.is_none() && own.inode != inode) {
                handle.refuse_loop(own)?;
            }
            let root_device = shared.one_device.as_ref().and_then(OnceLock::get);
            if root_device.is_some_and(|&device| device != own.device) {
                return Err(io::ErrorKind::CrossesDevices.into());
            }
        }
        if kept {
            handle.fd = OnceLock::from(fd);
            Ok(Opened { handle: Arc::new(handle), own: None })
        } else {
            let fd = Arc::new(fd);
            handle.passing = Arc::downgrade(&fd);
            Ok(Opened { handle: Arc::new(handle), own: Some(fd) })
        }
    }

    /// Fails if the directory is one of its own ancestors, which only mounting can do.
    fn refuse_loop(&self, own: FileId) -> io::Result<()> {
        let mut above = self.parent.as_ref();
        while let Some(ancestor) = above {
            if ancestor.id()? == own {
                return Err(DirectoryLoop { ancestor: ancestor.path() }.into());
            }
            above = ancestor.parent.as_ref();
        }
        Ok(())
    }

    /// Opens the directory again, from the nearest ancestor that is open.
    fn reopen(&self, recent: Option<&Opened>) -> io::Result<OwnedFd> {
        let mut names = Vec::new();
        let mut at = self;
        let start = loop {
            if let Some(fd) = at.fd.get() {
                break fd.as_fd();
            }
            if let Some(opened) = recent
                && std::ptr::eq(&raw const *opened.handle, at)
            {
                break opened.fd();
            }
            names.push(&*at.name);
            at = at.parent.as_ref().expect("the root is always open");
        };
        let mut path = Vec::with_capacity(PATH_BYTES_MAX);
        let mut fd: Option<OwnedFd> = None;
        let mut rest = names.iter().rev().peekable();
        while let Some(name) = rest.next() {
            path.extend_from_slice(name);
            if rest.peek().is_some_and(|next| path.len() + 1 + next.len() <= PATH_BYTES_MAX) {
                path.push(b'/');
                continue;
            }
            let dir = fd.as_ref().map_or(start, |fd| fd.as_fd());
            fd = Some(self.shared.open_path(dir, &path)?);
            path.clear();
        }
        let fd = match fd {
            Some(fd) => fd,
            None => rustix::io::fcntl_dupfd_cloexec(start, 0)?,
        };
        let found = stat::of_open(fd.as_fd())?.id();
        if self.id.get().is_some_and(|id| *id != found) {
            return Err(DirectoryMoved { path: self.path() }.into());
        }
        Ok(fd)
    }
}
impl Drop for Handle {
    fn drop(&mut self) {
        if self.fd.take().is_some() {
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
        }
        // One by one: dropping the parent within the child within its child would use up the stack.
        let mut above = self.parent.take();
        while let Some(mut handle) = above.and_then(Arc::into_inner) {
            above = handle.parent.take();
        }
    }
}
