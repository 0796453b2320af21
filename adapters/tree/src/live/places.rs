//! Where the directories of a live tree are: each is opened by the path that the tree gives, and
//! refused if it is not the directory that the tree means.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_os::{FileId, Handle, Listing as Names, Stat, is_elsewhere, is_exhausted};

use super::{Listed, NoLook};
use crate::pages::DirId;
use crate::tree::Tree;

/// Directories that are kept open, since what changed once often changes again.
const OPEN_MAX: usize = 32;

/// Opens directories.
pub(super) struct Places {
    path: PathBuf,
    id: FileId,
    /// Not kept for long: an open directory keeps its file system from being unmounted.
    root: Option<Arc<Handle>>,
    /// The most recently used last.
    open: VecDeque<(DirId, Arc<Handle>)>,
    names: Names,
}

/// What stands at the root's path.
pub(super) enum RootNow {
    There(Arc<Handle>),
    /// As far as can be known, the root, which may not be opened.
    Refused(io::Error),
    Gone,
}

impl Places {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let handle = Handle::open(root)?;
        Ok(Self {
            path: root.to_owned(),
            id: handle.id()?,
            root: Some(handle),
            open: VecDeque::new(),
            names: Names::new(),
        })
    }

    /// The root, if it is still where it was.
    pub(super) fn root(&mut self) -> Result<Arc<Handle>, NoLook> {
        if let Some(root) = &self.root {
            return Ok(root.clone());
        }
        let root = self.find_root()?;
        self.root = Some(root.clone());
        Ok(root)
    }

    fn find_root(&self) -> Result<Arc<Handle>, NoLook> {
        let root = Handle::open(&self.path)?;
        if root.id()? == self.id { Ok(root) } else { Err(NoLook::Elsewhere) }
    }

    /// What has become of the root, looked for by its path.
    pub(super) fn root_now(&self) -> RootNow {
        match self.find_root() {
            Ok(root) => RootNow::There(root),
            Err(NoLook::Refused(error)) if self.may_be_there(&error) => RootNow::Refused(error),
            Err(_) => RootNow::Gone,
        }
    }

    /// Whether this is what the system says of the root, and not of another in its place.
    pub(super) fn is_root(&self, stat: &Stat) -> bool {
        stat.id() == self.id
    }

    /// Whether the root may be where it was although it cannot be opened. Its permissions do not
    /// hide which directory it is, unless those of one above it do.
    fn may_be_there(&self, error: &io::Error) -> bool {
        is_refusal(error)
            && match fs::metadata(&self.path) {
                Ok(meta) => self.is_root(&Stat::from_metadata(&meta)),
                // Windows says so of what is being removed, too.
                Err(error) => cfg!(unix) && is_refusal(&error),
            }
    }

    /// Closes all directories.
    pub(super) fn close(&mut self) {
        self.open.clear();
        self.root = None;
    }

    /// Closes one.
    pub(super) fn forget(&mut self, dir: DirId) {
        self.open.retain(|(open, _)| *open != dir);
    }

    /// The directory, opened if it is not open.
    pub(super) fn handle(&mut self, tree: &Tree, dir: DirId) -> Result<Arc<Handle>, NoLook> {
        if dir == DirId::ROOT {
            return self.root();
        }
        if let Some(at) = self.open.iter().position(|(open, _)| *open == dir) {
            let found = self.open.remove(at).expect("it was found there");
            let handle = found.1.clone();
            self.open.push_back(found);
            return Ok(handle);
        }
        let (handle, id) = self.open_at_path(tree, dir)?;
        // What is mounted below the root may be unmounted at any time.
        if id.device != self.id.device {
            return Ok(handle);
        }
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back((dir, handle.clone()));
        Ok(handle)
    }

    /// What the system says of some entries.
    pub(super) fn look(
        &mut self,
        tree: &Tree,
        dir: DirId,
        names: &[Box<[u8]>],
    ) -> Result<Vec<Option<Stat>>, NoLook> {
        let handle = self.handle(tree, dir)?;
        let stats = names.iter().map(|name| match handle.stat(name) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NoLook::from(error)),
        });
        stats.collect()
    }

    /// Everything in a directory. Of what went between the listing and the look nothing is said: it
    /// has an event of its own.
    pub(super) fn list(&mut self, tree: &Tree, dir: DirId) -> Result<Vec<Listed>, NoLook> {
        let handle = self.handle(tree, dir)?;
        handle.list(&mut self.names)?;
        let mut entries = Vec::with_capacity(self.names.entries().len());
        for entry in self.names.entries() {
            match handle.stat(entry.name) {
                Ok(stat) => entries.push((entry.name.into(), stat)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(entries)
    }

    fn open_at_path(&mut self, tree: &Tree, dir: DirId) -> Result<(Arc<Handle>, FileId), NoLook> {
        let path = tree.path_of(dir).ok_or(NoLook::Elsewhere)?;
        let meant = tree.stat_of(dir).ok_or(NoLook::Elsewhere)?;
        let handle = self.root()?.open_below(&path)?;
        let id = handle.id()?;
        // Where the system does not number files, the path has to do.
        if meant.inode != 0 && id != meant.id() {
            return Err(NoLook::Elsewhere);
        }
        Ok((handle, id))
    }
}

impl From<io::Error> for NoLook {
    fn from(error: io::Error) -> Self {
        if is_elsewhere(&error) { Self::Elsewhere } else { Self::Refused(error) }
    }
}

/// Whether an error says of a directory that it cannot be opened now, and not that it is gone.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || is_exhausted(error)
}

/// The first name of a directory's path below the root; empty for the root.
pub(super) fn top_of(dir: &Handle) -> &[u8] {
    let mut at = dir;
    while let Some(above) = at.parent().filter(|above| above.depth() > 0) {
        at = above;
    }
    at.name().split(|byte| *byte == b'/').next().unwrap_or_default()
}
