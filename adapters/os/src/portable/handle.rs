//! Directories by their paths, each knowing its parent.

use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::DirectoryLoop;
use crate::listing::{Listing, Record};
use crate::name;
use crate::stat::{FileId, Kind, Stat};

/// What the handles of one walk have in common.
pub(crate) struct Shared {
    root: PathBuf,
    /// The root for the system: on Windows in the form that takes paths of any length.
    system_root: PathBuf,
    same_file_system: bool,
}

impl Shared {
    pub(crate) fn new(root: &Path, same_file_system: bool, _open_max: Option<usize>) -> Self {
        Self { root: root.to_owned(), system_root: PathBuf::new(), same_file_system }
    }
}

/// A directory that stays usable while the handle is kept, found again by its path for each use.
pub struct Handle {
    parent: Option<Arc<Handle>>,
    name: Box<[u8]>,
    depth: usize,
    id: OnceLock<FileId>,
    shared: Arc<Shared>,
}

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

    /// Opens a directory below this one; symbolic links anywhere on the way are refused. The empty
    /// path is the directory itself.
    ///
    /// # Errors
    /// A part of the path is not a single name, or no directory that can be opened.
    pub fn open_below(self: &Arc<Self>, path: &[u8]) -> io::Result<Arc<Self>> {
        let names = path.split(|&byte| byte == b'/').filter(|_| !path.is_empty());
        names.into_iter().try_fold(self.clone(), |dir, name| dir.open_directory(name))
    }

    /// Fills `listing` with everything in the directory.
    ///
    /// # Errors
    /// The directory is gone, or cannot be listed to its end.
    pub fn list(self: &Arc<Self>, listing: &mut Listing) -> io::Result<()> {
        Opened { handle: self.clone() }.list(listing)
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
        open_file(&self.system_path(Some(name))?)
    }

    /// The attributes of an entry, of a symbolic link itself.
    ///
    /// # Errors
    /// `name` is not a single name, or the system cannot tell.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(Stat::from_metadata(&fs::symlink_metadata(self.system_path(Some(name))?)?))
    }

    /// The attributes of an entry of a directory in this one, of a symbolic link itself; the
    /// directory is not opened for it.
    ///
    /// # Errors
    /// `dir` or `name` is not a single name, or the system cannot tell.
    pub fn stat_in(&self, dir: &[u8], name: &[u8]) -> io::Result<Stat> {
        name::check(name)?;
        let path = self.system_path(Some(dir))?.join(name::os_str_of(name)?);
        Ok(Stat::from_metadata(&fs::symlink_metadata(path)?))
    }

    /// The attributes of some entries, as [`stat`](Self::stat) gives them, in their order.
    ///
    /// # Errors
    /// None here.
    pub fn stat_each<'n>(
        &self,
        names: impl IntoIterator<Item = &'n [u8]>,
        mut told: impl FnMut(io::Result<Stat>),
    ) -> io::Result<()> {
        names.into_iter().for_each(|name| told(self.stat(name)));
        Ok(())
    }

    /// Whether the number of links of the directories here tells how many directories are in each:
    /// that and two. False if it is not known.
    pub fn counts_subdirectories(&self) -> bool {
        false
    }

    /// Whether the directory is known to lie on the mount of the one that it was found in.
    pub fn shares_mount(&self) -> bool {
        false
    }

    /// The attributes of the directory itself.
    ///
    /// # Errors
    /// The directory is gone, or the system cannot tell.
    pub fn stat_self(&self) -> io::Result<Stat> {
        let path = self.system_path(None)?;
        let meta = match self.parent {
            Some(_) => fs::symlink_metadata(path)?,
            None => fs::metadata(path)?,
        };
        Ok(Stat::from_metadata(&meta))
    }

    /// Puts the target of a symbolic link into `target`, whose content is replaced.
    ///
    /// # Errors
    /// `name` is not a single name, or no symbolic link that can be read.
    pub fn read_link(&self, name: &[u8], target: &mut Vec<u8>) -> io::Result<()> {
        let found = fs::read_link(self.system_path(Some(name))?)?;
        target.clear();
        target.extend_from_slice(name::bytes_of(found.as_os_str()));
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
        let id = self.stat_self()?.id();
        Ok(*self.id.get_or_init(|| id))
    }

    /// Readies the directory for a run of calls.
    pub(crate) fn hold(&self) -> io::Result<Held<'_>> {
        Ok(Held(self))
    }

    /// Finds the root of a walk.
    pub(crate) fn open_root(mut shared: Shared) -> io::Result<Opened> {
        shared.system_root =
            if cfg!(windows) { fs::canonicalize(&shared.root)? } else { shared.root.clone() };
        if !fs::metadata(&shared.system_root)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let handle = Self {
            parent: None,
            name: Box::default(),
            depth: 0,
            id: OnceLock::new(),
            shared: Arc::new(shared),
        };
        Ok(Opened { handle: Arc::new(handle) })
    }

    /// Finds a directory in `parent`.
    pub(crate) fn open_child(
        parent: &Arc<Self>,
        name: &[u8],
        _inode: u64,
        _recent: Option<&Opened>,
    ) -> io::Result<Opened> {
        let handle = Self {
            parent: Some(parent.clone()),
            name: name.into(),
            depth: parent.depth + 1,
            id: OnceLock::new(),
            shared: parent.shared.clone(),
        };
        let stat = handle.stat_self()?;
        if stat.kind != Kind::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        handle.id.get_or_init(|| stat.id());
        if cfg!(unix) && stat.device != parent.id()?.device {
            if handle.shared.same_file_system {
                return Err(io::ErrorKind::CrossesDevices.into());
            }
            handle.refuse_loop(stat.id())?;
        }
        Ok(Opened { handle: Arc::new(handle) })
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

    /// The path that the system is given for the directory, or for an entry of it.
    fn system_path(&self, entry: Option<&[u8]>) -> io::Result<PathBuf> {
        let mut names = Vec::with_capacity(self.depth + 1);
        if let Some(entry) = entry {
            name::check(entry)?;
            names.push(entry);
        }
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(&at.name);
            at = parent;
        }
        let mut path = self.shared.system_root.clone();
        for name in names.into_iter().rev() {
            path.push(name::os_str_of(name)?);
        }
        Ok(path)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // One by one: dropping the parent within the child within its child would use up the stack.
        let mut above = self.parent.take();
        while let Some(mut handle) = above.and_then(Arc::into_inner) {
            above = handle.parent.take();
        }
    }
}

/// A directory for a run of calls.
pub(crate) struct Held<'a>(&'a Handle);

impl Held<'_> {
    /// As [`Handle::open_file`].
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        self.0.open_file(name)
    }
}

/// A directory that was found to be one.
pub(crate) struct Opened {
    pub(crate) handle: Arc<Handle>,
}

impl Opened {
    /// Whether this value is worth keeping to open the children.
    pub(crate) fn is_only_open_here(&self) -> bool {
        false
    }

    pub(crate) fn list(&self, listing: &mut Listing) -> io::Result<()> {
        listing.reset();
        for entry in fs::read_dir(self.handle.system_path(None)?)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name::bytes_of(&name);
            let record = Record {
                inode: inode_of(&entry),
                offset: u32::try_from(listing.bytes.len()).map_err(|_| too_large())?,
                length: u16::try_from(name.len()).map_err(|_| too_large())?,
                kind: entry.file_type().map_or(Kind::Unknown, kind_of),
            };
            listing.records.push(record);
            listing.bytes.extend_from_slice(name);
        }
        listing.resolve_unknown(|name| Ok(self.stat_entry(name)?.kind));
        Ok(())
    }

    /// Lists all of it: the standard library cannot go on where it left off.
    pub(crate) fn list_piece(&self, listing: &mut Listing, _: usize) -> io::Result<bool> {
        self.list(listing).map(|()| true)
    }

    pub(crate) fn stat_entry(&self, name: &[u8]) -> io::Result<Stat> {
        self.handle.stat(name)
    }

    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        self.handle.stat_self()
    }
}

#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        let message = "a symbolic link is not followed";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn kind_of(file_type: FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt;
    match file_type {
        t if t.is_file() => Kind::File,
        t if t.is_dir() => Kind::Directory,
        t if t.is_symlink() => Kind::Symlink,
        t if t.is_fifo() => Kind::Fifo,
        t if t.is_socket() => Kind::Socket,
        t if t.is_char_device() => Kind::CharDevice,
        t if t.is_block_device() => Kind::BlockDevice,
        _ => Kind::Unknown,
    }
}

#[cfg(not(unix))]
fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        t if t.is_symlink() => Kind::Symlink,
        t if t.is_dir() => Kind::Directory,
        t if t.is_file() => Kind::File,
        _ => Kind::Unknown,
    }
}

#[cfg(unix)]
fn inode_of(entry: &fs::DirEntry) -> u64 {
    use std::os::unix::fs::DirEntryExt;
    entry.ino()
}

#[cfg(not(unix))]
fn inode_of(_: &fs::DirEntry) -> u64 {
    0
}

fn too_large() -> io::Error {
    let message = "the directory's names exceed 4 GiB; spread its entries over more directories";
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}
